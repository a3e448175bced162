"""Rules and alerts as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires at value <= threshold, clears above threshold x (1 + clear_margin).

    Without a threshold the line is the reorder point a person set for the level, else its computed safety stock.
    The scope is everything that sku_id, warehouse_id and category do not exclude.
    """

    id: UUID
    name: str
    kind: str
    metric: str
    threshold: float | None
    clear_margin: float
    sku_id: UUID | None
    warehouse_id: UUID | None
    category: str | None
    severity: str
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
    status: str
    severity: str
    metric: str
    value: float
    threshold: float
    facts: dict[str, Any]
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

    watched: int
    would_open: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    measured: int
    opened: int
    resolved: int
