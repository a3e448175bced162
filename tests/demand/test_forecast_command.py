"""``holdfast forecast`` on files alone."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from holdfast.cli import app


def sales(folder: Path, series: int = 30, days: int = 120) -> Path:
    rng = np.random.default_rng(51)
    lines = ["date,sku,location,quantity"]
    for number in range(series):
        for day, units in enumerate(rng.poisson(1 + number % 5, days).tolist()):
            if units:
                lines.append(f"{np.datetime64('2024-01-01') + day},S{number:03},W{number % 2},{units}")
    lines.append("2024-02-01,S000,W0,many")
    file = folder / "sales.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast", "forecast", *map(str, arguments)]
    settings = {name: value for name, value in os.environ.items() if name != "INVENTORY_DB_URL"}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=settings, timeout=120)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_sales_file_becomes_quantiles_of_the_coming_sum_per_series(kind: str, tmp_path: Path) -> None:
    out = tmp_path / f"forecast.{kind}"
    ran = run("--history", sales(tmp_path), "--horizon", 7, "--out", out, "--method", "ses-negbin")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    assert "bad_number" in ran.stderr
    assert "many" in ran.stderr, "the row that was left out is named"
    found = duckdb.connect().execute(f"select * from '{out}' order by sku").fetchnumpy()
    assert list(found) == ["sku", "location", "mean", "q50", "q80", "q90", "q95", "q99", "method"]
    assert found["sku"].tolist() == [f"S{number:03}" for number in range(30)]
    assert set(found["method"]) == {"ses-negbin"}
    expected = 7 * (1 + np.arange(30) % 5)
    assert np.all(np.abs(found["mean"] - expected) < 0.5 * expected)
    ladder = np.stack([found[name] for name in ("q50", "q80", "q90", "q95", "q99")])
    assert np.all(np.diff(ladder, axis=0) >= 0)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([out.name, "sales.csv"]), "nothing is left beside"


def test_nothing_of_the_day_asked_for_or_later_is_read(tmp_path: Path) -> None:
    file = sales(tmp_path)
    cut, same = tmp_path / "cut.csv", tmp_path / "same.csv"
    run("--history", file, "--horizon", 7, "--out", cut, "--as-of", "2024-03-01", "--method", "ses-negbin")
    kept = [line for line in file.read_text().splitlines() if not "2024-03-01" <= line[:10] < "3"]
    earlier = tmp_path / "earlier.csv"
    earlier.write_text("\n".join(kept) + "\n")
    run("--history", earlier, "--horizon", 7, "--out", same, "--method", "ses-negbin")
    assert cut.read_text() == same.read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--out", "x.csv", "--history", "none.csv"), "cannot be read"),
        (("--out", "x.xlsx", "--history", "sales.csv"), "must end in .csv or .parquet"),
        (("--out", "x.csv", "--history", "sales.csv", "--method", "magic"), "There is no method magic"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales(tmp_path, series=2, days=10)
    monkeypatch.chdir(tmp_path)
    ran = run("--horizon", 7, *arguments)
    assert ran.returncode == 1
    assert reason in " ".join((ran.stdout + ran.stderr).split())
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "x.csv").exists()


# Killed where it hurts most: everything is written beside, and the name is about to be changed.
KILLED = """
import os, pathlib, signal, sys
pathlib.Path.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
from holdfast.cli import app
app(sys.argv[1:])
"""


@pytest.mark.parametrize("before", [None, "sku\nkept\n"])
def test_a_run_that_is_killed_leaves_the_old_file_or_none_and_the_next_run_finishes(
    before: str | None, tmp_path: Path
) -> None:
    history, out = sales(tmp_path, series=5, days=40), tmp_path / "forecast.csv"
    if before is not None:
        out.write_text(before)
    asked = ["forecast", "--history", history, "--horizon", "7", "--out", out, "--method", "ses-negbin"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, asked)], check=False, capture_output=True)
    assert killed.returncode == -9
    assert (out.read_text() if out.exists() else None) == before
    assert run(*asked[1:]).returncode == 0
    assert len(out.read_text().splitlines()) == 6
    assert sorted(file.name for file in tmp_path.iterdir()) == ["forecast.csv", "sales.csv"], "nothing is left beside"


def test_ray_gives_the_same_file(tmp_path: Path) -> None:
    history = sales(tmp_path, series=6, days=60)
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    asked = ("--history", history, "--horizon", 7, "--method", "tsb-negbin")
    assert run(*asked, "--out", here).returncode == 0
    ran = run(*asked, "--out", there, "--ray")
    assert ran.returncode == 0, ran.stderr
    assert there.read_text() == here.read_text()


@pytest.mark.parametrize("series", [1, 20])
@pytest.mark.parametrize(("step", "periods", "horizon"), [(1, 45, 7), (1, 20, 400), (7, 30, 3), (30, 14, 3)])
def test_few_series_short_pasts_and_far_horizons_get_a_sensible_forecast(
    series: int, step: int, periods: int, horizon: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(61)
    start = np.datetime64("2023-01-01")
    when = (
        [start.astype("datetime64[M]") + k for k in range(periods)]
        if step == 30
        else [start + step * k for k in range(periods)]
    )
    days = [np.datetime64(day, "D") for day in when]
    # Every third period is left out: no row is no sale.
    rows = [f"{days[k]},S{n},{4 + rng.poisson(4)}" for n in range(series) for k in range(periods) if k % 3]
    file, out = tmp_path / "h.csv", tmp_path / "f.csv"
    file.write_text("\n".join(["date,sku,quantity", *rows]) + "\n")
    ran = CliRunner().invoke(app, ["forecast", "--history", str(file), "--horizon", str(horizon), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    found = duckdb.connect().execute(f"select * from '{out}'").fetchnumpy()
    assert found["mean"].size == series
    ladder = np.stack([found[name] for name in ("q50", "q80", "q90", "q95", "q99")])
    assert np.all(np.diff(ladder, axis=0) >= 0)
    expected = 8 * 2 / 3 * horizon
    assert np.all(np.abs(found["q50"] - expected) < 0.4 * expected)
    assert np.all(found["q99"] < 4 * expected)
