"""Live, ready, Prometheus: public routes outside ``/api/v1``."""

from __future__ import annotations

from typing import LiteralString

from fastapi import APIRouter, Request, Response

from holdfast.db import Database, Tx
from holdfast.kernel.errors import Refusal
from holdfast.monitoring import reconciling
from holdfast.monitoring.doctor import CHECKS
from holdfast.monitoring.metrics import exposition
from holdfast.web.problem import headers_of, problem

router = APIRouter(tags=["Monitoring"])

# Who asks whether we are ready wants to know soon, above all when we are not.
READY_SECONDS_MAX = 1.0
_WAITING: LiteralString = "select commits_waiting from commit_confirmation()"
_DEGRADED = b'{"status":"degraded","code":"commits_unconfirmed","detail":"Writes wait for a synchronous standby."}'


@router.get("/healthz")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """The database answers, so work can be done; 503 otherwise.

    ``degraded`` is ready too: reads are served, while writes wait for a synchronous standby that does not confirm them.
    """
    database: Database = request.app.state.database
    try:
        async with database.connection(seconds_max=READY_SECONDS_MAX) as connection:
            row = await (await connection.execute(_WAITING)).fetchone()
    except Refusal as refusal:
        body = problem(503, refusal.code, refusal.detail)
        return Response(body, 503, {k.decode(): v.decode() for k, v in headers_of(503)})
    waiting = row is not None and row[0] > 0
    if waiting or database.gate.is_closed:
        return Response(_DEGRADED, media_type="application/json")
    return Response(b'{"status":"ready"}', media_type="application/json")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus figures of all processes, and what the doctor last found (left out while the database is away)."""
    body = exposition() + await _doctor_figures(request.app.state.database)
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _doctor_figures(database: Database) -> bytes:
    try:
        async with database.connection(seconds_max=READY_SECONDS_MAX) as connection:
            runs = await reconciling.list_runs(Tx(connection), before=None, limit=0)
    except Refusal:
        return b""
    if not runs:
        return b""
    counts = {check.statement.name: 0 for check in CHECKS} | {f["check"]: f["count"] for f in runs[0].findings}
    counts["seals"] = len(runs[0].seals.get("ranges_broken", [])) + len(runs[0].seals.get("chain_broken", []))
    lines = [
        "# HELP holdfast_doctor_violations What the last look at the books found, by check.",
        "# TYPE holdfast_doctor_violations gauge",
        *(f'holdfast_doctor_violations{{check="{name}"}} {count}' for name, count in counts.items()),
        "# HELP holdfast_doctor_last_run_timestamp_seconds When the books were last looked at.",
        "# TYPE holdfast_doctor_last_run_timestamp_seconds gauge",
        f"holdfast_doctor_last_run_timestamp_seconds {runs[0].started_at.timestamp():.3f}",
        "",
    ]
    return "\n".join(lines).encode()
