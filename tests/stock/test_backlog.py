"""Promise P7 when the sweeper was away for long: thousands of holds are due at once."""

from __future__ import annotations

from tests.conftest import Shelf

BACKLOG = 1200  # more than twice what one group releases unasked


def given_a_backlog(shelf: Shelf, *, units: int) -> None:
    shelf.given(f"TEA@GZ {units}")
    asks = [
        {"reference_type": "cart", "reference_id": f"c{n}", "minutes": 10, "items": shelf.items("TEA@GZ 1")}
        for n in range(BACKLOG)
    ]
    assert {answer["outcome"] for answer in shelf.post_all("stock_reserve", asks)} == {"reserved"}
    shelf.advance(minutes=11)


def test_a_sale_that_needs_the_whole_backlog_gets_it(fresh_shelf: Shelf) -> None:
    given_a_backlog(fresh_shelf, units=BACKLOG)
    assert fresh_shelf.reserve(f"TEA@GZ {BACKLOG}")["outcome"] == "reserved"
    assert fresh_shelf.level("TEA@GZ") == f"on_hand={BACKLOG} available=0 reserved={BACKLOG}"


def test_a_sale_that_needs_none_of_it_releases_a_part(fresh_shelf: Shelf) -> None:
    given_a_backlog(fresh_shelf, units=BACKLOG + 1)
    assert fresh_shelf.reserve("TEA@GZ 1")["outcome"] == "reserved"
    assert fresh_shelf.level("TEA@GZ") == f"on_hand={BACKLOG + 1} available=500 reserved={BACKLOG - 500 + 1}"


def test_one_unit_too_many_is_still_refused(fresh_shelf: Shelf) -> None:
    given_a_backlog(fresh_shelf, units=BACKLOG)
    assert fresh_shelf.reserve(f"TEA@GZ {BACKLOG + 1}")["outcome"] == "insufficient_stock"
    assert fresh_shelf.level("TEA@GZ") == f"on_hand={BACKLOG} available={BACKLOG} reserved=0"
