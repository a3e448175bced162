"""A primary, its synchronous standby (both from the wheel), and one address that finds the writable one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psycopg

from holdfast.db.embedded import EmbeddedServer

SYNCHRONOUS = "alter system set synchronous_standby_names = 'FIRST 1 (standby)'"
ALONE = "alter system set synchronous_standby_names = ''"


class Pair:
    def __init__(self, folder: Path) -> None:
        self.primary = EmbeddedServer(folder / "primary")
        self.standby = EmbeddedServer(folder / "standby")

    @property
    def url(self) -> str:
        hosts = f"{self.primary.socket_dir},{self.standby.socket_dir}"
        return f"postgresql://holdfast_owner@/holdfast?host={hosts}&target_session_attrs=read-write"

    def start(self) -> None:
        """Both servers, the standby a copy of the primary; commits are not synchronous yet."""
        self.primary.start()
        self.standby.make_directories()
        source = f"host={self.primary.socket_dir} user=postgres application_name=standby"
        copy = ["pg_basebackup", "-D", str(self.standby.cluster_dir), "-R", "-X", "stream", "-c", "fast"]
        self.standby.as_account([*copy, "-C", "-S", "standby", "-d", source])
        with (self.standby.cluster_dir / "postgresql.conf").open("a") as configuration:
            configuration.write(f"\nunix_socket_directories = '{self.standby.socket_dir}'\n")
        self.standby.run_server()

    def ask(self, server: EmbeddedServer, *statements: str) -> Any:
        """As the superuser; answers the first column of the last statement's first row, if it has one."""
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]

    def make_synchronous(self) -> None:
        """From here on a commit waits for the standby."""
        self.ask(self.primary, SYNCHRONOUS, "select pg_reload_conf()")

    def is_synchronous(self) -> bool:
        return self.ask(self.primary, "select count(*) from pg_stat_replication where sync_state = 'sync'") == 1

    def freeze_standby(self) -> None:
        """It is connected and silent, as behind a broken line."""
        for pid in self._standby_family():
            os.kill(pid, signal.SIGSTOP)

    def thaw_standby(self) -> None:
        for pid in self._standby_family():
            os.kill(pid, signal.SIGCONT)

    def _standby_family(self) -> list[int]:
        if not self.standby.is_alive():
            return []
        pid = self.standby.pid()
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def promote(self) -> None:
        self.standby.as_account(["pg_ctl", "promote", "-D", str(self.standby.cluster_dir), "-w", "-t", "60"])

    def stop(self) -> None:
        self.thaw_standby()
        for server in (self.standby, self.primary):
            if server.is_alive():
                server.kill()
