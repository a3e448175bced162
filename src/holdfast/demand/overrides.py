"""A planner's own figure for a time: shown beside the model's, ordered by instead of it, and graded after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.demand.model import DemandForecast
from holdfast.kernel.errors import Conflict, Invalid, NotFound

sql = statements("holdfast.demand", "planners.sql")

Kind = Literal["level", "percent"]
# Units a day, or percent; a quantity of a SKU is bounded much lower than a float.
Value = Annotated[float, Field(ge=-100, le=1e9, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Override:
    """``level``: units a day; ``percent``: that much more or less than the model.

    After its time, the grade: ``actual_units`` on its observed days, beside what model and planner had said. ``helped``
    is null while nobody knows, and when both were as near.
    """

    id: UUID
    sku_id: UUID
    warehouse_id: UUID
    first_day: date
    last_day: date
    kind: str
    value: float
    reason: str
    model_daily_mean: float
    said_by: str
    said_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    graded_at: datetime | None
    observed_days: float | None
    actual_units: float | None
    model_units: float | None
    override_units: float | None
    helped: bool | None


@dataclass(frozen=True, slots=True)
class OverrideGrades:
    """What the overrides of one planner, or of one SKU, were worth. Errors are sums of absolute units; a planner helped
    where the override's is the smaller one; bias is override less actual."""

    planner: str | None
    sku_id: UUID | None
    sku_code: str | None
    graded: int
    helped: int
    harmed: int
    actual_units: float
    model_error_units: float
    override_error_units: float
    override_bias_units: float


class NewOverride(BaseModel):
    """``level``: ``value`` units a day. ``percent``: so much more (or less, negative) than the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sku_id: UUID
    warehouse_id: UUID
    first_day: date
    last_day: date
    kind: Kind
    value: Value
    reason: Annotated[str, Field(min_length=1, max_length=500)]


async def add_override(tx: Tx, asked: NewOverride, *, actor: str) -> Override:
    """Say what a time will sell. Raises NotFound, Invalid(``invalid_request``), Conflict(``override_overlaps``)."""
    today: date | None = await tx.value(sql.local_day, warehouse_id=asked.warehouse_id)
    if today is None:
        raise NotFound("warehouse_not_found", "There is no such warehouse.")
    if asked.last_day < asked.first_day:
        raise Invalid.field_error(["body", "last_day"], "ends_before_it_begins", "The last day lies before the first.")
    if asked.last_day < today:
        raise Invalid.field_error(["body", "last_day"], "in_the_past", "What has passed is not forecast any more.")
    if asked.value < (-100 if asked.kind == "percent" else 0):
        raise Invalid.field_error(["body", "value"], "below_nothing", "Demand cannot be less than nothing.")
    level = {"sku_id": asked.sku_id, "warehouse_id": asked.warehouse_id}
    await tx.run(sql.lock_overrides, **level)
    other = await tx.value(sql.overlapping_override, **level, first_day=asked.first_day, last_day=asked.last_day)
    if other is not None:
        message = "These days are overridden already; withdraw that override first."
        raise Conflict("override_overlaps", message, {"override_id": str(other)})
    model_mean: float | None = await tx.value(sql.model_mean, **level)
    if model_mean is None:
        raise NotFound("forecast_not_found", "There is no forecast of this SKU in this warehouse to override.")
    made = await tx.one(
        sql.add_override,
        Override,
        **level,
        first_day=asked.first_day,
        last_day=asked.last_day,
        kind=asked.kind,
        value=asked.value,
        reason=asked.reason,
        model_daily_mean=model_mean,
        said_by=actor,
    )
    await _record(tx, made, "forecast.overridden", actor)
    return made


async def withdraw_override(tx: Tx, override_id: UUID, *, actor: str) -> Override:
    """Take an override back that has not ended. Raises NotFound, Conflict(``override_ended``)."""
    found = await tx.maybe(sql.withdraw_override, Override, id=override_id, said_by=actor)
    if found is None:
        known = await list_overrides(tx, limit=1, id=override_id)
        if not known:
            raise NotFound("override_not_found", "There is no such override.")
        if known[0].withdrawn_at is not None:
            return known[0]
        raise Conflict("override_ended", "Its time has ended; it stays, to be graded.")
    await _record(tx, found, "forecast.override_withdrawn", actor)
    return found


async def list_overrides(tx: Tx, *, limit: int, before: UUID | None = None, **filters: Any) -> list[Override]:
    """One page and one row more, newest first. Filters: id, sku_id, warehouse_id, said_by."""
    columns: dict[str, Any] = dict.fromkeys(("id", "sku_id", "warehouse_id", "said_by")) | filters
    return await tx.all(sql.list_overrides, Override, before=before, limit=limit + 1, **columns)


async def grades(tx: Tx, *, by: Literal["planner", "sku"], since: date | None, limit: int) -> list[OverrideGrades]:
    """Whether overrides helped, most used first."""
    return await tx.all(sql.override_report, OverrideGrades, by=by, since=since, limit=limit)


async def read_overrides(
    tx: Tx, sku_ids: Sequence[UUID], warehouse_ids: Sequence[UUID]
) -> dict[int, list[dict[str, Any]]]:
    """What is overridden of the days from today on, by the place of the pair in the question."""
    if not await tx.value(sql.have_overrides):
        return {}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in await tx.dicts(sql.read_overrides, sku_ids=list(sku_ids), warehouse_ids=list(warehouse_ids)):
        found.setdefault(row["n"] - 1, []).append(row)
    return found


def daily_means(model_mean: float, days: int, said: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Expected units of each of the next ``days`` days, from today on, with what planners said about some of them."""
    means = np.full(days, model_mean, np.float64)
    for one in said:
        value = one["value"] if one["kind"] == "level" else model_mean * (1 + one["value"] / 100)
        means[one["first_ahead"] : one["last_ahead"] + 1] = value
    return means


def with_overrides(
    forecast: DemandForecast, protection_days: NDArray[np.float64], said: dict[int, list[dict[str, Any]]]
) -> tuple[DemandForecast, list[float | None]]:
    """The forecast with the mean over the protection time as planners have it, and that mean where they have one.

    The spread keeps its share of the mean: a planner who expects twice as much is not twice as sure. Where the model
    expects nothing, a planner's figure is taken as Poisson with a level known to a half.
    """
    means: list[float | None] = [None] * forecast.daily_mean.size
    if not said:
        return forecast, means
    mean, day, level = forecast.daily_mean.copy(), forecast.day_variance.copy(), forecast.level_variance.copy()
    for row, entries in said.items():
        days = max(1, int(np.ceil(protection_days[row])))
        wanted = float(daily_means(float(mean[row]), days, entries).mean())
        means[row] = wanted
        if mean[row] > 0:
            ratio = wanted / mean[row]
            day[row], level[row] = day[row] * ratio, level[row] * ratio**2
        else:
            day[row], level[row] = wanted, (wanted / 2) ** 2
        mean[row] = wanted
    return replace(forecast, daily_mean=mean, day_variance=day, level_variance=level), means


async def _record(tx: Tx, override: Override, action: str, actor: str) -> None:
    await audit.record(
        tx,
        actor=actor,
        action=action,
        subject=f"sku:{override.sku_id}",
        override_id=str(override.id),
        warehouse_id=str(override.warehouse_id),
        kind=override.kind,
        value=override.value,
        reason=override.reason,
    )
