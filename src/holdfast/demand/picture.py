"""The picture of a SKU's demand: what sold, what was lost, what was a one-off, and what is expected. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import numpy as np

from holdfast.demand.history import DEMAND_CLASSES
from holdfast.demand.model import DemandForecast
from holdfast.demand.overrides import daily_means

By = Literal["week", "day"]
LEVELS: Final = (0.1, 0.5, 0.9)
PERIOD_DAYS: Final[Mapping[str, int]] = {"week": 7, "day": 1}
# A year of weeks or a quarter of days fits on a screen, and 13 weeks are 91 days.
PAST: Final[Mapping[str, int]] = {"week": 52, "day": 90}
AHEAD: Final[Mapping[str, int]] = {"week": 13, "day": 90}


@dataclass(frozen=True, slots=True)
class Place:
    """One warehouse of the SKU: its forecast, None where there is none, and the sums of its graded forecasts."""

    warehouse_id: UUID
    warehouse: str
    today: date
    made_at: datetime | None
    method: str | None
    demand_class: str | None
    daily_mean: float | None
    trend: float | None
    day_variance: float | None
    level_variance: float | None
    observed_days: int | None
    override_daily_mean: float | None
    season_factor: float | None
    graded: int
    actual_units: float
    error_units: float
    naive_error_units: float
    bias_units: float


@dataclass(frozen=True, slots=True)
class WantedDay:
    """Units of one day. ``lost`` is an estimate and no part of the others."""

    day: date
    ordinary: int
    one_off: int
    lost: float


@dataclass(frozen=True, slots=True)
class Said:
    """A planner's figure for days of one warehouse: ``level`` units a day, or ``percent`` more than the model."""

    warehouse_id: UUID
    first_day: date
    last_day: date
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Period:
    """A week or a day that is over."""

    first_day: date
    ordinary: int
    one_off: int
    lost: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """Units of each coming period: expected by the model, and its quantiles, the same for all; ``planned`` per period.

    ``planned`` is None where no planner said anything else.
    """

    expected: float
    low: int
    middle: int
    high: int
    planned: tuple[float | None, ...]


def periods(days: Sequence[WantedDay], *, today: date, by: By) -> tuple[Period, ...]:
    """Whole periods up to yesterday, oldest first: a week that still runs would look like a bad one."""
    width, count = PERIOD_DAYS[by], PAST[by]
    start = today - timedelta(days=width * count)
    ordinary, one_off, lost = [0] * count, [0] * count, [0.0] * count
    for one in days:
        place = (one.day - start).days // width
        if 0 <= place < count:
            ordinary[place] += one.ordinary
            one_off[place] += one.one_off
            lost[place] += one.lost
    return tuple(
        Period(start + timedelta(days=width * n), ordinary[n], one_off[n], round(lost[n], 1)) for n in range(count)
    )


def summed(places: Sequence[Place]) -> DemandForecast | None:
    """One forecast of the places together: means and variances add up, taking warehouses as independent."""
    known = [p for p in places if p.daily_mean is not None]
    if not known:
        return None

    def total(values: Sequence[float | None]) -> Any:
        return np.array([sum(value or 0.0 for value in values)], np.float64)

    mean = total([p.daily_mean for p in known])
    weights = [(p.daily_mean or 0.0) / mean[0] if mean[0] else 1 / len(known) for p in known]
    kind = max(known, key=lambda p: p.daily_mean or 0.0).demand_class or DEMAND_CLASSES[0]
    return DemandForecast(
        daily_mean=mean,
        day_variance=total([p.day_variance for p in known]),
        level_variance=total([p.level_variance for p in known]),
        trend_pct_per_week=total([(p.trend or 0.0) * w for p, w in zip(known, weights, strict=True)]),
        demand_class=np.array([list(map(str, DEMAND_CLASSES)).index(str(kind))], np.int8),
        observed_days=np.array([max(p.observed_days or 0 for p in known)], np.int64),
        bulk_units=np.zeros(1, np.int64),
    )


def ahead(places: Sequence[Place], said: Sequence[Said], *, by: By) -> Ahead | None:
    """What is expected of each coming period; None without a forecast."""
    forecast = summed(places)
    if forecast is None:
        return None
    width = PERIOD_DAYS[by]
    low, middle, high = forecast.quantile_over(np.array(LEVELS)[:, None], np.array([float(width)]))[:, 0].tolist()
    expected = float(forecast.daily_mean[0]) * width
    planned = planned_days(places, said, days=width * AHEAD[by])
    sums = [sum(planned[start : start + width]) for start in range(0, len(planned), width)]
    is_said = [abs(value - expected) > 0.005 for value in sums]
    return Ahead(
        expected=expected,
        low=low,
        middle=middle,
        high=high,
        planned=tuple(round(v, 2) if changed else None for v, changed in zip(sums, is_said, strict=True)),
    )


def planned_days(places: Sequence[Place], said: Sequence[Said], *, days: int) -> list[float]:
    """Expected units of each coming day, from today on, with what planners said."""
    total = np.zeros(days, np.float64)
    for place in places:
        if place.daily_mean is None:
            continue
        here = [
            {
                "first_ahead": max((one.first_day - place.today).days, 0),
                "last_ahead": (one.last_day - place.today).days,
                "kind": one.kind,
                "value": one.value,
            }
            for one in said
            if one.warehouse_id == place.warehouse_id and one.last_day >= place.today
        ]
        total += daily_means(place.daily_mean, days, here)
    return total.tolist()


def chart_of(past: Sequence[Period], coming: Ahead | None, *, today: date, by: By, words: Mapping[str, str]) -> Any:
    """The picture as the script draws it: one column per period, the past first; times in milliseconds UTC."""
    width, count = PERIOD_DAYS[by], AHEAD[by] if coming else 0
    starts = [p.first_day for p in past] + [today + timedelta(days=width * n) for n in range(count)]
    gap: list[float | None] = [None] * len(past)

    def rest(value: float) -> list[float | None]:
        return [*gap, *([round(value, 2)] * count)]

    return {
        "kind": "demand",
        "starts": [int(datetime.combine(day, time(), UTC).timestamp() * 1000) for day in starts],
        "past": len(past),
        "ordinary": [p.ordinary for p in past],
        "one_off": [p.one_off for p in past],
        "lost": [p.lost for p in past],
        "expected": rest(coming.expected) if coming else [],
        "low": rest(coming.low) if coming else [],
        "middle": rest(coming.middle) if coming else [],
        "high": rest(coming.high) if coming else [],
        "planned": [*gap, *coming.planned] if coming and any(v is not None for v in coming.planned) else [],
        "words": words,
    }
