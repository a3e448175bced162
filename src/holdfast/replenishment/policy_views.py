"""What the page of policies shows: the nine classes, one form, and every policy there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from holdfast.access.visit import Visit
from holdfast.kernel.errors import NotFound
from holdfast.kernel.ids import uuid_or_none
from holdfast.replenishment.classing import CODES, ClassCell, list_cells, sql
from holdfast.replenishment.policies import Policy
from holdfast.replenishment.worklist import sql as pages_sql
from holdfast.web.i18n import N_

MODES: Final = {"auto": N_("by demand"), "manual": N_("by levels set by hand"), "none": N_("never")}
MEASURES: Final = {"fill": N_("units served from stock"), "cycle": N_("delivery cycles without a stockout")}
METHODS: Final = {
    "s_S": N_("when low, up to the target"),
    "R_S": N_("at every review, up to the target"),
    "s_nQ": N_("when low, in whole lots"),
}
ROWS: Final = {
    "A": ("A", N_("the first four fifths of the money")),
    "B": ("B", N_("the next 15 percent")),
    "C": ("C", N_("the rest")),
}
COLUMNS: Final = {"X": ("X", N_("even")), "Y": ("Y", N_("varies")), "Z": ("Z", N_("erratic"))}


FIELDS: Final = (
    "mode",
    "measure",
    "target",
    "method",
    "review_days",
    "order_cost",
    "holding_rate",
    "shelf_life_days",
    "end_of_life",
    "prebuild_days",
)


@dataclass(frozen=True, slots=True)
class PolicyRow(Policy):
    """A policy and the names of its scope."""

    sku_code: str | None
    sku_name: str | None
    warehouse: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the list, in words."""

    id: UUID
    scope: str
    limits: str
    target: str
    method: str
    review_days: str
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """One class: how many levels, what they sell in a year, the target that counts and whose it is."""

    code: str
    row_label: str
    row_note: str
    levels: int
    worth: str
    target: str
    note: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ScopeForm:
    title: str
    scope: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed and what is wrong with it."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class PoliciesView:
    columns: tuple[tuple[str, str], ...]
    cells: tuple[tuple[Cell, ...], ...]
    classed_at: datetime | None
    rows: tuple[Shown, ...]
    form: ScopeForm | None
    typed: Typed
    modes: tuple[tuple[str, str], ...]
    measures: tuple[tuple[str, str], ...]
    methods: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    warehouses: tuple[tuple[str, str], ...]
    may_plan: bool


async def policies_view(visit: Visit, scope: Mapping[str, str], typed: Typed | None = None) -> PoliciesView:
    """Six statements. ``scope`` names the policy of the form: class_code, sku_code, category, warehouse, or all."""
    rows = await visit.tx.all(sql.policy_rows, PolicyRow)
    cells = await list_cells(visit.tx)
    form = await _form(visit, scope) if scope else None
    found = _of_scope(rows, scope) if form else None
    return PoliciesView(
        columns=tuple((letter, visit.words.gettext(note)) for letter, note in COLUMNS.values()),
        cells=tuple(tuple(_cell(visit, row + column, cells, rows, scope) for column in COLUMNS) for row in ROWS),
        classed_at=max((c.classed_at for c in cells), default=None),
        rows=tuple(_shown(visit, row) for row in rows),
        form=form,
        typed=typed or Typed(_fields(found)),
        modes=_or_wider(visit, MODES),
        measures=_or_wider(visit, MEASURES),
        methods=_or_wider(visit, METHODS),
        categories=await visit.choices(sql.category_choices),
        warehouses=await visit.choices(pages_sql.warehouse_choices),
        may_plan=visit.may("plan"),
    )


async def scope_of_policy(visit: Visit, policy_id: UUID) -> dict[str, str]:
    """What the policy is for, as the form says it. Raises NotFound."""
    rows = await visit.tx.all(sql.policy_rows, PolicyRow)
    row = next((r for r in rows if r.id == policy_id), None)
    if row is None:
        raise NotFound("policy_not_found", visit.words.gettext("There is no such policy."))
    named = {
        "sku_code": row.sku_code or "",
        "category": row.category or "",
        "class_code": row.class_code or "",
        "warehouse": str(row.warehouse_id or ""),
    }
    return {name: value for name, value in named.items() if value} or {"all": "yes"}


async def _form(visit: Visit, scope: Mapping[str, str]) -> ScopeForm:
    words = visit.words
    place = ""
    if scope.get("warehouse"):
        warehouse_id = uuid_or_none(scope["warehouse"])
        place = await visit.tx.value(sql.warehouse_named, id=warehouse_id) or ""
    title = _scope_words(
        visit, scope.get("sku_code"), scope.get("category"), scope.get("class_code"), place, words.gettext("Everything")
    )
    return ScopeForm(title, scope)


def _scope_words(
    visit: Visit, sku: str | None, category: str | None, class_code: str | None, place: str | None, everything: str
) -> str:
    words = visit.words
    who = sku or category or (words.gettext("Class %(code)s", code=class_code) if class_code else everything)
    return words.gettext("%(what)s in %(place)s", what=who, place=place) if place else who


def _of_scope(rows: Sequence[PolicyRow], scope: Mapping[str, str]) -> PolicyRow | None:
    def key(value: object) -> str:
        return str(value or "")

    wanted = tuple(scope.get(name, "") for name in ("sku_code", "category", "class_code", "warehouse"))
    return next(
        (r for r in rows if (key(r.sku_code), key(r.category), key(r.class_code), key(r.warehouse_id)) == wanted), None
    )


def _fields(row: PolicyRow | None) -> dict[str, str]:
    """The form as it stands; what a policy does not say is empty."""
    if row is None:
        return dict.fromkeys(FIELDS, "")

    def text(value: object) -> str:
        return "" if value is None else str(value)

    def percent(share: float | None) -> str:
        return "" if share is None else f"{share * 100:g}"

    return {
        "mode": text(row.mode),
        "measure": "fill" if row.target_fill_rate is not None else "cycle" if row.target_service is not None else "",
        "target": percent(row.target),
        "method": text(row.method),
        "review_days": text(row.review_days),
        "order_cost": text(row.order_cost),
        "holding_rate": percent(row.holding_rate),
        "shelf_life_days": text(row.shelf_life_days),
        "end_of_life": text(row.end_of_life),
        "prebuild_days": text(row.prebuild_days),
    }


def _cell(
    visit: Visit, code: str, cells: Sequence[ClassCell], rows: Sequence[PolicyRow], scope: Mapping[str, str]
) -> Cell:
    mine = [c for c in cells if c.class_code == code]
    worth = [visit.formats.money(c.yearly_value, c.currency, whole=True) for c in mine if c.currency and c.yearly_value]
    own = _of_scope(rows, {"class_code": code})
    holds = next((p for p in (own, _of_scope(rows, {})) if p and (p.target is not None or p.mode == "none")), None)
    label, note = ROWS[code[0]]
    empty = sum(c.empty for c in mine)
    words = visit.words
    said = words.gettext("its own policy") if own else words.gettext("as everything")
    empty_words = words.ngettext("%(num)s empty", "%(num)s empty", empty)
    return Cell(
        code=code,
        row_label=label,
        row_note=words.gettext(note),
        levels=sum(c.levels for c in mine),
        worth=" + ".join(worth),
        target=_target(visit, holds) if holds else words.gettext("by past"),
        note=f"{said} · {empty_words}" if empty else said,
        is_chosen=scope.get("class_code") == code and not scope.get("warehouse"),
    )


def _target(visit: Visit, policy: Policy) -> str:
    if policy.mode == "none":
        return visit.words.gettext("never")
    return "–" if policy.target is None else visit.formats.percent(policy.target)


def _shown(visit: Visit, row: PolicyRow) -> Shown:
    words = visit.words
    limits: list[str] = []
    if row.shelf_life_days:
        limits.append(words.gettext("sells within %(days)s days", days=row.shelf_life_days))
    if row.end_of_life:
        limits.append(words.gettext("last day %(day)s", day=visit.formats.day(row.end_of_life, year=True)))
    if row.prebuild_days:
        limits.append(words.gettext("built %(days)s days ahead", days=row.prebuild_days))
    everything = words.gettext("Everything")
    return Shown(
        id=row.id,
        scope=_scope_words(visit, row.sku_code, row.category, row.class_code, row.warehouse, everything),
        limits=" · ".join(limits),
        target=_target(visit, row),
        method=words.gettext(METHODS[row.method]) if row.method else "–",
        review_days=words.gettext("%(days)s d", days=visit.formats.number(row.review_days)) if row.review_days else "–",
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )


def _or_wider(visit: Visit, known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    wider = ("", visit.words.gettext("as the wider policy"))
    return (wider, *((value, visit.words.gettext(text)) for value, text in known.items()))


assert set(CODES) == {row + column for row in ROWS for column in COLUMNS}
