"""What happens beside requests: every feature's tasks, who hears of events, and who is asked before an order leaves.

Apart from the composition of the API, so that the job runner starts without it.
"""

from __future__ import annotations

import procrastinate

import holdfast.access.jobs
import holdfast.alerts.jobs
import holdfast.connectors.jobs
import holdfast.demand.jobs
import holdfast.monitoring.jobs
import holdfast.notify.jobs
import holdfast.purchasing.jobs
import holdfast.replenishment.jobs
import holdfast.stock.jobs
import holdfast.tracking.jobs
import holdfast.webhooks.jobs
from holdfast import jobs
from holdfast.alerts.evaluation import note_changes
from holdfast.connectors import channels, levels
from holdfast.jobs import rescue
from holdfast.purchasing.leaving import ask_before_leaving
from holdfast.replenishment.approvals import refuse_over_limit
from holdfast.replenishment.guard import refuse_duplicates
from holdfast.replenishment.order_guard import refuse_outside_limits
from holdfast.webhooks.publisher import Listener, listen

TASKS: list[procrastinate.Blueprint] = [
    holdfast.access.jobs.tasks,
    holdfast.alerts.jobs.tasks,
    holdfast.connectors.jobs.tasks,
    holdfast.stock.jobs.tasks,
    holdfast.tracking.jobs.tasks,
    holdfast.demand.jobs.tasks,
    holdfast.monitoring.jobs.tasks,
    holdfast.notify.jobs.tasks,
    holdfast.purchasing.jobs.tasks,
    holdfast.replenishment.jobs.tasks,
    holdfast.webhooks.jobs.tasks,
    rescue.tasks,
]
# Who hears that events became visible.
LISTENERS: list[Listener] = [
    note_changes,
    levels.note_changes,
    channels.note_changes,
]
for listener in LISTENERS:
    listen(listener)
ask_before_leaving(refuse_over_limit)
ask_before_leaving(refuse_outside_limits)
ask_before_leaving(refuse_duplicates)


def job_app(url: str) -> procrastinate.App:
    """The procrastinate app with every feature's tasks."""
    app = jobs.make_app(url)
    for blueprint in TASKS:
        jobs.add_tasks(app, blueprint)
    return app
