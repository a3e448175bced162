"""What must be true at the end: the referee's record beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.db import Tx
from holdfast.selftest.record import Record, percentile
from holdfast.selftest.sandbox import sql

EXAMPLES_MAX = 5
# Cancelling what has expired is answered 204 too: it is over.
_FINISHED_AS = {"consume": ("consumed",), "cancel": ("cancelled", "expired")}


@dataclass(frozen=True, slots=True)
class Beginning:
    at: datetime
    event_id: int
    deadlocks: int


@dataclass(frozen=True, slots=True)
class Invariant:
    """A promise, and every case that breaks it."""

    name: str
    sentence: str
    broken: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    invariants: list[Invariant]
    figures: dict[str, float]

    @property
    def passed(self) -> bool:
        return not any(invariant.broken for invariant in self.invariants)


@dataclass(frozen=True, slots=True)
class _Row:
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class _StoredHold:
    reference_id: str
    id: str
    status: str
    consumed: int
    taken: int


@dataclass(frozen=True, slots=True)
class _StoredMove:
    reference_id: str
    sku_id: str
    warehouse_id: str
    quantity: int
    entries: int


async def judge(tx: Tx, record: Record, beginning: Beginning, *, tag: str, seconds: float) -> Verdict:
    """Compare what was answered with what is there."""
    since = beginning.at
    holds = await tx.all(sql.holds_of_run, _StoredHold, since=since, tag=tag)
    moves = await tx.all(sql.moves_of_run, _StoredMove, since=since, tag=tag)
    negative = await tx.all(sql.negative_figures, _Row, since=since)
    books = await tx.all(sql.levels_that_do_not_add_up, _Row) + await tx.all(sql.broken_chain, _Row, since=since)
    untold = await tx.all(sql.untold, _Row, event_id=beginning.event_id, tag=tag)
    deadlocks: int = await tx.value(sql.deadlocks)
    oversold = [*_texts(negative), *_more_out_than_in(record, moves)]
    invariants = [
        Invariant("oversold", "nothing is sold that was not there", oversold),
        Invariant("lost", "what was answered 2xx is in the books", _lost(record, holds, moves)),
        Invariant("double", "one key has one effect and one answer", _double(record, holds, moves)),
        Invariant("whole", "a basket is held whole or not at all", record.partial),
        Invariant("books", "levels, lines and ledger balance", _texts(books)),
        Invariant("untold", "every change has its event", _texts(untold)),
        Invariant("unfair", "a refusal names what is really short", record.unfair),
        Invariant("broken", "no deadlock and no defect reaches a caller", record.broken),
        Invariant("unanswered", "everybody is answered in the end", ["request"] * record.unanswered),
    ]
    return Verdict(invariants, _figures(record, seconds, len(holds), deadlocks - beginning.deadlocks))


def _more_out_than_in(record: Record, moves: list[_StoredMove]) -> list[str]:
    """Units told to have left, by level, against units that ever came in; the database's own sums play no part."""
    came: dict[tuple[str, str], int] = {}
    left: dict[tuple[str, str], int] = {}
    for move in moves:
        if move.quantity > 0:
            level = (move.sku_id, move.warehouse_id)
            came[level] = came.get(level, 0) + move.quantity
    taken = [hold.units for hold in record.holds.values() if "consume" in hold.ended]
    sold = [units for kind, units in record.moves.values() if kind == "sale"]
    for units in [*taken, *sold]:
        for level, quantity in units.items():
            left[level] = left.get(level, 0) + abs(quantity)
    return [
        f"{level}: {quantity} left, {came.get(level, 0)} came"
        for level, quantity in left.items()
        if quantity > came.get(level, 0)
    ]


def _lost(record: Record, holds: list[_StoredHold], moves: list[_StoredMove]) -> list[str]:
    stored = {hold.reference_id: hold for hold in holds}
    lost: list[str] = []
    for reference, told in record.holds.items():
        found = stored.get(reference)
        if found is None or found.id != told.id:
            lost.append(f"hold {reference}")
        elif any(found.status not in _FINISHED_AS[way] for way in told.ended):
            lost.append(f"end of hold {reference}: told {sorted(told.ended)}, found {found.status}")
        elif "consume" in told.ended and found.taken != sum(told.units.values()):
            lost.append(f"consumption of {reference}: told {sum(told.units.values())}, in the ledger {found.taken}")
    ledger = {(move.reference_id, move.sku_id, move.warehouse_id): move.quantity for move in moves}
    for reference, (kind, units) in record.moves.items():
        lost += [
            f"{kind} {reference}: told {quantity}, in the ledger {ledger.get((reference, *level), 0)}"
            for level, quantity in units.items()
            if ledger.get((reference, *level), 0) != quantity
        ]
    return lost


def _double(record: Record, holds: list[_StoredHold], moves: list[_StoredMove]) -> list[str]:
    seen: set[str] = set()
    twice: list[str] = []
    for hold in holds:
        if hold.reference_id in seen:
            twice.append(f"two holds for {hold.reference_id}")
        seen.add(hold.reference_id)
        if hold.taken != hold.consumed:
            twice.append(f"hold {hold.reference_id} consumed {hold.consumed}, taken {hold.taken}")
        if hold.reference_id in record.refused:
            twice.append(f"hold {hold.reference_id} was refused and exists")
    twice += [f"{move.entries} entries for {move.reference_id}" for move in moves if move.entries > 1]
    twice += [f"consumed and cancelled: {reference}" for reference in record.ended_twice()]
    twice += [f"different answers to {key}" for key in record.repeats_that_differed]
    return twice


def _figures(record: Record, seconds: float, stored: int, deadlocks: int) -> dict[str, float]:
    answered = len(record.reserve_seconds)
    return {
        "seconds": round(seconds, 1),
        "requests": sum(record.statuses.values()),
        "holds_per_second": round(len(record.holds) / seconds, 1),
        "reserve_answers_per_second": round(answered / seconds, 1),
        "reserve_p50_ms": round(percentile(record.reserve_seconds, 0.5), 1),
        "reserve_p99_ms": round(percentile(record.reserve_seconds, 0.99), 1),
        "held": len(record.holds),
        "held_in_books": stored,
        "refused_fairly": len(record.refused) - len(record.unfair),
        "repeated_at_once": record.repeats,
        "repeated_without_answer": record.interrupted,
        "deadlocks_settled_inside": deadlocks,
    }


def _texts(rows: Sequence[_Row]) -> list[str]:
    return [str(row) for row in rows]
