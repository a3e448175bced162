"""The reconciler: look, keep what was found, tell; repair only when somebody says so, and write down every repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from holdfast.access import audit
from holdfast.db import Tx, statements
from holdfast.monitoring import doctor, seals

sql = statements("holdfast.monitoring", "reconciling.sql")

# The chain is always looked at whole; entries are hashed again for the newest ranges by night, for all by the command.
SEALS_NEWEST: Final = 50
KEPT_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class DoctorRun:
    id: UUID
    started_by: str
    started_at: datetime
    seconds: float
    is_healthy: bool
    findings: list[dict[str, Any]]
    seals: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Repair:
    """``outcome`` is repaired, or shortage when more is promised than the ledger says is there."""

    outcome: str
    sku_id: UUID
    sku_code: str | None
    warehouse_id: UUID
    warehouse_code: str | None
    before: dict[str, int]
    after: dict[str, int]


@dataclass(frozen=True, slots=True)
class RepairEntry:
    id: UUID
    sku_id: UUID
    warehouse_id: UUID
    before: dict[str, int]
    after: dict[str, int]
    reason: str
    actor: str
    repaired_at: datetime


async def run(tx: Tx, *, started_by: str) -> DoctorRun:
    """Look at everything, keep the result, and tell when a promise does not hold. Repairs nothing."""
    findings = [f for f in await doctor.examine(tx) if f.violations]
    sealed = await seals.check(tx, newest=SEALS_NEWEST)
    found = [
        {
            "check": f.check.statement.name,
            "promise": f.check.promise,
            "sentence": f.check.sentence,
            "count": len(f.violations),
            "violations": [
                {"subject": v.subject, "expected": v.expected, "found": v.found} for v in f.violations[:KEPT_MAX]
            ],
        }
        for f in findings
    ]
    state = {
        "is_intact": sealed.is_intact,
        "entries": sealed.entries,
        "newest": SEALS_NEWEST,
        "last": f"{sealed.last.no}:{sealed.last.hash}" if sealed.last else None,
        "ranges_broken": sealed.ranges_broken,
        "chain_broken": [broken.no for broken in sealed.chain],
    }
    is_healthy = not found and sealed.is_intact
    kept = await tx.one(
        sql.keep_run,
        DoctorRun,
        started_by=started_by,
        is_healthy=is_healthy,
        findings=Jsonb(found),
        seals=Jsonb(state),
    )
    if not is_healthy:
        told = [{k: v for k, v in finding.items() if k != "violations"} for finding in found]
        data = {"run_id": str(kept.id), "findings": told, "seals": state}
        await tx.run(sql.write_event, event_type="doctor.found", data=Json(data))
    return kept


async def list_runs(tx: Tx, *, before: UUID | None, limit: int) -> list[DoctorRun]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_runs, DoctorRun, before=before, limit=limit + 1)


async def repair(tx: Tx, *, reason: str, actor: str) -> list[Repair]:
    """Make damaged levels the sum of ledger, holds and open documents; one journal entry and one event each.

    A level with more promised than is there is left alone and answered as ``shortage``.
    """
    await tx.connection.execute(doctor.NO_TIME_LIMIT)
    found = await tx.all(sql.repair, Repair, reason=reason, actor=actor)
    if found:
        levels = [{"sku_id": str(r.sku_id), "warehouse_id": str(r.warehouse_id), "outcome": r.outcome} for r in found]
        await audit.record(
            tx, actor=actor, action="doctor.repaired", subject="levels", reason=reason, levels=levels[:1000]
        )
    return found


async def list_repairs(tx: Tx, *, before: UUID | None, limit: int) -> list[RepairEntry]:
    """One page and one row more, newest first."""
    return await tx.all(sql.list_repairs, RepairEntry, before=before, limit=limit + 1)
