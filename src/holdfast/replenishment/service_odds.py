"""The odds of service that were cheapest on the shop's own past: what levels are planned by where no policy speaks.

The same choice ``plan`` and ``backtest`` make for files (docs/decisions/0106, 0143), made once a night and kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from psycopg.types.json import Jsonb

from holdfast.db import Database, Tx
from holdfast.replenishment import own_past
from holdfast.replenishment.items import Costs, Economics
from holdfast.replenishment.kept_odds import KeptOdds, sql
from holdfast.replenishment.offers import Aim, usual_worth
from holdfast.replenishment.own_past import OwnPast
from holdfast.replenishment.planning import Policy, plan
from holdfast.replenishment.tables import Remarks, read_items

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Money:
    order_cost: float
    holding_rate: float


async def are_missing(tx: Tx) -> bool:
    """Whether a first plan was made before any night."""
    return await tx.value(sql.odds_are_missing) is True


async def renew(database: Database) -> KeptOdds | None:
    """Choose again, on the shop's past as it is now. None where nothing has been planned yet."""
    async with database.transaction() as tx:
        past = await own_past.read_past(tx)
        money = await tx.maybe(sql.general_money, _Money) or _Money(Costs().order_cost, Costs().holding_rate_per_year)
    if past is None:
        return None
    costs = Costs(order_cost=money.order_cost, holding_rate_per_year=money.holding_rate)
    found, trials = await asyncio.to_thread(_chosen, past, costs)
    async with database.transaction() as tx:
        await tx.run(
            sql.save_odds,
            odds=found.odds,
            usual_worth=found.usual_worth,
            order_cost=costs.order_cost,
            holding_rate=costs.holding_rate_per_year,
            series=past.panel.history.series,
            trials=Jsonb(trials),
        )
        await tx.run(sql.forget_odds)
    log.info("service odds renewed", odds=round(found.odds, 2), series=past.panel.history.series)
    return found


def _chosen(past: OwnPast, costs: Costs) -> tuple[KeptOdds, list[dict[str, Any]]]:
    planned = plan(past.panel, past.items, past.end, Policy(costs=costs))
    economics = Economics.of(read_items(past.items, past.panel, Remarks()), costs, past.panel.period)
    return KeptOdds(planned.knob.odds, usual_worth(economics, Aim.COST)), [asdict(t) for t in planned.knob.trials]
