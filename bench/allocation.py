"""How long an order takes to plan and how good the plan is, beside line-by-line greedy and brute force.

    python -m bench.allocation [--orders 200] [--brute 5]

Orders of 10 lines over 12 warehouses, drawn at random: a warehouse keeps a line with the given chance and then 1 to the
given number of units. CPU time of one core, reasons per line included. Brute force splits the lines over each of the
4,095 sets of warehouses; greedy fills line by line from the nearest. All three answer the same orders.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from statistics import mean, median
from typing import TypeVar

from holdfast.allocation.criteria import STRATEGIES, digits_of, figures_of
from holdfast.allocation.distance import Distance
from holdfast.allocation.model import Candidate, Plan, Shelf, Strategy, Takes, Wanted, coverable, for_sale
from holdfast.allocation.planning import plan_order
from holdfast.allocation.problem import state

T = TypeVar("T")
SHAPES = (("sparse", 0.3, 4), ("usual", 0.5, 6), ("rich", 0.8, 20), ("thin", 1.0, 2))
LINES, WAREHOUSES = 10, 12
AREAS = [("CN", str(n)) for n in range(4)]


def draw(rng: random.Random, warehouses: int, kept: float, most: int) -> tuple[list[Wanted], list[Candidate]]:
    """One order and its candidates; every line can be covered."""
    skus = [f"S{n}" for n in range(LINES)]
    places: list[Candidate] = []
    for n in range(warehouses):
        shelves = {sku: Shelf(rng.randint(1, most), rng.randint(0, 3)) for sku in skus if rng.random() < kept}
        distance = Distance(rng.randint(1_000, 2_000_000), "coordinates")
        area = rng.choice(AREAS)
        priority = rng.choice([100, 100, 150, 200])
        places.append(Candidate(f"W{n:03}", shelves, distance, priority, area, is_home=area == AREAS[0]))
    wanted = [Wanted(sku, rng.randint(1, 6)) for sku in skus]
    there = {w.sku: sum(c.shelf(w.sku).available for c in places) for w in wanted}
    return [Wanted(w.sku, min(w.quantity, there[w.sku])) for w in wanted if there[w.sku]], places


def greedy(wanted: list[Wanted], places: list[Candidate], strategy: Strategy) -> Takes:
    takes: dict[tuple[str, str], int] = {}
    nearest = sorted(places, key=lambda c: c.distance.metres)
    for w in wanted:
        need = coverable(w, places, strategy)
        for place in nearest:
            units = min(need, for_sale(place, w.sku, strategy))
            if units:
                takes[w.sku, place.code] = units
                need -= units
    return takes


def brute_force(wanted: list[Wanted], places: list[Candidate], strategy: Strategy) -> int:
    problem = state(wanted, places, strategy)
    every = (chosen for chosen in range(1, 1 << len(places)) if problem.covers(problem.stock_of(chosen)))
    return min(problem.cost_of(chosen)[0] for chosen in every)


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """CPU milliseconds and the answer."""
    start = time.process_time()
    found = call()
    return (time.process_time() - start) * 1000, found


def takes_of(plan: Plan) -> Takes:
    return {(line.sku, take.code): take.quantity for line in plan.lines for take in line.takes}


def compare(shape: tuple[str, float, int], strategy: Strategy, orders: int, brute: int) -> None:
    name, kept, most = shape
    rng = random.Random(20261121)
    ours_ms, greedy_ms, brute_ms, parcels, km = [], [], [], [], []
    for number in range(orders):
        wanted, places = draw(rng, WAREHOUSES, kept, most)
        spent, plan = timed(lambda w=wanted, p=places: plan_order(w, p, strategy))
        ours_ms.append(spent)
        spent, usual = timed(lambda w=wanted, p=places: greedy(w, p, strategy))
        greedy_ms.append(spent)
        figures, theirs = plan.figures, figures_of(places, strategy, usual)
        order = [criterion.name for criterion in digits_of(strategy)]
        assert [figures[c] for c in order] <= [theirs[c] for c in order], "never worse than greedy"
        parcels.append((figures["parcels"], theirs["parcels"]))
        km.append((figures["metres"] / 1000, theirs["metres"] / 1000))
        if number < brute:
            spent, best = timed(lambda w=wanted, p=places: brute_force(w, p, strategy))
            brute_ms.append(spent)
            problem = state(wanted, places, strategy)
            used = {take.code for line in plan.lines for take in line.takes}
            bits = sum(1 << n for n, c in enumerate(places) if c.code in used)
            assert problem.cost_of(bits)[0] == best, "as good as brute force"
    ours_ms.sort()
    print(
        f"{name:7} {strategy.name:15} {median(ours_ms):6.2f} {ours_ms[int(0.99 * orders)]:6.2f} {ours_ms[-1]:6.2f}"
        f" {mean(t < 5 for t in ours_ms):6.0%} {median(greedy_ms):7.3f} {median(brute_ms):8.0f}"
        f"   {mean(p for p, _ in parcels):5.2f} {mean(p for _, p in parcels):6.2f}"
        f" {mean(k for k, _ in km):7.0f} {mean(k for _, k in km):7.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--brute", type=int, default=5)
    asked = parser.parse_args()
    # As the server does after its start: walking what start-up loaded is no part of a plan.
    gc.freeze()
    print(f"{LINES} lines over {WAREHOUSES} warehouses, {asked.orders} orders per row, CPU ms")
    print("                                  ours          under  greedy    brute   parcels       km all parcels")
    print("stock   strategy        median    p99    max    5 ms  median   median    ours greedy    ours  greedy")
    for shape in SHAPES:
        for strategy in STRATEGIES.values():
            compare(shape, strategy, asked.orders, asked.brute)
    print("\nmore warehouses than are searched exactly (fewest_parcels, usual stock), CPU ms")
    for warehouses in (16, 30, 100):
        rng = random.Random(7)
        drawn = [draw(rng, warehouses, 0.5, 6) for _ in range(20)]
        spent = [timed(lambda o=o: plan_order(o[0], o[1], STRATEGIES["fewest_parcels"])) for o in drawn]
        ms = [t for t, _ in spent]
        proven = mean(plan.is_optimal for _, plan in spent)
        print(f"{warehouses:4} warehouses  median {median(ms):7.1f}  max {max(ms):7.1f}  proven optimal {proven:.0%}")


if __name__ == "__main__":
    main()
