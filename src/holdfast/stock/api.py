"""Stock over HTTP, all but the hot lane: levels, adjustments, receipts, sales, ledger, explanations, reservations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from holdfast.access import audit
from holdfast.access.edge import ApiRoute, ApiTx, AskFacts, LaneRoute, Operator, Reader
from holdfast.catalog import packs
from holdfast.db import Database, Tx
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Invalid, NotFound, Refusal
from holdfast.kernel.page import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    decode_cursor,
    decode_id_cursor,
    encode_cursor,
    foreign_cursor,
    page_of,
)
from holdfast.settings import Settings
from holdfast.stock import explaining, service
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import MoveAsk, MoveItem
from holdfast.stock.lanes import Lanes
from holdfast.stock.model import ActiveLine, BatchNamed, Level
from holdfast.stock.shapes import (
    Adjustment,
    HoldInfo,
    InventoryInfo,
    InventoryPage,
    InventoryWithHolds,
    LevelStatement,
    MovementInfo,
    MovementPage,
    PastInventoryInfo,
    Posted,
    Receipt,
    ReceiptItem,
    ReservationPage,
    Sale,
    SaleItem,
    StatementLine,
)

router = APIRouter(prefix="/api/v1/inventory", route_class=ApiRoute, tags=["Inventory"])
lane_router = APIRouter(prefix="/api/v1/inventory", route_class=LaneRoute, tags=["Inventory"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


@router.get("")
async def list_inventory(
    tx: ApiTx,
    _: Reader,
    request: Request,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    include_reserved: bool = False,
    q: Annotated[str | None, Query(max_length=200)] = None,
    category: str | None = None,
    status: Literal["ok", "low", "out", "over"] | None = None,
    as_of: AwareDatetime | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> InventoryPage:
    after = decode_cursor(cursor, 2)
    if as_of is not None:
        _refuse_what_the_past_lacks(status=status is not None, include_reserved=include_reserved)
        past = await explaining.list_levels_as_of(
            tx, as_of, limit=limit, after=after, sku_id=sku_id, warehouse_id=warehouse_id, category=category, q=q
        )
        found = page_of(past, limit, _cursor)
        return InventoryPage(
            inventories=[PastInventoryInfo.model_validate(level) for level in found.items],
            next_cursor=found.next_cursor,
        )
    levels = await service.list_levels(
        tx,
        low_share=_settings(request).low_stock_share,
        limit=limit,
        after=after,
        q=q,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        category=category,
        status=status,
    )
    page = page_of(levels, limit, _cursor)
    if not include_reserved:
        shown: list[Any] = [InventoryInfo.model_validate(level) for level in page.items]
    else:
        lines = await service.list_active_lines(tx, list({level.sku_id for level in page.items}))
        shown = [_with_holds(level, lines) for level in page.items]
    return InventoryPage(inventories=shown, next_cursor=page.next_cursor)


@router.put("/{sku_id}/adjust")
async def adjust(sku_id: UUID, body: Adjustment, tx: ApiTx, caller: Operator, request: Request) -> InventoryInfo:
    if body.state is not None and body.bucket == "sellable":
        raise Invalid.field_error(["state"], "not_unsellable", "It says why units are unsellable; these are sellable.")
    units = (await packs.units_of(tx, [(sku_id, body.pack)])).get((sku_id, body.pack)) if body.pack else 1
    quantity = packs.in_units(body.quantity, units, loc=[])
    item = MoveItem(
        sku_id=str(sku_id),
        warehouse_id=str(body.warehouse_id),
        expected_quantity=body.expected_quantity,
        bucket=body.bucket,
        unit_cost=None if body.unit_cost is None else str(body.unit_cost),
        batch=None if body.batch is None else body.batch.named(),
        serials=body.serials,
        state=body.state,
    )
    if body.adjustment_type == "set":
        if body.expected_quantity is None:
            raise Invalid.field_error(
                ["expected_quantity"], "required", "Say which quantity you expect to find, so that no change is lost."
            )
        item.set_to = quantity
    elif quantity == 0:
        raise Invalid.field_error(["quantity"], "out_of_range", "A change of nothing is not an adjustment.")
    else:
        item.quantity = quantity if body.adjustment_type == "increase" else -quantity
    ask = MoveAsk(
        actor=caller.actor,
        event_type="inventory.adjusted",
        movement_type="adjustment",
        reference_type="adjustment",
        reason=body.reason,
        items=[item],
    )
    try:
        await service.move(tx, ask)
    except Invalid as refusal:
        raise _named_for_adjusting(refusal) from None
    await audit.record(
        tx, actor=caller.actor, action="inventory.adjusted", subject=f"sku:{sku_id}", **body.model_dump(mode="json")
    )
    return await level_of(tx, _settings(request), sku_id, body.warehouse_id)


@lane_router.post("/receipts", status_code=201, response_model=Posted)
async def receive(body: Receipt, _: Operator, facts: AskFacts, request: Request) -> Response:
    units = await _in_units(request, body.items)
    items = [
        MoveItem(
            sku_id=str(item.sku_id),
            warehouse_id=str(body.warehouse_id),
            quantity=quantity,
            unit_cost=item.ledger_cost(n),
            batch=None if item.batch is None else item.batch.named(),
            serials=item.serials,
            foreign_cost=item.foreign_cost(),
        )
        for n, (item, quantity) in enumerate(zip(body.items, units, strict=True))
    ]
    ask = MoveAsk(
        **facts,
        event_type="inventory.received",
        movement_type="in",
        reference_type="receipt",
        reference_id=body.reference,
        reason="received",
        items=items,
    )
    return _posted(await _lanes(request).move(ask))


@lane_router.post("/sales", status_code=201, response_model=Posted)
async def sell(body: Sale, _: Operator, facts: AskFacts, request: Request) -> Response:
    items: list[MoveItem] = []
    units = await _in_units(request, body.items)
    for number, item in enumerate(body.items):
        warehouse = item.warehouse_id or body.warehouse_id
        if warehouse is None:
            raise Invalid.field_error(["items", number, "warehouse_id"], "required", "Say which warehouse it left.")
        items.append(
            MoveItem(
                sku_id=str(item.sku_id),
                warehouse_id=str(warehouse),
                quantity=-units[number],
                batch=None if item.batch is None else BatchNamed(item.batch),
                serials=item.serials,
            )
        )
    ask = MoveAsk(
        **facts,
        event_type="inventory.sold",
        movement_type="out",
        reference_type="sale",
        reference_id=body.reference,
        reason="sold",
        channel=body.channel,
        occurred_at=None if body.occurred_at is None else body.occurred_at.isoformat(),
        items=items,
    )
    return _posted(await _lanes(request).move(ask))


@router.get("/movements")
async def list_movements(
    tx: ApiTx,
    _: Reader,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    movement_type: Literal["in", "out", "transfer", "adjustment"] | None = None,
    reference_type: str | None = None,
    reference_id: str | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> MovementPage:
    """The ledger, newest first."""
    keys = decode_cursor(cursor, 2)
    found = await service.list_movements(
        tx,
        before=_movement_key(keys) if keys else None,
        limit=limit,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        movement_type=movement_type,
        reference_type=reference_type,
        reference_id=reference_id,
        since=since,
        until=until,
    )
    page = page_of(found, limit, lambda m: encode_cursor(m.created_at.isoformat(), m.seq))
    return MovementPage(movements=[MovementInfo.model_validate(m) for m in page.items], next_cursor=page.next_cursor)


@router.get("/{sku_id}/explain")
async def explain(sku_id: UUID, tx: ApiTx, _: Reader, warehouse_id: UUID | None = None) -> dict[str, Any]:
    """Every figure with the entries that sum to it."""
    return await explaining.explain(tx, sku_id, warehouse_id)


@router.get("/{sku_id}/statement")
async def statement(
    sku_id: UUID,
    tx: ApiTx,
    _: Reader,
    warehouse_id: UUID,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> LevelStatement:
    """What one level consists of up to an instant: closing = opening + the quantities of the page."""
    keys = decode_cursor(cursor, 2)
    found, closing = await explaining.list_statement(
        tx,
        sku_id,
        warehouse_id,
        since=since,
        until=until,
        before=_movement_key(keys) if keys else None,
        limit=limit,
    )
    page = page_of(found, limit, lambda m: encode_cursor(m.created_at.isoformat(), m.seq))
    return LevelStatement(
        opening_quantity=page.items[-1].balance_before if page.items else closing,
        closing_quantity=closing,
        entries=[StatementLine.model_validate(m) for m in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/reservations")
async def list_reservations(
    tx: ApiTx,
    _: Reader,
    reference_type: Literal["cart", "order", "manual"] | None = None,
    reference_id: str | None = None,
    status: Literal["active", "consumed", "expired", "cancelled"] | None = None,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    expiring_before: AwareDatetime | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ReservationPage:
    found = await service.list_reservations(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        reference_type=reference_type,
        reference_id=reference_id,
        status=status,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        expiring_before=expiring_before,
    )
    page = page_of(found, limit, lambda r: encode_cursor(r.id))
    return ReservationPage(reservations=[r.facts for r in page.items], next_cursor=page.next_cursor)


@lane_router.get("/reservations/{reservation_id}", response_model=dict[str, Any])
async def get_reservation(reservation_id: UUID, _: Reader, request: Request) -> Response:
    found = await _lanes(request).reservation(str(reservation_id))
    if not found:
        raise NotFound("reservation_not_found", "There is no such reservation.")
    return Response(found, media_type="application/json")


def _refuse_what_the_past_lacks(**asked: bool) -> None:
    """What was available, held or low at a past instant is not kept; to leave such a filter out would be no answer."""
    for name, is_asked in asked.items():
        if is_asked:
            raise Invalid.field_error(["query", name], "not_with_as_of", "This is not known of a past instant.")


async def level_of(tx: Tx, settings: Settings, sku_id: UUID, warehouse_id: UUID) -> InventoryInfo:
    levels = await service.list_levels(
        tx, low_share=settings.low_stock_share, limit=1, sku_id=sku_id, warehouse_id=warehouse_id
    )
    return InventoryInfo.model_validate(levels[0])


def _with_holds(level: Level, lines: list[ActiveLine]) -> InventoryWithHolds:
    holds = [
        HoldInfo(
            reservation_id=line.reservation_id,
            quantity=line.quantity,
            reference_type=line.reference_type,
            reference_id=line.reference_id,
            expires_at=line.expires_at,
        )
        for line in lines
        if (line.sku_id, line.warehouse_id) == (level.sku_id, level.warehouse_id)
    ]
    info = InventoryInfo.model_validate(level).model_dump()
    return InventoryWithHolds(**info, reserved_quantity=level.reserved_quantity, reservations=holds)


async def _in_units(request: Request, items: Sequence[ReceiptItem | SaleItem]) -> list[int]:
    """The quantities in base units; only who names a pack asks the database. Raises Invalid(``unknown_pack``)."""
    named = [(item.sku_id, item.pack) for item in items if item.pack is not None]
    found: dict[tuple[UUID, str], int] = {}
    if named:
        database: Database = request.app.state.database
        async with database.transaction() as tx:
            found = await packs.units_of(tx, named)
    return [
        item.quantity
        if item.pack is None
        else packs.in_units(item.quantity, found.get((item.sku_id, item.pack)), loc=["items", n])
        for n, item in enumerate(items)
    ]


def _named_for_adjusting(refusal: Invalid) -> Refusal:
    """An adjustment names its SKU in the path and its warehouse beside the quantity, not in a list of items."""
    if refusal.code == "unknown_sku":
        return NotFound("sku_not_found", refusal.detail)
    for error in refusal.errors:
        error["loc"] = error.get("loc", [])[2:]
    return refusal


def _posted(answer: Answer) -> Response:
    refusal = refusal_of(answer)
    if refusal is not None:
        raise refusal
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(answer.facts, 201, headers, "application/json")


def _cursor(level: Any) -> str:
    return encode_cursor(level.sku_code, level.warehouse_code)


def _movement_key(keys: list[str]) -> tuple[datetime, int]:
    try:
        return datetime.fromisoformat(keys[0]), int(keys[1])
    except ValueError:
        raise foreign_cursor() from None


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _lanes(request: Request) -> Lanes:
    return request.app.state.lanes
