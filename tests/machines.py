"""Random walks of a state machine against a database of its own."""

from __future__ import annotations

import os
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


class Walker(RuleBasedStateMachine):
    url: ClassVar[str] = ""


def walk(machine: type[Walker], url: str, *, walks: int, steps: int) -> None:
    """So many walks of so many steps; ``HOLDFAST_TEST_EXAMPLES`` asks for another number of walks."""
    machine.url = url
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("HOLDFAST_TEST_EXAMPLES", walks)),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            print_blob=True,
        ),
    )
