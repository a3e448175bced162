"""The command: start, attack, judge, clean up, say it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.db import Database
from holdfast.selftest import sandbox
from holdfast.selftest.attack import Attack
from holdfast.selftest.client import Crowd
from holdfast.selftest.processes import Processes
from holdfast.selftest.verdict import EXAMPLES_MAX, Beginning, Verdict, judge

CONNECTIONS_MAX = 200
SWEEPERS = 2
TELL_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard and how long: for so many ``seconds``, or until so many ``requests`` are answered if that comes first.

    ``addresses`` are API processes somebody else runs; none: ``processes`` of our own.
    """

    seconds: float
    requests: int | None
    buyers: int
    processes: int
    addresses: list[str]
    crash: bool


async def selftest(url: str, plan: Plan, screen: Console) -> Verdict:
    """Attack the installation on the database at ``url``; answers the verdict, with the sandbox emptied and closed."""
    database = Database(url, size=3, application="holdfast-selftest")
    await database.open()
    try:
        async with sandbox.opened(database) as found, _processes(url, plan) as processes:
            return await _run(database, found, processes, plan, screen)
    finally:
        await database.close()


@asynccontextmanager
async def _processes(url: str, plan: Plan) -> AsyncGenerator[Processes]:
    processes = Processes(url)
    try:
        # Only our own may be killed.
        own = plan.processes if plan.crash or not plan.addresses else 0
        await processes.start(apis=own, sweepers=SWEEPERS)
        yield processes
    finally:
        processes.end()


async def _run(
    database: Database, found: sandbox.Sandbox, processes: Processes, plan: Plan, screen: Console
) -> Verdict:
    tag = f"selftest-{secrets.token_hex(4)}"
    async with database.transaction() as tx:
        beginning = await tx.one(sandbox.sql.begin, Beginning)
    addresses = processes.addresses + plan.addresses
    crowd = Crowd(addresses, found.token, min(plan.buyers, CONNECTIONS_MAX))
    attack = Attack(crowd, found, tag=tag, seconds=plan.seconds, requests=plan.requests)
    screen.print(
        f"{plan.buyers} buyers attack {len(found.skus)} SKUs in {len(found.warehouses)} warehouses of the sandbox "
        f"through {len(addresses)} API processes for {plan.seconds:.0f} s"
        + (f" or {plan.requests:,} requests" if plan.requests else "")
        + ". ^C ends it early."
    )
    started = time.monotonic()
    with _ending_early(attack.stopping):
        meanwhile = [asyncio.create_task(_tell(attack, processes, started, screen))]
        if plan.crash:
            killing = asyncio.create_task(processes.kill_at_random(attack.is_over))
            # It ends before the attack does only when a killed process did not come back.
            killing.add_done_callback(lambda _: attack.stopping.set())
            meanwhile.append(killing)
        try:
            await attack.run(plan.buyers)
            _raise_what_failed(meanwhile)
        finally:
            for task in meanwhile:
                task.cancel()
            crowd.close()
        seconds = time.monotonic() - started
        # Ended first: what nobody waits for any more must not change the books while they are read.
        processes.end()
        async with database.transaction() as tx:
            verdict = await judge(tx, attack.record, beginning, tag=tag, seconds=seconds)
    if plan.crash:
        verdict.figures["killed"] = processes.killed
    return verdict


def _raise_what_failed(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


@contextlib.contextmanager
def _ending_early(stopping: asyncio.Event) -> Generator[None]:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    try:
        yield
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


async def _tell(attack: Attack, processes: Processes, started: float, screen: Console) -> None:
    """One line now and then, so that nobody wonders."""
    while True:
        await asyncio.sleep(TELL_EVERY_SECONDS)
        record = attack.record
        killed = f", {processes.killed} processes killed" if processes.killed else ""
        screen.print(
            f"[dim]{time.monotonic() - started:5.0f} s[/] {len(record.holds)} held, {len(record.refused)} refused, "
            f"{record.statuses.total()} requests answered{killed}",
            soft_wrap=True,
        )


def report(verdict: Verdict, screen: Console) -> None:
    table = Table("Promise", "", "Broken", box=None, header_style="dim", pad_edge=False)
    for invariant in verdict.invariants:
        count = len(invariant.broken)
        table.add_row(invariant.name, invariant.sentence, f"[bold red]{count}[/]" if count else "[green]0[/]")
    screen.print(table)
    for invariant in verdict.invariants:
        for example in invariant.broken[:EXAMPLES_MAX]:
            screen.print(f"[red]{invariant.name}[/] {escape(example)}", soft_wrap=True)
    screen.print(Table.grid())
    figures = Table("Figure", "", box=None, header_style="dim", pad_edge=False)
    for name, value in verdict.figures.items():
        figures.add_row(name.replace("_", " "), f"{value:,}")
    screen.print(figures)
    screen.print("[bold green]Every promise held.[/]" if verdict.passed else "[bold red]A promise was broken.[/]")


def as_json(verdict: Verdict) -> str:
    """One object: ``passed``, ``invariants`` with counts and examples, ``figures``."""
    invariants = {
        i.name: {"sentence": i.sentence, "broken": len(i.broken), "examples": i.broken[:EXAMPLES_MAX]}
        for i in verdict.invariants
    }
    return json.dumps({"passed": verdict.passed, "invariants": invariants, "figures": verdict.figures})
