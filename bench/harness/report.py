"""What was measured, as one row per (design, cell) with minimum, median and maximum over the repetitions."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measurement:
    """One cell of one repetition. Times in ms; CPU in µs per hold: of the service, of the database server."""

    design: str
    cell: str
    repetition: int
    holds_per_second: float
    p50_ms: float
    p99_ms: float
    app_us: float
    postgres_us: float
    refused: int
    errors: int

    @property
    def cpu_us(self) -> float:
        return self.app_us + self.postgres_us


Pick = Callable[[Measurement], float]


class Measurements:
    """All cells of a run, looked up by design and cell."""

    def __init__(self, rows: Iterable[Measurement] = ()) -> None:
        self.rows = list(rows)

    def of(self, design: str, cell: str) -> list[Measurement]:
        found = [row for row in self.rows if (row.design, row.cell) == (design, cell)]
        return sorted(found, key=lambda row: row.repetition)

    def ratio(self, pick: Pick, over: tuple[str, str], under: tuple[str, str]) -> float | None:
        """Median over the repetitions of `over` ÷ `under`, each pair taken from one repetition."""
        pairs = zip(self.of(*over), self.of(*under), strict=True)
        ratios = [pick(top) / pick(bottom) for top, bottom in pairs if pick(bottom)]
        return statistics.median(ratios) if ratios else None

    def cells(self) -> dict[str, list[str]]:
        """Every cell with its designs, in the order they came."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            designs = found.setdefault(row.cell, [])
            if row.design not in designs:
                designs.append(row.design)
        return found


def spread_of(values: Iterable[float], digits: int = 0) -> str:
    """`min–median–max`."""
    numbers = list(values)
    return "–".join(f"{x:,.{digits}f}" for x in (min(numbers), statistics.median(numbers), max(numbers)))


HEADINGS = (
    "design",
    "holds/s min–median–max",
    "p50 ms",
    "p99 ms min–median–max",
    "CPU µs app + pg",
    "× usual",
    "409",
    "errors",
)


def _line(measured: Measurements, design: str, cell: str) -> tuple[str, ...]:
    rows = measured.of(design, cell)
    usual = measured.of("usual", cell)
    ratio = None
    if design != "usual" and len(usual) == len(rows):
        ratio = measured.ratio(lambda row: row.holds_per_second, (design, cell), ("usual", cell))
    app = statistics.median(row.app_us for row in rows)
    postgres = statistics.median(row.postgres_us for row in rows)
    return (
        design,
        spread_of(row.holds_per_second for row in rows),
        f"{statistics.median(row.p50_ms for row in rows):.1f}",
        spread_of((row.p99_ms for row in rows), 1),
        f"{app:.0f} + {postgres:.0f}",
        f"{ratio:.1f}" if ratio else "",
        str(sum(row.refused for row in rows)),
        str(sum(row.errors for row in rows)),
    )


def print_tables(measured: Measurements) -> None:
    """One table per cell, designs in the order they were first measured."""
    console = Console()
    console.width = max(144, console.width)  # narrower, and the figures would be cut
    for cell, designs in measured.cells().items():
        table = Table(title=cell, title_justify="left")
        for place, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="right" if place else "left", no_wrap=True)
        for design in designs:
            table.add_row(*_line(measured, design, cell))
        console.print(table)


def markdown(measured: Measurements) -> str:
    """The same tables for docs/performance.md."""
    parts: list[str] = []
    for cell, designs in measured.cells().items():
        lines = [_line(measured, design, cell) for design in designs]
        head = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
        parts.append("\n".join([f"**{cell}**", "", *head, *("| " + " | ".join(one) + " |" for one in lines)]))
    return "\n\n".join(parts) + "\n"
