"""One signed HTTP POST to an address that was checked: no redirects, little time, little answer."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from standardwebhooks.webhooks import Webhook as Signature

from holdfast.webhooks.addresses import AddressForbidden, checked_address

SECONDS_MAX: Final = 15
ANSWER_BYTES_MAX: Final = 2_000
_LIMITS: Final = httpx2.Timeout(10, connect=5)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the receiver said; ``status`` is None when it said nothing.

    ``is_reached`` is False when the request certainly never got there, so that sending again does no harm.
    """

    status: int | None
    error: str | None
    retry_after: float | None = None
    is_reached: bool = True

    @property
    def is_delivered(self) -> bool:
        return self.error is None


async def post(url: str, body: str, *, secret: str, message_id: str, now: datetime, allow_private: bool) -> Outcome:
    """Sign by the Standard Webhooks scheme and send. Every failure of the remote is an outcome, never an exception."""
    headers = {
        "content-type": "application/json",
        "user-agent": "Holdfast",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signature(secret).sign(message_id, now, body),
    }
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await _post(httpx2.URL(url), body.encode(), headers, now, allow_private=allow_private)
    except TimeoutError:
        return Outcome(None, f"no answer within {SECONDS_MAX} s")
    except AddressForbidden as error:
        return Outcome(None, str(error), is_reached=False)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL, socket.gaierror) as error:
        return Outcome(None, f"{type(error).__name__}: {error}"[:500], is_reached=False)
    except (httpx2.HTTPError, OSError) as error:
        return Outcome(None, f"{type(error).__name__}: {error}"[:500])


async def _post(
    url: httpx2.URL, body: bytes, headers: dict[str, str], now: datetime, *, allow_private: bool
) -> Outcome:
    port = url.port or (443 if url.scheme == "https" else 80)
    address = await checked_address(url.host, port, allow_private=allow_private)
    # The connection goes to the checked address; the name stays in the Host header and in the TLS handshake.
    target = url.copy_with(host=address)
    headers = {"host": url.netloc.decode("ascii"), **headers}
    async with (
        httpx2.AsyncClient(timeout=_LIMITS, trust_env=False, follow_redirects=False) as client,
        client.stream("POST", target, content=body, headers=headers, extensions={"sni_hostname": url.host}) as response,
    ):
        if response.is_success:
            return Outcome(response.status_code, None)
        words = await _beginning(response)
        if response.is_redirect:
            words = "redirects are not followed; give the final address"
        retry_after = seconds_to_wait(response.headers.get("retry-after"), now)
        return Outcome(response.status_code, f"{response.status_code} {words}".strip(), retry_after)


async def _beginning(response: httpx2.Response) -> str:
    """The first bytes of an answer, undecoded, so that a compressed bomb stays small."""
    if response.headers.get("content-encoding"):
        return ""
    found = b""
    async for chunk in response.aiter_raw(ANSWER_BYTES_MAX):
        found += chunk
        if len(found) >= ANSWER_BYTES_MAX:
            break
    return found[:300].decode(errors="replace").replace("\x00", "").strip()


def seconds_to_wait(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds: it is a number or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now).total_seconds())
    except (TypeError, ValueError):
        return None
