"""``holdfast doctor --seals``: hash the ledger again and compare it with the seals."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from holdfast.db import Tx
from holdfast.kernel.errors import CannotStart, NotFound
from holdfast.stock import seals
from holdfast.stock.seals import Broken, Checked, Difference, Seal

SHOWN_MAX = 20
SAYS = {
    "changed": "was changed",
    "missing": "is missing",
    "inserted": "was inserted",
    "marks_changed": "the entries differ, and so do the marks that would name them",
    "column_gone": "a sealed column is no longer there",
}


@dataclass(slots=True)
class SealReport:
    """What the look at all seals found. ``first`` is the first range that differs."""

    last: Seal | None = None
    entries: int = 0
    chain: list[Broken] = field(default_factory=list[Broken])
    first: Checked | None = None
    ranges_broken: list[int] = field(default_factory=list[int])
    archived: list[Difference] = field(default_factory=list[Difference])
    unexpected: str | None = None

    @property
    def is_intact(self) -> bool:
        return not self.chain and self.first is None and self.unexpected is None


async def check(tx: Tx, *, expected: str | None = None, newest: int | None = None) -> SealReport:
    """Look at the chain and at every range (or the ``newest``). ``expected`` is a note from outside: ``NO:HASH``."""
    report = SealReport(last=await seals.last_seal(tx), chain=await seals.check_chain(tx))
    if expected is not None:
        report.unexpected = await _compare(tx, expected)
    async for checked in seals.check_all(tx, newest=newest):
        report.entries += checked.seal.entries
        report.archived += [d for d in checked.differences if d.kind == "archived"]
        if not checked.is_intact:
            report.first = report.first or checked
            report.ranges_broken.append(checked.seal.no)
    return report


async def _compare(tx: Tx, expected: str) -> str | None:
    number, _, noted = expected.partition(":")
    if not number.isdecimal() or not noted:
        raise CannotStart("--expect takes what was noted, as NO:HASH.")
    try:
        seal = await seals.get_seal(tx, int(number))
    except NotFound:
        return f"seal {number} was noted outside and is not here"
    if seal.hash != noted.lower():
        return f"seal {number} was noted as {noted}, and is {seal.hash}"
    return None


async def show(tx: Tx, report: SealReport, screen: Console) -> None:
    """Print what was found, and the hash to note outside."""
    for broken in report.chain[:SHOWN_MAX]:
        screen.print(f"[red]Seal {broken.no}[/]: {escape(broken.problem)}")
    if report.unexpected:
        screen.print(f"[red]{escape(report.unexpected)}[/]", soft_wrap=True)
    if report.first is not None:
        await _show_range(tx, report.first, screen)
        others = len(report.ranges_broken) - 1
        if others:
            screen.print(f"   … and {others} more ranges differ: seals {_listed(report.ranges_broken[1:])}")
    for month, entries in sorted(_by_month(report.archived).items()):
        screen.print(f"{month} is not attached: {entries} sealed entries were not looked at.")
    if report.last is None:
        screen.print("Nothing is sealed yet.")
        return
    verdict = "[green]intact[/]" if report.is_intact else "[bold red]not as it was sealed[/]"
    screen.print(f"{report.entries} entries under {report.last.no} seals: {verdict}.")
    screen.print(f"Last seal, to be noted outside: {report.last.no}:{report.last.hash}", soft_wrap=True)


async def _show_range(tx: Tx, checked: Checked, screen: Console) -> None:
    seal = checked.seal
    screen.print(f"[red]Seal {seal.no}[/]: entries {seal.after_seq + 1} to {seal.to_seq} are not as they were sealed.")
    wrong = [d for d in checked.differences if d.kind != "archived"]
    named = {e.seq: e for e in await seals.name_entries(tx, [d.seq for d in wrong if d.seq is not None])}
    for difference in wrong[:SHOWN_MAX]:
        entry = named.get(difference.seq) if difference.seq is not None else None
        what = f"   entry {difference.seq}" if difference.seq is not None else "  "
        where = f" ({escape(entry.level or 'of a level that does not exist')}, {entry.id})" if entry else ""
        screen.print(f"{what}{where} {SAYS[difference.kind]}", soft_wrap=True)
    if len(wrong) > SHOWN_MAX:
        screen.print(f"   … and {len(wrong) - SHOWN_MAX} more of this range")


def _by_month(archived: list[Difference]) -> dict[str, int]:
    months: dict[str, int] = {}
    for difference in archived:
        month = f"{difference.month:%Y-%m}"
        months[month] = months.get(month, 0) + (difference.entries or 0)
    return months


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(n) for n in numbers[:SHOWN_MAX]) + (" …" if len(numbers) > SHOWN_MAX else "")
