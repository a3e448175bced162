"""How long a supplier takes, as a distribution, from what arrived. Pure.

Days are looked at as logarithms of (days ÷ promised days), because they are positive and skewed to the right, and
because a factor on the promise lets one SKU learn from the others of its supplier. The model has two normal levels,

    log factor = supplier + SKU + delivery,

with variances by the method of moments, and SKU means shrunk towards the supplier's (Gelman et al., Bayesian Data
Analysis, chapter 5). What is told of the next delivery is a Student t in logarithms, so that few receipts give wide
intervals. The promise itself counts as one delivery, and the promised spread as four degrees of freedom.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, cast
from uuid import UUID

# So many deliveries of a supplier, and its promise is no longer asked.
DELIVERIES_MIN: Final = 5
PROMISE_WEIGHT: Final = 1.0
SPREAD_WEIGHT: Final = 4.0
# A spread nobody promised: a fifth either way. And none is believed below a twentieth.
SPREAD_UNKNOWN: Final = 0.2
SPREAD_MIN: Final = 0.05
# Same-day deliveries exist; a quarter of a day keeps their logarithm finite.
DAYS_MIN: Final = 0.25
PROMISE_MIN: Final = 1.0
# Variance in logarithms above this says only that nothing is known (it would triple the mean).
VARIANCE_MAX: Final = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One SKU of one order arriving: days from sending, the promise for this SKU, and the order it belongs to."""

    sku_id: UUID
    order_id: UUID
    days: float
    promised_days: float


@dataclass(frozen=True, slots=True)
class LeadTime:
    """The next delivery. Days for a SKU, factors on the promise for a supplier; low and high enclose 90 %."""

    receipts: int
    mean: float
    sd: float
    low: float
    median: float
    high: float
    is_used: bool


@dataclass(frozen=True, slots=True)
class Learned:
    """``supplier`` is a factor on the promise; ``skus`` are days."""

    supplier: LeadTime
    skus: Mapping[UUID, LeadTime]


@dataclass(frozen=True, slots=True)
class _Levels:
    """Both levels in logarithms: the supplier's mean with its variance, and the variances between SKUs and within."""

    mean: float
    mean_variance: float
    between: float
    within: float
    freedom: float


def learn(deliveries: Iterable[Delivery], *, promised_share: float | None) -> Learned | None:
    """What the deliveries of one supplier say of its next ones; None without any.

    ``promised_share`` is the promised spread ÷ the promised days, None when no spread was promised.
    """
    by_sku: dict[UUID, list[float]] = defaultdict(list)
    by_order: dict[UUID, list[float]] = defaultdict(list)
    promises: dict[UUID, float] = {}
    for d in deliveries:
        promises[d.sku_id] = max(d.promised_days, PROMISE_MIN)
        y = math.log(max(d.days, DAYS_MIN) / promises[d.sku_id])
        by_sku[d.sku_id].append(y)
        by_order[d.order_id].append(y)
    if not by_sku:
        return None
    # The SKUs of one truck arrive together: they are many receipts and one delivery.
    deliveries_seen = len(by_order)
    is_used = deliveries_seen >= DELIVERIES_MIN
    levels = _levels(by_sku, by_order, promised_share)
    unseen = levels.within + levels.between + levels.mean_variance
    supplier = _told(levels.mean, unseen, levels.freedom, 1.0, deliveries_seen, is_used=is_used)
    skus = {sku: _of_sku(found, promises[sku], levels, is_used=is_used) for sku, found in by_sku.items()}
    return Learned(supplier, skus)


def _levels(
    by_sku: Mapping[UUID, list[float]], by_order: Mapping[UUID, list[float]], promised_share: float | None
) -> _Levels:
    promised = max(SPREAD_MIN, SPREAD_UNKNOWN if promised_share is None else promised_share) ** 2
    squares = sum((y - fmean(found)) ** 2 for found in by_sku.values() for y in found)
    receipts = sum(len(found) for found in by_sku.values())
    freedom = float(receipts - len(by_sku))
    within = max(SPREAD_MIN**2, (squares + SPREAD_WEIGHT * promised) / (freedom + SPREAD_WEIGHT))
    between = _between([(len(found), fmean(found)) for found in by_sku.values()], within)
    orders = [fmean(found) for found in by_order.values()]
    # Log factor 0 is the promise.
    mean = sum(orders) / (len(orders) + PROMISE_WEIGHT)
    return _Levels(mean, (within + between) / (len(orders) + PROMISE_WEIGHT), between, within, freedom + SPREAD_WEIGHT)


def _between(groups: list[tuple[int, float]], within: float) -> float:
    """The variance between SKUs, from how many receipts each has and their mean (DerSimonian & Laird, 1986).

    Weighted by precision, so that one strange receipt of one SKU does not pass for a difference between SKUs.
    """
    weights = [n / within for n, _ in groups]
    whole = sum(weights)
    if len(groups) < 2:
        return 0.0
    centre = sum(w * m for w, (_, m) in zip(weights, groups, strict=True)) / whole
    heterogeneity = sum(w * (m - centre) ** 2 for w, (_, m) in zip(weights, groups, strict=True))
    return max(0.0, (heterogeneity - (len(groups) - 1)) / (whole - sum(w * w for w in weights) / whole))


def _of_sku(found: list[float], promise: float, levels: _Levels, *, is_used: bool) -> LeadTime:
    n = len(found)
    # How far the SKU's own receipts are believed against its supplier's.
    own = n / (n + levels.within / levels.between) if levels.between > 0 else 0.0
    mean = levels.mean + own * (fmean(found) - levels.mean)
    variance = levels.within + own * levels.within / n + (1 - own) ** 2 * levels.mean_variance
    return _told(mean, variance, levels.freedom, promise, n, is_used=is_used or n >= DELIVERIES_MIN)


def _told(mean: float, variance: float, freedom: float, unit: float, receipts: int, *, is_used: bool) -> LeadTime:
    scale = math.sqrt(variance)
    t = _quantile_of_t(freedom, 0.95)
    # The moments of the lognormal with the variance of this t; those of a log-t do not exist.
    spread = min(VARIANCE_MAX, variance * freedom / (freedom - 2))
    average = unit * math.exp(mean + spread / 2)
    return LeadTime(
        receipts=receipts,
        mean=average,
        sd=average * math.sqrt(math.expm1(spread)),
        low=unit * math.exp(mean - t * scale),
        median=unit * math.exp(mean),
        high=unit * math.exp(mean + t * scale),
        is_used=is_used,
    )


def _quantile_of_t(freedom: float, level: float) -> float:
    """The quantile of Student's t."""
    # Imported here: every start of the server would pay a tenth of a second for it. scipy leaves its ufuncs untyped.
    from scipy import special

    return float(cast(Any, special).stdtrit(freedom, level))
