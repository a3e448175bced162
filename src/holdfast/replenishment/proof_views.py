"""What planning is worth, in the console: how decisions turned out, and the past under other policies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.replenishment import backtests, grades
from holdfast.replenishment.backtests import StoredBacktest
from holdfast.replenishment.grades import Grade, MonthLine
from holdfast.web.i18n import N_

DECISIONS: Final = {"followed": N_("followed"), "changed": N_("changed"), "rejected": N_("rejected")}
POLICIES: Final = {
    "today": N_("today's levels"),
    "rule, fixed": N_("the usual rule, levels fixed"),
    "rule, refreshed": N_("the usual rule, levels refreshed"),
    "textbook normal": N_("textbook, normal demand"),
    "holdfast": N_("Holdfast"),
    "perfect foresight": N_("with perfect foresight"),
}
# What is said of the history (holdfast.demand.tables, holdfast.replenishment.backtesting), by kind.
REMARKS: Final = {
    "zeros_only": N_("levels that never sold: %(num)s"),
    "single_sale": N_("levels that sold once: %(num)s"),
    "bulk_left_out": N_("levels whose one-off orders are left out: %(num)s"),
}
_REMARK = re.compile(r"(\w+) \(([\d,]+)\)")
PHASES: Final = {
    "waiting": N_("waiting for a worker"),
    "reading": N_("reading the past"),
    "replaying": N_("replaying day by day"),
}
ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class KindLine:
    """All decisions of one kind in the month."""

    decision: str
    decisions: int
    stockout_days: int
    per_decision: float
    excess: str


@dataclass(frozen=True, slots=True)
class WhoLine:
    who: str
    decision: str
    decisions: int
    stockout_days: int
    excess: str


@dataclass(frozen=True, slots=True)
class WorstLine:
    sku_id: UUID
    suggestion_id: UUID
    name: str
    code: str
    warehouse: str
    decision: str
    who: str
    decided_at: datetime
    suggested: int
    decided: int
    stockout_days: int
    excess: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class GradesView:
    month: date
    before: date
    after: date | None
    kinds: tuple[KindLine, ...]
    people: tuple[WhoLine, ...]
    worst: tuple[WorstLine, ...]


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """One policy of a backtest. ``parts`` of the bar are holding, ordering and lost margin, against ``scale``."""

    name: str
    is_ours: bool
    cost: str
    against: str
    stockouts: float
    fill: str
    stock: str
    orders: int
    parts: tuple[float, ...]
    scale: float


@dataclass(frozen=True, slots=True)
class Past:
    id: UUID
    started_at: datetime
    started_by: str
    status: str
    said: str


@dataclass(frozen=True, slots=True)
class BacktestView:
    chosen: StoredBacktest | None
    sentence: str
    phase: str
    lines: tuple[PolicyLine, ...]
    remarks: tuple[str, ...]
    past: tuple[Past, ...]
    may_plan: bool


async def grades_view(visit: Visit) -> GradesView:
    """Two statements. The month is in the address, as ``2026-11``."""
    month = await grades.month_of(visit.tx, _month(visit.asked("month")))
    lines = await grades.month_report(visit.tx, month)
    worst = await grades.list_grades(visit.tx, month, limit=ROWS)
    this = await grades.month_of(visit.tx, None)
    return GradesView(
        month=month,
        before=(month - timedelta(days=1)).replace(day=1),
        after=(month + timedelta(days=32)).replace(day=1) if month < this else None,
        kinds=tuple(_kind(visit, kind, [x for x in lines if x.decision == kind]) for kind in DECISIONS),
        people=tuple(
            WhoLine(
                visit.formats.who(x.decided_by),
                visit.words.gettext(DECISIONS[x.decision]),
                x.decisions,
                x.stockout_days,
                visit.formats.money(x.excess_value, x.currency, whole=True) if x.currency else "–",
            )
            for x in lines
        ),
        worst=tuple(_worst(visit, one) for one in worst if one.stockout_days or one.excess_units),
    )


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None


def _kind(visit: Visit, kind: str, lines: Sequence[MonthLine]) -> KindLine:
    excess: dict[str, Decimal] = {}
    for line in lines:
        if line.currency and line.excess_value:
            excess[line.currency] = excess.get(line.currency, Decimal(0)) + line.excess_value
    count, days = sum(x.decisions for x in lines), sum(x.stockout_days for x in lines)
    money = " + ".join(visit.formats.money(value, currency, whole=True) for currency, value in excess.items())
    return KindLine(visit.words.gettext(DECISIONS[kind]), count, days, days / count if count else 0.0, money or "–")


def _worst(visit: Visit, one: Grade) -> WorstLine:
    return WorstLine(
        sku_id=one.sku_id,
        suggestion_id=one.suggestion_id,
        name=one.sku_name,
        code=one.sku_code,
        warehouse=one.warehouse,
        decision=visit.words.gettext(DECISIONS[one.decision]),
        who=visit.formats.who(one.decided_by),
        decided_at=one.decided_at,
        suggested=one.suggested_quantity,
        decided=one.decided_quantity,
        stockout_days=one.stockout_days,
        excess=visit.formats.money(one.excess_value, one.currency, whole=True)
        if one.currency and one.excess_value is not None
        else "–",
        is_final=one.is_final,
    )


async def backtest_view(visit: Visit, backtest_id: UUID | None) -> BacktestView:
    """The chosen backtest, or the newest one, and the ones before it."""
    found = await backtests.list_all(visit.tx, limit=10)
    chosen = await backtests.get(visit.tx, backtest_id) if backtest_id else next(iter(found), None)
    result = (chosen.result if chosen else None) or {}
    lines = _policy_lines(visit, result)
    return BacktestView(
        chosen=chosen,
        sentence=_sentence(visit, result),
        phase=visit.words.gettext(PHASES.get(chosen.phase, "")) if chosen and chosen.phase in PHASES else "",
        lines=lines,
        remarks=tuple(_remark_words(visit, remark) for remark in result.get("remarks", ())),
        past=tuple(
            Past(b.id, b.started_at, visit.formats.who(b.started_by), b.status, _sentence(visit, b.result or {}))
            for b in found
        ),
        may_plan=visit.may("plan"),
    )


def _remark_words(visit: Visit, remark: str) -> str:
    """How many, in words; what we have no words for stays as it is."""
    found = _REMARK.match(remark)
    if found is None or found[1] not in REMARKS:
        return remark
    count = visit.formats.number(int(found[2].replace(",", "")))
    return visit.words.gettext(REMARKS[found[1]], num=count)


def _rule_and_ours(result: Mapping[str, Any]) -> tuple[float, float] | None:
    costs = {p["policy"]: float(p["cost"]) for p in result.get("policies", ())}
    rule, ours = costs.get("rule, refreshed"), costs.get("holdfast")
    return (rule, ours) if rule and ours is not None else None


def _sentence(visit: Visit, result: Mapping[str, Any]) -> str:
    both = _rule_and_ours(result)
    if both is None:
        return ""
    rule, ours = both
    share = visit.formats.percent(abs(1 - ours / rule))
    if ours <= rule:
        return visit.words.gettext("%(share)s less cost than the usual rule", share=share)
    return visit.words.gettext("%(share)s more cost than the usual rule", share=share)


def _policy_lines(visit: Visit, result: Mapping[str, Any]) -> tuple[PolicyLine, ...]:
    policies: list[Mapping[str, Any]] = list(result.get("policies", ()))
    if not policies:
        return ()
    currency = str(result.get("currency") or "")
    dearest = max(float(p["cost"]) for p in policies) or 1.0
    both = _rule_and_ours(result)

    def money(value: float) -> str:
        if currency:
            return visit.formats.money(Decimal(str(round(value, 2))), currency, whole=True)
        return visit.formats.number(value)

    return tuple(
        PolicyLine(
            name=_named(visit, str(p["policy"])),
            is_ours=p["policy"] == "holdfast",
            cost=money(float(p["cost"])),
            against=visit.formats.percent(float(p["cost"]) / both[0]) if both else "",
            stockouts=float(p["stockout_periods"]),
            fill=visit.formats.percent(float(p["fill_rate"])),
            stock=money(float(p["stock_value"])),
            orders=int(p["orders"]),
            parts=(float(p["holding_cost"]), float(p["order_cost"]), float(p["lost_margin"])),
            scale=dearest,
        )
        for p in policies
    )


def _named(visit: Visit, policy: str) -> str:
    """A policy in words; one we have no words for is shown as it is."""
    said = POLICIES.get(policy)
    return visit.words.gettext(said) if said else policy
