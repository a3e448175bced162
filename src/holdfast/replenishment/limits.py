"""What a policy allows on the shelf beside what is wanted there: shelf life, and the last day of sale. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from holdfast.demand import DemandForecast
from holdfast.replenishment.model import UNSET, Ints, Mode, Terms


class Cap(IntEnum):
    """What sets the maximum of a pair."""

    MAX_STOCK = 0
    SHELF_LIFE = 1
    END_OF_LIFE = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Days per pair, UNSET where there is no limit. ``days_to_end`` may be 0 or less: the last day of sale is over."""

    shelf_life_days: Ints
    days_to_end: Ints


def within_limits(terms: Terms, forecast: DemandForecast, limits: Limits) -> tuple[Terms, NDArray[np.int8]]:
    """The terms with the lowest of all maxima, and which one that is, one ``Cap`` per pair.

    Never more than is expected to sell within the shelf life, or before the last day of sale. What would only arrive
    after that day is not ordered at all.
    """
    ceiling = np.where(terms.max_stock == UNSET, np.iinfo(np.int64).max, terms.max_stock)
    cap = np.full(ceiling.shape, Cap.MAX_STOCK, np.int8)
    lives, ends = limits.shelf_life_days != UNSET, limits.days_to_end != UNSET
    for kind, applies, days in (
        (Cap.SHELF_LIFE, lives, limits.shelf_life_days),
        (Cap.END_OF_LIFE, ends, limits.days_to_end),
    ):
        sold = np.floor(forecast.mean_over(np.maximum(days, 0))).astype(np.int64)
        lower = applies & (sold < ceiling)
        ceiling = np.where(lower, sold, ceiling)
        cap = np.where(lower, np.int8(kind), cap)
    over = ends & (limits.days_to_end <= terms.lead_days)
    return replace(
        terms,
        mode=np.where(over, np.int8(Mode.NONE), terms.mode),
        max_stock=np.where(ceiling == np.iinfo(np.int64).max, UNSET, ceiling),
    ), cap.astype(np.int8)
