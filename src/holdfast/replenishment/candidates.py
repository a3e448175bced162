"""Candidate quantities of every order line, and what each is expected to be worth. Pure.

Candidates are what a supplier takes: nothing, the minimum, the starts of price brackets, the wanted quantity and
steps between. The worth of a quantity: sales it saves before the delivery after next, less holding what is left then
until it is sold, less the order cost, plus what a lower price saves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.replenishment.budget import Choices
from holdfast.replenishment.fill_rate import Waits, expected_shortage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Steps on the way to the wanted quantity and beyond it.
STEPS = (0.25, 0.5, 0.75, 1.0, 1.5)

# What is left over is counted as held for at most this many protection times.
LEFTOVER_TIMES_MAX = 4.0


@dataclass(frozen=True, slots=True)
class Need:
    """One entry per line. `position` units there or coming; `wanted` units the levels ask for.

    `margin` per unit sold, `holding` per unit and period, `ordering` per line. `break_from` and `unit_price` are
    (lines, brackets), price inf where a bracket does not exist. `room` units that fit under the maximum stock.
    """

    waits: Waits
    position: Ints
    wanted: Ints
    moq: Ints
    multiple: Ints
    room: Ints
    margin: Floats
    holding: Floats
    ordering: Floats
    protection: Floats
    break_from: Floats
    unit_price: Floats


def candidate_quantities(need: Need) -> Ints:
    """(lines, candidates) units, whole multiples of at least the minimum, ascending; candidate 0 is 0.

    What does not fit, and what repeats an earlier candidate, is -1: it does not exist.
    """
    wanted = np.maximum(need.wanted, 1).astype(np.float64)
    steps = wanted[:, None] * np.asarray(STEPS)[None, :]
    starts = np.where(np.isfinite(need.unit_price), need.break_from, 0.0)
    raw = np.concatenate([need.moq[:, None].astype(np.float64), steps, starts], axis=1)
    multiple = np.maximum(need.multiple, 1)[:, None]
    units = np.maximum(np.ceil(raw), np.maximum(need.moq, 1)[:, None]).astype(np.int64)
    units = np.sort(-(-units // multiple) * multiple, axis=1)
    repeated = np.concatenate([np.zeros((units.shape[0], 1), np.bool_), units[:, 1:] == units[:, :-1]], axis=1)
    units = np.where(repeated | (units > need.room[:, None]), -1, units)
    return np.concatenate([np.zeros((units.shape[0], 1), np.int64), units], axis=1)


def price_at(quantity: Ints, break_from: Floats, unit_price: Floats) -> Floats:
    """(lines, candidates) price per unit: of the highest bracket that starts at or below the quantity."""
    reached = break_from[:, None, :] <= quantity[:, :, None]
    valid = reached & np.isfinite(unit_price)[:, None, :]
    last = unit_price.shape[1] - 1 - np.argmax(valid[:, :, ::-1], axis=2)
    return np.take_along_axis(unit_price, last, axis=1)


def worth_of(need: Need, quantity: Ints) -> Floats:
    """(lines, candidates) expected benefit in money; 0 for nothing, -inf where there is no such candidate."""
    mean = need.waits.protection_mean[:, None]
    variance = need.waits.protection_variance[:, None]
    units = np.maximum(quantity, 0)
    before = np.maximum(need.position, 0)[:, None]
    after = before + units
    debt = np.maximum(-need.position, 0)[:, None]  # customers who wait already are served first
    short_before = expected_shortage(np.maximum(before, 0), mean, variance) + debt
    short_after = expected_shortage(np.maximum(after - debt, 0), mean, variance) + np.maximum(debt - after, 0)
    left = (after - debt) - mean + short_after
    left_before = before - debt - mean + short_before
    per_period = np.maximum(mean / np.maximum(need.protection, 1e-9)[:, None], 1e-9)
    longest = LEFTOVER_TIMES_MAX * need.protection[:, None]
    held = _held(left, per_period, longest) - _held(left_before, per_period, longest)
    price = price_at(units, need.break_from, need.unit_price)
    base = need.unit_price[:, :1]
    worth = (
        need.margin[:, None] * (short_before - short_after)
        - need.holding[:, None] * held
        - np.where(units > 0, need.ordering[:, None], 0.0)
        + (base - price) * units
    )
    return np.where(quantity < 0, -np.inf, np.where(units == 0, 0.0, worth))


def choices_for(need: Need, *, volume: Floats | None = None, supplier: Ints | None = None) -> tuple[Choices, Ints]:
    """What `choose_within` needs, limits in the order cash, volume (where given); and the candidate quantities."""
    quantity = candidate_quantities(need)
    units = np.maximum(quantity, 0)
    cash = units * price_at(units, need.break_from, need.unit_price)
    uses = [cash] if volume is None else [cash, units * volume[:, None]]
    return Choices(worth_of(need, quantity), np.stack(uses, axis=2), group=supplier, value=cash), quantity


def _held(left: Floats, per_period: Floats, longest: Floats) -> Floats:
    """Unit-periods until what is left is sold: half of its own run-down time each."""
    units = np.maximum(left, 0.0)
    return units * np.minimum(units / (2.0 * per_period), longest)
