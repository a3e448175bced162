"""Promise P5: every posting function answers a repeated key with its first answer and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import Shelf

Ask = Callable[[Shelf], dict[str, Any]]


def reserving(shelf: Shelf) -> dict[str, Any]:
    return {"reference_type": "cart", "reference_id": "c", "minutes": 30, "items": shelf.items("TEA@GZ 2")}


def resolving(action: str) -> Ask:
    return lambda shelf: {"reservation_id": shelf.reserve("TEA@GZ 2")["reservation_id"], "action": action}


def part(shelf: Shelf) -> dict[str, Any]:
    return resolving("consume")(shelf) | {"items": shelf.items("TEA@GZ 1")}


def prolonging(action: str) -> Ask:
    return lambda shelf: {
        "reservation_id": shelf.reserve("TEA@GZ 2")["reservation_id"],
        "action": action,
        "minutes": 5,
        "extension_max": 60,
        "reference_type": "order",
        "reference_id": "o",
    }


def moving(movement_type: str, quantity: int) -> Ask:
    return lambda shelf: {
        "event_type": "inventory.moved",
        "movement_type": movement_type,
        "reference_type": "manual",
        "reason": "test",
        "items": [{**shelf.items("TEA@GZ 1")[0], "quantity": quantity}],
    }


CASES: dict[str, tuple[str, Ask, str]] = {
    "reserve": ("stock_reserve", reserving, "reserved"),
    "consume": ("stock_resolve", resolving("consume"), "consumed"),
    "consume a part": ("stock_resolve", part, "consumed"),
    "release": ("stock_resolve", resolving("release"), "released"),
    "extend": ("stock_prolong", prolonging("extend"), "extended"),
    "convert": ("stock_prolong", prolonging("convert"), "converted"),
    "receive": ("stock_move", moving("in", 3), "moved"),
    "sell": ("stock_move", moving("out", -3), "moved"),
    "a refusal": ("stock_move", moving("out", -300), "insufficient_stock"),
}


def state(shelf: Shelf) -> list[Any]:
    """Everything a repeat could have changed."""
    sku = shelf.sku("TEA")
    tables = {
        "inventory": "sku_id = %s",
        "inventory_movements": "sku_id = %s",
        "inventory_reservations": "sku_id = %s",
        "reservations": "id in (select reservation_id from inventory_reservations where sku_id = %s)",
        "outbox_events": "%s = any (sku_ids)",
    }
    return [
        shelf.connection.execute(f"select t::text from {table} t where {where} order by 1", [sku]).fetchall()  # type: ignore[arg-type]
        for table, where in tables.items()
    ]


@pytest.mark.parametrize("case", CASES)
def test_a_repeat_changes_nothing_and_gets_the_first_answer(shelf: Shelf, case: str) -> None:
    shelf.given("TEA@GZ 50")
    function, ask, outcome = CASES[case]
    request = ask(shelf) | {"key": "k", "hash": "body"}
    first = shelf.post(function, **request)
    assert first["outcome"] == outcome
    after = state(shelf)
    assert shelf.post(function, **request) == {**first, "replayed": True}
    assert shelf.post(function, **{**request, "hash": "another body"})["outcome"] == "idempotency_key_reused"
    assert state(shelf) == after


@pytest.mark.parametrize("case", CASES)
def test_another_principal_may_use_the_same_key(shelf: Shelf, case: str) -> None:
    shelf.given("TEA@GZ 50")
    function, ask, outcome = CASES[case]
    for principal in (1, 2):
        request = ask(shelf) | {"key": "k", "hash": "body"}
        told = shelf.post(function, **request, principal_id=f"00000000-0000-0000-0000-00000000000{principal}")
        assert (told["outcome"], told["replayed"]) == (outcome, False)
        shelf.connection.execute(
            "delete from idempotency_keys where principal_id < '00000000-0000-0000-0000-000000000003'"
        )


def test_repeats_and_new_requests_mix_in_one_group(shelf: Shelf) -> None:
    shelf.given("TEA@GZ 5")
    seen = shelf.post("stock_reserve", **reserving(shelf), key="a", hash="h")
    told = shelf.post_all(
        "stock_reserve",
        [
            reserving(shelf) | {"key": "b", "hash": "h"},
            reserving(shelf) | {"key": "a", "hash": "h"},
            reserving(shelf) | {"key": "a2", "hash": "h"},
        ],
    )
    assert [(t["outcome"], t["replayed"]) for t in told] == [
        ("reserved", False),
        ("reserved", True),
        ("insufficient_stock", False),
    ]
    assert told[1]["reservation_id"] == seen["reservation_id"]
    assert shelf.level("TEA@GZ") == "on_hand=5 available=1 reserved=4"
