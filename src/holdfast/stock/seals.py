"""Seals over finished ranges of the ledger: put on by a job, verified by ``holdfast doctor --seals``.

What is sealed, and why no open transaction can still add to it, is said in ``functions/64_seals.sql``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import NotFound

sql = statements("holdfast.stock", "seals.sql")

# A range is short enough to be hashed in a fraction of a second and to name a changed entry by few neighbours.
RANGE: Final = 10_000
SEALS_PER_TRANSACTION: Final = 20


@dataclass(frozen=True, slots=True)
class Seal:
    """Entries with ``after_seq`` < seq ≤ ``to_seq`` are sealed; ``hash`` (hex) stands for them and all before."""

    no: int
    after_seq: int
    to_seq: int
    entries: int
    hash: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Broken:
    """A seal whose chain is broken."""

    no: int
    problem: str


@dataclass(frozen=True, slots=True)
class Difference:
    """``kind``: changed, missing, inserted, marks_changed, column_gone, or archived (a month that is not attached)."""

    kind: str
    month: date | None
    seq: int | None
    entries: int | None


@dataclass(frozen=True, slots=True)
class Checked:
    """One range beside its seal. Archived months are told, and are no violation."""

    seal: Seal
    differences: tuple[Difference, ...]

    @property
    def is_intact(self) -> bool:
        return all(difference.kind == "archived" for difference in self.differences)


@dataclass(frozen=True, slots=True)
class NamedEntry:
    seq: int
    id: object
    level: str | None
    created_at: datetime


async def seal_finished(database: Database, *, entries_max: int = RANGE) -> int:
    """Seal everything that no open transaction can still add to; answers how many seals were put on.

    What was marked while somebody was still writing is sealed by the next call.
    """
    async with database.transaction() as tx:
        await tx.run(sql.mark)
    count = 0
    while True:
        async with database.transaction() as tx:
            made: int = await tx.value(sql.seal, range=entries_max, seals_max=SEALS_PER_TRANSACTION)
        count += made
        if made < SEALS_PER_TRANSACTION:
            return count


async def last_seal(tx: Tx) -> Seal | None:
    return await tx.maybe(sql.last_seal, Seal)


async def get_seal(tx: Tx, no: int) -> Seal:
    """Raises NotFound(``seal_not_found``)."""
    found = await tx.maybe(sql.get_seal, Seal, no=no)
    if found is None:
        raise NotFound("seal_not_found", "There is no such seal.")
    return found


async def list_seals(tx: Tx, *, before: int | None, limit: int) -> list[Seal]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_seals, Seal, before=before, limit=limit + 1)


async def check_chain(tx: Tx) -> list[Broken]:
    """Seals that do not follow from the one before, in order."""
    return await tx.all(sql.check_chain, Broken)


async def check_seal(tx: Tx, seal: Seal) -> Checked:
    """Hash the entries of one range again and compare."""
    return Checked(seal, tuple(await tx.all(sql.check_seal, Difference, no=seal.no)))


async def check_all(tx: Tx, *, newest: int | None = None) -> AsyncIterator[Checked]:
    """Every range, oldest first; or only the ``newest`` ones."""
    last = await last_seal(tx)
    if last is None:
        return
    first = 1 if newest is None else max(1, last.no - newest + 1)
    for no in range(first, last.no + 1):
        seal = await tx.maybe(sql.get_seal, Seal, no=no)
        if seal is not None:  # a missing one is told by check_chain
            yield await check_seal(tx, seal)


async def name_entries(tx: Tx, seqs: list[int]) -> list[NamedEntry]:
    """What the ledger has under these numbers now; a missing entry has none."""
    return await tx.all(sql.name_entries, NamedEntry, seqs=seqs)
