"""The writers in front of the posting functions: one lane per kind of change, each with its own connection.

Whatever a lane changed is forgotten by the cache before it is answered; what it reads may come from the cache.
"""

from __future__ import annotations

import asyncio
from typing import LiteralString

from holdfast import cache
from holdfast.cache import Cache, Local, Looked
from holdfast.db.commit import CommitGate
from holdfast.db.group import GROUP_MAX, GroupWriter
from holdfast.db.posting import Answer, Ask
from holdfast.kernel.errors import TryAgain
from holdfast.stock import looks
from holdfast.stock.answers import REFUSALS
from holdfast.stock.asks import AvailabilityAsk, BatchAsk
from holdfast.stock.parts import claim_of, joined, parts_of

POST: dict[str, LiteralString] = {
    "reserve": "select request_no, outcome, facts::text, replayed from stock_reserve(%s)",
    "batch": "select request_no, outcome, facts::text, replayed from stock_reserve_batch(%s)",
    "resolve": "select request_no, outcome, facts::text, replayed from stock_resolve(%s)",
    "prolong": "select request_no, outcome, facts::text, replayed from stock_prolong(%s)",
    "move": "select request_no, outcome, facts::text, replayed from stock_move(%s)",
    "availability": "select request_no, outcome, facts::text, replayed from stock_availability(%s)",
    "look": "select request_no, outcome, facts::text, replayed from stock_look(%s)",
}


READS = ("availability", "look")


class Lanes:
    """The group writers of one process."""

    def __init__(self, url: str, *, queue_max: int, gate: CommitGate | None = None, kept: Cache | None = None) -> None:
        self._cache = kept or Local()
        # Without Redis nobody needs to know what a change concerns.
        self._tells = not isinstance(self._cache, Local)
        self._writers = {
            name: GroupWriter(
                url,
                statement,
                queue_max=queue_max,
                name=f"holdfast-{name}",
                gate=gate,
                writes=name not in READS,
                # Locks are taken in order within a batch, not across two.
                group_max=1 if name == "batch" else GROUP_MAX,
            )
            for name, statement in POST.items()
        }

    async def reserve(self, ask: Ask) -> Answer:
        return await self._changed("reserve", ask)

    async def reserve_batch(self, ask: BatchAsk) -> Answer:
        """Decide a batch, a large one in two transactions beside one another.

        Raises TryAgain when nothing of it was decided. Where only a part could be, its answers stand, and a repeat
        under the same key decides the rest.
        """
        parts = parts_of(ask)
        if len(parts) == 1:
            return await self._changed("batch", ask)
        if ask.key is not None:
            claimed = await self._writers["batch"].submit(claim_of(ask))
            if claimed.outcome in REFUSALS:
                return claimed
        answers = await asyncio.gather(*(self._decided(part) for part in parts))
        return joined(parts, answers)

    async def _decided(self, part: BatchAsk) -> Answer | TryAgain:
        try:
            return await self._changed("batch", part)
        except TryAgain as refusal:
            return refusal

    async def resolve(self, ask: Ask) -> Answer:
        return await self._changed("resolve", ask)

    async def prolong(self, ask: Ask) -> Answer:
        return await self._changed("prolong", ask)

    async def move(self, ask: Ask) -> Answer:
        return await self._changed("move", ask)

    async def availability(self, ask: AvailabilityAsk) -> Answer:
        plain = AvailabilityAsk(sku_id=ask.sku_id, quantity=ask.quantity, warehouse_id=ask.warehouse_id)
        if ask == plain:
            body = await self._cache.look(cache.totals(ask.sku_id.lower()), self.fetch)
            answer = looks.availability(body, ask)
            if answer is not None:
                return answer
        return await self._writers["availability"].submit(ask)

    async def reservation(self, reservation_id: str) -> bytes:
        """The reservation as the API shows it, in JSON; empty when there is none."""
        return await self._cache.look(cache.hold(reservation_id), self.fetch)

    async def _changed(self, lane: str, ask: Ask) -> Answer:
        answer = await self._writers[lane].submit(ask)
        # A repeat too: the process that gave the first answer may have died before it could tell.
        if self._tells and answer.outcome not in REFUSALS:
            await self._cache.forget(looks.names_in(answer.facts))
        return answer

    async def fetch(self, names: list[str]) -> Looked:
        """What PostgreSQL says of these names of the cache, past the cache."""
        return looks.looked(names, await self._writers["look"].submit(looks.ask_for(names)))

    async def close(self) -> None:
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))
