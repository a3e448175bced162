"""Replenishment: policies, inventory positions, and suggestions that carry their own arithmetic."""

from holdfast.replenishment.arithmetic import (
    ArithmeticLine,
    Figures,
    explain,
    figures_of,
    reason_of,
    total_of,
)
from holdfast.replenishment.backtesting import Backtest, Outcome, backtest
from holdfast.replenishment.items import Costs, Items
from holdfast.replenishment.model import (
    UNSET,
    Levels,
    Mode,
    Orders,
    Plan,
    Position,
    Priority,
    Terms,
    compute_levels,
    compute_orders,
    economic_order_quantity,
    plan_orders,
)
from holdfast.replenishment.offers import Aim, Ours, Rule, Textbook, Today
from holdfast.replenishment.paths import PathNewsvendor
from holdfast.replenishment.planning import Planned, Policy, plan

__all__ = [
    "UNSET",
    "Aim",
    "ArithmeticLine",
    "Backtest",
    "Costs",
    "Figures",
    "Items",
    "Levels",
    "Mode",
    "Orders",
    "Ours",
    "Outcome",
    "PathNewsvendor",
    "Plan",
    "Planned",
    "Policy",
    "Position",
    "Priority",
    "Rule",
    "Terms",
    "Textbook",
    "Today",
    "backtest",
    "compute_levels",
    "compute_orders",
    "economic_order_quantity",
    "explain",
    "figures_of",
    "plan",
    "plan_orders",
    "reason_of",
    "total_of",
]
