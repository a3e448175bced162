"""What spoils the books of batches and units, and what the doctor says then; ``{...}`` are names of the shop."""

from __future__ import annotations

PLANTED = {
    "batches_add_up": (
        "update inventory_batches set sellable_quantity = 4 where batch_id = '{batch}'",
        "{milk}@{gz} expected sellable=5 unsellable=1 found sellable=4 unsellable=1",
    ),
    "serials_add_up": (
        "delete from serials where serial_number = 'S1'",
        "{phone}@{gz} expected sellable=2 unsellable=0 found sellable=1 unsellable=0",
    ),
    "states_add_up": (
        "update inventory_states set quantity = 2 where batch_id = '{batch}'",
        "{milk}@{gz} expected unavailable=1 found states=2",
    ),
    "batches_are_their_movements": (
        "update inventory_batches set sellable_quantity = 4, unsellable_quantity = 2 where batch_id = '{batch}'",
        "batch A in {gz} expected sellable=5 unsellable=1 found sellable=4 unsellable=2",
    ),
    "serials_follow_their_entries": (
        "update serials set state = 'shipped', warehouse_id = null where serial_number = 'S1'",
        "unit S1 of {phone} expected shipped found last entry 2 sellable",
    ),
    "usability_follows_dates": (
        "update inventory_batches set usable_until = usable_until + interval '1 day' where batch_id = '{batch}'",
        "batch A in {gz} expected 2099-01-02 00:00:00+00 found 2099-01-03 00:00:00+00",
    ),
    "leaked_batches": (
        "update inventory_batches set usable_until = '2001-01-01 00:00Z' where batch_id = '{batch}'",
        "batch A of {milk}@{gz} expected withdrawn found 5 sellable since 2001-01-01 00:00:00+00",
    ),
}
