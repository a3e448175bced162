"""Level channels over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from holdfast.access.edge import Admin, ApiRoute, ApiTx
from holdfast.connectors import levels

router = APIRouter(prefix="/api/v1/webhooks", route_class=ApiRoute, tags=["Webhooks"])


class Noted(BaseModel):
    noted: int


@router.post("/{webhook_id}/sync", status_code=202)
async def sync_levels(webhook_id: UUID, tx: ApiTx, _: Admin) -> Noted:
    """Tell a receiver of the mode ``levels`` every level, for its first start or after it lost its place."""
    return Noted(noted=await levels.note_all(tx, webhook_id))
