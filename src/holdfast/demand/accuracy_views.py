"""What the page of how good forecasts are shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.demand import nightly, overrides
from holdfast.demand.accuracy import Accuracy, sum_accuracy
from holdfast.demand.demand_views import YOUNG_DAYS, sql
from holdfast.demand.nightly import DemandRun
from holdfast.demand.overrides import OverrideGrades
from holdfast.web.i18n import N_

LOOK_BACK: Final = {"28": N_("4 weeks"), "90": N_("3 months"), "365": N_("a year")}
DAYS_DEFAULT: Final = "90"
ROWS: Final = 25
PLANNERS: Final = 25
# The level people order by unless a policy says otherwise.
LEVEL_SHOWN: Final = 0.95
# Off by so much in one direction a forecast is not unlucky but wrong.
BIAS_SHARE_MIN: Final = 0.25


@dataclass(frozen=True, slots=True)
class Missed:
    """A SKU in a warehouse whose forecasts missed, in units, and what may be behind it."""

    sku_id: UUID
    code: str
    name: str
    warehouse_id: UUID
    warehouse: str
    graded: int
    actual_units: float
    error_units: float
    naive_error_units: float
    bias_units: float
    observed_days: int
    has_likeness: bool
    has_large_lines: bool


@dataclass(frozen=True, slots=True)
class ShownMissed:
    path: str
    code: str
    name: str
    warehouse: str
    error_units: float
    error: str
    bias: str
    advice: str
    advice_path: str


@dataclass(frozen=True, slots=True)
class ShownRun:
    """The last nightly run; ``share`` is None once it is over."""

    id: UUID
    status: str
    is_running: bool
    words: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class AccuracyView:
    days: str
    look_back: tuple[tuple[str, str], ...]
    summary: Accuracy | None
    headline: str
    coverage: str
    bias: str
    worst: tuple[ShownMissed, ...]
    planners: tuple[OverrideGrades, ...]
    run: ShownRun | None
    may_run: bool


async def accuracy_view(visit: Visit, *, only_run: bool = False) -> AccuracyView:
    """Five statements; one when only the run is asked for."""
    words = visit.words
    days = visit.asked("days", among=tuple(LOOK_BACK)) or DAYS_DEFAULT
    runs = await nightly.list_runs(visit.tx, before=None, limit=1)
    summary, worst, planners = None, list[Missed](), list[OverrideGrades]()
    if not only_run:
        today: date = await visit.tx.value(sql.today_of_shop)
        summary = await sum_accuracy(visit.tx, days=int(days))
        since = today - timedelta(days=int(days))
        worst = await visit.tx.all(sql.worst_forecasts, Missed, since=since, limit=ROWS)
        planners = await overrides.grades(visit.tx, by="planner", since=today - timedelta(days=365), limit=PLANNERS)
    return AccuracyView(
        days=days,
        look_back=tuple((key, words.gettext(label)) for key, label in LOOK_BACK.items()),
        summary=summary if summary and summary.graded else None,
        headline=_headline(visit, summary),
        coverage=_coverage(visit, summary),
        bias=_bias(visit, summary.bias) if summary else "",
        worst=tuple(_shown(visit, row) for row in worst),
        planners=tuple(planners),
        run=_run(visit, runs[0]) if runs else None,
        may_run=visit.may("plan"),
    )


def _headline(visit: Visit, summary: Accuracy | None) -> str:
    if summary is None or summary.wape is None:
        return visit.words.gettext("Nothing to judge yet")
    return visit.words.gettext("Forecasts were off by %(error)s", error=visit.formats.percent(summary.wape))


def _coverage(visit: Visit, summary: Accuracy | None) -> str:
    """What the 95 % level was worth, as times of a hundred."""
    share = summary.coverage[str(LEVEL_SHOWN)] if summary else None
    if share is None:
        return ""
    times = round(share * 100)
    said = visit.words.gettext("Stock meant to last 95 times of 100 lasted %(times)s times.", times=times)
    if times < 92:
        judged = visit.words.gettext("It is too little: shelves empty more often than planned.")
    elif times > 97:
        judged = visit.words.gettext("It is more than needed: money lies on the shelf.")
    else:
        judged = visit.words.gettext("That is as it should be.")
    return f"{said} {judged}"


def _bias(visit: Visit, bias: float | None) -> str:
    if bias is None:
        return ""
    share = visit.formats.percent(abs(bias))
    if abs(bias) < 0.005:
        return visit.words.gettext("as often too high as too low")
    return (
        visit.words.gettext("%(share)s too high", share=share)
        if bias > 0
        else visit.words.gettext("%(share)s too low", share=share)
    )


def _shown(visit: Visit, row: Missed) -> ShownMissed:
    path = f"/stock/{row.sku_id}/demand?warehouse={row.warehouse_id}"
    advice, anchor = _advice(visit, row)
    share = row.error_units / row.actual_units if row.actual_units else None
    return ShownMissed(
        path=path,
        code=row.code,
        name=row.name,
        warehouse=row.warehouse,
        error_units=row.error_units,
        error=visit.formats.percent(share) if share is not None else visit.words.gettext("nothing sold"),
        bias=_bias(visit, row.bias_units / row.actual_units if row.actual_units else None),
        advice=advice,
        advice_path=path + anchor,
    )


def _advice(visit: Visit, row: Missed) -> tuple[str, str]:
    """What a person can do about it, and where on the page of its demand."""
    words = visit.words
    if row.has_large_lines:
        return words.gettext("Say which large orders were one-offs"), "#lines"
    if row.observed_days < YOUNG_DAYS and not row.has_likeness:
        return words.gettext("New: say what it sells like"), "#like"
    if row.error_units > row.naive_error_units:
        return words.gettext("“As much as before” was nearer: say what you know"), "#override"
    if row.actual_units and abs(row.bias_units) / row.actual_units >= BIAS_SHARE_MIN:
        return words.gettext("Wrong in one direction: say what you know"), "#override"
    return words.gettext("Look at its demand"), "#picture"


def _run(visit: Visit, run: DemandRun) -> ShownRun:
    words, formats = visit.words, visit.formats
    graded = int(run.facts.get("graded", 0))
    if run.status == "running":
        said = words.gettext(
            "Under way since %(when)s: %(done)s of %(total)s forecasts",
            when=formats.clock(run.started_at),
            done=formats.number(run.pairs_done),
            total=formats.number(run.pairs_total),
        )
    elif run.status == "failed":
        said = words.gettext(
            "The run of %(when)s failed. Start it again; if it fails again, the log of the worker says why.",
            when=formats.moment(run.started_at),
        )
    else:
        facts = {"when": formats.moment(run.finished_at), "done": formats.number(run.pairs_done)}
        said = (
            words.gettext("Stopped %(when)s after %(done)s forecasts; what it did stays.", **facts)
            if run.status == "stopped"
            else words.gettext(
                "Last done %(when)s: %(done)s forecasts looked at, %(graded)s compared with what came.",
                **facts,
                graded=formats.number(graded),
            )
        )
    return ShownRun(run.id, run.status, run.status == "running", said, run.pairs_done, run.pairs_total)
