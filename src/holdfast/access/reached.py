"""Where the running installation is reached, written down for commands that print links into it."""

from __future__ import annotations

from pathlib import Path

_FILE = "address"


def keep_address(data_dir: Path, address: str) -> None:
    """``http://127.0.0.1:8000``, once the server answers there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / _FILE).write_text(address + "\n")


def kept_address(data_dir: Path) -> str | None:
    """Where the server that was started last answers; None when none was started here."""
    file = data_dir / _FILE
    return file.read_text().strip() or None if file.exists() else None
