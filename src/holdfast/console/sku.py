"""The page of one SKU: where it is, how it sells, when it runs out, and the one thing to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.console.frame import sql
from holdfast.console.sku_view import (
    PAST_DAYS,
    DayMove,
    Decision,
    Entry,
    Forecast,
    Hold,
    Inbound,
    OpenSuggestion,
    Outlook,
    Place,
    ShownEntry,
    ShownHold,
    Sku,
    SkuBatch,
    SkuView,
    Waiting,
    chart_of,
    figures_of,
    outlook_of,
    short_place,
    state_of,
)
from holdfast.kernel.errors import NotFound
from holdfast.replenishment.wording import arithmetic_lines
from holdfast.stock.wording import hold_kind, movement_words
from holdfast.web.i18n import Words

ENTRIES: Final = 15
HOLDS: Final = 15
BATCHES: Final = 8


async def sku_view(visit: Visit, sku_id: UUID, warehouse_id: UUID | None) -> SkuView:
    """Eleven statements, however many warehouses, suggestions and holds there are."""
    tx = visit.tx
    sku = await tx.maybe(sql.sku_head, Sku, sku_id=sku_id)
    if sku is None:
        raise NotFound("sku_not_found", visit.words.gettext("There is no such SKU."))
    only = {"sku_id": sku_id, "warehouse_id": warehouse_id}
    places = tuple(await tx.all(sql.sku_places, Place, sku_id=sku_id))
    shown = tuple(p for p in places if warehouse_id in (None, p.warehouse_id))
    forecasts = await tx.all(sql.sku_forecasts, Forecast, **only)
    inbound = tuple(await tx.all(sql.sku_inbound, Inbound, **only))
    moves = await tx.all(sql.sku_days, DayMove, **only, since=sku.today - timedelta(days=PAST_DAYS))
    suggestions = await tx.all(sql.sku_suggestions, OpenSuggestion, **only)
    lead = suggestions[0].lead_days if suggestions else await tx.value(sql.sku_lead_days, sku_id=sku_id)
    entries = await tx.all(sql.sku_entries, Entry, **only, limit=ENTRIES)
    holds = await tx.all(sql.sku_holds, Hold, **only, limit=HOLDS)
    figures = figures_of(shown, forecasts, lead)
    outlook = outlook_of(sku.today, available=figures.available, forecasts=forecasts, inbound=inbound)
    chart = chart_of(sku, shown, moves, outlook, inbound)
    return SkuView(
        sku=sku,
        state=state_of(shown, figures),
        figures=figures,
        places=places,
        warehouse_id=warehouse_id,
        inbound=inbound,
        decisions=tuple(_decision(s, visit) for s in suggestions),
        chart={**chart, "words": _chart_words(visit, sku, chart["reorder_point"], outlook)},
        entries=tuple(_entry(e, visit.words) for e in entries),
        holds=_holds(holds, visit.words),
        short=short_place(shown, forecasts, lead),
        batches=tuple(await tx.all(sql.sku_batches, SkuBatch, **only, limit=BATCHES)),
        waiting=tuple(await tx.all(sql.sku_waiting, Waiting, **only, limit=HOLDS)),
        may_decide=visit.may("approve"),
        may_adjust=visit.may("operate"),
    )


def _decision(one: OpenSuggestion, visit: Visit) -> Decision:
    quantity = visit.formats.number(one.quantity)
    if one.supplier is None:
        approve = visit.words.gettext("Approve %(quantity)s", quantity=quantity)
    else:
        approve = visit.words.gettext(
            "Approve %(quantity)s from %(supplier)s", quantity=quantity, supplier=one.supplier
        )
    lines = arithmetic_lines(one.arithmetic, one.quantity, visit.words, visit.formats)
    return Decision(f"{one.id}:{one.version}", one.warehouse_name, one.quantity, approve, lines, one.updated_at)


def _entry(entry: Entry, words: Words) -> ShownEntry:
    what = movement_words(entry.movement_type, entry.reference_type, entry.reason, entry.bucket, words)
    return ShownEntry(
        id=entry.id,
        occurred_at=entry.occurred_at,
        what=words.gettext("Taken back: %(what)s", what=what) if entry.is_undo else what,
        quantity=entry.quantity,
        balance_after=entry.balance_after,
        warehouse_code=entry.warehouse_code,
        reference_id=entry.reference_id,
        actor=entry.actor,
        can_undo=entry.can_undo,
    )


def _holds(holds: Sequence[Hold], words: Words) -> tuple[ShownHold, ...]:
    return tuple(
        ShownHold(h.reference_id, hold_kind(h.reference_type, words), h.quantity, h.warehouse_code, h.expires_at)
        for h in holds
    )


def _chart_words(visit: Visit, sku: Sku, reorder_point: object, outlook: Outlook) -> dict[str, str]:
    """Everything the picture says, and in `summary` what it shows to people who do not see it."""
    words, formats = visit.words, visit.formats
    gone = outlook.runs_out_after
    if gone:
        day = formats.day(sku.today + timedelta(days=gone))
        summary = words.gettext("Stock of the last 90 days; expected to run out on %(day)s.", day=day)
    else:
        summary = words.gettext("Stock of the last 90 days; not expected to run out in the next 45.")
    point = formats.number(reorder_point) if isinstance(reorder_point, int) else ""
    return {
        "stock": words.gettext("Stock"),
        "expected": words.gettext("Expected"),
        "inbound": words.gettext("Arrives"),
        "reorder_point": words.gettext("reorder point %(point)s", point=point),
        "runs_out": words.gettext("stock-out expected"),
        "summary": summary,
    }
