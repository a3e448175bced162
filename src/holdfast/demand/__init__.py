"""Demand: sales history, cleaning, and forecasts as distributions of demand over a protection time."""

from holdfast.demand.chunks import in_chunks
from holdfast.demand.history import (
    DEMAND_CLASSES,
    DemandClass,
    DemandHistory,
    Period,
    cap_bulk_days,
    classify,
    without_unsold_start,
)
from holdfast.demand.likeness import by_likeness
from holdfast.demand.methods import Aggregated, DemandMethod, ExponentialSmoothing, Intermittent, MovingAverage
from holdfast.demand.methods_window import Seasonal, WindowBootstrap
from holdfast.demand.model import DemandForecast, forecast_demand
from holdfast.demand.negbin import negbin_cdf, negbin_quantile
from holdfast.demand.occasions import Occasion, effect_of, forecast_with_occasions
from holdfast.demand.season import OrderingDemand, ordering_demand, season_ahead, season_index
from holdfast.demand.selection import METHODS, Selected, method_named
from holdfast.demand.spread import LEVELS, LevelFit
from holdfast.demand.tables import Note, NoteKind, Panel, read_history
from holdfast.demand.trained import GlobalQuantiles, load_quantiles
from holdfast.demand.training import best_method, train_quantiles

__all__ = [
    "DEMAND_CLASSES",
    "LEVELS",
    "METHODS",
    "Aggregated",
    "DemandClass",
    "DemandForecast",
    "DemandHistory",
    "DemandMethod",
    "ExponentialSmoothing",
    "GlobalQuantiles",
    "Intermittent",
    "LevelFit",
    "MovingAverage",
    "Note",
    "NoteKind",
    "Occasion",
    "OrderingDemand",
    "Panel",
    "Period",
    "Seasonal",
    "Selected",
    "WindowBootstrap",
    "best_method",
    "by_likeness",
    "cap_bulk_days",
    "classify",
    "effect_of",
    "forecast_demand",
    "forecast_with_occasions",
    "in_chunks",
    "load_quantiles",
    "method_named",
    "negbin_cdf",
    "negbin_quantile",
    "ordering_demand",
    "read_history",
    "season_ahead",
    "season_index",
    "train_quantiles",
    "without_unsold_start",
]
