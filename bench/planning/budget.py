"""20,000 order lines under a budget and a volume: how long the choice takes, and how far it can be from the best."""

from __future__ import annotations

import time

import numpy as np

from bench.planning.sets import Folder
from holdfast.replenishment.budget import Choices, Limits, choose_within
from holdfast.replenishment.candidates import Need, choices_for
from holdfast.replenishment.fill_rate import Waits

# Both limits bind: 40 % of the money and 30 % of the room that the best quantities would take without limits.
CASH_SHARE = 0.40
VOLUME_SHARE = 0.30
REPEATS = 3


def lines_of(count: int, seed: int = 20261121) -> Choices:
    """Lines like a shop's: gamma demand, lognormal prices and volumes, packs, minimums, one price break."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(0.8, 40.0, count) + 0.5
    price = rng.lognormal(1.0, 1.0, count)
    waits = Waits(mean * 0.9, mean * 3.0, mean, mean * 3.3)
    breaks = np.stack([np.zeros(count), np.ceil(mean * 1.5)], axis=1)
    prices = np.stack([price * 0.6, price * 0.57], axis=1)
    need = Need(
        waits=waits,
        position=rng.poisson(mean * 0.5).astype(np.int64),
        wanted=np.ceil(mean * 1.2).astype(np.int64),
        moq=rng.choice([1, 1, 6, 12], count),
        multiple=rng.choice([1, 1, 6, 12], count),
        room=np.full(count, 1_000_000),
        margin=price * 0.4,
        holding=price * 0.6 * 0.25 / 365.0,
        ordering=np.full(count, 2.0),
        protection=np.full(count, 10.0),
        break_from=breaks,
        unit_price=prices,
    )
    # Volume has little to do with the price, so the two limits pull in different directions.
    return choices_for(need, volume=rng.lognormal(-4.0, 1.0, count))[0]


def limits_of(choices: Choices) -> Limits:
    free = np.argmax(choices.benefit, axis=1)
    used = choices.uses[np.arange(free.size), free].sum(axis=0)
    return Limits(used * np.array([CASH_SHARE, VOLUME_SHARE]))


def measure(folder: Folder | None) -> dict[str, float]:
    """`folder` is not needed: the lines are drawn."""
    figures: dict[str, float] = {}
    for count in (200, 2_000, 20_000):
        choices = lines_of(count)
        limits = limits_of(choices)
        seconds: list[float] = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            chosen = choose_within(choices, limits)
            seconds.append(time.perf_counter() - start)
        assert np.all(chosen.used <= limits.capacity * (1 + 1e-9)), "the choice keeps the limits"
        took, gap = float(np.median(seconds)), 100.0 * chosen.gap_share
        used = ", ".join(f"{share:.2%}" for share in chosen.used / limits.capacity)
        print(f"{count:6,} lines: {took:6.3f} s, worth {chosen.value:,.0f}, gap {gap:.4f} %, limits used {used}")
        figures = {"budget_20000_seconds": took, "budget_20000_gap_pct": gap}
    return figures
