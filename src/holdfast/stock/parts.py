"""A large batch is decided in two transactions beside one another, each by its own connection (docs/decisions/0169).

Requests that share a SKU stay in one part and in order, so each is decided as if the batch were one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from holdfast.db.posting import Answer
from holdfast.kernel.errors import TryAgain
from holdfast.stock.asks import BatchAsk, ReserveAsk
from holdfast.web.problem import problem_of

# A smaller part costs its own transaction more than it saves.
PART_MIN = 100

_entries = msgspec.json.Decoder(list[msgspec.Raw])


def parts_of(batch: BatchAsk) -> list[BatchAsk]:
    """The parts of a batch, or the batch itself where nothing is to be gained.

    The same requests always fall into the same parts: each part is remembered under a key of its own.
    """
    if len(batch.requests) < 2 * PART_MIN:
        return [batch]
    groups = _sharing_skus(batch.requests)
    parts: list[set[int]] = [set(), set()]
    sizes = [0, 0]
    for group, size in Counter(groups).most_common():
        lighter = sizes.index(min(sizes))
        parts[lighter].add(group)
        sizes[lighter] += size
    if min(sizes) < PART_MIN:
        return [batch]
    return [
        msgspec.structs.replace(
            batch,
            # No header can carry a line feed, so nobody else has this key.
            key=None if batch.key is None else f"{batch.key}\n{number}",
            requests=[ask for ask, group in zip(batch.requests, groups, strict=True) if group in part],
        )
        for number, part in enumerate(parts)
    ]


def claim_of(batch: BatchAsk) -> BatchAsk:
    """The batch's own key and nothing to decide: what keeps another body from using the key."""
    return msgspec.structs.replace(batch, requests=[])


def joined(parts: Sequence[BatchAsk], answers: Sequence[Answer | TryAgain]) -> Answer:
    """One answer from those of the parts, each entry in the place of its request.

    A part that was not decided says so in each of its entries. Raises TryAgain when no part was decided.
    """
    refused = [answer for answer in answers if isinstance(answer, TryAgain)]
    if len(refused) == len(answers):
        raise refused[0]
    entries: list[bytes] = [b""] * sum(len(part.requests) for part in parts)
    for part, answer in zip(parts, answers, strict=True):
        for ask, entry in zip(part.requests, _entries_of(answer, len(part.requests)), strict=True):
            entries[ask.n] = entry
    replayed = all(isinstance(answer, Answer) and answer.replayed for answer in answers)
    return Answer("decided", f"[{b','.join(entries).decode()}]", replayed)


def _entries_of(answer: Answer | TryAgain, count: int) -> Sequence[bytes | msgspec.Raw]:
    if isinstance(answer, Answer):
        return _entries.decode(answer.facts)
    return [b'{"status":%d,"body":%b}' % problem_of(answer)] * count


def _sharing_skus(requests: Sequence[ReserveAsk]) -> list[int]:
    """For each request the group it belongs to: those that share a SKU, directly or through others."""
    first: dict[UUID, int] = {}  # the first request that names the SKU
    leads = list(range(len(requests)))

    def leader(n: int) -> int:
        while leads[n] != n:
            leads[n] = n = leads[leads[n]]
        return n

    for n, ask in enumerate(requests):
        for item in ask.items:
            one, other = leader(first.setdefault(item.sku_id, n)), leader(n)
            leads[max(one, other)] = min(one, other)
    return [leader(n) for n in range(len(requests))]
