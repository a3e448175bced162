"""Plan an order: state the problem, find the best set of warehouses, split the lines, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.allocation.criteria import Contest, figures_of
from holdfast.allocation.model import Candidate, Plan, PlannedLine, Reason, Strategy, Take, Wanted
from holdfast.allocation.problem import Line, Problem, state
from holdfast.allocation.search import Found, search

# Up to so many candidates every plan is proven optimal; beyond, the search ends after so many steps of 10 to 60 us.
EXACT_CANDIDATES_MAX = 12
NODES_MAX = 1_000


def plan_order(
    wanted: Sequence[Wanted], candidates: Sequence[Candidate], strategy: Strategy, *, nodes_max: int = NODES_MAX
) -> Plan:
    """The best plan for the whole order by the strategy's criteria.

    Every line is covered as far as the candidates can; ``Plan.is_complete`` tells. The order in which candidates are
    given does not matter: between equal plans the codes decide.
    """
    assert len({w.sku for w in wanted}) == len(wanted), "an order names a SKU once"
    contenders = sorted((c for c in candidates if _has_any(c, wanted)), key=lambda c: c.code)
    problem = state(wanted, contenders, strategy, Contest.of(candidates, strategy))
    limit = None if len(contenders) <= EXACT_CANDIDATES_MAX else nodes_max
    found = search(problem, problem.everyone, nodes_max=limit)
    if not found.is_optimal:
        found = _improved(problem, found, nodes_max)
    by_sku = {line.sku: line for line in problem.lines}
    planned = tuple(
        _planned(problem, by_sku[w.sku], w, found, limit) if w.sku in by_sku else PlannedLine(w.sku, w.quantity, ())
        for w in wanted
    )
    takes = {(line.sku, take.code): take.quantity for line in planned for take in line.takes}
    return Plan(strategy, planned, figures_of(candidates, strategy, takes), found.is_optimal)


def _has_any(candidate: Candidate, wanted: Sequence[Wanted]) -> bool:
    return any(candidate.shelf(w.sku).available > 0 for w in wanted)


@dataclass(frozen=True, slots=True)
class OtherWay:
    """The best way for one line without one of its candidates."""

    cost: int  # of the whole order
    used: int
    instead: int


class OtherWays:
    """What else could be done with one line, all other lines left where they are: their parcels are sent anyway."""

    def __init__(self, problem: Problem, line: Line, used: int, limit: int | None) -> None:
        self.limit = limit
        self.free, self.cost = 0, 0
        for other in problem.lines:
            if other is not line:
                cost, bits, _ = other.split(used)
                self.free |= bits
                self.cost += cost
        self.cost += problem.charge_of(self.free)
        self.alone = problem.alone(line, self.free)

    def without(self, n: int) -> OtherWay | None:
        """None: without this candidate the line is not covered."""
        allowed = self.alone.everyone & ~(1 << n)
        if not self.alone.covers(self.alone.stock_of(allowed)):
            return None
        found = search(self.alone, allowed, nodes_max=self.limit)
        return OtherWay(self.cost + found.cost, self.free | found.used, found.used)


def _improved(problem: Problem, found: Found, nodes_max: int) -> Found:
    """Move single lines elsewhere as long as that makes the order better: an unfinished search may leave such moves."""
    while True:
        ways = (
            ways.without(bit.bit_length() - 1)
            for line in problem.lines
            for ways in [OtherWays(problem, line, found.used, nodes_max)]
            for bit, _ in line.split(found.used)[2]
        )
        better = next((way for way in ways if way is not None and way.cost < found.cost), None)
        if better is None:
            return found
        cost, used = problem.cost_of(better.used)
        found = Found(used, cost, is_optimal=False)


def _planned(problem: Problem, line: Line, wanted: Wanted, found: Found, limit: int | None) -> PlannedLine:
    merged: dict[int, int] = {}
    for bit, units in line.split(found.used)[2]:
        n = bit.bit_length() - 1
        merged[n] = merged.get(n, 0) + units
    ways = OtherWays(problem, line, found.used, limit)
    takes = tuple(
        Take(problem.candidates[n].code, units, _reason(problem, found.cost, ways.without(n)))
        for n, units in merged.items()
    )
    return PlannedLine(wanted.sku, wanted.quantity, takes)


def _reason(problem: Problem, cost: int, way: OtherWay | None) -> Reason:
    if way is None:
        return Reason("only_here")
    instead = tuple(c.code for n, c in enumerate(problem.candidates) if way.instead >> n & 1)
    difference = problem.scale.first_difference(cost, way.cost)
    if difference is None:
        return Reason("equal", instead=instead)
    code, here, elsewhere = difference
    return Reason(code, here, elsewhere, instead)
