"""Secrets at rest: readable only with HOLDFAST_SECRET."""

from __future__ import annotations

import base64
import secrets

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from holdfast.kernel.errors import Conflict


class CannotUnseal(Exception):
    """The stored secret was sealed with another HOLDFAST_SECRET."""


def new_secret() -> str:
    """A signing secret of the Standard Webhooks scheme: 256 random bits."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def seal(text: str, key: str) -> bytes:
    """Raises Conflict(``secret_not_set``) when the installation has no HOLDFAST_SECRET."""
    if not key:
        raise Conflict("secret_not_set", "HOLDFAST_SECRET is not set, so no secret can be stored. Set it and restart.")
    return _fernet(key).encrypt(text.encode())


def unseal(sealed: bytes, key: str) -> str:
    """Raises CannotUnseal."""
    try:
        return _fernet(key).decrypt(sealed).decode()
    except InvalidToken:
        raise CannotUnseal("The secret was stored with another HOLDFAST_SECRET.") from None


def _fernet(key: str) -> Fernet:
    # HKDF: the key may be text of any length and serves other purposes under other info strings.
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"holdfast webhook secrets").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
