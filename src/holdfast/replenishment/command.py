"""``holdfast plan`` and ``holdfast backtest``: decide and replay on files alone, without a database."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table as Grid

from holdfast.kernel.errors import CannotStart, Invalid

if TYPE_CHECKING:
    from holdfast.replenishment.backtesting import Backtest, Outcome
    from holdfast.replenishment.planning import Planned, Policy

screen = Console()
errors = Console(stderr=True)

HistoryFile = Annotated[
    Path, typer.Option("--history", help="Demand: date, sku, location, quantity (price, observed). CSV or Parquet.")
]
ItemsFile = Annotated[
    Path,
    typer.Option(
        "--items",
        help="sku, location, lead_time_days, lead_time_sd_days, moq, order_multiple, unit_cost, price, review_days.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]

PERIOD_DAYS = {1: "day", 7: "week", 28: "month", 30: "month", 31: "month"}
PERIOD_WORDS = {"day": "day", "daily": "day", "week": "week", "weekly": "week", "month": "month", "monthly": "month"}

# Parameter -> what it is called elsewhere.
NAMES = {
    "target_fill_rate": ("fill_rate",),
    "holding_cost": ("holding_cost_per_unit", "holding_cost_per_unit_per_period", "holding"),
    "lost_sale_cost": ("lost_sale_cost_per_unit", "lost_sales_cost", "shortage_cost", "shortage_cost_per_unit"),
    "order_cost": ("fixed_order_cost",),
    "holding_rate_per_year": ("holding_rate",),
    "review_periods": ("review_period", "review"),
    "period_length": ("period", "period_length_days", "period_days"),
    "lead_time_periods": (),
    "lost_sales": (),
    "keep_bulk": (),
    "seed": (),
}


def plan_files(
    history: HistoryFile,
    items: ItemsFile,
    params: Annotated[Path, typer.Option(help="JSON or TOML: target_fill_rate, or holding_cost and lost_sale_cost.")],
    out: Annotated[Path, typer.Option(help="Where to write the plan: CSV, or Parquet by its ending.")],
    state: Annotated[Path | None, typer.Option(help="sku, location, on_hand, inbound_1, inbound_2, ...")] = None,
    calendar: Annotated[Path | None, typer.Option(help="kind, first_day, last_day, sku, location, factor.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Nothing of this day or later is read.")
    ] = None,
) -> None:
    """Reorder point, order-up-to level and the order to place now, for every item; needs no database.

    Writes sku, location, reorder_point, order_up_to, order_quantity.
    """
    from holdfast.replenishment.planning import plan

    with _refusals_told():
        policy = policy_from(_read_params(params))
        planned = plan(history, items, as_of.date() if as_of else None, policy, state=state, calendar=calendar)
        write_plan(planned, out)
    for remark in planned.remarks:
        errors.print(f"[yellow]note[/] {remark}", highlight=False)
    lines = int((planned.order_quantity > 0).sum())
    units = int(planned.order_quantity.sum())
    screen.print(f"{planned.sku.size:,} levels, {lines:,} orders of {units:,} units, by {planned.chosen_by}: {out}")


def backtest_files(
    history: HistoryFile,
    items: ItemsFile,
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of the replay.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day after the last.")] = None,
    order_cost: Annotated[float, typer.Option(min=0, help="Per order line.")] = 2.0,
    holding_rate: Annotated[float, typer.Option(min=0, help="Per year, on the unit cost.")] = 0.25,
    lost_sale_cost: Annotated[float | None, typer.Option(min=0, help="Per unit; else price - unit cost.")] = None,
    backorders: Annotated[bool, typer.Option(help="Who finds no stock waits instead of leaving.")] = False,
    censored: Annotated[bool, typer.Option(help="Policies see their own sales, not the demand.")] = False,
    keep_bulk: Annotated[bool, typer.Option(help="Serve one-off bulk orders from the shelf too.")] = False,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(help="Write the result to this file as JSON too.")] = None,
) -> None:
    """Replay your own history under every policy on offer and print what each would have cost. Stores nothing."""
    from holdfast.replenishment.backtesting import backtest
    from holdfast.replenishment.items import Costs

    with _refusals_told():
        told = backtest(
            history,
            items,
            None,
            start.date() if start else None,
            end.date() if end else None,
            Costs(order_cost=order_cost, holding_rate_per_year=holding_rate, lost_sale_cost=lost_sale_cost),
            backorders=backorders,
            censored=censored,
            keep_bulk=keep_bulk,
        )
    text = json.dumps(told.as_json(), indent=1)
    if out is not None:
        out.write_text(text + "\n")
    if as_json:
        print(text)  # noqa: T201 - for programs
        return
    shown_whole(backtest_grid(told))
    for remark in told.remarks:
        errors.print(f"[yellow]note[/] {remark}", highlight=False)


def backtest_grid(told: Backtest) -> Grid:
    """The outcomes, one policy per column; the last row compares each cost with the first policy's.

    Figures stand below one another in rows because ten columns of them fit no screen of 80 characters, and rich cuts
    figures short.
    """
    grid = Grid(title=f"{told.series:,} series, {told.start} to {told.end}, by {told.period}", caption=_caption(told))
    base, bound = told.outcomes[0].cost, told.outcomes[-1]
    rows = [_figures(o, base, bound=o is bound) for o in told.outcomes]
    grid.add_column("", min_width=_longest(rows[0]))
    for outcome, row in zip(told.outcomes, rows, strict=True):
        width = _longest([outcome.policy, *row.values()])
        grid.add_column(outcome.policy, justify="right", min_width=width, style="dim" if outcome is bound else "")
    for name in rows[0]:
        grid.add_row(name, *[row[name] for row in rows])
    # Each column has a space on either side and a line after it.
    grid.min_width = sum((column.min_width or 0) + 3 for column in grid.columns) + 1
    return grid


def _longest(texts: Iterable[str]) -> int:
    return max(len(word) for text in texts for word in text.split())


def _figures(outcome: Outcome, base: float, *, bound: bool) -> dict[str, str]:
    return {
        "stock-outs": "" if bound else f"{outcome.stockout_periods:,}",
        "share": "" if bound else f"{outcome.stockout_share:.1%}",
        "fill rate": f"{outcome.fill_rate:.1%}",
        "mean stock": f"{outcome.stock_value:,.0f}",
        "orders": f"{outcome.orders:,}",
        "holding": f"{outcome.holding_cost:,.0f}",
        "ordering": f"{outcome.order_cost:,.0f}",
        "lost margin": f"{outcome.lost_margin:,.0f}",
        "cost": f"{outcome.cost:,.0f}",
        "of the first": f"{outcome.cost / base:.0%}" if base else "",
    }


def shown_whole(grid: Grid) -> None:
    """Print a table at the width its figures need, also where a pipe or a narrow window says there is less."""
    screen.width = max(screen.width, grid.min_width or 0)
    screen.print(grid)


def _caption(told: Backtest) -> str:
    learned = (
        f"chosen among {len(told.knob.trials)} on the time before" if told.knob.trials else "too short a past: default"
    )
    return f"service odds of holdfast {told.knob.odds:.0f}:1, {learned}; perfect foresight is a bound, not a policy"


def policy_from(params: dict[str, Any]) -> Policy:
    """The parameters of a file as a policy. Raises Invalid(`bad_parameter`, `missing_parameter`)."""
    from holdfast.demand import Period
    from holdfast.replenishment.items import Costs
    from holdfast.replenishment.planning import Policy

    known = _known_names(params)
    target = _number(known, "target_fill_rate")
    lost = _number(known, "lost_sale_cost")
    holding, rate = _number(known, "holding_cost"), _number(known, "holding_rate_per_year")
    if target is None and (lost is None or (holding is None and rate is None)):
        raise Invalid("missing_parameter", "Give target_fill_rate, or holding_cost and lost_sale_cost.")
    defaults = Costs()
    order = _number(known, "order_cost")
    return Policy(
        target_fill_rate=target,
        costs=Costs(
            order_cost=order if order is not None else defaults.order_cost if target is not None else 0.0,
            holding_rate_per_year=rate if rate is not None else defaults.holding_rate_per_year,
            holding_cost_per_period=holding,
            lost_sale_cost=lost,
        ),
        review_periods=_number(known, "review_periods"),
        lead_time_periods=_number(known, "lead_time_periods"),
        period=None if "period_length" not in known else Period(_period(known["period_length"])),
        lost_sales=bool(known.get("lost_sales", True)),
        keep_bulk=bool(known.get("keep_bulk", False)),
        seed=int(_number(known, "seed") or 1),
    )


def write_plan(planned: Planned, out: Path) -> None:
    """CSV, or Parquet where the name ends so. The file appears whole or not at all."""
    import duckdb

    columns = {
        "sku": planned.sku,
        "location": planned.location,
        "reorder_point": planned.reorder_point,
        "order_up_to": planned.order_up_to,
        "order_quantity": planned.order_quantity,
    }
    beside = out.with_name(f".{out.name}.part")
    form = "format parquet" if out.suffix.lower() in (".parquet", ".pq") else "format csv, header"
    try:
        with duckdb.connect() as connection:
            connection.register("planned", columns)
            path = str(beside).replace("'", "''")
            connection.execute(f"copy (select * from planned) to '{path}' ({form})")
        beside.replace(out)
    except (duckdb.Error, OSError) as error:
        raise CannotStart(f"{out} cannot be written: {str(error).splitlines()[0]}") from error
    finally:
        beside.unlink(missing_ok=True)


def _known_names(params: dict[str, Any]) -> dict[str, Any]:
    meant = {alias: name for name, aliases in NAMES.items() for alias in (name, *aliases)}
    known: dict[str, Any] = {}
    for key, value in params.items():
        if key not in meant:
            errors.print(f"[yellow]note[/] unknown parameter {key}: not used", highlight=False)
        elif value is not None:
            known[meant[key]] = value
    return known


def _number(known: dict[str, Any], name: str) -> float | None:
    if name not in known:
        return None
    try:
        value = float(known[name])
    except (TypeError, ValueError) as error:
        raise Invalid("bad_parameter", f"{name} is a number, not {known[name]!r}.") from error
    if not 0 <= value < float("inf"):
        raise Invalid("bad_parameter", f"{name} is not negative and finite, not {value}.")
    return value


def _period(given: object) -> str:
    found = PERIOD_WORDS.get(str(given).lower().rstrip("s"))
    if found is None and isinstance(given, int | float):
        found = PERIOD_DAYS.get(round(given))
    if found is None:
        raise Invalid("bad_parameter", f"period_length is day, week or month (or 1, 7, 30 days), not {given!r}.")
    return found


def _read_params(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
        found: object = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise Invalid("unreadable_file", f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Invalid("unreadable_file", f"{path.name} is neither JSON nor TOML: {error}.") from error
    if not isinstance(found, dict):
        raise Invalid("bad_parameter", f"{path.name} holds no object of parameters.")
    return cast("dict[str, Any]", found)


class _refusals_told:
    """A refusal is one sentence on the screen and exit code 2."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Invalid):
            errors.print(f"[bold red]{error.code}[/] {error.detail}", highlight=False)
            raise typer.Exit(2) from error
