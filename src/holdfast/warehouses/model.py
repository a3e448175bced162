"""A warehouse as the rest of the program sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Warehouse:
    id: UUID
    code: str
    name: str
    type: str
    parent_id: UUID | None
    address: dict[str, Any]
    latitude: float | None
    longitude: float | None
    time_zone: str
    capacity: int | None
    priority: int
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int
