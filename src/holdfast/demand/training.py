"""Training the global model: rows from past origins, a first model to be judged on newer ones, the final one on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.demand.calibration import Calibration
from holdfast.demand.features import FloatTable, Sums, features_at
from holdfast.demand.history import DemandHistory, Floats, Ints, cap_bulk_days
from holdfast.demand.shape import pinball, quantiles_of
from holdfast.demand.spread import LEVELS, LevelFit
from holdfast.demand.trained import BLENDS, Blend, Boosters, GlobalQuantiles, Members, members_at

if TYPE_CHECKING:
    import lightgbm

ROWS_MAX = 100_000
ROWS_MIN = 300
ORIGINS_MAX = 24

# Held-out origins that the blend is chosen and the levels are calibrated on, and the series looked at there.
HELD_OUT_MAX = 4
HELD_OUT_SERIES = 3_000

# A sum of so many times the level is an accident; it may not pull the trees.
_TARGET_MAX = 50.0

SETTINGS: dict[str, Any] = {
    "learning_rate": 0.06,
    "num_leaves": 12,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "verbosity": -1,
    # The same plan on every machine and whatever else runs on it.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20_261_121,
}
ROUNDS = 130


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: features, the sum that followed over the level, its weight, and when it was known."""

    features: FloatTable
    target: Floats
    weight: Floats
    known_at: Ints

    def until(self, origin: int) -> Rows:
        """The rows whose sums had ended by `origin`."""
        kept = self.known_at <= origin
        return Rows(self.features[kept], self.target[kept], self.weight[kept], self.known_at[kept])


def train_quantiles(
    history: DemandHistory,
    protection_days: Sequence[int] | Ints,
    *,
    cap_bulk: bool = True,
    rows_max: int = ROWS_MAX,
    seed: int = 1,
) -> GlobalQuantiles | None:
    """Learn from everything in `history`; None when there is too little to learn from.

    `protection_days` are the lengths that matter, in periods; up to four of them are trained on. Deterministic: the
    same history, lengths and seed give the same model. One thread.
    """
    capped = cap_bulk_days(history)[0] if cap_bulk else history
    lengths = _lengths(np.asarray(protection_days, np.int64))
    rng = np.random.default_rng(seed)
    rows = _all_rows(capped, lengths, rows_max, rng)
    held = {length: _held_out(capped.days, length) for length in lengths}
    first_held = min((min(origins) for origins in held.values() if origins), default=0)
    early = rows.until(first_held)
    if rows.target.size < ROWS_MIN:
        return None
    if early.target.size < ROWS_MIN:
        return GlobalQuantiles(_boosters(rows), BLENDS[1], Calibration.none())
    blend, calibration = _judged(capped, held, _boosters(early), rng)
    return GlobalQuantiles(_boosters(rows), blend, calibration)


def _lengths(asked: Ints) -> list[int]:
    known = np.unique(np.maximum(asked, 1))
    if known.size <= 4:
        return known.tolist()
    return np.unique(np.quantile(np.maximum(asked, 1), [0.1, 0.4, 0.7, 0.95]).astype(np.int64)).tolist()


def _all_rows(history: DemandHistory, lengths: list[int], rows_max: int, rng: np.random.Generator) -> Rows:
    parts: list[Rows] = []
    origins = {length: _origins(history, length) for length in lengths}
    per_origin = max(200, rows_max // max(1, sum(len(found) for found in origins.values())))
    sums = Sums.of(history)
    for length in lengths:
        for origin in origins[length]:
            parts.append(_rows_at(sums, origin, length, per_origin, rng))
    if not parts:
        return Rows(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    return Rows(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.known_at for part in parts]),
    )


def _origins(history: DemandHistory, length: int) -> list[int]:
    """Newest first, half a length apart, over thirteen months where there are as many."""
    step = max(1, length // 2)
    newest, oldest = history.days - length, 2 * length
    span = round(history.period.per_year * 13 / 12)
    spread = max(step, span // ORIGINS_MAX)
    wide = list(range(newest, oldest - 1, -spread))
    return wide[:ORIGINS_MAX]


def _rows_at(sums: Sums, origin: int, length: int, most: int, rng: np.random.Generator) -> Rows:
    units, seen = sums.window(origin, origin + length)
    table, level = features_at(sums, origin, length)
    usable = (seen >= 0.6 * length) & (level > 0) & (sums.seen[:, origin] >= min(length, 4))
    rows = np.flatnonzero(usable)
    if rows.size > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    target = np.minimum(units[rows] / seen[rows] / level[rows], _TARGET_MAX)
    return Rows(table[rows], target, seen[rows] / length, np.full(rows.size, origin + length, np.int64))


def _held_out(periods: int, length: int) -> list[int]:
    """The newest origins, a length apart, at most a quarter of what there is."""
    possible = (periods - 2 * length) // length
    count = int(np.clip(possible // 4, 0, HELD_OUT_MAX))
    return [periods - length * back for back in range(1, count + 1)]


def _boosters(rows: Rows) -> Boosters:
    import lightgbm

    leaf = int(np.clip(rows.target.size // 250, 20, 150))
    settings = SETTINGS | {"min_data_in_leaf": leaf}
    table = lightgbm.Dataset(rows.features, rows.target, weight=rows.weight, params=settings, free_raw_data=False)

    def trained(**objective: Any) -> lightgbm.Booster:
        return lightgbm.train(settings | objective, table, ROUNDS)

    quantiles = tuple(trained(objective="quantile", alpha=level) for level in LEVELS)
    return Boosters(quantiles, trained(objective="regression"))


def _judged(
    history: DemandHistory, held: dict[int, list[int]], boosters: Boosters, rng: np.random.Generator
) -> tuple[Blend, Calibration]:
    """The blend with the least pinball loss on the held-out origins, and its calibration there."""
    chosen = np.arange(history.series)
    if chosen.size > HELD_OUT_SERIES:
        chosen = np.sort(rng.choice(chosen, HELD_OUT_SERIES, replace=False))
    part = history.rows(chosen)
    sums = Sums.of(part)
    tried: list[tuple[Members, int, Ints, Floats, Floats]] = []
    for length, origins in held.items():
        for origin in origins:
            units, seen = sums.window(origin, origin + length)
            scale = sums.units[:, origin] / np.maximum(sums.seen[:, origin], 1) * length
            rows = np.flatnonzero((seen >= length) & (scale > 0))
            members = members_at(part, sums, origin, length, boosters)
            tried.append((members, length, rows, units[rows], scale[rows]))
    losses = [
        sum(
            _loss(members.blended(blend, length), length, rows, demand, scale)
            for members, length, rows, demand, scale in tried
        )
        for blend in BLENDS
    ]
    blend = BLENDS[int(np.argmin(losses))]
    fits = [(members.blended(blend, length), length, rows, demand) for members, length, rows, demand, _ in tried]
    return blend, _calibration(fits, np.concatenate([scale for *_, scale in tried]))


def _loss(fit: LevelFit, length: int, rows: Ints, demand: Floats, scale: Floats) -> float:
    found = pinball(quantiles_of(fit, length)[rows], demand).mean(axis=1)
    # By series and by volume: neither may be bought with the other.
    return float((found / scale).sum() / rows.size + found.sum() / max(demand.sum(), 1.0)) if rows.size else 0.0


def _calibration(fits: list[tuple[LevelFit, int, Ints, Floats]], scale: Floats) -> Calibration:
    """All held-out sums as one table: sums over different lengths are alike once they are probabilities."""

    def column(name: str, power: int) -> Floats:
        return np.concatenate([getattr(fit, name)[rows] * length**power for fit, length, rows, _ in fits])

    shift = np.concatenate([fit.level_shift[rows] for fit, _, rows, _ in fits if fit.level_shift is not None])
    whole = LevelFit(column("daily_mean", 1), column("day_variance", 1), column("level_variance", 2), shift)
    return Calibration.learned(whole, 1, np.concatenate([demand for *_, demand in fits]), scale)
