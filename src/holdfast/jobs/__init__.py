"""The procrastinate app: jobs live in the same PostgreSQL and are enqueued in the transaction of their cause.

A feature's ``jobs.py`` declares ``tasks = Blueprint()`` and decorates small idempotent steps; ``app.py`` collects them.
A task that needs the installation takes the job context: ``work = Work.of(context)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import procrastinate
from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task

from holdfast.db import Database, Tx
from holdfast.db.database import APPLICATION_OPTIONS
from holdfast.settings import Settings

__all__ = ["Blueprint", "JobContext", "Work", "defer", "make_app"]


@dataclass(frozen=True, slots=True)
class Work:
    """What a job may use."""

    database: Database
    settings: Settings

    @classmethod
    def of(cls, context: JobContext) -> Work:
        return cast(dict[str, Work], context.additional_context)["work"]  # pyright: ignore[reportUnknownMemberType]


def make_app(database_url: str) -> procrastinate.App:
    """An app without tasks, with a small pool of its own in the application role."""
    connector = procrastinate.PsycopgConnector(
        conninfo=database_url,
        kwargs={"options": APPLICATION_OPTIONS, "application_name": "holdfast-jobs"},
        min_size=1,
        max_size=4,
    )
    return procrastinate.App(connector=connector)


async def defer(
    tx: Tx,
    task: Task[Any, Any, Any],
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
    in_seconds: int | None = None,
    **arguments: Any,
) -> None:
    """Enqueue a job in this transaction. ``lock`` runs one at a time; ``queueing_lock`` lets only one wait."""
    options: dict[str, Any] = {"lock": lock, "queueing_lock": queueing_lock, "connection": tx.connection}
    if in_seconds is not None:
        options["schedule_in"] = {"seconds": in_seconds}
    try:
        # A savepoint: the refusal of a second waiting job must not spoil the caller's transaction.
        async with tx.connection.transaction():
            await task.configure(**options).defer_async(**arguments)
    except AlreadyEnqueued:
        return
