"""Alert rules and alerts over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Planner, Reader
from holdfast.alerts import service
from holdfast.alerts.model import Alert, Metric, Preview, Rule, Severity
from holdfast.kernel.errors import Invalid
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_id_cursor, encode_cursor, page_of

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["Alerts"])

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Threshold = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Margin = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]
Note = Annotated[str, Field(max_length=2000)]


class RuleScope(BaseModel):
    """Fires when the metric is at or below the threshold; without a threshold, the level's
    own line: the reorder point a person set, else the computed safety stock. With the metric
    ``order_exception`` the rule is about orders that are late, short, refused, over-delivered
    or did not reach their supplier, and has no threshold."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["quantity"] = "quantity"
    metric: Metric = "available_quantity"
    threshold: Threshold | None = None
    clear_margin: Annotated[Margin, Field(description="resolves itself above threshold × (1 + clear_margin)")] = 0.1
    sku_id: UUID | None = None
    warehouse_id: UUID | None = None
    category: Name | None = None
    severity: Severity = "warning"


class NewRule(RuleScope):
    name: Name
    recipients: Annotated[
        list[Email], Field(max_length=100, description="e-mail addresses; none: everybody who plans or decides")
    ] = []
    is_active: bool = True


class PreviewedRule(RuleScope):
    name: Name = "preview"
    recipients: list[Email] = []
    is_active: bool = True


class RuleChange(BaseModel):
    """Only the fields that are sent are changed."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    metric: Metric | None = None
    threshold: Threshold | None = None
    clear_margin: Margin | None = None
    sku_id: UUID | None = None
    warehouse_id: UUID | None = None
    category: Name | None = None
    severity: Severity | None = None
    recipients: Annotated[list[Email], Field(max_length=100)] | None = None
    is_active: bool | None = None


class RulePage(BaseModel):
    alert_rules: Sequence[Rule]
    next_cursor: str | None


@router.post("/alert-rules", status_code=201)
async def create_rule(body: NewRule, tx: ApiTx, caller: Planner) -> Rule:
    rule = await service.create_rule(tx, actor=caller.actor, **body.model_dump(exclude={"kind"}))
    return rule


@router.post("/alert-rules:preview")
async def preview_rule(body: PreviewedRule, tx: ApiTx, _: Reader, request: Request) -> Preview:
    """What a rule would fire for now; nothing is kept."""
    share = request.app.state.settings.low_stock_share
    return await service.preview_rule(tx, body.model_dump(), low_share=share)


@router.get("/alert-rules")
async def list_rules(
    tx: ApiTx, _: Reader, is_active: bool | None = None, limit: Limit = LIMIT_DEFAULT, cursor: str | None = None
) -> RulePage:
    found = await service.list_rules(tx, after=decode_id_cursor(cursor), is_active=is_active, limit=limit)
    page = page_of(found, limit, lambda r: encode_cursor(r.id))
    return RulePage(alert_rules=page.items, next_cursor=page.next_cursor)


@router.get("/alert-rules/{rule_id}")
async def get_rule(rule_id: UUID, tx: ApiTx, _: Reader) -> Rule:
    return await service.get_rule(tx, rule_id)


@router.patch("/alert-rules/{rule_id}")
async def change_rule(rule_id: UUID, body: RuleChange, tx: ApiTx, caller: Planner) -> Rule:
    changes = body.model_dump(exclude_unset=True)
    for name, value in changes.items():
        if value is None and name not in ("threshold", "sku_id", "warehouse_id", "category"):
            raise Invalid.field_error([name], "not_null", "This field cannot be empty.")
    return await service.change_rule(tx, rule_id, changes, actor=caller.actor)


@router.delete("/alert-rules/{rule_id}", status_code=204)
async def delete_rule(rule_id: UUID, tx: ApiTx, caller: Planner) -> None:
    await service.delete_rule(tx, rule_id, actor=caller.actor)


class AlertPage(BaseModel):
    alerts: Sequence[Alert]
    next_cursor: str | None


class Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: Note | None = None


@router.get("/alerts")
async def list_alerts(
    tx: ApiTx,
    _: Reader,
    status: Literal["open", "acknowledged", "resolved"] | None = None,
    severity: Severity | None = None,
    rule_id: UUID | None = None,
    sku_id: UUID | None = None,
    warehouse_id: UUID | None = None,
    category: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> AlertPage:
    found = await service.list_alerts(
        tx,
        before=decode_id_cursor(cursor),
        limit=limit,
        status=status,
        severity=severity,
        rule_id=rule_id,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        category=category,
    )
    page = page_of(found, limit, lambda a: encode_cursor(a.id))
    return AlertPage(alerts=page.items, next_cursor=page.next_cursor)


@router.get("/alerts/{alert_id}")
async def get_alert(alert_id: UUID, tx: ApiTx, _: Reader) -> Alert:
    return await service.get_alert(tx, alert_id)


@router.post("/alerts/{alert_id}/acknowledge")
async def acknowledge_alert(alert_id: UUID, tx: ApiTx, caller: Operator, body: Decision | None = None) -> Alert:
    """Somebody has seen it. Again, or once it is resolved, changes nothing."""
    await service.get_alert(tx, alert_id)
    await service.acknowledge(tx, [alert_id], actor=caller.actor, note=body.note if body else None)
    return await service.get_alert(tx, alert_id)


@router.post("/alerts/{alert_id}/resolve")
async def resolve_alert(alert_id: UUID, tx: ApiTx, caller: Operator, body: Decision | None = None) -> Alert:
    """Somebody has dealt with it. While the stock stays low it does not open again."""
    await service.get_alert(tx, alert_id)
    await service.resolve(tx, [alert_id], actor=caller.actor, note=body.note if body else None)
    return await service.get_alert(tx, alert_id)
