"""Low stock is told once: an alert opens at the line, follows the level, and resolves itself above it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.house import House
from tests.mail_server import mail_server

from holdfast.alerts import evaluation
from holdfast.webhooks import publisher


async def watch(house: House) -> None:
    """What the jobs do: publish, evaluate what changed, tell people."""
    await publisher.publish_all(house.database)
    await evaluation.evaluate_changes(house.database, house.application.settings)
    async with house.database.transaction() as tx:
        await evaluation.tell(tx)


async def rule(house: House, **fields: Any) -> str:
    """The only rule of the house."""
    for other in (await house.get("/alert-rules"))["alert_rules"]:
        await house.call("DELETE", f"/alert-rules/{other['id']}", expect=204)
    return (await house.post("/alert-rules", {"name": "Low", "threshold": 5, **fields}))["id"]


async def alerts(house: House, **filters: Any) -> list[tuple[str, float]]:
    """Oldest first: status and value."""
    found = (await house.get("/alerts", **filters))["alerts"]
    return [(a["status"], a["value"]) for a in reversed(found)]


async def set_line(house: House, sku: str, warehouse: str, *, reorder_point: int | None = None, **more: Any) -> None:
    async with house.database.connection() as connection:
        await connection.execute(
            "select stock_set_policy(%s, %s, null, %s, %s)",
            [await house.sku(sku), await house.warehouse(warehouse), reorder_point, more.get("max_stock")],
        )


async def count(house: House, table: str, where: str = "true") -> int:
    async with house.database.connection() as connection:
        row = await (await connection.execute(f"select count(*) from {table} where {where}")).fetchone()  # type: ignore[arg-type]
        assert row
        return row[0]


@pytest.mark.parametrize(("left", "fires"), [(6, False), (5, True), (4, True)])
async def test_at_the_line_it_fires_and_above_it_does_not(house: House, left: int, fires: bool) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", left)
    await watch(house)
    assert await alerts(house) == ([("open", left)] if fires else [])


async def test_it_opens_once_follows_the_level_and_resolves_itself_above_the_margin(house: House) -> None:
    await rule(house, threshold=10, clear_margin=0.2)
    await house.stock("TEA", "GZ", 20)
    seen: list[list[tuple[str, float]]] = []
    for sold in (10, 1, -3, -1):
        await (house.sell("TEA", "GZ", sold) if sold > 0 else house.stock("TEA", "GZ", -sold))
        await watch(house)
        await watch(house)
        seen.append(await alerts(house))
    assert seen == [[("open", 10)], [("open", 9)], [("open", 12)], [("resolved", 13)]]
    await house.sell("TEA", "GZ", 3)
    await watch(house)
    assert await alerts(house) == [("resolved", 13), ("open", 10)]


async def test_held_units_are_not_available(house: House) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", 9)
    item = {"sku_id": await house.sku("TEA"), "quantity": 4, "warehouse_id": await house.warehouse("GZ")}
    hold = {"items": [item], "reference_type": "order", "reference_id": "o1"}
    await house.post("/inventory/reservations", hold)
    await watch(house)
    assert await alerts(house) == [("open", 5)]


async def test_the_first_start_has_a_rule_that_watches_reorder_points(house: House) -> None:
    [first] = [r for r in (await house.get("/alert-rules"))["alert_rules"] if r["kind"] == "quantity"]
    assert (first["name"], first["threshold"], first["metric"]) == ("Low stock", None, "available_quantity")
    await set_line(house, "TEA", "GZ", reorder_point=7)
    await set_line(house, "CUP", "GZ", max_stock=100)
    for sku, quantity in (("TEA", 7), ("CUP", 20), ("POT", 0)):
        await house.stock(sku, "GZ", quantity or 1)
    await house.sell("POT", "GZ", 1)
    await watch(house)
    found = (await house.get("/alerts"))["alerts"]
    lines = {a["sku_code"].split("-")[0]: a["threshold"] for a in found}
    assert lines == {"TEA": 7, "CUP": 20}, "a fifth of max_stock where nobody set a line; without any, silence"


async def test_days_of_cover_watch_the_pace_of_sales(house: House) -> None:
    await rule(house, metric="days_of_cover", threshold=3)
    await house.stock("TEA", "GZ", 10)
    await house.stock("CUP", "GZ", 10)
    async with house.database.connection() as connection:
        for sku, mean in (("TEA", 4.0), ("CUP", 0.0)):
            await connection.execute(
                """
                insert into demand_forecasts (sku_id, warehouse_id, made_at, method, demand_class, daily_mean, daily_sd,
                    trend_percent_per_week, protection_days, quantiles, day_variance, level_variance, observed_days,
                    bulk_units)
                values (%s, %s, now(), 'm', 'c', %s, 1, 0, 7, '{}', 1, 0, 30, 0)
                """,
                [await house.sku(sku), await house.warehouse("GZ"), mean],
            )
    await watch(house)
    assert await alerts(house) == [("open", 2.5)]
    refused = await house.post("/alert-rules", {"name": "x", "metric": "days_of_cover"}, expect=422)
    assert refused["errors"][0]["loc"] == ["threshold"]


async def test_a_scope_excludes_what_it_does_not_name(house: House) -> None:
    await house.sku("TEA", category="drinks")
    await rule(house, category="drinks", warehouse_id=await house.warehouse("GZ"))
    for sku, warehouse in (("TEA", "GZ"), ("TEA", "SH"), ("CUP", "GZ")):
        await house.stock(sku, warehouse, 1)
    await watch(house)
    [only] = (await house.get("/alerts"))["alerts"]
    assert (only["sku_code"].split("-")[0], only["warehouse_code"].split("-")[0]) == ("TEA", "GZ")


async def test_a_changed_rule_looks_at_everything_again(house: House) -> None:
    number = await rule(house, threshold=5)
    await house.stock("TEA", "GZ", 8)
    await watch(house)
    await house.call("PATCH", f"/alert-rules/{number}", json={"threshold": 8}, expect=200)
    await watch(house)
    assert await alerts(house) == [("open", 8)]
    await house.call("PATCH", f"/alert-rules/{number}", json={"is_active": False}, expect=200)
    await watch(house)
    assert await alerts(house) == [("resolved", 8)]


async def test_archived_skus_are_not_watched(house: House) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", 2)
    await watch(house)
    await house.call("PATCH", f"/skus/{await house.sku('TEA')}", json={"archived": True}, expect=200)
    await watch(house)
    [over] = (await house.get("/alerts"))["alerts"]
    assert (over["status"], over["resolved_by"], over["note"]) == ("resolved", "rule", "no longer watched")


async def test_acknowledged_stays_and_resolved_by_a_person_stays_resolved_while_it_is_low(house: House) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", 5)
    await watch(house)
    [alert] = (await house.get("/alerts", status="open"))["alerts"]
    path = f"/alerts/{alert['id']}"
    seen = await house.post(f"{path}/acknowledge", {"note": "calling them"}, expect=200)
    assert (seen["status"], seen["acknowledged_by"], seen["note"]) == ("acknowledged", "key:bootstrap", "calling them")
    await house.sell("TEA", "GZ", 1)
    await watch(house)
    assert await alerts(house) == [("acknowledged", 4)]
    done = await house.post(f"{path}/resolve", {"note": "ordered"}, expect=200)
    assert (done["status"], done["resolved_by"], done["note"]) == ("resolved", "key:bootstrap", "ordered")
    await house.sell("TEA", "GZ", 1)
    await watch(house)
    assert await alerts(house) == [("resolved", 4)]
    await house.stock("TEA", "GZ", 20)
    await watch(house)
    await house.sell("TEA", "GZ", 20)
    await watch(house)
    assert await alerts(house) == [("resolved", 23), ("open", 3)]


async def test_people_are_told_once_by_mail_and_inbox(house: House) -> None:
    await rule(house, recipients=["buyer@example.org"])
    async with mail_server() as mailbox:
        work = house.with_settings(smtp_url=mailbox.url)
        from holdfast.notify.sending import send_due

        await house.stock("TEA", "GZ", 3)
        await house.stock("CUP", "GZ", 4)
        for _ in range(3):
            await watch(house)
            await send_due(work.database, work.settings)
        [mail] = mailbox.arrived
    assert (mail["To"], mail["Subject"]) == ("buyer@example.org", "Low stock: 2 items (Low)")
    text = mail.get_content()
    assert "TEA name, GZ house" in text
    assert "3 available, alert line 5; on hand 3, in transit 0" in text
    inbox = (await house.get("/notifications", channel="inbox"))["notifications"]
    assert [entry["subject"] for entry in inbox] == ["Low stock: 2 items (Low)"]


async def test_a_rule_that_just_spoke_collects_before_it_speaks_again(house: House) -> None:
    await rule(house, recipients=["buyer@example.org"])
    for sku in ("A", "B", "C"):
        await house.stock(sku, "GZ", 1)
        await watch(house)
    assert await count(house, "notifications", "channel = 'email'") == 1
    async with house.database.connection() as connection:
        await connection.execute("update alert_rules set told_at = told_at - interval '2 minutes'")
    await house.stock("B", "GZ", 100)
    await watch(house)
    async with house.database.connection() as connection:
        rows = await connection.execute("select subject from notifications where channel = 'email' order by id")
        told = [row[0].split("-")[0] for row in await rows.fetchall()]
    assert told == ["Low stock: A", "Low stock: C"], "B recovered before anybody was told"


async def test_planners_are_told_in_their_language_when_nobody_is_named(house: House) -> None:
    await rule(house)
    async with house.database.connection() as connection:
        await connection.execute(
            "insert into users (email, name, role, language) values"
            " ('li@example.org', 'Li', 'planner', 'zh'), ('vi@example.org', 'Vi', 'viewer', 'en')"
        )
    await house.stock("TEA", "GZ", 3)
    await watch(house)
    async with house.database.connection() as connection:
        rows = await connection.execute("select recipient, subject from notifications where channel = 'email'")
        [(recipient, subject)] = await rows.fetchall()
    assert recipient == "li@example.org"
    assert subject.startswith("库存不足：TEA")


async def test_opening_and_resolving_are_events(house: House) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", 3)
    await watch(house)
    await house.stock("TEA", "GZ", 30)
    await watch(house)
    await watch(house)
    found = await house.get("/events", event_type="alert.*")
    assert [(e["event_type"], e["data"]["value"]) for e in found["events"]] == [
        ("alert.opened", 3),
        ("alert.resolved", 33),
    ]


async def test_what_no_event_tells_is_found_on_schedule(house: House) -> None:
    await rule(house, threshold=None)
    await house.stock("TEA", "GZ", 3)
    await watch(house)
    await set_line(house, "TEA", "GZ", reorder_point=4)
    await watch(house)
    assert await alerts(house) == []
    async with house.database.transaction() as tx:
        found = await evaluation.evaluate_all(tx, house.application.settings)
        again = await evaluation.evaluate_all(tx, house.application.settings)
    assert (found.opened, again.opened, await alerts(house)) == (1, 0, [("open", 3)])
    assert await count(house, "alert_evaluations", "scope = 'all'") == 2


async def test_an_evaluation_that_dies_is_done_again_and_two_at_once_open_one_alert(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rule(house)
    await house.stock("TEA", "GZ", 3)
    await publisher.publish_all(house.database)

    async def dies(*_: object, **__: object) -> None:
        raise KeyError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "_evaluate", dies)
        with pytest.raises(KeyError):
            await evaluation.evaluate_changes(house.database, house.application.settings)
    assert await count(house, "alert_checks") == 1
    settings = house.application.settings
    await asyncio.gather(
        *(evaluation.evaluate_changes(house.database, settings) for _ in range(3)),
        *(_evaluate_everything(house) for _ in range(2)),
    )
    assert await alerts(house) == [("open", 3)]


async def _evaluate_everything(house: House) -> None:
    async with house.database.transaction() as tx:
        await evaluation.evaluate_all(tx, house.application.settings)


async def test_a_preview_shows_what_would_fire_and_keeps_nothing(house: House) -> None:
    await rule(house, threshold=0)
    for sku, quantity in (("TEA", 3), ("CUP", 8), ("POT", 5)):
        await house.stock(sku, "GZ", quantity)
    found = await house.post("/alert-rules:preview", {"threshold": 5}, expect=200)
    assert (found["watched"], found["would_open"]) == (3, 2)
    assert [f["sku_code"].split("-")[0] for f in found["findings"]] == ["TEA", "POT"]
    await watch(house)
    assert await alerts(house) == []


async def test_alerts_are_listed_by_what_people_ask(house: House) -> None:
    await rule(house, severity="critical")
    await house.stock("TEA", "GZ", 1)
    await house.stock("CUP", "SH", 1)
    await watch(house)
    found = {
        "sku": await alerts(house, sku_id=await house.sku("TEA")),
        "warehouse": await alerts(house, warehouse_id=await house.warehouse("SH")),
        "severity": await alerts(house, severity="info"),
        "status": await alerts(house, status="resolved"),
    }
    assert {name: len(rows) for name, rows in found.items()} == {"sku": 1, "warehouse": 1, "severity": 0, "status": 0}
    page = await house.get("/alerts", limit=1)
    rest = await house.get("/alerts", limit=1, cursor=page["next_cursor"])
    assert UUID(page["alerts"][0]["id"]) > UUID(rest["alerts"][0]["id"])


async def test_a_deleted_rule_leaves_its_history(house: House) -> None:
    number = await rule(house)
    await house.stock("TEA", "GZ", 1)
    await watch(house)
    await house.call("DELETE", f"/alert-rules/{number}", expect=204)
    await watch(house)
    assert await alerts(house) == [("resolved", 1)]
    assert (await house.get("/alert-rules"))["alert_rules"] == []
