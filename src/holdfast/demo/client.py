"""How the people of the demo shop speak to Holdfast: over HTTP with a key of their own, patient when it is away."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx2
import structlog

log = structlog.get_logger()

PATIENCE_SECONDS = 1.0
ATTEMPTS_MAX = 60


class Client:
    """One key's client. A write keeps its Idempotency-Key until it is answered, so asking again is safe."""

    def __init__(self, address: str, token: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def read(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self._ask("GET", path, params=query)
        return answer.json() if answer.status_code == 200 else {}

    async def write(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """The status and what was said; a refusal is an answer."""
        answer = await self._ask(method, path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
        return answer.status_code, answer.json() if answer.content else {}

    async def _ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        for attempt in range(ATTEMPTS_MAX):
            try:
                answer = await self._http.request(method, path, **options)
            except httpx2.HTTPError as error:
                if attempt + 1 == ATTEMPTS_MAX:
                    raise
                log.debug("no answer yet", path=path, error=str(error))
            else:
                if answer.status_code not in (429, 503) or attempt + 1 == ATTEMPTS_MAX:
                    return answer
            await asyncio.sleep(PATIENCE_SECONDS)
        raise AssertionError("the last attempt returns or raises")
