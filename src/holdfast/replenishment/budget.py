"""Which quantities to order when not all of them can be had: budget, truck, minimum order value. Pure.

Every order line has a few candidate quantities with an expected benefit each; one is chosen per line so that the sum
of benefits is largest under the limits: a multiple-choice knapsack. Lagrangian relaxation prices every limit (Fisher
1981, "The Lagrangian relaxation method", Management Science 27); what the priced problem promises is an upper bound
on any plan, so the plan comes with a proof of how much at most it leaves on the table. With thousands of lines that
is a few thousandths of a percent; `scipy.optimize.milp` is the check in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Sweeps over the limits, and halvings per limit: first from nothing, then near the last price.
SWEEPS = 6
HALVINGS_FIRST = 30
HALVINGS_NEXT = 12
POLISH_STEPS = 20

# Closer to the bound than this, no more is tried.
GAP_WANTED = 1e-4
PRICE_SHIFTS = (-0.003, 0.003, -0.01, 0.01, -0.03, 0.03, -0.1, 0.1)

# A shift of a limit by this share is what "the value of relaxing it" is told for.
RELAXED_SHARE = 0.1

_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Choices:
    """(lines, candidates): benefit in money, and what each candidate uses of the limits, (lines, candidates, limits).

    Candidate 0 orders nothing and uses nothing. A candidate that does not exist has benefit -inf. `group` is the
    supplier of a line (0, 1, ...), `value` what a candidate costs, for minimum order values.
    """

    benefit: Floats
    uses: Floats
    group: Ints | None = None
    value: Floats | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """`capacity` per limit, inf = none. `group_of_limit`: the group a limit is for, -1 = for all lines.

    `min_value` per group: an order to the group costs at least this, or there is none.
    """

    capacity: Floats
    group_of_limit: Ints | None = None
    min_value: Floats | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """`choice`: candidate per line. `bound`: no choice can be worth more. `prices`: benefit per unit of each limit.

    `relaxed`: benefit that RELAXED_SHARE more of a limit would add at most; `gap_share` = (bound - value) / bound.
    """

    choice: Ints
    value: float
    bound: float
    used: Floats
    prices: Floats
    relaxed: Floats
    dropped_groups: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def gap_share(self) -> float:
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0


def choose_within(choices: Choices, limits: Limits) -> Chosen:
    """The best choice found, with its bound. Without a binding limit it is the best candidate of every line."""
    problem = _Problem.of(choices, limits)
    prices, bound = _priced(problem)
    open_groups = np.ones(problem.groups, np.bool_)
    choice = _filled_up(problem, _feasible(problem, prices), prices, open_groups)
    if bound - problem.worth(choice) > GAP_WANTED * bound:
        prices, bound = _polished(problem, prices, bound, problem.worth(choice))
        choice = _tried_around(problem, prices, bound, choice)
    if limits.min_value is not None and choices.group is not None:
        choice, open_groups = _with_minimum_values(problem, choice, prices)
        choice = _filled_up(problem, choice, prices, open_groups)
    return Chosen(
        choice=choice,
        value=problem.worth(choice),
        bound=bound,
        used=problem.used(choice),
        prices=prices,
        relaxed=_value_of_relaxing(problem, prices, bound),
        dropped_groups=np.flatnonzero(~open_groups),
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    benefit: Floats
    uses: Floats  # zero where a limit is not for the line
    capacity: Floats
    group: Ints
    groups: int
    value: Floats
    min_value: Floats

    @staticmethod
    def of(choices: Choices, limits: Limits) -> _Problem:
        lines = choices.benefit.shape[0]
        group = np.zeros(lines, np.int64) if choices.group is None else choices.group
        least = np.zeros(0) if limits.min_value is None else limits.min_value
        groups = max(int(group.max(initial=0)) + 1, least.size)
        uses = choices.uses
        if limits.group_of_limit is not None:
            mine = (limits.group_of_limit[None, :] < 0) | (limits.group_of_limit[None, :] == group[:, None])
            uses = uses * mine[:, None, :]
        assert uses.shape[2] == limits.capacity.size, "every limit has its uses"
        assert np.all(choices.benefit[:, 0] == 0), "candidate 0 orders nothing"
        return _Problem(
            benefit=choices.benefit,
            uses=np.ascontiguousarray(np.moveaxis(uses, 2, 0)),
            capacity=limits.capacity,
            group=group,
            groups=groups,
            value=np.zeros_like(choices.benefit) if choices.value is None else choices.value,
            min_value=np.concatenate([least, np.zeros(groups - least.size)]),
        )

    @property
    def rows(self) -> Ints:
        return np.arange(self.benefit.shape[0], dtype=np.int64)

    def worth(self, choice: Ints) -> float:
        return float(self.benefit[self.rows, choice].sum())

    def used(self, choice: Ints) -> Floats:
        rows = self.rows
        out = np.zeros(self.capacity.size)
        for limit in range(out.size):
            out[limit] = float(self.uses[limit][rows, choice].sum())
        return out

    def best_at(self, prices: Floats) -> tuple[Ints, float]:
        """Best candidate per line at these prices, and the bound they give."""
        net = self.benefit - np.tensordot(prices, self.uses, axes=1)
        choice = np.argmax(net, axis=1)
        limited = np.isfinite(self.capacity)
        bound = float(net[self.rows, choice].sum() + (prices[limited] * self.capacity[limited]).sum())
        return choice, bound


def _priced(problem: _Problem) -> tuple[Floats, float]:
    """Prices by bisection, one limit after the other; the lowest bound met on the way."""
    limits = problem.capacity.size
    prices = np.zeros(limits)
    choice, bound = problem.best_at(prices)
    if np.all(problem.used(choice) <= problem.capacity + _SLACK):
        return prices, bound
    best = prices.copy()
    for sweep in range(SWEEPS):
        before = prices.copy()
        for limit in np.flatnonzero(np.isfinite(problem.capacity)):
            prices[limit], prices_bound = _price_of(problem, prices, int(limit), first=sweep == 0)
            if prices_bound < bound:
                bound, best = prices_bound, prices.copy()
        if np.allclose(before, prices, rtol=1e-6, atol=1e-12):
            break
    return best, bound


def _polished(problem: _Problem, prices: Floats, bound: float, value: float) -> tuple[Floats, float]:
    """Lower the bound by subgradient steps (Polyak's length).

    One limit after the other stops where no single price can improve; the steps move all of them.
    """
    best, at = prices, prices.copy()
    limited = np.isfinite(problem.capacity)
    scale = np.where(limited, np.maximum(problem.capacity, 1e-9), 1.0)
    step = 1.0
    for _ in range(POLISH_STEPS):
        priced, at_bound = problem.best_at(at)
        if at_bound < bound - _SLACK:
            bound, best = at_bound, at.copy()
        else:
            step *= 0.8
        excess = np.where(limited, (problem.used(priced) - problem.capacity) / scale, 0.0)
        excess = np.where((at <= 0) & (excess < 0), 0.0, excess)
        length = float(excess @ excess)
        if length < 1e-18:
            break
        at = np.maximum(at + step * (at_bound - value) / length * excess / scale, 0.0)
    return best, bound


def _tried_around(problem: _Problem, prices: Floats, bound: float, choice: Ints) -> Ints:
    """Choices at prices a little off the best: where one limit is used up, room in another is worth less or more."""
    everything = np.ones(problem.groups, np.bool_)
    best, value = choice, problem.worth(choice)
    for shift in PRICE_SHIFTS:
        for limit in np.flatnonzero(prices > 0):
            if bound - value <= GAP_WANTED * bound:
                return best
            moved = prices.copy()
            moved[limit] *= 1.0 + shift
            tried = _filled_up(problem, _feasible(problem, moved), prices, everything)
            if problem.worth(tried) > value:
                best, value = tried, problem.worth(tried)
    return best


def _price_of(problem: _Problem, prices: Floats, limit: int, *, first: bool) -> tuple[float, float]:
    """Lowest price at which the limit is kept, the other prices as they are, and the bound there.

    Only the net benefit of the line matters; the part from the other limits is worked out once.
    """
    use, capacity = problem.uses[limit], float(problem.capacity[limit])
    others = prices.copy()
    others[limit] = 0.0
    base = problem.benefit - np.tensordot(others, problem.uses, axes=1)
    rows = problem.rows

    def over(price: float) -> bool:
        return float(use[rows, np.argmax(base - price * use, axis=1)].sum()) > capacity

    if not over(0.0):
        price = 0.0
    else:
        low, high = 0.0, 1.0
        if not first and prices[limit] > 0:
            low, high = prices[limit] * 0.8, prices[limit] * 1.25
            low = low if over(low) else 0.0
        while over(high):
            low, high = high, high * 4.0
            if high > 1e15:  # even the smallest orders do not fit: only nothing does
                break
        for _ in range(HALVINGS_FIRST if first else HALVINGS_NEXT):
            middle = (low + high) / 2
            low, high = (middle, high) if over(middle) else (low, middle)
        price = high
    priced = others.copy()
    priced[limit] = price
    return price, problem.best_at(priced)[1]


def _feasible(problem: _Problem, prices: Floats) -> Ints:
    """The choice at the lowest common mark-up of the prices that keeps every limit."""
    choice, _ = problem.best_at(prices)
    fits = problem.used(choice) <= problem.capacity + _SLACK
    if fits.all():
        return choice
    marked = np.where(~fits & (prices <= 0), 1e-6, prices)
    low, high = 1.0, 1.0 + 1e-6
    while True:
        choice, _ = problem.best_at(marked * high)
        if np.all(problem.used(choice) <= problem.capacity + _SLACK):
            break
        low, high = high, 1.0 + (high - 1.0) * 8.0
        if high > 1e18:
            return np.zeros(problem.rows.size, np.int64)
    for _ in range(20):
        middle = (low + high) / 2
        tried, _ = problem.best_at(marked * middle)
        if np.all(problem.used(tried) <= problem.capacity + _SLACK):
            high, choice = middle, tried
        else:
            low = middle
    return choice


def _filled_up(problem: _Problem, choice: Ints, prices: Floats, open_groups: NDArray[np.bool_]) -> Ints:
    """Spend what is left: changes that bring most per priced use first, as long as they fit."""
    choice = choice.copy()
    for _ in range(4):
        left = problem.capacity - problem.used(choice)
        gain = problem.benefit - problem.benefit[problem.rows, choice][:, None]
        more = problem.uses - problem.uses[:, problem.rows, choice][:, :, None]
        fits = np.all(more <= left[:, None, None] + _SLACK, axis=0)
        # A group that has reached its minimum value must not fall below it again.
        less = problem.value < problem.value[problem.rows, choice][:, None] - _SLACK
        less &= (problem.min_value > 0)[problem.group][:, None]
        ok = (gain > _SLACK) & fits & open_groups[problem.group][:, None] & ~less
        if not ok.any():
            break
        weight = np.maximum(np.tensordot(prices, more, axes=1), 0.0) + 1e-12 * np.where(ok, gain, 0.0)
        rate = np.full(gain.shape, -np.inf)
        np.divide(gain, np.maximum(weight, 1e-300), out=rate, where=ok)
        best = np.argmax(rate, axis=1)
        lines = np.flatnonzero(ok.any(axis=1))
        lines = lines[np.argsort(-rate[lines, best[lines]], kind="stable")]
        changed = False
        for line in lines.tolist():
            need = more[:, line, best[line]]
            if np.all(need <= left + _SLACK):
                left = left - need
                choice[line] = best[line]
                changed = True
        if not changed:
            break
    return choice


def _with_minimum_values(problem: _Problem, choice: Ints, prices: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Groups below their minimum order value are topped up where that still pays and fits, else left out."""
    choice = choice.copy()
    open_groups = np.ones(problem.groups, np.bool_)
    ordered = np.bincount(problem.group, problem.value[problem.rows, choice], minlength=problem.groups)
    for group in np.flatnonzero((ordered > 0) & (ordered < problem.min_value - _SLACK)).tolist():
        lines = np.flatnonzero(problem.group == group)
        raised = _topped_up(problem, choice, lines, float(problem.min_value[group] - ordered[group]), prices)
        kept = raised is not None and problem.benefit[lines, raised[lines]].sum() > 0
        if raised is not None and kept:
            choice = raised
        else:
            choice[lines] = 0
            open_groups[group] = False
    silent = np.bincount(problem.group, problem.value[problem.rows, choice], minlength=problem.groups) <= 0
    return choice, open_groups & ~(silent & (problem.min_value > 0))


def _topped_up(problem: _Problem, choice: Ints, lines: Ints, missing: float, prices: Floats) -> Ints | None:
    """Larger candidates until `missing` more is ordered, least loss per money first; None where none are left."""
    choice = choice.copy()
    left = problem.capacity - problem.used(choice)
    while missing > _SLACK:
        now = choice[lines]
        add = problem.value[lines] - problem.value[lines, now][:, None]
        gain = problem.benefit[lines] - problem.benefit[lines, now][:, None]
        more = problem.uses[:, lines] - problem.uses[:, lines, now][:, :, None]
        fits = (add > _SLACK) & np.isfinite(gain) & np.all(more <= left[:, None, None] + _SLACK, axis=0)
        if not fits.any():
            return None
        useful = np.minimum(add, missing)
        rate = np.where(fits, (gain - np.tensordot(prices, more, axes=1)) / np.where(fits, useful, 1.0), -np.inf)
        line, candidate = np.unravel_index(int(np.argmax(rate)), rate.shape)
        left = left - more[:, line, candidate]
        missing -= float(add[line, candidate])
        choice[lines[line]] = candidate
    return choice


def _value_of_relaxing(problem: _Problem, prices: Floats, bound: float) -> Floats:
    """What RELAXED_SHARE more of each limit alone could add at most.

    At the same prices the bound grows by price times room, and no plan is worth more than one without limits.
    """
    room = np.where(np.isfinite(problem.capacity), problem.capacity, 0.0) * RELAXED_SHARE
    free, _ = problem.best_at(np.zeros_like(prices))
    return np.minimum(prices * room, max(problem.worth(free) - bound, 0.0))
