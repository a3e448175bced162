"""``holdfast doctor`` for Redis: every figure that would be shown is compared with PostgreSQL (promise P9)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from rich.console import Console
from rich.markup import escape

from holdfast import cache
from holdfast.cache.inspection import kept
from holdfast.cache.line import Away
from holdfast.db import in_one_transaction
from holdfast.db.database import Tx, identity
from holdfast.monitoring.doctor import SHOWN_MAX, Violation
from holdfast.settings import Settings
from holdfast.stock.lanes import Lanes

# A change whose writer was killed before it could tell is told by the relay, a second or two later.
GRACE_SECONDS = 4.0
NAMES_AT_ONCE = 200
_NOT_COMPARED = ("epoch", "version", "valid_until", "today")


async def drift(url: str, settings: Settings, *, grace_seconds: float = GRACE_SECONDS) -> tuple[int, list[Violation]]:
    """How many figures were compared, and those that are wrong and stay so. Raises Away when Redis does not answer."""

    async def read_identity(tx: Tx) -> str:
        return await identity(tx)

    where = (settings.redis_url, settings.redis_prefix, await in_one_transaction(url, read_identity))
    lanes = Lanes(url, queue_max=NAMES_AT_ONCE)
    try:
        first = await kept(*where)
        wrong = await _compared(lanes, first)
        if not wrong:
            return len(first), []
        # Read before PostgreSQL was asked: what was changed in between has been removed by now.
        await asyncio.sleep(grace_seconds)
        again = await kept(*where, [violation.subject for violation in wrong])
        return len(first), await _compared(lanes, {n: v for n, v in again.items() if first[n] == v})
    finally:
        await lanes.close()


async def _compared(lanes: Lanes, values: dict[str, bytes]) -> list[Violation]:
    violations: list[Violation] = []
    names = sorted(values)
    for start in range(0, len(names), NAMES_AT_ONCE):
        part = names[start : start + NAMES_AT_ONCE]
        now, truth = await _truth(lanes, part)
        for name in part:
            shown = json.loads(values[name])
            if shown["valid_until"] is not None and shown["valid_until"] <= now:
                continue
            found, expected = _figures(shown), _figures(truth.get(name, {}))
            if found != expected:
                violations.append(Violation(name, json.dumps(expected), json.dumps(found)))
    return violations


async def _truth(lanes: Lanes, names: list[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """What PostgreSQL says now, and when that is."""
    asked = {name if not name.startswith("inventory:") else cache.totals(name.rpartition(":")[2]) for name in names}
    looked = await lanes.fetch(sorted(asked))
    truth: dict[str, dict[str, Any]] = {}
    for name, look in looked.looks.items():
        if look.body:
            truth[name] = json.loads(look.body)
        truth |= {part: json.loads(body) for part, (_, body) in look.parts.items()}
    return looked.now, truth


def _figures(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {place: _figures(level) for place, level in part.items()} if name == "warehouses" else part
        for name, part in value.items()
        # A swept hold moves the version and the time of its level, and no figure that is shown.
        if name not in (*_NOT_COMPARED, "last_updated")
    }


async def visit_cache(url: str, settings: Settings, screen: Console) -> bool:
    """Print what Redis shows that is not so; answers whether everything is. An absent Redis shows nothing."""
    if not settings.redis_url:
        return True
    try:
        compared, violations = await drift(url, settings)
    except Away:
        screen.print("P9  Redis does not answer; everything is read from PostgreSQL.")
        return True
    screen.print(f"P9  What Redis keeps is what PostgreSQL says: {compared} compared, {len(violations)} wrong.")
    for violation in violations[:SHOWN_MAX]:
        screen.print(
            f"[red]P9[/] [bold]{escape(violation.subject)}[/] expected {escape(violation.expected)}, "
            f"found {escape(violation.found)}",
            soft_wrap=True,
        )
    return not violations
