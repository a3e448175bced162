"""Pinball loss and coverage of forecasts of demand over the protection time, at rolling origins of real sets.

    python -m bench.planning.forecasts --data DIR [--sets web-shop,weekly] [--methods rule,trained,...]

At every origin every method sees only what was known then, the trained one is trained anew. Scored is the demand of
the next `length` periods at the levels .5 .8 .9 .95 .99, of series that sold in the year before. "rule" is the source
specification's: mean of the last 90 days, normal spread. The sets as weeks and months are the web shop again.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.planning.sets import Folder
from holdfast.demand import (
    LEVELS,
    METHODS,
    DemandHistory,
    Period,
    best_method,
    forecast_demand,
    ordering_demand,
    without_unsold_start,
)

Floats = NDArray[np.float64]
NORMAL = np.array([0.0, 0.8416212, 1.2815516, 1.6448536, 2.3263479])
RULE_DAYS = 90
SHOWN = ("rule", "ordering", "trained")


@dataclass(frozen=True, slots=True)
class Trial:
    """One set: `origins` origins, `apart` periods apart, the newest one `length` before the end."""

    name: str
    history: DemandHistory
    length: int
    origins: int
    apart: int

    def windows(self) -> Iterator[tuple[DemandHistory, Floats, NDArray[np.bool_]]]:
        """(what was known, units that came, which series are scored: sold in the last year, window wholly seen)."""
        year = self.history.period.per_year
        for back in range(self.origins - 1, -1, -1):
            origin = self.history.days - self.length - back * self.apart
            past, coming = self.history.until(origin), slice(origin, origin + self.length)
            sold = np.where(past.observed, past.quantity, 0)[:, -year:].sum(axis=1) > 0
            clean = self.history.observed[:, coming].all(axis=1)
            units = self.history.quantity[:, coming].sum(axis=1, dtype=np.float64)
            yield past, units, sold & clean


def trials(folder: Folder) -> list[Trial]:
    shop, fresh = folder.web_shop().history, folder.fresh_food().history
    chosen = np.sort(np.random.default_rng(20261121).choice(fresh.series, 1_500, replace=False))
    masked = fresh.rows(chosen)
    bare = replace(masked, observed=without_unsold_start(masked.quantity, np.ones_like(masked.observed)))
    return [
        Trial("web-shop", shop, 21, 8, 42),
        Trial("fresh-food", bare, 7, 5, 7),
        Trial("fresh-food+mask", masked, 7, 5, 7),
        Trial("weekly", folder.weekly().history, 3, 8, 3),
        Trial("web-shop-weeks", _summed(shop, 7, Period.WEEK), 3, 10, 5),
        Trial("web-shop-months", _summed(shop, 30, Period.MONTH), 3, 3, 3),
    ]


def _summed(history: DemandHistory, width: int, period: Period) -> DemandHistory:
    count = history.days // width
    last = slice(history.days - count * width, history.days)
    quantity = history.quantity[:, last].reshape(history.series, count, width).sum(axis=2)
    observed = history.observed[:, last].reshape(history.series, count, width).all(axis=2)
    return DemandHistory(quantity, observed, period)


def rule(past: DemandHistory, length: int) -> Floats:
    """Mean and standard deviation of the last 90 days, normal quantiles: the source specification's safety stock."""
    used = max(1, round(RULE_DAYS / past.period.days))
    seen = past.observed[:, -used:]
    sold = np.where(seen, past.quantity[:, -used:], 0).astype(np.float64)
    count = np.maximum(seen.sum(axis=1), 1)
    mean = sold.sum(axis=1) / count
    variance = np.where(seen, (sold - mean[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(count - 1, 1)
    return np.maximum(mean[:, None] * length + NORMAL * np.sqrt(variance * length)[:, None], 0.0)


def trained(past: DemandHistory, length: int) -> Floats:
    method = best_method(past, [length], cap_bulk=False)
    forecast = forecast_demand(past, length, method, cap_bulk=False)
    return forecast.quantile_over(np.array(LEVELS)[:, None], length).T.astype(np.float64)


def ordering(past: DemandHistory, length: int) -> Floats:
    """What the program itself plans by, in the database and in `plan`: made of this past alone."""
    forecast = forecast_demand(past, length, ordering_demand(past, length), cap_bulk=False)
    return forecast.quantile_over(np.array(LEVELS)[:, None], length).T.astype(np.float64)


def by_series(name: str) -> Callable[[DemandHistory, int], Floats]:
    def quantiles(past: DemandHistory, length: int) -> Floats:
        forecast = forecast_demand(past, length, METHODS[name], cap_bulk=False)
        return forecast.quantile_over(np.array(LEVELS)[:, None], length).T.astype(np.float64)

    return quantiles


METHODS_BY_NAME: dict[str, Callable[[DemandHistory, int], Floats]] = {
    "rule": rule,
    "ordering": ordering,
    "trained": trained,
    **{name: by_series(name) for name in METHODS},
}


@dataclass(frozen=True, slots=True)
class Score:
    """`loss` by series (over the series' own mean sum), `volume_loss` by units; `coverage` per level in percent."""

    sums: int
    loss: float
    volume_loss: float
    coverage: Floats
    seconds: float


def score(trial: Trial, name: str) -> Score:
    losses: list[Floats] = []
    covered: list[NDArray[np.bool_]] = []
    units, scales, seconds = [], [], 0.0
    levels = np.array(LEVELS)
    for past, came, scored in trial.windows():
        start = time.process_time()
        quantiles = METHODS_BY_NAME[name](past, trial.length)[scored]
        seconds += time.process_time() - start
        gap = came[scored, None] - quantiles
        losses.append(np.where(gap > 0, levels * gap, (levels - 1) * gap).mean(axis=1))
        covered.append(gap <= 1e-9)
        units.append(came[scored])
        sold = np.where(past.observed, past.quantity, 0).sum(axis=1)[scored]
        scales.append(sold / np.maximum(past.observed.sum(axis=1)[scored], 1) * trial.length)
    loss, scale = np.concatenate(losses), np.concatenate(scales)
    share = 100 * np.concatenate(covered).mean(axis=0)
    volume = float(loss.sum() / np.concatenate(units).sum())
    return Score(loss.size, float((loss / scale).mean()), volume, share, seconds)


def measure(folder: Folder, sets: str = "", methods: tuple[str, ...] = SHOWN) -> dict[str, float]:
    # What `holdfast forecast` answers, and what the database and `plan` go by: the prefix of their figures.
    told = {"trained": "", "ordering": "ordering_"}
    ratios: dict[str, list[float]] = {name: [] for name in told}
    coverage: dict[str, list[float]] = {name: [] for name in told}
    figures: dict[str, float] = {}
    print("| set | method | sums | loss/rule | volume/rule | coverage of q50/80/90/95/99, % | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for trial in trials(folder):
        if sets and trial.name not in sets.split(","):
            continue
        base = score(trial, "rule")
        for name in methods:
            found = base if name == "rule" else score(trial, name)
            ratio, volume = found.loss / base.loss, found.volume_loss / base.volume_loss
            shares = " / ".join(f"{share:.1f}" for share in found.coverage)
            row = f"{found.sums:,} | {ratio:.3f} | {volume:.3f} | {shares} | {found.seconds:.0f}"
            print(f"| {trial.name} | {name} | {row} |", flush=True)
            if name in told:
                ratios[name].append(ratio)
                # As shares, like every other figure of this program.
                coverage[name].append(float(found.coverage[3]) / 100)
                figures[f"{told[name]}pinball_vs_rule_{trial.name.replace('-', '_').replace('+', '_')}"] = ratio
    for name, prefix in told.items():
        if ratios[name]:
            figures[f"{prefix}pinball_vs_rule_worst"] = max(ratios[name])
            figures[f"{prefix}coverage95_min"] = min(coverage[name])
            figures[f"{prefix}coverage95_max"] = max(coverage[name])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HOLDFAST_BENCH_DATA"), required=False)
    parser.add_argument("--sets", default="")
    parser.add_argument("--methods", default=",".join(SHOWN), help=", ".join(METHODS_BY_NAME))
    asked = parser.parse_args()
    measure(Folder(Path(asked.data or ".")), asked.sets, tuple(asked.methods.split(",")))


if __name__ == "__main__":
    main()
