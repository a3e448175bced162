"""What planners say over the API, and what becomes of it in demand, forecasts and grades."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from tests.house import House

from holdfast.demand import nightly, service
from holdfast.demand.cleaning import read_cleaned
from holdfast.demand.methods import ExponentialSmoothing
from holdfast.monitoring import doctor

TODAY = datetime.now(UTC).date()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def sold(house: House, sku: str, *days: tuple[int, int]) -> None:
    """History as a file brings it: (days ago, units)."""
    level = [await house.sku(sku), await house.warehouse("GZ")]
    with psycopg.connect(house.database.url, autocommit=True) as connection:
        for back, units in days:
            connection.execute(
                "insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)"
                " values (%s, %s, %s, %s, 1)",
                [*level, ago(back), units],
            )


async def history(house: House, sku: str, days: int) -> str:
    """Yesterday last; a day nothing is known about is a question mark."""
    pair = [UUID(await house.sku(sku))], [UUID(await house.warehouse("GZ"))]
    async with house.database.transaction() as tx:
        found = await read_cleaned(tx, *pair, days=days)
    return " ".join(str(q) if seen else "?" for q, seen in zip(found.quantity[0], found.observed[0], strict=True))


async def forecast(house: House, sku: str, days: float = 10) -> Any:
    """Make the forecast of a SKU, and answer the plan's daily mean."""
    pair = [UUID(await house.sku(sku))], [UUID(await house.warehouse("GZ"))]
    async with house.database.transaction() as tx:
        made = await service.forecast_pairs(
            tx,
            *pair,
            protection_days=np.array([days]),
            protection_days_sd=np.zeros(1),
            method=ExponentialSmoothing(),
        )
    return float(made.daily_mean[0])


async def run_night(house: House, **options: Any) -> nightly.DemandRun:
    async with house.database.transaction() as tx:
        run = await nightly.start_run(tx, actor="test")
    return await nightly.work_on(house.database, run.id, **options)


def sql(house: House, statement: str, *values: Any) -> Any:
    with psycopg.connect(house.database.url, autocommit=True) as connection:
        found = connection.execute(statement, values)  # type: ignore[arg-type]
        return found.fetchall() if found.description else None


async def test_calendar_days_are_not_ordinary_demand(house: House) -> None:
    await sold(house, "TEA", *((back, back) for back in range(1, 7)))
    sku_id, warehouse_id = await house.sku("TEA"), await house.warehouse("GZ")
    entry = {"kind": "promotion", "label": "Singles Day", "first_day": str(ago(5)), "last_day": str(ago(4))}
    for scope in ({}, {"sku_id": sku_id}, {"warehouse_id": warehouse_id, "sku_id": sku_id}):
        said = await house.post("/demand/calendar", {**entry, **scope})
        assert await history(house, "TEA", 6) == "6 ? ? 3 2 1", scope
        await house.call("DELETE", f"/demand/calendar/{said['id']}", expect=204)
    other = {"warehouse_id": await house.warehouse("SH")}
    for scope in (other, {"category": "cups"}, {"sku_id": await house.sku("CUP")}):
        await house.post("/demand/calendar", {**entry, **scope})
    assert await history(house, "TEA", 6) == "6 5 4 3 2 1"


async def test_a_calendar_entry_said_twice_is_said_once(house: House) -> None:
    entry = {"kind": "holiday", "label": "New Year", "first_day": "2026-01-01", "last_day": "2026-01-01"}
    first = await house.post("/demand/calendar", entry)
    assert await house.post("/demand/calendar", entry) == first
    found = await house.get("/demand/calendar", since="2025-12-01", until="2026-01-31")
    assert [e["id"] for e in found["entries"]] == [first["id"]]


async def test_a_file_of_calendar_days_is_taken_whole_or_not_at_all(house: House) -> None:
    tea = (await house.get(f"/skus/{await house.sku('TEA', category='drinks')}"))["code"]
    good = (
        "kind,label,first_day,last_day,sku,category,warehouse\n"
        f"promotion,Spring,2026-03-01,2026-03-08,{tea},,\n"
        "holiday,Labour Day,2026-05-01,,,,\n"
        "promotion,Drinks week,2026-06-01,2026-06-07,,drinks,\n"
    )
    bad = good + "sale,,2026-13-01,,NOPE,,\npromotion,Late,2026-06-09,2026-06-02,,,\n"

    async def load(text: str, expect: int = 200) -> Any:
        sent: dict[str, Any] = {"content": text.encode(), "headers": {"content-type": "text/csv"}}
        return await house.call("POST", "/demand/calendar:import", expect=expect, **sent)

    refused = await load(bad, 422)
    assert refused["code"] == "import_has_problems"
    assert [(e["loc"][1], e["loc"][2], e["code"]) for e in refused["errors"]] == [
        (5, "kind", "unknown_kind"),
        (5, "label", "invalid_length"),
        (5, "first_day", "not_a_date"),
        (5, "sku", "unknown_sku"),
        (6, "last_day", "ends_before_it_begins"),
    ]
    assert (await house.get("/demand/calendar"))["entries"] == []
    assert await load(good) == {"new": 3, "unchanged": 0}
    assert await load(good) == {"new": 0, "unchanged": 3}, "the same file twice"
    assert (await load("sku,quantity\nTEA,1\n", 422))["code"] == "unreadable_file"


async def test_a_new_sku_borrows_the_past_of_the_one_it_is_like(house: House) -> None:
    await sold(house, "TEA", *((back, 3) for back in range(1, 9)))
    await sold(house, "NEW", (2, 9), (1, 8))
    like = {"like_sku_id": await house.sku("TEA"), "factor": 0.5, "reason": "same leaf, smaller box"}
    assert await history(house, "NEW", 8) == "? ? ? ? ? ? 9 8"
    said = await house.call("PUT", f"/demand/likeness/{await house.sku('NEW')}", json=like, expect=200)
    assert (said["kind"], said["factor"]) == ("like", 0.5)
    assert await history(house, "NEW", 8) == "2 1 2 1 2 1 9 8", "whole units whose sum is right"
    await house.call("DELETE", f"/demand/likeness/{await house.sku('NEW')}", expect=204)
    assert await history(house, "NEW", 8) == "? ? ? ? ? ? 9 8"


async def test_a_successor_takes_over_along_the_chain(house: House) -> None:
    await sold(house, "TEA-1", *((back, 4) for back in range(5, 9)))
    await sold(house, "TEA-2", (4, 6), (3, 6))
    await sold(house, "TEA-3", (2, 7), (1, 7))
    for new, old in (("TEA-3", "TEA-2"), ("TEA-2", "TEA-1")):
        body = {"like_sku_id": await house.sku(old), "kind": "successor", "from_day": str(ago(4))}
        await house.call("PUT", f"/demand/likeness/{await house.sku(new)}", json=body, expect=200)
    assert await history(house, "TEA-3", 8) == "4 4 4 4 6 6 7 7"


async def test_likeness_never_leads_back_to_itself(house: House) -> None:
    a, b, c = [await house.sku(code) for code in ("A", "B", "C")]
    await house.call("PUT", f"/demand/likeness/{a}", json={"like_sku_id": b}, expect=200)
    await house.call("PUT", f"/demand/likeness/{b}", json={"like_sku_id": c}, expect=200)
    for sku, like in ((c, a), (c, c)):
        told = await house.call("PUT", f"/demand/likeness/{sku}", json={"like_sku_id": like}, expect=422)
        assert told["errors"][0]["code"] == "like_itself"
    unknown = str(UUID(int=7))
    told = await house.call("PUT", f"/demand/likeness/{unknown}", json={"like_sku_id": a}, expect=404)
    assert told["code"] == "sku_not_found"


async def test_what_a_new_sku_may_be_like_is_proposed_by_category_and_price(house: House) -> None:
    for code, price in (("NEAR", "11"), ("FAR", "90"), ("QUIET", "10")):
        await house.sku(code, category="tea", price=price, currency="CNY")
    new = await house.sku("NEW", category="tea", price="10", currency="CNY")
    for code in ("NEAR", "FAR"):
        await sold(house, code, *((back, 1) for back in range(1, 7)))
    found = await house.get(f"/demand/likeness/{new}/proposals")
    assert [p["sku_id"] for p in found["proposals"]] == [await house.sku("NEAR"), await house.sku("FAR")]


async def test_an_override_is_shown_beside_the_model_and_ordered_by(house: House) -> None:
    await sold(house, "TEA", *((back, 10) for back in range(1, 60)))
    assert await forecast(house, "TEA") == pytest.approx(10, abs=0.01)
    body = {
        "sku_id": await house.sku("TEA"),
        "warehouse_id": await house.warehouse("GZ"),
        "first_day": str(TODAY + timedelta(days=5)),
        "last_day": str(TODAY + timedelta(days=20)),
        "kind": "percent",
        "value": 100,
        "reason": "a fair",
    }
    made = await house.post("/forecasts/overrides", body)
    assert made["model_daily_mean"] == pytest.approx(10, abs=0.01)
    assert await forecast(house, "TEA", 10) == pytest.approx(15, abs=0.01), "five days of ten at twice the mean"
    (shown,) = (await house.get(f"/forecasts/{body['sku_id']}", days=7))["forecasts"]
    assert (round(shown["daily_mean"]), round(shown["override_daily_mean"])) == (10, 15)
    assert [round(x) for x in shown["expected"]] == [10, 20, 30, 40, 50, 60, 70]
    assert [round(x) for x in shown["overridden"]] == [10, 20, 30, 40, 50, 70, 90]
    overlapping = await house.post("/forecasts/overrides", {**body, "kind": "level", "value": 3}, expect=409)
    assert overlapping["code"] == "override_overlaps"
    await house.call("DELETE", f"/forecasts/overrides/{made['id']}", expect=200)
    assert await forecast(house, "TEA", 10) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize(
    ("change", "expect", "code"),
    [
        ({"last_day": "2020-01-01", "first_day": "2020-01-01"}, 422, "in_the_past"),
        ({"first_day": "2099-01-02", "last_day": "2099-01-01"}, 422, "ends_before_it_begins"),
        ({"value": -1}, 422, "below_nothing"),
        ({"kind": "percent", "value": -101}, 422, "greater_than_equal"),
        ({"sku_id": str(UUID(int=7))}, 404, "forecast_not_found"),
        ({"warehouse_id": str(UUID(int=7))}, 404, "warehouse_not_found"),
        ({"reason": ""}, 422, "string_too_short"),
    ],
)
async def test_an_override_that_says_nothing_is_refused(
    house: House, change: dict[str, Any], expect: int, code: str
) -> None:
    await sold(house, "TEA", *((back, 10) for back in range(1, 60)))
    await forecast(house, "TEA")
    body = {
        "sku_id": await house.sku("TEA"),
        "warehouse_id": await house.warehouse("GZ"),
        "first_day": "2099-01-01",
        "last_day": "2099-01-09",
        "kind": "level",
        "value": 3,
        "reason": "a fair",
    }
    told = await house.post("/forecasts/overrides", {**body, **change}, expect=expect)
    assert code in (told["code"], *(error["code"] for error in told["errors"]))


async def test_overrides_are_graded_when_their_time_is_over(house: House) -> None:
    """Ten days of 12 a day: the model said 10, one planner 14 and another 13."""
    await sold(house, "TEA", *((back, 12) for back in range(1, 31)))
    level = [await house.sku("TEA"), await house.warehouse("GZ")]
    for who, first, kind, value in (("ann", 20, "level", 14.5), ("bob", 10, "percent", 30), ("bob", 30, "level", 12)):
        sql(
            house,
            "insert into forecast_overrides (sku_id, warehouse_id, first_day, last_day, kind, value, reason,"
            " model_daily_mean, said_by) values (%s, %s, %s, %s, %s, %s, 'x', 10, %s)",
            *level, ago(first), ago(first - 9), kind, value, who,
        )  # fmt: skip
    await run_night(house)
    report = (await house.get("/forecasts/overrides/grades"))["grades"]
    assert [(g["planner"], g["graded"], g["helped"], g["harmed"]) for g in report] == [
        ("bob", 2, 2, 0),
        ("ann", 1, 0, 1),
    ]
    assert [round(g["override_error_units"]) for g in report] == [10, 25]
    by_sku = (await house.get("/forecasts/overrides/grades", by="sku"))["grades"]
    assert [(g["sku_id"], round(g["model_error_units"])) for g in by_sku] == [(level[0], 60)]
    told = (await house.get("/forecasts/overrides", said_by="ann"))["overrides"]
    assert (told[0]["actual_units"], told[0]["helped"]) == (120, False)
    gone = await house.call("DELETE", f"/forecasts/overrides/{told[0]['id']}", expect=409)
    assert gone["code"] == "override_ended"


async def test_forecasts_are_graded_by_what_came(house: House) -> None:
    await sold(house, "TEA", *((back, 12) for back in range(1, 31)))
    await sold(house, "CUP", (3, 1))
    for sku in ("TEA", "CUP"):
        await forecast(house, sku)
    run = await run_night(house)
    assert (run.status, run.facts["said"], run.facts["graded"]) == ("finished", 2, 0)
    # As if it had been said ten days ago, of the ten days that are over now.
    sql(
        house,
        "update forecast_grades set made_on = made_on - 10, last_day = last_day - 10, mean_units = 100,"
        " quantiles = '{100,110,121,125,130}', naive_units = 90 where sku_id = %s",
        await house.sku("TEA"),
    )
    run = await run_night(house)
    assert (run.facts["graded"], run.facts["said"]) == (1, 1), "one forecast of a pair at a time"
    (found,) = (await house.get("/accuracy", sku_id=await house.sku("TEA")))["accuracy"]
    assert (found["graded"], found["actual_units"]) == (1, 120)
    assert found["wape"] == pytest.approx(20 / 120)
    assert found["naive_wape"] == pytest.approx(30 / 120)
    assert found["bias"] == pytest.approx(-20 / 120)
    assert found["coverage"] == {"0.5": 0, "0.8": 0, "0.9": 1, "0.95": 1, "0.99": 1}
    loss = (0.5 * 20 + 0.8 * 10 + 0.1 * 1 + 0.05 * 5 + 0.01 * 10) / 5
    assert found["pinball"] == pytest.approx(loss / 120)
    whole = await house.get("/accuracy/summary")
    assert (whole["graded"], whole["pairs"], whole["wape"]) == (1, 1, found["wape"])


async def test_the_summary_of_accuracy_is_the_sum_of_all_grades(house: House) -> None:
    """Forecasts said 30, 20 and 10 days ago are graded one after the other; a third SKU comes in the last round."""
    for sku, units in (("TEA", 12), ("CUP", 3)):
        await sold(house, sku, *((back, units + back % 2) for back in range(1, 51)))
        await forecast(house, sku, days=7)
    await run_night(house)
    for days_ago in (30, 20, 10):
        sql(
            house,
            "update forecast_grades set made_on = made_on - %s, last_day = last_day - %s where graded_at is null",
            days_ago,
            days_ago,
        )
        if days_ago == 10:
            await sold(house, "POT", *((back, 5) for back in range(1, 51)))
            await forecast(house, "POT", days=7)
        await run_night(house)
    for days, graded, pairs in ((365, 6, 2), (25, 4, 2), (15, 2, 2), (5, 0, 0)):
        whole = await house.get("/accuracy/summary", days=days)
        each = (await house.get("/accuracy", days=days))["accuracy"]
        assert (whole["graded"], whole["pairs"]) == (graded, pairs) == (sum(e["graded"] for e in each), len(each))
        if each:
            units = sum(e["actual_units"] for e in each)
            for figure in ("wape", "naive_wape", "bias", "pinball"):
                assert whole[figure] == pytest.approx(sum(e[figure] * e["actual_units"] for e in each) / units)
            within = sum(e["coverage"]["0.9"] * e["graded"] for e in each) / graded
            assert whole["coverage"]["0.9"] == pytest.approx(within)
            assert (whole["since"], whole["until"]) == (min(e["since"] for e in each), max(e["until"] for e in each))
    async with house.database.transaction() as tx:
        assert await tx.dicts(doctor.demand.accuracy_is_its_grades, grace_minutes=0) == []
    sql(
        house,
        "update forecast_grades set made_on = made_on - 760, last_day = last_day - 760 where made_on < %s",
        ago(25),
    )
    sql(
        house,
        "update forecast_accuracy set made_on = made_on - 760, last_day = last_day - 760 where made_on < %s",
        ago(25),
    )
    await run_night(house)
    assert (await house.get("/accuracy/summary", days=730))["graded"] == 4, "what is older than two years is forgotten"


async def test_a_run_goes_on_where_a_killed_one_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await sold(house, f"K{number}", (1, 2))
        await forecast(house, f"K{number}")
    async with house.database.transaction() as tx:
        started = await nightly.start_run(tx, actor="test")
    real, steps = nightly._do_chunk, iter([True, False])

    async def killed(*args: Any) -> bool:
        assert next(steps), "killed"
        return await real(*args)

    monkeypatch.setattr(nightly, "_do_chunk", killed)
    with pytest.raises(AssertionError, match="killed"):
        await nightly.work_on(house.database, started.id, chunk_pairs=2)
    monkeypatch.setattr(nightly, "_do_chunk", real)
    half = await house.get(f"/forecasts/runs/{started.id}")
    assert (half["status"], half["pairs_done"], half["pairs_total"]) == ("running", 2, 5)
    done = await nightly.work_on(house.database, started.id, chunk_pairs=2)
    assert (done.status, done.pairs_done, done.facts["said"]) == ("finished", 5, 5)
    assert await nightly.work_on(house.database, started.id) == done


async def test_a_run_is_stopped_behind_the_step_it_is_at(house: House) -> None:
    run = await house.post("/forecasts/runs", expect=202)
    assert (await house.post("/forecasts/runs", expect=202))["id"] == run["id"], "one at a time"
    stopped = await house.post(f"/forecasts/runs/{run['id']}/stop", expect=200)
    assert stopped["status"] == "stopped"
    assert (await nightly.work_on(house.database, UUID(run["id"]))).status == "stopped"
    assert (await house.post(f"/forecasts/runs/{run['id']}/stop", expect=409))["code"] == "run_not_running"
