"""The open balance of a line by promised day. Pure: what a word of the supplier or a delivery does to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from holdfast.purchasing.model import LineWord, OrderLine


@dataclass(frozen=True, slots=True)
class Part:
    """So many units for one day; None is the order's day. ``is_confirmed``: the supplier said so."""

    quantity: int
    expected_at: date | None
    is_confirmed: bool

    def as_json(self) -> dict[str, Any]:
        day = None if self.expected_at is None else self.expected_at.isoformat()
        return {"quantity": self.quantity, "expected_at": day, "is_confirmed": self.is_confirmed}


@dataclass(frozen=True, slots=True)
class Word:
    """What the supplier's words about one line come to."""

    confirmed: int
    refused: int
    reason: str | None
    parts: tuple[Part, ...]


def parts_of(line: OrderLine) -> tuple[Part, ...]:
    """What is still to come of a line, by promised day."""
    if line.schedule is None:
        return (Part(line.open_quantity, line.expected_at, line.confirmed_quantity is not None),)
    return tuple(
        Part(s["quantity"], date.fromisoformat(s["expected_at"]) if s["expected_at"] else None, s["is_confirmed"])
        for s in line.schedule
    )


def confirmed(line: OrderLine, words: Sequence[LineWord], order_day: date | None) -> Word:
    """What a line looks like after the supplier's words about it.

    The words are about the whole line, so what has arrived is taken off the first of them. A rest that stays open keeps
    the day it had: units nobody had confirmed yet first, so that confirming anew moves only what was confirmed before.
    """
    total = sum(word.quantity for word in words)
    is_rest_open = any(word.is_rest_open for word in words)
    coming: list[Part] = []
    arrived = line.received_quantity
    before = in_time(parts_of(line), order_day)
    for word in sorted(words, key=lambda w: w.expected_at or date.min):
        left = max(0, word.quantity - arrived)
        arrived = max(0, arrived - word.quantity)
        if word.expected_at is not None:
            coming.append(Part(left, word.expected_at, is_confirmed=True))
        else:
            taken = _first(before, left)
            known = sum(part.quantity for part in taken)
            coming += [Part(part.quantity, part.expected_at, is_confirmed=True) for part in taken]
            # Units given up before and promised again come on the line's day.
            coming.append(Part(left - known, line.expected_at, is_confirmed=True))
            before = _without(before, left)
    rest = max(0, line.ordered_quantity - max(total, line.received_quantity))
    if is_rest_open:
        unconfirmed_first = sorted(before, key=lambda part: part.is_confirmed)
        kept = _first(unconfirmed_first, rest)
        # The order's day may be changed by these very words; the rest keeps the day it had.
        coming += [Part(part.quantity, part.expected_at or order_day, is_confirmed=False) for part in kept]
        known = sum(part.quantity for part in kept)
        coming.append(Part(rest - known, line.expected_at or order_day, is_confirmed=False))
    reasons = [word.reason for word in words if word.reason]
    return Word(total, 0 if is_rest_open else rest, "; ".join(reasons) or None, tidy(coming, order_day))


def arrived(parts: Iterable[Part], quantity: int, order_day: date | None) -> tuple[Part, ...]:
    """A delivery takes what was promised soonest."""
    return tidy(_without(in_time(parts, order_day), quantity), order_day)


def announced(parts: Iterable[Part], quantity: int, day: date, order_day: date | None) -> tuple[Part, ...]:
    """So many are on their way and arrive that day: those that were promised soonest."""
    left = _without(in_time(parts, order_day), quantity)
    return tidy([Part(quantity, day, is_confirmed=True), *left], order_day)


def in_time(parts: Iterable[Part], order_day: date | None) -> list[Part]:
    """The soonest first; what has no day comes last."""
    return sorted(parts, key=lambda part: part.expected_at or order_day or date.max)


def tidy(parts: Iterable[Part], order_day: date | None) -> tuple[Part, ...]:
    """In time, one part per day and confirmation, none of nothing."""
    found: dict[tuple[date | None, bool], int] = {}
    for part in in_time(parts, order_day):
        if part.quantity:
            key = (part.expected_at, part.is_confirmed)
            found[key] = found.get(key, 0) + part.quantity
    return tuple(Part(quantity, day, is_confirmed) for (day, is_confirmed), quantity in found.items())


def as_row(parts: Sequence[Part], line_day: date | None) -> dict[str, Any]:
    """The columns of a line: a schedule only when the days differ, and the day it had when nothing is to come."""
    if not parts:
        return {"schedule": None, "expected_at": None if line_day is None else line_day.isoformat()}
    if len(parts) > 1:
        return {"schedule": [part.as_json() for part in parts], "expected_at": parts[0].as_json()["expected_at"]}
    return {"schedule": None, "expected_at": parts[0].as_json()["expected_at"]}


def _first(parts: Iterable[Part], quantity: int) -> list[Part]:
    taken: list[Part] = []
    for part in parts:
        here = min(part.quantity, quantity)
        if here:
            taken.append(Part(here, part.expected_at, part.is_confirmed))
            quantity -= here
    return taken


def _without(parts: Iterable[Part], quantity: int) -> list[Part]:
    left: list[Part] = []
    for part in parts:
        here = min(part.quantity, quantity)
        quantity -= here
        left.append(Part(part.quantity - here, part.expected_at, part.is_confirmed))
    return left
