"""Orders and warehouses as short text, so that a test reads like a note on a desk."""

from __future__ import annotations

from holdfast.allocation.criteria import STRATEGIES
from holdfast.allocation.distance import Distance
from holdfast.allocation.model import Candidate, Plan, Shelf, Strategy, Wanted
from holdfast.allocation.planning import plan_order


def order(text: str) -> list[Wanted]:
    """``"TEA 3, CUP 1"``."""
    return [Wanted(sku, int(quantity)) for sku, quantity in (part.split() for part in text.split(","))]


def warehouses(text: str) -> list[Candidate]:
    """One a line: ``GZ 10km priority=200 area=south home abroad TEA=5 CUP=3/2/1``.

    ``3/2/1``: 3 available, safety stock 2, 1 expires soon.
    """
    return [_candidate(line.split()) for line in text.strip().splitlines()]


def _candidate(words: list[str]) -> Candidate:
    code, facts = words[0], words[1:]
    fields = dict(fact.split("=") for fact in facts if "=" in fact)
    km = next((int(fact.removesuffix("km")) for fact in facts if fact.endswith("km")), 0)
    area = fields.pop("area", None)
    priority = int(fields.pop("priority", 100))
    shelves = {sku: Shelf(*(int(n) for n in stock.split("/"))) for sku, stock in fields.items()}
    return Candidate(
        code,
        shelves,
        Distance(km * 1000, "coordinates"),
        priority,
        ("CN", area) if area else None,
        is_home="home" in facts,
        is_abroad="abroad" in facts,
    )


def shown(plan: Plan) -> str:
    """``"TEA GZ 2, TEA BJ 1, CUP BJ 1"``."""
    return ", ".join(f"{line.sku} {take.code} {take.quantity}" for line in plan.lines for take in line.takes)


def planned(wanted: str, places: str, strategy: str | Strategy = "fewest_parcels") -> str:
    chosen = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    return shown(plan_order(order(wanted), warehouses(places), chosen))
