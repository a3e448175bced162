"""Which candidates send a parcel: the cheapest set, exact by enumeration with bounds, or the best found within a limit.

A cost is the parcels' charges plus the best split of the lines over the set. More candidates never make a split dearer,
and charges are never negative; everything below rests on these two facts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from holdfast.allocation.problem import Line, Problem


@dataclass(frozen=True, slots=True)
class Found:
    """The best set of candidates (bits), what it costs, and whether nothing can be better."""

    used: int
    cost: int
    is_optimal: bool


class Node(NamedTuple):
    """All sets that contain ``chosen``, lie within ``allowed`` and have at least ``more`` members more than ``chosen``,
    which was tried itself when the node was made. ``bound``: the charge of the chosen, the least charges that must come
    on top, and ``units``, what the units cost at least (the parent's until the node's turn comes). ``known``: the
    candidates for which ``units`` is exact."""

    bound: int
    order: int
    chosen: int
    allowed: int
    charge: int
    more: int
    stock: int
    allowed_stock: int
    units: int
    known: int


class Search:
    """Best first: the node with the least bound next, the newest among equals."""

    def __init__(self, problem: Problem, allowed: int, starts: Iterable[int]) -> None:
        self.problem = problem
        # Cheap parcels are decided first: leaving one out then raises the bound at once.
        self.cheap_first = sorted(range(len(problem.candidates)), key=lambda n: (problem.charges[n], n))
        self.best = min(problem.cost_of(start) for start in starts)
        self.heap: list[Node] = []
        self.offered = 0
        # A parcel that costs nothing more never makes a set worse: such candidates are in from the start.
        chosen = sum(1 << n for n in self.cheap_first if allowed >> n & 1 and not problem.charges[n])
        stock = problem.stock_of(chosen)
        if problem.covers(stock):
            self.best = min(self.best, problem.cost_of(chosen))
        more = problem.parcels_needed(stock)
        self.offer(chosen, allowed, 0, more, stock, problem.stock_of(allowed), problem.relaxed(allowed)[0], allowed)

    def offer(
        self, chosen: int, allowed: int, charge: int, more: int, stock: int, allowed_stock: int, units: int, known: int
    ) -> None:
        """Keep the node if a set in it may be better than the best so far."""
        bound, left, undecided = charge + units, more, allowed & ~chosen
        for n in self.cheap_first:
            if undecided >> n & 1:
                bound += self.problem.charges[n]
                left -= 1
                if not left:
                    break
        if not left and bound < self.best[0]:
            self.offered += 1
            node = Node(bound, -self.offered, chosen, allowed, charge, more, stock, allowed_stock, units, known)
            heapq.heappush(self.heap, node)

    def is_done(self) -> bool:
        return not self.heap or self.heap[0].bound >= self.best[0]

    def next_of(self, undecided: int, known: int) -> int:
        """Who is decided next: the one with the cheapest parcel; where units count first, the one that serves most
        lines in the split over ``known``, because leaving it out raises the bound most: half the steps of the slowest
        plans."""
        some = [n for n in self.cheap_first if undecided >> n & 1]
        if not self.problem.scale.units_first:
            return some[0]
        served = [line.split(known)[1] for line in self.problem.lines]
        return max(some, key=lambda n: sum(bits >> n & 1 for bits in served))

    def step(self) -> None:
        problem = self.problem
        bound, _, chosen, allowed, charge, more, stock, allowed_stock, units, known = heapq.heappop(self.heap)
        # Splitting the lines anew is what a step costs most; it is done only where it could close the gap.
        undecided = allowed & ~chosen
        if self.best[0] - bound < problem.scale.units_top:
            exact, used = problem.relaxed(allowed, known)
            known = allowed
            if exact > units:
                self.offer(chosen, allowed, charge, more, stock, allowed_stock, exact, known)
                return
            # Leaving out what the cheapest split uses raises the bound soonest.
            undecided = undecided & used or undecided
        n = self.next_of(undecided, known)
        bit, one = 1 << n, problem.stocks[n]
        charge_with, stock_with = charge + problem.charges[n], stock + one
        if problem.covers(stock_with) and charge_with + units < self.best[0]:
            self.best = min(self.best, problem.cost_of(chosen | bit))
        more_with = problem.parcels_needed(stock_with)
        self.offer(chosen | bit, allowed, charge_with, more_with, stock_with, allowed_stock, units, known)
        if problem.covers(allowed_stock - one):
            self.offer(chosen, allowed & ~bit, charge, more, stock, allowed_stock - one, units, known)


def search(problem: Problem, allowed: int, *, nodes_max: int | None) -> Found:
    """The cheapest set within the allowed candidates, which together have enough.

    With ``nodes_max`` the search gives up after so many steps and answers the best so far, which is never worse than
    the greedy ways below.
    """
    starts = [allowed, greedy_by_cover(problem, allowed), greedy_by_price(problem, allowed)]
    if nodes_max is not None:
        starts += greedy_by_rank(problem, allowed)
    found = Search(problem, allowed, starts)
    steps = 0
    while not found.is_done() and steps != nodes_max:
        found.step()
        steps += 1
    cost, used = found.best
    return Found(used, cost, found.is_done())


def greedy_by_price(problem: Problem, allowed: int) -> int:
    """Line after line from the cheapest candidates by the strategy, where those that already send a parcel charge no
    other."""
    used = 0
    for line in problem.lines:
        price: dict[int, int] = {}
        for unit, bit, _, _ in line.tranches:
            if allowed & bit:
                n = bit.bit_length() - 1
                price.setdefault(n, unit + (0 if used & bit else problem.charges[n]))
        used |= _filled(line, sorted(price, key=lambda n: (price[n], n)))
    return used


def greedy_by_rank(problem: Problem, allowed: int) -> Iterator[int]:
    """Line after line from the nearest candidates, or from those of highest priority: the usual routers."""
    numbered = [(n, c) for n, c in enumerate(problem.candidates) if allowed >> n & 1]
    for ranked in (
        sorted(numbered, key=lambda one: one[1].distance.metres),
        sorted(numbered, key=lambda one: -one[1].priority),
    ):
        used = 0
        for line in problem.lines:
            used |= _filled(line, [n for n, _ in ranked])
        yield used


def _filled(line: Line, ranked: list[int]) -> int:
    used, need = 0, line.need
    for n in ranked:
        if need > 0 and line.amounts[n]:
            used |= 1 << n
            need -= line.amounts[n]
    return used


def greedy_by_cover(problem: Problem, allowed: int) -> int:
    """Open whatever covers most of what is still missing, the cheapest among equals."""
    missing = [line.need for line in problem.lines]
    used = 0
    while any(missing):
        gains = [
            (-sum(map(min, missing, amounts)), problem.charges[n], n)
            for n, amounts in enumerate(zip(*(line.amounts for line in problem.lines), strict=True))
            if (allowed & ~used) >> n & 1
        ]
        n = min(gains)[2]
        used |= 1 << n
        missing = [max(0, m - line.amounts[n]) for m, line in zip(missing, problem.lines, strict=True)]
    return used
