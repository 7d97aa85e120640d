"""What Telegram's errors mean for a message that was to be sent: `NotSent`, by class of what to do next."""

from __future__ import annotations

import re
from datetime import timedelta

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from connectors.channels.port import DoorShut, Moved, NotSent, PlainerPlease, Refused, TryLater, Unreachable

_CODE = re.compile(r"[A-Za-z]+(?:_[A-Za-z0-9]+)+")
_GONE = ("chat not found", "user not found", "peer_id_invalid", "user_id_invalid", "deactivated")
_SILENCED = ("not enough rights", "have no rights", "chat_write_forbidden", "user_is_blocked")
_BUTTONS = ("button", "keyboard", "reply markup", "reply_markup")


def not_sent(error: TelegramError) -> NotSent:
    """Return the error of the port. Its reason holds nothing of the message: Telegram repeats addresses in errors."""
    match error:
        case RetryAfter():
            return TryLater("too_fast", retry_after_s(error))
        case ChatMigrated():
            return Moved("moved", str(error.new_chat_id))
        case Forbidden():
            return _forbidden(error.message.lower())
        case BadRequest():  # a NetworkError by PTB's tree, but the same again would be refused again
            return _bad_request(error.message)
        case InvalidToken():
            return DoorShut("token")
        case Conflict():
            return TryLater("conflict")
        case TimedOut():
            return TryLater("timeout")
    return TryLater("network")


def retry_after_s(error: RetryAfter) -> float:
    """Return the seconds to wait. PTB gives a number or a span of time, as an environment variable says."""
    said = error._retry_after
    return said.total_seconds() if isinstance(said, timedelta) else float(said)


def _forbidden(said: str) -> NotSent:
    if "blocked" in said:
        return Unreachable("blocked")
    if "deactivated" in said or "kicked" in said:
        return Unreachable("gone")
    return Unreachable("unreachable")


def _bad_request(description: str) -> NotSent:
    said = description.lower()
    if any(words in said for words in _GONE):
        return Unreachable("gone")
    if any(words in said for words in _SILENCED):
        return Unreachable("unreachable")
    if any(words in said for words in _BUTTONS):
        return PlainerPlease("buttons")
    if "too long" in said or "too_long" in said:
        return Refused("too_long")
    return Refused(said if _CODE.fullmatch(description) else "bad_request")
