"""The seals of the ledger over HTTP, for whoever notes them outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access.edge import ApiRoute, ApiTx, Reader
from holdfast.kernel.page import LIMIT_DEFAULT, LIMIT_MAX, decode_number_cursor, encode_cursor, page_of
from holdfast.stock import seals

router = APIRouter(prefix="/api/v1/ledger", route_class=ApiRoute, tags=["Ledger"])


class SealInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    no: int
    after_seq: int
    to_seq: int
    entries: int
    hash: Annotated[str, Field(description="SHA-256 as hex; stands for every entry up to `to_seq`")]
    sealed_at: datetime


class SealPage(BaseModel):
    seals: list[SealInfo]
    next_cursor: str | None


@router.get("/seals")
async def list_seals(
    tx: ApiTx, _: Reader, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT, cursor: str | None = None
) -> SealPage:
    """The seals, newest first."""
    found = await seals.list_seals(tx, before=decode_number_cursor(cursor), limit=limit)
    page = page_of(found, limit, lambda seal: encode_cursor(seal.no))
    return SealPage(seals=[SealInfo.model_validate(s) for s in page.items], next_cursor=page.next_cursor)
