"""Links that commands print lead to the server that runs, whatever its port."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.console.test_edge import person
from typer.testing import CliRunner

from holdfast.access.commands import users
from holdfast.access.reached import keep_address

EMAIL = "anna@shop.example"


@pytest.mark.parametrize(
    ("kept", "told", "printed"),
    [
        ("http://127.0.0.1:8461", "", "http://127.0.0.1:8461/sign-in/"),
        ("http://127.0.0.1:8461", "https://shop.example", "https://shop.example/sign-in/"),
        (None, "", "http://127.0.0.1:8000/sign-in/"),
    ],
)
def test_a_sign_in_link_leads_to_the_running_server(
    fresh_url: str, tmp_path: Path, kept: str | None, told: str, printed: str
) -> None:
    asyncio.run(person(fresh_url, EMAIL, "viewer"))
    if kept:
        keep_address(tmp_path, kept)
    environment = {"INVENTORY_DB_URL": fresh_url, "HOLDFAST_PUBLIC_URL": told}
    answer = CliRunner().invoke(users, ["link", EMAIL, "--data-dir", str(tmp_path)], env=environment)
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith(printed)
