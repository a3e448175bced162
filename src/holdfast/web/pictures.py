"""Small pictures the server draws itself: numbers in, SVG coordinates out. No script, no style attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Paths inside a box of `width` × `height` units; `limit` is the height of the dotted line, or None."""

    width: int
    height: int
    past: str
    coming: str
    limit: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a bar in percent of its width; `tone` numbers the colour."""

    start: float
    length: float
    tone: int


def sparkline(
    past: Sequence[float],
    coming: Sequence[float] = (),
    *,
    limit: float | None = None,
    width: int = 190,
    height: int = 36,
) -> Sparkline:
    """A step line of what was, a straight line of what is expected, one vertical scale from zero for both."""
    top = max([1.0, *past, *coming, limit or 0.0])
    days = max(1, len(past) + len(coming))
    pad = 2.0

    def x(i: int) -> float:
        return round(i * width / days, 1)

    def y(value: float) -> float:
        return round(pad + (height - 2 * pad) * (1 - max(0.0, value) / top), 1)

    # Each day of the past is a step as wide as a day; the future starts where the last step ends.
    was = "".join(f"{'V' if i else 'M0.0 '}{y(value)}H{x(i + 1)}" for i, value in enumerate(past))
    joined = [(len(past), past[-1])] if past else []
    joined += [(len(past) + i, value) for i, value in enumerate(coming, start=1)]
    will = "".join(f"{'L' if n else 'M'}{x(i)} {y(value)}" for n, (i, value) in enumerate(joined))
    return Sparkline(width, height, was, will if coming else "", None if limit is None else y(limit))


def segments(parts: Sequence[float], whole: float) -> tuple[Segment, ...]:
    """The parts of a bar laid end to end, each at least visible when it is not zero (0.8 % of the width)."""
    placed: list[Segment] = []
    start = 0.0
    for tone, part in enumerate(parts):
        if part <= 0 or whole <= 0:
            continue
        length = round(min(100.0 - start, max(0.8, 100.0 * part / whole)), 2)
        placed.append(Segment(round(start, 2), length, tone))
        start += length
    return tuple(placed)
