"""Demand: sales history, cleaning, and forecasts as distributions of demand over a protection time."""

from holdfast.demand.history import (
    DEMAND_CLASSES,
    DemandClass,
    DemandHistory,
    cap_bulk_days,
    classify,
    without_unsold_start,
)
from holdfast.demand.methods import DemandMethod, ExponentialSmoothing, LevelFit, MovingAverage
from holdfast.demand.model import DemandForecast, forecast_demand, method_named
from holdfast.demand.negbin import negbin_cdf, negbin_quantile

__all__ = [
    "DEMAND_CLASSES",
    "DemandClass",
    "DemandForecast",
    "DemandHistory",
    "DemandMethod",
    "ExponentialSmoothing",
    "LevelFit",
    "MovingAverage",
    "cap_bulk_days",
    "classify",
    "forecast_demand",
    "method_named",
    "negbin_cdf",
    "negbin_quantile",
    "without_unsold_start",
]
