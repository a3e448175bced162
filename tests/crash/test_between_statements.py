"""A crash between any two statements of a posting function leaves all of it or nothing (Q5)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.books import violations_at
from tests.conftest import Shelf
from tests.crash.waiting import until

from holdfast.db.embedded import EmbeddedServer, wait_until_ready
from holdfast.db.migrate import migrate

pytestmark = [pytest.mark.crash, pytest.mark.xdist_group("crash-limits"), pytest.mark.timeout(240)]

# Every one in the long form; otherwise every fifth, beginning anywhere.
EACH = 1 if int(os.environ.get("HOLDFAST_CRASH_ROUNDS", "0")) >= 50 else 5
FUNCTIONS = ("stock_reserve", "stock_hold", "stock_resolve", "stock_close_lines", "stock_tell_resolution")
# At the outermost level of a body, where the statement before is complete.
BEGINS = re.compile(r"    (?:select|perform|with|update|insert|delete|if|for|return|v_\w+ :=)\b")
COMPLETE = re.compile(r"(?:;|\b(?:then|loop|else))$")

SLEEPING = "select pid from pg_stat_activity where wait_event = 'PgSleep'"

CRASH_POINT = """
create table crash_at (point integer);
insert into crash_at values (null);
create function crash_point(p_point integer) returns void language plpgsql security definer as $$
begin
    if (select point from crash_at) = p_point then perform pg_sleep(60); end if;
end $$
"""


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    found = EmbeddedServer(data_dir)
    migrate(found.start())
    yield found
    found.stop("immediate")


def with_crash_points(url: str) -> int:
    """Put a point where a crash may be asked for before each statement; answers how many."""
    points = itertools.count(1)
    with psycopg.connect(url) as connection:
        connection.execute(CRASH_POINT)
        for function in FUNCTIONS:
            texts = connection.execute(
                "select pg_get_functiondef(oid) from pg_proc"
                " where proname = %s and prolang = (select oid from pg_language where lanname = 'plpgsql')",
                [function],
            ).fetchall()
            for (text,) in texts:
                head, begin, body = text.partition("\nbegin\n")
                connection.execute(head + begin + with_points_before(body, points))
    return next(points) - 1


def with_points_before(body: str, points: Iterator[int]) -> str:
    lines: list[str] = []
    is_complete = True
    for line in body.splitlines():
        if is_complete and BEGINS.match(line):
            lines.append(f"    perform crash_point({next(points)});")
        lines.append(line)
        code = line.partition("--")[0].rstrip()
        is_complete = bool(COMPLETE.search(code)) if code else is_complete
    return "\n".join(lines)


class Heart:
    """Posts one hold and its consumption, and dies where it is told to."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.shelf = Shelf(server.url())
        self.shelf.given("TEA@GZ 1000, CUP@GZ 1000")
        self.number = 0

    def crash_at(self, point: int, function: str, request: dict[str, Any]) -> bool:
        """Whether the request came to that point, and the server died there and is back."""
        url = self.server.url()
        self.shelf.connection.execute("update crash_at set point = %s", [point])
        asking = threading.Thread(target=self._ask, args=[function, request])
        asking.start()
        victims: list[Any] = []

        def came_there() -> bool:
            victims.extend(self.shelf.connection.execute(SLEEPING).fetchall())
            return bool(victims) or not asking.is_alive()

        until(came_there)
        if victims:
            # A process that dies this way makes the server end all others and recover from its log.
            os.kill(victims[0][0], signal.SIGKILL)
        asking.join(60)
        if victims:
            until(self._is_cut_off)
            until(lambda: self._is_back(url))
            self.shelf.connection = psycopg.connect(url, autocommit=True)
        self.shelf.connection.execute("update crash_at set point = null")
        return bool(victims)

    def _ask(self, function: str, request: dict[str, Any]) -> None:
        other = Shelf(self.server.url())
        other.principal = self.shelf.principal
        with contextlib.suppress(psycopg.OperationalError):
            other.post(function, **request)

    def _is_cut_off(self) -> bool:
        try:
            self.shelf.connection.execute("select 1")
        except psycopg.OperationalError:
            return True
        return False

    def _is_back(self, url: str) -> bool:
        try:
            wait_until_ready(url, seconds=0)
        except psycopg.OperationalError:
            return False
        return True


def test_a_crash_between_any_two_statements_leaves_all_or_nothing(server: EmbeddedServer) -> None:
    heart = Heart(server)
    shelf = heart.shelf
    points = with_crash_points(server.url())
    assert points > 20
    reached = {"stock_reserve": 0, "stock_resolve": 0}
    chosen = range(1 + random.randrange(EACH), points + 1, EACH)  # noqa: S311
    for point in chosen:
        before = shelf.level("TEA@GZ"), shelf.level("CUP@GZ")
        hold = {
            "reference_type": "cart",
            "reference_id": f"cart-{point}",
            "minutes": 30,
            "items": shelf.items("CUP@GZ 1, TEA@GZ 2, CUP@GZ 1"),
            "key": f"hold-{point}",
            "hash": "h",
        }
        died = heart.crash_at(point, "stock_reserve", hold)
        if died:
            reached["stock_reserve"] += 1
            assert (shelf.level("TEA@GZ"), shelf.level("CUP@GZ")) == before, point
            assert asyncio.run(violations_at(server.url())) == [], point
        # The caller repeats with the same key: it happens, once.
        held = shelf.post("stock_reserve", **hold)
        assert (held["outcome"], held["replayed"]) == ("reserved", not died), point
        between = shelf.level("TEA@GZ"), shelf.level("CUP@GZ")
        consume = {
            "reservation_id": held["reservation_id"],
            "action": "consume",
            "key": f"consume-{point}",
            "hash": "h",
        }
        died = heart.crash_at(point, "stock_resolve", consume)
        if died:
            reached["stock_resolve"] += 1
            assert (shelf.level("TEA@GZ"), shelf.level("CUP@GZ")) == between, point
            assert asyncio.run(violations_at(server.url())) == [], point
        consumed = shelf.post("stock_resolve", **consume)
        assert (consumed["outcome"], consumed["replayed"]) == ("consumed", not died), point
    left = 1000 - 2 * len(chosen)
    for level in ("TEA@GZ", "CUP@GZ"):
        assert shelf.level(level) == f"on_hand={left} available={left} reserved=0"
    assert asyncio.run(violations_at(server.url())) == []
    assert min(reached.values()) >= 12 // EACH, reached
