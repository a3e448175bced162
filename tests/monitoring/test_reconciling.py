"""The reconciler: damage is found by night and told; repaired only when somebody says so, with an entry of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psycopg
import pytest
from tests.books import violations
from tests.house import House

from holdfast.monitoring import reconciling

QUANTITIES = "available_quantity, reserved_quantity, unavailable_quantity, in_transit_quantity"


@pytest.fixture
async def house(house: House) -> House:
    """TEA 10 in GZ, 3 of them held; a CUP in BJ nobody touches."""
    await house.stock("TEA", "GZ", 10)
    await house.stock("CUP", "BJ", 1)
    items = [{"sku_id": await house.sku("TEA"), "quantity": 3}]
    await house.post("/inventory/reservations", {"items": items, "reference_type": "order", "reference_id": "A-1"})
    return house


def owner(house: House, statement: str) -> Any:
    """As the owner of the tables, past the posting functions."""
    with psycopg.connect(house.database.url, autocommit=True) as connection:
        found = connection.execute(statement)  # type: ignore[arg-type]
        return found.fetchall() if found.description else None


def quantities(house: House, sku: str) -> tuple[int, ...]:
    return owner(house, f"select {QUANTITIES} from inventory where sku_id = '{house.ids[f'skus:{sku}']}'")[0]


async def look(house: House) -> Any:
    async with house.database.transaction() as tx:
        return await reconciling.run(tx, started_by="schedule")


DAMAGE = {
    "a lost unit": "available_quantity = 6",
    "a unit from nowhere": "available_quantity = 8",
    "a hold nobody has": "reserved_quantity = 5, available_quantity = 5",
    "a forgotten hold": "reserved_quantity = 0",
    "goods that are not on their way": "in_transit_quantity = 4",
    "units set aside": "unavailable_quantity = 2",
    "a promise nobody got": "backordered_quantity = 2",
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_damage_is_found_told_and_repaired_with_an_entry(house: House, what: str) -> None:
    before = quantities(house, "TEA")
    owner(house, f"update inventory set {DAMAGE[what]} where sku_id = '{await house.sku('TEA')}'")
    run = await look(house)
    assert (run.is_healthy, [f["count"] for f in run.findings]) == (False, [1] * len(run.findings))
    assert owner(house, "select count(*) from outbox_events where event_type = 'doctor.found'") == [(1,)]
    assert quantities(house, "TEA") != before or "promise" in what, "looking repairs nothing"

    done = await house.post("/doctor/repairs", {"reason": "a disk lied"})
    assert [(level["outcome"], level["sku_id"]) for level in done["levels"]] == [("repaired", await house.sku("TEA"))]
    assert quantities(house, "TEA") == before
    [entry] = (await house.get("/doctor/repairs"))["repairs"]
    assert (entry["reason"], entry["before"] == entry["after"]) == ("a disk lied", False)
    assert owner(house, "select sku_ids[1]::text from outbox_events where event_type = 'inventory.level_repaired'") == [
        (await house.sku("TEA"),)
    ]
    assert (await house.get("/audit-log", limit=1))["entries"][0]["action"] == "doctor.repaired"
    assert await violations(house.database) == []


async def test_a_level_that_vanished_is_made_anew_from_its_ledger(house: House) -> None:
    before = quantities(house, "TEA")
    owner(house, f"delete from inventory where sku_id = '{await house.sku('TEA')}'")
    await house.post("/doctor/repairs", {"reason": "gone"})
    assert quantities(house, "TEA") == before


async def test_more_promised_than_there_is_is_not_a_sum_gone_wrong(house: House) -> None:
    """Nine of ten units leave the ledger: the hold of three cannot be kept, and no sum says which promise to break."""
    owner(
        house,
        "alter table inventory_movements disable trigger user;"
        "update inventory_movements set quantity = 1, balance_after = 1 where seq = 1;"
        "alter table inventory_movements enable trigger user",
    )
    [level] = (await house.post("/doctor/repairs", {"reason": "x"}))["levels"]
    assert (level["outcome"], level["after"]["available"]) == ("shortage", -2)
    assert quantities(house, "TEA") == (7, 3, 0, 0)


async def test_healthy_books_are_noted_too_and_nothing_is_repaired(house: House) -> None:
    assert (await house.post("/doctor/runs"))["is_healthy"]
    assert await house.post("/doctor/repairs", {"reason": "just in case"}) == {"levels": []}
    [run] = (await house.get("/doctor/runs"))["runs"]
    assert (run["is_healthy"], run["findings"]) == (True, [])


async def test_prometheus_is_told_what_the_last_look_found(house: House) -> None:
    owner(house, f"update inventory set in_transit_quantity = 4 where sku_id = '{await house.sku('TEA')}'")
    await look(house)
    told = (await house.client.get("/metrics")).text
    assert 'holdfast_doctor_violations{check="in_transit_is_open_lines"} 1' in told
    assert 'holdfast_doctor_violations{check="on_hand_is_its_movements"} 0' in told
    assert "holdfast_doctor_last_run_timestamp_seconds" in told


async def test_only_an_administrator_repairs(house: House) -> None:
    key = await house.post("/api-keys", {"name": "op", "scopes": ["operate", "plan", "approve"]})
    headers = {"authorization": f"Bearer {key['token']}"}
    refused = await house.post("/doctor/repairs", {"reason": "x"}, expect=403, headers=headers)
    assert refused["code"] == "missing_scope"


async def test_the_command_repairs_only_when_told_and_verifies_seals(house: House) -> None:
    def doctor(*options: str) -> subprocess.CompletedProcess[str]:
        environment = {"INVENTORY_DB_URL": house.database.url, "PYTHONPATH": ":".join(sys.path), "COLUMNS": "200"}
        command = [sys.executable, "-m", "holdfast", "doctor", *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    owner(house, f"update inventory set in_transit_quantity = 4 where sku_id = '{await house.sku('TEA')}'")
    assert doctor().returncode == 1
    repaired = doctor("--repair", "a disk lied")
    assert (repaired.returncode, "in_transit 4 → 0" in repaired.stdout) == (0, True), repaired.stdout + repaired.stderr
    owner(house, "select stock_mark_for_seal()")
    owner(house, "select stock_seal(10, 10)")
    intact = doctor("--seals")
    assert (intact.returncode, "Last seal, to be noted outside: 1:" in intact.stdout) == (0, True), intact.stderr
    noted = intact.stdout.rpartition(": ")[2].strip()
    assert doctor("--expect", noted).returncode == 0
    changed = doctor("--expect", noted[:-1] + ("0" if noted[-1] != "0" else "1"))
    assert (changed.returncode, "was noted as" in changed.stdout) == (1, True)
