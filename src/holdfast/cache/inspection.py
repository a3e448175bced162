"""What Redis keeps at this moment, for whoever compares it with PostgreSQL."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from holdfast.cache.line import Away

NAMES_MAX = 10_000
KINDS = ("global_inventory:", "inventory:", "reservation:")


async def kept(redis_url: str, prefix: str, identity: str, names: list[str] | None = None) -> dict[str, bytes]:
    """The values of the present epoch by name: those named, or up to 10,000 of each kind. Raises Away."""
    client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        redis_url, socket_timeout=5, socket_connect_timeout=5
    )
    try:
        epoch: bytes | None = await client.get(f"{prefix}epoch:{identity}")
        if epoch is None:
            return {}
        head = b'{"epoch":"%b",' % epoch
        found: dict[str, bytes] = {}
        for name in await _names(client, prefix) if names is None else names:
            value = cast(bytes | None, await client.get(prefix + name))
            if value is not None and value.startswith(head):
                found[name] = value
        return found
    except (RedisError, OSError) as error:
        raise Away from error
    finally:
        await client.aclose()


async def _names(client: Any, prefix: str) -> list[str]:
    names: list[str] = []
    for kind in KINDS:
        of_kind = 0
        async for key in client.scan_iter(match=f"{prefix}{kind}*", count=1000):
            names.append(cast(bytes, key).decode().removeprefix(prefix))
            of_kind += 1
            if of_kind == NAMES_MAX:
                break
    return names
