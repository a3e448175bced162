"""What the supplier makes of a quantity: price breaks worth reaching, and the most it sells at once. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from holdfast.replenishment.arithmetic import Figures
from holdfast.replenishment.model import DAYS_PER_YEAR, LOT_DAYS_MAX, UNSET


@dataclass(frozen=True, slots=True)
class SupplierOffer:
    """Costs per unit in one currency: from ``breaks[n][0]`` units on, every unit costs ``breaks[n][1]``.

    ``unit_cost`` None: nobody said what it costs. ``max_order``: the most that is sold at once.
    """

    unit_cost: Decimal | None
    breaks: tuple[tuple[int, Decimal], ...] = ()
    max_order: int | None = None

    def cost_at(self, quantity: int) -> Decimal | None:
        """What one unit costs when so many are ordered."""
        reached = [cost for least, cost in self.breaks if least <= quantity]
        return reached[-1] if reached else self.unit_cost


@dataclass(frozen=True, slots=True)
class Holding:
    """What it costs to order once, and to keep a unit's worth for a year."""

    order_cost: float
    rate_per_year: float


def fit_to_offer(figures: Figures, offer: SupplierOffer, holding: Holding) -> Figures:
    """The figures with a quantity the supplier sells, raised to a price break when a year is cheaper with it.

    The yearly cost of ordering q again and again is D·c(q) + K·D/q + i·c(q)·q/2 (all-units discounts; Silver, Pyke &
    Thomas, 4.5). A break is not reached for more than half a year of demand, nor above the maximum stock, nor for a
    gap before a late order.
    """
    if not figures.triggered:
        return figures
    wanted = figures.quantity
    if not (figures.bridging or figures.over_max):
        wanted = _with_break(figures, offer, holding)
    limit = wanted if offer.max_order is None else max(offer.max_order // _multiple(figures), 1) * _multiple(figures)
    taken = min(wanted, limit)
    return replace(
        figures,
        break_raise=wanted - figures.quantity,
        break_at=next((least for least, _ in reversed(offer.breaks) if least <= wanted), 0),
        supplier_cut=wanted - taken,
        supplier_max=offer.max_order or 0,
        quantity=taken,
    )


def _with_break(figures: Figures, offer: SupplierOffer, holding: Holding) -> int:
    """The cheapest of the quantity itself and every break above it that fits."""
    best, least_cost = figures.quantity, _yearly_cost(figures.quantity, figures, offer, holding)
    for at_least, _ in offer.breaks:
        quantity = -(-at_least // _multiple(figures)) * _multiple(figures)
        too_much = figures.max_stock != UNSET and figures.position + quantity > figures.max_stock
        if quantity <= figures.quantity or too_much or quantity > figures.daily_mean * LOT_DAYS_MAX:
            continue
        cost = _yearly_cost(quantity, figures, offer, holding)
        if cost < least_cost:
            best, least_cost = quantity, cost
    return best


def _yearly_cost(quantity: int, figures: Figures, offer: SupplierOffer, holding: Holding) -> float:
    unit = offer.cost_at(quantity)
    if unit is None or quantity <= 0:
        return math.inf
    yearly = figures.daily_mean * DAYS_PER_YEAR
    ordering = holding.order_cost * yearly / quantity
    return yearly * float(unit) + ordering + holding.rate_per_year * float(unit) * quantity / 2


def _multiple(figures: Figures) -> int:
    return max(figures.order_multiple, 1)
