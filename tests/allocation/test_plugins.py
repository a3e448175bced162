"""A strategy of one's own: a criterion and an order of criteria that a package adds."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest
from tests.allocation.orders import planned

from holdfast.allocation import plugins
from holdfast.allocation.criteria import CRITERIA, STRATEGIES, Criterion
from holdfast.allocation.model import Strategy

# A parcel from a warehouse without a railway costs one.
PLUGIN = plugins.Plugin(
    criteria=(Criterion("by_road", per_parcel=lambda candidate, _: int(not candidate.code.startswith("R"))),),
    strategies=(Strategy("by_rail", ("by_road", "parcels", "distance")),),
)
NO_PLUGIN = "a plug-in is an object of our class"


@pytest.fixture
def as_before() -> Iterator[None]:
    criteria, strategies = dict(CRITERIA), dict(STRATEGIES)
    yield
    for registry, before in ((CRITERIA, criteria), (STRATEGIES, strategies)):
        registry.clear()
        registry.update(before)  # type: ignore[arg-type]


def found(name: str) -> list[EntryPoint]:
    return [EntryPoint("test", f"tests.allocation.test_plugins:{name}", plugins.GROUP)]


def test_a_strategy_of_ones_own_decides(as_before: None) -> None:
    assert plugins.load(found("PLUGIN")) == ["test"]
    places = "GZ 10km TEA=5 CUP=5\nRA 900km TEA=5\nRB 900km CUP=5"
    assert planned("TEA 1, CUP 1", places, "by_rail") == "TEA RA 1, CUP RB 1"
    assert planned("TEA 1, CUP 1", places, "fewest_parcels") == "TEA GZ 1, CUP GZ 1"


def test_what_is_no_plugin_stops_the_start(as_before: None) -> None:
    with pytest.raises(AssertionError, match="is not a"):
        plugins.load(found("NO_PLUGIN"))


def test_nothing_installed_adds_nothing() -> None:
    assert plugins.load() == []
