"""The odds of service levels are planned by where no policy speaks, as the last night found them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.db import Tx, statements
from holdfast.replenishment.items import MARGIN_SHARE, Economics
from holdfast.replenishment.model import DAYS_PER_YEAR, Floats
from holdfast.replenishment.offers import Aim, service_levels
from holdfast.replenishment.tables import COST_SHARE

sql = statements("holdfast.replenishment", "own_past.sql")


@dataclass(frozen=True, slots=True)
class KeptOdds:
    """``odds`` of no stockout for a level of ``usual_worth``: what missing a unit costs over what holding it does."""

    odds: float
    usual_worth: float

    def service_of(self, *, unit_cost: Floats, price: Floats, holding_rate: Floats) -> Floats:
        """Cycle service level of each level; costs per unit (0: unknown), prices (NaN: unknown), rates a year."""
        cost = np.where(unit_cost > 0, unit_cost, np.where(np.isnan(price), 1.0, price * COST_SHARE))
        margin = np.where(np.isnan(price), cost * MARGIN_SHARE, np.maximum(price - cost, 0.0))
        economics = Economics(cost * holding_rate / DAYS_PER_YEAR, margin, np.zeros_like(cost), cost)
        return service_levels(self.odds, economics, Aim.COST, usual=self.usual_worth)


async def kept_odds(tx: Tx) -> KeptOdds | None:
    """What was found last; None before the first night."""
    return await tx.maybe(sql.kept_odds, KeptOdds)
