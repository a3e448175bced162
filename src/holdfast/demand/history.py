"""Demand of many series, period by period, as one matrix, and what is done to it before forecasting."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

# A day above both figures is a one-off bulk order: with them 11 % of the units of the web shop we measured on
# were make-to-order business that no shelf stock should be kept for.
BULK_TIMES_MEAN_SALE_DAY = 6.0
BULK_UNITS_MIN = 30.0

# Syntetos, Boylan & Croston (2005), "On the categorization of demand patterns", JORS 56: cut-offs of the mean
# interval between sales and of the squared coefficient of variation of their size.
INTERVAL_CUTOFF = 1.32
CV2_CUTOFF = 0.49

# Fractional quantities are counted in the coarsest of these that holds them all.
UNITS = (1.0, 0.5, 0.25, 0.1, 0.05, 0.01, 0.001)


class Period(StrEnum):
    """How long one column of a history is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> float:
        return {"day": 1.0, "week": 7.0, "month": 365.2425 / 12}[self.value]

    @property
    def per_year(self) -> int:
        return {"day": 365, "week": 52, "month": 12}[self.value]


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Units wanted per period, days by default. `quantity` and `observed` are (series, periods), the last
    complete period last.

    A period counts only where `observed` is true: days before launch and days without stock say nothing about
    demand. Today is never included, because half a day is not a day. `starts_on` is the first day of the first
    period, where the calendar matters; without it no season is looked for.
    """

    quantity: NDArray[np.number]
    observed: Mask
    period: Period = Period.DAY
    starts_on: np.datetime64 | None = None

    def __post_init__(self) -> None:
        assert self.quantity.ndim == 2, "a history is (series, days)"
        assert self.quantity.shape == self.observed.shape, "every day is observed or not"

    @property
    def series(self) -> int:
        return int(self.quantity.shape[0])

    @property
    def days(self) -> int:
        """Periods in the history (days, unless `period` says otherwise)."""
        return int(self.quantity.shape[1])

    def rows(self, rows: NDArray[np.int64] | slice) -> "DemandHistory":
        """The same periods of some of the series."""
        return replace(self, quantity=self.quantity[rows], observed=self.observed[rows])

    def until(self, periods: int) -> "DemandHistory":
        """What was known after the first `periods` periods: the history at a past origin."""
        return replace(self, quantity=self.quantity[:, :periods], observed=self.observed[:, :periods])


def finest_unit(history: DemandHistory) -> float:
    """What all quantities are whole multiples of: 1, or a fraction for weights and normalised sales."""
    if np.issubdtype(history.quantity.dtype, np.integer) or history.quantity.size == 0:
        return 1.0
    sold = np.where(history.observed, history.quantity, 0)
    for unit in UNITS:
        counted = sold / unit
        if np.all(np.abs(counted - np.rint(counted)) <= 1e-3 + 1e-6 * np.abs(counted)):
            return unit
    return UNITS[-1]


def in_units(history: DemandHistory, unit: float) -> DemandHistory:
    """The history counted in `unit`."""
    return history if unit == 1.0 else replace(history, quantity=np.rint(history.quantity / unit))


def without_unsold_start(quantity: NDArray[np.number], observed: Mask) -> Mask:
    """`observed` with everything before the first observed sale of a series taken out (it was not yet sold).

    The silent tail after the last sale stays: not selling is information, not being listed is not.
    """
    seen = np.cumsum(np.where(observed, quantity, 0) > 0, axis=1, dtype=np.int32) > 0
    return observed & seen


def cap_bulk_days(history: DemandHistory) -> tuple[DemandHistory, Ints]:
    """Cut one-off bulk days down to the larger of 6 times the mean sale day and 30 units.

    Answers the capped history and, per series, the units that were left out.
    """
    if history.period is not Period.DAY:
        return history, np.zeros(history.series, np.int64)
    sold = np.where(history.observed, history.quantity, 0)
    sale_days = np.count_nonzero(sold > 0, axis=1)
    mean_sale_day = sold.sum(axis=1) / np.maximum(sale_days, 1)
    cap = np.maximum(np.ceil(BULK_TIMES_MEAN_SALE_DAY * mean_sale_day), BULK_UNITS_MIN)
    excess = np.where(sold > cap[:, None], sold - cap[:, None], 0).sum(axis=1)
    if not excess.any():
        return history, np.zeros(history.series, np.int64)
    capped = np.minimum(sold, cap[:, None]).astype(history.quantity.dtype)
    return replace(history, quantity=capped), np.rint(excess).astype(np.int64)


class DemandClass(StrEnum):
    """How a series sells, on weekly buckets (on daily ones nearly everything would be lumpy)."""

    NONE = "none"  # nothing sold in the weeks looked at
    SMOOTH = "smooth"
    ERRATIC = "erratic"
    INTERMITTENT = "intermittent"
    LUMPY = "lumpy"


DEMAND_CLASSES: tuple[DemandClass, ...] = tuple(DemandClass)


def classify(history: DemandHistory, weeks: int = 52) -> NDArray[np.int8]:
    """Index into DEMAND_CLASSES per series, from the last `weeks` whole weeks (or that many of longer periods).

    A week counts when at least four of its days were observed, and is scaled up to seven days.
    """
    width = 7 if history.period is Period.DAY else 1
    used = min(weeks, history.days // width)
    if used == 0:
        return np.zeros(history.series, np.int8)
    last = slice(history.days - used * width, history.days)
    observed = history.observed[:, last].reshape(history.series, used, width)
    sold = np.where(observed, history.quantity[:, last].reshape(history.series, used, width), 0)
    days = observed.sum(axis=2)
    valid = days > width // 2
    size = np.where(valid, sold.sum(axis=2) * float(width) / np.maximum(days, 1), 0.0)
    sales = np.count_nonzero(size > 0, axis=1)
    interval = valid.sum(axis=1) / np.maximum(sales, 1)
    mean = size.sum(axis=1) / np.maximum(sales, 1)
    deviation = np.where(size > 0, size - mean[:, None], 0.0)
    cv2 = (deviation**2).sum(axis=1) / np.maximum(sales - 1, 1) / np.maximum(mean, 1e-12) ** 2
    rare, varied = interval >= INTERVAL_CUTOFF, cv2 >= CV2_CUTOFF
    index = np.select([~rare & ~varied, ~rare, ~varied], [1, 2, 3], default=4)
    return np.where(sales > 0, index, 0).astype(np.int8)
