"""What an update tells us, read without trust: any bytes give `Heard` or `Malformed`, never an error.

A patron talks with the assistant in a private chat. What is said in a group is not taken in: the group would share one
conversation, and with it a linked card's loans. Who calls the assistant there is asked to write to it alone.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.channels.port import Arrival, Happening
from connectors.channels.telegram.commands import command
from connectors.clock import VIETNAM

CHANNEL = "telegram"
KINDS = ("message", "edited_message", "callback_query", "my_chat_member")  # what we ask Telegram for
LONGEST_TEXT = 8000  # characters, about twice what Telegram lets anybody write
LAST_DAY = 253_370_000_000  # in seconds: late in the year 9998

# Read in this order: a venue has a location beside it, an animation a document.
ATTACHMENTS: Mapping[str, str] = {
    "photo": "photo",
    "voice": "voice",
    "audio": "voice",
    "sticker": "sticker",
    "dice": "sticker",
    "venue": "location",
    "location": "location",
    "animation": "file",
    "video": "file",
    "video_note": "file",
    "document": "file",
    "contact": "file",
    "poll": "file",
    "story": "file",
    "paid_media": "file",
    "checklist": "file",
    "game": "file",
}


@dataclass(frozen=True)
class Me:
    """Our own account there."""

    id: int
    username: str


@dataclass(frozen=True)
class Heard:
    """An update that was understood. All may be empty: a reaction, a title, a kind that is not known yet."""

    update_id: int
    news: Arrival | Happening | None = None
    tap: str | None = None  # the id of a button's tap, which the patron sees waiting until it is answered
    called_from: str | None = None  # the group in which somebody called us


@dataclass(frozen=True)
class Malformed:
    reason: str
    update_id: int | None = None


class _Unfit(Exception):
    """What stands in the update is not what Telegram sends."""


def parse(body: bytes, me: Me | None = None) -> Heard | Malformed:
    """Return what the update tells; `me` tells which mentions are of us."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return Malformed("not_json")
    if not isinstance(raw, dict):
        return Malformed("no_object")
    try:
        update_id = _number(raw, "update_id")
    except _Unfit as exc:
        return Malformed(str(exc))
    try:
        return _heard(raw, update_id, me)
    except _Unfit as exc:
        return Malformed(str(exc), update_id)


def _heard(raw: Mapping[str, Any], update_id: int, me: Me | None) -> Heard:
    for kind, read in (("message", _message), ("edited_message", _edit)):
        if kind in raw:
            return read(_object(raw, kind), update_id, me)
    if "callback_query" in raw:
        return _tap(_object(raw, "callback_query"), update_id)
    if "my_chat_member" in raw:
        return Heard(update_id, _membership(_object(raw, "my_chat_member")))
    return Heard(update_id)


def _message(message: Mapping[str, Any], update_id: int, me: Me | None) -> Heard:
    chat = _object(message, "chat")
    address, said_at = str(_number(chat, "id")), _moment(message.get("date"))
    if moved := _move(message, address, said_at):
        return Heard(update_id, moved)
    words = _words(message)
    if _text(chat, "type") != "private":
        return Heard(update_id, called_from=address if me and _calls(message, words or "", me) else None)
    if _from_bot(message):
        return Heard(update_id)
    key = f"m:{address}:{_number(message, 'message_id')}"
    if words is None:
        return Heard(update_id, _attachment(message, address, key, said_at))
    return Heard(update_id, _said(message, words, address, key, said_at, me))


def _edit(message: Mapping[str, Any], update_id: int, me: Me | None) -> Heard:
    """Return the new words as a message of its own; an edit without words (a moving location) says nothing."""
    chat, words = _object(message, "chat"), _words(message)
    address, edited = str(_number(chat, "id")), _moment(message.get("edit_date"))
    if _text(chat, "type") != "private" or words is None or _from_bot(message):
        return Heard(update_id)
    key = f"edit:{address}:{_number(message, 'message_id')}:{_number(message, 'edit_date')}"
    return Heard(update_id, _said(message, words, address, key, edited, me))


def _said(
    message: Mapping[str, Any], words: str, address: str, key: str, at: datetime | None, me: Me | None
) -> Arrival:
    """Return the words, or the command that they are; what stands below a photo is never a command."""
    ordered = command(words, me.username if me else "") if "text" in message else None
    return Arrival(CHANNEL, address, key, "command" if ordered else "text", ordered or words, at)


def _attachment(message: Mapping[str, Any], address: str, key: str, said_at: datetime | None) -> Arrival | None:
    kind = next((ours for theirs, ours in ATTACHMENTS.items() if theirs in message), None)
    if kind is None:  # a service message: a pinned one, a new title
        return None
    if album := message.get("media_group_id"):  # ten photos sent at once are one message to who reads them
        key = f"album:{address}:{_short(album)}"
    return Arrival(CHANNEL, address, key, "attachment", kind, said_at)


def _tap(query: Mapping[str, Any], update_id: int) -> Heard:
    """Return the tap of a button of ours; one without data or chat is answered, so that it stops waiting."""
    tap = _short(query.get("id"))
    message = query.get("message")
    if message is None or query.get("data") is None:
        return Heard(update_id, tap=tap)
    chat = _object(_object(query, "message"), "chat")
    if _text(chat, "type") != "private":
        return Heard(update_id, tap=tap)
    token = _clean(_short(query["data"], printable=False))  # perhaps of other software's old button: any 64 bytes
    return Heard(update_id, Arrival(CHANNEL, str(_number(chat, "id")), f"cb:{tap}", "payload", token), tap)


def _membership(change: Mapping[str, Any]) -> Happening | None:
    chat, now, before = (_object(change, key) for key in ("chat", "new_chat_member", "old_chat_member"))
    what = {"kicked": "left", "member": "came"}.get(_text(now, "status"))
    if what is None or _text(chat, "type") != "private" or _text(before, "status") == _text(now, "status"):
        return None
    address, date = str(_number(chat, "id")), _number(change, "date")
    key = f"{what}:{address}:{date}"
    return Happening(CHANNEL, address, key, "left" if what == "left" else "came", said_at=_moment(date))


def _move(message: Mapping[str, Any], address: str, said_at: datetime | None) -> Happening | None:
    """Return that a group has a new id, be it said in the old one or in the new."""
    if "migrate_to_chat_id" in message:
        old, new = address, str(_number(message, "migrate_to_chat_id"))
    elif "migrate_from_chat_id" in message:
        old, new = str(_number(message, "migrate_from_chat_id")), address
    else:
        return None
    return Happening(CHANNEL, old, f"moved:{old}:{new}", "moved", text=new, said_at=said_at)


def _calls(message: Mapping[str, Any], words: str, me: Me) -> bool:
    """Return whether something said in a group is for us: a mention, a command, or a reply to what we said."""
    answered = message.get("reply_to_message")
    author = answered.get("from") if isinstance(answered, dict) else None
    replied = isinstance(author, dict) and author.get("id") == me.id
    return replied or f"@{me.username}".lower() in words.lower() or command(words, me.username) is not None


def _words(message: Mapping[str, Any]) -> str | None:
    for key in ("text", "caption"):
        if key in message:
            words = _text(message, key)
            if len(words) > LONGEST_TEXT:
                raise _Unfit(f"{key}_too_long")
            return _clean(words) if words or key == "text" else None
    return None


def _from_bot(message: Mapping[str, Any]) -> bool:
    sender = message.get("from")
    return isinstance(sender, dict) and sender.get("is_bot") is True


def _clean(text: str) -> str:
    """Return the text in NFC; half a surrogate pair, which no database takes, becomes U+FFFD."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFC", whole)


def _moment(seconds: Any) -> datetime | None:
    sane = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < LAST_DAY
    return datetime.fromtimestamp(seconds, VIETNAM) if sane else None


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = raw.get(key)
    if not isinstance(found, dict):
        raise _Unfit(f"{key}_is_no_object")
    return found


def _number(raw: Mapping[str, Any], key: str) -> int:
    found = raw.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) >= 2**63:
        raise _Unfit(f"{key}_is_no_number")
    return found


def _text(raw: Mapping[str, Any], key: str) -> str:
    found = raw.get(key)
    if not isinstance(found, str):
        raise _Unfit(f"{key}_is_no_text")
    return found


def _short(found: Any, printable: bool = True) -> str:
    """Return an id or a button's token. Telegram's are at most 64 bytes."""
    if not isinstance(found, str) or not 0 < len(found) <= 128 or (printable and not found.isprintable()):
        raise _Unfit("id_is_no_short_text")
    return found
