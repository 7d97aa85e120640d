"""Whether a webhook is Zalo's: SHA-256 over the app's id, the body's bytes, the body's own time and the OA's secret.

The secret is the "OA Secret Key" of the app's webhook page; the app's own secret next to it is for tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

HEADER = "X-ZEvent-Signature"
# A retry carries the time of the event and comes up to 1 h 50 min after it; clocks differ.
OLDEST = timedelta(hours=2, minutes=30)
NEWEST = timedelta(minutes=10)
_WRITTEN_TIME = re.compile(rb'"timestamp"\s*:\s*"?(\d{1,20})')


def mac_of(app_id: str, body: bytes, timestamp: str, secret: str) -> str:
    """Return the header's value for this body."""
    signed = app_id.encode() + body + timestamp.encode("utf-8", "surrogatepass") + secret.encode()
    return f"mac={hashlib.sha256(signed).hexdigest()}"


def is_genuine(header: str, app_id: str, body: bytes, secret: str) -> bool:
    """Return whether the header was made over exactly these bytes with this secret; takes the same time either way."""
    expected = mac_of(app_id, body, timestamp_of(body) or "", secret)
    return hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))


def matching_secret(header: str, app_id: str, body: bytes, secrets: Mapping[str, str]) -> str | None:
    """Return the name of the secret that a webhook was signed with, or None: two are easily mistaken for each other."""
    return next((name for name, secret in secrets.items() if is_genuine(header, app_id, body, secret)), None)


def timestamp_of(body: bytes) -> str | None:
    """Return the body's own time as it is written there, or None.

    A body that is no JSON can still be signed: then the first time that is written in it is taken.
    """
    try:
        event = json.loads(body.decode(), strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        written = _WRITTEN_TIME.search(body)
        return written.group(1).decode() if written else None
    timestamp = event.get("timestamp") if isinstance(event, dict) else None
    return timestamp if isinstance(timestamp, str) else None


def is_fresh(timestamp: str | None, now: datetime) -> bool:
    """Return whether this time, in milliseconds since 1970, is near enough for the delivery to be no replay."""
    if timestamp is None or not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 15:
        return False
    now_ms = now.timestamp() * 1000
    oldest, newest = now_ms - OLDEST.total_seconds() * 1000, now_ms + NEWEST.total_seconds() * 1000
    return oldest <= int(timestamp) <= newest
