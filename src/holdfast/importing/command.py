"""``holdfast import skus|stock|sales|postcodes|terms FILE``: shows what a file would do; ``--apply`` does it."""

from __future__ import annotations

import asyncio
import getpass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Grid
from rich.text import Text

from holdfast.db import Database, identity
from holdfast.db.installation import installed_database
from holdfast.kernel.errors import Refusal
from holdfast.settings import Settings

if TYPE_CHECKING:
    # What reads files is imported where it is used: every other command starts without it.
    from holdfast.importing.model import Plan, Problem
    from holdfast.importing.service import Kind, Outcome, Reading

screen = Console()

# What is shown of long lists; the counts are always whole.
SHOWN_MAX = 20


class What(StrEnum):
    """What a file holds."""

    SKUS = "skus"
    STOCK = "stock"
    SALES = "sales"
    POSTCODES = "postcodes"
    TERMS = "terms"


class StockMode(StrEnum):
    """What a quantity means."""

    SET = "set"
    ADD = "add"


def import_file(
    what: Annotated[What, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="A CSV (UTF-8 or GB18030) or Parquet file with a header.")],
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without this, only show what would change.")] = False,
    valid_rows_only: Annotated[
        bool, typer.Option("--valid-rows-only", help="Leave out rows with problems instead of refusing the file.")
    ] = False,
    mode: Annotated[
        StockMode | None,
        typer.Option(help="Stock only: set (so many are there, reserved ones included) or add (so many more)."),
    ] = None,
    from_stock: Annotated[
        bool,
        typer.Option("--from-stock", help="Sales only: take them from stock instead of recording history."),
    ] = False,
    data_dir: Annotated[
        Path, typer.Option(envvar="HOLDFAST_DATA_DIR", help="Where the embedded PostgreSQL keeps its files.")
    ] = Path("data"),
) -> None:
    """Take over SKUs, stock, sales, postcodes or terms from a file. Shows what would change; only --apply does it."""
    from holdfast.importing.service import kind_of

    try:
        kind = kind_of(what.value, mode=mode.value if mode else None, from_stock=from_stock)
        reading = _read(file, kind)
        with installed_database(data_dir) as url:
            outcome = asyncio.run(
                _run(url, kind, reading, apply=apply, valid_rows_only=valid_rows_only, reference=file.name[:100])
            )
    except Refusal as refusal:
        screen.print(Text.assemble(("Nothing was applied. ", "bold red"), refusal.detail))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        screen.print(Text("Stopped; nothing was applied.", "bold red"))
        raise typer.Exit(130) from None
    _show(file, reading, outcome, asked=apply)
    raise typer.Exit(1 if outcome.problems and not outcome.is_applied else 0)


def _read(file: Path, kind: Kind) -> Reading:
    from holdfast.importing.service import read_table
    from holdfast.importing.table import open_table

    table = open_table(file)
    with Progress(console=screen, transient=True) as progress:
        task = progress.add_task(f"reading {file.name}", total=table.rows_about or None)
        return read_table(table, kind, lambda: progress.advance(task))


async def _run(
    url: str, kind: Kind, reading: Reading, *, apply: bool, valid_rows_only: bool, reference: str
) -> Outcome:
    from holdfast.cache import open_cache
    from holdfast.importing.service import run_import
    from holdfast.stock.relay import Relay

    cache = open_cache(Settings.from_env())
    database = Database(url, size=1, application="holdfast-import", hears=Relay.of(cache))
    await database.open()
    try:
        async with database.transaction() as tx:
            await cache.start(await identity(tx))
        with screen.status("applying" if apply else "comparing"):
            async with database.transaction() as tx:
                return await run_import(
                    tx,
                    kind,
                    reading,
                    apply=apply,
                    valid_rows_only=valid_rows_only,
                    actor=f"import:{getpass.getuser()}",
                    reference=reference,
                )
    finally:
        await cache.close()
        await database.close()


def _show(file: Path, reading: Reading, outcome: Outcome, *, asked: bool) -> None:
    screen.print(Text(f"{file.name}: {reading.read_as}, {reading.rows_total:,} rows"))
    if reading.ignored:
        screen.print(Text(f"Columns nobody reads: {', '.join(reading.ignored)[:300]}", "dim"))
    plan = outcome.plan
    did = "" if outcome.is_applied else "would be "
    screen.print(
        Text(f"{plan.new:,} {did}new, {len(plan.changes):,} {did}changed, {plan.unchanged:,} unchanged, ").append(
            f"{len({problem.row for problem in outcome.problems}):,} rows with problems"
        )
    )
    if plan.changes:
        _show_changes(plan)
    if outcome.problems:
        _show_problems(outcome.problems)
    screen.print(_verdict(outcome, asked=asked))


def _verdict(outcome: Outcome, *, asked: bool) -> Text:
    if outcome.is_applied and outcome.problems:
        return Text("The valid rows were applied; the rows above were left out.", "bold yellow")
    if outcome.is_applied:
        return Text("Applied.", "bold green")
    if outcome.problems:
        return Text(
            "Nothing was applied. Correct the file, or take only the valid rows with --apply --valid-rows-only.",
            "bold red",
        )
    assert not asked, "what is asked for and has no problems is applied"
    return Text("Nothing was applied: this only shows what would happen. Do it with --apply.", "bold")


def _show_changes(plan: Plan) -> None:
    grid = Grid("Row", "What", "Column", "Now", "Then", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for change in plan.changes[:SHOWN_MAX]:
        for column, (before, after) in change.differences.items():
            shown = ["" if value is None else str(value)[:60] for value in (before, after)]
            grid.add_row(str(change.row), Text(change.key), column, *(Text(text) for text in shown))
    screen.print(grid)
    _and_more(len(plan.changes))


def _show_problems(problems: list[Problem]) -> None:
    grid = Grid("Row", "Column", "Value", "Problem", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for problem in problems[:SHOWN_MAX]:
        # repr shows what a terminal would act on; the quotes show where spaces are.
        value = repr(problem.value) if problem.value else ""
        grid.add_row(str(problem.row), Text(problem.column), Text(value), Text(problem.message))
    screen.print(grid)
    _and_more(len(problems))


def _and_more(count: int) -> None:
    if count > SHOWN_MAX:
        screen.print(Text(f"and {count - SHOWN_MAX:,} more", "dim"))
