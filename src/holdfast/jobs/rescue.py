"""Jobs of a killed worker are taken up again: every job is a small idempotent step, so a second run changes nothing."""

from __future__ import annotations

import procrastinate
import structlog
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from holdfast.jobs import Blueprint, JobContext

log = structlog.get_logger()
tasks = Blueprint()

# Workers beat every 2 s; one that has not for 10 s is dead.
DEAD_AFTER_SECONDS = 10


async def rescue_stalled(app: procrastinate.App) -> int:
    """Queue the jobs of dead workers again; answers how many."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS))
    for job in stalled:
        log.warning("job of a dead worker queued again", job=job.task_name, id=job.id)
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            # The same work already waits, and behind this very job's lock: the dead one makes room.
            await app.job_manager.finish_job(job, status=Status.ABORTED, delete_job=True)
    return len(stalled)


@tasks.periodic(cron="* * * * * */15")
@tasks.task(name="rescue_stalled_jobs", queueing_lock="rescue_stalled_jobs", pass_context=True)
async def rescue_stalled_jobs(context: JobContext, timestamp: int) -> None:
    await rescue_stalled(context.app)
