"""Which addresses a URL given by a user may make us call."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from holdfast.kernel.errors import Invalid

RESOLVE_SECONDS_MAX: Final = 5
# IPv4 addresses in the clothes of IPv6 (RFC 6052): what counts is the address inside.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class AddressForbidden(Exception):
    """The name leads to an address we do not call."""


def is_public(address: str) -> bool:
    """Whether an address is somebody on the internet: not loopback, private, link-local, multicast or reserved."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
    return ip.is_global and not ip.is_multicast and not ip.is_unspecified


async def checked_address(host: str, port: int, *, allow_private: bool) -> str:
    """Resolve a name once and answer the address to connect to.

    The caller connects to this very address, so a name that changes its answer meanwhile (DNS rebinding) gains
    nothing; one forbidden address among several forbids the name. Raises AddressForbidden, OSError, TimeoutError.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_SECONDS_MAX):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    forbidden = [address for address in addresses if not allow_private and not is_public(address)]
    if forbidden:
        raise AddressForbidden(
            f"{host} leads to {forbidden[0]}, which is not a public address. "
            "HOLDFAST_ALLOW_PRIVATE_WEBHOOKS=true allows it."
        )
    return addresses[0]


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuse early what could never be called. Raises Invalid for the field ``url``."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid.field_error(["url"], "invalid_url", "Give an http:// or https:// address.")
    if parts.username or parts.password:
        raise Invalid.field_error(["url"], "credentials_in_url", "Put no password into the address.")
    try:
        is_forbidden = not allow_private and not is_public(host)
    except ValueError:
        is_forbidden = not allow_private and (host == "localhost" or host.endswith(".localhost"))
    if is_forbidden:
        raise Invalid.field_error(["url"], "private_address", "This is not a public address.")
