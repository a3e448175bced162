"""Waiting for a condition, with an end."""

from __future__ import annotations

import threading
from typing import Any


def until(condition: Any, seconds: float = 60, *, every: float = 0.05) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / every)):
        if condition():
            return
        waiting.wait(every)
    raise AssertionError("it did not happen in time")
