"""The edge of the JSON API: one transaction per request, authentication, scopes, idempotency.

    router = APIRouter(prefix="/api/v1/skus", route_class=ApiRoute)

    @router.post("", status_code=201)
    async def create(body: NewSku, tx: ApiTx, caller: Annotated[Principal, allow("operate")]) -> Sku: ...

The transaction is committed before the answer is sent (promise P4) and rolled back when the handler raises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from holdfast.access.keys import Authenticator, sql
from holdfast.access.model import Principal
from holdfast.db import Database, Tx
from holdfast.kernel.errors import Denied, Invalid, Refusal, TryAgain
from holdfast.web.problem import problem_of
from holdfast.web.texts import refuse_in_address, refuse_in_body

KEY_LENGTH_MAX = 200
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def wants_json(route: APIRoute) -> bool:
    """Whether the body of a route is JSON: neither absent nor a form or a file."""
    return route.body_field is not None and not isinstance(route.body_field.field_info, params.Form)


def refuse_other_media(request: Request) -> None:
    """Raises Invalid(``unsupported_media_type``) when a body is sent that does not call itself JSON."""
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if not media_type.endswith("json"):
        raise Invalid("unsupported_media_type", "Send application/json.")


class ApiRoute(APIRoute):
    """A route of the JSON API."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        json_only = wants_json(self)

        async def in_transaction(request: Request) -> Response:
            authenticator: Authenticator = request.app.state.authenticator
            database: Database = request.app.state.database
            principal = await authenticator.principal(request.headers.get("authorization"))
            request.state.principal = principal
            if json_only:
                refuse_other_media(request)
            # Read whole before the transaction begins: a slow sender must not hold a connection.
            await _readable(request, json_only)
            key = idempotency_key(request.headers.get("idempotency-key"))
            async with database.transaction() as tx:
                request.state.tx = tx
                if key is None or request.method in _READS:
                    return await handle(request)
                return await _once(tx, principal, key, request, handle)

        return in_transaction


class LaneRoute(APIRoute):
    """A route that posts through a group writer: authenticated here, while the writer owns transaction and key."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        json_only = wants_json(self)

        async def authenticated(request: Request) -> Response:
            authenticator: Authenticator = request.app.state.authenticator
            request.state.principal = await authenticator.principal(request.headers.get("authorization"))
            if json_only:
                refuse_other_media(request)
            await _readable(request, json_only)
            return await handle(request)

        return authenticated


async def _readable(request: Request, is_json: bool) -> None:
    """Reads the body. Raises Invalid(``invalid_text``) when the request has text that cannot be kept."""
    body = await request.body()
    refuse_in_address(request.path_params, request.scope["query_string"])
    if is_json:
        refuse_in_body(body)


async def _ask_facts(request: Request) -> dict[str, Any]:
    principal: Principal = request.state.principal
    key = idempotency_key(request.headers.get("idempotency-key"))
    digest = None if key is None else request_hash(request.method, request.url.path, await request.body())
    return {"principal_id": str(principal.id), "actor": principal.actor, "key": key, "hash": digest}


AskFacts = Annotated[dict[str, Any], Depends(_ask_facts)]


def idempotency_key(header: str | None) -> str | None:
    """Raises Invalid when the key is longer than the contract allows."""
    if header is not None and not 0 < len(header) <= KEY_LENGTH_MAX:
        raise Invalid.field_error(
            ["header", "Idempotency-Key"], "invalid_length", f"An Idempotency-Key has 1 to {KEY_LENGTH_MAX} characters."
        )
    return header


def request_hash(method: str, path: str, body: bytes) -> str:
    """What makes two requests with one key the same request."""
    return hashlib.blake2b(b"\0".join((method.encode(), path.encode(), body)), digest_size=16).hexdigest()


async def _once(tx: Tx, principal: Principal, key: str, request: Request, handle: Handler) -> Response:
    """Run a write once per key: a repeat gets the first answer, refusals included, and changes nothing."""
    digest = request_hash(request.method, request.url.path, await request.body())
    if await tx.value(sql.claim_key, principal_id=principal.id, key=key, request_hash=digest) is None:
        return await _first_answer(tx, principal.id, key, digest)
    try:
        async with tx.connection.transaction():
            response = await handle(request)
    except Refusal as refusal:
        if isinstance(refusal, TryAgain):
            raise
        status, body = problem_of(refusal)
        response = Response(body, status, media_type="application/problem+json")
    except RequestValidationError:
        # A malformed request is not an answer worth keeping: the key stays free for the corrected one.
        raise
    facts = {
        "status": response.status_code,
        "media_type": response.headers.get("content-type"),
        "location": response.headers.get("location"),
        "body": bytes(response.body).decode(),
    }
    await tx.run(sql.store_answer, principal_id=principal.id, key=key, facts=msgspec.json.encode(facts).decode())
    return response


async def _first_answer(tx: Tx, principal_id: UUID, key: str, digest: str) -> Response:
    found = (await tx.dicts(sql.find_first_answer, principal_id=principal_id, key=key))[0]
    if found["request_hash"] != digest:
        says = "This Idempotency-Key was used for another request."
        raise Invalid.at(["header", "Idempotency-Key"], "idempotency_key_reused", says)
    # It may be stored on this machine only, by a commit that nobody confirmed.
    await tx.wait_for_standby()
    facts = found["facts"]
    headers = {"Idempotent-Replayed": "true"}
    if facts["location"]:
        headers["location"] = facts["location"]
    return Response(facts["body"], facts["status"], headers, facts["media_type"])


def _tx(request: Request) -> Tx:
    return request.state.tx


ApiTx = Annotated[Tx, Depends(_tx)]


def allow(scope: str) -> Any:
    """A dependency: the caller, who must have this scope. Raises Denied(``missing_scope``)."""

    def check(request: Request) -> Principal:
        return require(request.state.principal, scope)

    return Depends(check)


def require(principal: Principal, scope: str) -> Principal:
    if not principal.may(scope):
        raise Denied("missing_scope", f"This needs the scope {scope}.", {"scope": scope})
    return principal


Reader = Annotated[Principal, allow("read")]
Operator = Annotated[Principal, allow("operate")]
Planner = Annotated[Principal, allow("plan")]
Approver = Annotated[Principal, allow("approve")]
Admin = Annotated[Principal, allow("admin")]
