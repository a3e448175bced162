"""What a field that takes a SKU offers while one types."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from holdfast.access.visit import PageRoute, Signed
from holdfast.catalog.scanning import Scanned, suggestions

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class Suggestions:
    rows: tuple[Scanned, ...]


@router.get("/skus/suggest")
async def suggest(visit: Signed) -> Response:
    view = Suggestions(tuple(await suggestions(visit, visit.asked("sku_code"))))
    return visit.page("catalog/suggest.html", view)
