"""What a shop decided: the strategy by default and per channel, and strategies of its own beside the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from holdfast.access import audit
from holdfast.allocation.criteria import CRITERIA, DEFAULT_STRATEGY, STRATEGIES
from holdfast.allocation.model import Strategy
from holdfast.db import Tx, statements
from holdfast.kernel.errors import Invalid

sql = statements("holdfast.allocation")


@dataclass(frozen=True, slots=True)
class Choices:
    """One row of settings. A strategy of the shop's own replaces a built-in one of the same name."""

    default: str = DEFAULT_STRATEGY
    channels: dict[str, str] = field(default_factory=dict[str, str])
    own: tuple[Strategy, ...] = ()

    def offered(self) -> dict[str, Strategy]:
        return STRATEGIES | {strategy.name: strategy for strategy in self.own}

    def strategy(self, name: str | None, channel: str | None) -> Strategy:
        """The strategy named, else the channel's, else the default. Raises Invalid(``unknown_strategy``)."""
        chosen = name or self.channels.get(channel or "", self.default)
        found = self.offered().get(chosen)
        if found is None:
            raise Invalid(
                "unknown_strategy",
                "There is no such strategy.",
                {"strategies": sorted(self.offered())},
                [{"loc": ["strategy"], "code": "unknown_strategy", "message": f"{chosen} is not on offer."}],
            )
        return found


async def get_choices(tx: Tx) -> Choices:
    stored: dict[str, Any] | None = await tx.value(sql.get_choices)
    if stored is None:
        return Choices()
    own = tuple(
        Strategy(s["name"], tuple(s["criteria"]), s["band_km"], s["protects_safety_stock"]) for s in stored["own"]
    )
    return Choices(stored["default"], stored["channels"], own)


async def set_choices(tx: Tx, choices: Choices, *, actor: str) -> Choices:
    """Replace the choices. Raises Invalid for a criterion or strategy that does not exist."""
    for number, strategy in enumerate(choices.own):
        for place, criterion in enumerate(strategy.criteria):
            if criterion not in CRITERIA or criterion in strategy.criteria[:place]:
                raise Invalid.field_error(
                    ["strategies", number, "criteria", place],
                    "unknown_criterion" if criterion not in CRITERIA else "named_twice",
                    f"Choose from {', '.join(CRITERIA)}, each once.",
                )
    offered = choices.offered()
    if choices.default not in offered:
        raise _unknown(["default"], offered)
    for channel, name in choices.channels.items():
        if name not in offered:
            raise _unknown(["channels", channel], offered)
    value = {"default": choices.default, "channels": choices.channels, "own": [facts_of(s) for s in choices.own]}
    await tx.run(sql.set_choices, value=Jsonb(value), actor=actor)
    await audit.record(tx, actor=actor, action="allocation.choices_set", subject="settings:allocation", **value)
    return choices


def _unknown(loc: list[str | int], offered: dict[str, Strategy]) -> Invalid:
    return Invalid.field_error(loc, "unknown_strategy", f"Choose from {', '.join(sorted(offered))}.")


def facts_of(strategy: Strategy) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "criteria": list(strategy.criteria),
        "band_km": strategy.band_km,
        "protects_safety_stock": strategy.protects_safety_stock,
    }
