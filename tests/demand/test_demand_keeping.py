"""Demand as it is kept: orders on the day they were placed, whatever happens to them and however often it is read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import Shelf

from holdfast.db import Database
from holdfast.demand import service
from holdfast.returns.model import ReturnedLine
from holdfast.returns.service import Parcel, take_back

DAY = 24 * 60


class Shop:
    """A shop whose days pass when we say so. Days are counted from the first."""

    def __init__(self, shelf: Shelf, database: Database) -> None:
        self.shelf, self.database = shelf, database
        self.first_day = self._today()
        self.orders = 0

    def _today(self) -> date:
        row = self.shelf.connection.execute("select (business_now() at time zone 'UTC')::date").fetchone()
        assert row
        return row[0]

    @property
    def day(self) -> int:
        return (self._today() - self.first_day).days

    def next_day(self, days: float = 1) -> None:
        self.shelf.advance(days * DAY)

    def order(self, text: str, reference: str, kind: str = "order", **more: Any) -> str:
        asked = {"reference_type": kind, "reference_id": reference, "minutes": 30 if kind == "cart" else None, **more}
        told = self.shelf.reserve(text, **asked)
        assert told["outcome"] == "reserved", told
        return told["reservation_id"]

    def resolve(self, reservation_id: str, action: str, text: str | None = None) -> None:
        items = self.shelf.items(text) if text else None
        told = self.shelf.post("stock_resolve", reservation_id=reservation_id, action=action, items=items)
        assert told["outcome"] in ("consumed", "released"), told

    def ship(self, reservation_id: str, text: str | None = None) -> None:
        self.resolve(reservation_id, "consume", text)

    def sell(self, text: str, reference: str | None = None) -> None:
        items = [{**i, "quantity": -i["quantity"]} for i in self.shelf.items(text)]
        told = self.shelf.post(
            "stock_move",
            event_type="inventory.sold",
            movement_type="out",
            reference_type="sale",
            reference_id=reference,
            reason="sold",
            items=items,
        )
        assert told["outcome"] == "moved", told

    async def take_back(self, text: str, reference: str, kind: str = "order", *, unmatched: bool = False) -> None:
        level, quantity = text.split()
        sku, warehouse = level.split("@")
        line = ReturnedLine(
            sku_id=UUID(self.shelf.sku(sku)), quantity=int(quantity), outcome="restock", order_line=None
        )
        parcel = Parcel(
            reference_type=kind,
            reference_id=reference,
            warehouse_id=UUID(self.shelf.warehouse(warehouse)),
            lines=[line],
            reason="does not fit",
            accept_unmatched=unmatched,
        )
        async with self.database.transaction() as tx:
            await take_back(tx, parcel, actor="test", is_keyed=True)

    async def refresh(self) -> int:
        async with self.database.transaction() as tx:
            return await service.refresh(tx)

    def days(self, text: str, columns: str = "sold_quantity, returned_quantity") -> dict[int, Any]:
        """What is kept, by day: ``{0: (sold, returned)}``; days on which both are 0 are left out."""
        sku, warehouse = text.split("@")
        rows = self.shelf.connection.execute(
            f"select day, {columns} from demand_daily where sku_id = %s and warehouse_id = %s",  # type: ignore[arg-type]
            [self.shelf.sku(sku), self.shelf.warehouse(warehouse)],
        ).fetchall()
        found = {(row[0] - self.first_day).days: row[1:] if len(row) > 2 else row[1] for row in rows}
        return {
            day: figures for day, figures in found.items() if any(figures if isinstance(figures, tuple) else (figures,))
        }

    def everything(self) -> list[tuple[Any, ...]]:
        return self.shelf.connection.execute(
            "select sku_id, warehouse_id, day, sold_quantity, sold_lines, returned_quantity, bulk_quantity,"
            " imported_quantity, round(empty_share::numeric, 6), round(lost_quantity::numeric, 6) from demand_daily"
            " union all select sku_id, warehouse_id, first_day, null, null, null, null, null, null, null"
            " from empty_shelf_spans where cause = 'empty' and empty_from > '-infinity' order by 1, 2, 3, 4 nulls last"
        ).fetchall()


@pytest.fixture
async def shop(fresh_shelf: Shelf, fresh_database: Database) -> Shop:
    return Shop(fresh_shelf, fresh_database)


async def test_an_order_counts_on_the_day_it_was_placed_and_not_when_it_is_shipped(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    placed = shop.order("TEA@GZ 4", "A-1")
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (4, 0)}, "it is wanted before it is shipped"
    shop.next_day(3)
    shop.ship(placed, "TEA@GZ 1")
    shop.ship(placed)
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (4, 0)}


async def test_what_is_given_back_or_expires_was_not_wanted(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    whole, part = shop.order("TEA@GZ 4", "A-1"), shop.order("TEA@GZ 5", "A-2")
    shop.order("TEA@GZ 6", "A-3", minutes=60)
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (15, 0)}
    shop.resolve(whole, "release")
    shop.resolve(part, "release", "TEA@GZ 2")
    shop.next_day()
    shop.shelf.connection.execute("select stock_expire(100)")
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (3, 0)}


async def test_a_cart_counts_only_once_it_is_bought_and_then_on_its_day(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    shop.order("TEA@GZ 2", "C-1", "cart")
    bought = shop.order("TEA@GZ 3", "C-2", "cart")
    taken_over = shop.order("TEA@GZ 5", "C-3", "cart")
    await shop.refresh()
    assert shop.days("TEA@GZ") == {}
    shop.ship(bought)
    more = {"action": "convert", "minutes": None, "reference_type": "order", "reference_id": "A-3", "extension_max": 60}
    assert shop.shelf.post("stock_prolong", reservation_id=taken_over, **more)["outcome"] == "converted"
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (8, 0)}


async def test_what_waits_for_goods_is_wanted_on_the_day_it_was_promised(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 1")
    shop.shelf.connection.execute(
        "insert into backorder_policies (sku_id, mode, updated_by) values (%s, 'always', 'test')",
        [shop.shelf.sku("TEA")],
    )
    placed = shop.order("TEA@GZ 6", "A-1", allow_backorder=True)
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (6, 0)}
    shop.next_day(2)
    shop.shelf.given("TEA@GZ 9")
    shop.ship(placed)
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (6, 0)}


async def test_what_comes_back_lowers_the_day_it_was_ordered(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50, TEA@SH 50")
    shop.ship(shop.order("TEA@GZ 4", "A-1"))
    shop.next_day()
    shop.ship(shop.order("TEA@SH 3", "A-1"))
    shop.sell("TEA@GZ 7", "POS-9")
    shop.next_day(5)
    await shop.refresh()
    await shop.take_back("TEA@GZ 5", "A-1")
    await shop.take_back("TEA@GZ 2", "POS-9", "sale")
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (4, 4), 1: (7, 2)}
    assert shop.days("TEA@SH") == {1: (3, 1)}, "the fifth unit belongs to what the other warehouse shipped"


async def test_a_return_of_an_unknown_order_counts_on_its_own_day(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    shop.next_day(2)
    await shop.take_back("TEA@GZ 2", "nobody-knows", unmatched=True)
    await shop.refresh()
    assert shop.days("TEA@GZ") == {2: (0, 2)}


async def test_a_return_that_was_booked_before_its_sale_finds_it_later(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    await shop.take_back("TEA@GZ 2", "POS-1", "sale", unmatched=True)
    await shop.refresh()
    shop.next_day()
    shop.sell("TEA@GZ 3", "POS-1")
    await shop.refresh()
    assert shop.days("TEA@GZ") == {1: (3, 2)}


async def test_a_transaction_that_commits_late_is_not_missed_by_its_events(shop: Shop, fresh_url: str) -> None:
    """An order is only told by an event, whose number is taken before the commit."""
    shop.shelf.given("TEA@GZ 50")
    await shop.refresh()
    late = Shelf(fresh_url)
    late.ids = shop.shelf.ids
    late.connection.autocommit = False
    late.reserve("TEA@GZ 5", reference_type="order", reference_id="late", minutes=None)
    shop.shelf.given("CUP@GZ 1")
    shop.order("CUP@GZ 1", "A-1")
    await shop.refresh()
    await shop.refresh()
    assert (shop.days("TEA@GZ"), shop.days("CUP@GZ")) == ({}, {0: (1, 0)})
    late.connection.commit()
    late.close()
    await shop.refresh()
    assert shop.days("TEA@GZ") == {0: (5, 0)}


async def test_an_undone_delivery_is_no_demand_on_its_order_day(shop: Shop) -> None:
    shop.shelf.given("TEA@GZ 50")
    placed = shop.order("TEA@GZ 4", "A-1")
    shop.next_day()
    shop.ship(placed)
    await shop.refresh()
    row = shop.shelf.connection.execute(
        "select posted_in, created_at from inventory_movements where reference_id = 'A-1'"
    ).fetchone()
    assert row
    told = shop.shelf.connection.execute(
        "select (stock_undo_entries(uuidv7(), %s, -1, %s, '[]', 'test', 'a mistake')).outcome",
        [row[0], shop.shelf.connection.execute("select clock_timestamp()").fetchone()[0]],  # type: ignore[index]
    ).fetchone()
    assert told == ("undone",)
    await shop.refresh()
    assert shop.days("TEA@GZ", "sold_quantity, sold_lines") == {}


class Referee:
    """Keeps its own books of what was wanted on which day, in the plainest way."""

    def __init__(self) -> None:
        self.wanted: dict[str, tuple[str, str, int, Counter[str]]] = {}
        self.ids: dict[str, str] = {}

    def expected(self) -> dict[tuple[str, int], int]:
        found: Counter[tuple[str, int]] = Counter()
        for text, kind, day, units in self.wanted.values():
            found[text, day] += units["shipped"] + (units["open"] if kind == "order" else 0)
        return {key: units for key, units in found.items() if units}


LEVELS = ("TEA@GZ", "TEA@SH", "CUP@GZ")


async def random_step(shop: Shop, referee: Referee, dice: random.Random) -> None:
    open_ones = [(ref, found) for ref, found in referee.wanted.items() if found[3]["open"]]
    step = dice.choice(
        ["order", "order", "cart", "sell", "ship", "ship", "release", "return", "receive", "day", "refresh"]
    )
    if step in ("order", "cart"):
        text, quantity, shop.orders = dice.choice(LEVELS), dice.randint(1, 60), shop.orders + 1
        reference = f"R-{shop.orders}"
        referee.ids[reference] = shop.order(f"{text} {quantity}", reference, step)
        referee.wanted[reference] = (text, step, shop.day, Counter(open=quantity))
    elif step == "sell":
        text, quantity, shop.orders = dice.choice(LEVELS), dice.randint(1, 9), shop.orders + 1
        shop.sell(f"{text} {quantity}", f"S-{shop.orders}")
        referee.wanted[f"S-{shop.orders}"] = (text, "sale", shop.day, Counter(shipped=quantity))
    elif step in ("ship", "release") and open_ones:
        reference, (text, _, _, units) = dice.choice(open_ones)
        quantity = dice.randint(1, units["open"])
        shop.resolve(referee.ids[reference], "consume" if step == "ship" else "release", f"{text} {quantity}")
        units["open"] -= quantity
        if step == "ship":
            units["shipped"] += quantity
    elif step == "return":
        shipped = [(ref, f) for ref, f in referee.wanted.items() if f[3]["shipped"] - f[3]["back"] > 0]
        if shipped:
            reference, (text, kind, _, units) = dice.choice(shipped)
            quantity = dice.randint(1, units["shipped"] - units["back"])
            await shop.take_back(f"{text} {quantity}", reference, kind)
            units["back"] += quantity
    elif step == "receive":
        shop.shelf.given(f"{dice.choice(LEVELS)} {dice.randint(1, 80)}")
    elif step == "day":
        shop.next_day(dice.choice([0.3, 1, 1, 4]))
        for _, kind, _, units in referee.wanted.values():
            units["open"] *= kind != "cart"
    else:
        await shop.refresh()


@pytest.mark.parametrize("seed", range(4))
async def test_kept_step_by_step_it_is_what_one_recomputation_finds(shop: Shop, seed: int) -> None:
    """Random orders, deliveries, cancellations, returns and days, read at random moments (D-52)."""
    dice, referee = random.Random(seed), Referee()  # noqa: S311
    shop.shelf.given(", ".join(f"{level} 3000" for level in LEVELS))
    for _ in range(70):
        await random_step(shop, referee, dice)
    shop.shelf.connection.execute("select stock_expire(1000)")
    await shop.refresh()
    await shop.refresh()
    kept = shop.everything()
    found = {(text, day): sold for text in LEVELS for day, sold in shop.days(text, "sold_quantity").items()}
    assert found == referee.expected()
    back: Counter[str] = Counter()
    for text, _, _, units in referee.wanted.values():
        back[text] += units["back"]
    assert {text: sum(r for _, r in shop.days(text).values()) for text in LEVELS} == {t: back[t] for t in LEVELS}

    shop.shelf.connection.execute("select demand_start_over()")
    await shop.refresh()
    assert shop.everything() == kept


@pytest.fixture
async def one_connection(fresh_url: str) -> AsyncIterator[Database]:
    """A pool of one: what it read is told by the connection that read it."""
    found = Database(fresh_url, size=1)
    await found.open()
    yield found
    await found.close()


async def test_a_day_is_read_by_its_entries_and_not_by_the_history(
    fresh_shelf: Shelf, one_connection: Database
) -> None:
    """How many rows a refresh reads does not depend on how many there are. The ledger is left out: it is read by block
    ranges of some ten thousand entries, which is bounded too, but not as small as a test.
    """
    shop = Shop(fresh_shelf, one_connection)
    read: list[int] = []
    for _ in range(2):
        shop.shelf.given("TEA@GZ 100000")
        for number in range(120):
            shop.ship(shop.order("TEA@GZ 2", f"H-{number}"))
        shop.next_day()
        for _ in range(2):
            await shop.refresh()
        for number in range(5):
            shop.ship(shop.order("TEA@GZ 1", f"D-{number}"))
        before = await rows_read(shop)
        await shop.refresh()
        read.append(await rows_read(shop) - before)
    assert read[0] == read[1] < 200


async def rows_read(shop: Shop) -> int:
    """Rows that were read so far of the tables that grow with the history. A connection tells what it read before it
    answers, when it was asked to; otherwise perhaps a second later.
    """
    shop.shelf.connection.execute("select pg_stat_force_next_flush()")
    async with shop.database.transaction() as tx:
        await tx.connection.execute("select pg_stat_force_next_flush()")
    row = shop.shelf.connection.execute(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables"
        " where relname in ('reservations', 'inventory_reservations', 'outbox_events',"
        " 'demand_lines', 'demand_daily', 'empty_shelf_spans')"
    ).fetchone()
    assert row
    return row[0]
