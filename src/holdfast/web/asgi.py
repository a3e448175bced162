"""The few plain ASGI pieces the hot lane needs: read a body, answer JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from holdfast.kernel.errors import Invalid, Refusal
from holdfast.web.problem import headers_of, problem_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = [(b"content-type", b"application/json")]


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """The whole request body. Raises Invalid(``request_too_large``) past ``bytes_max``."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > bytes_max:
            raise Invalid("request_too_large", f"A request may have at most {bytes_max} bytes.")
        if not message.get("more_body"):
            return body
        message = await receive()
        body += message.get("body", b"")


def limited(receive: Receive, bytes_max: int) -> Receive:
    """The same body, refused with Invalid(``request_too_large``) as soon as it has more than ``bytes_max``."""
    seen = 0

    async def counting() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > bytes_max:
            raise Invalid("request_too_large", f"A request may have at most {bytes_max} bytes.")
        return message

    return counting


async def send(send: Send, status: int, body: bytes, headers: Headers = JSON) -> None:
    fields = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(send_: Send, refusal: Refusal) -> int:
    status, body = problem_of(refusal)
    await send(send_, status, body, headers_of(status))
    return status
