"""Waiting for a condition, with an end."""

from __future__ import annotations

import threading
from typing import Any


def until(condition: Any, seconds: float = 60) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen in time")
