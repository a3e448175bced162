"""Live, ready, Prometheus: public routes outside ``/api/v1``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from holdfast.db import Database
from holdfast.kernel.errors import Refusal
from holdfast.monitoring.metrics import exposition
from holdfast.web.problem import headers_of, problem

router = APIRouter(tags=["Monitoring"])

# Who asks whether we are ready wants to know soon, above all when we are not.
READY_SECONDS_MAX = 1.0


@router.get("/healthz")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """The database answers, so work can be done; 503 otherwise."""
    database: Database = request.app.state.database
    try:
        async with database.connection(seconds_max=READY_SECONDS_MAX) as connection:
            await connection.execute("select 1")
    except Refusal as refusal:
        body = problem(503, refusal.code, refusal.detail)
        return Response(body, 503, {k.decode(): v.decode() for k, v in headers_of(503)})
    return Response(b'{"status":"ready"}', media_type="application/json")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
