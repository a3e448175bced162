"""Quantities are whole base units, and not more than anybody counts."""

from __future__ import annotations

from typing import Final

QUANTITY_MAX: Final = 1_000_000_000
