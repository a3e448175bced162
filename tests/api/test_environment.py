"""What an installation decides by its environment, as callers see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.api.conftest import Caller, problem
from tests.conftest import Shelf
from tests.running import serving


def test_the_length_of_holds_and_extensions_is_set_by_the_environment(fresh_url: str, fresh_shelf: Shelf) -> None:
    fresh_shelf.given("TEA@GZ 5")
    lengths = {"DEFAULT_RESERVATION_TIMEOUT": "7", "MAX_RESERVATION_EXTENSION": "3"}
    with serving(fresh_url, **lengths) as running, running.client() as client:
        caller = Caller(client, fresh_shelf)
        held = caller.hold("TEA@GZ 1").json()
        lasts = datetime.fromisoformat(held["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=6) < lasts < timedelta(minutes=8)
        path = f"/inventory/reservations/{held['reservation_id']}/extend"
        assert caller.ask("PUT", path, {"additional_minutes": 3}).status_code == 200
        refused = caller.ask("PUT", path, {"additional_minutes": 1})
        assert problem(refused) == (409, "extension_limit_reached")
