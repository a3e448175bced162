"""Which designs there are, how each is started and how its books are checked."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.designs.shop import TOKEN
from bench.harness.apps import App, free_port, running, uvicorn_app
from bench.harness.books import HOLDFAST_LOST, HOLDFAST_OVERSOLD, PLAIN_LOST, PLAIN_OVERSOLD


@dataclass(frozen=True, slots=True)
class PlainDesign:
    """A design over the tables of schema.sql, served by one uvicorn worker."""

    name: str
    stores: bool = True
    template: str = "plain_shop"
    oversold: bytes = PLAIN_OVERSOLD
    lost: bytes = PLAIN_LOST

    def serve(self, url: str) -> AbstractContextManager[App]:
        return uvicorn_app(f"bench.designs.{self.name}:app", {"BENCH_DB_URL": url})


@dataclass(frozen=True, slots=True)
class HoldfastDesign:
    """The product as it is started: ``holdfast serve`` with so many processes on one port."""

    name: str = "Holdfast"
    processes: int = 1
    command: tuple[str, ...] = ("holdfast", "serve")
    stores: bool = True
    template: str = "holdfast_shop"
    oversold: bytes = HOLDFAST_OVERSOLD
    lost: bytes = HOLDFAST_LOST

    def serve(self, url: str) -> AbstractContextManager[App]:
        port = free_port()
        command = [sys.executable, "-m", *self.command, "--port", str(port), "--workers", str(self.processes)]
        environment = {"INVENTORY_DB_URL": url, "HOLDFAST_BOOTSTRAP_TOKEN": TOKEN, "HOLDFAST_SECRET": "bench"}
        return running(command, port=port, environment=environment)


Design = PlainDesign | HoldfastDesign
USUAL, TUNED, EMPTY = PlainDesign("usual"), PlainDesign("tuned"), PlainDesign("empty", stores=False)
HOLDFAST = HoldfastDesign()
THREE = HoldfastDesign("Holdfast, 3 processes", processes=3)
# What a hold would cost if storing it were free.
FRONT = HoldfastDesign("Holdfast, nothing stored", command=("bench.designs.nothing_stored",), stores=False)


def database_of(design: Design, use: object) -> str:
    """The name of a database of this design for one use."""
    return f"{''.join(filter(str.isalnum, design.name))}_{use}".lower()
