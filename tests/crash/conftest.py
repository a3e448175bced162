"""Data directories of installations that are killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Not below pytest's own folder: that is closed to the server's account again by every run that starts."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-crash-"))
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)
