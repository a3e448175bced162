"""One function over many chunks of series: here, on all cores, or on a Ray cluster, with equal results."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

# Series handed over at a time: 20,000 of a year are 30 MB, and a second or two of work.
CHUNK_SERIES = 20_000

# Threads of numerical libraries are of no use to one process per core.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_chunks(
    work: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    *,
    processes: int = 1,
    on_ray: bool = False,
) -> Iterator[Result]:
    """`work(chunk)` for every chunk, in order; no more chunks are in memory than are being worked on, and one.

    `work` is a function of a module or a frozen dataclass with `__call__`, so that it can be sent elsewhere; it must
    depend on nothing but its chunk. `processes` = 1 works in this process, 0 means one per core. `on_ray` sends the
    same function to the Ray cluster this process is connected to, or to one started here.
    """
    if on_ray:
        yield from _on_ray(work, chunks)
    elif processes == 1:
        yield from map(work, chunks)
    else:
        yield from _in_processes(work, chunks, processes or cores())


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_processes(work: Callable[[Chunk], Result], chunks: Iterable[Chunk], count: int) -> Iterator[Result]:
    waiting: list[Future[Result]] = []
    # Spawned and not forked: a fork would copy what other threads of this process are in the middle of.
    with _one_thread_each(), ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for chunk in chunks:
            if len(waiting) > count:
                yield waiting.pop(0).result()
            waiting.append(pool.submit(work, chunk))
        for future in waiting:
            yield future.result()


def _on_ray(work: Callable[[Chunk], Result], chunks: Iterable[Chunk]) -> Iterator[Result]:
    import ray

    remote: Any = ray
    started = not remote.is_initialized()
    if started:
        remote.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        # Once into the object store, whatever it carries, and not with every chunk.
        shared = remote.put(work)
        task = remote.remote(_called)
        room = 2 * max(1, int(remote.cluster_resources().get("CPU", 1)))
        waiting: list[Any] = []
        for chunk in chunks:
            if len(waiting) >= room:
                yield remote.get(waiting.pop(0))
            waiting.append(task.remote(shared, chunk))
        for reference in waiting:
            yield remote.get(reference)
    finally:
        if started:
            remote.shutdown()


def _called(work: Callable[[Chunk], Result], chunk: Chunk) -> Result:
    return work(chunk)


@contextmanager
def _one_thread_each() -> Generator[None]:
    before = {name: os.environ.get(name) for name in _THREADS}
    for name in _THREADS:
        os.environ[name] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
