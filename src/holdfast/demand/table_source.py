"""Tables of strangers as DuckDB views: `typed` has every row with its number, `good` the rows that can count."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from holdfast.kernel.errors import Invalid

if TYPE_CHECKING:
    # Loaded by whoever reads a table: most starts of the program read none.
    import duckdb

_PARQUET = b"PAR1"
_DELIMITERS = ",;\t|"
_HEADER_BYTES = 65_536
_WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_NUMBERS = (*_WHOLE_NUMBERS, "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_DATE_FORMATS = ("%Y%m%d", "%Y-%m", "%Y/%m")


@dataclass(frozen=True, slots=True)
class Source:
    """One connection of its own; a stranger's file can make it read nothing else."""

    connection: duckdb.DuckDBPyConnection

    def run(self, query: str) -> None:
        self._asked(query)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._asked(query).fetchall()

    def number(self, query: str, default: int = 0) -> int:
        found = self._asked(query).fetchone()
        return default if found is None or found[0] is None else int(found[0])

    def columns(self, query: str) -> dict[str, NDArray[Any]]:
        found = cast("dict[str, NDArray[Any]]", self._asked(query).fetchnumpy())  # type: ignore[reportUnknownMemberType]
        return {name: np.ma.filled(column, np.nan) if np.ma.isMA(column) else column for name, column in found.items()}

    def array(self, query: str, dtype: str) -> NDArray[Any]:
        return np.array([row[0] for row in self.rows(query)], dtype)

    def _asked(self, query: str) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return self.connection.execute(query)
        except duckdb.Error as error:
            raise unreadable(f"The table cannot be read: {str(error).splitlines()[0][:200]}") from error


@contextmanager
def opened(source: object, *, needed: Sequence[str], optional: Sequence[str]) -> Generator[Source]:
    """The table as views `typed` and `good`. Raises Invalid(`unreadable_file`, `missing_column`)."""
    with _shown(source) as shown:
        _make_views(shown.table, shown.scan, _columns(shown.kinds, needed, optional), shown.decimal_comma)
        yield shown.table


def read_columns(source: object, *, needed: Sequence[str]) -> dict[str, list[str | None]]:
    """Every column of a small table as text by its name in lower case, empty cells None.

    Raises Invalid(`unreadable_file`, `missing_column`).
    """
    with _shown(source) as shown:
        _columns(shown.kinds, needed, ())
        names = list(shown.kinds)
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        cells = [
            f"nullif(trim({_as_text(name, kind)}), '')" for name, kind in zip(quoted, shown.kinds.values(), strict=True)
        ]
        if shown.decimal_comma:
            cells = [f"replace({cell}, ',', '.')" for cell in cells]
        rows = shown.table.rows(f"select {', '.join(cells)} from {shown.scan}")
        return {name.strip().lower(): [row[i] for row in rows] for i, name in reversed(list(enumerate(names)))}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A stranger's table as DuckDB sees it: what to write after `from`, and the type of every column."""

    table: Source
    scan: str
    decimal_comma: bool
    kinds: dict[str, str]


@contextmanager
def _shown(source: object) -> Generator[_Shown]:
    """From here on the connection reads nothing but this table."""
    connection = _connected()
    try:
        scan, decimal_comma = _scanned(connection, source)
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        table = Source(connection)
        kinds = {str(row[0]): str(row[1]) for row in table.rows(f"describe select * from {scan}")}
        yield _Shown(table, scan, decimal_comma, kinds)
    finally:
        connection.close()


def _connected() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})


def unreadable(sentence: str) -> Invalid:
    return Invalid("unreadable_file", sentence)


def _scanned(connection: duckdb.DuckDBPyConnection, source: object) -> tuple[str, bool]:
    """What to write after `from`, and whether numbers may have a decimal comma."""
    if isinstance(source, str | Path):
        return _scanned_file(connection, Path(source))
    if isinstance(source, Mapping):
        columns = {str(name): _plain(values) for name, values in cast("Mapping[str, Any]", source).items()}
        lengths = {name: values.shape[0] for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise unreadable(f"The columns are not of one length: {lengths}.")
        connection.register("given", columns)
    elif hasattr(source, "__arrow_c_stream__"):
        connection.register("given", _Stream(source))
    else:
        raise unreadable(
            "A history is an Arrow table, a mapping of NumPy arrays, or the path of a CSV or Parquet file."
        )
    # A stream can be read once only.
    connection.execute("create temp table copied as select * from given")
    return "copied", False


def _scanned_file(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[str, bool]:
    try:
        with file.open("rb") as stream:
            start = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise unreadable(f"{file} cannot be read: {error.strerror}.") from error
    if not start.strip():
        raise unreadable(f"{file.name} is empty.")
    path = "'" + str(file.resolve()).replace("'", "''") + "'"
    connection.execute(f"set allowed_paths = [{path}]")
    if start[:4] == _PARQUET:
        return f"read_parquet({path})", False
    if file.suffix.lower() in (".parquet", ".pq") or b"\0" in start:
        raise unreadable(f"{file.name} is neither a Parquet file nor text in UTF-8.")
    header = start.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    delimiter = max(_DELIMITERS, key=header.count)
    options = f"header = true, all_varchar = true, delim = '{delimiter}', quote = '\"', null_padding = true"
    return f"read_csv({path}, {options}, strict_mode = false, parallel = false)", delimiter == ";"


class _Stream:
    """Shows DuckDB the Arrow stream of an object and nothing else of it, whatever library it comes from."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def _plain(values: object) -> NDArray[Any]:
    """NumPy kinds that DuckDB does not know, as kinds it does."""
    column = np.asarray(values)
    if column.dtype.kind == "M":
        return column.astype("datetime64[us]")
    if column.dtype.kind == "S":
        return column.astype(str).astype(object)
    return column.astype(object) if column.dtype.kind == "U" else column


def _columns(kinds: dict[str, str], needed: Sequence[str], optional: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Wanted name -> (quoted name in the table, type); names are compared without case and spaces around."""
    by_name = {name.strip().lower(): name for name in reversed(list(kinds))}
    missing = [name for name in needed if name not in by_name]
    if missing:
        has = ", ".join(list(kinds)[:12])
        raise Invalid("missing_column", f"The table has no column {', '.join(missing)}; it has {has}.")
    present = [name for name in (*needed, *optional) if name in by_name]
    return {name: ('"' + by_name[name].replace('"', '""') + '"', kinds[by_name[name]]) for name in present}


def _make_views(table: Source, scan: str, columns: dict[str, tuple[str, str]], decimal_comma: bool) -> None:
    def number(name: str) -> str:
        column, kind = columns[name]
        if kind.startswith(_NUMBERS):
            return f"{column}::double"
        text = f"trim({column}::varchar)"
        text = f"replace({text}, ',', '.')" if decimal_comma else text
        return f"try_cast({text} as double)"

    def text(name: str) -> str:
        return f"nullif(trim({_as_text(*columns[name])}), '')"

    finite = "case when isfinite({0}) then {0} end"
    whole = columns["quantity"][1].startswith(_WHOLE_NUMBERS)
    quantity = number("quantity") if whole else finite.format(number("quantity"))
    # A float that is not a number is an unknown quantity like an empty cell; a text that is none is a mistake.
    location = f"coalesce({text('location')}, 'all')" if "location" in columns else "'all'"
    unknown = f"lower({text('quantity')}) in ('nan', 'null', 'na', 'none')"
    table.run(
        "create temp view typed as select row_number() over () + 1 as row,"
        f" {_day(*columns['date'])} as day, {text('date')} as date_text, {text('sku')} as sku,"
        f" {location} as location,"
        f" {quantity} as amount, case when {unknown} then null else {text('quantity')} end as quantity_text,"
        f" {finite.format(number('price')) if 'price' in columns else 'null::double'} as price,"
        f" {_seen(*columns['observed']) if 'observed' in columns else 'true'} as seen,"
        f" source as whole from {scan} as source"
    )
    table.run(
        "create temp view good as select * from typed where day is not null and sku is not null"
        " and (quantity_text is null or abs(amount) <= 1e12)"
    )


def _as_text(column: str, kind: str) -> str:
    """A whole number kept as a float, as SKU numbers are beside an empty cell, is the number and not 100.0."""
    if not kind.startswith(("FLOAT", "DOUBLE")):
        return f"{column}::varchar"
    whole = f"{column} = trunc({column}) and abs({column}) < 1e15"
    return f"case when isnan({column}) then null when {whole} then {column}::bigint::varchar else {column}::varchar end"


def _day(column: str, kind: str) -> str:
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return _plausible(f"try_cast({column} as date)")
    text = f"trim({column}::varchar)"
    tries = "".join(f", try_strptime({text}, '{form}')::date" for form in _DATE_FORMATS)
    return _plausible(f"coalesce(try_cast({text} as date){tries})")


def _plausible(day: str) -> str:
    return f"case when {day} between date '1900-01-01' and date '2199-12-31' then {day} end"


def _seen(column: str, kind: str) -> str:
    """Less than wholly observed is not observed; an empty cell is."""
    if kind == "BOOLEAN":
        return f"coalesce({column}, true)"
    if kind.startswith(_NUMBERS):
        return f"coalesce({column} >= 1, true)"
    return f"lower(trim(coalesce({column}::varchar, '1'))) not in ('0', 'false', 'f', 'no', 'n', '0.0')"
