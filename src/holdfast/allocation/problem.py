"""An order and its candidates as integers: every criterion has its own digits of one cost, so that comparing two costs
compares the criteria in order of importance."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter

from holdfast.allocation.criteria import (
    Contest,
    Criterion,
    digits_of,
)
from holdfast.allocation.model import Candidate, Strategy, Wanted, coverable, for_sale

# (cost per unit, bit of the candidate, units, number of the pool these units are spared from or -1)
Tranche = tuple[int, int, int, int]
Split = tuple[int, int, list[tuple[int, int]]]
"""Cost, bits of the candidates used, (bit, units) of each."""


@dataclass(slots=True)
class Line:
    """One line: ``need`` units from ``tranches`` in order of cost; ``amounts`` says how many each candidate could give.
    Units beyond what a pool spares cost ``late`` more."""

    sku: str
    need: int
    amounts: list[int]
    tranches: list[Tranche]
    holders: int
    spare: list[int]
    late: int
    splits: dict[int, Split] = field(default_factory=dict[int, Split])

    def split(self, allowed: int, known: int = -1) -> Split:
        """The cheapest way to take the line from the allowed candidates, which together have enough.

        Unit costs of one candidate or area only rise, so taking the cheapest unit next is optimal (the costs are
        laminar convex; Federgruen and Groenevelt 1986). ``known``: more candidates than allowed, over which the line
        was split before. Taking away what that choice does not use changes nothing.
        """
        allowed &= self.holders
        found = self.splits.get(allowed)
        if found is None:
            free = self.splits.get(known & self.holders)
            is_same = free is not None and not free[1] & ~allowed
            found = self.splits[allowed] = free if is_same and free else self._split(allowed)
        return found

    def _split(self, allowed: int) -> Split:
        need, cost, used = self.need, 0, 0
        takes: list[tuple[int, int]] = []
        for unit, bit, amount in self._cheapest_first(allowed):
            units = amount if amount < need else need
            takes.append((bit, units))
            cost += unit * units
            used |= bit
            need -= units
            if not need:
                return cost, used, takes
        raise AssertionError("the allowed candidates have enough")

    def _cheapest_first(self, allowed: int) -> Iterator[tuple[int, int, int]]:
        """The allowed units in order of cost. What a pool does not spare costs ``late`` more: such units wait in a
        queue of their own, which is in order because the tranches are."""
        left = self.spare.copy()
        waiting: deque[tuple[int, int, int]] = deque()
        for unit, bit, amount, pool in self.tranches:
            if not allowed & bit:
                continue
            while waiting and waiting[0] < (unit, bit):
                yield waiting.popleft()
            if pool < 0 or not left:
                yield unit, bit, amount
                continue
            free = min(amount, left[pool])
            left[pool] -= free
            if free:
                yield unit, bit, free
            if free < amount:
                waiting.append((unit + self.late, bit, amount - free))
        yield from waiting


# (first bit, mask, need, what the 1, 2, 3, … best-stocked candidates have together) of one line in a packed stock
Field = tuple[int, int, int, list[int]]


@dataclass(slots=True)
class Problem:
    """``charges[n]`` is the cost of a parcel from candidate n. ``stocks[n]`` packs what it has of every line, each in
    bits of its own, so that one addition adds all lines and one mask tells whether all are covered."""

    candidates: Sequence[Candidate]
    lines: list[Line]
    charges: list[int]
    stocks: list[int]
    lack: int
    full: int
    scale: Scale
    fields: list[Field]
    bounds: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    @classmethod
    def of(cls, candidates: Sequence[Candidate], lines: list[Line], charges: list[int], scale: Scale) -> Problem:
        """Pack the stocks. A line's bits hold the sum over all candidates, each capped at the need, and one bit to
        carry into: ``stock + lack`` reaches that bit exactly when the stock reaches the need."""
        stocks, lack, full, at = [0] * len(candidates), 0, 0, 0
        fields: list[Field] = []
        for line in lines:
            width = (line.need * len(candidates)).bit_length() + 1
            for n, amount in enumerate(line.amounts):
                stocks[n] |= amount << at
            totals = list(accumulate(sorted(line.amounts, reverse=True)))
            fields.append((at, (1 << width) - 1, line.need, totals))
            lack |= ((1 << (width - 1)) - line.need) << at
            full |= 1 << (at + width - 1)
            at += width + 1
        return cls(candidates, lines, charges, stocks, lack, full, scale, fields)

    def alone(self, line: Line, free: int) -> Problem:
        """The problem of one line when the candidates in ``free`` send a parcel anyway."""
        charges = [0 if free >> n & 1 else charge for n, charge in enumerate(self.charges)]
        return Problem.of(self.candidates, [line], charges, self.scale)

    @property
    def everyone(self) -> int:
        return (1 << len(self.candidates)) - 1

    def covers(self, stock: int) -> bool:
        return (stock + self.lack) & self.full == self.full

    def relaxed(self, allowed: int, known: int = -1) -> tuple[int, int]:
        """What the units cost at least when nothing outside ``allowed`` may be used, and whom that uses. ``known``: a
        larger set for which this was asked before; only lines that took something from the difference change."""
        found = self.bounds.get(allowed)
        if found is None:
            cost, used = 0, 0
            for line in self.lines:
                unit_cost, bits, _ = line.split(allowed, known)
                cost += unit_cost
                used |= bits
            found = self.bounds[allowed] = (cost, used)
        return found

    def parcels_needed(self, stock: int) -> int:
        """At least so many more parcels cover what ``stock`` leaves missing; 1 when nothing is missing."""
        more = 1
        for at, mask, need, totals in self.fields:
            missing = need - (stock >> at & mask)
            if missing > totals[more - 1]:
                more = bisect_left(totals, missing) + 1
        return more

    def stock_of(self, allowed: int) -> int:
        return sum(stock for n, stock in enumerate(self.stocks) if allowed >> n & 1)

    def charge_of(self, used: int) -> int:
        return sum(charge for n, charge in enumerate(self.charges) if used >> n & 1)

    def cost_of(self, allowed: int) -> tuple[int, int]:
        """Cost of the cheapest split over exactly these candidates, and which of them it uses."""
        cost, used = self.relaxed(allowed)
        return cost + self.charge_of(used), used


@dataclass(frozen=True, slots=True)
class Scale:
    """Where each criterion's digits are in a cost."""

    criteria: list[Criterion]
    shifts: list[int]
    # no sum of unit costs reaches this
    units_top: int
    # the most important criterion charges units and not parcels
    units_first: bool

    @classmethod
    def of(cls, candidates: Sequence[Candidate], contest: Contest, strategy: Strategy, units: int) -> Scale:
        """Digits wide enough that no plan of so many units carries into the next."""
        criteria = digits_of(strategy)
        shifts = [0] * len(criteria)
        shift = top = 0
        for number in reversed(range(len(criteria))):
            criterion = criteria[number]
            parcels = sum(criterion.per_parcel(c, contest) for c in candidates)
            unit = max((criterion.per_unit(c, contest) for c in candidates), default=0) + bool(criterion.kept)
            shifts[number] = shift
            shift += (parcels + units * unit).bit_length()
            top = shift if unit else top
        return cls(criteria, shifts, 1 << top, units_first=criteria[0].charges_units)

    def first_difference(self, cost: int, other: int) -> tuple[str, int, int] | None:
        """The most important criterion by which two costs differ, and both its figures; None: the costs are equal."""
        for criterion, shift in zip(self.criteria, self.shifts, strict=True):
            digits, other_digits = cost >> shift, other >> shift
            if digits != other_digits:
                return criterion.name, digits, other_digits
            cost -= digits << shift
            other -= digits << shift
        return None


def state(
    wanted: Sequence[Wanted], candidates: Sequence[Candidate], strategy: Strategy, contest: Contest | None = None
) -> Problem:
    """The problem of covering what can be covered; lines of which there is nothing at all are left out.

    ``candidates`` are those that may send something, ``contest`` what they are measured against if that is more.
    """
    contest = contest or Contest.of(candidates, strategy)
    needs = [coverable(w, candidates, strategy) for w in wanted]
    scale = Scale.of(candidates, contest, strategy, sum(needs))
    parcel, unit = [0] * len(candidates), [0] * len(candidates)
    for criterion, shift in zip(scale.criteria, scale.shifts, strict=True):
        for n, candidate in enumerate(candidates):
            parcel[n] += criterion.per_parcel(candidate, contest) << shift
            unit[n] += criterion.per_unit(candidate, contest) << shift
    late = {c.kept: 1 << shift for c, shift in zip(scale.criteria, scale.shifts, strict=True) if c.kept}
    open_lines = [(w, need) for w, need in zip(wanted, needs, strict=True) if need]
    lines = [_line(w.sku, need, candidates, contest, strategy, unit, late) for w, need in open_lines]

    return Problem.of(candidates, lines, parcel, scale)


def _line(
    sku: str,
    need: int,
    candidates: Sequence[Candidate],
    contest: Contest,
    strategy: Strategy,
    unit: Sequence[int],
    late: dict[str, int],
) -> Line:
    amounts = [min(need, for_sale(candidate, sku, strategy)) for candidate in candidates]
    tranches: list[Tranche] = []
    pools: dict[tuple[str, str], int] = {}
    spare: list[int] = []
    holders = 0
    for n, candidate in enumerate(candidates):
        amount = amounts[n]
        if not amount:
            continue
        holders |= 1 << n
        pool = -1
        shelf = candidate.shelf(sku)
        area = candidate.foreign_area
        if "area" in late and area is not None:
            if area not in pools:
                pools[area] = len(spare)
                spare.append(contest.spare_of_area(sku, area))
            pool = pools[area]
        # From each of these many units on, a unit costs more.
        steps = {"warehouse": max(0, shelf.available - shelf.keep), "soon": shelf.soon}
        taken, price = 0, unit[n]
        for limit, extra in sorted((limit, late[kept]) for kept, limit in steps.items() if kept in late):
            if taken < min(limit, amount):
                tranches.append((price, 1 << n, min(limit, amount) - taken, pool))
                taken = min(limit, amount)
            price += extra
        if taken < amount:
            tranches.append((price, 1 << n, amount - taken, pool))
    tranches.sort(key=itemgetter(0, 1))
    if all(s >= need for s in spare):
        # No pool can run short, so none needs to be counted.
        spare = []
    return Line(sku, need, amounts, tranches, holders, spare, late.get("area", 0))
