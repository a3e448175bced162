"""Distance: measured where coordinates are known, else by country and region."""

from __future__ import annotations

import pytest

from holdfast.allocation.distance import NOMINAL_METRES, Place, area_of, crosses_border, distance_between

LONDON = Place(51.5074, -0.1278, "GB")
PARIS = Place(48.8566, 2.3522, "FR")


def test_the_great_circle_is_measured() -> None:
    # London-Paris 343.6 km and a quarter of the equator, both worked by hand from the haversine formula
    assert distance_between(LONDON, PARIS).metres == pytest.approx(343_557, abs=50)
    assert distance_between(Place(0, 0), Place(0, 90)).metres == pytest.approx(10_007_557, abs=5)


def test_the_date_line_and_the_poles_are_no_obstacle() -> None:
    assert distance_between(Place(0, 179.5), Place(0, -179.5)).metres == pytest.approx(111_195, abs=5)
    assert distance_between(Place(90, 0), Place(90, 123)).metres < 1
    assert distance_between(Place(90, 0), Place(-90, 0)).metres == pytest.approx(20_015_115, abs=10)


@pytest.mark.parametrize(
    ("here", "there", "basis"),
    [
        (Place(country="CN", region="Guangdong"), Place(country="cn", region=" guangdong"), "region"),
        (Place(country="CN", region="Guangdong"), Place(country="CN", region="Hebei"), "country"),
        (Place(country="CN"), Place(country="CN", region="Hebei"), "country"),
        (Place(country="CN", region="South"), Place(country="DE", region="South"), "abroad"),
        (Place(country="CN"), Place(), "unknown"),
        (LONDON, Place(country="GB"), "country"),
        (Place(51, None), Place(51, 0), "unknown"),
    ],
)
def test_missing_coordinates_fall_back_to_tiers(here: Place, there: Place, basis: str) -> None:
    found = distance_between(here, there)
    assert (found.basis, found.metres) == (basis, NOMINAL_METRES[found.basis])


def test_tiers_rank_from_near_to_far() -> None:
    tiers = [NOMINAL_METRES[basis] for basis in ("region", "country", "abroad", "unknown")]
    assert tiers == sorted(set(tiers))


def test_a_border_is_crossed_only_where_both_countries_are_known() -> None:
    assert crosses_border(LONDON, PARIS)
    assert not crosses_border(LONDON, Place(country="gb "))
    assert not crosses_border(LONDON, Place())


def test_an_area_is_the_region_or_else_the_country() -> None:
    assert area_of(Place(country="CN", region="Hebei")) == area_of(Place(country="cn", region="hebei "))
    assert area_of(Place(country="CN")) != area_of(Place(country="CN", region="Hebei"))
    assert area_of(Place(region="Hebei")) is None
