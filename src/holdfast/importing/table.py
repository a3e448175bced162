"""A CSV or Parquet file as a header and rows of text. Hostile or broken files end in one sentence."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.kernel.errors import Invalid

if TYPE_CHECKING:
    # Loaded by whoever reads a Parquet file: most starts of the program read none.
    import duckdb

FILE_BYTES_MAX = 100_000_000
ROWS_MAX = 2_000_000
COLUMNS_MAX = 200
CELL_CHARACTERS_MAX = 32_767  # what a spreadsheet can hold
_PARQUET = b"PAR1"
_DELIMITERS = ",;\t|"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Cells = tuple[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` yields (row number as a spreadsheet counts, cells); ``rows_about`` is for a progress bar."""

    header: list[str]
    rows: Iterator[Cells]
    rows_about: int
    read_as: str


def open_table(file: Path) -> Table:
    """Raises Invalid(``unreadable_file``) with one sentence that names what is wrong."""
    try:
        if not file.is_file():
            raise unreadable(f"There is no file {file}.")
        size = file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise unreadable(f"{file.name} has {size:,} bytes and {FILE_BYTES_MAX:,} is the most; split it.")
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(f"{file} cannot be read: {error.strerror}.") from error
    if content[:4] == _PARQUET:
        return _parquet(file)
    if file.suffix.lower() in (".parquet", ".pq"):
        raise unreadable(f"{file.name} is called a Parquet file but is none.")
    return table_of_csv(content, file.name)


def table_of_csv(content: bytes, name: str) -> Table:
    """A CSV with its encoding and delimiter found out. Raises Invalid(``unreadable_file``)."""
    if not content.strip():
        raise unreadable(f"{name} is empty.")
    text, encoding = _decoded(content, name)
    if "\0" in text:
        raise unreadable(f"{name} is not a text file: it contains NUL characters.")
    first_line = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    rows = _records(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), name)
    nothing: Cells = (0, [])
    _, header = next(rows, nothing)
    return Table([cell.strip() for cell in _checked_header(header, name)], rows, text.count("\n"), f"CSV in {encoding}")


def unreadable(sentence: str) -> Invalid:
    return Invalid("unreadable_file", sentence)


def _records(reader: Iterator[list[str]], name: str) -> Iterator[Cells]:
    number = 0
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    try:
        for cells in reader:
            number += 1
            if number > ROWS_MAX:
                raise unreadable(f"{name} has more than {ROWS_MAX:,} rows; split it.")
            if any(cells):
                yield number, cells
    except csv.Error as error:
        is_long = "field limit" in str(error)
        reason = f"a cell is longer than {CELL_CHARACTERS_MAX:,} characters" if is_long else "its quotes do not match"
        raise unreadable(f"Row {number + 1} of {name} cannot be read: {reason}.") from error


def _decoded(content: bytes, name: str) -> tuple[str, str]:
    """UTF-8 when it is valid UTF-8, else GB18030, the encoding of Chinese spreadsheets; a BOM decides by itself."""
    marked = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), None)
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding.removesuffix("-sig").upper()
        except UnicodeDecodeError:
            continue
    raise unreadable(f"{name} is neither UTF-8 nor GB18030; save it as UTF-8.")


def _parquet(file: Path) -> Table:
    import duckdb

    source = str(file.resolve())
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
    # The file is a stranger's: nothing it says may make DuckDB read another one.
    connection.execute("set allowed_paths = [{}]".format("'" + source.replace("'", "''") + "'"))
    connection.execute("set enable_external_access = false")
    try:
        described = connection.execute("describe select * from read_parquet(?)", [source]).fetchall()
        counted = connection.execute("select count(*) from read_parquet(?)", [source]).fetchone()
    except duckdb.Error as error:
        raise unreadable(f"{file.name} is not a Parquet file that can be read.") from error
    header = _checked_header([str(column[0]) for column in described], file.name)
    count = int(counted[0]) if counted else 0
    if count > ROWS_MAX:
        raise unreadable(f"{file.name} has {count:,} rows and {ROWS_MAX:,} is the most; split it.")
    cells = ", ".join(_as_text(str(column[0]), str(column[1])) for column in described)
    return Table(
        header, _parquet_rows(connection, f"select {cells} from read_parquet(?)", source, file.name), count, "Parquet"
    )


def _as_text(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    # Six decimals are what money has; a float's own text would show its rounding error.
    return f"printf('%.6f', {quoted}::double)" if kind in ("FLOAT", "DOUBLE") else f"try_cast({quoted} as varchar)"


def _parquet_rows(connection: duckdb.DuckDBPyConnection, query: str, source: str, name: str) -> Iterator[Cells]:
    import duckdb

    number = 1
    try:
        found = connection.execute(query, [source])
        while some := found.fetchmany(10_000):
            for cells in some:
                number += 1
                yield number, ["" if cell is None else cell for cell in cells]
    except duckdb.Error as error:
        raise unreadable(f"{name} breaks off after row {number}; it is damaged.") from error
    finally:
        connection.close()


def _checked_header(header: Sequence[str], name: str) -> list[str]:
    if len(header) > COLUMNS_MAX:
        raise unreadable(f"{name} has {len(header)} columns and {COLUMNS_MAX} is the most.")
    if not any(cell.strip() for cell in header):
        raise unreadable(f"{name} has no header row.")
    return list(header)
