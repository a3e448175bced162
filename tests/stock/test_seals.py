"""Seals over the ledger: who changes an entry past every trigger is found, and the entry is named."""

from __future__ import annotations

import io
from typing import Any

import psycopg
import pytest
from rich.console import Console
from tests.conftest import Shelf

from holdfast.db import Database
from holdfast.monitoring import seals as doctor
from holdfast.monitoring.seals import SealReport
from holdfast.stock import seals

RANGE = 4
GUARDED = ("inventory_movements", "ledger_seals", "ledger_seal_parts")


@pytest.fixture
def ledger(fresh_shelf: Shelf) -> Shelf:
    """Ten entries of three levels."""
    for text in (
        "TEA@GZ 5, CUP@GZ 3",
        "TEA@GZ 2, CUP@BJ 7, TEA@BJ 1",
        "CUP@GZ 4",
        "TEA@GZ 1, CUP@GZ 1, TEA@BJ 9, CUP@BJ 2",
    ):
        fresh_shelf.given(text)
    return fresh_shelf


async def sealed(database: Database) -> int:
    return await seals.seal_finished(database, entries_max=RANGE)


async def looked(database: Database, expected: str | None = None) -> SealReport:
    async with database.transaction() as tx:
        return await doctor.check(tx, expected=expected)


def tamper(shelf: Shelf, *statements: str) -> None:
    """As the owner of the tables, who takes the guards off and puts them on again."""
    with shelf.connection.transaction():
        for table in GUARDED:
            shelf.connection.execute(f"alter table {table} disable trigger user")  # type: ignore[arg-type]
        for statement in statements:
            shelf.connection.execute(statement)  # type: ignore[arg-type]
        for table in GUARDED:
            shelf.connection.execute(f"alter table {table} enable trigger user")  # type: ignore[arg-type]


def found(report: SealReport) -> list[tuple[int, str, int | None]]:
    assert report.first is not None
    return [(report.first.seal.no, d.kind, d.seq) for d in report.first.differences]


async def test_a_ledger_nobody_touched_is_intact_and_its_seals_are_told(
    ledger: Shelf, fresh_database: Database
) -> None:
    assert await sealed(fresh_database) == 3
    assert await sealed(fresh_database) == 0, "nothing new, nothing to seal"
    ledger.given("TEA@GZ 5")
    assert await sealed(fresh_database) == 1
    report = await looked(fresh_database)
    assert (report.is_intact, report.entries, report.last and report.last.no) == (True, 11, 4)
    events = ledger.connection.execute(
        "select data ->> 'no', data ->> 'hash' from outbox_events where event_type = 'ledger.sealed' order by id"
    ).fetchall()
    assert report.last is not None
    assert ([no for no, _ in events], events[-1][1]) == (["1", "2", "3", "4"], report.last.hash)


TAMPERED = {
    "one byte of a reason": (
        "update inventory_movements set reason = 'opening stocK' where seq = 6",
        [(2, "changed", 6)],
    ),
    "one unit": ("update inventory_movements set quantity = quantity + 1 where seq = 1", [(1, "changed", 1)]),
    "a microsecond": (
        "update inventory_movements set occurred_at = occurred_at + interval '1 microsecond' where seq = 10",
        [(3, "changed", 10)],
    ),
    "null for empty": ("update inventory_movements set reference_id = '' where seq = 3", [(1, "changed", 3)]),
    "who did it": ("update inventory_movements set actor = 'nobody' where seq = 4", [(1, "changed", 4)]),
    "a cost": ("update inventory_movements set unit_cost = 1 where seq = 5", [(2, "changed", 5)]),
    "a deleted entry": ("delete from inventory_movements where seq = 7", [(2, "missing", 7)]),
    "two entries in each other's place": (
        "update inventory_movements set seq = case seq when 2 then 3 else 2 end where seq in (2, 3)",
        [(1, "changed", 2), (1, "changed", 3)],
    ),
    "an entry moved to another month": (
        "update inventory_movements set created_at = created_at - interval '40 days' where seq = 8",
        [(2, "changed", 8)],
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_what_is_changed_past_all_guards_is_named(ledger: Shelf, fresh_database: Database, what: str) -> None:
    statement, expected = TAMPERED[what]
    await sealed(fresh_database)
    # Not even an owner updates a number that is always generated; one who wants to takes the generation off.
    tamper(ledger, "alter table inventory_movements alter column seq drop identity", statement)
    report = await looked(fresh_database)
    assert (report.is_intact, found(report)) == (False, expected)


async def test_an_inserted_entry_is_named(ledger: Shelf, fresh_database: Database) -> None:
    tamper(ledger, "delete from inventory_movements where seq = 6")
    await sealed(fresh_database)
    tamper(
        ledger,
        "insert into inventory_movements overriding system value select (m).* from (select jsonb_populate_record("
        "null::inventory_movements, to_jsonb(x) || '{\"seq\": 6}') as m from inventory_movements x where seq = 5) y",
    )
    assert found(await looked(fresh_database)) == [(2, "inserted", 6)]


async def test_the_first_of_several_broken_ranges_is_shown_with_its_entries(
    ledger: Shelf, fresh_database: Database
) -> None:
    await sealed(fresh_database)
    tamper(ledger, "update inventory_movements set reason = 'x' where seq in (6, 7, 9)")
    screen = Console(file=io.StringIO(), width=200)
    async with fresh_database.transaction() as tx:
        report = await doctor.check(tx)
        await doctor.show(tx, report, screen)
    printed: str = screen.file.getvalue()  # type: ignore[attr-defined]
    assert report.ranges_broken == [2, 3]
    assert "Seal 2: entries 5 to 8 are not as they were sealed" in printed
    assert f"entry 6 (CUP-{ledger.tag}@GZ-{ledger.tag}" in printed
    assert "1 more ranges differ: seals 3" in printed


async def test_seals_that_are_rewritten_or_cut_off_do_not_fit(ledger: Shelf, fresh_database: Database) -> None:
    await sealed(fresh_database)
    last = (await looked(fresh_database)).last
    assert last is not None
    noted = f"{last.no}:{last.hash}"
    assert (await looked(fresh_database, noted)).is_intact
    tamper(ledger, "update ledger_seals set to_seq = to_seq + 1 where no = 3")
    assert [(b.no, b.problem) for b in (await looked(fresh_database)).chain] == [(3, "the seal itself was changed")]
    tamper(ledger, "delete from ledger_seal_parts where seal_no = 3", "delete from ledger_seals where no = 3")
    cut = await looked(fresh_database, noted)
    assert (cut.chain, cut.unexpected) == ([], "seal 3 was noted outside and is not here")
    tamper(ledger, "delete from ledger_seal_parts where seal_no = 1", "delete from ledger_seals where no = 1")
    assert (await looked(fresh_database)).chain[0].problem == "a seal before it is missing"


async def test_a_ledger_sealed_anew_after_a_change_differs_from_what_was_noted(
    ledger: Shelf, fresh_database: Database
) -> None:
    """Who may do everything can make everything fit again, except a note that lies elsewhere."""
    await sealed(fresh_database)
    last = (await looked(fresh_database)).last
    assert last is not None
    tamper(
        ledger,
        "update inventory_movements set quantity = quantity where seq = 1",
        "update inventory_movements set reason = 'never happened' where seq = 2",
        "truncate ledger_seal_parts, ledger_seals",
    )
    await sealed(fresh_database)
    assert (await looked(fresh_database)).is_intact
    assert "was noted as" in ((await looked(fresh_database, f"{last.no}:{last.hash}")).unexpected or "")


async def test_what_an_open_transaction_may_still_add_to_is_not_sealed(
    fresh_shelf: Shelf, fresh_url: str, fresh_database: Database
) -> None:
    """The slow writer took a lower entry number than those who are done, and nobody waits for it."""
    fresh_shelf.given("TEA@GZ 1, CUP@GZ 1")
    with psycopg.connect(fresh_url) as slow:
        slow_shelf: Any = Shelf.__new__(Shelf)
        slow_shelf.__dict__ |= {**fresh_shelf.__dict__, "connection": slow}
        slow_shelf.given("TEA@GZ 5")
        assert await sealed(fresh_database) == 0
        fresh_shelf.given("CUP@GZ 2")
        assert await sealed(fresh_database) == 0, "an entry beyond the open one must not move the mark"
        slow.commit()
    assert await sealed(fresh_database) == 1
    assert await sealed(fresh_database) == 1, "the rest, under the next mark"
    report = await looked(fresh_database)
    assert (report.is_intact, report.entries) == (True, 4)


async def test_an_archived_month_leaves_the_rest_verifiable(fresh_shelf: Shelf, fresh_database: Database) -> None:
    shelf = fresh_shelf
    shelf.connection.execute("select stock_ensure_months('2026-01-01', '2027-06-01')")
    shelf.given("TEA@GZ 5, CUP@GZ 3")
    shelf.advance(minutes=60 * 24 * 31)
    shelf.given("TEA@GZ 2, CUP@GZ 1")
    await sealed(fresh_database)
    [(old,)] = shelf.connection.execute("select min(tableoid::regclass::text) from inventory_movements").fetchall()
    shelf.connection.execute(f"alter table inventory_movements detach partition {old}")  # type: ignore[arg-type]
    report = await looked(fresh_database)
    assert (report.is_intact, [(d.kind, d.entries) for d in report.archived]) == (True, [("archived", 2)])
    tamper(shelf, "update inventory_movements set reason = 'x' where seq = 3")
    assert found(await looked(fresh_database))[-1] == (1, "changed", 3)


async def test_a_column_that_comes_later_is_under_later_seals(ledger: Shelf, fresh_database: Database) -> None:
    await sealed(fresh_database)
    ledger.connection.execute("alter table inventory_movements add column colour text not null default 'red'")
    ledger.given("TEA@GZ 1")
    await sealed(fresh_database)
    assert (await looked(fresh_database)).is_intact
    tamper(ledger, "update inventory_movements set colour = 'blue' where seq = 11")
    assert found(await looked(fresh_database)) == [(4, "changed", 11)]


async def test_the_application_can_neither_write_nor_skip_seals(ledger: Shelf, fresh_url: str) -> None:
    with psycopg.connect(fresh_url, options="-c role=holdfast_app", autocommit=True) as application:
        for statement in (
            "update ledger_seals set no = 7",
            "delete from ledger_seal_parts",
            "update ledger_seal_mark set seq = 1",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(statement)  # type: ignore[arg-type]
