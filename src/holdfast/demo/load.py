"""Loading the demo shop into an empty installation, in stages that an interrupted load continues.

Each stage commits together with the note that it is done. A shop that is already loaded costs one look.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from holdfast.db import Database, Tx, statements
from holdfast.kernel.errors import CannotStart

sql = statements("holdfast.demo")

STAGES = ("shop", "demand", "ledger", "past orders", "orders")


@dataclass(frozen=True, slots=True)
class Done:
    """What the settings row ``demo`` holds: the day the story ends and the stages behind us."""

    last_day: date
    stages: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return set(STAGES) <= set(self.stages)


def load_demo(url: str, screen: Console) -> None:
    """Load what is missing. Raises CannotStart when the database already holds somebody's own shop."""
    asyncio.run(_load(url, screen))


async def _load(url: str, screen: Console) -> None:
    database = Database(url, size=2, application="holdfast-demo-load")
    await database.open()
    try:
        async with database.transaction() as tx:
            done = await _progress(tx)
        if not done.is_complete:
            from holdfast.demo.loading import Loading

            with _bar(screen) as bar:
                await Loading(database, bar, done).run()
    finally:
        await database.close()


async def _progress(tx: Tx) -> Done:
    kept = await tx.value(sql.read_progress)
    if kept is not None:
        return msgspec.convert(kept, Done)
    if await tx.value(sql.holds_another_shop):
        raise CannotStart(
            "This installation already holds a shop, and the demo shop wants an empty one. Start without --demo, or "
            "choose another --data-dir."
        )
    today: date = await tx.value(sql.database_day)
    return Done(today - timedelta(days=1))


def _bar(screen: Console) -> Progress:
    return Progress(
        TextColumn("[bold]Demo shop[/]"),
        BarColumn(40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=screen,
    )
