"""Addresses that let somebody without an account in: signed with the installation's secret, never stored signed.

What is stored, and shown to whoever may read it, is the plain path; the signature is added where a message leaves.
"""

from __future__ import annotations

import base64
import hmac
from functools import cache
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Below this everybody may come who has a signed address.
OPEN_TO_SIGNED: Final = "/supplier/"
_SIGNATURE_BYTES: Final = 24


def is_signed_kind(path: str) -> bool:
    return path.startswith(OPEN_TO_SIGNED)


def signed_path(path: str, secret: str) -> str | None:
    """The path with its signature; None when the installation has no secret."""
    return f"{path}.{_signature(path, secret)}" if secret else None


def is_genuine(path: str, signature: str, secret: str) -> bool:
    """Whether the signature is ours. The time it takes tells nothing."""
    return bool(secret) and hmac.compare_digest(_signature(path, secret).encode(), signature.encode())


def _signature(path: str, secret: str) -> str:
    mac = hmac.digest(_key(secret), path.encode(), sha256)[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


@cache
def _key(secret: str) -> bytes:
    # HKDF: the secret may be text of any length and serves other purposes under other info strings.
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"holdfast signed paths").derive(secret.encode())
