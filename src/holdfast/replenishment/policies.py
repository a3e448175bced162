"""How pairs are replenished, said once for as many as it holds for; the most specific policy wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Json

from holdfast.access import audit
from holdfast.db import Tx
from holdfast.kernel.errors import Invalid, NotFound
from holdfast.replenishment.classing import sql
from holdfast.replenishment.store import sql as events

Mode = Literal["auto", "manual", "none"]
Method = Literal["s_S", "R_S", "s_nQ"]


@dataclass(frozen=True, slots=True)
class Policy:
    """For a SKU in a warehouse > a SKU > a category in a warehouse > a category > a class in a warehouse > a class >
    a warehouse > everything.

    What is None is as in the next wider policy; see ``PolicyTerms``. ``target_service`` is the wanted probability of no
    stockout until the delivery after next review; where ``target_fill_rate`` is given, that share of units is to be
    served from stock instead. ``order_cost`` in the currency of the supplier, per order line; ``holding_rate`` a share
    of the value per year.
    """

    id: UUID
    sku_id: UUID | None
    warehouse_id: UUID | None
    category: str | None
    class_code: str | None
    mode: Mode | None
    target_service: float | None
    target_fill_rate: float | None
    method: Method | None
    review_days: int | None
    shelf_life_days: int | None
    end_of_life: date | None
    prebuild_days: int | None
    order_cost: Decimal | None
    holding_rate: float | None
    updated_by: str
    updated_at: datetime

    @property
    def target(self) -> float | None:
        """Whichever of the two it names."""
        return self.target_service if self.target_fill_rate is None else self.target_fill_rate


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What all policies for one level come to, each field from the most specific one that says it, else the default.

    Without any target the service level is what was cheapest on the shop's own past, and 0.95 while there is none.
    """

    mode: Mode
    target_service: float | None
    target_fill_rate: float | None
    method: Method
    review_days: int
    shelf_life_days: int | None
    end_of_life: date | None
    prebuild_days: int
    order_cost: Decimal
    holding_rate: float


@dataclass(frozen=True, slots=True)
class ManualLevels:
    """Levels a person sets for one SKU in one warehouse; None gives the decision back to the plan."""

    safety_stock: int | None
    reorder_point: int | None
    max_stock: int | None


async def list_policies(tx: Tx, *, after: UUID | None, limit: int, **filters: Any) -> list[Policy]:
    """One page and one row more. Filters: sku_id, warehouse_id, category, class_code."""
    columns: dict[str, Any] = dict.fromkeys(("sku_id", "warehouse_id", "category", "class_code")) | filters
    return await tx.all(sql.list_policies, Policy, after=after, limit=limit + 1, **columns)


async def get_policy(tx: Tx, policy_id: UUID) -> Policy:
    found = await tx.maybe(sql.get_policy, Policy, id=policy_id)
    if found is None:
        raise NotFound("policy_not_found", "There is no such policy.")
    return found


async def policy_in_force(tx: Tx, *, sku_id: UUID, warehouse_id: UUID) -> Policy | None:
    """The most specific policy for one level; None when only the defaults hold."""
    return await tx.maybe(sql.policy_in_force, Policy, sku_id=sku_id, warehouse_id=warehouse_id)


async def terms_in_force(tx: Tx, *, sku_id: UUID, warehouse_id: UUID) -> PolicyTerms:
    """What the plan uses for one level."""
    return await tx.one(sql.terms_in_force, PolicyTerms, sku_id=sku_id, warehouse_id=warehouse_id)


async def put_policy(tx: Tx, *, actor: str, levels: ManualLevels | None = None, **columns: Any) -> Policy:
    """Set the policy of one scope, in place of the one before; ``levels`` only for one SKU in one warehouse.

    A column that is None says nothing. Of two targets the fill rate counts.

    Raises Invalid for an unknown SKU or warehouse and for a scope that names both a SKU and a category.
    """
    await _check_scope(tx, columns, has_levels=levels is not None)
    if columns["target_fill_rate"] is not None:
        columns = {**columns, "target_service": None}
    policy = await tx.one(sql.put_policy, Policy, actor=actor, **columns)
    if levels is not None:
        await tx.run(
            sql.set_manual_levels,
            sku_id=policy.sku_id,
            warehouse_id=policy.warehouse_id,
            safety_stock=levels.safety_stock,
            reorder_point=levels.reorder_point,
            max_stock=levels.max_stock,
        )
    await _tell(tx, "replenishment.policy_set", policy, actor)
    return policy


async def delete_policy(tx: Tx, policy_id: UUID, *, actor: str) -> None:
    """The next wider policy holds from now on; deleting twice is fine."""
    policy = await tx.maybe(sql.delete_policy, Policy, id=policy_id)
    if policy is not None:
        await _tell(tx, "replenishment.policy_deleted", policy, actor)


async def _check_scope(tx: Tx, columns: dict[str, Any], *, has_levels: bool) -> None:
    sku_id, warehouse_id = columns["sku_id"], columns["warehouse_id"]
    if sum(columns[name] is not None for name in ("sku_id", "category", "class_code")) > 1:
        place: list[str | int] = ["category" if columns["category"] is not None else "class_code"]
        raise Invalid.field_error(place, "ambiguous_scope", "A policy is for a SKU, for a category or for a class.")
    if has_levels and (sku_id is None or warehouse_id is None):
        raise Invalid.field_error(["levels"], "needs_sku_and_warehouse", "Levels are for one SKU in one warehouse.")
    known = (await tx.dicts(sql.knows_scope, sku_id=sku_id, warehouse_id=warehouse_id))[0]
    for name in ("sku", "warehouse"):
        if not known[name]:
            raise Invalid.field_error([f"{name}_id"], f"unknown_{name}", f"There is no such {name}.")


async def _tell(tx: Tx, event_type: str, policy: Policy, actor: str) -> None:
    facts = {
        "sku_id": str(policy.sku_id) if policy.sku_id else None,
        "warehouse_id": str(policy.warehouse_id) if policy.warehouse_id else None,
        "category": policy.category,
        "class_code": policy.class_code,
        "mode": policy.mode,
    }
    sku_ids = [policy.sku_id] if policy.sku_id else []
    data = Json({"policy_id": str(policy.id), **facts})
    await tx.run(events.write_event, event_type=event_type, sku_ids=sku_ids, data=data)
    await audit.record(tx, actor=actor, action=event_type, subject=f"policy:{policy.id}", **facts)
