"""A weekly inventory game by the rules of the VN2 competition: orders placed round by round, scored in money.

    python -m bench.planning.game --data DIR [--sets web-shop-weeks] [--series 600]

Every item starts with a given state. Each round what is due arrives, demand comes, what is missing is lost, what is
left is held; then an order may be placed that is there after the next two rounds. Six orders, eight rounds are
scored: 0.2 per unit left at the end of a round, 1 per unit lost. Every policy sees the same past and its own state.

"rule" is the source specification's: mean of 90 days, up to 14 days of safety stock and 7 days of demand. "base stock"
orders up to so many periods of the last 13's mean, the number chosen on the two games before this one. "hindsight" is
the same with the number that was best in this game: nobody can know it. "holdfast" is `plan`, called every round.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.planning.sets import Folder
from holdfast.demand import DemandHistory, Panel, Period, read_history
from holdfast.replenishment import Costs, Policy, plan

Ints = NDArray[np.int64]

HOLDING, LOST = 0.2, 1.0
ORDERS, ROUNDS, LEAD = 6, 8, 2
RECENT = 13
COVERS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 5.0)
SERIES = 600
SEED = 20261121


@dataclass(frozen=True, slots=True)
class Game:
    """Demand (series, periods) of whole periods with its calendar, and the period the game begins with."""

    name: str
    demand: Ints
    starts: NDArray[np.datetime64]
    period: Period
    begin: int

    @property
    def series(self) -> int:
        return int(self.demand.shape[0])

    def at(self, begin: int) -> Game:
        return Game(self.name, self.demand, self.starts, self.period, begin)


@dataclass(frozen=True, slots=True)
class State:
    """Before a round: units on hand, and due by coming round."""

    on_hand: Ints
    due: Ints  # (series, LEAD), the first column arrives with the round that starts now

    @property
    def position(self) -> Ints:
        return self.on_hand + self.due.sum(axis=1)


@dataclass(frozen=True, slots=True)
class Result:
    cost: float
    holding: float
    lost: float
    seconds: float


# The order of a round, from the game, the number of periods known, and the state.
Player = Callable[[Game, int, State], Ints]


def play(game: Game, player: Player) -> Result:
    mean = game.demand[:, game.begin - RECENT : game.begin].mean(axis=1)
    on_hand = np.rint(2 * mean).astype(np.int64)
    due = np.repeat(np.rint(mean).astype(np.int64)[:, None], LEAD, axis=1)
    held = lost = 0
    started = time.process_time()
    for round_ in range(ROUNDS):
        known = game.begin + round_
        order = player(game, known, State(on_hand, due)) if round_ < ORDERS else np.zeros(game.series, np.int64)
        wanted = game.demand[:, known]
        stock = on_hand + due[:, 0]
        sold = np.minimum(stock, wanted)
        on_hand = stock - sold
        due = np.concatenate([due[:, 1:], order[:, None]], axis=1)
        held, lost = held + int(on_hand.sum()), lost + int((wanted - sold).sum())
    seconds = time.process_time() - started
    return Result(HOLDING * held + LOST * lost, HOLDING * held, LOST * lost, seconds)


def rule(game: Game, known: int, state: State) -> Ints:
    """Up to 14 days of safety stock and 7 days of demand, when at or below it."""
    days = game.period.days
    mean = game.demand[:, max(known - round(90 / days), 0) : known].mean(axis=1)
    return np.maximum(np.ceil(mean * 21 / days).astype(np.int64) - state.position, 0)


def base_stock(cover: float) -> Player:
    def order(game: Game, known: int, state: State) -> Ints:
        mean = game.demand[:, known - RECENT : known].mean(axis=1)
        return np.maximum(np.rint(cover * mean).astype(np.int64) - state.position, 0)

    return order


def best_cover(game: Game, begins: list[int]) -> float:
    """The number of periods that would have been cheapest in the games that begin so."""
    return min(COVERS, key=lambda cover: sum(play(game.at(begin), base_stock(cover)).cost for begin in begins))


def holdfast(game: Game, known: int, state: State) -> Ints:
    sku = np.array([f"{row:05}" for row in range(game.series)], object)
    rows, columns = np.nonzero(np.cumsum(game.demand[:, :known], axis=1) > 0)
    history = {"date": game.starts[columns], "sku": sku[rows], "quantity": game.demand[rows, columns]}
    place = np.full(game.series, "all", object)
    days = game.period.days
    items = {
        "sku": sku,
        "location": place,
        "lead_time_days": np.full(game.series, LEAD * days),
        "review_days": np.full(game.series, days),
    }
    inbound = {f"inbound_{number + 1}": state.due[:, number] for number in range(LEAD)}
    costs = Costs(order_cost=0.0, holding_cost_per_period=HOLDING, lost_sale_cost=LOST)
    policy = Policy(costs=costs, period=game.period)
    stock = {"sku": sku, "location": place, "on_hand": state.on_hand, **inbound}
    return plan(history, items, None, policy, state=stock).order_quantity


def games(folder: Folder, series: int = SERIES) -> list[Game]:
    """The web shop's last two, and its years before; a year of another shop; fresh food by the day."""
    shop = _weeks(folder.web_shop())
    weekly, fresh = folder.weekly(), folder.fresh_food()
    found = [_game("web-shop-weeks", shop, begin, series) for begin in (shop.history.days - 9, shop.history.days - 19)]
    found += [_game("weekly", weekly, begin, series) for begin in (weekly.history.days - 9, weekly.history.days - 17)]
    return [*found, _game("fresh-days", fresh, fresh.history.days - 9, series)]


def _weeks(panel: Panel) -> Panel:
    """Whole weeks from Monday, as a shop would sum them up."""
    rows, columns = np.nonzero(panel.history.quantity)
    table = {
        "date": panel.starts[columns],
        "sku": panel.sku[rows],
        "quantity": panel.history.quantity[rows, columns],
    }
    return read_history(table, period=Period.WEEK)


def _game(name: str, panel: Panel, begin: int, series: int) -> Game:
    """Series with a sale in one of five periods before the game, drawn with one seed."""
    history: DemandHistory = panel.history
    before = history.quantity[:, :begin]
    live = np.flatnonzero((np.count_nonzero(before, axis=1) > begin // 5) & (before[:, -RECENT:].sum(axis=1) > 0))
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.choice(live, min(series, live.size), replace=False))
    demand = np.rint(history.quantity[rows]).astype(np.int64)
    return Game(name, demand, panel.starts, panel.period, begin)


def measure(folder: Folder, sets: str = "", series: int = SERIES) -> dict[str, float]:
    print(
        "| game | series | begins | rule | base stock | in hindsight | holdfast | ÷ rule | ÷ base stock | s a round |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    figures: dict[str, float] = {}
    for game in games(folder, series):
        if sets and game.name not in sets.split(","):
            continue
        before = [begin for begin in (game.begin - ROUNDS, game.begin - 2 * ROUNDS) if begin > RECENT]
        tuned = play(game, base_stock(best_cover(game, before))).cost
        ideal = play(game, base_stock(best_cover(game, [game.begin]))).cost
        ruled, ours = play(game, rule).cost, play(game, holdfast)
        costs = f"{ruled:,.0f} | {tuned:,.0f} | {ideal:,.0f} | {ours.cost:,.0f}"
        shares = f"{ours.cost / ruled:.3f} | {ours.cost / tuned:.3f} | {ours.seconds / ORDERS:.1f}"
        began = game.starts[game.begin]
        print(f"| {game.name} | {game.series} | {began} | {costs} | {shares} |", flush=True)
        key = f"game_{game.name}_{began}".replace("-", "_")
        figures |= {f"{key}_vs_rule": ours.cost / ruled, f"{key}_vs_base_stock": ours.cost / tuned}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HOLDFAST_BENCH_DATA"), required=False)
    parser.add_argument("--sets", default="")
    parser.add_argument("--series", type=int, default=SERIES)
    asked = parser.parse_args()
    measure(Folder(Path(asked.data or ".")), asked.sets, asked.series)


if __name__ == "__main__":
    main()
