"""Where trained models are kept: in the database, because workers share no disk (docs/decisions/0113)."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from psycopg.types.json import Jsonb

from holdfast.db import Database, Tx, statements
from holdfast.demand import store
from holdfast.demand.cleaning import read_cleaned
from holdfast.demand.history import DemandHistory
from holdfast.demand.methods import DemandMethod, ExponentialSmoothing
from holdfast.demand.trained import GlobalQuantiles, load_quantiles

sql = statements("holdfast.demand", "grading.sql")
log = structlog.get_logger()

NAME = "global-quantiles"
# PostgreSQL would take a gigabyte; a model this large was trained on something else than demand.
MODEL_BYTES_MAX = 64 * 1024 * 1024
# A model learns seasons: a week more or less of two years changes little, and training takes a minute or two.
TRAINED_DAYS_MAX = 7
# An older one was trained on another shop. Smoothing follows what happens now.
USED_DAYS_MAX = 45
SERIES_MAX = 10_000
HISTORY_DAYS = 730

# The model that was read last, by when it was trained: parsing its trees takes longer than a chunk of forecasts.
_read: dict[datetime, GlobalQuantiles | None] = {}


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as it was trained; ``facts`` say on what and how good it was, ``body`` is whatever its reader reads."""

    trained_at: datetime
    facts: dict[str, Any]
    body: bytes


async def save_model(tx: Tx, name: str, body: bytes, **facts: Any) -> None:
    """Keep a newly trained model; the one before it stays too."""
    assert 0 < len(body) <= MODEL_BYTES_MAX, f"a model of {len(body)} bytes"
    await tx.run(sql.save_model, name=name, body=body, facts=Jsonb(facts))
    await tx.run(sql.forget_models, name=name)


async def load_model(tx: Tx, name: str) -> TrainedModel | None:
    """The newest model of this name; None when none was trained, which every forecast must live with."""
    return await tx.maybe(sql.load_model, TrainedModel, name=name)


async def current_method(tx: Tx) -> DemandMethod:
    """The trained method while its model is young and can be read here; otherwise smoothing."""
    trained_at: datetime | None = await tx.value(sql.model_age, name=NAME)
    if trained_at is None or datetime.now(UTC) - trained_at > timedelta(days=USED_DAYS_MAX):
        return ExponentialSmoothing()
    if trained_at not in _read:
        found = await load_model(tx, NAME)
        _read.clear()
        _read[trained_at] = None if found is None else await asyncio.to_thread(_parsed, found.body)
    return _read[trained_at] or ExponentialSmoothing()


async def train(database: Database) -> bool:
    """Train anew when the model is older than a week; answers whether there is a new one.

    None where LightGBM is not installed, or where there is too little to learn from.
    """
    if find_spec("lightgbm") is None:
        return False
    async with database.transaction() as tx:
        trained_at: datetime | None = await tx.value(sql.model_age, name=NAME)
        if trained_at is not None and datetime.now(UTC) - trained_at < timedelta(days=TRAINED_DAYS_MAX):
            return False
        pairs = await tx.dicts(store.sql.sample_pairs, limit=SERIES_MAX)
        if not pairs:
            return False
        history = await read_cleaned(
            tx, [p["sku_id"] for p in pairs], [p["warehouse_id"] for p in pairs], days=HISTORY_DAYS
        )
    lengths = np.ceil([p["protection_days"] for p in pairs]).astype(np.int64)
    body = await asyncio.to_thread(_trained, history, lengths)
    if body is None:
        return False
    async with database.transaction() as tx:
        await save_model(tx, NAME, body, series=len(pairs), days=HISTORY_DAYS)
    log.info("model trained", series=len(pairs), bytes=len(body))
    return True


def _trained(history: DemandHistory, lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bytes | None:
    # Only the worker that trains pays for loading the library.
    from holdfast.demand.training import train_quantiles

    model = train_quantiles(history, lengths)
    if model is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save(file)
        return file.read_bytes()


def _parsed(body: bytes) -> GlobalQuantiles | None:
    """None when this program cannot read it: it is of another version, or LightGBM is not installed here."""
    if find_spec("lightgbm") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        file.write_bytes(body)
        try:
            return load_quantiles(file)
        except ValueError:
            return None
