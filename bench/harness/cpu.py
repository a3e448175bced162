"""CPU time of a tree of processes, from /proc (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of `pid`, of everything below it, and of what it has already reaped."""
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        try:
            # The command may hold spaces and brackets: the fields start after the last one.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            todo += _children(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS_PER_SECOND


def all_cpus_busy_seconds() -> float:
    """Everything this machine's CPUs did, by anyone: shows how much of a run was somebody else's."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
