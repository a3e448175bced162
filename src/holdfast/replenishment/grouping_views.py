"""What the page of grouped orders shows: every limit as a bar, every order as a card, and what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from babel.numbers import get_currency_precision

from holdfast.access.visit import Visit
from holdfast.replenishment import groupings
from holdfast.replenishment.classing import sql as choices_sql
from holdfast.replenishment.groupings import GroupedLine, GroupedOrder, Grouping
from holdfast.replenishment.order_limits import OrderLimit, list_order_limits
from holdfast.replenishment.policy_views import Typed
from holdfast.replenishment.worklist import sql as pages_sql
from holdfast.web.i18n import N_

LINES_READ: Final = 500
LINES_PER_ORDER: Final = 12
LINES_WAITING: Final = 25

MEASURES: Final = {
    "money": N_("Money"),
    "volume_l": N_("Litres"),
    "weight_kg": N_("Kilograms"),
    "pallets": N_("Pallets"),
}
UNITS: Final = {
    "volume_l": N_("%(number)s l"),
    "weight_kg": N_("%(number)s kg"),
    "pallets": N_("%(number)s pallets"),
}
PERIODS: Final = {
    "order": N_("each order"),
    "day": N_("per day"),
    "week": N_("per week"),
    "month": N_("per month"),
    "quarter": N_("per quarter"),
}
# What stopped a line, by what is limited and per what.
STOPPED: Final = {
    "below_minimum": N_("the order stays below the supplier's minimum"),
    "nothing_left": N_("nothing was left for it"),
    "money": N_("the money is used up (%(per)s)"),
    "volume_l": N_("the litres are used up (%(per)s)"),
    "weight_kg": N_("the kilograms are used up (%(per)s)"),
    "pallets": N_("the pallets are used up (%(per)s)"),
}
TRUCK: Final = N_("truck")


@dataclass(frozen=True, slots=True)
class Bar:
    """One limit: what was used ``before``, what the orders add, of ``whole``, and what a step more would save."""

    label: str
    scope: str
    figure: str
    before: float
    adds: float
    whole: float
    is_full: bool
    more: str
    limit_id: str


@dataclass(frozen=True, slots=True)
class ShownLine:
    sku_id: UUID
    code: str
    name: str
    quantity: str
    cost: str
    tone: str
    words: str
    waiting: str


@dataclass(frozen=True, slots=True)
class Card:
    """One order. ``minor``: its value in minor units, for exact sums of ticks."""

    order_no: int
    supplier_id: UUID
    warehouse_id: UUID
    supplier: str
    warehouse: str
    value: str
    minor: int
    currency: str
    goes: bool
    when: str
    counts: str
    sentence: str
    bars: tuple[Bar, ...]
    lines: tuple[ShownLine, ...]
    more_lines: int
    purchase_order_id: UUID | None
    number: str | None


@dataclass(frozen=True, slots=True)
class GroupingView:
    grouping: Grouping | None
    title: str
    proof: tuple[str, ...]
    bars: tuple[Bar, ...]
    going: tuple[Card, ...]
    waiting: tuple[Card, ...]
    lines: tuple[ShownLine, ...]
    unpriced: int
    limits: tuple[tuple[str, str, str, str], ...]
    measures: tuple[tuple[str, str], ...]
    periods: tuple[tuple[str, str], ...]
    suppliers: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    currency: str
    typed: Typed
    may_plan: bool
    may_place: bool


async def grouping_view(visit: Visit, *, may_place: bool, typed: Typed | None = None) -> GroupingView:
    """Seven statements at most, however many orders there are."""
    grouping_id = await groupings.current_id(visit.tx) or await groupings.last_id(visit.tx)
    grouping = await groupings.get_grouping(visit.tx, grouping_id) if grouping_id else None
    lines = await groupings.list_lines(visit.tx, grouping_id, limit=LINES_READ) if grouping_id else []
    limits = await list_order_limits(visit.tx)
    orders = grouping.orders if grouping else []
    cards = [_card(visit, order, [n for n in lines if n.order_no == order.order_no]) for order in orders]
    by_order = {order.order_no: order for order in orders}
    held = [n for n in lines if n.verdict in ("waits", "partly")][:LINES_WAITING]
    sums: Sequence[Mapping[str, Any]] = grouping.facts["sums"] if grouping else ()
    return GroupingView(
        grouping=grouping,
        title=_title(visit, orders, sums),
        proof=tuple(_proof(visit, one) for one in sums),
        bars=tuple(_bar(visit, facts, _main(sums)) for facts in (grouping.facts["limits"] if grouping else ())),
        going=tuple(c for c in cards if c.goes),
        waiting=tuple(c for c in cards if not c.goes),
        lines=tuple(_line(visit, n, by_order[n.order_no].currency) for n in held),
        unpriced=grouping.facts.get("unpriced", 0) if grouping else 0,
        limits=tuple(_limit(visit, one) for one in limits),
        measures=_pairs(visit, MEASURES),
        periods=_pairs(visit, PERIODS),
        suppliers=await visit.choices(choices_sql.supplier_choices),
        warehouses=await visit.choices(pages_sql.warehouse_choices),
        currency=await visit.tx.value(choices_sql.main_currency) or "EUR",
        typed=typed or Typed(),
        may_plan=visit.may("plan"),
        may_place=may_place,
    )


def _pairs(visit: Visit, known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((value, visit.words.gettext(text)) for value, text in known.items())


def _main(sums: Sequence[Mapping[str, Any]]) -> str:
    return str(sums[0]["currency"]) if sums else "EUR"


def _title(visit: Visit, orders: Sequence[GroupedOrder], sums: Sequence[Mapping[str, Any]]) -> str:
    count = sum(o.verdict == "goes" for o in orders)
    if not count:
        return visit.words.gettext("Nothing to order")
    costs = " + ".join(
        visit.formats.money(Decimal(one["value"]), one["currency"], whole=True) for one in sums if float(one["value"])
    )
    said = visit.words.ngettext("%(num)s order", "%(num)s orders", count)
    return visit.words.gettext("%(orders)s, %(cost)s", orders=said, cost=costs)


def _proof(visit: Visit, one: Mapping[str, Any]) -> str:
    """What the choice saves, what waiting costs, and how much any other choice could save beyond it."""
    words, currency = visit.words, one["currency"]
    saves, waits, gap = (visit.formats.money(Decimal(one[n]), currency) for n in ("saves", "waiting_costs", "gap"))
    said = words.gettext("Saves about %(money)s in lost sales.", money=saves)
    if float(one["waiting_costs"]) >= 0.01:
        said += " " + words.gettext("What waits costs about %(money)s.", money=waits)
    if float(one["gap"]) < 0.01:
        return said + " " + words.gettext("Proven: no other choice under these limits saves more.")
    return (
        said
        + " "
        + words.gettext(
            "Proven: no other choice under these limits saves more than %(money)s beyond this (%(share)s).",
            money=gap,
            share=f"{100 * float(one['gap_share']):.2g} %",
        )
    )


def amount_words(visit: Visit, measure: str, value: Decimal, currency: str | None) -> str:
    """£1,200, 850 l, 310 kg or 4 pallets."""
    if measure == "money":
        return visit.formats.money(value, currency or "EUR", whole=True)
    digits = 1 if measure == "pallets" else 0
    return visit.words.gettext(UNITS[measure], number=visit.formats.number(value, digits))


def _period(visit: Visit, per: str) -> str:
    return visit.words.gettext(TRUCK if per == "truck" else PERIODS[per])


def _named(visit: Visit, measure: str, per: str) -> str:
    """What a limit is of, and for what time."""
    return ", ".join((visit.words.gettext(MEASURES[measure]), _period(visit, per)))


def _bar(visit: Visit, facts: Mapping[str, Any], currency: str) -> Bar:
    most, before, adds = (Decimal(facts[name]) for name in ("most", "before", "adds"))
    measure, money = facts["measure"], facts["currency"] or currency
    used, whole = before + adds, amount_words(visit, measure, most, money)
    figure = visit.words.gettext("%(used)s of %(most)s", used=amount_words(visit, measure, used, money), most=whole)
    more = ""
    if Decimal(facts["gain"]) >= Decimal("0.01"):
        more = visit.words.gettext(
            "%(step)s more would save about %(gain)s in lost sales.",
            step=amount_words(visit, measure, Decimal(facts["step"]), money),
            gain=visit.formats.money(Decimal(facts["gain"]), currency),
        )
    return Bar(
        label=_named(visit, measure, facts["per"]),
        scope="" if facts["per"] in ("order", "truck") else _scope(visit, facts["supplier"], facts["warehouse"]),
        figure=figure,
        before=float(before),
        adds=float(adds),
        whole=float(max(most, used)),
        is_full=bool(more),
        more=more,
        limit_id=facts["order_limit_id"] or "",
    )


def _card(visit: Visit, order: GroupedOrder, lines: Sequence[GroupedLine]) -> Card:
    facts, words, formats = order.facts, visit.words, visit.formats
    digits = get_currency_precision(order.currency)
    bars = [_bar(visit, limit, order.currency) for limit in facts["limits"]]
    minimum = None if facts["minimum"] is None else Decimal(facts["minimum"])
    if minimum:
        bars.insert(0, _minimum_bar(visit, order, minimum))
    counts = [words.ngettext("%(num)s line", "%(num)s lines", facts["lines"])] if facts["lines"] else []
    if facts["fills_up"]:
        counts.append(words.ngettext("%(num)s fills it up", "%(num)s fill it up", facts["fills_up"]))
    if facts["waits"]:
        counts.append(words.ngettext("%(num)s waits", "%(num)s wait", facts["waits"]))
    day = words.gettext("order %(day)s", day=formats.day(order.order_day)) if order.order_day else ""
    arrives = words.gettext("arrives in about %(days)s days", days=formats.number(order.lead_time_days))
    shown = lines[:LINES_PER_ORDER]
    return Card(
        order_no=order.order_no,
        supplier_id=order.supplier_id,
        warehouse_id=order.warehouse_id,
        supplier=order.supplier,
        warehouse=order.warehouse,
        value=formats.money(order.value if order.value else Decimal(facts["due"]), order.currency, whole=True),
        minor=int(order.value.scaleb(digits).to_integral_value()),
        currency=order.currency,
        goes=order.verdict == "goes",
        when=" · ".join(part for part in (day, arrives) if part),
        counts=" · ".join(counts),
        sentence=_sentence(visit, order, minimum),
        bars=tuple(bars),
        lines=tuple(_line(visit, n, order.currency) for n in shown),
        more_lines=facts["lines"] + facts["waits"] - len(shown),
        purchase_order_id=order.purchase_order_id,
        number=order.purchase_order_number,
    )


def _minimum_bar(visit: Visit, order: GroupedOrder, minimum: Decimal) -> Bar:
    """What is reached of the supplier's minimum; an order that waits shows what would have been due."""
    adds = order.value if order.verdict == "goes" else Decimal(order.facts["due"])
    reached = order.draft_value + adds
    money = [amount_words(visit, "money", one, order.currency) for one in (reached, minimum)]
    return Bar(
        label=visit.words.gettext("Supplier's minimum"),
        scope="",
        figure=visit.words.gettext("%(used)s of %(most)s", used=money[0], most=money[1]),
        before=float(min(order.draft_value, minimum)),
        adds=float(min(adds, max(minimum - order.draft_value, Decimal(0)))),
        whole=float(minimum),
        is_full=False,
        more="",
        limit_id="",
    )


def _sentence(visit: Visit, order: GroupedOrder, minimum: Decimal | None) -> str:
    facts, money = order.facts, visit.formats.money
    waits = money(Decimal(facts["waiting_costs"]), order.currency)
    if order.verdict == "goes" and facts["fills_up"]:
        filling = money(Decimal(facts["filling_value"]), order.currency, whole=True)
        return visit.words.gettext(
            "Filled up with %(money)s of what runs low next, to reach the minimum.", money=filling
        )
    if order.verdict == "below_minimum" and minimum is not None:
        missing = money(minimum - order.draft_value - Decimal(facts["due"]), order.currency, whole=True)
        return visit.words.gettext(
            "%(missing)s below the minimum; filling up does not pay. Waiting costs about %(waits)s in lost sales.",
            missing=missing,
            waits=waits,
        )
    if order.verdict == "nothing_fits":
        return visit.words.gettext(
            "Other orders save more under these limits. Waiting costs about %(waits)s in lost sales.", waits=waits
        )
    return ""


def _line(visit: Visit, line: GroupedLine, currency: str) -> ShownLine:
    words, formats = visit.words, visit.formats
    number = formats.number(line.quantity)
    if line.quantity != line.wanted_quantity and line.verdict != "fills_up":
        number = words.gettext("%(got)s of %(wanted)s", got=number, wanted=formats.number(line.wanted_quantity))
    said, tone = "", ""
    if line.verdict == "fills_up":
        said, tone = words.gettext("fills up"), "ok"
    elif line.why:
        measure, _, per = line.why.partition(":")
        said = words.gettext(STOPPED[measure], per=_period(visit, per)) if per else words.gettext(STOPPED[measure])
        tone = "bad" if line.verdict == "waits" else "warn"
    waiting = formats.money(line.waiting_costs, currency) if line.waiting_costs else ""
    cost = formats.money(line.cost, currency, whole=True) if line.cost else ""
    return ShownLine(line.sku_id, line.sku_code, line.sku_name, number, cost, tone, said, waiting)


def _limit(visit: Visit, limit: OrderLimit) -> tuple[str, str, str, str]:
    most = amount_words(visit, limit.measure, limit.most, limit.currency)
    scope = _scope(visit, limit.supplier, limit.warehouse)
    return str(limit.id), _named(visit, limit.measure, limit.per), scope, most


def _scope(visit: Visit, supplier: str | None, warehouse: str | None) -> str:
    words = visit.words
    return " · ".join((supplier or words.gettext("All suppliers"), warehouse or words.gettext("All warehouses")))
