"""Card numbers under seal: SIP2 knows patrons by nothing else, and they are not to stand in our store.

The seal is deterministic (AES-SIV), so one card always has one sealed name; without the key it says nothing.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from library.ils import ILSMisconfigured, PatronUnknown

_BITS = 512
_PURPOSE = b"thuthu sip2 card"


class Cards:
    """Seals card numbers under one key of 64 bytes."""

    def __init__(self, key: bytes) -> None:
        self._seal = AESSIV(key)

    def seal(self, card_number: str) -> str:
        """Return the name under which the card is stored, fit for addresses."""
        sealed = self._seal.encrypt(card_number.encode(), [_PURPOSE])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, sealed: str) -> str:
        """Return the card number. Raises PatronUnknown for what was not sealed with this key."""
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return self._seal.decrypt(raw, [_PURPOSE]).decode()
        except (InvalidTag, ValueError) as exc:
            raise PatronUnknown("this link was made with another key: it is to be removed") from exc


def key_at(path: Path) -> bytes:
    """Return the key in the file, made at the first use and readable by its owner alone. Raises ILSMisconfigured."""
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as exc:
        raise ILSMisconfigured(f"{path} cannot be read or made: {exc.strerror}") from exc
    if len(key) * 8 != _BITS:
        raise ILSMisconfigured(f"{path} is damaged: restore it, or delete it and let patrons link their cards anew")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(AESSIV.generate_key(_BITS))
    try:
        os.link(fresh, path)  # whoever comes first; the other takes theirs
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
