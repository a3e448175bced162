"""The database of this installation, for a command that needs it for a while."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from holdfast.db.embedded import EmbeddedServer, wait_until_ready
from holdfast.db.migrate import need_migrated
from holdfast.kernel.errors import CannotStart
from holdfast.settings import Settings


@contextmanager
def installed_database(data_dir: Path, *, may_be_new: bool = False) -> Generator[str]:
    """Its address: of the server INVENTORY_DB_URL names, else of the embedded one, stopped afterwards if started here.

    Raises CannotStart where there is none or migrations are missing, unless it ``may_be_new``.
    """
    named = Settings.from_env().db_url
    if named:
        wait_until_ready(named, seconds=1)
        if not may_be_new:
            need_migrated(named)
        yield named
        return
    server = EmbeddedServer(data_dir.resolve())
    if not may_be_new and not server.cluster_dir.exists():
        raise CannotStart(
            f"There is no installation in {data_dir}. Name it with --data-dir, or begin with `holdfast up`."
        )
    ours = not server.is_running()
    url = server.start()
    try:
        if not may_be_new:
            need_migrated(url)
        yield url
    finally:
        # Who began to run here meanwhile needs the server longer than we do.
        if ours and not server.is_claimed():
            server.stop()
