"""Commands. ``holdfast up`` runs everything; ``serve`` and ``worker`` are the same parts separately."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

import holdfast.access.commands
import holdfast.demand.command
import holdfast.demo.commands
import holdfast.importing.command
import holdfast.replenishment.command
from holdfast.db.embedded import wait_until_ready
from holdfast.db.installation import installed_database
from holdfast.db.migrate import migrate, need_migrated
from holdfast.kernel.errors import CannotStart
from holdfast.logs import configure_logs
from holdfast.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False)
screen = Console()

app.add_typer(holdfast.access.commands.users, name="user")
app.add_typer(holdfast.access.commands.api_keys, name="key")
app.add_typer(holdfast.demo.commands.app, name="demo")
app.command("forecast")(holdfast.demand.command.forecast_file)
app.command("import")(holdfast.importing.command.import_file)
app.command("plan")(holdfast.replenishment.command.plan_files)
app.command("backtest")(holdfast.replenishment.command.backtest_files)

DataDir = Annotated[
    Path, typer.Option(envvar="HOLDFAST_DATA_DIR", help="Where the embedded PostgreSQL keeps its files.")
]
Port = Annotated[int, typer.Option(envvar="PORT", min=0, max=65535, help="Where the console and the API answer.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(version("holdfast"))
        raise typer.Exit


@app.callback(help="Stock for a shop on many channels. `up` runs everything; `serve` and `worker` are its parts.")
def of_all(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def up(
    port: Port = 8000,
    data_dir: DataDir = Path("data"),
    host: Host = "127.0.0.1",
    demo: Annotated[bool, typer.Option(help="Load the demo shop and let its customers buy.")] = False,
    workers: Annotated[int, typer.Option(help="API processes.")] = 1,
) -> None:
    """Run everything in the foreground: database, API, console, jobs."""
    from holdfast.supervisor import run_all

    run_all(port=port, host=host, data_dir=data_dir, demo=demo, workers=workers)


@app.command()
def serve(
    port: Port = 8000,
    host: Host = "127.0.0.1",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """Answer HTTP: API and console. Needs INVENTORY_DB_URL and a migrated database."""
    from holdfast.web import server

    settings = Settings.from_env()
    _need_database(settings)
    server.serve("holdfast.app:create", host=host, port=port, workers=workers)


@app.command()
def worker(
    concurrency: Annotated[int, typer.Option(help="Jobs at the same time.")] = 4,
) -> None:
    """Run jobs. Needs INVENTORY_DB_URL and a migrated database."""
    from holdfast.worker import run_worker

    settings = Settings.from_env()
    _need_database(settings)
    asyncio.run(run_worker(settings, concurrency=concurrency))


@app.command("migrate")
def migrate_command(data_dir: DataDir = Path("data")) -> None:
    """Bring the database to the state this program needs."""
    with installed_database(data_dir, may_be_new=True) as url:
        applied = migrate(url)
    screen.print("Applied: " + ", ".join(applied) if applied else "Nothing to do.")


@app.command()
def doctor(
    data_dir: DataDir = Path("data"),
    seals: Annotated[bool, typer.Option(help="Hash the ledger again and compare it with its seals.")] = False,
    expect: Annotated[str | None, typer.Option(help="A seal that was noted outside, as NO:HASH.")] = None,
    repair: Annotated[str | None, typer.Option(help="Repair damaged levels; the text is the reason.")] = None,
) -> None:
    """Recompute every promise from the rows; name what does not hold and exit 1."""
    from holdfast.monitoring.command import consult
    from holdfast.monitoring.kept import visit_cache

    with installed_database(data_dir) as url:
        healthy = asyncio.run(consult(url, screen, seals=seals or expect is not None, expect=expect, repair=repair))
        healthy &= asyncio.run(visit_cache(url, Settings.from_env(), screen))
    raise typer.Exit(0 if healthy else 1)


@app.command("selftest")
def selftest_command(
    seconds: Annotated[float, typer.Option(min=1, help="How long to attack; holds expire after 60.")] = 75,
    requests: Annotated[int | None, typer.Option(min=1, help="End once so many are answered, if sooner.")] = None,
    buyers: Annotated[int, typer.Option(min=1, help="Buyers at the same time.")] = 1000,
    processes: Annotated[int, typer.Option(min=1, help="API processes of its own to attack.")] = 2,
    address: Annotated[list[str] | None, typer.Option(help="Attack this running API instead; repeatable.")] = None,
    crash: Annotated[bool, typer.Option(help="Kill its own API and sweeper processes meanwhile.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    data_dir: DataDir = Path("data"),
) -> None:
    """Attack the installed system on SKUs of its own, say what held, clean up; exit 1 when a promise was broken."""
    from holdfast.selftest import command

    plan = command.Plan(seconds, requests, buyers, processes, address or [], crash)
    with installed_database(data_dir) as url:
        verdict = asyncio.run(command.selftest(url, plan, Console(stderr=True) if as_json else screen))
    if as_json:
        print(command.as_json(verdict))  # noqa: T201 - for programs
    else:
        command.report(verdict, screen)
    raise typer.Exit(0 if verdict.passed else 1)


def _need_database(settings: Settings) -> None:
    if not settings.db_url:
        raise CannotStart("INVENTORY_DB_URL is not set. Set it, or use `holdfast up` for the embedded database.")
    # A server that was started with us may take a moment, and one that recovers takes several.
    wait_until_ready(settings.db_url, seconds=20)
    need_migrated(settings.db_url)


def main() -> None:
    """Run a command; what cannot start says why in one sentence."""
    configure_logs()
    try:
        app()
    except CannotStart as reason:
        screen.print(f"[bold red]Holdfast cannot start:[/] {reason}")
        sys.exit(1)
    except psycopg.OperationalError as error:
        screen.print(f"[bold red]Holdfast cannot start:[/] the database cannot be reached: {str(error).strip()}")
        sys.exit(1)
