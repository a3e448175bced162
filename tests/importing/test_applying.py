"""Applying a file: whole or not at all, twice as good as once, and never by guessing (X-29, acceptance 15)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.db import Database
from holdfast.importing.service import KindName, Outcome, kind_of, read_table, run_import
from holdfast.importing.table import open_table
from holdfast.kernel.errors import Conflict, Invalid
from tests.conftest import Shelf
from tests.stock.pooled import Pooled


class Desk:
    """Imports files of one test."""

    def __init__(self, database: Database, shelf: Shelf, folder: Path) -> None:
        self.database, self.shelf, self.folder = database, shelf, folder

    async def imports(
        self, name: KindName, text: str, *, apply: bool = True, valid: bool = False, **how: Any
    ) -> Outcome:
        """``{TEA}`` in the text is this test's code for TEA."""
        codes = {c: f"{c}-{self.shelf.tag}" for c in ("TEA", "CUP", "POT", "GZ", "NEW", "NEWER")}
        file = self.folder / "file.csv"
        file.write_text(text.format(**codes))
        kind = kind_of(name, **how)
        reading = read_table(open_table(file), kind, lambda: None)
        async with self.database.transaction() as tx:
            return await run_import(
                tx, kind, reading, apply=apply, valid_rows_only=valid, actor="import:test", reference="file.csv"
            )

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.shelf.connection.execute(query, values).fetchall()  # type: ignore[arg-type]


@pytest.fixture
def desk(database: Database, shelf: Shelf, tmp_path: Path) -> Desk:
    shelf.given("TEA@GZ 5, CUP@GZ 3")
    return Desk(database, shelf, tmp_path)


def problems(outcome: Outcome) -> list[tuple[int, str, str]]:
    return [(p.row, p.column, p.message) for p in outcome.problems]


async def test_one_bad_cell_among_ten_thousand_rows_applies_nothing(desk: Desk) -> None:
    lines = [f"{{NEW}}-{n},Thing {n},{n}.50,GBP" for n in range(10_000)]
    lines[7_654] = "{NEW}-7654,Thing 7654,7;50,GBP"
    text = "code,name,price,currency\n" + "\n".join(lines)
    refused = await desk.imports("skus", text)
    assert [(p.row, p.column, p.value) for p in refused.problems] == [(7_656, "price", "7;50")]
    count = "select count(*) from skus where code like %s"
    assert desk.rows(count, f"NEW-{desk.shelf.tag}-%") == [(0,)]
    taken = await desk.imports("skus", text, valid=True)
    assert (taken.is_applied, taken.plan.new) == (True, 9_999)
    assert desk.rows(count, f"NEW-{desk.shelf.tag}-%") == [(9_999,)]


async def test_showing_what_would_change_changes_nothing(desk: Desk) -> None:
    everything = "select (select count(*) from inventory_movements), (select count(*) from outbox_events)"
    before = desk.rows(everything)
    outcome = await desk.imports("stock", "sku,warehouse,qty\n{TEA},{GZ},9\n", apply=False, mode="set")
    assert [c.differences for c in outcome.plan.changes] == [{"quantity": (5, 9)}]
    assert not outcome.is_applied
    assert (
        desk.rows("select (select count(*) from inventory_movements), (select count(*) from outbox_events)") == before
    )


async def test_a_known_sku_is_changed_where_the_file_says_something_else(desk: Desk) -> None:
    text = "code,name,price,currency,barcode\n{TEA},Green tea,2.50,GBP,\n{NEW},=New,,,{NEW}1\n"
    first = await desk.imports("skus", text)
    assert (first.plan.new, len(first.plan.changes)) == (1, 1)
    code = f"TEA-{desk.shelf.tag}"
    assert desk.rows("select name, price, currency, version from skus where code = %s", code)[0][3] == 2
    again = await desk.imports("skus", text)
    assert (again.plan.new, len(again.plan.changes), again.plan.unchanged) == (0, 0, 2)
    await desk.imports("skus", "code,name\n{TEA},\n")
    assert desk.rows("select name from skus where code = %s", code) == [("Green tea",)]
    assert desk.rows("select name from skus where code = %s", f"NEW-{desk.shelf.tag}") == [("=New",)]
    told = "select event_type from outbox_events where data->>'code' = %s order by id"
    assert desk.rows(told, f"NEW-{desk.shelf.tag}") == [("sku.created",)]


async def test_skus_that_contradict_themselves_or_others_are_refused(desk: Desk) -> None:
    await desk.imports("skus", "code,name,barcode\n{NEW},New,B-{NEW}\n")
    outcome = await desk.imports(
        "skus",
        "code,name,barcode,price,currency,tracking\n"
        "{POT},Pot,,,,\n"
        "{POT},Pan,,,,\n"
        "{NEWER},Newer,B-{NEW},,,\n"
        "{TEA},,,3.00,,\n"
        "{CUP},,,,,serial\n"
        "X-{NEWER},,,,,\n",
    )
    tag = desk.shelf.tag
    assert problems(outcome) == [
        (2, "code", "the same code is given twice (also in row 3)"),
        (3, "code", "the same code is given twice (also in row 2)"),
        (4, "barcode", f"belongs to the SKU NEW-{tag}"),
        (5, "currency", "is empty, and a price needs its currency"),
        (6, "tracking", "cannot be changed by an import; the SKU has none"),
        (7, "name", "is empty, and a new SKU needs a name"),
    ]
    assert not outcome.is_applied


async def test_stock_is_never_taken_over_without_saying_whether_it_sets_or_adds(desk: Desk) -> None:
    with pytest.raises(Invalid, match="mode_required"):
        await desk.imports("stock", "sku,warehouse,qty\n{TEA},{GZ},9\n")


@pytest.mark.parametrize(
    ("mode", "quantity", "after", "moved"),
    [("set", 9, 9, 4), ("set", 0, 0, -5), ("add", 9, 14, 9), ("add", -5, 0, -5)],
)
async def test_set_means_so_many_and_add_means_so_many_more(
    desk: Desk, mode: str, quantity: int, after: int, moved: int
) -> None:
    outcome = await desk.imports("stock", f"sku,warehouse,qty\n{{TEA}},{{GZ}},{quantity}\n", mode=mode)
    assert outcome.is_applied
    assert desk.shelf.level("TEA@GZ") == f"on_hand={after} available={after} reserved=0"
    assert desk.rows(
        "select movement_type, quantity, reference_type, reference_id, actor from inventory_movements "
        "where sku_id = %s order by seq desc limit 1",
        desk.shelf.sku("TEA"),
    ) == [("adjustment", moved, "import", "file.csv", "import:test")]


async def test_setting_what_is_there_already_posts_nothing(desk: Desk) -> None:
    outcome = await desk.imports("stock", "sku,warehouse,qty\n{TEA},{GZ},5\n", mode="set")
    assert (outcome.plan.unchanged, outcome.is_applied) == (1, True)
    assert desk.rows("select count(*) from inventory_movements where sku_id = %s", desk.shelf.sku("TEA")) == [(1,)]


async def test_promised_units_are_not_imported_away(desk: Desk) -> None:
    desk.shelf.reserve("TEA@GZ 4")
    text = "sku,warehouse,qty\n{TEA},{GZ},3\n{CUP},{GZ},1\n"
    outcome = await desk.imports("stock", text, mode="set")
    assert problems(outcome) == [(2, "quantity", "is fewer than the 4 that are reserved")]
    assert desk.shelf.level("CUP@GZ") == "on_hand=3 available=3 reserved=0"
    added = await desk.imports("stock", "sku,warehouse,qty\n{TEA},{GZ},-2\n", mode="add")
    assert problems(added) == [(2, "quantity", "takes more than the 1 that are available")]


async def test_unknown_places_and_rows_given_twice_are_named(desk: Desk) -> None:
    text = "sku,warehouse,qty\nNOPE,{GZ},1\n{TEA},NOWHERE,1\n{CUP},{GZ},1\n{CUP},{GZ},2\n{TEA},{GZ},-1\n"
    outcome = await desk.imports("stock", text, mode="set")
    assert [(p.row, p.column, p.code) for p in outcome.problems] == [
        (2, "sku", "unknown_sku"),
        (3, "warehouse", "unknown_warehouse"),
        (4, "sku", "duplicate"),
        (5, "sku", "duplicate"),
        (6, "quantity", "impossible_quantity"),
    ]


async def test_stock_that_moved_between_plan_and_posting_is_not_overwritten(desk: Desk) -> None:
    file = desk.folder / "file.csv"
    file.write_text(f"sku,warehouse,qty\nTEA-{desk.shelf.tag},GZ-{desk.shelf.tag},9\n")
    kind = kind_of("stock", mode="set")
    reading = read_table(open_table(file), kind, lambda: None)
    async with desk.database.transaction() as tx:
        plan = await kind.plan(tx, reading.rows)
        desk.shelf.reserve("TEA@GZ 2")  # a hold changes what is available, not what is there
        desk.shelf.given("TEA@GZ 1")
        with pytest.raises(Conflict, match="stock_changed"):
            await kind.apply(tx, plan, actor="import:test", reference="file.csv")
    assert desk.shelf.level("TEA@GZ") == "on_hand=6 available=4 reserved=2"


async def test_past_sales_become_demand_and_leave_stock_alone(desk: Desk) -> None:
    text = "date,sku,warehouse,qty\n2026-01-05,{POT},{GZ},2\n2026-01-05,{POT},{GZ},3\n2026/1/6,{POT},{GZ},4\n"
    desk.shelf.sku("POT")
    first = await desk.imports("sales", text)
    assert (first.is_applied, first.plan.new) == (True, 2)
    found = "select day::text, quantity, orders from demand_daily where sku_id = %s order by day"
    assert desk.rows(found, desk.shelf.sku("POT")) == [("2026-01-05", 5, 2), ("2026-01-06", 4, 1)]
    assert desk.rows("select count(*) from inventory_movements where sku_id = %s", desk.shelf.sku("POT")) == [(0,)]
    again = await desk.imports("sales", text)
    assert (again.plan.new, again.plan.unchanged) == (0, 2)


async def test_sales_of_the_future_negative_ones_and_those_the_ledger_counts_are_refused(desk: Desk) -> None:
    ((today,),) = desk.rows("select business_now()::date")
    text = (
        "date,sku,warehouse,qty\n"
        f"{today + timedelta(days=2)},{{TEA}},{{GZ}},1\n"
        f"{today - timedelta(days=9)},{{TEA}},{{GZ}},-1\n"
        f"{today},{{TEA}},{{GZ}},1\n"
        "05/06/2026,{TEA},{GZ},1\n"
        "0001-01-01,{TEA},{GZ},1\n"
    )
    outcome = await desk.imports("sales", text)
    assert sorted(problems(outcome)) == [
        (2, "date", f"is in the future; in GZ-{desk.shelf.tag} it is {today}"),
        (3, "qty", "is negative"),
        (4, "date", f"is in the ledger: its sales of this SKU are counted from {today} on"),
        (5, "date", "is not a date like 2026-11-21"),
        (6, "date", "is before 1970-01-01"),
    ]


async def test_sales_are_taken_from_stock_only_when_asked_and_never_below_zero(desk: Desk) -> None:
    ((today,),) = desk.rows("select business_now()::date")
    day = today - timedelta(days=3)
    short = f"date,sku,warehouse,qty\n{day},{{TEA}},{{GZ}},4\n{day},{{TEA}},{{GZ}},2\n"
    refused = await desk.imports("sales", short, from_stock=True)
    assert problems(refused) == [(3, "quantity", "is more than the 1 that are left then")]
    sold = await desk.imports("sales", short, from_stock=True, valid=True)
    assert sold.is_applied
    assert desk.shelf.level("TEA@GZ") == "on_hand=1 available=1 reserved=0"
    assert desk.rows(
        "select movement_type, quantity, reference_type, occurred_at::date from inventory_movements "
        "where sku_id = %s order by seq desc limit 1",
        desk.shelf.sku("TEA"),
    ) == [("out", -4, "sale", day)]


async def test_imported_sales_leave_what_is_kept_for_a_channel(desk: Desk) -> None:
    ((today,),) = desk.rows("select business_now()::date")
    assert Pooled(desk.shelf).set("web", 3, "TEA@GZ") == "pool_changed"
    text = f"date,sku,warehouse,qty\n{today - timedelta(days=3)},{{TEA}},{{GZ}},3\n"
    refused = await desk.imports("sales", text, from_stock=True)
    assert problems(refused) == [(2, "quantity", "is more than the 2 that are left then")]


async def test_a_quantity_in_packs_is_imported_as_base_units(desk: Desk) -> None:
    sku = desk.shelf.sku("TEA")
    desk.shelf.connection.execute("insert into sku_packs (sku_id, name, units) values (%s, 'case', 12)", [sku])
    text = "sku,warehouse,quantity,uom\n{TEA},{GZ},2,case\n{CUP},{GZ},4,piece\n"
    await desk.imports("stock", text, mode="add")
    assert [desk.shelf.level(f"{code}@GZ").split()[0] for code in ("TEA", "CUP")] == ["on_hand=29", "on_hand=7"]
    wrong = await desk.imports("stock", "sku,warehouse,quantity,pack\n{CUP},{GZ},2,case\n", mode="add")
    assert problems(wrong) == [(2, "pack", "is no pack of this SKU")]


async def test_postcodes_are_taken_over_and_a_known_one_gets_its_new_place(desk: Desk) -> None:
    file = "country,postcode,lat,lon\ngb,NG1,52.95,-1.15\nGB,ng1 5,52.9541,-1.15\n"
    first = await desk.imports("postcodes", file)
    assert (first.plan.new, first.problems) == (2, [])
    again = await desk.imports("postcodes", file.replace("52.95,", "52.96,"))
    assert (again.plan.new, len(again.plan.changes), again.plan.unchanged) == (0, 1, 1)
    assert desk.rows("select prefix, latitude from postcodes where country = 'GB' order by 1") == [
        ("NG1", 52.96),
        ("NG15", 52.9541),
    ]
    wrong = await desk.imports("postcodes", "country,postcode,lat,lon\nEngland,1,91,0\n")
    assert problems(wrong) == [
        (2, "country", "is not a country code such as GB"),
        (2, "lat", "is not degrees between -90 and 90"),
    ]
