"""Where trained models are kept: in the database, because workers share no disk (docs/decisions/0113)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from holdfast.db import Tx, statements

sql = statements("holdfast.demand", "grading.sql")

# PostgreSQL would take a gigabyte; a model this large was trained on something else than demand.
MODEL_BYTES_MAX = 64 * 1024 * 1024


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
