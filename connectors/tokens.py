"""Random tokens handed to the outside, and the hashes of them that we keep."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """Return 128 random bits, safe in a URL and in 64 bytes of a button."""
    return secrets.token_urlsafe(16)


def hashed(token: str) -> str:
    """Return what is stored for a token. No salt: the token itself is random, and it must be found by its hash."""
    return hashlib.sha256(token.encode()).hexdigest()
