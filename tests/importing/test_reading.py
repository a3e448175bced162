"""Reading files: headings, encodings, and what broken or hostile files are told."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from holdfast.importing.model import Problem, Row
from holdfast.importing.rows import read_rows
from holdfast.importing.skus import COLUMNS as SKU_COLUMNS
from holdfast.importing.stock import COLUMNS as STOCK_COLUMNS
from holdfast.importing.table import open_table
from holdfast.kernel.errors import Invalid


def read(file: Path, content: bytes, columns: object = STOCK_COLUMNS) -> list[Row | Problem]:
    file.write_bytes(content)
    return list(read_rows(open_table(file), columns))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"sku,warehouse,quantity\nTEA,GZ,5\n",
        b"SKU Code;Location;On-Hand Quantity\nTEA;GZ;5\n",
        b"\xef\xbb\xbfsku,warehouse,qty\r\nTEA,GZ,5.0\r\n",
        "货号,仓库,数量\nTEA,GZ,5\n".encode("gb18030"),
        "货号\t仓库\t数量\nTEA\tGZ\t5\n".encode(),
        "sku,warehouse,qty\nTEA,GZ,5\n".encode("utf-16"),
        b"note,sku,warehouse,quantity\n\nanything,TEA,GZ,5\n".replace(b"\n\n", b"\n"),
    ],
)
def test_a_file_is_understood_in_its_own_headings_encoding_and_delimiter(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "f.csv", content) == [Row(2, {"sku": "TEA", "warehouse": "GZ", "quantity": 5})]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("abc", "is not a whole number"),
        ("1.5", "is not a whole number"),
        ('"1,200"', "is not a whole number (write it without thousands separators)"),
        ("=1+1", "is not a whole number"),
        ("١٢", "is not a whole number"),
        ("99999999999", "is beyond 1000000000"),
        ("", "is empty"),
    ],
)
def test_a_wrong_cell_is_named_by_row_column_and_value(tmp_path: Path, cell: str, message: str) -> None:
    content = f"sku,warehouse,Qty\nTEA,GZ,1\nCUP,GZ,{cell}\n".encode()
    (first, problem) = read(tmp_path / "f.csv", content)
    assert isinstance(first, Row)
    assert isinstance(problem, Problem)
    assert (problem.row, problem.column, problem.value, problem.message) == (3, "Qty", cell.strip('"'), message)


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    (row,) = read(tmp_path / "f.csv", b"code,name\n+44,=HYPERLINK(1)\n", SKU_COLUMNS)
    assert isinstance(row, Row)
    assert row.values == {"code": "+44", "name": "=HYPERLINK(1)"}


def test_a_row_of_another_width_is_a_problem_and_the_next_row_is_read(tmp_path: Path) -> None:
    found = read(tmp_path / "f.csv", b"sku,warehouse,quantity\nTEA,GZ\nCUP,GZ,1,1\nPOT,GZ,2\n")
    assert [f.message if isinstance(f, Problem) else f.number for f in found] == [
        "the row has 2 cells and the header 3",
        "the row has 4 cells and the header 3",
        4,
    ]


def test_parquet_keeps_numbers_whatever_their_type(tmp_path: Path) -> None:
    file = tmp_path / "it's.parquet"
    target = str(file).replace("'", "''")
    with duckdb.connect() as database:
        database.execute(
            "copy (select 'TEA' as code, 'Tea' as name, 2.08::float as price, 'GBP' as currency, 12::bigint as barcode)"
            f" to '{target}' (format parquet)"
        )
    (row,) = list(read_rows(open_table(file), SKU_COLUMNS))
    assert isinstance(row, Row)
    assert {name: str(value) for name, value in row.values.items()} == {
        "code": "TEA",
        "name": "Tea",
        "price": "2.080000",
        "currency": "GBP",
        "barcode": "12",
    }


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("f.csv", b"", "f.csv is empty."),
        ("f.csv", b"\n\n  \n", "f.csv is empty."),
        ("f.csv", b"sku,warehouse,quantity\nTEA,GZ,\0\n", "f.csv is not a text file: it contains NUL characters."),
        ("f.csv", b"\xff\xff\xff,\x80\n", "f.csv is neither UTF-8 nor GB18030; save it as UTF-8."),
        ("f.csv", b'sku,warehouse,quantity\n"TEA,GZ,1\n', "Row 2 of f.csv cannot be read: its quotes do not match."),
        (
            "f.csv",
            b"sku,warehouse,quantity\n" + b"x" * 40_000 + b",GZ,1\n",
            "Row 2 of f.csv cannot be read: a cell is longer than 32,767 characters.",
        ),
        ("f.csv", b"x," * 300 + b"x\n1\n", "f.csv has 301 columns and 200 is the most."),
        ("f.parquet", b"sku,warehouse\n", "f.parquet is called a Parquet file but is none."),
        ("f.parquet", b"PAR1" + b"junk" * 500, "f.parquet is not a Parquet file that can be read."),
        (
            "f.csv",
            b"sku,quantity\nTEA,1\n",
            "There is no column warehouse (also understood: warehouse_code, location, location_code, site); "
            "the file has 'sku', 'quantity'.",
        ),
        (
            "f.csv",
            b"sku,code,warehouse,quantity\nTEA,TEA,GZ,1\n",
            "The columns 'sku' and 'code' both mean sku; keep one.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_so_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(tmp_path / name, content)
    assert refused.value.detail == sentence


def test_a_parquet_file_cannot_make_us_read_another_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("code,name\nSECRET,Secret\n")
    file = tmp_path / f"x') union all select * from read_csv('{secret.name}.parquet"
    with pytest.raises(Invalid):
        read(file, b"PAR1" + b"junk" * 100, SKU_COLUMNS)
