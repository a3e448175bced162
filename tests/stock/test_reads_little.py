"""However full the shop, a posting function reads what it is asked about and no more: no table from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from tests.conftest import Shelf
from tests.stock.pooled import Pooled

CROWD = 40_000
# Enough for the look-ups of a few lines, and far from the crowd.
ROWS_MAX = 200

FILL = """
create temp table crowd as
select uuidv7() as id, uuidv7() as batch_id, uuidv7() as reservation_id, n from generate_series(1, {crowd}) n;
insert into skus (id, code, name, tracking)
select id, 'CROWD-' || n, 'crowd', case n % 3 when 0 then 'batch' else 'none' end from crowd;
insert into inventory (sku_id, warehouse_id, available_quantity, pooled_quantity) select id, '{gz}', 5, 1 from crowd;
insert into batches (id, sku_id, number, created_by, created_at, changed_at)
select batch_id, id, 'B', 'test', now(), now() from crowd;
insert into inventory_batches (sku_id, warehouse_id, batch_id, sellable_quantity, usable_until)
select id, '{gz}', batch_id, 5, 'infinity' from crowd;
insert into serials (sku_id, serial_number, state, warehouse_id, received_at, changed_at)
select '{phone}', 'CROWD-' || n, 'sellable', '{sz}', now(), now() from crowd;
insert into channel_pools (sku_id, warehouse_id, channel_id, quantity, created_at, created_by, changed_at, changed_by)
select id, '{gz}', '{shop}', 1, now(), 'test', now(), 'test' from crowd;
insert into reservations (id, reference_type, reference_id, created_at, actor, expires_at)
select reservation_id, 'order', 'crowd-' || n, now(), 'test', case n % 2 when 0 then now() + interval '9 days' end
  from crowd;
insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, reserved_at, expires_at)
select id, 1, '{tea}', '{gz}', 1, now(), expires_at from reservations where reference_id like 'crowd-%';
update inventory set reserved_quantity = reserved_quantity + {crowd} where sku_id = '{tea}';
insert into inventory (sku_id, warehouse_id, available_quantity) values ('{phone}', '{sz}', {crowd});
insert into bundle_components (bundle_id, component_id, quantity)
select c.id, n.id, 1 from crowd c join crowd n on n.n = c.n + 1 where c.n > {crowd} / 2;
"""


@pytest.fixture
def full(fresh_shelf: Shelf) -> Pooled:
    """A shop full of others' levels, batches, pools and units, and TEA of which thousands hold one."""
    shelf = fresh_shelf
    shop = Pooled(shelf)
    shelf.sku("PHONE", tracking="serial"), shelf.sku("MILK", tracking="batch"), shelf.sku("SET")
    shelf.given("TEA@GZ 90, CUP@GZ 90, CUP@SZ 9")
    assert moved(shop, "MILK@GZ 9", line={"batch": {"number": "L1", "expiry_date": "2090-01-01"}}) == "moved"
    assert moved(shop, "PHONE@GZ 90", line={"serials": [f"S{n}" for n in range(90)]}) == "moved"
    assert shop.set("shop", 20) == "pool_changed"
    names = {
        "gz": shelf.warehouse("GZ"),
        "sz": shelf.warehouse("SZ"),
        "phone": shelf.sku("PHONE"),
        "tea": shelf.sku("TEA"),
        "shop": shop.channels["shop"],
    }
    shelf.connection.execute(FILL.format(crowd=CROWD, **names))  # type: ignore[arg-type]
    shelf.connection.execute("analyze")
    return shop


def moved(shop: Pooled, text: str, **more: Any) -> str:
    """``"TEA@GZ -1"`` posted as an entry of the ledger."""
    of_line = more.pop("line", {})
    items = [item | of_line for item in shop.shelf.items(text)]
    way = "in" if items[0]["quantity"] > 0 else "out"
    told = {"movement_type": way, "reference_type": "receipt" if way == "in" else "sale", "reason": "test"}
    return shop.shelf.post("stock_move", event_type="inventory.moved", items=items, **told | more)["outcome"]


def held(shop: Pooled, text: str, channel: str | None = None, **of_line: Any) -> str:
    items = [item | of_line for item in shop.shelf.items(text)]
    return shop.reserve(text, channel, items=items)["outcome"]


def resolved(shop: Pooled, action: str, text: str, channel: str | None = None) -> str:
    hold = shop.reserve(text, channel)
    items = [{"sku_id": item["sku_id"], "quantity": 1} for item in hold["items"]]
    told = shop.shelf.post("stock_resolve", reservation_id=hold["reservation_id"], action=action, items=items)
    return told["outcome"]


def expected(shop: Pooled, text: str) -> str:
    shop.shelf.connection.execute("select stock_expect(%s, 'PO-1')", [json.dumps(shop.shelf.items(text))])
    return "expected"


def told(shop: Pooled, function: str, **asked: Any) -> str:
    return shop.shelf.post(function, **asked)["outcome"]


def group(shop: Pooled, *asks: dict[str, Any]) -> str:
    """Requests of one group; the outcome they all have."""
    whole = [{"reference_type": "cart", "reference_id": "c", "minutes": 9, **ask} for ask in asks]
    (outcome,) = {answer["outcome"] for answer in shop.shelf.post_all("stock_reserve", whole)}
    return outcome


def line(shop: Pooled, text: str, **more: Any) -> dict[str, Any]:
    """A request for one line."""
    return {"items": [item | more for item in shop.shelf.items(text)]}


units = (f"S{n}" for n in count())
new_units = (f"T{n}" for n in count())

ACTS: dict[str, Callable[[Pooled], str]] = {
    "a hold": lambda s: held(s, "TEA@GZ 1, CUP@GZ 1"),
    "a hold from several warehouses": lambda s: held(s, "CUP 35"),
    "a hold from a pool": lambda s: held(s, "TEA@GZ 1", "shop"),
    "a hold of units that last": lambda s: held(s, "MILK@GZ 1", min_remaining_days=9),
    "a hold of one unit": lambda s: held(s, "PHONE@GZ 1", serials=[next(units)]),
    "holds of three kinds": lambda s: group(
        s,
        line(s, "PHONE@GZ 1", serials=[next(units)]),
        line(s, "MILK@GZ 1", min_remaining_days=3),
        line(s, "CUP@GZ 1"),
    ),
    "holds of a channel and of nobody": lambda s: group(
        s, line(s, "TEA@GZ 1") | {"channel": s.channel("shop")}, line(s, "CUP@GZ 1")
    ),
    "a consumed line": lambda s: resolved(s, "consume", "CUP@GZ 1"),
    "a consumed line of a pool": lambda s: resolved(s, "consume", "TEA@GZ 1", "shop"),
    "a consumed line of a batch": lambda s: resolved(s, "consume", "MILK@GZ 1"),
    "a consumed unit": lambda s: resolved(s, "consume", "PHONE@GZ 1"),
    "a released line of a pool": lambda s: resolved(s, "release", "TEA@GZ 1", "shop"),
    "an extended hold": lambda s: told(
        s,
        "stock_prolong",
        reservation_id=s.reserve("CUP@GZ 1")["reservation_id"],
        action="extend",
        minutes=5,
        extension_max=60,
    ),
    "a receipt": lambda s: moved(s, "CUP@GZ 50"),
    "a receipt of a batch": lambda s: moved(s, "MILK@GZ 5", line={"batch": {"number": "L1"}}),
    "a receipt of units": lambda s: moved(s, "PHONE@GZ 2", line={"serials": [next(new_units), next(new_units)]}),
    "a sale": lambda s: moved(s, "CUP@GZ -1"),
    "a sale of a unit": lambda s: moved(s, "PHONE@GZ -1", line={"serials": [next(units)]}),
    "a sale of any unit": lambda s: moved(s, "PHONE@SZ -1"),
    "any unit of a crowd, consumed": lambda s: resolved(s, "consume", "PHONE@SZ 1"),
    "an adjustment": lambda s: moved(s, "CUP@GZ 1", movement_type="adjustment", reference_type="adjustment"),
    "a look to be kept": lambda s: told(s, "stock_look", sku_ids=[s.shelf.sku("TEA")], reservation_ids=[]),
    "a question": lambda s: told(s, "stock_availability", sku_id=s.shelf.sku("TEA"), quantity=1),
    "a question beside a hold of one's own": lambda s: told(
        s, "stock_availability", sku_id=s.shelf.sku("TEA"), quantity=1, exclude_reference_id="cart-1"
    ),
    "a question for a day": lambda s: told(
        s, "stock_availability", sku_id=s.shelf.sku("TEA"), quantity=1, by="2090-01-01", channel=s.channel("shop")
    ),
    "what is coming": lambda s: expected(s, "CUP@GZ 5, TEA@GZ 5"),
}


@pytest.mark.timeout(120)
def test_a_full_shop_costs_a_posting_no_more_than_an_empty_one(full: Pooled) -> None:
    found: dict[str, dict[str, int]] = {}
    for name, act in ACTS.items():
        assert act(full) in {
            "reserved",
            "consumed",
            "released",
            "moved",
            "expected",
            "availability",
            "extended",
            "looked",
        }, name
        with full.shelf.connection.transaction():
            before = read_so_far(full.shelf)
            act(full)
            after = read_so_far(full.shelf)
        read = {table: rows - before.get(table, 0) for table, rows in after.items()}
        found[name] = {table: rows for table, rows in read.items() if rows > ROWS_MAX}
    assert {name: tables for name, tables in found.items() if tables} == {}


def read_so_far(shelf: Shelf) -> dict[str, int]:
    """Rows of each table that this transaction has read, by an index or from end to end."""
    rows = "select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
    return dict(shelf.connection.execute(rows).fetchall())
