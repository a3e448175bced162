"""People and API keys from the command line, for whoever has access to the database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from rich.console import Console

from holdfast.access import keys, people
from holdfast.access.model import ROLE_SCOPES, SCOPES
from holdfast.access.reached import kept_address
from holdfast.db import Tx, in_one_transaction
from holdfast.db.installation import installed_database
from holdfast.settings import Settings

users = typer.Typer(no_args_is_help=True, help="People who sign in to the console.")
api_keys = typer.Typer(no_args_is_help=True, help="Keys for programs.")
screen = Console()
# What a mail server may make of it is its own matter; a name typed in place of an address is what this finds.
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")

DataDir = Annotated[
    Path, typer.Option(envvar="HOLDFAST_DATA_DIR", help="Where the embedded PostgreSQL keeps its files.")
]


@users.command("add")
def add_user(
    email: str,
    name: Annotated[str, typer.Option(help="As colleagues know them.")] = "",
    role: Annotated[str, typer.Option(help=", ".join(ROLE_SCOPES))] = "operator",
    data_dir: DataDir = Path("data"),
) -> None:
    """Add a person and print a one-time link to sign in with; they choose a password there."""
    if not _EMAIL.fullmatch(email):
        raise typer.BadParameter("an address such as ana@example.com", param_hint="EMAIL")
    if role not in ROLE_SCOPES:
        raise typer.BadParameter(f"one of {', '.join(ROLE_SCOPES)}", param_hint="--role")

    async def add(tx: Tx) -> str | None:
        await people.add_person(tx, email=email, name=name or email, role=cast(Any, role))
        return await people.first_link(tx, email)

    _print_link(_in_transaction(data_dir, add), data_dir)


@users.command("link")
def sign_in_link(email: str, data_dir: DataDir = Path("data")) -> None:
    """Print a new one-time link for a person who lost their password."""
    link = _in_transaction(data_dir, lambda tx: people.first_link(tx, email))
    if link is None:
        screen.print(f"Nobody has the e-mail {email}.")
        raise typer.Exit(1)
    _print_link(link, data_dir)


@api_keys.command("create")
def create_key(
    name: str,
    scope: Annotated[list[str], typer.Option(help=", ".join(SCOPES))],
    data_dir: DataDir = Path("data"),
) -> None:
    """Create an API key and print its token, which is shown this once."""
    if not set(scope) <= set(SCOPES):
        raise typer.BadParameter(f"among {', '.join(SCOPES)}", param_hint="--scope")

    async def create(tx: Tx) -> str:
        _, token = await keys.create_key(tx, name=name, scopes=scope, created_by="command line")
        return token

    print(_in_transaction(data_dir, create))  # noqa: T201 - for `TOKEN=$(holdfast key create …)`


def _print_link(token: str | None, data_dir: Path) -> None:
    """Below the address it was told, else the one at which ``holdfast up`` was ready last."""
    base = Settings.from_env().public_url or kept_address(data_dir) or "http://127.0.0.1:8000"
    print(f"{base}/sign-in/{token}")  # noqa: T201 - one line, to be copied


def _in_transaction(data_dir: Path, act: Callable[[Tx], Awaitable[Any]]) -> Any:
    with installed_database(data_dir) as url:
        return asyncio.run(in_one_transaction(url, act))
