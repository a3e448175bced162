"""Replenishment: policies, inventory positions, and suggestions that carry their own arithmetic."""

from holdfast.replenishment.arithmetic import (
    ArithmeticLine,
    Figures,
    explain,
    figures_of,
    reason_of,
    total_of,
)
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

__all__ = [
    "UNSET",
    "ArithmeticLine",
    "Figures",
    "Levels",
    "Mode",
    "Orders",
    "Plan",
    "Position",
    "Priority",
    "Terms",
    "compute_levels",
    "compute_orders",
    "economic_order_quantity",
    "explain",
    "figures_of",
    "plan_orders",
    "reason_of",
    "total_of",
]
