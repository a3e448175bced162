"""The invented past is possible: nothing is sold that is not there, nothing appears from nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.demo.past import LEDGER_DAYS, LOOK_BACK_DAYS, Buying, Past, live_through

LEVELS = 60


@pytest.fixture(scope="module")
def units() -> np.ndarray:
    """Steady, lumpy, new and dead levels, with one order that no shelf could serve."""
    chance = np.random.default_rng(7)
    found = chance.poisson(np.linspace(0, 4, LEVELS)[:, None], (LEVELS, LEDGER_DAYS + LOOK_BACK_DAYS))
    found[::5] *= chance.random(found[::5].shape) < 0.1
    found[7, : LOOK_BACK_DAYS + 40] = 0
    found[9] = 0
    found[11, LOOK_BACK_DAYS + 50] = 5_000
    return found.astype(np.int64)


@pytest.fixture(scope="module")
def buying() -> Buying:
    one = np.ones(LEVELS, np.int64)
    weekdays = np.arange(LEVELS) % 5
    return Buying(one * 0, one * 0, one * 6.0, one * 1.5, moq=one * 12, order_multiple=one * 6, review_weekday=weekdays)


@pytest.fixture(scope="module")
def planned(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reorder point and order-up-to level, as a plan may find them."""
    point = np.ceil(np.minimum(units, 8).mean(axis=1) * 16).astype(np.int64)
    return point, point * 3


@pytest.fixture(scope="module")
def past(units: np.ndarray, buying: Buying, planned: tuple[np.ndarray, np.ndarray]) -> Past:
    return live_through(units, buying, planned, seed=1)


def on_hand_after_each_day(past: Past) -> np.ndarray:
    came = past.launches + past.to_order
    for delivery in past.deliveries:
        if delivery.arrives_on < LEDGER_DAYS:
            np.add.at(came[:, delivery.arrives_on], delivery.levels, delivery.quantities)
    return past.opening[:, None] + np.cumsum(came - past.sold, axis=1)


def test_no_shelf_ever_holds_less_than_nothing(past: Past) -> None:
    assert on_hand_after_each_day(past).min() >= 0
    assert (on_hand_after_each_day(past)[:, -1] == past.on_hand).all()


def test_what_was_wanted_was_sold_or_the_day_is_marked_short(past: Past, units: np.ndarray) -> None:
    wanted = units[:, LOOK_BACK_DAYS:]
    assert (past.sold <= wanted).all()
    assert ((past.sold < wanted) == past.short).all()
    assert past.short.any(), "a shop that never runs out shows nothing"


def test_a_short_day_ends_with_an_empty_shelf(past: Past) -> None:
    assert (on_hand_after_each_day(past)[past.short] == 0).all()


def test_orders_come_in_packs_and_never_below_the_minimum(past: Past) -> None:
    quantities = np.concatenate([delivery.quantities for delivery in past.deliveries])
    assert quantities.min() >= 12
    assert (quantities % 6 == 0).all()
    assert all(delivery.arrives_on > delivery.ordered_on for delivery in past.deliveries)


def test_a_new_product_is_delivered_before_its_first_sale(past: Past) -> None:
    assert past.opening[7] == 0
    assert np.flatnonzero(past.launches[7])[0] < np.flatnonzero(past.sold[7])[0]


def test_a_wholesale_order_is_bought_for_its_customer(past: Past) -> None:
    assert past.to_order[11, 50] == 5_000
    assert past.sold[11, 50] == 5_000


def test_the_same_seed_tells_the_same_story(
    past: Past, units: np.ndarray, buying: Buying, planned: tuple[np.ndarray, np.ndarray]
) -> None:
    again = live_through(units, buying, planned, seed=1)
    assert (again.sold == past.sold).all()
    assert [d.arrives_on for d in again.deliveries] == [d.arrives_on for d in past.deliveries]
