"""The hot lane: reserve, batch, extend, consume, release, convert, cancel and availability as plain ASGI.

A framework's routing and validation cost about ten times a reservation inside a group (``docs/performance.md``), so
these routes parse with msgspec and go straight to the group writers. Everything else is FastAPI; both are held to the
same contract by the same tests.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec
import structlog
from msgspec import UNSET

from holdfast.access.edge import idempotency_key, request_hash, require
from holdfast.access.keys import Authenticator
from holdfast.access.model import Principal
from holdfast.db.posting import Answer
from holdfast.kernel.errors import Invalid, Refusal
from holdfast.settings import Settings
from holdfast.stock.answers import refusal_of
from holdfast.stock.asks import (
    QUANTITY_MAX,
    AvailabilityAsk,
    BatchAsk,
    BatchBody,
    ConvertBody,
    ExtendBody,
    ProlongAsk,
    ReserveAsk,
    ReserveBody,
    ResolveAsk,
    ResolveBody,
)
from holdfast.stock.lanes import Lanes
from holdfast.web.asgi import (
    JSON,
    AsgiApp,
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    limited,
    read_body,
    send,
    send_refusal,
)
from holdfast.web.problem import headers_of, problem, problem_of
from holdfast.web.texts import refuse_in_address

log = structlog.get_logger()
T = TypeVar("T")

PREFIX = "/api/v1/inventory/"
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_REPLAYED: Headers = [*JSON, (b"idempotent-replayed", b"true")]

_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    body: msgspec.json.Decoder(body) for body in (ReserveBody, BatchBody, ExtendBody, ResolveBody, ConvertBody)
}


class BatchPart(msgspec.Struct):
    """One entry of what ``stock_reserve_batch`` decided."""

    status: int = 0
    body: msgspec.Raw = msgspec.Raw()
    outcome: str | None = None
    facts: msgspec.Raw = msgspec.Raw()


_batch_parts = msgspec.json.Decoder(list[BatchPart])


class Call:
    """One request on the hot lane: who asks, with which body and key."""

    __slots__ = ("body", "headers", "key", "path", "principal", "scope")

    def __init__(self, scope: Scope, headers: dict[bytes, bytes], principal: Principal, body: bytes) -> None:
        self.scope = scope
        self.headers = headers
        self.principal = principal
        self.body = body
        self.path: str = scope["path"]
        key = headers.get(b"idempotency-key")
        self.key = idempotency_key(key.decode("latin-1") if key is not None else None)

    def decoded(self, kind: type[T]) -> T:
        """The body as ``kind``. Raises Invalid naming the field."""
        media_type = self.headers.get(b"content-type", b"application/json")
        if not media_type.split(b";")[0].strip().endswith(b"json"):
            raise Invalid("unsupported_media_type", "Send application/json.")
        try:
            return _decoders[kind].decode(self.body)
        except msgspec.ValidationError as error:
            raise _field_error(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid("not_json", f"The body is not JSON: {error}") from error

    def ask_facts(self) -> dict[str, Any]:
        return {
            "principal_id": str(self.principal.id),
            "actor": self.principal.actor,
            "key": self.key,
            "hash": None if self.key is None else request_hash(self.scope["method"], self.path, self.body),
        }


# Decides a request that says where it goes; the composition root knows who.
Place = Callable[[ReserveBody, ReserveAsk], Awaitable[Answer]]


class HotLane:
    """Dispatches the hot routes; hands every other path to ``rest``."""

    def __init__(
        self, rest: AsgiApp, *, settings: Settings, lanes: Lanes, authenticator: Authenticator, place: Place
    ) -> None:
        self._rest = rest
        self._place = place
        self._settings = settings
        self._lanes = lanes
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        if scope["type"] != "http":
            return await self._rest(scope, receive, send_)
        if not scope["path"].startswith(PREFIX):
            return await self._rest(scope, limited(receive, self._settings.request_bytes_max), send_)
        route = self._route(scope["method"], scope["path"][len(PREFIX) :].split("/"))
        if route is None:
            return await self._rest(scope, limited(receive, self._settings.request_bytes_max), send_)
        handler, target, needed = route
        try:
            headers = dict(scope["headers"])
            body = await read_body(receive, self._settings.request_bytes_max)
            principal = await self._authenticator.principal(_text(headers.get(b"authorization")))
            status, answer, fields = await handler(Call(scope, headers, require(principal, needed), body), target)
            await send(send_, status, answer, fields)
        except Refusal as refusal:
            await send_refusal(send_, refusal)
        except ClientGone:
            return None
        except Exception:
            log.exception("request failed", path=scope["path"], method=scope["method"])
            failure = problem(500, "internal_error", "Something broke on our side; it was logged.")
            await send(send_, 500, failure, headers_of(500))
        return None

    def _route(self, method: str, parts: list[str]) -> tuple[Route, str, str] | None:
        """The handler of a hot path, its path parameter and the scope it needs."""
        match method, parts:
            case "POST", ["reservations"]:
                return self.reserve, "", "operate"
            case "POST", ["reservations:batch"]:
                return self.reserve_batch, "", "operate"
            case "DELETE", ["reservations", reservation]:
                return self.cancel, reservation, "operate"
            case "PUT", ["reservations", reservation, "extend"]:
                return self.extend, reservation, "operate"
            case "POST", ["reservations", reservation, "consume"]:
                return self.consume, reservation, "operate"
            case "POST", ["reservations", reservation, "release"]:
                return self.release, reservation, "operate"
            case "POST", ["reservations", reservation, "convert"]:
                return self.convert, reservation, "operate"
            case "GET", [sku, "availability"]:
                return self.availability, sku, "read"
            case _, ["reservations:batch"] | ["reservations", _, "extend" | "consume" | "release" | "convert"]:
                return _method_not_allowed, "", "read"
            case _, [_, "availability"]:
                return _method_not_allowed, "", "read"
            case _:
                return None

    async def reserve(self, call: Call, _: str) -> Reply:
        body = call.decoded(ReserveBody)
        ask = self._reserve_ask(body, call.ask_facts())
        answer = await (self._lanes.reserve(ask) if body.ship_to is None else self._place(body, ask))
        return _reply(answer, 201)

    async def reserve_batch(self, call: Call, _: str) -> Reply:
        """Up to 1,000 requests, each decided on its own; one answer each, in order."""
        facts = call.ask_facts()
        own = {"actor": facts["actor"]}
        requests = call.decoded(BatchBody).reservations
        asks = [self._reserve_ask(body, own, at=("reservations", n)) for n, body in enumerate(requests)]
        for n, body in enumerate(requests):
            if body.ship_to is not None:
                raise Invalid.field_error(
                    ["reservations", n, "ship_to"], "not_in_a_batch", "Where it goes is decided one order at a time."
                )
        for n, ask in enumerate(asks):
            ask.n = n
        answer = await self._lanes.reserve_batch(BatchAsk(**facts, requests=asks))
        status, decided, fields = _reply(answer, 200)
        return (status, _batch_body(decided), fields) if status == 200 else (status, decided, fields)

    async def extend(self, call: Call, reservation: str) -> Reply:
        body = call.decoded(ExtendBody)
        ask = ProlongAsk(
            **call.ask_facts(),
            reservation_id=_reservation_id(reservation),
            action="extend",
            minutes=body.additional_minutes,
            extension_max=self._settings.extension_minutes_max,
        )
        return _reply(await self._lanes.prolong(ask), 200)

    async def convert(self, call: Call, reservation: str) -> Reply:
        body = call.decoded(ConvertBody)
        ask = ProlongAsk(
            **call.ask_facts(),
            reservation_id=_reservation_id(reservation),
            action="convert",
            minutes=body.expires_in_minutes,
            extension_max=self._settings.extension_minutes_max,
            reference_type=body.reference_type,
            reference_id=body.reference_id,
        )
        return _reply(await self._lanes.prolong(ask), 200)

    async def consume(self, call: Call, reservation: str) -> Reply:
        return _reply(await self._resolve(call, reservation, "consume"), 200)

    async def release(self, call: Call, reservation: str) -> Reply:
        return _reply(await self._resolve(call, reservation, "release"), 200)

    async def cancel(self, call: Call, reservation: str) -> Reply:
        ask = ResolveAsk(**call.ask_facts(), reservation_id=_reservation_id(reservation), action="release")
        status, body, fields = _reply(await self._lanes.resolve(ask), 204)
        # 204 has no body, hence no content type; that it is a repeat is still said.
        return (status, b"", [f for f in fields if f not in JSON]) if status == 204 else (status, body, fields)

    async def availability(self, call: Call, sku: str) -> Reply:
        refuse_in_address({}, call.scope["query_string"])
        query = {name: values[-1] for name, values in parse_qs(_text(call.scope["query_string"]) or "").items()}
        quantity = query.get("quantity")
        if quantity is None:
            raise Invalid.field_error(["query", "quantity"], "required", "Say how many are wanted.")
        # The length first: Python refuses to read thousands of digits.
        readable = quantity.isascii() and quantity.isdigit() and len(quantity) <= 20
        if not readable or not 1 <= int(quantity) <= QUANTITY_MAX:
            raise Invalid.field_error(["query", "quantity"], "out_of_range", "A whole number from 1.")
        warehouse = query.get("warehouse_id")
        for loc, value in ((["path", "sku_id"], sku), (["query", "warehouse_id"], warehouse)):
            if value is not None and not _UUID.match(value):
                raise Invalid.field_error([*loc], "not_a_uuid", "This is not a UUID.")
        ask = AvailabilityAsk(
            sku_id=sku,
            quantity=int(quantity),
            warehouse_id=warehouse,
            exclude_reference_id=query.get("exclude_reference_id"),
            by=_day(query.get("by")),
            channel=query.get("channel"),
        )
        answer = await self._lanes.availability(ask)
        if answer.outcome == "unknown_warehouse":
            raise Invalid.at(["query", "warehouse_id"], answer.outcome, "There is no such warehouse.")
        return _reply(answer, 200)

    def _reserve_ask(self, body: ReserveBody, facts: dict[str, Any], at: tuple[str | int, ...] = ()) -> ReserveAsk:
        minutes = self._settings.hold_minutes if body.expires_in_minutes is UNSET else body.expires_in_minutes
        if minutes is None and body.reference_type == "cart":
            raise Invalid.field_error([*at, "expires_in_minutes"], "required", "A cart hold needs a deadline.")
        if body.strategy is not None and body.ship_to is None:
            message = "A strategy chooses warehouses by where the order goes; say it in ship_to."
            raise Invalid.field_error([*at, "strategy"], "needs_ship_to", message)
        if body.ship_to is None:
            for n, item in enumerate(body.items):
                if item.serials is not None and item.warehouse_id is None:
                    message = "Units that are named lie in one warehouse; say which, or where the order goes (ship_to)."
                    raise Invalid.field_error([*at, "items", n, "warehouse_id"], "required", message)
        return ReserveAsk(
            **facts,
            reference_type=body.reference_type,
            reference_id=body.reference_id,
            minutes=minutes,  # pyright: ignore[reportArgumentType] - UNSET was replaced above
            items=body.items,
            allow_backorder=body.allow_backorder,
            channel=UNSET if body.channel is None else body.channel,
        )

    async def _resolve(self, call: Call, reservation: str, action: Any) -> Answer:
        items = call.decoded(ResolveBody).items if call.body else None
        ask = ResolveAsk(**call.ask_facts(), reservation_id=_reservation_id(reservation), action=action, items=items)
        return await self._lanes.resolve(ask)


Reply = tuple[int, bytes, Headers]
Route = Callable[[Call, str], Awaitable[Reply]]


def _reply(answer: Answer, granted: int) -> Reply:
    refusal = refusal_of(answer)
    if refusal is not None:
        status, body = problem_of(refusal)
        fields = [*headers_of(status), (b"idempotent-replayed", b"true")] if answer.replayed else headers_of(status)
        return status, body, fields
    return granted, answer.facts.encode(), _REPLAYED if answer.replayed else JSON


def _batch_body(decided: bytes) -> bytes:
    """What was held is passed through as it came; a refusal becomes the problem it would be alone."""
    if b'"outcome"' in decided:
        parts: list[bytes] = []
        for part in _batch_parts.decode(decided):
            if part.outcome is None:
                parts.append(b'{"status":%d,"body":%b}' % (part.status, part.body))
            else:
                status, body, _ = _reply(Answer(part.outcome, bytes(part.facts).decode()), 201)
                parts.append(b'{"status":%d,"body":%b}' % (status, body))
        decided = b"[" + b",".join(parts) + b"]"
    return b'{"answers":' + decided + b"}"


async def _method_not_allowed(call: Call, _: str) -> Reply:
    raise Invalid("method_not_allowed", "This path does not take that method.")


def _reservation_id(text: str) -> str:
    if not _UUID.match(text):
        raise Invalid.field_error(["path", "reservation_id"], "not_a_uuid", "This is not a UUID.")
    return text


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Invalid.field_error(["query", "by"], "not_a_date", "A date such as 2026-12-24.") from None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


_PATH = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")


def _field_error(error: msgspec.ValidationError) -> Invalid:
    """msgspec says ``Expected `int` >= 1 - at `$.items[0].quantity```; we say it with a location."""
    message, _, path = str(error).partition(" - at `$")
    loc: list[str | int] = [name or int(number) for name, number in _PATH.findall(path) if name or number]
    missing = re.search(r"required field `(\w+)`", message)
    if missing:
        return Invalid.field_error([*loc, missing[1]], "required", "This field is required.")
    unknown = re.search(r"unknown field `(.*)`", message)
    if unknown:
        return Invalid.field_error([*loc, unknown[1]], "extra_forbidden", "There is no such field.")
    return Invalid.field_error(loc, "invalid", message.replace("`", "") + ".")
