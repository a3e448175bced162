"""What a forecast says, in words anyone in the shop understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.access.visit import Visit
from holdfast.demand.picture import LEVELS, Ahead, By, Period, Place, WantedDay, summed
from holdfast.web.i18n import N_

# How each method works, without its name.
METHODS: Final[Mapping[str, str]] = {
    "ses-negbin": N_("Worked out from the last year, recent days counting more than old ones."),
    "moving-average": N_("Worked out as the plain average of the last 90 days."),
    "all-history-negbin": N_("Worked out as the plain average of everything known."),
    "tsb-negbin": N_("Worked out from how often it sells and how much at a time, because it sells rarely."),
    "adida-negbin": N_("Worked out from sums of several days, because single days say little."),
    "window-bootstrap": N_("Worked out from what past times of the same length sold."),
    "seasonal-negbin": N_("Worked out from the same season of earlier years."),
    "ordering-demand": N_("Worked out from recent days, and from how often it sells and how much at a time."),
}
OTHER_METHOD: Final = N_("Worked out from its own past.")
CLASSES: Final[Mapping[str, str]] = {
    "smooth": N_("It sells evenly."),
    "erratic": N_("It sells often, but in uneven quantities."),
    "intermittent": N_("It sells now and then."),
    "lumpy": N_("It sells rarely and in bursts."),
}
# Below these nobody would do anything about it.
BIAS_SHARE_MIN: Final = 0.05
TREND_PERCENT_MIN: Final = 0.5
SEASON_SHARE_MIN: Final = 0.02


@dataclass(frozen=True, slots=True)
class Expectation:
    """The sum in words, one sentence each; ``warnings`` are what deserves a look."""

    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


def rate_words(visit: Visit, places: Sequence[Place]) -> str:
    """The page in one sentence: "About 12 a week, rising"."""
    forecast = summed(places)
    if forecast is None or not forecast.observed_days[0]:
        return visit.words.gettext("No forecast yet")
    weekly, trend = float(forecast.daily_mean[0]) * 7, float(forecast.trend_pct_per_week[0])
    if weekly < 0.05:
        return visit.words.gettext("Hardly any demand")
    units = visit.formats.number(weekly, 0 if weekly >= 10 else 1)
    if trend >= TREND_PERCENT_MIN:
        return visit.words.gettext("About %(units)s a week, rising", units=units)
    if trend <= -TREND_PERCENT_MIN:
        return visit.words.gettext("About %(units)s a week, falling", units=units)
    return visit.words.gettext("About %(units)s a week", units=units)


def expectation_of(
    visit: Visit, places: Sequence[Place], past: Sequence[Period], days: Sequence[WantedDay]
) -> Expectation | None:
    """None without a forecast."""
    forecast = summed(places)
    if forecast is None:
        return None
    words, formats = visit.words, visit.formats
    known = [p for p in places if p.daily_mean is not None]
    low, _, high = forecast.quantile_over(np.array(LEVELS)[:, None], np.array([7.0]))[:, 0].tolist()
    first = max(known, key=lambda p: p.daily_mean or 0.0)
    sells = [
        words.gettext("8 of 10 weeks bring %(low)s to %(high)s.", low=formats.number(low), high=formats.number(high)),
        words.gettext(CLASSES.get(str(first.demand_class), CLASSES["smooth"])),
    ]
    said = [
        *(sells if high > 0 else []),
        words.gettext(METHODS.get(str(first.method), OTHER_METHOD)),
        _error_words(visit, known),
    ]
    trend = float(forecast.trend_pct_per_week[0])
    if abs(trend) >= TREND_PERCENT_MIN:
        share = formats.percent(round(abs(trend)) / 100 if abs(trend) >= 1 else 0.01)
        said.insert(
            1,
            words.gettext("It rises by about %(share)s a week.", share=share)
            if trend > 0
            else words.gettext("It falls by about %(share)s a week.", share=share),
        )
    said += _season_words(visit, first.season_factor)
    if any(p.override_daily_mean is not None for p in known):
        weekly = 7 * sum(
            (p.daily_mean or 0.0) if p.override_daily_mean is None else p.override_daily_mean for p in known
        )
        said.append(
            words.gettext(
                "With what planners said, the next orders count on about %(units)s a week.",
                units=formats.number(weekly, 0 if weekly >= 10 else 1),
            )
        )
    return Expectation(tuple(said), _warnings(visit, known, past, days))


def _season_words(visit: Visit, factor: float | None) -> list[str]:
    """What the season ahead does to the figures above, where it does something."""
    change = (factor or 1.0) - 1.0
    if abs(change) < SEASON_SHARE_MIN:
        return []
    share = visit.formats.percent(abs(change))
    return [
        visit.words.gettext("The season ahead is in it: %(share)s more than of late, as a year ago.", share=share)
        if change > 0
        else visit.words.gettext("The season ahead is in it: %(share)s less than of late, as a year ago.", share=share)
    ]


def _error_words(visit: Visit, places: Sequence[Place]) -> str:
    actual = sum(p.actual_units for p in places)
    if not actual:
        return visit.words.gettext(
            "How good it is will be known when its first forecasts are over: each is compared with what came."
        )
    error, naive = (sum(p.error_units for p in places), sum(p.naive_error_units for p in places))
    return visit.words.gettext(
        "Forecasts of the last year were off by %(error)s on average; “as much as before” would have been off by"
        " %(naive)s.",
        error=visit.formats.percent(error / actual),
        naive=visit.formats.percent(naive / actual),
    )


def _warnings(
    visit: Visit, places: Sequence[Place], past: Sequence[Period], days: Sequence[WantedDay]
) -> tuple[str, ...]:
    words, formats = visit.words, visit.formats
    found: list[str] = []
    actual, bias = sum(p.actual_units for p in places), sum(p.bias_units for p in places)
    if actual and abs(bias) / actual >= BIAS_SHARE_MIN:
        share = formats.percent(abs(bias) / actual)
        found.append(
            words.gettext("Forecasts were too high by %(share)s in all.", share=share)
            if bias > 0
            else words.gettext("Forecasts were too low by %(share)s in all.", share=share)
        )
    lost, one_off = round(sum(p.lost for p in past)), sum(d.one_off for d in days)
    if lost:
        found.append(
            words.gettext(
                "About %(units)s were probably lost while the shelf was empty; those days do not lower the forecast.",
                units=formats.number(lost),
            )
        )
    if one_off:
        found.append(
            words.gettext("%(units)s belong to one-off orders and are left out.", units=formats.number(one_off))
        )
    return tuple(found)


def chart_summary(visit: Visit, past: Sequence[Period], coming: Ahead | None, *, by: By) -> str:
    """What the picture shows, to people who do not see it."""
    words, formats = visit.words, visit.formats
    sold = words.gettext(
        "%(sold)s sold, %(one_off)s of them in one-off orders, about %(lost)s lost on empty shelves.",
        sold=formats.number(sum(p.ordinary + p.one_off for p in past)),
        one_off=formats.number(sum(p.one_off for p in past)),
        lost=formats.number(sum(p.lost for p in past)),
    )
    if coming is None:
        return sold
    facts = {
        "expected": formats.number(coming.expected, 1),
        "low": formats.number(coming.low),
        "high": formats.number(coming.high),
    }
    expected = (
        words.gettext("Expected: %(expected)s a week, 8 of 10 times %(low)s to %(high)s.", **facts)
        if by == "week"
        else words.gettext("Expected: %(expected)s a day, 8 of 10 times %(low)s to %(high)s.", **facts)
    )
    return f"{sold} {expected}"
