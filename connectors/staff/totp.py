"""Codes of six digits that change every 30 seconds (RFC 6238), as every authenticator app reads them."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_S = 30
DRIFT = 1  # steps that a telephone's clock may be off, either way


def new_secret() -> str:
    """Return 160 random bits in base32."""
    return pyotp.random_base32()


def code(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def matching_step(secret: str, typed: str, now: datetime, used: int | None) -> int | None:
    """Return the step of 30 s since 1970 whose code was typed, or None. A step up to `used` matches no more."""
    wanted, this = "".join(typed.split()).encode(), int(now.timestamp()) // STEP_S
    found = None
    for step in range(this - DRIFT, this + DRIFT + 1):
        right = hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), wanted)
        found = step if right and step > (used or 0) else found
    return found


def address(secret: str, name: str, issuer: str) -> str:
    """Return the otpauth address that the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)
