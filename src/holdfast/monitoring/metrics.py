"""Prometheus figures. Names follow the Prometheus conventions: unit last, counters end in _total."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from holdfast.web.asgi import AsgiApp, Receive, Scope, Send

REQUEST_SECONDS = Histogram(
    "holdfast_request_duration_seconds",
    "Time from request to answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
REQUESTS = Counter("holdfast_requests_total", "Answers by status.", ["method", "route", "status"])


class Measured:
    """Counts and times every HTTP request, by a route name that carries no ids."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = time.perf_counter()
        status = 500

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            counter, histogram = self._child(scope["method"], route_name(scope["path"]), status)
            counter.inc()
            histogram.observe(time.perf_counter() - started)

    def _child(self, method: str, route: str, status: int) -> tuple[Any, Any]:
        key = (method, route, status)
        if key not in self._children:
            self._children[key] = (
                REQUESTS.labels(method, route, str(status)),
                REQUEST_SECONDS.labels(method, route),
            )
        return self._children[key]


_NAMED = frozenset(
    [
        "inventory",
        "reservations",
        "availability",
        "adjust",
        "extend",
        "consume",
        "release",
        "convert",
        "movements",
        "receipts",
        "sales",
        "explain",
        "skus",
        "warehouses",
        "demand",
        "forecasts",
        "replenishment",
        "policies",
        "suggestions",
        "run",
        "approve",
        "reject",
        "suppliers",
        "items",
        "purchase-orders",
        "send",
        "receive",
        "cancel",
        "confirm",
        "alert-rules",
        "alerts",
        "acknowledge",
        "resolve",
        "webhooks",
        "deliveries",
        "replay",
        "events",
        "api-keys",
        "audit-log",
        "api",
        "v1",
        "healthz",
        "readyz",
        "metrics",
        "undo",
        "statement",
        "ledger",
        "seals",
        "shortages",
        "wait",
        "dismiss",
        "doctor",
        "runs",
        "repairs",
        "reports",
        "valuation",
        "cost",
        "reservations:batch",
    ]
)


@lru_cache(4096)
def route_name(path: str) -> str:
    """``/api/v1/skus/<id>`` for any id: the number of series stays bounded whatever people ask for."""
    parts = path.strip("/").split("/")
    if parts[0] != "api":
        return path if len(parts) == 1 and parts[0] in _NAMED else "/(page)"
    return "/" + "/".join(part if part in _NAMED else "{}" for part in parts[:8])


def exposition() -> bytes:
    """All figures of all processes of this installation, in the Prometheus text format."""
    import os

    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)
    return generate_latest()
