"""Tracked SKUs in the console: which batch and which units, from receipt to count; and taking back what was done."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from tests.console.shop import PASSWORD, Shop
from tests.console.test_edge import console, person, sign_in, token_on

SELLABLE = "select coalesce(sum(sellable_quantity), 0) from inventory_batches where sku_id = %s and warehouse_id = %s"
OF_BATCH = (
    "select coalesce(sum(i.sellable_quantity), 0) from inventory_batches i join batches b on b.id = i.batch_id"
    " where b.sku_id = %s and b.number = %s and i.warehouse_id = %s"
)
UNITS = (
    "select string_agg(serial_number, ' ' order by serial_number) from serials where sku_id = %s and warehouse_id = %s"
)


def beside(field: str, html: str) -> str:
    """What is said beside a field, as text."""
    found = re.search(rf'id="wrong-{field}"[^>]*>([^<]*)<', html)
    return found.group(1) if found else ""


async def hidden(client: httpx2.AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of a page, as a browser would send them."""
    page = (await client.get(path)).text
    return dict(re.findall(r'<input type="hidden"(?: form="ship")? name="([^"]+)" value="([^"]*)"', page))


async def test_a_batch_is_adjusted_by_its_number_and_refusals_stand_beside_their_field(
    shop_url: str, shop: Shop
) -> None:
    shop.add_batches()
    milk, place = shop.tracked[0], shop.warehouses[0]
    path = f"/stock/{milk}/adjust"
    async with console(shop_url) as client:
        await sign_in(client)
        form = await hidden(client, path) | {"warehouse_id": str(place), "reason": "count", "change": "set"}
        nameless = await client.post(path, data=form | {"quantity": "5"})
        assert (nameless.status_code, beside("batch", nameless.text)) == (
            422,
            "Units of this SKU are kept by batch. Say which.",
        )
        assert (await client.post(path, data=form | {"quantity": "30", "batch": "L-2"})).status_code == 303
        assert shop.value(OF_BATCH, milk, "L-2", place) == 30
        stale = await client.post(path, data=form | {"quantity": "29", "batch": "L-2"})
        assert "changed while you were typing" in beside("quantity", stale.text), "the page had seen 40"
        fewer = form | {"change": "decrease", "quantity": "31", "batch": "L-2"}
        assert "Fewer units" in beside("quantity", (await client.post(path, data=fewer)).text)
        unknown = form | {"change": "decrease", "quantity": "1", "batch": "L-9"}
        assert beside("batch", (await client.post(path, data=unknown)).text) == "No batch of this SKU has that number."
        dated = form | {"change": "increase", "quantity": "2", "batch": "L-2", "expiry": "2031-01-31"}
        assert "The batch is known with" in beside("expiry", (await client.post(path, data=dated)).text)
        assert (await client.post(path, data=dated | {"batch": "L-3"})).status_code == 303
    expiry = "select expiry_date::text from batches where sku_id = %s and number = 'L-3'"
    assert shop.value(expiry, milk) == "2031-01-31"


async def test_goods_are_received_by_batch_or_number_and_a_second_press_changes_nothing(
    shop_url: str, shop: Shop
) -> None:
    shop.add_batches()
    milk, camera, place = *shop.tracked, shop.warehouses[1]
    async with console(shop_url) as client:
        await sign_in(client)
        form = await hidden(client, f"/stock/{milk}/receive") | {"warehouse_id": str(place), "quantity": "12"}
        form |= {"batch": "L-7", "expiry": "2030-06-01", "unit_cost": "0.85", "reference": "DN-1"}
        for _ in range(2):
            assert (await client.post(f"/stock/{milk}/receive", data=form)).status_code == 303
        assert shop.value(OF_BATCH, milk, "L-7", place) == 12
        other = await client.post(f"/stock/{milk}/receive", data=form | {"quantity": "13"})
        assert "booked already" in beside("quantity", other.text)
        numbers = await hidden(client, f"/stock/{camera}/receive") | {"warehouse_id": str(place)}
        cases = {
            "": "Type or scan the serial numbers, one per line.",
            "A\nB\nA": "Twice in the list: A.",
            "C\nSN-1": "In stock already: SN-1.",
        }
        for typed, said in cases.items():
            answer = await client.post(f"/stock/{camera}/receive", data=numbers | {"serials": typed})
            assert (answer.status_code, beside("serials", answer.text)) == (422, said)
        dear = await client.post(f"/stock/{camera}/receive", data=numbers | {"serials": "A", "unit_cost": "much"})
        assert beside("unit_cost", dear.text) == "Type an amount such as 1.25."
        assert (
            await client.post(f"/stock/{camera}/receive", data=numbers | {"serials": "A\r\nB, C"})
        ).status_code == 303
    assert shop.value(UNITS, camera, place) == "A B C"


async def test_units_with_a_number_are_adjusted_by_it(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    camera, place = shop.tracked[1], shop.warehouses[0]
    path = f"/stock/{camera}/adjust"
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get(path)).text
        assert 'value="set"' not in page, "a number of units says nothing of which"
        form = await hidden(client, path) | {"warehouse_id": str(place), "reason": "lost", "change": "decrease"}
        gone = await client.post(path, data=form | {"serials": "SN-9"})
        assert beside("serials", gone.text) == "Not here, or promised by number: SN-9."
        assert (await client.post(path, data=form | {"serials": "SN-2"})).status_code == 303
    assert shop.value(UNITS, camera, place) == "SN-1"


async def drafted(client: httpx2.AsyncClient, shop: Shop, csrf: dict[str, str]) -> str:
    source, destination = shop.warehouses
    made = await client.post("/transfers", data=csrf | {"from": str(source), "to": str(destination)})
    draft = made.headers["location"]
    for code, quantity in (("MILK", "10"), ("CAM", "2")):
        await client.post(f"{draft}/lines", data=csrf | {"sku_code": code, "quantity": quantity})
    return draft


async def test_a_transfer_carries_the_batches_and_units_that_were_named(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    milk, camera, destination = *shop.tracked, shop.warehouses[1]
    async with console(shop_url) as client:
        await sign_in(client)
        csrf = {"csrf": await token_on(client, "/account")}
        draft = await drafted(client, shop, csrf)
        form = await hidden(client, draft)
        assert [form["pick-batch-1-0"], form["pick-batch-1-1"]] == ["L-1", "L-2"]
        many = await client.post(f"{draft}/ship", data=form | {"pick-1-1": "11"})
        assert (many.status_code, beside("pick-1", many.text)) == (422, "Only 10 of it travel.")
        strange = await client.post(f"{draft}/ship", data=form | {"pick-2": "SN-77"})
        assert (strange.status_code, beside("pick-2", strange.text)) == (409, "Not here, or promised by number: SN-77.")
        # Six of the batch that expires last; the rest as always, what expires first.
        assert (await client.post(f"{draft}/ship", data=form | {"pick-1-1": "6"})).status_code == 303
        page = (await client.get(draft)).text
        assert "SN-1\nSN-2</textarea>" in page, "all that are on their way are offered"
        arriving = await hidden(client, draft)
        assert [arriving["batch-1-0"], arriving["batch-1-1"]] == ["L-1", "L-2"]
        partly: dict[str, Any] = arriving | {"good-1-0": "4", "good-1-1": "5", "damaged-1-1": "2"}
        over = await client.post(f"{draft}/receive", data=partly)
        assert over.status_code == 409
        assert "more" in beside("good-1", over.text).lower()
        partly |= {"damaged-1-1": "1", "good-2": "SN-1", "damaged-2": "SN-1"}
        assert (
            beside("damaged-2", (await client.post(f"{draft}/receive", data=partly)).text) == "Twice in the list: SN-1."
        )
        partly |= {"damaged-2": "SN-2"}
        assert (await client.post(f"{draft}/receive", data=partly)).status_code == 303
    assert shop.value(OF_BATCH, milk, "L-1", destination) == 4
    assert shop.value(OF_BATCH, milk, "L-2", destination) == 5
    assert shop.value("select state from serials where sku_id = %s and serial_number = 'SN-2'", camera) == "damaged"
    assert shop.value("select status from transfers where id = %s", draft.rpartition("/")[2]) == "received"


async def test_a_scanner_receives_units_of_a_transfer_by_number_and_batch(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    milk, camera, destination = *shop.tracked, shop.warehouses[1]
    async with console(shop_url) as client:
        await sign_in(client)
        csrf = {"csrf": await token_on(client, "/account")}
        draft = await drafted(client, shop, csrf)
        await client.post(f"{draft}/ship", data=await hidden(client, draft))
        form = await hidden(client, f"{draft}/scan?sku={camera}")
        strange = await client.post(f"{draft}/scan", data=form | {"good": "SN-5"})
        assert beside("good", strange.text) == "Something of it is not on this transfer."
        for _ in range(2):
            assert (await client.post(f"{draft}/scan", data=form | {"good": "SN-2"})).status_code == 303
        form = await hidden(client, f"{draft}/scan?sku={milk}") | {"good-0": "3"}
        assert (await client.post(f"{draft}/scan", data=form)).status_code == 303
    assert shop.value(UNITS, camera, destination) == "SN-2"
    assert shop.value(OF_BATCH, milk, "L-1", destination) == 3


async def test_a_shelf_of_tracked_units_is_counted_unit_by_unit(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    milk, camera, place = *shop.tracked, shop.warehouses[0]
    path = f"/stock-counts/{shop.count}/count"
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get(f"{path}?sku={milk}")).text
        assert ("L-1" in page, "37" in page.split("batch-rows")[1].split("</fieldset>")[0]) == (True, False), "blind"
        form = await hidden(client, f"{path}?sku={milk}") | {"count-0": "35", "count-1": "some"}
        wrong = await client.post(path, data=form | {"batch-2": "L-9", "count-2": "1"})
        assert (wrong.status_code, beside("count-1", wrong.text)) == (422, "Type a whole number.")
        assert re.search(r'name="batch-2" value="L-9"', wrong.text), "what was typed stays"
        told = form | {"count-1": "40", "batch-2": "L-9", "count-2": "1", "expiry-2": "2031-05-05"}
        assert (await client.post(path, data=told)).status_code == 303
        seen = await hidden(client, f"{path}?sku={camera}") | {"serials": "SN-1\nSN-4"}
        assert (await client.post(path, data=seen)).status_code == 303
        lines = [f"{milk}:sellable:1", f"{camera}:sellable:1"]
        form = {"csrf": seen["csrf"], "line": lines}
        booked = await client.post(f"/stock-counts/{shop.count}/approve", data=form, follow_redirects=True)
        assert "2 lines booked." in booked.text
    assert [shop.value(OF_BATCH, milk, batch, place) for batch in ("L-1", "L-2", "L-9")] == [35, 40, 1]
    assert shop.value(UNITS, camera, place) == "SN-1 SN-4"


async def test_an_entry_is_taken_back_after_a_look_at_what_would_change(shop_url: str, shop: Shop) -> None:
    sku, place = shop.skus[3], shop.warehouses[0]
    level = "select available_quantity from inventory where sku_id = %s and warehouse_id = %s"
    newest = "select id from inventory_movements where sku_id = %s order by created_at desc, seq desc limit 1"
    await person(shop_url, "viewer@shop.example", "viewer")
    async with console(shop_url) as client, console(shop_url) as other:
        await sign_in(client)
        before = shop.value(level, sku, place)
        form = await hidden(client, f"/stock/{sku}/adjust")
        form |= {"warehouse_id": str(place), "reason": "found", "change": "increase", "quantity": "7"}
        await client.post(f"/stock/{sku}/adjust", data=form)
        entry = shop.value(newest, sku)
        assert f"/undo/{entry}" in (await client.get(f"/stock/{sku}")).text
        look = (await client.get(f"/undo/{entry}")).text
        assert "− 7" in look
        assert f">{before}<" in look
        assert shop.value(level, sku, place) == before + 7, "looking changes nothing"
        csrf = {"csrf": await token_on(client, "/account")}
        why = await client.post(f"/undo/{entry}", data=csrf)
        assert (why.status_code, beside("reason", why.text)) == (422, "Say why: the ledger keeps it.")
        assert (await client.post(f"/undo/{entry}", data=csrf | {"reason": "wrong shelf"})).status_code == 303
        assert shop.value(level, sku, place) == before
        page = (await client.get(f"/stock/{sku}")).text
        assert (f"/undo/{entry}" in page, "Taken back: Adjusted" in page) == (False, True)
        again = await client.post(f"/undo/{entry}", data=csrf | {"reason": "once more"})
        assert (again.status_code, "Somebody took this back before." in again.text) == (409, True)
        await sign_in(other, "viewer@shop.example", PASSWORD)
        assert (await other.get(f"/undo/{entry}")).status_code == 403
        assert "/undo/" not in (await other.get(f"/stock/{sku}")).text


async def test_the_value_of_stock_is_shown_for_a_day_and_by_both_methods(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    milk, place = shop.tracked[0], shop.warehouses[1]
    async with console(shop_url) as client:
        await sign_in(client)
        shop.connection.execute("update skus set currency = 'GBP' where id = %s", [milk])
        form = await hidden(client, f"/stock/{milk}/receive") | {"warehouse_id": str(place), "batch": "L-7"}
        await client.post(f"/stock/{milk}/receive", data=form | {"quantity": "10", "unit_cost": "2.50"})
        now = (await client.get("/value")).text
        assert "£25" in now
        assert "units came without a cost" in now
        assert "£25" in (await client.get("/value?method=fifo")).text
        past = (await client.get(f"/value?day={shop.today.date().replace(day=1)}")).text
        assert "£25" not in past
        sheet = await client.get("/value.csv")
        assert "MILK,CD,,10,10,25.000000,GBP" in sheet.text
        assert "£2.50 each on average" in (await client.get(f"/stock/{milk}?warehouse={place}")).text


async def test_one_board_shows_what_every_warehouse_holds_lacks_and_waits_for(shop_url: str, shop: Shop) -> None:
    top, below = shop.warehouses
    shop.connection.execute("update warehouses set parent_id = %s, capacity = 1 where id = %s", [top, below])
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get("/network")).text
        rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
        [main] = [row for row in rows if "Shanghai main" in row]
        [region] = [row for row in rows if "Chengdu regional" in row]
        whole = shop.value("select sum(on_hand_quantity) from inventory")
        assert f"{whole:,} with those below" in main
        assert ("tree-1" in region, "alert-triangle" in region) == (True, True), "below, and fuller than one unit"
        # Both orders bring 96 to Shanghai, the first of them late; ten of each of two SKUs are late to Chengdu.
        assert re.findall(r'bad-ink strong">([^<]*)<', main) == ["96"]
        assert re.findall(r'bad-ink strong">([^<]*)<', region) == ["20"]
        assert "116 units are late" in page
        assert ["2 days" in row for row in rows if "Lumen Ltd" in row or "华艺陶瓷" in row] == [True, False]


async def test_the_barcode_of_a_pack_finds_the_sku_and_belongs_to_nobody_else(shop_url: str, shop: Shop) -> None:
    sku, other = shop.skus[3], shop.skus[4]
    shop.connection.execute("insert into sku_packs values (%s, 'case', 12, '5012345678900')", [sku])
    async with console(shop_url) as client:
        await sign_in(client)
        found = await client.get(f"/stock-counts/{shop.count}/count?sku_code=5012345678900")
        assert "<h1>Party bunting</h1>" in found.text
        page = (await client.get(f"/stock/{sku}/receive")).text
        assert "case × 12" in page
        form = await hidden(client, f"/stock/{sku}/receive")
        form |= {"warehouse_id": str(shop.warehouses[1]), "quantity": "2", "pack": "case"}
        before = shop.value(
            "select available_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)", sku, shop.warehouses[1]
        )
        assert (await client.post(f"/stock/{sku}/receive", data=form)).status_code == 303
    level = "select available_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)"
    assert shop.value(level, sku, shop.warehouses[1]) == before + 24
    assert shop.value("select count(*) from sku_packs where sku_id = %s", other) == 0
