"""How far a warehouse is from where an order goes: by coordinates, or by country and region where they are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Basis = Literal["coordinates", "region", "country", "abroad", "unknown"]

# Mean radius of the Earth, IUGG (R1).
EARTH_RADIUS_METRES = 6_371_008.8

# What stands in for kilometres where no coordinates are known. They only rank: measured places close by come before
# "somewhere in the region", that before "somewhere in the country", that before abroad.
NOMINAL_METRES: dict[Basis, int] = {
    "region": 100_000,
    "country": 500_000,
    "abroad": 3_000_000,
    "unknown": 10_000_000,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A point or an area; whatever is unknown is None. Countries and regions compare without case."""

    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    region: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True)
class Distance:
    """Metres that rank; they are a measurement only when the basis is ``coordinates``."""

    metres: int
    basis: Basis


def distance_between(here: Place, there: Place) -> Distance:
    """Great-circle distance by the haversine formula (Sinnott 1984), else the nominal distance of the closest tier."""
    if (
        here.latitude is not None
        and here.longitude is not None
        and there.latitude is not None
        and there.longitude is not None
    ):
        metres = haversine_metres(here.latitude, here.longitude, there.latitude, there.longitude)
        return Distance(round(metres), "coordinates")
    basis = _tier(here, there)
    return Distance(NOMINAL_METRES[basis], basis)


def haversine_metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres along the great circle; degrees in. The Earth as a sphere errs by at most about 0.5 %."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half_lat = math.sin((other_phi - phi) / 2)
    half_long = math.sin(math.radians(other_longitude - longitude) / 2)
    chord = half_lat**2 + math.cos(phi) * math.cos(other_phi) * half_long**2
    return 2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(1.0, chord)))


def crosses_border(here: Place, there: Place) -> bool:
    """Whether both countries are known and differ."""
    return bool(here.country and there.country and _key(here.country) != _key(there.country))


def area_of(place: Place) -> tuple[str, str] | None:
    """The region whose cover stock at this place belongs to: the region, or the whole country where none is named."""
    return (_key(place.country), _key(place.region)) if place.country else None


def _tier(here: Place, there: Place) -> Basis:
    if not here.country or not there.country:
        return "unknown"
    if crosses_border(here, there):
        return "abroad"
    if here.region and there.region and _key(here.region) == _key(there.region):
        return "region"
    return "country"


def _key(name: str | None) -> str:
    return (name or "").strip().casefold()
