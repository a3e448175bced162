"""``holdfast forecast``: quantiles of the coming demand from a sales file, without a database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from holdfast.demand.chunks import CHUNK_SERIES, in_chunks
from holdfast.demand.history import DemandHistory
from holdfast.kernel.errors import CannotStart, Invalid

if TYPE_CHECKING:
    from holdfast.demand.forecast_file import Forecasts
    from holdfast.demand.tables import Panel

# Progress is not the result: a pipe gets only what it asked for.
screen = Console(stderr=True)


History = Annotated[Path, typer.Option(help="CSV or Parquet: date, sku, quantity; location, price, observed if known.")]
Horizon = Annotated[int, typer.Option(min=1, max=730, help="Periods to sum: days, weeks or months, as the file has.")]
Out = Annotated[Path, typer.Option(help="Where the forecasts go: .parquet or .csv.")]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Read nothing of this day or later.")]
Method = Annotated[str, typer.Option(help="'best', or one method by its name, for all series.")]
Processes = Annotated[int, typer.Option(min=0, help="Processes; 0 is one per core.")]
OnRay = Annotated[bool, typer.Option("--ray", help="Use the Ray cluster of RAY_ADDRESS, or one started here.")]


def forecast_file(
    history: History,
    horizon: Horizon,
    out: Out,
    as_of: AsOf = None,
    method: Method = "best",
    processes: Processes = 0,
    ray: OnRay = False,
) -> None:
    """Forecast the demand of the next HORIZON periods of every series as quantiles of its sum."""
    # What reads files is imported where it is used: every other command starts without it.
    from holdfast.demand.forecast_file import forecaster, write_forecasts
    from holdfast.demand.tables import read_history

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise CannotStart(f"{out.name} must end in .csv or .parquet.")
    started = time.monotonic()
    try:
        panel = read_history(history, as_of=as_of.date() if as_of else None)
    except Invalid as refused:
        raise CannotStart(refused.detail) from refused
    for note in panel.notes:
        screen.print(f"[yellow]{note.kind}[/] {note.count:,} " + "; ".join(note.examples), highlight=False)
    count = panel.history.series
    screen.print(f"{count:,} series, {panel.history.days} {panel.period}s{_until(panel)}")
    chosen = forecaster(panel, horizon, method)
    screen.print(f"Method {chosen.method.name}, ready after {time.monotonic() - started:.0f} s")
    with Progress(console=screen, transient=True) as progress:
        bar = progress.add_task("Forecasting", total=count)

        def told(parts: Iterator[Forecasts]) -> Iterator[Forecasts]:
            for part in parts:
                progress.advance(bar, part.mean.size)
                yield part

        workers = processes if count > CHUNK_SERIES else 1
        parts = in_chunks(chosen, _chunks(panel), processes=workers, on_ray=ray)
        write_forecasts(out, panel.sku, panel.location, told(parts))
    screen.print(f"{out} written after {time.monotonic() - started:.0f} s")


def _chunks(panel: Panel) -> Iterator[DemandHistory]:
    for start in range(0, panel.history.series, CHUNK_SERIES):
        yield panel.history.rows(slice(start, start + CHUNK_SERIES))


def _until(panel: Panel) -> str:
    return f" until {panel.starts[-1].item()}" if panel.starts.size else ""
