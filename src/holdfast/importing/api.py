"""Importing SKUs and terms over HTTP: the same reading and the same rules as ``holdfast import``."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from holdfast.access.edge import ApiRoute, ApiTx, Operator, Planner
from holdfast.db import Tx
from holdfast.importing.model import Problem
from holdfast.importing.service import KindName, kind_of, read_table, run_import
from holdfast.importing.table import table_of_csv
from holdfast.kernel.errors import Invalid

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["SKUs"])

# A longer list of problems helps nobody; the counts are always whole.
PROBLEMS_SHOWN_MAX = 500
CHANGES_SHOWN_MAX = 500


class ProblemInfo(BaseModel):
    """``row`` counts as a spreadsheet does: the header is row 1."""

    model_config = ConfigDict(from_attributes=True)
    row: int
    column: str
    value: str
    code: str
    message: str


class Difference(BaseModel):
    before: str | None
    after: str | None


class ChangeInfo(BaseModel):
    row: int
    code: str
    differences: dict[str, Difference]


class ImportInfo(BaseModel):
    read_as: str
    rows: int
    new: int
    changed: int
    unchanged: int
    rows_with_problems: int
    ignored_columns: list[str]
    changes: list[ChangeInfo]
    problems: list[ProblemInfo]
    is_applied: bool


_CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}}


@router.post("/skus:import", openapi_extra=_CSV)
async def import_skus(
    request: Request, tx: ApiTx, caller: Operator, apply: bool = False, valid_rows_only: bool = False
) -> ImportInfo:
    """A CSV of SKUs. Without ``apply`` it only answers what would change; with it, all rows are applied or, when one
    has a problem, none (422 ``import_has_problems``) unless ``valid_rows_only``.
    """
    how = {"apply": apply, "valid_rows_only": valid_rows_only}
    return await _imported(tx, "skus", await request.body(), actor=caller.actor, **how)


@router.post("/supplier-items:import", openapi_extra=_CSV, tags=["Suppliers"])
async def import_supplier_items(
    request: Request, tx: ApiTx, caller: Planner, apply: bool = False, valid_rows_only: bool = False
) -> ImportInfo:
    """A CSV of what suppliers ask for SKUs, in the same way. An empty cell leaves known terms as they are."""
    how = {"apply": apply, "valid_rows_only": valid_rows_only}
    return await _imported(tx, "terms", await request.body(), actor=caller.actor, **how)


async def _imported(
    tx: Tx, name: KindName, content: bytes, *, apply: bool, valid_rows_only: bool, actor: str
) -> ImportInfo:
    kind = kind_of(name)
    reading = read_table(table_of_csv(content, "the file"), kind, lambda: None)
    outcome = await run_import(
        tx, kind, reading, apply=apply, valid_rows_only=valid_rows_only, actor=actor, reference="api"
    )
    if apply and not outcome.is_applied:
        raise Invalid(
            "import_has_problems",
            "Rows have problems; nothing was applied.",
            errors=[_error(problem) for problem in outcome.problems[:PROBLEMS_SHOWN_MAX]],
        )
    plan = outcome.plan
    return ImportInfo(
        read_as=reading.read_as,
        rows=reading.rows_total,
        new=plan.new,
        changed=len(plan.changes),
        unchanged=plan.unchanged,
        rows_with_problems=len({problem.row for problem in outcome.problems}),
        ignored_columns=reading.ignored,
        changes=[
            ChangeInfo(
                row=change.row,
                code=change.key,
                differences={
                    column: Difference(before=_text(before), after=_text(after))
                    for column, (before, after) in change.differences.items()
                },
            )
            for change in plan.changes[:CHANGES_SHOWN_MAX]
        ],
        problems=[ProblemInfo.model_validate(problem) for problem in outcome.problems[:PROBLEMS_SHOWN_MAX]],
        is_applied=outcome.is_applied,
    )


def _error(problem: Problem) -> dict[str, object]:
    loc = ["rows", problem.row, *([problem.column] if problem.column else [])]
    return {"loc": loc, "code": problem.code, "message": problem.message, "value": problem.value}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
