"""Passwords and names as they are stored and checked."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from connectors.tokens import new_token
from library.text import nfc

SHORTEST_PASSWORD = 10

_hasher = PasswordHasher()


def hash_of(password: str) -> str:
    return _hasher.hash(nfc(password))


def is_password(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, nfc(password))
    except (Argon2Error, InvalidHashError):
        return False


@cache
def nobodys_hash() -> str:
    """Return what a password is checked against when there is nothing to check it against."""
    return _hasher.hash(new_token())


def plain_name(name: str) -> str:
    """Return the name as it is stored: the same name however it was typed."""
    return nfc(" ".join(name.split()))
