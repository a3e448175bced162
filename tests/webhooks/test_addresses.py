"""A URL given by a user never makes us call our own network."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.house import House
from tests.receiver import receiving

from holdfast.webhooks import addresses
from holdfast.webhooks.addresses import AddressForbidden, checked_address, is_public
from holdfast.webhooks.client import post, seconds_to_wait

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "whsec_" + "B" * 44


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_addresses_on_the_internet_are_called(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/", "private_address"),
        ("http://[::1]:9000/", "private_address"),
        ("http://localhost/hook", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("ftp://example.org/", "invalid_url"),
        ("https:///nohost", "invalid_url"),
        ("http://[broken/", "invalid_url"),
        ("https://example.org:99999/", "invalid_url"),
        ("https://me:secret@example.org/", "credentials_in_url"),
    ],
)
async def test_an_address_that_could_never_be_called_is_refused_at_once(house: House, url: str, code: str) -> None:
    refused = await house.post("/webhooks", {"url": url}, expect=422)
    assert refused["errors"][0]["code"] == code


async def test_a_name_that_leads_inside_is_refused_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, ["93.184.216.34", "10.0.0.8"])
    with pytest.raises(AddressForbidden, match=r"shop\.example leads to 10\.0\.0\.8"):
        await checked_address("shop.example", 443, allow_private=False)


async def test_the_checked_address_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name answers once, and we connect to that answer even if it changes a moment later."""
    asked: list[str] = []
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        receiver.secret = SECRET
        resolve_to(monkeypatch, ["127.0.0.1"], asked)
        outcome = await post(
            f"http://shop.example:{port}/hook",
            '{"type":"x"}',
            secret=SECRET,
            message_id="m1",
            now=datetime.now(UTC),
            allow_private=True,
        )
        assert (outcome.status, asked, receiver.requests) == (204, ["shop.example"], 1)


async def test_by_default_loopback_is_not_called(house: House) -> None:
    with receiving() as receiver:
        outcome = await post(receiver.url, "{}", secret=SECRET, message_id="m", now=NOW, allow_private=False)
        assert (receiver.requests, outcome.status) == (0, None)
        assert outcome.error is not None
        assert "not a public address" in outcome.error


async def test_a_receiver_that_never_answers_costs_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.webhooks.client.SECONDS_MAX", 0.3)

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await post(f"http://127.0.0.1:{port}/", "{}", secret=SECRET, message_id="m", now=NOW, allow_private=True)
    server.close()
    assert outcome.error == "no answer within 0.3 s"


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 500 Big\r\ncontent-length: 1000000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536
        except ConnectionError:
            return

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await post(f"http://127.0.0.1:{port}/", "{}", secret=SECRET, message_id="m", now=NOW, allow_private=True)
    server.close()
    assert (outcome.status, outcome.error) == (500, "500 " + "x" * 300)
    assert sent < 50_000_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("Sat, 21 Nov 2026 12:01:00 GMT", 60), ("Sat, 21 Nov 2026 11:00:00 GMT", 0), ("soon", None)],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


def resolve_to(monkeypatch: pytest.MonkeyPatch, found: list[str], asked: list[str] | None = None) -> None:
    """Make one name lead to the given addresses; addresses lead to themselves."""
    real = socket.getaddrinfo

    def lookup(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "shop.example":
            return real(host, port, *args, **kwargs)
        if asked is not None:
            asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup)
