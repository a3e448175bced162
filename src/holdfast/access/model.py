"""Principals and scopes. A scope is a verb; admin includes all, and every other scope includes read."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

SCOPES = ("read", "operate", "plan", "approve", "admin")
ROLE_SCOPES: dict[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
    "planner": frozenset({"read", "operate", "plan"}),
    "approver": frozenset({"read", "operate", "plan", "approve"}),
    "admin": frozenset(SCOPES),
}
TOKEN_PREFIX = "hf_"  # noqa: S105 - it marks our tokens, so that scanners find leaked ones


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: an API key or a person; ``actor`` is what the ledger and the audit trail record."""

    id: UUID
    actor: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes or (scope == "read" and bool(self.scopes))


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """256 random bits. Shown once; only its hash is kept."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
