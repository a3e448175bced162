"""Resolving a shortage: promises are broken and the loss is booked in one transaction, or nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from holdfast.counts import approving
from holdfast.counts.model import Chosen
from holdfast.db import Tx
from holdfast.stock import shortages
from holdfast.stock.shortages import Broken, Shortage


async def resolve(
    tx: Tx,
    case_id: UUID,
    chosen: Sequence[Broken] | None,
    *,
    note: str | None,
    actor: str,
    expected_version: int | None = None,
) -> Shortage:
    """Break the chosen promises (none given: by rule) and book what was found.

    Goods that came meanwhile may have made breaking unnecessary; then nothing is broken.
    Raises Conflict(``shortage_over`` | ``shortage_remains`` | ``version_conflict``).
    """
    case = await shortages.lock_case(tx, case_id, expected_version=expected_version)
    left = await shortages.withdraw_level(tx, case)
    if left is not None:
        broken = await _withdraw(tx, case, left, chosen)
        return await shortages.end(tx, case, "resolved", broken=broken, note=note, actor=actor)
    broken = await shortages.break_promises(tx, case, chosen)
    if case.cause == "count" and case.reference_id is not None:
        await _approve(tx, case, actor)
    else:
        await shortages.book(tx, case, actor=actor)
    return await shortages.end(tx, case, "resolved", broken=broken, note=note, actor=actor)


async def _withdraw(tx: Tx, case: Shortage, left: int, chosen: Sequence[Broken] | None) -> list[dict[str, Any]]:
    """Units of a batch past its use are there but cannot be sold: they leave what is available, and nothing is lost."""
    if left == 0:
        return []
    broken = await shortages.break_promises(tx, replace(case, missing_quantity=left), chosen)
    if await shortages.withdraw_level(tx, case):
        raise shortages.remains(case)
    return broken


async def _approve(tx: Tx, case: Shortage, actor: str) -> None:
    """The count knows what else happened since, so it books its own line."""
    line = [Chosen(case.sku_id)]
    done = await approving.approve(tx, UUID(case.reference_id), line, actor=actor, has_case=True)
    if done.refused:
        raise shortages.remains(case)
