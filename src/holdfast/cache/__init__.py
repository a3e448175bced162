"""A cache of what was read, behind one contract: in this process, or in Redis when ``INVENTORY_REDIS_URL`` is set.

PostgreSQL alone is correct (promise P9). Nothing is decided by what is here, and it may vanish at any moment.
"""

from __future__ import annotations

from holdfast.cache.contract import EVERYTHING, LOW_STOCK, Cache, Fetch, Look, Looked, hold, level, totals
from holdfast.cache.in_redis import InRedis
from holdfast.cache.local import Local

__all__ = [
    "EVERYTHING",
    "LOW_STOCK",
    "Cache",
    "Fetch",
    "InRedis",
    "Local",
    "Look",
    "Looked",
    "hold",
    "level",
    "open_cache",
    "totals",
]


def open_cache(redis_url: str, *, prefix: str, ttl_seconds: int) -> Cache:
    """The cache an installation asks for. Raises CannotStart when the address cannot be understood."""
    return InRedis(redis_url, prefix=prefix, ttl_seconds=ttl_seconds) if redis_url else Local()
