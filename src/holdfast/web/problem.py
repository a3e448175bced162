"""Problem documents (RFC 9457): the only place where a refusal becomes an HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from holdfast.kernel.errors import Conflict, Denied, Invalid, NotFound, Refusal, TryAgain

CONTENT_TYPE = b"application/problem+json"

_FAMILIES: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 422),
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (TryAgain, 503),
)
_BY_CODE = {
    "unauthenticated": 401,
    "not_json": 400,
    "request_too_large": 413,
    "unsupported_media_type": 415,
    "too_many_requests": 429,
    "method_not_allowed": 405,
}
RETRY_AFTER_SECONDS = 1


def status_of(refusal: Refusal) -> int:
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    return next(status for family, status in _FAMILIES if isinstance(refusal, family))


def problem(status: int, code: str, detail: str, *, errors: list[dict[str, Any]] | None = None, **facts: Any) -> bytes:
    """The document as bytes. ``code`` is stable; ``title`` and ``detail`` are for people."""
    return msgspec.json.encode(
        {
            "type": f"urn:holdfast:problem:{code}",
            "title": code.replace("_", " ").capitalize(),
            "status": status,
            "code": code,
            "detail": detail,
            "errors": errors or [],
            **facts,
        }
    )


def problem_of(refusal: Refusal) -> tuple[int, bytes]:
    status = status_of(refusal)
    return status, problem(status, refusal.code, refusal.detail, errors=refusal.errors, **refusal.facts)


def headers_of(status: int) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", CONTENT_TYPE)]
    if status in (429, 503):
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers
