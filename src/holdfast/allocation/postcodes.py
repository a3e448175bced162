"""The shop's table of postcodes: where an address is that has no coordinates. Optional; loaded from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg.types.json import Json

from holdfast.allocation.choices import sql
from holdfast.allocation.distance import Place
from holdfast.db import Tx


@dataclass(frozen=True, slots=True)
class Postcode:
    """All postcodes of a country that begin like this, unless a longer prefix is known."""

    country: str
    prefix: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class _Point:
    latitude: float
    longitude: float


async def located(tx: Tx, place: Place) -> Place:
    """The place with the coordinates of its postcode, when it has none of its own and the postcode is known."""
    if place.latitude is not None or not place.country or not place.postcode:
        return place
    found = await tx.maybe(sql.locate, _Point, country=place.country, postcode=place.postcode[:20])
    return place if found is None else replace(place, latitude=found.latitude, longitude=found.longitude)


async def known_postcodes(tx: Tx, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Postcode]:
    found = await tx.all(
        sql.list_postcodes,
        Postcode,
        countries=[country for country, _ in keys],
        prefixes=[prefix for _, prefix in keys],
    )
    return {(postcode.country, postcode.prefix): postcode for postcode in found}


async def set_postcodes(tx: Tx, postcodes: Sequence[Postcode]) -> None:
    rows = [
        {"country": p.country, "prefix": p.prefix, "latitude": p.latitude, "longitude": p.longitude} for p in postcodes
    ]
    await tx.run(sql.set_postcodes, rows=Json(rows))
