"""The procrastinate app: jobs live in the same PostgreSQL and are enqueued in the transaction of their cause.

A feature's ``jobs.py`` declares ``tasks = Blueprint()`` and decorates small idempotent steps; ``app.py`` collects them.
A task that needs the installation takes the job context: ``work = Work.of(context)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import procrastinate
from procrastinate import Blueprint, JobContext
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task

from holdfast.cache import Cache, Local
from holdfast.db import Database, Tx
from holdfast.db.session import APPLICATION_OPTIONS
from holdfast.settings import Settings

__all__ = ["Blueprint", "JobContext", "Work", "add_tasks", "defer", "make_app"]

NAMESPACE = "holdfast"


@dataclass(frozen=True, slots=True)
class Work:
    """What a job may use."""

    database: Database
    settings: Settings
    cache: Cache = field(default_factory=Local)

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


def add_tasks(app: procrastinate.App, blueprint: Blueprint) -> None:
    """Give an app the tasks of a feature.

    A blueprint takes on its namespace for good, so only the first app of a process may prefix the names: with the
    tenth (tests have one per test) they no longer fitted their column.
    """
    # The library leaves its registries partly untyped.
    source, target = cast(Any, blueprint), cast(Any, app)
    if not any(name.startswith(f"{NAMESPACE}:") for name in source.tasks):
        app.add_tasks_from(blueprint, namespace=NAMESPACE)
        return
    for task in source.tasks.values():
        task.blueprint = app
    target.tasks.update(source.tasks)
    for periodic in source.periodic_registry.periodic_tasks.values():
        target.periodic_registry.register_task(
            task=periodic.task,
            cron=periodic.cron,
            periodic_id=periodic.periodic_id,
            configure_kwargs=periodic.configure_kwargs,
        )


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
