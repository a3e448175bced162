"""A cache of what was read, behind one contract: in this process, or in Redis when ``INVENTORY_REDIS_URL`` is set.

PostgreSQL alone is correct (promise P9). Nothing is decided by what is here, and it may vanish at any moment.
"""

from __future__ import annotations

from holdfast.cache.contract import EVERYTHING, LOW_STOCK, Cache, Fetch, Look, Looked, hold, level, totals
from holdfast.cache.local import Local
from holdfast.settings import Settings

__all__ = [
    "EVERYTHING",
    "LOW_STOCK",
    "Cache",
    "Fetch",
    "Local",
    "Look",
    "Looked",
    "hold",
    "level",
    "open_cache",
    "totals",
]


def open_cache(settings: Settings) -> Cache:
    """The cache an installation asks for. Raises CannotStart when the address cannot be understood."""
    if not settings.redis_url:
        return Local()
    # The client costs a tenth of a second at every start, and most installations have no Redis.
    from holdfast.cache.in_redis import InRedis

    return InRedis(settings.redis_url, prefix=settings.redis_prefix, ttl_seconds=settings.cache_ttl_seconds)
