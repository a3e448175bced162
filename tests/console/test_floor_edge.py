"""The pages of the warehouse floor asked directly: who may, what is booked twice, what a stale page may do."""

from __future__ import annotations

import json
import re

import httpx2
from tests.console.shop import EMAIL, PASSWORD, Shop
from tests.console.test_edge import console, person, sign_in, token_on


async def scanned_form(client: httpx2.AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of the second step of receiving."""
    page = (await client.get(path)).text
    names = ("csrf", "sku", "once")
    return {name: page.split(f'name="{name}" value="')[1].split('"')[0] for name in names}


async def test_a_button_pressed_twice_books_one_delivery(shop_url: str, shop_transfers: list[str]) -> None:
    transfer = shop_transfers[1]
    async with console(shop_url) as client:
        await sign_in(client)
        form = await scanned_form(client, f"/transfers/{transfer}/scan?sku_code=SKU-010") | {"good": "4"}
        for _ in range(2):
            answer = await client.post(f"/transfers/{transfer}/scan", data=form)
            assert answer.status_code == 303
        page = (await client.get(f"/transfers/{transfer}/scan?sku_code=SKU-010")).text
        assert "6 of 10 still to come" in page
        # Back in the browser, another quantity under the same press: nothing is booked, and it says so.
        answer = await client.post(f"/transfers/{transfer}/scan", data=form | {"good": "5"})
        assert (answer.status_code, "This was booked already" in answer.text) == (422, True)


async def test_a_viewer_sees_transfers_and_moves_nothing(shop_url: str, shop_transfers: list[str]) -> None:
    await person(shop_url, "viewer@shop.example", "viewer")
    async with console(shop_url) as client:
        await sign_in(client, "viewer@shop.example", PASSWORD)
        page = (await client.get(f"/transfers/{shop_transfers[0]}")).text
        assert "Party" in page or "bunting" in page
        assert "/ship" not in page
        assert (await client.get("/transfers/new")).status_code == 403
        csrf = {"csrf": await token_on(client, "/account")}
        for verb in ("ship", "lines", "quantities", "receive", "scan", "close", "cancel"):
            answer = await client.post(f"/transfers/{shop_transfers[0]}/{verb}", data=csrf)
            assert answer.status_code == 403, verb


async def test_a_draft_that_somebody_changed_is_not_overwritten(shop_url: str, shop_transfers: list[str]) -> None:
    draft = shop_transfers[0]
    async with console(shop_url) as client:
        await sign_in(client)
        csrf = {"csrf": await token_on(client, "/account")}
        added = await client.post(f"/transfers/{draft}/lines", data={**csrf, "sku_code": "SKU-001", "quantity": "3"})
        assert added.status_code == 303
        stale = {**csrf, "version": "1", "line-1": "5", "line-2": "5"}
        answer = await client.post(f"/transfers/{draft}/quantities", data=stale)
        assert (answer.status_code, "Somebody changed the transfer" in answer.text) == (409, True)
        seen = stale | {"version": "2", "line-1": "0", "line-2": "1000000", "line-3": "3"}
        assert (await client.post(f"/transfers/{draft}/quantities", data=seen)).status_code == 303
        short = await client.post(f"/transfers/{draft}/ship", data=csrf)
        assert (short.status_code, "available." in short.text) == (409, True)
        emptied = csrf | {"version": "3", "line-1": "0", "line-2": "0"}
        assert (await client.post(f"/transfers/{draft}/quantities", data=emptied)).status_code == 303
        empty = await client.post(f"/transfers/{draft}/ship", data=csrf)
        assert (empty.status_code, "Add what shall travel first." in empty.text) == (409, True)


async def test_a_number_of_a_colleague_is_replaced_only_when_it_was_seen(shop_url: str, shop: Shop) -> None:
    await person(shop_url, "operator@shop.example", "operator")
    path = f"/stock-counts/{shop.count}/count"
    async with console(shop_url) as anna, console(shop_url) as ben:
        await sign_in(anna)
        await sign_in(ben, "operator@shop.example", PASSWORD)
        mine = {"csrf": await token_on(anna, "/account"), "sku": str(shop.skus[2]), "recount_of": "0", "quantity": "7"}
        assert (await anna.post(path, data=mine)).status_code == 303
        theirs = mine | {"csrf": await token_on(ben, "/account"), "quantity": "9"}
        refused = await ben.post(path, data=theirs)
        assert (refused.status_code, "counted this meanwhile" in refused.text) == (422, True)
        assert 'name="recount_of" value="1"' in refused.text
        assert 'value="9"' in refused.text
        assert (await ben.post(path, data=theirs | {"recount_of": "1"})).status_code == 303
        # Who counts does not decide.
        approve = f"/stock-counts/{shop.count}/approve"
        assert (await ben.post(approve, data={"csrf": theirs["csrf"], "line": "x"})).status_code == 403
        line = f"{shop.skus[2]}:sellable:1"
        page = await anna.post(approve, data={"csrf": mine["csrf"], "line": line}, follow_redirects=True)
        assert "1 could not be booked" in page.text, "the approver saw the first counting, not the second"


async def test_what_comes_back_goes_where_the_inspection_says_and_once(shop_url: str, shop: Shop) -> None:
    sku, warehouse = shop.skus[4], shop.warehouses[1]
    before = shop.value(
        "select available_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)", sku, warehouse
    )
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get("/returns/new?reference_id=TILL-77")).text
        assert "3 can come back" in page
        names = ("csrf", "once")
        form = {name: page.split(f'name="{name}" value="')[1].split('"')[0] for name in names}
        form |= {"reference_id": "TILL-77", "reference_type": "sale", "item": str(sku), f"restock-{sku}": "9"}
        nowhere = await client.post("/returns", data=form)
        assert (nowhere.status_code, "Choose a warehouse." in nowhere.text) == (422, True)
        form["warehouse"] = str(warehouse)
        too_much = await client.post("/returns", data=form)
        assert (too_much.status_code, "At most 3 can come back." in too_much.text) == (422, True)
        assert f'name="restock-{sku}" type="text" value="9"' in too_much.text
        form |= {f"restock-{sku}": "1", f"unsellable-{sku}": "1", f"scrap-{sku}": "1"}
        for _ in range(2):
            booked = await client.post("/returns", data=form, follow_redirects=True)
            assert "back on the shelf" in booked.text
            assert "scrapped" in booked.text
        assert "1 return in the last seven days" in (await client.get("/returns")).text
        level = "select available_quantity, unavailable_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)"
        row = shop.connection.execute(level, [sku, warehouse]).fetchone()
        assert row == (before + 1, 1)


async def test_goods_of_an_unknown_order_come_back_only_with_a_reason(shop_url: str, shop: Shop) -> None:
    async with console(shop_url) as client:
        await sign_in(client)
        assert "The ledger knows no goods" in (await client.get("/returns/new?reference_id=OLD-1")).text
        path = f"/returns/new?reference_id=OLD-1&unmatched=yes&item={shop.skus[1]}&sku_code=SKU-003"
        page = (await client.get(path)).text
        assert "Party bunting" in page
        assert "Red retrospot jumbo bag" in page, "what was scanned before stays on the form"
        form = {"csrf": await token_on(client, "/account"), "reference_id": "OLD-1", "reference_type": "order"}
        form |= {"unmatched": "yes", "item": str(shop.skus[3]), f"restock-{shop.skus[3]}": "2"}
        form["warehouse"] = str(shop.warehouses[0])
        refused = await client.post("/returns", data=form)
        assert (refused.status_code, "Say why goods come back" in refused.text) == (422, True)
        form["reason"] = "sold before Holdfast"
        booked = await client.post("/returns", data=form, follow_redirects=True)
        assert "not sold here" in booked.text


async def test_a_person_chooses_which_promise_is_not_kept(shop_url: str, shop: Shop) -> None:
    path = f"/shortages/{shop.shortage}"
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get(path)).text
        assert "3 promised units are not there" in page
        name = page.split('name="release-')[1].split('"')[0]
        assert f'name="release-{name}" inputmode="numeric"' in page
        form = {"csrf": await token_on(client, "/account"), "version": "1", f"release-{name}": "1"}
        short = await client.post(f"{path}/resolve", data=form)
        assert (short.status_code, "That is not enough" in short.text) == (422, True)
        await client.post(f"{path}/wait", data={"csrf": form["csrf"], "until": "2027-01-05", "note": "PO-00002"})
        assert "waits for goods" in (await client.get("/shortages")).text
        done = await client.post(
            f"{path}/resolve", data=form | {"version": "2", f"release-{name}": "3"}, follow_redirects=True
        )
        assert "Promises that were broken" in done.text
        level = "select reserved_quantity, available_quantity from inventory where (sku_id, warehouse_id) = (%s, %s)"
        row = shop.connection.execute(level, [shop.skus[5], shop.warehouses[1]]).fetchone()
        assert row is not None
        assert row[1] == 0
        again = await client.post(f"{path}/dismiss", data=form | {"reason": "found them"})
        assert (again.status_code, "already decided" in again.text) == (409, True)


async def test_asking_where_it_would_ship_from_holds_nothing_and_tells_nobody(shop_url: str, shop: Shop) -> None:
    async with console(shop_url) as client:
        await sign_in(client)
        events = "select count(*) from outbox_events"
        before = shop.value(events)
        page = (await client.get(f"/allocation?n-{shop.skus[0]}=70&sku_code=SKU-003")).text
        assert "2 parcels: " in page
        assert "needed: without it the line is not covered" in page
        assert f'name="n-{shop.skus[3]}"' in page, "what was scanned is on the order"
        short = (await client.get(f"/allocation?n-{shop.skus[0]}=100000")).text
        assert "Not everything is available" in short
        wrong = await client.get(f"/allocation?n-{shop.skus[0]}=two&latitude=95&longitude=1")
        assert wrong.status_code == 422
        assert "Type degrees such as 31.23." in wrong.text
        assert 'value="two"' in wrong.text
        assert shop.value(events) == before


async def test_health_says_what_the_doctor_found_and_who_may_look_again(shop_url: str, shop: Shop) -> None:
    await person(shop_url, "viewer@shop.example", "viewer")
    async with console(shop_url) as client:
        await sign_in(client, "viewer@shop.example", PASSWORD)
        assert "Nobody has looked at the books yet" in (await client.get("/health")).text
        csrf = {"csrf": await token_on(client, "/account")}
        assert (await client.post("/health/look", data=csrf)).status_code == 403
        finding = {"check": "x", "promise": "P2", "sentence": "on hand is the sum of its movements", "count": 2}
        finding["violations"] = [{"subject": "TEA@GZ", "expected": "5", "found": "7"}]
        shop.value(
            "insert into doctor_runs (started_by, seconds, is_healthy, findings)"
            " values ('job', 1, false, %s) returning id",
            json.dumps([finding]),
        )
        page = (await client.get("/health")).text
        assert "A promise does not hold" in page
        assert "TEA@GZ: 7 ≠ 5" in page
    async with console(shop_url) as client:
        await sign_in(client)
        looked = await client.post("/health/look", data={"csrf": await token_on(client, "/account")})
        assert looked.status_code == 303
        assert shop.value("select started_by from doctor_runs order by id desc limit 1") == "user:anna@shop.example"


async def test_a_recall_is_meant_reasoned_and_leads_to_every_customer(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    path = f"/batches/{shop.batches[0]}"
    sellable = "select sum(sellable_quantity)::integer from inventory_batches where batch_id = %s"
    async with console(shop_url) as client:
        await sign_in(client)
        listed = (await client.get("/batches?state=soon")).text
        assert "1 batch expires within 30 days" in listed
        assert "L-2" not in listed
        assert "1 order got units of this batch (3 units)" in (await client.get(path)).text
        form = {"csrf": await token_on(client, "/account"), "reason": ""}
        refused = await client.post(f"{path}/recall", data=form)
        assert refused.status_code == 422
        assert "Say why: the ledger keeps it." in refused.text
        assert "Tick that you mean it." in refused.text
        assert shop.value(sellable, shop.batches[0]) == 37
        form |= {"reason": "glass in it", "sure": "yes"}
        done = await client.post(f"{path}/recall", data=form, follow_redirects=True)
        assert "Below is who got some." in done.text
        assert "glass in it" in done.text
        assert shop.value(sellable, shop.batches[0]) == 0
        letters = (await client.get(f"{path}/customers.csv")).text.splitlines()
        assert letters[1].startswith("sale,TILL-9,3,")
        later = await client.post(f"{path}/quarantine", data=form)
        assert (later.status_code, "The batch is recalled; release it first." in later.text) == (422, True)
        await client.post(f"{path}/release", data=form | {"reason": "another lot"})
        assert shop.value(sellable, shop.batches[0]) == 37


async def test_a_unit_is_found_by_its_number_and_tells_its_life(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    async with console(shop_url) as client:
        await sign_in(client)
        found = (await client.get("/serials?q=sn-2")).text
        assert "SN-2" in found
        assert "SN-1" not in found
        life = (await client.get(f"/serials/{shop.tracked[1]}/SN-2")).text
        assert "Received" in life
        assert (await client.get(f"/serials/{shop.tracked[1]}/SN-9")).status_code == 404


async def test_today_leads_to_what_waits_in_the_warehouse(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    async with console(shop_url) as client:
        await sign_in(client)
        page = (await client.get("/")).text
        for said in ("1 shortage to decide", "1 transfer to receive", "2 counted lines to decide", "1 batch expires"):
            assert said in page


async def test_a_number_in_the_search_leads_to_its_page(shop_url: str, shop: Shop) -> None:
    shop.add_batches()
    places = {
        "tr-00001": f"/transfers/{shop.transfers[0]}",
        "SC-00001": f"/stock-counts/{shop.count}",
        "L-2": f"/batches/{shop.batches[1]}",
        "SN-1": f"/serials/{shop.tracked[1]}/SN-1",
    }
    async with console(shop_url) as client:
        await sign_in(client)
        found = {number: (await client.get(f"/search?q={number}")).headers.get("location") for number in places}
        assert found == places


async def test_the_thumb_of_the_floor_reaches_transfers_and_counts(shop_url: str, shop: Shop) -> None:
    await person(shop_url, "operator@shop.example", "operator")
    reached: list[list[str]] = []
    for email in ("operator@shop.example", EMAIL):
        async with console(shop_url) as client:
            await sign_in(client, email, PASSWORD)
            bar = (await client.get("/account")).text.split('class="thumb"')[1].split("<details>")[0]
            reached.append(re.findall(r'<a href="/([^"]*)"', bar))
    assert reached[0] == ["", "stock", "transfers", "stock-counts"]
    assert reached[1] == ["", "stock", "replenishment", "purchase-orders"]
