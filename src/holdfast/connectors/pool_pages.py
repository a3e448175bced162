"""Units of one SKU that are kept for single channels, as a person sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from holdfast.access.visit import Form, PageRoute, Signed, Visit
from holdfast.connectors import pools
from holdfast.connectors.pools import Pool, sql
from holdfast.kernel.errors import Denied, NotFound, Refusal
from holdfast.kernel.ids import uuid_or_none

router = APIRouter(include_in_schema=False, route_class=PageRoute)

FIELDS: Final = ("channel", "warehouse_id", "quantity")
POOLS_MAX: Final = 200
UNITS_MAX: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PooledSku:
    """``is_closed``: nothing more is given of it (archived, or a bundle)."""

    id: UUID
    code: str
    name: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class PlaceChoice:
    """``free``: available and kept for no channel."""

    warehouse_id: UUID
    warehouse_name: str
    available: int
    free: int


@dataclass(frozen=True, slots=True)
class PoolsView:
    sku: PooledSku
    pools: tuple[Pool, ...]
    channels: tuple[tuple[str, str], ...]
    places: tuple[PlaceChoice, ...]
    typed: Mapping[str, str]
    may_plan: bool
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def place_choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(place.warehouse_id), place.warehouse_name) for place in self.places)

    @property
    def names(self) -> Mapping[str, str]:
        return dict(self.channels)


@router.get("/stock/{sku_id}/pools")
async def pools_page(sku_id: UUID, visit: Signed) -> Response:
    chosen = {**dict.fromkeys(FIELDS, ""), "warehouse_id": visit.asked("warehouse"), "channel": visit.asked("channel")}
    return visit.page("connectors/pools.html", await _view(visit, sku_id, chosen), active="stock")


@router.post("/stock/{sku_id}/pools")
async def keep(sku_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    words, quantity = visit.words, form.whole("quantity")
    wrong: dict[str, str] = {}
    if quantity is None or not 1 <= quantity <= UNITS_MAX:
        most = visit.formats.number(UNITS_MAX)
        wrong["quantity"] = words.gettext("Type a number from %(least)s to %(most)s.", least=1, most=most)
    if uuid_or_none(form.text("warehouse_id")) is None:
        wrong["warehouse_id"] = words.gettext("Choose a warehouse.")
    if not form.text("channel"):
        wrong["channel"] = words.gettext("Choose a channel.")
    if not wrong:
        wrong = await _set(visit, sku_id, form, quantity)
    if wrong:
        typed = {name: form.text(name) for name in FIELDS}
        view = await _view(visit, sku_id, typed, wrong)
        return visit.page("connectors/pools.html", view, active="stock", status=422)
    return visit.redirect(f"/stock/{sku_id}/pools", say=words.gettext("Saved. Nobody else is sold these units."))


@router.post("/stock/{sku_id}/pools/end")
async def end(sku_id: UUID, visit: Signed) -> Response:
    form = await visit.form()
    visit.require("plan")
    wrong = await _set(visit, sku_id, form, None)
    said = next(iter(wrong.values()), None) or visit.words.gettext("Ended. What was kept is free for all.")
    return visit.redirect(f"/stock/{sku_id}/pools", say=said)


async def _set(visit: Visit, sku_id: UUID, form: Form, quantity: int | None) -> dict[str, str]:
    """Set what was typed, as long as the pool is still the one that was shown; answers what was wrong with it."""
    code, warehouse_id = form.text("channel"), uuid_or_none(form.text("warehouse_id"))
    if warehouse_id is None:
        return {"warehouse_id": visit.words.gettext("Choose a warehouse.")}
    try:
        async with visit.savepoint():
            await pools.set_pool(
                visit.tx,
                code,
                sku_id=sku_id,
                warehouse_id=warehouse_id,
                quantity=quantity,
                expected_version=form.whole(f"seen-{warehouse_id}-{code}") or 0,
                actor=visit.actor,
            )
    except Denied:
        raise
    except Refusal as refusal:
        return _refused(visit, refusal)
    return {}


def _refused(visit: Visit, refusal: Refusal) -> dict[str, str]:
    words = visit.words
    taken = visit.formats.number(int(refusal.facts.get("taken_quantity") or 0))
    said = {
        "version_conflict": words.gettext("Somebody else changed this meanwhile. Look at it again."),
        "pool_not_found": words.gettext("Somebody else changed this meanwhile. Look at it again."),
        "below_taken": words.gettext("The channel has taken %(n)s of it already; give it at least as many.", n=taken),
        "warehouse_not_of_channel": words.gettext("The channel does not sell from this warehouse."),
        "sku_archived": words.gettext("The SKU is archived; nothing more can be given of it."),
        "sku_is_bundle": words.gettext("A bundle has no stock of its own; keep units of its components."),
    }
    fields = {"warehouse_not_of_channel": "warehouse_id", "channel_not_found": "channel"}
    return {fields.get(refusal.code, "quantity"): said.get(refusal.code, refusal.detail)}


async def _view(
    visit: Visit, sku_id: UUID, typed: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> PoolsView:
    """Four statements."""
    sku = await visit.tx.maybe(sql.pooled_sku, PooledSku, sku_id=sku_id)
    if sku is None:
        raise NotFound("sku_not_found", visit.words.gettext("There is no such SKU."))
    return PoolsView(
        sku=sku,
        pools=tuple(await pools.list_pools(visit.tx, limit=POOLS_MAX, sku_id=sku_id)),
        channels=await visit.choices(sql.channel_choices),
        places=tuple(await visit.tx.all(sql.place_choices, PlaceChoice, sku_id=sku_id)),
        typed=typed,
        may_plan=visit.may("plan"),
        wrong=wrong or {},
    )
