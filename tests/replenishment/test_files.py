"""Planning and replaying on files alone: what strangers call, and what they may get wrong."""

import csv
import io
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from holdfast.cli import app
from holdfast.kernel.errors import CannotStart, Invalid
from holdfast.replenishment import Costs, Ours, Policy, Rule, backtest, command, plan
from holdfast.replenishment.simulation import PERIODS_MAX, draw_lead_times

SKUS = ("TEA", "CUP", "POT")
START = date(2024, 1, 1)


def history(days: int = 330, skus: tuple[str, ...] = SKUS, seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    quantity = rng.poisson([[4.0], [0.5], [1.5]], (3, days))[: len(skus)]
    dates = [np.datetime64(START + timedelta(days=d)) for d in range(days)]
    return {
        "date": np.tile(np.array(dates, "datetime64[D]"), len(skus)),
        "sku": np.repeat(np.array(skus, object), days),
        "quantity": quantity.ravel(),
    }


def items(**changes: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "sku": np.array(SKUS, object),
        "lead_time_days": np.array([7.0, 14.0, 3.0]),
        "lead_time_sd_days": np.array([2.0, 3.0, 1.0]),
        "moq": np.array([1, 6, 10]),
        "order_multiple": np.array([1, 6, 5]),
        "unit_cost": np.array([2.0, 8.0, 3.0]),
        "price": np.array([4.0, 12.0, 5.0]),
        "review_days": np.array([1, 1, 1]),
    }
    return {name: values for name, values in {**columns, **changes}.items() if values is not None}


def planned(items_table: Any, **policy: Any) -> Any:
    return plan(history(), items_table, None, Policy(**{"target_fill_rate": 0.95, **policy}))


def test_a_plan_has_a_row_per_item_in_whole_packs() -> None:
    told = planned(items())
    assert sorted(told.sku) == sorted(SKUS)
    row = {sku: i for i, sku in enumerate(told.sku)}
    assert told.order_quantity[row["CUP"]] % 6 == 0
    assert told.order_quantity[row["POT"]] % 5 == 0
    assert (told.order_up_to > told.reorder_point).all()
    # Seven days of four a day and a day of review, plus a buffer.
    assert 20 < told.reorder_point[row["TEA"]] < 70


def test_an_order_is_at_least_the_minimum_however_little_is_missing() -> None:
    told = planned(items(moq=np.array([997, 997, 997]), order_multiple=None))
    assert set(told.order_quantity.tolist()) == {997}


def test_state_is_taken_off_the_order() -> None:
    table = items(moq=None, order_multiple=None)
    empty = planned(table)
    at = list(empty.sku).index("TEA")
    state = {"sku": np.array(["TEA"], object), "on_hand": np.array([5]), "inbound_1": np.array([3]), "inbound_9": [2]}
    state = {name: np.asarray(values) for name, values in state.items()}
    told = plan(history(), table, None, Policy(target_fill_rate=0.95), state=state)
    assert told.order_quantity[at] == empty.order_quantity[at] - 10
    assert any(line.startswith("no_state (2)") for line in told.remarks)
    rows = {
        "sku": np.array(["TEA", "TEA"], object),
        "on_hand": np.array([5, 5]),
        "period": np.array([1, 9]),
        "inbound": np.array([3, 2]),
    }
    again = plan(history(), table, None, Policy(target_fill_rate=0.95), state=rows)
    assert again.order_quantity.tolist() == told.order_quantity.tolist()


def test_a_higher_fill_rate_or_a_dearer_shortage_keeps_more() -> None:
    every_day = Costs(order_cost=0.0)
    low = planned(items(), target_fill_rate=0.8, costs=every_day)
    high = planned(items(), target_fill_rate=0.99, costs=every_day)
    assert low.reorder_point.sum() < high.reorder_point.sum()
    cheap = planned(items(), target_fill_rate=None, costs=Costs(0.0, holding_cost_per_period=0.2, lost_sale_cost=0.3))
    dear = planned(items(), target_fill_rate=None, costs=Costs(0.0, holding_cost_per_period=0.2, lost_sale_cost=9.0))
    assert cheap.order_quantity.sum() < dear.order_quantity.sum()


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"lead_time_days": np.array([7.0, np.nan, 3.0])}, "no_lead_time (1): CUP at all"),
        ({"lead_time_days": None}, "no_lead_time (3)"),
        ({"lead_time_days": np.array([7.0, -1.0, 3.0])}, "no_lead_time (1): CUP at all"),
        ({"lead_time_days": np.array([7.0, 1e9, 3.0])}, "no_lead_time (1): CUP at all"),
        ({"lead_time_sd_days": np.array([2.0, 1e9, 1.0])}, "bad_spread (1): CUP at all"),
        ({"lead_time_sd_days": np.array([2.0, -1.0, 1.0])}, "bad_spread (1): CUP at all"),
        ({"review_days": np.array([1.0, 1e9, 1.0])}, "bad_review (1): CUP at all"),
        ({"review_days": np.array([1, 0, 1])}, "bad_review (1): CUP at all"),
        ({"moq": np.array([1, -6, 10])}, "bad_moq (1): CUP at all"),
        ({"price": np.array([4.0, -12.0, 5.0])}, "bad_price (1): price of CUP at all"),
        ({"moq": np.array(["1", "six", "10"], object)}, 'bad_number (1): row 3, moq: "six"'),
        ({"sku": np.array(["TEA", "TEA", "POT"], object)}, "repeated_item (1): row 3: TEA at all"),
        ({"sku": np.array(["TEA", "JAR", "POT"], object)}, 'no_history (1): row 3, sku: "JAR"'),
    ],
)
def test_an_odd_item_is_noted_and_stops_nobody(changes: Any, remark: str) -> None:
    told = planned(items(**changes))
    assert any(line.startswith(remark) for line in told.remarks), told.remarks
    tea = list(told.sku).index("TEA")
    assert told.order_quantity[tea] > 0


def test_a_wild_spread_of_the_lead_time_needs_no_memory_for_a_thousand_years() -> None:
    assert draw_lead_times(np.array([2.0]), np.array([3_000.0]), seed=1, draws=5_000).max() <= PERIODS_MAX


@pytest.mark.parametrize("name", ["review_periods", "lead_time_periods"])
def test_a_time_of_a_policy_beyond_ten_years_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=name):
        Policy(target_fill_rate=0.95, **{name: 1e9})


def test_bulk_orders_left_out_are_told_and_can_be_kept() -> None:
    """A shop that lives on orders of two hundred must hear that a plan does not keep stock for them."""
    sold = history()
    sold["quantity"] = np.where(np.arange(sold["quantity"].size) % 50 == 25, 200, sold["quantity"])
    without = plan(sold, items(), None, Policy(target_fill_rate=0.95))
    told = [line for line in without.remarks if line.startswith("bulk_left_out (3)")]
    assert told, without.remarks
    assert "TEA at all" in told[0]
    kept = plan(sold, items(), None, Policy(target_fill_rate=0.95, keep_bulk=True))
    assert not [line for line in kept.remarks if line.startswith("bulk")]
    assert (kept.order_up_to > 2 * without.order_up_to).all()


def test_minimum_quantity_nought_is_no_minimum() -> None:
    assert planned(items(moq=np.array([0, 0, 0]))).remarks == planned(items(moq=np.array([1, 1, 1]))).remarks


def test_an_item_without_a_sale_is_planned_as_nothing() -> None:
    table = items(sku=np.array(["TEA", "CUP", "JAR"], object), location=np.array(["all"] * 3, object))
    told = planned(table)
    assert (told.sku[2], told.reorder_point[2], told.order_up_to[2], told.order_quantity[2]) == ("JAR", -1, 0, 0)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(Invalid, match="quantity"):
        plan({"date": np.array(["2024-01-01"], object), "sku": np.array(["TEA"], object)}, items())
    with pytest.raises(Invalid, match="sku"):
        plan(history(), {"lead_time_days": np.array([1.0])})


def test_one_observation_and_no_history_give_a_plan() -> None:
    one = {"date": np.array(["2024-01-01"], object), "sku": np.array(["TEA"], object), "quantity": np.array([3])}
    assert plan(one, items()).sku.tolist() == ["TEA"]
    with pytest.raises(Invalid, match="too_short"):
        backtest(one, items())


def test_a_backtest_is_the_same_twice_and_ours_is_not_beaten_by_the_rule() -> None:
    first, second = backtest(history(), items()), backtest(history(), items())
    assert first.as_json() == second.as_json()
    cost = {o.policy: o.cost for o in first.outcomes}
    assert cost["perfect foresight"] < cost["holdfast"] < cost["rule, fixed"]
    assert all(cost["perfect foresight"] < other for name, other in cost.items() if name != "perfect foresight")


def test_what_comes_after_a_day_changes_nothing_before_it() -> None:
    """The same replay of a year, once with the true sequel and once with another: not one figure differs."""
    until = START + timedelta(days=300)
    table = history()
    other = dict(table)
    late = table["date"] >= np.datetime64(until)
    other["quantity"] = np.where(late, 999, table["quantity"])
    start = START + timedelta(days=200)
    kept = backtest(table, items(), [Ours(20.0), Rule()], start, until)
    changed = backtest(other, items(), [Ours(20.0), Rule()], start, until)
    assert kept.as_json() == changed.as_json()
    longer = backtest(table, items(), [Ours(20.0)], start, until + timedelta(days=50), keep_bulk=True)
    wilder = backtest(other, items(), [Ours(20.0)], start, until + timedelta(days=50), keep_bulk=True)
    assert longer.as_json() != wilder.as_json(), "the change does reach a replay that includes it"


def write(path: Path, table: dict[str, Any]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def test_the_commands_work_on_csv_files_alone(tmp_path: Path) -> None:
    sold, listed = write(tmp_path / "h.csv", history()), write(tmp_path / "i.csv", items())
    state = {"sku": list(SKUS), "location": ["all"] * 3, "on_hand": [0, 90, 4], "inbound_1": [9, 0, 0]}
    stock = write(tmp_path / "s.csv", state)
    params = tmp_path / "p.json"
    params.write_text(
        json.dumps({"holding_cost": 0.2, "lost_sale_cost": 1, "order_cost": 0, "review_periods": 1, "period_length": 1})
    )
    out = tmp_path / "plan.csv"
    asked = ["--history", str(sold), "--items", str(listed)]
    run = CliRunner().invoke(app, ["plan", *asked, "--state", str(stock), "--params", str(params), "--out", str(out)])
    assert run.exit_code == 0, run.output
    rows = list(csv.DictReader(out.open()))
    assert list(rows[0]) == ["sku", "location", "reorder_point", "order_up_to", "order_quantity"]
    assert {row["sku"]: row["order_quantity"] for row in rows}["CUP"] == "0"
    told = tmp_path / "b.json"
    run = CliRunner().invoke(app, ["backtest", *asked, "--json", "--out", str(told)])
    assert run.exit_code == 0, run.output
    assert [o["policy"] for o in json.loads(told.read_text())["policies"]][-1] == "perfect foresight"
    assert CliRunner().invoke(app, ["backtest", *asked]).exit_code == 0


def test_a_backtest_in_a_narrow_window_cuts_no_figure_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten columns of figures on 80 characters read 11,4... for a cost of eleven millions."""
    told = backtest(history(), items(unit_cost=np.array([2e6, 8e6, 3e6]), price=np.array([4e6, 9e6, 5e6])))
    monkeypatch.setattr(command, "screen", Console(width=60, record=True, file=io.StringIO()))
    command.shown_whole(command.backtest_grid(told))
    shown = command.screen.export_text()
    for outcome in told.outcomes:
        assert f"{outcome.cost:,.0f}" in shown
        assert f"{outcome.holding_cost:,.0f}" in shown
    assert "stock-outs" in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("{}", "missing_parameter"),
        ('{"target_fill_rate": 1.5}', "bad_parameter"),
        ('{"target_fill_rate": "much"}', "bad_parameter"),
        ('{"target_fill_rate": 0.9, "period_length": "fortnight"}', "bad_parameter"),
        ("[1]", "bad_parameter"),
        ("{", "unreadable_file"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(tmp_path: Path, params: str, told: str) -> None:
    sold, listed = write(tmp_path / "h.csv", history(40)), write(tmp_path / "i.csv", items())
    file = tmp_path / "p.json"
    file.write_text(params)
    asked = ["--history", str(sold), "--items", str(listed), "--params", str(file), "--out", str(tmp_path / "o.csv")]
    run = CliRunner().invoke(app, ["plan", *asked])
    assert run.exit_code == 2
    assert told in run.output
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("located", [True, False])
def test_nothing_before_the_day_of_the_plan_is_a_plan_of_nothing(located: bool) -> None:
    place = np.array(["all"] * 3, object) if located else None
    told = plan(history(30), items(location=place), START, Policy(target_fill_rate=0.9))
    assert told.order_quantity.sum() == 0
    assert told.sku.size == (3 if located else 0)


def test_zeros_fractions_and_ten_years_of_gaps_are_planned() -> None:
    odd = {
        "date": np.array(["2014-01-01", "2024-03-01", "2024-03-01", "2024-03-02"], object),
        "sku": np.array(["TEA", "TEA", "CUP", "POT"], object),
        "quantity": np.array([5.0, -2.0, 0.0, 0.25]),
    }
    told = plan(odd, items())
    assert told.sku.tolist() == ["CUP", "POT", "TEA"]
    assert told.order_quantity[0] == 0
    assert (told.order_quantity >= 0).all()


KILLED = """
import os, pathlib, signal, sys
pathlib.Path.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
from holdfast.cli import app
app(sys.argv[1:])
"""


def test_a_plan_that_is_killed_leaves_the_old_file_and_the_next_run_finishes(tmp_path: Path) -> None:
    sold, listed = write(tmp_path / "h.csv", history(60)), write(tmp_path / "i.csv", items())
    params, out = tmp_path / "p.json", tmp_path / "o.csv"
    params.write_text('{"target_fill_rate": 0.9}')
    out.write_text("kept\n")
    asked = ["plan", "--history", str(sold), "--items", str(listed), "--params", str(params), "--out", str(out)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *asked], check=False, capture_output=True)
    assert killed.returncode == -9
    assert out.read_text() == "kept\n"
    run = CliRunner().invoke(app, asked)
    assert run.exit_code == 0, run.output
    assert len(out.read_text().splitlines()) == 4
    assert sorted(file.name for file in tmp_path.iterdir()) == ["h.csv", "i.csv", "o.csv", "p.json"]


def test_a_plan_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sold, listed = write(tmp_path / "h.csv", history(30)), write(tmp_path / "i.csv", items())
    params = tmp_path / "p.json"
    params.write_text('{"target_fill_rate": 0.9}')
    out = tmp_path / "nowhere" / "o.csv"
    asked = ["plan", "--history", str(sold), "--items", str(listed), "--params", str(params), "--out", str(out)]
    with pytest.raises(CannotStart, match="cannot be written"):
        CliRunner().invoke(app, asked, catch_exceptions=False)


def test_a_state_is_named_by_its_row(tmp_path: Path) -> None:
    state = {"sku": ["TEA", "JAR", "CUP"], "on_hand": ["some", "3", "-4"]}
    told = plan(history(), items(), None, Policy(target_fill_rate=0.9), state=write(tmp_path / "s.csv", state))
    assert "unknown_series (1): row 3: JAR at all" in told.remarks
    assert 'bad_stock (2): row 2, on_hand: "some"; row 4, on_hand: "-4"' in told.remarks


def test_inbound_counts_by_the_period_it_arrives_in() -> None:
    """Lost sales: what arrives after the order does cannot serve what is lost before, what arrives first can."""
    table = items(moq=None, order_multiple=None, lead_time_days=np.array([7.0, 7.0, 7.0]))
    costs = Costs(0.0, holding_cost_per_period=0.02, lost_sale_cost=1.0)

    def ordered(**inbound: Any) -> int:
        state = {"sku": np.array(SKUS, object), "on_hand": np.zeros(3, np.int64)}
        state |= {name: np.array([units, 0, 0]) for name, units in inbound.items()}
        told = plan(history(), table, None, Policy(costs=costs), state=state)
        assert told.chosen_by.startswith("sample paths")
        return int(told.order_quantity[list(told.sku).index("TEA")])

    nothing, late, early = ordered(), ordered(inbound_8=3), ordered(inbound_1=3)
    assert late == nothing - 3, "what arrives with the order is there in full"
    assert early > late, "what arrives in the morning is gone by then"
