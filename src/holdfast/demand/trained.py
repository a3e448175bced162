"""One model for all series: quantiles of the lead-time sum, learned from what followed past origins.

LightGBM (Ke et al. 2017) with the pinball objective, one model per quantile and one for the mean. The target is the
sum over the protection time divided by the series' level, so that all series teach one another. Its quantiles are
averaged with those of per-series methods, and the result is calibrated on origins the first model never saw.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.demand.averaged import bent_to
from holdfast.demand.calibration import Calibration
from holdfast.demand.features import FloatTable, Sums, features_at
from holdfast.demand.history import DemandHistory, Floats, Ints
from holdfast.demand.methods import Aggregated, DemandMethod, ExponentialSmoothing, Intermittent, MovingAverage
from holdfast.demand.shape import quantiles_of
from holdfast.demand.spread import LevelFit, adrift, joined, same_lengths

if TYPE_CHECKING:
    import lightgbm

# Of the saved text. The first had three shares in its blend and is read too.
FORMAT, FORMATS_READ = 2, (1, 2)


@dataclass(frozen=True, slots=True)
class Blend:
    """Shares of the global model and of the per-series MEMBERS, in their order, in the quantiles and the mean."""

    trained: float
    smoothing: float
    intermittent: float
    aggregated: float = 0.0
    everything: float = 0.0

    def of(self, members: tuple[Floats, ...]) -> Floats:
        shares = (self.trained, self.smoothing, self.intermittent, self.aggregated, self.everything)
        return sum((share * told for share, told in zip(shares, members, strict=True) if share), np.zeros(1))


# The per-series methods beside the model. The mean of everything known is what series without a trend come back to.
MEMBERS: tuple[DemandMethod, ...] = (
    ExponentialSmoothing(),
    Intermittent(),
    Aggregated(),
    MovingAverage(36_500, "all-history-negbin"),
)

# The first six were fixed before looking at the data sets; the last three came with the two members more, after
# looking at half of the series.
BLENDS = (
    Blend(0.6, 0.4, 0.0),
    Blend(0.6, 0.2, 0.2),
    Blend(0.6, 0.0, 0.4),
    Blend(0.8, 0.1, 0.1),
    Blend(0.3, 0.35, 0.35),
    Blend(0.0, 0.5, 0.5),
    Blend(0.5, 0.1, 0.0, 0.2, 0.2),
    Blend(0.4, 0.0, 0.0, 0.3, 0.3),
    Blend(0.6, 0.0, 0.2, 0.2, 0.0),
)

# Where nothing speaks for another, and where there is no held-out origin to judge the model by.
USUAL, UNJUDGED = BLENDS[0], BLENDS[4]


@dataclass(frozen=True, slots=True)
class Boosters:
    """One model per level of LEVELS, and one for the mean, of the sum in multiples of the level."""

    quantiles: tuple[lightgbm.Booster, ...]
    mean: lightgbm.Booster

    def predict(self, table: FloatTable) -> tuple[Floats, Floats]:
        """(rows, LEVELS) quantiles, never crossing, and the mean, both at least 0."""
        found = np.stack([model.predict(table, num_threads=1) for model in self.quantiles], axis=1)
        mean = self.mean.predict(table, num_threads=1)
        return np.sort(np.maximum(found, 0.0), axis=1), np.maximum(mean, 0.0)


@dataclass(frozen=True, slots=True)
class Members:
    """What each member of the blend says of the same sums: (series, LEVELS) quantiles and the mean of the sum."""

    quantiles: tuple[Floats, ...]
    means: tuple[Floats, ...]
    plain: LevelFit  # the smoothing, whose split of the variance carries over to other lengths

    def blended(self, blend: Blend, length: int) -> LevelFit:
        """Mean and variance of the blended quantiles, and the shift to them."""
        return bent_to(blend.of(self.quantiles), blend.of(self.means), self.plain, length)


def members_at(history: DemandHistory, sums: Sums, origin: int, length: int, boosters: Boosters) -> Members:
    """Every member's word at one origin, from the first `origin` periods only."""
    past = history.until(origin)
    lengths = np.full(history.series, length, np.int64)
    fits = [member.fit(past, lengths) for member in MEMBERS]
    by_series = [quantiles_of(fit, lengths) for fit in fits]
    by_mean = [fit.daily_mean * length for fit in fits]
    table, level = features_at(sums, origin, length)
    quantiles, mean = boosters.predict(table)
    scale = level * length
    return Members((quantiles * scale[:, None], *by_series), (mean * scale, *by_mean), fits[0])


@dataclass(frozen=True, slots=True)
class GlobalQuantiles:
    """The trained method: a `DemandMethod` like any other, for the kind of period it was trained on."""

    boosters: Boosters
    blend: Blend
    calibration: Calibration

    @property
    def name(self) -> str:
        return "global-quantiles"

    def fit(self, history: DemandHistory, protection_days: Ints) -> LevelFit:
        parts: list[tuple[Ints, LevelFit]] = []
        for length, rows in same_lengths(protection_days):
            part = history.rows(rows)
            fit = members_at(part, Sums.of(part), part.days, length, self.boosters).blended(self.blend, length)
            if not self.calibration.is_tried:
                fit = adrift(fit, part.days, length)
            parts.append((rows, self.calibration.applied(fit, length)))
        return joined(parts, history.series)

    def save(self, file: Path) -> None:
        """Write as one JSON text; the trees in LightGBM's own text form."""
        content = {
            "format": FORMAT,
            "quantiles": [model.model_to_string() for model in self.boosters.quantiles],
            "mean": self.boosters.mean.model_to_string(),
            "blend": list(astuple(self.blend)),
            "calibration": self.calibration.as_lists(),
        }
        beside = file.with_name(file.name + ".part")
        beside.write_text(json.dumps(content))
        beside.replace(file)


def load_quantiles(file: Path) -> GlobalQuantiles:
    """What `save` wrote. Raises ValueError when the file is of another format."""
    import lightgbm

    content: dict[str, Any] = json.loads(file.read_text())
    if content.get("format") not in FORMATS_READ:
        raise ValueError(f"{file.name} is not a model of this version; train again.")
    models = tuple(lightgbm.Booster(model_str=text) for text in content["quantiles"])
    boosters = Boosters(models, lightgbm.Booster(model_str=content["mean"]))
    return GlobalQuantiles(boosters, Blend(*content["blend"]), Calibration.from_lists(content["calibration"]))
