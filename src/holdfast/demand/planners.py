"""What planners say about demand: days that are not ordinary, SKUs that sell like others, lines that were one-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.demand.store import knows_sku
from holdfast.kernel.errors import Invalid, NotFound

sql = statements("holdfast.demand", "planners.sql")

Text = Annotated[str, Field(min_length=1, max_length=200)]
CalendarKind = Literal["promotion", "holiday", "closed", "other"]
LikenessKind = Literal["like", "successor"]

# A longer time is not a promotion; it would hide a year from every forecast of its scope.
CALENDAR_DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """Days that are no ordinary demand, from first to last; what is None is not narrowed.

    ``factor`` times the usual is expected of them; null: what earlier days of this kind did."""

    id: UUID
    kind: str
    label: str
    first_day: date
    last_day: date
    sku_id: UUID | None
    category: str | None
    warehouse_id: UUID | None
    said_by: str
    said_at: datetime
    factor: float | None = None


class NewEntry(BaseModel):
    """Days that are no ordinary demand, of everything or narrowed to a SKU or category, and to a warehouse."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: CalendarKind
    label: Text
    first_day: date
    last_day: date
    sku_id: UUID | None = None
    category: Text | None = None
    warehouse_id: UUID | None = None
    factor: Annotated[float | None, Field(ge=0, le=100, allow_inf_nan=False)] = None

    def problem(self) -> tuple[str, str, str] | None:
        """(field, code, message) of what is wrong with it by itself."""
        if self.last_day < self.first_day:
            return "last_day", "ends_before_it_begins", "The last day lies before the first."
        if (self.last_day - self.first_day).days >= CALENDAR_DAYS_MAX:
            return "last_day", "too_long", f"At most {CALENDAR_DAYS_MAX} days; say a recurring one once per year."
        if self.sku_id is not None and self.category is not None:
            return "category", "sku_or_category", "Name a SKU or a category, not both."
        return None


@dataclass(frozen=True, slots=True)
class Likeness:
    """``sku_id`` sells ``factor`` units for one of ``like_sku_id``; a successor also takes over from it."""

    sku_id: UUID
    sku_code: str
    like_sku_id: UUID
    like_sku_code: str
    kind: str
    factor: float
    from_day: date | None
    reason: str
    said_by: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """A SKU another one may sell like: same category, near in price, sold in the last quarter."""

    sku_id: UUID
    sku_code: str
    sku_name: str
    price: Decimal | None
    currency: str | None
    sale_days: int
    daily_mean: float


@dataclass(frozen=True, slots=True)
class DemandLine:
    """``kind``: order, sale, undo or return. ``source_id``: the reservation, ledger entry or return behind it.

    ``one_off_above``: the units it was judged by; null where it was too small, or too little was known.
    """

    sku_id: UUID
    warehouse_id: UUID
    day: date
    kind: str
    source_id: UUID
    quantity: int
    reference_type: str
    reference_id: str | None
    at: datetime
    one_off_above: int | None
    is_one_off: bool
    judged_by: str | None
    judged_because: str | None


async def add_entries(tx: Tx, entries: Sequence[NewEntry], *, actor: str) -> int:
    """Say these things about days, once; answers how many were not said before."""
    added = await tx.dicts(
        sql.add_calendar,
        kinds=[e.kind for e in entries],
        labels=[e.label for e in entries],
        first_days=[e.first_day for e in entries],
        last_days=[e.last_day for e in entries],
        sku_ids=[e.sku_id for e in entries],
        categories=[e.category for e in entries],
        warehouse_ids=[e.warehouse_id for e in entries],
        factors=[e.factor for e in entries],
        said_by=actor,
    )
    if added:
        subject = f"calendar:{added[0]['id']}" if len(added) == 1 else "calendar"
        labels = sorted({e.label for e in entries})[:20]
        await audit.record(
            tx, actor=actor, action="demand.calendar_said", subject=subject, entries=len(added), labels=labels
        )
    return len(added)


async def add_entry(tx: Tx, entry: NewEntry, *, actor: str) -> CalendarEntry:
    """One entry; the one that is there when it was said before. Raises Invalid, NotFound."""
    wrong = entry.problem()
    if wrong is not None:
        raise Invalid.field_error(["body", wrong[0]], wrong[1], wrong[2])
    if entry.sku_id is not None and not await knows_sku(tx, entry.sku_id):
        raise NotFound("sku_not_found", "There is no such SKU.")
    if entry.warehouse_id is not None and await tx.value(sql.local_day, warehouse_id=entry.warehouse_id) is None:
        raise NotFound("warehouse_not_found", "There is no such warehouse.")
    await add_entries(tx, [entry], actor=actor)
    return await tx.one(
        sql.find_calendar,
        CalendarEntry,
        kind=entry.kind,
        label=entry.label,
        first_day=entry.first_day,
        last_day=entry.last_day,
        sku_id=entry.sku_id,
        category=entry.category,
        warehouse_id=entry.warehouse_id,
    )


async def remove_entry(tx: Tx, entry_id: UUID, *, actor: str) -> None:
    """Raises NotFound(``calendar_entry_not_found``)."""
    label = await tx.value(sql.remove_calendar, id=entry_id)
    if label is None:
        raise NotFound("calendar_entry_not_found", "There is no such calendar entry.")
    await audit.record(tx, actor=actor, action="demand.calendar_removed", subject=f"calendar:{entry_id}", label=label)


async def list_entries(tx: Tx, *, limit: int, before: UUID | None, **filters: Any) -> list[CalendarEntry]:
    """One page and one row more, newest first. Filters: sku_id, warehouse_id, category, since, until."""
    columns = dict.fromkeys(("sku_id", "warehouse_id", "category", "since", "until")) | filters
    return await tx.all(sql.list_calendar, CalendarEntry, before=before, limit=limit + 1, **columns)


async def put_likeness(
    tx: Tx,
    sku_id: UUID,
    *,
    like_sku_id: UUID,
    kind: LikenessKind,
    factor: float,
    from_day: date | None,
    reason: str,
    actor: str,
) -> Likeness:
    """Say what a SKU sells like, or whom it follows. Raises NotFound, Invalid(``invalid_request``)."""
    for one in (sku_id, like_sku_id):
        if not await knows_sku(tx, one):
            raise NotFound("sku_not_found", "There is no such SKU.")
    leads_back = await tx.value(sql.leads_back, from_sku_id=like_sku_id, to_sku_id=sku_id)
    if sku_id == like_sku_id or leads_back:
        raise Invalid.field_error(["body", "like_sku_id"], "like_itself", "This leads back to the SKU itself.")
    if from_day is not None and kind != "successor":
        raise Invalid.field_error(["body", "from_day"], "not_a_successor", "Only a successor takes over from a day on.")
    said = {"like_sku_id": like_sku_id, "kind": kind, "factor": factor, "from_day": from_day, "reason": reason}
    await tx.run(sql.put_likeness, sku_id=sku_id, said_by=actor, **said)
    told = {name: value if value is None or isinstance(value, float) else str(value) for name, value in said.items()}
    await audit.record(tx, actor=actor, action="demand.likeness_said", subject=f"sku:{sku_id}", **told)
    return (await list_likeness(tx, limit=1, after=None, sku_id=sku_id))[0]


async def remove_likeness(tx: Tx, sku_id: UUID, *, actor: str) -> None:
    """Raises NotFound(``likeness_not_found``)."""
    if await tx.value(sql.remove_likeness, sku_id=sku_id) is None:
        raise NotFound("likeness_not_found", "Nothing is said about what this SKU sells like.")
    await audit.record(tx, actor=actor, action="demand.likeness_removed", subject=f"sku:{sku_id}")


async def list_likeness(tx: Tx, *, limit: int, after: UUID | None, sku_id: UUID | None) -> list[Likeness]:
    """One page and one row more, by SKU."""
    return await tx.all(sql.list_likeness, Likeness, limit=limit + 1, after=after, sku_id=sku_id)


async def propose_likeness(tx: Tx, sku_id: UUID, *, limit: int = 5) -> list[Proposal]:
    """SKUs this one may sell like, the likeliest first; none without a category. Raises NotFound(``sku_not_found``)."""
    if not await knows_sku(tx, sku_id):
        raise NotFound("sku_not_found", "There is no such SKU.")
    return await tx.all(sql.propose_likeness, Proposal, sku_id=sku_id, limit=limit)


async def list_lines(
    tx: Tx, *, sku_id: UUID, limit: int, before: Sequence[str] | None = None, **filters: Any
) -> list[DemandLine]:
    """One page and one row more of the lines behind demand, newest first. Filters: warehouse_id, since, until."""
    keys = ("before_day", "before_warehouse", "before_kind", "before_source")
    columns = dict.fromkeys(("warehouse_id", "since", "until", *keys)) | filters
    columns |= dict(zip(keys, before, strict=True)) if before else {}
    return await tx.all(sql.list_lines, DemandLine, sku_id=sku_id, limit=limit + 1, **columns)


async def list_large(tx: Tx, *, limit: int, before: Sequence[str] | None = None, **filters: Any) -> list[DemandLine]:
    """One page and one row more of lines above the usual. Filters: sku_id, warehouse_id, unjudged."""
    keys = ("before_sku", "before_warehouse", "before_day", "before_source")
    columns: dict[str, Any] = dict.fromkeys(("sku_id", "warehouse_id", *keys)) | {"unjudged": False} | filters
    columns |= dict(zip(keys, before, strict=True)) if before else {}
    return await tx.all(sql.list_large, DemandLine, limit=limit + 1, **columns)


async def judge_line(
    tx: Tx, *, sku_id: UUID, warehouse_id: UUID, source_id: UUID, is_one_off: bool | None, reason: str, actor: str
) -> DemandLine:
    """Say that a line was a one-off, or that it was not; None lets the rule decide. It counts at once.

    Raises NotFound(``demand_line_not_found``), Invalid for a line too small to be a one-off.
    """
    key = {"sku_id": sku_id, "warehouse_id": warehouse_id, "source_id": source_id}
    line = await tx.maybe(sql.find_line, DemandLine, **key)
    if line is None:
        raise NotFound("demand_line_not_found", "There is no such line of demand.")
    if line.quantity < LARGE_UNITS_MIN:
        message = f"Lines below {LARGE_UNITS_MIN} units always count as they are."
        raise Invalid.field_error(["body", "source_id"], "not_large", message)
    if is_one_off is None:
        await tx.run(sql.remove_verdict, **key)
    else:
        await tx.run(sql.put_verdict, **key, is_one_off=is_one_off, reason=reason, said_by=actor)
    await tx.run(sql.judge_again, sku_id=sku_id, warehouse_id=warehouse_id, day=line.day)
    await audit.record(
        tx,
        actor=actor,
        action="demand.line_judged",
        subject=f"sku:{sku_id}",
        source_id=str(source_id),
        reference=line.reference_id,
        is_one_off=is_one_off,
        reason=reason,
    )
    return await tx.one(sql.find_line, DemandLine, **key)


# The smallest line the rule looks at (BULK_UNITS_MIN of history.py; the index of demand_lines is made for it).
LARGE_UNITS_MIN = 30
