"""The page on allocation names every criterion, strategy and reason there is."""

from __future__ import annotations

from pathlib import Path

from holdfast.allocation.criteria import CRITERIA, DEFAULT_STRATEGY, STRATEGIES, TIES

PAGE = (Path(__file__).parents[2] / "docs/reference/allocation.md").read_text()


def test_every_strategy_is_documented_with_its_order_of_criteria() -> None:
    for strategy in STRATEGIES.values():
        row = next(
            line for line in PAGE.splitlines() if line.startswith(f"| `{strategy.name}` | {strategy.criteria[0]}")
        )
        assert ", ".join(strategy.criteria) in row
        assert ("nothing else is chosen" in row) == (strategy.name == DEFAULT_STRATEGY)


def test_every_criterion_and_reason_is_documented() -> None:
    names = [*CRITERIA, *(tie.name for tie in TIES), "only_here", "equal"]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
