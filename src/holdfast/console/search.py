"""One box for everything: SKUs, orders, holds, and by their number transfers, counts, batches and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from holdfast.access.visit import Visit
from holdfast.console.frame import sql
from holdfast.web.i18n import N_
from holdfast.web.search_words import search_words

SKUS_MAX: Final = 30  # the limit in the statement
PATHS: Final = {
    "sku": "/stock/{id}",
    "order": "/purchase-orders/{id}",
    "hold": "/holds?q={title}",
    "transfer": "/transfers/{id}",
    "count": "/stock-counts/{id}",
    "batch": "/batches/{id}",
    "unit": "/serials/{id}",
}
KINDS: Final = {
    "sku": N_("SKU"),
    "order": N_("purchase order"),
    "hold": N_("hold"),
    "transfer": N_("transfer"),
    "count": N_("stock count"),
    "batch": N_("batch"),
    "unit": N_("serial number"),
}


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    id: str
    title: str
    text: str
    rank: int


@dataclass(frozen=True, slots=True)
class Match:
    path: str
    title: str
    text: str
    what: str


@dataclass(frozen=True, slots=True)
class SearchView:
    q: str
    found: tuple[Match, ...]
    only: str | None
    is_cut: bool


async def search_view(visit: Visit) -> SearchView:
    """`only` is where to go at once: exactly one match, or exactly one whose code was typed in full."""
    words = search_words(visit.asked("q"))
    if words.q is None:
        return SearchView("", (), None, False)
    rows = await visit.tx.all(sql.search_everywhere, Found, q=words.q, like=words.like, prefix=words.prefix)
    exact = [row for row in rows if row.rank == 0]
    sole = exact[0] if len(exact) == 1 else rows[0] if len(rows) == 1 else None
    matches = tuple(Match(_path(row), row.title, row.text, visit.words.gettext(KINDS[row.kind])) for row in rows)
    return SearchView(words.q, matches, _path(sole) if sole else None, len(rows) >= SKUS_MAX)


def _path(row: Found) -> str:
    return PATHS[row.kind].format(id=quote(row.id), title=quote(row.title))
