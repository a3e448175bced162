"""Every setting once: environment variable, default, meaning. ``docs/reference/settings.md`` is tested against this."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from holdfast.kernel.errors import CannotStart


def setting(env: str, default: object, doc: str) -> object:
    return field(default=default, metadata={"env": env, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation may decide. Values come from the environment; an unusable one stops the start."""

    db_url: str = setting("INVENTORY_DB_URL", "", "PostgreSQL of your own; empty: the embedded server")  # type: ignore[assignment]
    redis_url: str = setting("INVENTORY_REDIS_URL", "", "Redis that makes reads faster; empty: none")  # type: ignore[assignment]
    cache_ttl_seconds: int = setting("INVENTORY_CACHE_TTL", 3600, "how long a cached figure lives at most, in seconds")  # type: ignore[assignment]
    redis_prefix: str = setting("HOLDFAST_REDIS_PREFIX", "holdfast:", "what every key in Redis begins with")  # type: ignore[assignment]
    hold_minutes: int = setting("DEFAULT_RESERVATION_TIMEOUT", 30, "hold length when a request names none")  # type: ignore[assignment]
    extension_minutes_max: int = setting("MAX_RESERVATION_EXTENSION", 60, "total extension of one hold")  # type: ignore[assignment]
    payment_grace_minutes: int = setting(
        "HOLDFAST_PAYMENT_GRACE_MINUTES", 10, "what a hold lasts at least once its customer began to pay"
    )  # type: ignore[assignment]
    replenishment_seconds: int = setting("REPLENISHMENT_CHECK_INTERVAL", 86400, "time between planning runs")  # type: ignore[assignment]
    low_stock_share: float = setting(
        "LOW_STOCK_THRESHOLD", 0.2, "share of max_stock that counts as low where no reorder point is known"
    )  # type: ignore[assignment]
    bootstrap_token: str = setting("HOLDFAST_BOOTSTRAP_TOKEN", "", "admin token of an installation that has no key yet")  # type: ignore[assignment]
    secret: str = setting("HOLDFAST_SECRET", "", "key for stored secrets; empty: kept in the data directory")  # type: ignore[assignment]
    admin_email: str = setting(
        "HOLDFAST_ADMIN_EMAIL", "admin@holdfast.example", "who can sign in to an installation that knows nobody yet"
    )  # type: ignore[assignment]
    data_dir: Path = setting("HOLDFAST_DATA_DIR", Path("data"), "where the embedded server keeps its files")  # type: ignore[assignment]
    smtp_url: str = setting("HOLDFAST_SMTP_URL", "", "smtp://user:password@host:port, smtps:// for TLS")  # type: ignore[assignment]
    mail_from: str = setting("HOLDFAST_MAIL_FROM", "stock@holdfast.example", "sender of our e-mail")  # type: ignore[assignment]
    public_url: str = setting("HOLDFAST_PUBLIC_URL", "", "address people reach us at, for links in messages")  # type: ignore[assignment]
    trusted_proxies: str = setting(
        "FORWARDED_ALLOW_IPS", "127.0.0.1,::1", "addresses of proxies whose X-Forwarded-For and -Proto are believed"
    )  # type: ignore[assignment]
    allow_private_webhooks: bool = setting(
        "HOLDFAST_ALLOW_PRIVATE_WEBHOOKS", False, "let webhooks call private and loopback addresses"
    )  # type: ignore[assignment]
    pool_size: int = setting("HOLDFAST_DB_POOL_SIZE", 10, "database connections per process")  # type: ignore[assignment]
    queue_max: int = setting("HOLDFAST_QUEUE_MAX", 4096, "requests waiting for one writer before we answer 503")  # type: ignore[assignment]
    commit_seconds_max: float = setting(
        "HOLDFAST_COMMIT_SECONDS_MAX", 10.0, "seconds a write may wait for its confirmation before we answer 503"
    )  # type: ignore[assignment]
    request_bytes_max: int = setting("HOLDFAST_REQUEST_BYTES_MAX", 2_000_000, "largest request body")  # type: ignore[assignment]

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
        """Read the environment; ``overrides`` (command-line options) win over it."""
        values: dict[str, object] = {}
        for f in fields(cls):
            text = env.get(f.metadata["env"], "")
            if text:
                values[f.name] = _parsed(f.metadata["env"], text, f.default)
        values.update({k: v for k, v in overrides.items() if v is not None})
        return cls(**values)  # type: ignore[arg-type]


def _parsed(env: str, text: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
        return Path(text) if isinstance(default, Path) else text
    except (ValueError, KeyError):
        kind = type(default).__name__
        raise CannotStart(f"{env} is {text!r}, which is not a {kind}. Correct it or remove it.") from None
