"""Training the global model: rows from past origins, a first model to be judged on newer ones, the final one on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.demand.averaged import Averaged
from holdfast.demand.calibration import Calibration
from holdfast.demand.features import FloatTable, Sums, features_at
from holdfast.demand.history import DemandHistory, Floats, Ints, cap_bulk_days, finest_unit, in_units
from holdfast.demand.methods import DemandMethod
from holdfast.demand.shape import pinball
from holdfast.demand.spread import LEVELS, LevelFit
from holdfast.demand.trained import BLENDS, UNJUDGED, USUAL, Blend, Boosters, GlobalQuantiles, Members, members_at

if TYPE_CHECKING:
    import lightgbm

ROWS_MAX = 100_000
ROWS_MIN = 300
ORIGINS_MAX = 24

# Held-out origins that the blend is chosen and the levels are calibrated on, and the series looked at there.
HELD_OUT_MAX = 4
HELD_OUT_SERIES = 3_000

# A blend that lost 5 % more at one held-out origin weighs e times less; the usual one starts with three votes.
VOTE_SHARPNESS = 20.0
USUAL_VOTES = 3.0

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
    unit: float | None = None,
    rows_max: int = ROWS_MAX,
    seed: int = 1,
) -> GlobalQuantiles | None:
    """Learn from everything in `history`; None when there is too little to learn from.

    `protection_days` are the lengths that matter, in periods; up to four of them are trained on. Deterministic: the
    same history, lengths and seed give the same model. One thread.
    """
    counted = in_units(history, finest_unit(history) if unit is None else unit)
    capped = cap_bulk_days(counted)[0] if cap_bulk else counted
    lengths = _lengths(np.asarray(protection_days, np.int64))
    rng = np.random.default_rng(seed)
    rows = _all_rows(capped, lengths, rows_max, rng)
    held = {length: _held_out(capped.days, length) for length in lengths}
    first_held = min((min(origins) for origins in held.values() if origins), default=0)
    early = rows.until(first_held)
    if rows.target.size < ROWS_MIN:
        return None
    if early.target.size < ROWS_MIN:
        return GlobalQuantiles(_boosters(rows), UNJUDGED, Calibration.none())
    blend, calibration = _judged(capped, held, _boosters(early), rng)
    return GlobalQuantiles(_boosters(rows), blend, calibration)


def best_method(
    history: DemandHistory, protection_days: Sequence[int] | Ints, *, cap_bulk: bool = True, unit: float | None = None
) -> DemandMethod:
    """The global model where there is enough to learn from, else the mean of the per-series methods."""
    return train_quantiles(history, protection_days, cap_bulk=cap_bulk, unit=unit) or Averaged()


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
    _, seen = sums.window(origin, origin + length)
    usable = (seen >= 0.6 * length) & (sums.seen[:, origin] >= min(length, 4)) & (sums.units[:, origin] > 0)
    rows = np.flatnonzero(usable)
    if rows.size > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    chosen = sums.rows(rows)
    units, seen = chosen.window(origin, origin + length)
    table, level = features_at(chosen, origin, length)
    target = np.minimum(units / seen / level, _TARGET_MAX)
    return Rows(table, target, seen / length, np.full(rows.size, origin + length, np.int64))


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
    """The blend that the held-out origins speak for, and its calibration there."""
    chosen = np.arange(history.series)
    most = HELD_OUT_SERIES // len(held)
    if chosen.size > most:
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    part = history.rows(chosen)
    sums = Sums.of(part)
    tried: list[_Tried] = []
    for length, origins in held.items():
        for origin in origins:
            units, seen = sums.window(origin, origin + length)
            scale = sums.units[:, origin] / np.maximum(sums.seen[:, origin], 1) * length
            # What has not sold for a year is another matter than what is sold: it would be judged by its revivals.
            sold_lately = sums.window(origin - history.period.per_year, origin)[0] > 0
            rows = np.flatnonzero((seen >= length) & sold_lately)
            members = members_at(part, sums, origin, length, boosters)
            tried.append(_Tried(members, origin, length, rows, units[rows], scale[rows]))
    blend = _voted(tried)
    return blend, _calibration(tried, blend)


def _voted(tried: list[_Tried]) -> Blend:
    """The mean of all blends, each weighing less the more it lost there, and the more origins say so.

    The one blend that lost least is often another one at the next origin: by chance, and because the model judged
    here was trained on less than the final one.
    """
    loss = np.array([sum(trial.loss(one) for trial in tried) for one in BLENDS])
    if not loss.min() > 0:
        return USUAL
    weight = np.exp(-VOTE_SHARPNESS * len(tried) * (loss / loss.min() - 1.0))
    weight[BLENDS.index(USUAL)] *= USUAL_VOTES
    shares = weight @ np.array([astuple(one) for one in BLENDS]) / weight.sum()
    return Blend(*shares.tolist())


@dataclass(frozen=True, slots=True)
class _Tried:
    """What was said at one held-out origin, and for `rows` what came."""

    members: Members
    origin: int
    length: int
    rows: Ints
    demand: Floats
    scale: Floats

    def loss(self, blend: Blend) -> float:
        """By series and by volume: neither may be bought with the other."""
        if not self.rows.size:
            return 0.0
        found = pinball(blend.of(self.members.quantiles)[self.rows], self.demand).mean(axis=1)
        return float((found / self.scale).mean() + found.sum() / max(self.demand.sum(), 1.0))


def _calibration(tried: list[_Tried], blend: Blend) -> Calibration:
    """All held-out sums as one table: sums over different lengths are alike once they are probabilities."""
    fits = [trial.members.blended(blend, trial.length) for trial in tried]

    def column(name: str, power: int) -> Floats:
        pairs = zip(fits, tried, strict=True)
        return np.concatenate([getattr(fit, name)[trial.rows] * trial.length**power for fit, trial in pairs])

    shifts = zip((fit.level_shift for fit in fits), tried, strict=True)
    shift = np.concatenate([known[trial.rows] for known, trial in shifts if known is not None])
    whole = LevelFit(column("daily_mean", 1), column("day_variance", 1), column("level_variance", 2), shift)
    demand, scale = (np.concatenate([getattr(trial, name) for trial in tried]) for name in ("demand", "scale"))
    origin = np.concatenate([np.full(trial.rows.size, trial.origin, np.int64) for trial in tried])
    return Calibration.learned(whole, 1, demand, scale, origin)
