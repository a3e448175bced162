"""What the attackers asked and were told: the referee's own book. It never looks at the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

FINISHED = frozenset({"consume", "cancel"})


@dataclass(slots=True)
class Hold:
    """One granted hold: its id and lines as answered, and which ways of ending it were answered 2xx."""

    id: str
    units: dict[tuple[str, str], int]
    ended: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Record:
    """Everything that was answered. Keys of ``holds`` and ``moves`` are the references the attackers chose."""

    holds: dict[str, Hold] = field(default_factory=dict[str, Hold])
    # reference → (receipt | sale, units per level, signed)
    moves: dict[str, tuple[str, dict[tuple[str, str], int]]] = field(
        default_factory=dict[str, tuple[str, dict[tuple[str, str], int]]]
    )
    refused: set[str] = field(default_factory=set[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    codes: Counter[str] = field(default_factory=Counter[str])
    # Seconds from request to answer of each reservation, granted or refused.
    reserve_seconds: list[float] = field(default_factory=list[float])
    repeats: int = 0
    repeats_that_differed: list[str] = field(default_factory=list[str])
    partial: list[str] = field(default_factory=list[str])
    unfair: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    unanswered: int = 0
    # Requests that broke off or were answered 503 and were repeated with the same key.
    interrupted: int = 0

    def ended_twice(self) -> list[str]:
        """Holds that were told to be consumed as a whole and cancelled as a whole."""
        return [reference for reference, hold in self.holds.items() if hold.ended >= FINISHED]


def percentile(seconds: list[float], share: float) -> float:
    """Milliseconds below which ``share`` of the answers came; 0 when there are none."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
