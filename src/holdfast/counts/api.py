"""Stock counts over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Approver, Operator, Reader
from holdfast.catalog.api import version_of
from holdfast.counts import approving, service
from holdfast.counts.model import (
    Approval,
    Bucket,
    Chosen,
    Counted,
    CountedBatch,
    CountEntry,
    CountLine,
    LineStatus,
    Status,
    StockCount,
    UnitVariance,
)
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, decode_id_cursor, encode_cursor, page_of
from holdfast.web.fields import Count

router = APIRouter(prefix="/api/v1/stock-counts", route_class=ApiRoute, tags=["Stock counts"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


def _expected(if_match: Annotated[str | None, Header()] = None) -> int | None:
    return None if if_match is None else version_of(if_match)


Expected = Annotated[int | None, Depends(_expected)]


class NewCount(BaseModel):
    """Without ``sku_ids``, everything the warehouse has on record; ``category`` narrows either."""

    model_config = ConfigDict(extra="forbid")
    warehouse_id: UUID
    category: Text | None = None
    sku_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    note: Annotated[str, Field(max_length=5000)] = ""


class CountedBatchItem(BaseModel):
    """The first to name a batch makes it, with its expiry date."""

    model_config = ConfigDict(extra="forbid")
    number: Text
    quantity: Count
    expiry_date: date | None = None

    def counted(self) -> CountedBatch:
        return CountedBatch(self.number, self.quantity, self.expiry_date)


class CountedItem(BaseModel):
    """``counted_at`` is for countings that are entered later; without it, it was counted just now.

    Of a tracked SKU, ``batches`` or ``serials`` say which units were found; those not named were not there.
    """

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    quantity: Count
    bucket: Bucket = "sellable"
    counted_at: AwareDatetime | None = None
    recount_of: Annotated[int, Field(ge=0, description="the count_no this replaces; 0 for the first counting")] = 0
    shelf: Text | None = None
    batches: Annotated[list[CountedBatchItem], Field(max_length=1000)] | None = None
    serials: Annotated[list[Text], Field(max_length=10_000)] | None = None

    def counted(self) -> Counted:
        batches = None if self.batches is None else tuple(batch.counted() for batch in self.batches)
        serials = None if self.serials is None else tuple(self.serials)
        return Counted(
            self.sku_id,
            self.quantity,
            self.bucket,
            self.counted_at,
            self.recount_of,
            self.shelf,
            batches,
            serials,
        )


class Counting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[CountedItem], Field(min_length=1, max_length=1000)]


class ChosenItem(BaseModel):
    """With ``count_no``, the line is approved only as you saw it."""

    model_config = ConfigDict(extra="forbid")
    sku_id: UUID
    bucket: Bucket = "sellable"
    count_no: Annotated[int, Field(ge=1)] | None = None


class Approving(BaseModel):
    """Without ``items``, every line that waits, up to 1,000 in one call."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[ChosenItem], Field(min_length=1, max_length=1000)] | None = None


class Closing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    discard_waiting: Annotated[bool, Field(description="drop counted lines that nobody approved")] = False


class CountPage(BaseModel):
    stock_counts: Sequence[StockCount]
    next_cursor: str | None


class CountLinePage(BaseModel):
    lines: Sequence[CountLine]
    next_cursor: str | None


class CountedLines(BaseModel):
    lines: list[CountLine]


class CountEntries(BaseModel):
    entries: list[CountEntry]


@router.post("", status_code=201)
async def open_count(body: NewCount, tx: ApiTx, caller: Operator, response: Response) -> StockCount:
    count = await service.open_count(
        tx,
        warehouse_id=body.warehouse_id,
        category=body.category,
        sku_ids=body.sku_ids,
        note=body.note,
        actor=caller.actor,
    )
    return _shown(count, response)


@router.get("")
async def list_counts(
    tx: ApiTx,
    _: Reader,
    status: Status | None = None,
    warehouse_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> CountPage:
    found = await service.list_counts(
        tx, before=decode_id_cursor(cursor), limit=limit, status=status, warehouse_id=warehouse_id
    )
    page = page_of(found, limit, lambda c: encode_cursor(c.id))
    return CountPage(stock_counts=page.items, next_cursor=page.next_cursor)


@router.get("/{count_id}")
async def get_count(count_id: UUID, tx: ApiTx, _: Reader, response: Response) -> StockCount:
    return _shown(await service.get_count(tx, count_id), response)


@router.get("/{count_id}/lines")
async def list_lines(
    count_id: UUID,
    tx: ApiTx,
    _: Reader,
    status: LineStatus | None = None,
    sku_id: UUID | None = None,
    has_variance: bool | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> CountLinePage:
    """The list to count; ``status=pending`` is what is left, so a count is taken up again where it stopped."""
    await service.get_count(tx, count_id)
    found = await service.list_lines(
        tx,
        count_id,
        limit=limit,
        after=decode_cursor(cursor, 2),
        status=status,
        sku_id=sku_id,
        has_variance=has_variance,
    )
    page = page_of(found, limit, lambda line: encode_cursor(line.sku_code, line.bucket))
    return CountLinePage(lines=page.items, next_cursor=page.next_cursor)


class UnitVariances(BaseModel):
    units: list[UnitVariance]


@router.get("/{count_id}/units")
async def list_unit_variances(count_id: UUID, sku_id: UUID, tx: ApiTx, _: Reader) -> UnitVariances:
    """Which batches or units of a waiting line differ from the books; approving posts exactly these."""
    await service.get_count(tx, count_id)
    found = (await approving.unit_variances(tx, count_id, [sku_id])).get(sku_id, [])
    return UnitVariances(units=found)


@router.get("/{count_id}/entries")
async def list_entries(count_id: UUID, sku_id: UUID, tx: ApiTx, _: Reader) -> CountEntries:
    """Every counting of one SKU, recounts included."""
    await service.get_count(tx, count_id)
    found = await service.list_entries(tx, count_id, sku_id)
    return CountEntries(entries=found)


@router.post("/{count_id}/entries")
async def enter(count_id: UUID, body: Counting, tx: ApiTx, caller: Operator) -> CountedLines:
    """Record what was counted, all items or none, each beside the ledger at the moment it was counted."""
    entries = [item.counted() for item in body.items]
    lines = await service.enter(tx, count_id, entries, actor=caller.actor)
    return CountedLines(lines=lines)


@router.post("/{count_id}/approve")
async def approve(
    count_id: UUID, tx: ApiTx, caller: Approver, expected: Expected, body: Approving | None = None
) -> Approval:
    """Book variances as adjustments. What cannot be booked is answered with its facts and keeps waiting."""
    asked = body.items if body else None
    chosen = None if asked is None else [Chosen(i.sku_id, i.bucket, i.count_no) for i in asked]
    found = await approving.approve(tx, count_id, chosen, actor=caller.actor, expected_version=expected)
    return found


@router.post("/{count_id}/close")
async def close_count(
    count_id: UUID, tx: ApiTx, caller: Operator, expected: Expected, response: Response, body: Closing | None = None
) -> StockCount:
    """End the count; what was not counted stays as the books have it."""
    discard = body is not None and body.discard_waiting
    count = await service.close(tx, count_id, discard_waiting=discard, actor=caller.actor, expected_version=expected)
    return _shown(count, response)


@router.post("/{count_id}/cancel")
async def cancel_count(
    count_id: UUID, tx: ApiTx, caller: Operator, expected: Expected, response: Response
) -> StockCount:
    """Give up a count of which nothing was booked."""
    count = await service.cancel(tx, count_id, actor=caller.actor, expected_version=expected)
    return _shown(count, response)


def _shown(count: StockCount, response: Response) -> StockCount:
    response.headers["etag"] = f'"{count.version}"'
    return count
