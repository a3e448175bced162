"""What the page of a SKU's demand shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.db import statements
from holdfast.demand.expectation import Expectation, chart_summary, expectation_of, rate_words
from holdfast.demand.picture import (
    PAST,
    PERIOD_DAYS,
    By,
    Period,
    Place,
    Said,
    WantedDay,
    ahead,
    chart_of,
    periods,
    planned_days,
)
from holdfast.demand.planners import Proposal, propose_likeness
from holdfast.kernel.errors import NotFound

sql = statements("holdfast.demand", "pages.sql")

LINES: Final = 12
OVERRIDES: Final = 20
LINKS: Final = 20
# With less than a season of its own a SKU may borrow the past of another; nobody is asked about the others.
YOUNG_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class Sku:
    id: UUID
    code: str
    name: str
    category: str | None
    is_archived: bool
    today: date


@dataclass(frozen=True, slots=True)
class LargeLine:
    source_id: UUID
    warehouse_id: UUID
    warehouse: str
    day: date
    quantity: int
    reference_id: str | None
    one_off_above: int | None
    is_one_off: bool
    said_by: str | None


@dataclass(frozen=True, slots=True)
class OverrideRow:
    id: UUID
    warehouse_id: UUID
    warehouse: str
    first_day: date
    last_day: date
    kind: str
    value: float
    reason: str
    model_daily_mean: float
    said_by: str
    is_withdrawn: bool
    is_open: bool
    is_graded: bool
    actual_units: float | None
    model_units: float | None
    override_units: float | None

    @property
    def said(self) -> Said:
        return Said(self.warehouse_id, self.first_day, self.last_day, self.kind, self.value)


@dataclass(frozen=True, slots=True)
class ShownOverride:
    """An override in words: what was said, and what came of it (with its tone)."""

    id: UUID
    warehouse: str
    first_day: date
    last_day: date
    what: str
    reason: str
    said_by: str
    outcome: str
    tone: str
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class Link:
    sku_id: UUID
    code: str
    name: str
    like_sku_id: UUID
    like_code: str
    like_name: str
    kind: str
    factor: float
    from_day: date | None
    said_by: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into a form, what is wrong with it, and what the override would do."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    preview: Said | None = None


@dataclass(frozen=True, slots=True)
class DemandView:
    sku: Sku
    by: By
    warehouse_id: UUID | None
    places: tuple[Place, ...]
    rate: str
    expectation: Expectation | None
    chart: Mapping[str, object]
    recent: tuple[Period, ...]
    lines: tuple[LargeLine, ...]
    overrides: tuple[ShownOverride, ...]
    links: tuple[Link, ...]
    proposals: tuple[Proposal, ...]
    typed: Typed
    preview: str
    may_plan: bool

    @property
    def own_link(self) -> Link | None:
        return next((link for link in self.links if link.is_own), None)

    @property
    def forecast_places(self) -> tuple[tuple[str, str], ...]:
        """The warehouses whose forecast can be overridden, for a choice."""
        return tuple((str(p.warehouse_id), p.warehouse) for p in self.places if p.daily_mean is not None)

    def address(self, *, by: str | None = None, warehouse: UUID | str | None = None) -> str:
        """This page with another period, or another warehouse ("" for all)."""
        chosen = str(self.warehouse_id or "") if warehouse is None else str(warehouse)
        query = [f"by={by or self.by}"] if (by or self.by) != "week" else []
        query += [f"warehouse={chosen}"] if chosen else []
        return f"/stock/{self.sku.id}/demand" + (f"?{'&'.join(query)}" if query else "")


async def demand_view(
    visit: Visit, sku_id: UUID, *, warehouse_id: UUID | None, by: By, typed: Typed | None = None
) -> DemandView:
    """At most eight statements, however many warehouses, lines and overrides there are. Raises NotFound."""
    tx = visit.tx
    sku = await tx.maybe(sql.demand_head, Sku, sku_id=sku_id)
    if sku is None:
        raise NotFound("sku_not_found", visit.words.gettext("There is no such SKU."))
    places = tuple(await tx.all(sql.demand_places, Place, sku_id=sku_id))
    shown = tuple(p for p in places if warehouse_id in (None, p.warehouse_id))
    today = shown[0].today if warehouse_id and shown else sku.today
    only = {"sku_id": sku_id, "warehouse_id": warehouse_id}
    since = today - timedelta(days=PERIOD_DAYS[by] * PAST[by])
    days = await tx.all(sql.demand_days, WantedDay, **only, since=since, until=today)
    said = await tx.all(sql.overrides_of_sku, OverrideRow, **only, limit=OVERRIDES)
    lines = await tx.all(sql.large_lines_of_sku, LargeLine, **only, limit=LINES)
    links = await tx.all(sql.links_of_sku, Link, sku_id=sku_id, limit=LINKS)
    past = periods(days, today=today, by=by)
    typed = typed or Typed(_empty_fields(today, warehouse_id, shown))
    open_says = [o.said for o in said if o.is_open and not o.is_withdrawn]
    coming = ahead(shown, [*open_says, *([typed.preview] if typed.preview else [])], by=by)
    expectation = expectation_of(visit, shown, past, days)
    words = {**_chart_words(visit, by), "summary": chart_summary(visit, past, coming, by=by)}
    is_young = max((p.observed_days or 0 for p in places), default=0) < YOUNG_DAYS
    proposes = visit.may("plan") and is_young and not any(link.is_own for link in links)
    return DemandView(
        sku=sku,
        by=by,
        warehouse_id=warehouse_id,
        places=places,
        rate=rate_words(visit, shown),
        expectation=expectation,
        chart=chart_of(past, coming, today=today, by=by, words=words),
        recent=past[-12:],
        lines=tuple(lines),
        overrides=tuple(_override(visit, o) for o in said),
        links=tuple(links),
        proposals=tuple(await propose_likeness(tx, sku_id)) if proposes else (),
        typed=typed,
        preview=_preview(visit, shown, open_says, typed.preview) if typed.preview else "",
        may_plan=visit.may("plan"),
    )


def _empty_fields(today: date, warehouse_id: UUID | None, places: Sequence[Place]) -> dict[str, str]:
    chosen = warehouse_id or next((p.warehouse_id for p in places if p.daily_mean is not None), "")
    return {
        "warehouse": str(chosen),
        "kind": "percent",
        "value": "",
        "first_day": today.isoformat(),
        "last_day": (today + timedelta(days=27)).isoformat(),
        "reason": "",
    }


def _preview(visit: Visit, places: Sequence[Place], said: Sequence[Said], preview: Said) -> str:
    """What saving it would change, in units over its days."""
    here = [p for p in places if p.warehouse_id == preview.warehouse_id]
    if not here:
        return ""
    first = max(0, (preview.first_day - here[0].today).days)
    last = min((preview.last_day - here[0].today).days, 3650)
    without = sum(planned_days(here, said, days=last + 1)[first:])
    planned = sum(planned_days(here, [*said, preview], days=last + 1)[first:])
    formats = visit.formats
    seen = replace(preview, first_day=max(preview.first_day, here[0].today))
    return visit.words.gettext(
        "From %(first)s to %(last)s orders would count on %(planned)s units in %(warehouse)s instead of %(without)s.",
        first=formats.day(seen.first_day),
        last=formats.day(seen.last_day),
        planned=formats.number(planned, 0 if planned >= 10 else 1),
        without=formats.number(without, 0 if without >= 10 else 1),
        warehouse=here[0].warehouse,
    )


def _override(visit: Visit, row: OverrideRow) -> ShownOverride:
    outcome, tone = _outcome(visit, row)
    return ShownOverride(
        id=row.id,
        warehouse=row.warehouse,
        first_day=row.first_day,
        last_day=row.last_day,
        what=_what(visit, row),
        reason=row.reason,
        said_by=row.said_by,
        outcome=outcome,
        tone=tone,
        may_withdraw=row.is_open and not row.is_withdrawn and visit.may("plan"),
    )


def _what(visit: Visit, row: OverrideRow) -> str:
    words, formats = visit.words, visit.formats
    if row.kind == "level":
        return words.gettext("%(units)s a day", units=formats.number(row.value, 1))
    share = formats.percent(abs(row.value) / 100)
    return (
        words.gettext("%(share)s less", share=share) if row.value < 0 else words.gettext("%(share)s more", share=share)
    )


def _outcome(visit: Visit, row: OverrideRow) -> tuple[str, str]:
    words, formats = visit.words, visit.formats
    if row.is_withdrawn:
        return words.gettext("withdrawn"), ""
    if row.actual_units is None or row.model_units is None or row.override_units is None:
        if row.is_graded:
            return words.gettext("the shelf was empty for too long to say"), ""
        return words.gettext("counts now") if row.is_open else words.gettext("is compared tonight"), ""
    facts: dict[str, Any] = {
        "actual": formats.number(row.actual_units),
        "planner": formats.number(row.override_units),
        "model": formats.number(row.model_units),
    }
    model, planner = abs(row.actual_units - row.model_units), abs(row.actual_units - row.override_units)
    came = words.gettext("%(actual)s came; the planner said %(planner)s, the forecast %(model)s", **facts)
    if planner == model:
        return words.gettext("made no difference: %(came)s", came=came), ""
    if planner < model:
        return words.gettext("helped: %(came)s", came=came), "ok"
    return words.gettext("hurt: %(came)s", came=came), "warn"


def _chart_words(visit: Visit, by: By) -> dict[str, str]:
    words = visit.words
    return {
        "ordinary": words.gettext("Sold"),
        "one_off": words.gettext("One-off orders"),
        "lost": words.gettext("Probably lost on empty shelves"),
        "expected": words.gettext("Expected"),
        "planned": words.gettext("With what planners said"),
        "band": words.gettext("8 of 10 times between"),
        "middle": words.gettext("Half of the time up to"),
        "week_of": words.gettext("Week from {day}") if by == "week" else "{day}",
        "today": words.gettext("today"),
    }
