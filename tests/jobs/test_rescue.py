"""A killed worker's jobs are taken up again, and never block what waits behind them."""

from __future__ import annotations

import psycopg
import pytest

from holdfast.background import job_app
from holdfast.jobs.rescue import rescue_stalled

PUBLISH = "holdfast:publish_events"


@pytest.mark.parametrize(("waiting", "left"), [(False, [("todo", 2)]), (True, [("todo", 1)])])
async def test_a_dead_workers_job_is_queued_again_or_makes_room(
    fresh_url: str, waiting: bool, left: list[tuple[str, int]]
) -> None:
    """``left`` is the state after the rescue: how often the job waits, and its id (the dead one is 2)."""
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        insert = (
            "insert into procrastinate_jobs (id, queue_name, task_name, lock, queueing_lock, args, status, worker_id)"
            " overriding system value values (%s, 'default', %s, 'p', 'p', '{}', %s, %s)"
        )
        worker = connection.execute(
            "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 minute') returning id"
        ).fetchone()
        assert worker
        connection.execute(insert, [2, PUBLISH, "doing", worker[0]])
        if waiting:
            connection.execute(insert, [1, PUBLISH, "todo", None])
        app = job_app(fresh_url)
        async with app.open_async():
            assert await rescue_stalled(app) == 1
            assert await rescue_stalled(app) == 0
        rows = connection.execute("select status::text, id from procrastinate_jobs order by id").fetchall()
    assert rows == left
