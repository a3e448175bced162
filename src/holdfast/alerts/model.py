"""Rules and alerts as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

Metric = Literal["available_quantity", "on_hand_quantity", "days_of_cover", "order_exception"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires at value <= threshold, clears above threshold x (1 + clear_margin).

    Without a threshold the line is the reorder point a person set for the level, else its computed safety stock.
    The scope is everything that sku_id, warehouse_id and category do not exclude.
    """

    id: UUID
    name: str
    kind: str
    metric: Metric
    threshold: float | None
    clear_margin: float
    sku_id: UUID | None
    warehouse_id: UUID | None
    category: str | None
    severity: Severity
    recipients: list[str]
    is_active: bool
    created_by: str
    created_at: datetime
    updated_at: datetime
    live_alerts: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One cause: a rule, a SKU, a warehouse. ``facts`` are the figures at the moment it opened."""

    id: UUID
    rule_id: UUID
    rule_name: str
    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    warehouse_code: str
    status: Literal["open", "acknowledged", "resolved"]
    severity: Severity
    metric: Metric
    value: float
    threshold: float
    facts: Annotated[dict[str, Any], Field(description="the figures at the moment it opened")]
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    note: str | None
    available_quantity: int
    on_hand_quantity: int
    in_transit_quantity: int
    reorder_point: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule would fire for now."""

    sku_id: UUID
    sku_code: str
    sku_name: str
    warehouse_id: UUID
    warehouse_code: str
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Preview:
    """How many levels a rule would watch and fire for; the worst of them."""

    watched: Annotated[int, Field(description="levels the rule would look at")]
    would_open: Annotated[int, Field(description="levels it would fire for now")]
    findings: Annotated[tuple[Finding, ...], Field(description="the 50 furthest below their line")]


@dataclass(frozen=True, slots=True)
class Evaluation:
    measured: int
    opened: int
    resolved: int
