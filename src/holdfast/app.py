"""The composition root: which features exist, and how a request reaches them."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, cast

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import holdfast.access.api
import holdfast.access.pages
import holdfast.alerts.api
import holdfast.alerts.pages
import holdfast.allocation.api
import holdfast.allocation.pages
import holdfast.catalog.api
import holdfast.catalog.pages
import holdfast.connectors.api
import holdfast.connectors.channels_api
import holdfast.connectors.pool_pages
import holdfast.connectors.pools_api
import holdfast.console.pages
import holdfast.counts.api
import holdfast.counts.pages
import holdfast.counts.shortage_api
import holdfast.counts.shortage_pages
import holdfast.demand.accuracy_pages
import holdfast.demand.api
import holdfast.demand.calendar_pages
import holdfast.demand.grading_api
import holdfast.demand.lines_api
import holdfast.demand.pages
import holdfast.demand.planners_api
import holdfast.importing.api
import holdfast.importing.pages
import holdfast.monitoring.api
import holdfast.monitoring.doctor_api
import holdfast.monitoring.pages
import holdfast.notify.api
import holdfast.purchasing.api
import holdfast.purchasing.learning_api
import holdfast.purchasing.pages
import holdfast.purchasing.supplier_api
import holdfast.purchasing.supplier_editing
import holdfast.purchasing.supplier_page
import holdfast.purchasing.supplier_pages
import holdfast.purchasing.words_api
import holdfast.replenishment.api
import holdfast.replenishment.approvals_api
import holdfast.replenishment.grouping_pages
import holdfast.replenishment.groupings_api
import holdfast.replenishment.lane_pages
import holdfast.replenishment.lanes_api
import holdfast.replenishment.limit_pages
import holdfast.replenishment.pages
import holdfast.replenishment.policies_api
import holdfast.replenishment.policy_pages
import holdfast.replenishment.proof_api
import holdfast.replenishment.proof_pages
import holdfast.replenishment.whatif_api
import holdfast.returns.api
import holdfast.returns.pages
import holdfast.stock.adjust_pages
import holdfast.stock.api
import holdfast.stock.pages
import holdfast.stock.payment_api
import holdfast.stock.promises_api
import holdfast.stock.seals_api
import holdfast.stock.tree_api
import holdfast.stock.undo_api
import holdfast.stock.undo_pages
import holdfast.stock.valuation_api
import holdfast.stock.value_pages
import holdfast.tracking.api
import holdfast.tracking.pages
import holdfast.transfers.api
import holdfast.transfers.pages
import holdfast.warehouses.api
import holdfast.webhooks.api
from holdfast.access.keys import Authenticator, ensure_bootstrap_key
from holdfast.allocation import plugins
from holdfast.allocation.placing import Placing
from holdfast.background import job_app
from holdfast.cache import open_cache
from holdfast.console.frame import FRAME
from holdfast.db import CommitGate, Database, identity
from holdfast.kernel.errors import Refusal
from holdfast.logs import configure_logs
from holdfast.monitoring.metrics import Measured
from holdfast.settings import Settings
from holdfast.stock.hot import HotLane
from holdfast.stock.lanes import Lanes
from holdfast.stock.openapi import hot_routes
from holdfast.stock.relay import Relay
from holdfast.stock.service import ensure_ledger_months
from holdfast.web import assets
from holdfast.web.asgi import AsgiApp, Receive, Scope, Send
from holdfast.web.openapi import describe
from holdfast.web.problem import headers_of, problem, problem_of
from holdfast.web.problem_pages import problem_page

log = structlog.get_logger()

ROUTERS: list[APIRouter] = [
    holdfast.access.api.router,
    holdfast.importing.api.router,
    holdfast.catalog.api.router,
    holdfast.warehouses.api.router,
    holdfast.stock.api.router,
    holdfast.stock.api.lane_router,
    holdfast.stock.tree_api.router,
    holdfast.stock.payment_api.router,
    holdfast.stock.promises_api.policy_router,
    holdfast.stock.promises_api.router,
    holdfast.stock.undo_api.router,
    holdfast.stock.seals_api.router,
    holdfast.stock.valuation_api.router,
    holdfast.allocation.api.router,
    # Before the forecasts of a SKU, whose address their names would fit.
    holdfast.demand.planners_api.router,
    holdfast.demand.grading_api.router,
    holdfast.demand.lines_api.router,
    holdfast.demand.api.router,
    holdfast.notify.api.router,
    holdfast.webhooks.api.router,
    holdfast.webhooks.api.event_router,
    holdfast.connectors.api.router,
    holdfast.connectors.channels_api.router,
    holdfast.connectors.pools_api.router,
    holdfast.purchasing.supplier_api.router,
    holdfast.purchasing.api.router,
    holdfast.purchasing.words_api.router,
    holdfast.purchasing.learning_api.router,
    holdfast.transfers.api.router,
    holdfast.tracking.api.router,
    holdfast.returns.api.router,
    holdfast.counts.api.router,
    holdfast.counts.shortage_api.router,
    holdfast.replenishment.policies_api.router,
    holdfast.replenishment.approvals_api.router,
    holdfast.replenishment.groupings_api.router,
    holdfast.replenishment.lanes_api.router,
    holdfast.replenishment.whatif_api.router,
    holdfast.replenishment.proof_api.router,
    holdfast.replenishment.api.router,
    holdfast.alerts.api.router,
    holdfast.monitoring.api.router,
    holdfast.monitoring.doctor_api.router,
]
PAGES: list[APIRouter] = [
    holdfast.access.pages.router,
    holdfast.access.pages.signed_router,
    holdfast.console.pages.router,
    holdfast.stock.pages.router,
    holdfast.stock.adjust_pages.router,
    holdfast.connectors.pool_pages.router,
    holdfast.stock.undo_pages.router,
    holdfast.stock.value_pages.router,
    holdfast.replenishment.pages.router,
    holdfast.replenishment.policy_pages.router,
    holdfast.replenishment.limit_pages.router,
    holdfast.replenishment.grouping_pages.router,
    holdfast.replenishment.lane_pages.router,
    holdfast.replenishment.proof_pages.router,
    holdfast.demand.pages.router,
    holdfast.demand.calendar_pages.router,
    holdfast.demand.accuracy_pages.router,
    holdfast.purchasing.pages.router,
    holdfast.purchasing.supplier_page.router,
    holdfast.importing.pages.router,
    holdfast.purchasing.supplier_editing.router,
    holdfast.purchasing.supplier_pages.router,
    holdfast.alerts.pages.router,
    holdfast.catalog.pages.router,
    holdfast.transfers.pages.router,
    holdfast.counts.pages.router,
    holdfast.tracking.pages.router,
    holdfast.monitoring.pages.router,
    holdfast.allocation.pages.router,
    holdfast.returns.pages.router,
    holdfast.counts.shortage_pages.router,
]


class Application:
    """Everything one API process needs; an ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cache = open_cache(settings)
        gate = CommitGate(settings.db_url, seconds_max=settings.commit_seconds_max)
        self.database = Database(settings.db_url, size=settings.pool_size, gate=gate, hears=Relay.of(self.cache))
        self.lanes = Lanes(settings.db_url, queue_max=settings.queue_max, gate=gate, kept=self.cache)
        self.authenticator = Authenticator(self.database)
        self.job_app = job_app(settings.db_url)
        plugins.load()
        self.pages = self._pages()
        hot = HotLane(
            # Who stands behind a proxy matters to pages; a hold is spared the look.
            cast(Any, ProxyHeadersMiddleware)(self.pages, trusted_hosts=settings.trusted_proxies),
            settings=settings,
            lanes=self.lanes,
            authenticator=self.authenticator,
            place=Placing(self.database),
        )
        self.asgi: AsgiApp = Measured(hot)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.pages(scope, receive, send)
        else:
            await self.asgi(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncGenerator[None]:
        await self.database.open()
        await self.job_app.open_async()
        async with self.database.transaction() as tx:
            await ensure_bootstrap_key(tx, self.settings.bootstrap_token)
            await ensure_ledger_months(tx)
            await self.cache.start(await identity(tx))
        # What start-up loaded lives as long as the process: walking it again only makes requests wait. What a request
        # leaves behind is freed as it ends; looking for the few circles among it every 700 objects was 5 % of our work.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        gc.enable()
        yield
        await self.lanes.close()
        await self.cache.close()
        await self.job_app.close_async()
        await self.database.close()

    def _pages(self) -> FastAPI:
        app = FastAPI(
            title="Holdfast",
            version=version("holdfast"),
            summary="Stock that is promised once and only once.",
            lifespan=self.lifespan,
            docs_url=None,
            redoc_url=None,
            openapi_url="/api/v1/openapi.json",
        )
        app.state.settings = self.settings
        app.state.database = self.database
        app.state.lanes = self.lanes
        app.state.authenticator = self.authenticator
        app.state.frame = FRAME
        for router in ROUTERS + PAGES:
            app.include_router(router)
        app.router.routes.append(assets.ROUTE)
        app.add_exception_handler(Refusal, on_refusal)
        app.add_exception_handler(RequestValidationError, on_invalid)
        app.add_exception_handler(HTTPException, on_http_exception)
        app.add_exception_handler(Exception, on_crash)
        describe(app, *hot_routes())
        return app


def create() -> Application:
    """The factory uvicorn calls in every worker process; settings come from the environment."""
    configure_logs()
    return Application(Settings.from_env())


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    status, body = problem_of(error)
    return _problem(request, status, body)


async def on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return _problem(request, 400, problem(400, "not_json", "The body is not JSON."))
    errors: list[dict[str, Any]] = [
        {"loc": [*(e["loc"][1:] if e["loc"][0] == "body" else e["loc"])], "code": e["type"], "message": e["msg"]}
        for e in found
    ]
    return _problem(request, 422, problem(422, "invalid_request", "A field is wrong.", errors=errors))


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {400: "not_json", 404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    response = _problem(request, error.status_code, problem(error.status_code, code, str(error.detail)))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def on_crash(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, method=request.method, exc_info=error)
    return _problem(request, 500, problem(500, "internal_error", "Something broke on our side; it was logged."))


def _problem(request: Request, status: int, body: bytes) -> Response:
    """For programs the document, for people who navigate a page."""
    return problem_page(request, status) or Response(
        body, status, {name.decode(): value.decode() for name, value in headers_of(status)}
    )
