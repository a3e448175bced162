"""An order and the warehouses that could serve it go in, a plan for the whole order comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.allocation.distance import Distance


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of an order; an order names a SKU once."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one warehouse has of one SKU, in base units; ``keep`` is its safety stock, ``soon`` are the units that
    should leave first because their batch expires soon."""

    available: int
    keep: int = 0
    soon: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A warehouse that could serve the order. Higher priority wins."""

    code: str
    shelves: Mapping[str, Shelf]
    distance: Distance = Distance(0, "coordinates")
    priority: int = 100
    # Stock of candidates in one area covers for each other; None: unknown, no cover is kept.
    area: tuple[str, str] | None = None
    # The order goes to this very area: its cover is there to be used.
    is_home: bool = False
    is_abroad: bool = False

    @property
    def foreign_area(self) -> tuple[str, str] | None:
        """The area whose cover an order elsewhere should leave alone."""
        return None if self.is_home else self.area

    def shelf(self, sku: str) -> Shelf:
        return self.shelves.get(sku, _EMPTY)


_EMPTY = Shelf(0)


@dataclass(frozen=True, slots=True)
class Strategy:
    """Criteria in order of importance: a later one decides only between plans that the earlier ones find equal."""

    name: str
    criteria: tuple[str, ...]
    # Kilometres are compared in bands of this width, or two distances would never be equal and nothing after
    # distance would ever decide.
    band_km: int = 50
    # True: safety stock is not for sale at all; otherwise ``sufficiency`` only prefers to leave it alone.
    protects_safety_stock: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a line comes from this warehouse, as facts.

    ``only_here``: without it the line is not covered. Otherwise the first criterion by which the order would be worse
    if this line came from elsewhere, with its figure for the plan (``here``) and for the best other way
    (``elsewhere``, from ``instead``). ``equal``: the other way is as good; the order of codes decided.
    """

    code: str
    here: int | None = None
    elsewhere: int | None = None
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """So many units of a line from one warehouse."""

    code: str
    quantity: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class PlannedLine:
    sku: str
    requested: int
    takes: tuple[Take, ...]

    @property
    def allocated(self) -> int:
        return sum(take.quantity for take in self.takes)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every line comes from.

    ``figures`` has one number per criterion, less is better (``metres`` is not banded). ``is_optimal``: proven that
    no plan is better by the strategy's criteria; otherwise the search ended at its bound.
    """

    strategy: Strategy
    lines: tuple[PlannedLine, ...]
    figures: Mapping[str, int]
    is_optimal: bool

    @property
    def is_complete(self) -> bool:
        return all(line.allocated == line.requested for line in self.lines)


Takes = Mapping[tuple[str, str], int]
"""Quantity by (SKU, warehouse code)."""


def coverable(wanted: Wanted, candidates: Sequence[Candidate], strategy: Strategy) -> int:
    """How many of a line's units the candidates have together."""
    return min(wanted.quantity, sum(for_sale(c, wanted.sku, strategy) for c in candidates))


def for_sale(candidate: Candidate, sku: str, strategy: Strategy) -> int:
    shelf = candidate.shelf(sku)
    kept = shelf.keep if strategy.protects_safety_stock else 0
    return max(0, shelf.available - kept)
