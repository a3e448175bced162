"""The two ways in: the command and the API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Shelf
from tests.running import SOURCE, Running


def command(url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "INVENTORY_DB_URL": url, "PYTHONPATH": str(SOURCE), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", "import", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_command_shows_first_applies_when_told_and_fails_loudly(
    fresh_url: str, fresh_shelf: Shelf, tmp_path: Path
) -> None:
    fresh_shelf.given("TEA@GZ 5")
    sku, warehouse = f"TEA-{fresh_shelf.tag}", f"GZ-{fresh_shelf.tag}"
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"sku,warehouse,qty\n{sku},{warehouse},9\n")
    bad.write_text(f"sku,warehouse,qty\n{sku},{warehouse},[red]x\n")
    for arguments, code, said, on_hand in (
        (["stock", str(good), "--mode", "set"], 0, "Do it with --apply", 5),
        (["stock", str(bad), "--mode", "set", "--apply"], 1, "'[red]x'", 5),
        (["stock", str(good), "--apply"], 1, "Say --mode set", 5),
        (["stock", str(tmp_path / "none.csv"), "--mode", "set"], 1, "There is no file", 5),
        (["stock", str(good), "--mode", "set", "--apply"], 0, "Applied.", 9),
    ):
        running = command(fresh_url, *arguments)
        output, _ = running.communicate(timeout=60)
        assert (running.returncode, said in output) == (code, True), output
        assert fresh_shelf.level("TEA@GZ") == f"on_hand={on_hand} available={on_hand} reserved=0"


def test_a_stopped_import_has_applied_nothing(fresh_url: str, fresh_shelf: Shelf, tmp_path: Path) -> None:
    fresh_shelf.given("TEA@GZ 5, CUP@GZ 5")
    file = tmp_path / "stock.csv"
    lines = [f"{code}-{fresh_shelf.tag},GZ-{fresh_shelf.tag},9" for code in ("TEA", "CUP")]
    file.write_text("\n".join(["sku,warehouse,qty", *lines]))
    with psycopg.connect(fresh_url) as blocker:
        blocker.execute("select from inventory where sku_id = %s for update", [fresh_shelf.sku("CUP")])
        running = command(fresh_url, "stock", str(file), "--mode", "add", "--apply")
        waiting = (
            "select from pg_stat_activity where application_name = 'holdfast-import' and wait_event_type = 'Lock'"
            " and datname = current_database()"
        )
        deadline = time.monotonic() + 30
        while fresh_shelf.connection.execute(waiting).fetchone() is None:
            assert time.monotonic() < deadline, "the import reaches the posting"
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=30)
    assert (running.returncode, "Stopped; nothing was applied." in output) == (130, True), output
    assert fresh_shelf.level("TEA@GZ") == "on_hand=5 available=5 reserved=0"


@pytest.mark.parametrize("how", ["", "?apply=true", "?apply=true&valid_rows_only=true"])
def test_skus_are_imported_over_http_by_the_same_rules(running: Running, how: str) -> None:
    content = "code,name,price,currency\nA-1,Tea,2.50,GBP\nA-2,Cup,x,GBP\n"
    with running.client() as client:
        answer = client.post(f"/skus:import{how}", content=content, headers={"content-type": "text/csv"})
        codes = [sku["code"] for sku in client.get("/skus").json()["skus"]]
    if how == "?apply=true":
        assert answer.status_code == 422
        assert answer.json()["code"] == "import_has_problems"
        problem = {"loc": ["rows", 3, "price"], "code": "invalid", "value": "x"}
        assert [problem.items() <= error.items() for error in answer.json()["errors"]] == [True]
        assert codes == []
    else:
        assert answer.status_code == 200
        told = answer.json()
        assert (told["new"], told["rows_with_problems"], told["is_applied"]) == (1, 1, how != "")
        assert codes == (["A-1"] if how else [])


def test_something_that_is_no_table_gets_one_sentence_over_http(running: Running) -> None:
    with running.client() as client:
        answer = client.post("/skus:import", content=b"\x00\x01", headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_file")
