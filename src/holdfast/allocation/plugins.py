"""Criteria and strategies of one's own, found among the installed packages.

A package declares an entry point in the group ``holdfast.allocation`` that names a :class:`Plugin`:

    [project.entry-points."holdfast.allocation"]
    acme = "acme_holdfast:PLUGIN"

Its criteria must have the form :class:`holdfast.allocation.criteria.Criterion` describes: whole numbers, nothing
negative, charged per parcel, per unit, or per unit beyond what can be spared. Then plans stay provably optimal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from holdfast.allocation.criteria import Criterion, define, register
from holdfast.allocation.model import Strategy

GROUP = "holdfast.allocation"


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a package adds; its strategies may order built-in criteria and its own."""

    criteria: tuple[Criterion, ...] = ()
    strategies: tuple[Strategy, ...] = ()


def load(found: Iterable[EntryPoint] | None = None) -> list[str]:
    """Define and register what the installed packages offer; answers their names. A broken plug-in stops the start."""
    names: list[str] = []
    for entry in entry_points(group=GROUP) if found is None else found:
        plugin = entry.load()
        assert isinstance(plugin, Plugin), f"{entry.value} is not a holdfast.allocation.plugins.Plugin"
        for criterion in plugin.criteria:
            define(criterion)
        for strategy in plugin.strategies:
            register(strategy)
        names.append(entry.name)
    return names
