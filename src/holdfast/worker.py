"""The job runner process."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import structlog

from holdfast.background import job_app
from holdfast.cache import open_cache
from holdfast.db import CommitGate, Database, identity
from holdfast.jobs import Work
from holdfast.jobs.rescue import rescue_stalled
from holdfast.notify.mail import MailServer
from holdfast.settings import Settings
from holdfast.stock.relay import Relay
from holdfast.webhooks.publisher import listen

log = structlog.get_logger()


async def run_worker(settings: Settings, *, concurrency: int) -> None:
    """Run jobs until SIGTERM or SIGINT; a job in progress gets five seconds to finish, then is taken up again later."""
    if settings.smtp_url:
        MailServer.of(settings.smtp_url)  # an unusable address is said at once, not in every job
    cache = open_cache(settings)
    gate = CommitGate(settings.db_url, seconds_max=settings.commit_seconds_max)
    database = Database(
        settings.db_url, size=settings.pool_size, application="holdfast-worker", gate=gate, hears=Relay.of(cache)
    )
    await database.open()
    async with database.transaction() as tx:
        await cache.start(await identity(tx))
    # What a process was killed before telling, or was written past us, is told here a second later.
    if settings.redis_url:
        listen(Relay(cache).note_changes)
    app = job_app(settings.db_url)
    work = Work(database, settings, cache)
    async with app.open_async():
        await rescue_stalled(app)
        runner = asyncio.create_task(
            app.run_worker_async(
                concurrency=concurrency,
                wait=True,
                install_signal_handlers=False,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=5,
                update_heartbeat_interval=2.0,
                stalled_worker_timeout=10.0,
                additional_context={"work": work},
                delete_jobs="successful",
            )
        )
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, runner.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await runner
    await cache.close()
    await database.close()
