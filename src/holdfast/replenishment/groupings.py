"""Pending suggestions become orders under every limit: proposed for people to look at, then placed all at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Conflict, Denied, Invalid, NotFound
from holdfast.replenishment import decisions, grouping_store
from holdfast.replenishment.decisions import Approval
from holdfast.replenishment.drafting import Drafted, draft_orders
from holdfast.replenishment.grouping_store import Head
from holdfast.replenishment.order_limits import OrderLimit, list_order_limits, rounded, sql
from holdfast.replenishment.store import sql as suggestions

OrderVerdict = Literal["goes", "below_minimum", "nothing_fits"]
LineVerdict = Literal["goes", "partly", "waits", "fills_up"]


@dataclass(frozen=True, slots=True)
class GroupedOrder:
    """One order of a grouping. ``verdict``: it ``goes``, stays ``below_minimum``, or ``nothing_fits`` the limits.

    ``value`` comes on top of ``draft_value``, which is on the draft already. ``facts``: lines that go, wait and fill
    up, lost sales saved and the cost of waiting, the supplier's minimum, and each limit of this order with its use.
    """

    order_no: int
    supplier_id: UUID
    supplier_code: str
    supplier: str
    warehouse_id: UUID
    warehouse_code: str
    warehouse: str
    currency: str
    order_day: date | None
    lead_time_days: float
    verdict: OrderVerdict
    draft_value: Decimal
    value: Decimal
    facts: dict[str, Any]
    purchase_order_id: UUID | None
    purchase_order_number: str | None


@dataclass(frozen=True, slots=True)
class GroupedLine:
    """One line: it ``goes``, goes ``partly``, ``waits`` or ``fills_up``; ``why`` names what stopped the rest."""

    line_no: int
    order_no: int
    suggestion_id: UUID | None
    suggestion_version: int | None
    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    wanted_quantity: int
    quantity: int
    cost: Decimal
    verdict: LineVerdict
    why: str | None
    saves: Decimal
    waiting_costs: Decimal
    days_of_cover: float | None
    filling: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Head:
    id: UUID
    status: Literal["proposed", "placed", "replaced"]
    made_by: str
    made_at: datetime
    placed_by: str | None
    placed_at: datetime | None
    facts: dict[str, Any]
    changed: int


@dataclass(frozen=True, slots=True)
class Grouping(_Head):
    """``facts``: numbers of lines, sums by currency with the proven ``gap``, limits of a period with what they gain.

    ``changed``: suggestions of it that were changed or decided since; placing them is refused.
    """

    orders: list[GroupedOrder]


@dataclass(frozen=True, slots=True)
class _ToPlace:
    line_no: int
    order_no: int
    suggestion_id: UUID | None
    suggestion_version: int | None
    sku_id: UUID
    warehouse_id: UUID
    quantity: int
    cost: Decimal
    filling: dict[str, Any] | None
    supplier_id: UUID
    currency: str


async def propose(tx: Tx, *, actor: str) -> UUID:
    """Group everything that is pending, in place of the proposal before. Two at once take turns."""
    await tx.run(sql.take_turn)
    await tx.run(sql.lock_proposed)
    lines = await grouping_store.read_lines(tx)
    order_of = {key: n for n, key in enumerate(sorted({line.order_key for line in lines}))}
    heads = await grouping_store.read_heads(tx, list(order_of)) if order_of else []
    due: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        due[order_of[line.order_key]] += line.unit_cost * line.wanted
    low = [key for key, n in order_of.items() if heads[n].money + due[n] < (heads[n].minimum_order_value or 0)]
    fillers, figures = await grouping_store.fillers_for(tx, low)
    limits = await list_order_limits(tx)
    if lines:
        seen = await grouping_store.considered(tx, lines, fillers, figures, order_of)
        drafted = await asyncio.to_thread(draft_orders, seen, list(order_of), heads, limits)
    else:
        drafted = Drafted({"sums": [], "limits": [], "lines": 0, "going": 0, "waiting": 0, "filling": 0}, [], [])
    facts = {**drafted.facts, "unpriced": await tx.value(sql.count_unpriced)}
    for replaced in await tx.dicts(sql.replace_proposed):
        await tx.run(sql.forget_orders, id=replaced["id"])
    grouping_id: UUID = await tx.value(sql.insert_grouping, actor=actor, facts=Jsonb(facts))
    await _write(tx, grouping_id, drafted)
    return grouping_id


async def _write(tx: Tx, grouping_id: UUID, drafted: Drafted) -> None:
    orders, lines = drafted.orders, drafted.lines
    await tx.run(
        sql.insert_orders,
        id=grouping_id,
        order_nos=[o.order_no for o in orders],
        supplier_ids=[o.key[0] for o in orders],
        warehouse_ids=[o.key[1] for o in orders],
        currencies=[o.key[2] for o in orders],
        order_days=[o.order_day for o in orders],
        lead_days=[o.lead_days for o in orders],
        verdicts=[o.verdict for o in orders],
        draft_values=[o.draft_value for o in orders],
        values=[o.value for o in orders],
        facts=[msgspec.json.encode(o.facts).decode() for o in orders],
    )
    await tx.run(
        sql.insert_lines,
        id=grouping_id,
        line_nos=list(range(1, len(lines) + 1)),
        order_nos=[n.order_no for n in lines],
        suggestion_ids=[n.line.id for n in lines],
        versions=[n.line.version for n in lines],
        sku_ids=[n.line.sku_id for n in lines],
        warehouse_ids=[n.line.warehouse_id for n in lines],
        wanted=[n.line.wanted for n in lines],
        quantities=[n.quantity for n in lines],
        costs=[n.cost for n in lines],
        verdicts=[n.verdict for n in lines],
        whys=[n.why for n in lines],
        saves=[n.saves for n in lines],
        waiting_costs=[n.waiting_costs for n in lines],
        covers=[n.line.days_of_cover for n in lines],
        fillings=[None if n.filling is None else msgspec.json.encode(n.filling).decode() for n in lines],
    )


async def current_id(tx: Tx) -> UUID | None:
    """The proposal, if there is one."""
    return await tx.value(sql.current_grouping)


async def last_id(tx: Tx) -> UUID | None:
    """The newest grouping, placed or not."""
    return await tx.value(sql.last_grouping)


async def get_grouping(tx: Tx, grouping_id: UUID) -> Grouping:
    """Raises NotFound(``grouping_not_found``)."""
    head = await tx.maybe(sql.get_grouping, _Head, id=grouping_id)
    if head is None:
        raise NotFound("grouping_not_found", "There is no such grouping.")
    orders = await tx.all(sql.list_grouped_orders, GroupedOrder, id=grouping_id)
    return Grouping(**{field.name: getattr(head, field.name) for field in fields(head)}, orders=orders)


async def list_lines(
    tx: Tx,
    grouping_id: UUID,
    *,
    after: int = 0,
    limit: int,
    order_no: int | None = None,
    verdict: str | None = None,
) -> list[GroupedLine]:
    """One page and one row more, those that cost most to wait first."""
    return await tx.all(
        sql.list_grouped_lines,
        GroupedLine,
        id=grouping_id,
        after=after,
        limit=limit + 1,
        order_no=order_no,
        verdict=verdict,
    )


async def place(tx: Tx, grouping_id: UUID, *, order_nos: Sequence[int] | None, actor: str) -> Grouping:
    """Put what goes onto draft orders, all of it or nothing; without ``order_nos`` every order that goes.

    What somebody decided meanwhile is left out, what is needed less is lowered; nothing is ordered that was not shown.
    Orders that were placed before stay as they are, so repeating it changes nothing. Raises NotFound,
    Invalid(``order_does_not_go``), Conflict(``grouping_replaced`` | ``grouping_outdated`` |
    ``order_limit_exceeded``) and Denied(``over_approval_limit``).
    """
    await tx.run(sql.lock_order_limits)
    status = await tx.value(sql.lock_grouping, id=grouping_id)
    grouping = await get_grouping(tx, grouping_id)
    going = {o.order_no: o for o in grouping.orders if o.verdict == "goes"}
    wanted = list(going) if order_nos is None else list(dict.fromkeys(order_nos))
    unknown = any(number not in going for number in wanted)
    if status == "replaced" and (unknown or order_nos is None):
        raise Conflict("grouping_replaced", "The orders were grouped anew; look at the new grouping.")
    if unknown:
        raise Invalid("order_does_not_go", "An order that is named does not go.")
    left = [number for number in wanted if going[number].purchase_order_id is None]
    if not left:
        return grouping
    await _place(tx, grouping_id, [going[number] for number in left], actor=actor)
    await tx.run(sql.finish_grouping, id=grouping_id, actor=actor)
    return await get_grouping(tx, grouping_id)


async def _place(tx: Tx, grouping_id: UUID, orders: list[GroupedOrder], *, actor: str) -> None:
    numbers = [order.order_no for order in orders]
    limits, keys = await list_order_limits(tx), [(o.supplier_id, o.warehouse_id, o.currency) for o in orders]
    before = await grouping_store.read_heads(tx, keys)
    lines = await tx.all(sql.lines_to_place, _ToPlace, id=grouping_id, order_nos=numbers)
    # Before anything is inserted: a plan that holds these rows may be about to insert what we insert.
    ids = [n.suggestion_id for n in lines if n.suggestion_id is not None]
    now = {row["id"]: row for row in await tx.dicts(suggestions.lock_suggestions, ids=ids)}
    asked = [one for n in lines if n.suggestion_id is not None and (one := _still_wanted(n, now)) is not None]
    asked += await _open_fillers(tx, [n for n in lines if n.suggestion_id is None])
    if not asked:
        raise _outdated([])
    why = {"grouping_id": str(grouping_id)}
    refused = await decisions.approve_all(tx, asked, actor=actor, why=why)
    errors = [{"suggestion_id": str(r.suggestion_id), "code": r.code, "message": r.detail} for r in refused]
    if any(r.code == "over_approval_limit" for r in refused):
        raise Denied("over_approval_limit", "An order is worth more than your role may approve.", errors=errors)
    if refused:
        raise _outdated(errors)
    await _check(tx, limits, keys, before)
    await tx.run(sql.mark_orders_placed, id=grouping_id, order_nos=numbers)
    facts = {"orders": len(orders), "lines": len(asked)}
    await audit.record(
        tx, actor=actor, action="replenishment.orders_placed", subject=f"grouping:{grouping_id}", **facts
    )


def _still_wanted(line: _ToPlace, now: dict[UUID, dict[str, Any]]) -> Approval | None:
    """What of a line is pending still, and never more than people looked at: a shop that sells changes every minute."""
    row = now.get(line.suggestion_id) if line.suggestion_id else None
    if row is None or row["status"] != "pending" or row["kind"] != "purchase" or row["supplier_id"] != line.supplier_id:
        return None
    return Approval(row["id"], min(line.quantity, row["suggested_quantity"]), None, row["version"])


async def _open_fillers(tx: Tx, fillers: list[_ToPlace]) -> list[Approval]:
    if not fillers:
        return []
    opened = await tx.dicts(
        sql.open_fillers,
        sku_ids=[n.sku_id for n in fillers],
        warehouse_ids=[n.warehouse_id for n in fillers],
        supplier_ids=[n.supplier_id for n in fillers],
        currencies=[n.currency for n in fillers],
        quantities=[n.quantity for n in fillers],
        fillings=[msgspec.json.encode(n.filling).decode() for n in fillers],
    )
    return [Approval(row["id"]) for row in opened]


def _outdated(errors: list[dict[str, Any]]) -> Conflict:
    return Conflict(
        "grouping_outdated", "Suggestions changed since they were grouped; group them again.", errors=errors
    )


async def _check(tx: Tx, limits: list[OrderLimit], keys: list[tuple[UUID, UUID, str]], before: list[Head]) -> None:
    """No limit is broken by what was placed, whatever else was ordered since the grouping was made."""
    errors: list[dict[str, Any]] = []
    now = {limit.id: limit for limit in await list_order_limits(tx)}
    for limit in limits:
        used = now[limit.id].used
        if limit.per != "order" and rounded(used) > limit.most and used > limit.used:
            errors.append(_exceeded(limit.measure, limit.per, limit.most, used, limit.id))
    heads = await grouping_store.read_heads(tx, keys)
    for key, was, head in zip(keys, before, heads, strict=True):
        own = [(x.measure, x.most, x.id) for x in limits if x.per == "order" and x.covers(*key)]
        trucks = (("volume_l", head.truck_volume_l, None), ("weight_kg", head.truck_weight_kg, None))
        for measure, most, limit_id in (*own, *trucks):
            used = getattr(head, measure)
            if most is not None and rounded(used) > most and used > getattr(was, measure):
                errors.append(_exceeded(measure, "order", most, used, limit_id))
        if rounded(head.money) < (head.minimum_order_value or 0):
            raise _outdated([])
    if errors:
        raise Conflict("order_limit_exceeded", "Something else was ordered meanwhile; group again.", errors=errors)


def _exceeded(measure: str, per: str, most: Decimal, used: Decimal, limit_id: UUID | None) -> dict[str, Any]:
    return {
        "code": "order_limit_exceeded",
        "order_limit_id": None if limit_id is None else str(limit_id),
        "measure": measure,
        "per": per,
        "most": str(most),
        "used": str(rounded(used)),
    }
