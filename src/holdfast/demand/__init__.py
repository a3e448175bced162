"""Demand: sales history, cleaning, and forecasts as distributions of demand over a protection time."""

from holdfast.demand.history import (
    DEMAND_CLASSES,
    DemandClass,
    DemandHistory,
    Period,
    cap_bulk_days,
    classify,
    without_unsold_start,
)
from holdfast.demand.methods import DemandMethod, ExponentialSmoothing, LevelFit, MovingAverage
from holdfast.demand.model import DemandForecast, forecast_demand, method_named
from holdfast.demand.negbin import negbin_cdf, negbin_quantile
from holdfast.demand.tables import Note, NoteKind, Panel, read_history

__all__ = [
    "DEMAND_CLASSES",
    "DemandClass",
    "DemandForecast",
    "DemandHistory",
    "DemandMethod",
    "ExponentialSmoothing",
    "LevelFit",
    "MovingAverage",
    "Note",
    "NoteKind",
    "Panel",
    "Period",
    "cap_bulk_days",
    "classify",
    "forecast_demand",
    "method_named",
    "negbin_cdf",
    "negbin_quantile",
    "read_history",
    "without_unsold_start",
]
