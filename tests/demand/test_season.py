"""The season ahead: ordered for before it comes, not any more when it ends, and never made up."""

import numpy as np
import pytest

from holdfast.demand import DemandHistory, Period, forecast_demand
from holdfast.demand.season import OrderingDemand, ordering_demand, season_ahead, season_index
from holdfast.demand.spread import DRIFT, DRIFT_POWER

DAYS = np.arange(730)


def shop(until: int, *, season: bool = True, series: int = 40) -> DemandHistory:
    """Forty series of about four a day, three times as much in the last two months of every year."""
    wanted = np.where(season & (DAYS % 365 >= 305), 12.0, 4.0)
    sold = np.random.default_rng(2).poisson(np.broadcast_to(wanted, (series, 730)))[:, :until]
    return DemandHistory(sold, np.ones(sold.shape, np.bool_), Period.DAY)


def factor(history: DemandHistory, days: int) -> float:
    index = season_index(history)
    return 1.0 if index is None else float(season_ahead(index, history, np.array([days]))[0])


def test_stock_for_a_season_is_ordered_a_lead_time_before_it() -> None:
    before = shop(365 + 300)
    assert factor(before, 21) > 1.4
    assert factor(shop(365 + 240), 21) == pytest.approx(1.0, abs=0.1), "not months before"


def test_what_a_season_leaves_is_not_ordered_again() -> None:
    assert factor(shop(725), 14) < 0.92


def test_without_a_season_or_without_a_year_there_is_no_factor() -> None:
    assert factor(shop(665, season=False), 21) == pytest.approx(1.0, abs=0.05)
    assert season_index(shop(380)) is None
    assert season_index(shop(665, series=5)) is None


def test_new_series_are_no_season() -> None:
    history = shop(665, season=False)
    observed = history.observed.copy()
    observed[20:, :290] = False  # half of the assortment was launched shortly before this time a year ago
    assert factor(DemandHistory(history.quantity, observed), 21) == pytest.approx(1.0, abs=0.05)


def test_the_same_series_gets_the_same_forecast_among_any_others() -> None:
    history = shop(665)
    method = ordering_demand(history, 21)
    assert method.regression is not None
    whole = forecast_demand(history, 21, method)
    part = forecast_demand(history.rows(np.arange(3)), 21, method)
    np.testing.assert_array_equal(whole.daily_mean[:3], part.daily_mean)


def test_without_an_index_it_is_the_mixture_of_its_members() -> None:
    """Mean of the means, and where the members disagree about the level, the level is less known, and the drift."""
    history, lengths = shop(300), np.full(40, 7)
    method = OrderingDemand()
    fit = method.fit(history, lengths)
    each = [member.fit(history, lengths) for member in method.members]
    means = np.array([one.daily_mean for one in each])
    shares = np.array(method.shares)[:, None]
    np.testing.assert_allclose(fit.daily_mean, (shares * means).sum(axis=0))
    own = sum(share * one.moments_over(7)[1] for share, one in zip(method.shares, each, strict=True))
    apart = (shares * (7 * (means - fit.daily_mean)) ** 2).sum(axis=0)
    drift = (7 * fit.daily_mean * DRIFT * (7 / history.days) ** DRIFT_POWER) ** 2
    np.testing.assert_allclose(fit.moments_over(7)[1], own + apart + drift)
    assert sum(method.shares) == pytest.approx(1.0)
