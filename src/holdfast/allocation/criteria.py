"""The criteria, the strategies that order them, and the direct arithmetic of what a plan costs by each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.allocation.model import Candidate, Strategy, Takes


@dataclass(frozen=True, slots=True)
class Contest:
    """What the candidates of one order are measured against: all of them, also those with nothing to give."""

    candidates: Sequence[Candidate]
    band_metres: int
    priority_top: int

    @classmethod
    def of(cls, candidates: Sequence[Candidate], strategy: Strategy) -> Contest:
        top = max((c.priority for c in candidates), default=0)
        return cls(candidates, band_metres=1000 * strategy.band_km, priority_top=top)

    def spare_of_area(self, sku: str, area: tuple[str, str]) -> int:
        """How many units of a SKU an area can give away: what it has beyond the safety stocks of its warehouses, and
        never the last one, so that no area is emptied for another without need."""
        stock = [c.shelf(sku) for c in self.candidates if c.area == area]
        keep = max(1, sum(shelf.keep for shelf in stock))
        return max(0, sum(shelf.available for shelf in stock) - keep)


def _free(_: Candidate, __: Contest) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Criterion:
    """What one criterion charges; less is better and nothing is negative.

    ``per_parcel`` once for every warehouse that sends something, ``per_unit`` for every unit. ``kept`` charges 1 for
    every unit beyond what can be spared: of a warehouse (its safety stock stays) or of an area
    (``Contest.spare_of_area``); or, with ``soon``, beyond what expires soon. The search is exact for any criterion of
    this form.
    """

    name: str
    per_parcel: Callable[[Candidate, Contest], int] = _free
    per_unit: Callable[[Candidate, Contest], int] = _free
    kept: Literal["", "warehouse", "area", "soon"] = ""

    @property
    def charges_units(self) -> bool:
        return bool(self.kept) or self.per_unit is not _free


PARCELS = Criterion("parcels", per_parcel=lambda _, __: 1)
METRES = Criterion("metres", per_parcel=lambda candidate, _: candidate.distance.metres)
UNIT_METRES = Criterion("unit_metres", per_unit=lambda candidate, _: candidate.distance.metres)

CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        PARCELS,
        # what all parcels travel together, in bands
        Criterion("distance", per_parcel=lambda c, contest: c.distance.metres // contest.band_metres),
        Criterion("border", per_parcel=lambda c, _: int(c.is_abroad)),
        # units taken out of safety stock
        Criterion("sufficiency", kept="warehouse"),
        # units by which areas other than the customer's lose their cover
        Criterion("cover", kept="area"),
        # units that could have stayed while others are about to expire
        Criterion("expiry", kept="soon"),
        # what units fall short of the highest priority in the contest: higher wins
        Criterion("priority", per_unit=lambda c, contest: contest.priority_top - c.priority),
    )
}

# Between plans that all criteria find equal: fewer parcels, shorter ways, nearer units.
TIES = (PARCELS, METRES, UNIT_METRES)

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("fewest_parcels", ("parcels", "distance", "sufficiency", "cover", "priority")),
        Strategy("nearest", ("distance", "parcels", "sufficiency", "cover", "priority")),
        Strategy("keep_cover", ("sufficiency", "cover", "parcels", "distance", "priority")),
        Strategy("priority", ("priority", "parcels", "distance", "sufficiency", "cover")),
        Strategy("use_by", ("expiry", "parcels", "distance", "sufficiency", "cover", "priority")),
        Strategy("domestic", ("border", "parcels", "distance", "sufficiency", "cover", "priority")),
    )
}
DEFAULT_STRATEGY = "fewest_parcels"


def define(criterion: Criterion) -> None:
    """Offer one more criterion to strategies; plug-ins do. One of a known name takes its place."""
    CRITERIA[criterion.name] = criterion


def register(strategy: Strategy) -> None:
    """Offer one more strategy by name; plug-ins do. One of a built-in name takes its place."""
    unknown = [name for name in strategy.criteria if name not in CRITERIA]
    assert not unknown, f"strategy {strategy.name} orders by {unknown}, which nobody defined"
    STRATEGIES[strategy.name] = strategy


def digits_of(strategy: Strategy) -> list[Criterion]:
    """All criteria that decide, most important first, ties included."""
    chosen = [CRITERIA[name] for name in strategy.criteria]
    return chosen + [tie for tie in TIES if tie not in chosen]


def figures_of(candidates: Sequence[Candidate], strategy: Strategy, takes: Takes) -> dict[str, int]:
    """What a plan costs by every criterion: the definition that the search is tested against."""
    criteria = {c.name: c for c in [*CRITERIA.values(), *TIES]}
    contest = Contest.of(candidates, strategy)
    return {name: _cost(criterion, contest, takes) for name, criterion in criteria.items()}


def _cost(criterion: Criterion, contest: Contest, takes: Takes) -> int:
    by_code = {c.code: c for c in contest.candidates}
    used = {code for (_, code), quantity in takes.items() if quantity}
    total = sum(criterion.per_parcel(by_code[code], contest) for code in used)
    total += sum(criterion.per_unit(by_code[code], contest) * quantity for (_, code), quantity in takes.items())
    if criterion.kept == "warehouse":
        for (sku, code), quantity in takes.items():
            shelf = by_code[code].shelf(sku)
            total += max(0, quantity - max(0, shelf.available - shelf.keep))
    if criterion.kept == "soon":
        total += sum(max(0, q - by_code[code].shelf(sku).soon) for (sku, code), q in takes.items())
    if criterion.kept == "area":
        total += _lost_cover(contest, takes)
    return total


def _lost_cover(contest: Contest, takes: Takes) -> int:
    lost = 0
    taken: Mapping[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    by_code = {c.code: c for c in contest.candidates}
    for (sku, code), quantity in takes.items():
        area = by_code[code].foreign_area
        if area is not None:
            taken[sku][area] += quantity
    for sku, areas in taken.items():
        for area, quantity in areas.items():
            lost += max(0, quantity - contest.spare_of_area(sku, area))
    return lost
