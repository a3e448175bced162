"""From what was scanned or typed to one SKU, or to the few it could be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.kernel.ids import uuid_or_none
from holdfast.web.search_words import search_words

sql = statements("holdfast.catalog", "pages.sql")

# More than a person would read through on a phone: they type another letter instead.
CHOICES: Final = 8


@dataclass(frozen=True, slots=True)
class Scanned:
    id: UUID
    code: str
    name: str
    barcode: str | None
    unit: str
    tracking: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """`sku` when it is certain; otherwise `wrong` says what to do, perhaps by choosing among `several`."""

    typed: str
    sku: Scanned | None = None
    several: tuple[Scanned, ...] = ()
    wrong: str = ""


async def scan(visit: Visit, typed: str, chosen: str = "") -> Scan:
    """The SKU with this code or barcode, or the only one whose name fits; `chosen` is an id that was picked."""
    if chosen:
        picked = await visit.tx.maybe(sql.get_scanned, Scanned, id=uuid_or_none(chosen))
        if picked is not None:
            return Scan(picked.code, picked)
    words = search_words(typed[:200])
    if words.q is None:
        return Scan("", wrong=visit.words.gettext("Scan a barcode, or type a code or a name."))
    found = await suggestions(visit, typed)
    exact = [sku for sku in found if sku.is_exact]
    sole = exact[0] if len(exact) == 1 else found[0] if len(found) == 1 else None
    if sole is not None:
        return Scan(typed, sole)
    if not found:
        return Scan(typed, wrong=visit.words.gettext("No SKU has this code, barcode or name."))
    return Scan(typed, several=tuple(found), wrong=visit.words.gettext("Several fit. Which one is it?"))


async def suggestions(visit: Visit, typed: str) -> list[Scanned]:
    words = search_words(typed[:200])
    if words.q is None:
        return []
    return await visit.tx.all(sql.find_scanned, Scanned, q=words.q, like=words.like, prefix=words.prefix, limit=CHOICES)
