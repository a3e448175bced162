"""Every odd thing a sales table can hold has one stated outcome and never stops the others."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from holdfast.demand import NoteKind, Panel, Period, read_history, store
from holdfast.demand import tables as tables_module
from holdfast.kernel.errors import Invalid


def days(*offsets: int, start: str = "2024-03-01") -> NDArray[np.datetime64]:
    return np.datetime64(start) + np.array(offsets)


def table(sku: list[str], at: list[int], quantity: list[Any], **more: Any) -> dict[str, Any]:
    return {"date": days(*at), "sku": np.array(sku), "quantity": np.array(quantity), **more}


def noted(panel: Panel) -> dict[NoteKind, int]:
    return {note.kind: note.count for note in panel.notes}


def text_file(folder: Path, *lines: str, name: str = "sales.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return file


def parquet_file(folder: Path, columns: dict[str, Any]) -> Path:
    file = folder / "sales.parquet"
    connection = duckdb.connect()
    connection.register(
        "t",
        {
            name: (
                v.astype(object) if v.dtype.kind == "U" else v.astype("datetime64[us]") if v.dtype.kind == "M" else v
            )
            for name, v in columns.items()
        },
    )
    connection.execute(f"copy (select * from t) to '{file}' (format parquet)")
    return file


def as_csv(folder: Path, columns: dict[str, Any]) -> Path:
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return text_file(folder, ",".join(columns), *(",".join(map(str, row)) for row in rows))


def as_arrow(_: Path, columns: dict[str, Any]) -> Any:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def as_reader(folder: Path, columns: dict[str, Any]) -> Any:
    return as_arrow(folder, columns).to_reader()


@pytest.mark.parametrize("given", [as_csv, parquet_file, as_arrow, as_reader, lambda _, columns: columns])
def test_every_way_in_gives_the_same_history(given: Callable[[Path, Any], object], tmp_path: Path) -> None:
    columns = table(["B", "A", "A"], [4, 0, 2], [5, 1, 3], location=np.array(["x", "y", "y"]))
    panel = read_history(given(tmp_path, columns))
    assert panel.sku.tolist() == ["A", "B"]
    assert panel.location.tolist() == ["y", "x"]
    assert panel.period is Period.DAY
    assert panel.history.quantity.tolist() == [[1, 0, 3, 0, 0], [0, 0, 0, 0, 5]]
    assert panel.history.observed.tolist() == [[True] * 5, [False] * 4 + [True]], "the silent tail is zero demand"
    assert panel.starts.tolist() == [date(2024, 3, 1 + n) for n in range(5)]
    assert panel.notes == () or noted(panel) == {NoteKind.SINGLE_SALE: 1}


def test_whole_numbers_stay_small_and_fractions_stay() -> None:
    assert read_history(table(["A", "A"], [0, 1], [1, 2])).history.quantity.dtype == np.int32
    assert read_history(table(["A", "A"], [0, 1], [1.5, 2])).history.quantity.tolist() == [[1.5, 2.0]]


@pytest.mark.parametrize(
    ("dates", "period", "columns"),
    [
        (["2024-01-01", "2024-01-08", "2024-01-29"], Period.WEEK, 5),
        (["2023-11-01", "2024-01-01", "2024-02-01"], Period.MONTH, 4),
        (["2023-11-30", "2024-01-31", "2024-02-29"], Period.MONTH, 4),
        (["2024-01-01", "2024-01-03", "2024-01-08"], Period.DAY, 8),
    ],
)
def test_the_length_of_a_period_is_found_from_the_dates(dates: list[str], period: Period, columns: int) -> None:
    panel = read_history({"date": np.array(dates, "datetime64[D]"), "sku": np.array(["A"] * 3), "quantity": np.ones(3)})
    assert panel.period is period
    assert panel.history.days == columns


def test_days_can_be_read_as_weeks_that_end_with_the_newest_day() -> None:
    panel = read_history(table(["A"] * 9, list(range(9)), [1] * 9), period=Period.WEEK)
    assert panel.history.quantity.tolist() == [[2, 7]]


def test_one_date_alone_is_taken_for_a_day() -> None:
    panel = read_history(table(["A"], [0], [4]))
    assert (panel.period, panel.history.quantity.tolist()) == (Period.DAY, [[4]])
    assert NoteKind.PERIOD_ASSUMED in noted(panel)


def test_nothing_dated_as_of_or_later_is_read() -> None:
    columns = table(["A", "A", "B", "C"], [0, 1, 2, 3], [1, 2, 100, 100])
    panel = read_history(columns, as_of=date(2024, 3, 3))
    assert panel.sku.tolist() == ["A"]
    assert panel.history.quantity.tolist() == [[1, 2]]
    assert noted(panel)[NoteKind.FUTURE] == 2


def test_a_stray_sale_of_the_future_does_not_end_the_history_there() -> None:
    """Without a day to read until, one row of 2093 left every other row too old to count."""
    columns = table(["A", "A", "A", "B"], [0, 1, 2, 25_000], [1, 2, 3, 9])
    panel = read_history(columns)
    assert (panel.sku.tolist(), panel.history.quantity.tolist()) == (["A"], [[1, 2, 3]])
    assert noted(panel) == {NoteKind.FUTURE: 1}
    invented = read_history(table(["A", "A"], [25_000, 25_001], [4, 5]))
    assert invented.history.quantity.tolist() == [[4, 5]]


def test_a_number_kept_as_a_float_is_the_same_name() -> None:
    """A column of SKU numbers with one empty cell comes as 100.0, and is still 100."""
    panel = read_history(table([100.0, 101.0, float("nan")], [0, 1, 1], [1, 2, 3], location=np.array([1.0, 1.0, 1.0])))
    assert (panel.sku.tolist(), panel.location.tolist()) == (["100", "101"], ["1", "1"])
    assert noted(panel)[NoteKind.MISSING_KEY] == 1


def test_a_week_that_has_not_ended_is_not_read() -> None:
    columns = {"date": days(0, 7, 14, start="2024-01-01"), "sku": np.array(["A"] * 3), "quantity": np.array([1, 2, 3])}
    for as_of, weeks in (("2024-01-15", 2), ("2024-01-21", 2), ("2024-01-22", 3)):
        assert read_history(columns, as_of=date.fromisoformat(as_of)).history.days == weeks, as_of


def test_returns_are_netted_in_their_period_and_demand_is_never_below_zero() -> None:
    panel = read_history(table(["A", "A", "A"], [0, 0, 1], [5, -2, -9]))
    assert panel.history.quantity.tolist() == [[3, 0]]
    assert noted(panel)[NoteKind.RETURNS] == 2


def test_rows_equal_in_every_column_count_once_and_differing_ones_are_added() -> None:
    panel = read_history(table(["A", "A", "A"], [0, 0, 0], [5, 5, 2]))
    assert panel.history.quantity.tolist() == [[7]]
    assert noted(panel)[NoteKind.COPIES] == 1
    assert noted(panel)[NoteKind.SUMMED] == 1
    lines = table(["A", "A"], [0, 0], [5, 5], order_no=np.array([1, 2]))
    assert read_history(lines).history.quantity.tolist() == [[10]], "two orders, told apart by their number"


def test_a_file_put_in_twice_counts_once(tmp_path: Path) -> None:
    lines = ["2024-03-01,A,5", "2024-03-02,A,5", "2024-03-01,B,1"]
    once = read_history(text_file(tmp_path, "date,sku,quantity", *lines))
    twice = read_history(text_file(tmp_path, "date,sku,quantity", *lines, *lines, name="twice.csv"))
    assert twice.history.quantity.tolist() == once.history.quantity.tolist()
    assert noted(twice)[NoteKind.COPIES] == 3


def test_mistakes_are_named_by_row_and_column_and_cost_only_their_row(tmp_path: Path) -> None:
    file = text_file(
        tmp_path,
        "Date, SKU ,Quantity",
        "2024-03-01,A,3",
        "2024-03-02,A,three",
        "soon,A,3",
        "2024-03-03,,3",
        "2024-03-03,A,inf",
        "2024-03-03,A,1e300",
        "2024-03-04,A,4",
    )
    panel = read_history(file)
    assert panel.history.quantity.tolist() == [[3, 0, 0, 4]]
    told = {note.kind: note.examples for note in panel.notes}
    assert told[NoteKind.BAD_DATE] == ('row 4, date: "soon"',)
    assert told[NoteKind.MISSING_KEY] == ("row 5, sku: empty",)
    assert told[NoteKind.BAD_NUMBER] == (
        'row 3, quantity: "three"',
        'row 6, quantity: "inf"',
        'row 7, quantity: "1e300"',
    )


def test_an_empty_quantity_and_nan_are_unknown_not_zero() -> None:
    panel = read_history(table(["A"] * 3, [0, 1, 2], [2.0, float("nan"), 0.0]))
    assert panel.history.observed.tolist() == [[True, False, True]]
    assert noted(panel)[NoteKind.UNKNOWN_QUANTITY] == 1


@pytest.mark.parametrize("observed", [[True, False, True], [1, 0, 1], [1.0, 0.5, 1.0], ["true", "False", ""]])
def test_periods_said_to_be_unobserved_are_unknown(observed: list[Any]) -> None:
    panel = read_history(table(["A"] * 3, [0, 1, 2], [2, 9, 1], observed=np.array(observed)))
    assert panel.history.observed.tolist() == [[True, False, True]]


def test_a_series_of_zeros_is_known_to_sell_nothing_since_it_was_listed() -> None:
    panel = read_history(table(["A", "B", "B"], [0, 1, 2], [1, 0, 0]))
    assert panel.history.observed[1].tolist() == [False, True, True]
    assert noted(panel)[NoteKind.ZEROS_ONLY] == 1


def test_a_series_is_known_from_the_first_day_it_is_listed() -> None:
    """A row of zero in a file, and stock in the ledger: two ways to say that it could be bought and was not."""
    table = {
        "date": ["2024-01-01", "2024-01-04", "2024-01-06"],
        "sku": ["OLD", "TEA", "TEA"],
        "quantity": [1, 0, 3],
    }
    file = read_history(table, period=Period.DAY).history
    # Empty since ever until the third of six days, by the ledger; three sold yesterday.
    row = {
        "n": 1,
        "sold": np.array([(0, 1, 3, 0)], store._SOLD).tobytes(),
        "empty": np.array([(store._SINCE_EVER, 3)], store._EMPTY).tobytes(),
        "has_ledger": True,
    }
    ledger = store.unpacked([row], 6)
    assert file.observed[1].tolist() == ledger.observed[0].tolist() == [False] * 3 + [True] * 3
    assert file.quantity[1].tolist() == ledger.quantity[0].tolist()


def test_ten_years_of_gaps_keep_the_last_three_years() -> None:
    panel = read_history(table(["A", "A", "B"], [0, 3_650, 3_649], [1, 2, 3]))
    assert panel.history.days == 1_096
    assert panel.history.quantity[:, -2:].tolist() == [[0, 2], [3, 0]]
    assert noted(panel)[NoteKind.TOO_OLD] == 1


def test_the_asked_series_come_in_the_asked_order_and_both_gaps_are_told() -> None:
    panel = read_history(table(["A", "B", "C"], [0, 1, 2], [1, 2, 3]))
    asked = panel.aligned_to(["C", "new", "A"], ["all"] * 3)
    assert asked.history.quantity[:, -1].tolist() == [3, 0, 0]
    assert asked.history.observed.any(axis=1).tolist() == [True, False, True]
    assert (noted(asked)[NoteKind.NO_HISTORY], noted(asked)[NoteKind.NOT_ASKED]) == (1, 1)


def test_the_last_known_price_is_kept() -> None:
    panel = read_history(table(["A", "A", "B"], [0, 1, 1], [1, 1, 1], price=np.array([2.0, 3.5, float("nan")])))
    assert panel.price.tolist() == pytest.approx([3.5, float("nan")], nan_ok=True)


def test_a_table_without_a_usable_row_is_an_empty_history() -> None:
    panel = read_history({"date": np.array(["x"]), "sku": np.array(["A"]), "quantity": np.array([1])})
    assert (panel.history.series, panel.history.days) == (0, 0)
    assert noted(panel)[NoteKind.BAD_DATE] == 1


def test_many_series_are_read_in_parts_to_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    columns = table(
        [f"S{n % 25}" for n in range(200)], rng.integers(0, 30, 200).tolist(), rng.integers(0, 9, 200).tolist()
    )
    whole = read_history(columns)
    monkeypatch.setattr(tables_module, "_SERIES_PER_READ", 4)
    parts = read_history(columns)
    assert np.array_equal(whole.history.quantity, parts.history.quantity)
    assert np.array_equal(whole.history.observed, parts.history.observed)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable_file"),
        (b"a,b\n1,2\n", "missing_column"),
        (b"PAR1 and then nothing", "unreadable_file"),
        (b"\x00\x01\x02", "unreadable_file"),
        (b"date,sku,quantity\n2024-01-01,\xff\xfe,1\n", "unreadable_file"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_sentence(content: bytes, code: str, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        read_history(file)
    assert refused.value.code == code


def test_a_file_cannot_make_the_reader_open_another_one(tmp_path: Path) -> None:
    """The name of a file is data: neither a quote nor a pattern in it reaches beyond it."""
    text_file(tmp_path, "date,sku,quantity", "2024-03-01,SECRET,1", name="other.csv")
    file = text_file(tmp_path, "date,sku,quantity", "2024-03-01,A,1", name="it's [o]ther*.csv")
    assert read_history(file).sku.tolist() == ["A"]


def test_semicolons_and_decimal_commas_of_a_european_spreadsheet(tmp_path: Path) -> None:
    file = text_file(tmp_path, "date;sku;quantity", "2024-03-01;A;1,5", "2024-03-02;A;2")
    assert read_history(file).history.quantity.tolist() == [[1.5, 2.0]]


def test_what_is_odd_and_still_counts_is_named_by_its_row(tmp_path: Path) -> None:
    file = text_file(
        tmp_path,
        "date,sku,quantity",
        "2024-03-01,A,5",
        "2024-03-01,A,5",
        "2024-03-01,A,2",
        "2024-03-02,B,-3",
        "2031-01-01,B,9",
        "1999-01-01,B,9",
    )
    told = {note.kind: note.examples for note in read_history(file, as_of=date(2024, 3, 9)).notes}
    assert told[NoteKind.COPIES] == ("row 3: A on 2024-03-01",)
    assert told[NoteKind.SUMMED] == ("row 4: A on 2024-03-01",)
    assert told[NoteKind.RETURNS][0] == 'row 5, quantity: "-3"'
    assert told[NoteKind.FUTURE] == ('row 6, date: "2031-01-01"',)
    assert told[NoteKind.TOO_OLD] == ('row 7, date: "1999-01-01"',)
