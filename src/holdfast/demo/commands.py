"""The processes of the demo shop, and which of them `holdfast up --demo` starts."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated

import typer

from holdfast.demo import MAIL_FOLDER
from holdfast.kernel.errors import CannotStart
from holdfast.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The parts of the demo shop; `holdfast up --demo` starts them.")


@app.command("live")
def live_command(
    address: Annotated[str, typer.Option(help="Where the API answers.")],
    reads_mail: Annotated[bool, typer.Option(help="Suppliers act on what is in the demo's mailbox.")] = False,
) -> None:
    """Let customers buy and suppliers deliver. Needs INVENTORY_DB_URL of a loaded demo shop."""
    from holdfast.demo.live import live

    settings = Settings.from_env()
    if not settings.db_url:
        raise CannotStart("INVENTORY_DB_URL is not set. Use `holdfast up --demo`.")
    asyncio.run(live(settings.db_url, address, settings.data_dir / MAIL_FOLDER if reads_mail else None))


@app.command("mail")
def mail_command(port: Annotated[int, typer.Option(help="Where to answer SMTP, on loopback.")]) -> None:
    """Keep the demo's e-mail as files."""
    from holdfast.demo.mailbox import keep_mail

    asyncio.run(keep_mail(Settings.from_env().data_dir / MAIL_FOLDER, port))


def parts(environment: dict[str, str], address: str) -> list[tuple[str, list[str]]]:
    """Name and arguments of the demo's own processes. Without a mail server of the installation's own, the demo brings
    one along: ``environment`` then gets its address.
    """
    living = ["demo", "live", "--address", address]
    if environment.get("HOLDFAST_SMTP_URL"):
        return [("demo shop", living)]
    port = _free_port()
    environment["HOLDFAST_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
    return [("demo mailbox", ["demo", "mail", "--port", str(port)]), ("demo shop", [*living, "--reads-mail"])]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
