"""What a webhook's body says, as an `Arrival` or a `Happening`; pure, and never an exception.

Numbers are read as the text they are written as: ids go beyond 2^53. What is genuine and of no use to us is `Ignored`;
what ought to be of use and cannot be understood is `Malformed`, for a person to look at.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from connectors.channels.port import Arrival, Happening, Kind, typed_command
from connectors.clock import VIETNAM

CHANNEL = "zalo"
EPOCH = datetime.fromtimestamp(0, VIETNAM)
LONGEST_TEXT = 8000  # characters; Zalo lets patrons write far less
ATTACHMENTS = {
    "user_send_image": "photo",
    "user_send_gif": "photo",
    "user_send_audio": "voice",
    "user_send_sticker": "sticker",
    "user_send_location": "location",
}
COMINGS: dict[str, Literal["came", "left", "withdrew"]] = {
    "follow": "came",
    "user_click_chatnow": "came",
    "unfollow": "left",
    "user_withdraw": "withdrew",
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRESSED = re.compile(r"#([A-Za-z0-9_-]{22})")
_NAME = re.compile(r"[a-z0-9_.]{1,60}")


@dataclass(frozen=True)
class Account:
    """Whose webhooks we take: the app's id and the Official Account's."""

    app_id: str
    oa_id: str


@dataclass(frozen=True)
class Ignored:
    """Genuine and of no use to us; the reason holds nothing of a patron's."""

    reason: str


@dataclass(frozen=True)
class Malformed:
    reason: str


Event = Arrival | Happening | Ignored | Malformed


class _Unreadable(Exception):
    """A field that is needed is missing or of another kind; the message names the field."""


def parse(body: bytes, ours: Account) -> Event:
    """Return what this body says; never raises."""
    try:
        event = json.loads(body.decode(), strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return Malformed("not JSON")
    if not isinstance(event, dict):
        return Malformed("not an object")
    try:
        return _understood(event, body, ours)
    except _Unreadable as exc:
        return Malformed(str(exc))


def is_probe(body: bytes) -> bool:
    """Return whether this is what Zalo's console sends when the webhook's address is saved: nothing to process."""
    try:
        event = json.loads(body.decode(), strict=False)
    except (ValueError, RecursionError):
        return False
    sample = {"msg_id": "This is message id", "text": "This is testing message"}
    return event == {} or (isinstance(event, dict) and event.get("message") == sample)


def _understood(event: dict[str, Any], body: bytes, ours: Account) -> Event:
    name = _text(event, "event_name")
    if not _NAME.fullmatch(name):
        raise _Unreadable("event_name")
    if event.get("app_id") != ours.app_id:
        return Ignored("another app")
    if name == "widget_interaction_accepted":
        return _acceptance(event, body)
    if name in COMINGS:
        return _coming(name, event, body, ours)
    if name.startswith("oa_send_") and not name.startswith("oa_send_anonymous"):
        return _echo(event, body, ours)
    if name.startswith("user_send_"):
        return _arrival(name, event, body, ours)
    # Among them user_submit_info: a name and phone that somebody typed prove nothing, so they are not kept.
    return Ignored(name)


def _coming(name: str, event: dict[str, Any], body: bytes, ours: Account) -> Event:
    addressed = event.get("oa_id") or _part(event, "recipient").get("id") or ours.oa_id
    if addressed != ours.oa_id:
        return Ignored("another account")
    names = (_part(event, "follower").get("id"), event.get("user_id"), _part(event, "sender").get("id"))
    who = next((found for found in names if found), None)
    return Happening(CHANNEL, _id(who, "follower.id"), _hash(body), COMINGS[name], said_at=_said_at(event))


def _acceptance(event: dict[str, Any], body: bytes) -> Event:
    data = _part(event, "data")
    token = data.get("user_external_id")
    if not isinstance(token, str) or not _ID.fullmatch(token):
        return Ignored("a widget that is not ours")
    who = _id(data.get("user_id"), "data.user_id")
    return Happening(CHANNEL, who, _hash(body), "accepted", token, said_at=_said_at(event))


def _echo(event: dict[str, Any], body: bytes, ours: Account) -> Event:
    sender, message = _part(event, "sender"), _part(event, "message")
    if sender.get("id") != ours.oa_id:
        return Ignored("another account")
    return Happening(
        CHANNEL,
        _id(_part(event, "recipient").get("id"), "recipient.id"),
        f"e:{_key(message, body)}",
        "echo",
        _clean(_shown_text(message)),
        _message_id(message),
        staff=bool(sender.get("admin_id")),
        said_at=_said_at(event),
    )


def _arrival(name: str, event: dict[str, Any], body: bytes, ours: Account) -> Event:
    sender = _id(_part(event, "sender").get("id"), "sender.id")
    if _part(event, "recipient").get("id") != ours.oa_id:
        return Ignored("another account")
    if sender == ours.oa_id:
        return Ignored("our own")
    message = _part(event, "message")
    kind, text = _said(name, message)
    return Arrival(CHANNEL, sender, f"m:{_key(message, body)}", kind, text, _said_at(event))


def _said(name: str, message: dict[str, Any]) -> tuple[Kind, str]:
    if name == "user_send_text":
        return _read(_clean(_text(message, "text")))
    # Words with a web address in them come as a link; a business card does too, without words.
    if name == "user_send_link" and isinstance(message.get("text"), str) and message["text"].strip():
        return "text", _clean(message["text"])
    return "attachment", ATTACHMENTS.get(name, "file")


def _read(text: str) -> tuple[Kind, str]:
    """Return what typed text is: a press of our button comes as its payload, "#" and the token."""
    typed = text.strip()
    if pressed := _PRESSED.fullmatch(typed):
        return "payload", pressed.group(1)
    if command := typed_command(typed):
        return "command", command
    return "text", text


def _shown_text(message: dict[str, Any]) -> str:
    """Return the words of a message of ours: with buttons they stand in the attachment."""
    if isinstance(message.get("text"), str):
        return str(message["text"])
    attachments = message.get("attachments")
    first = attachments[0] if isinstance(attachments, list) and attachments else None
    payload = first.get("payload") if isinstance(first, dict) else None
    text = payload.get("text") if isinstance(payload, dict) else None
    return text if isinstance(text, str) else ""


def _key(message: dict[str, Any], body: bytes) -> str:
    return _message_id(message) or _hash(body)


def _message_id(message: dict[str, Any]) -> str | None:
    found = message.get("msg_id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _said_at(event: dict[str, Any]) -> datetime | None:
    """Return the event's time, or None when it is none that can be."""
    written = event.get("timestamp")
    if not isinstance(written, str) or not re.fullmatch(r"[0-9]{1,14}", written):
        return None
    return EPOCH + timedelta(milliseconds=int(written))


def _part(event: dict[str, Any], name: str) -> dict[str, Any]:
    found = event.get(name, {})
    if not isinstance(found, dict):
        raise _Unreadable(name)
    return found


def _text(holder: dict[str, Any], name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str):
        raise _Unreadable(name)
    return found


def _id(found: object, name: str) -> str:
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise _Unreadable(name)
    return found


def _clean(text: str) -> str:
    """Return the text in NFC, without halves of surrogate pairs, which no database can keep."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", whole)[:LONGEST_TEXT]
