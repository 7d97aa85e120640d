"""Links that open the chat at a book or at a curated question, and what they mean when somebody arrives by one.

On the way: `t.me/<bot>?start=b_<base64url>` or the chat page's own address; inside, both are the command
"start book:<record id>" or "start ask:<answer id>"; the dialogue hears what the button of that book or answer carries.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from connectors.channels.port import COMMANDS

What = Literal["book", "ask"]
LONGEST_START = 64  # characters of a deep link's argument that Telegram takes
LONGEST_ID = 100
GREET = "/greet"
LINK = "link"  # t.me/<bot>?start=link: posters and the library's own pages send readers to link their card
LINK_CARD = "/link_account"
_LETTERS: Mapping[What, str] = {"book": "b", "ask": "q"}
_PAYLOADS: Mapping[str, tuple[str, str]] = {
    "book": ("select_item", "record_id"),
    "ask": ("ask_library_info", "answer_key"),
}


@dataclass(frozen=True)
class Share:
    """The addresses of one book or question; none where the door is shut or its links cannot hold the id."""

    web: str
    telegram: str | None


def share_book(record_id: str, public_url: str, telegram_user: str | None) -> Share:
    """Return the links that open the chat at this record."""
    return Share(f"{public_url}/chat?sach={quote(record_id, safe='')}", _telegram("book", record_id, telegram_user))


def share_question(answer_id: str, question: str, public_url: str, telegram_user: str | None) -> Share:
    """Return the links that open the chat with this curated question asked."""
    return Share(f"{public_url}/chat?hoi={quote(question, safe='')}", _telegram("ask", answer_id, telegram_user))


def _telegram(what: What, target: str, user: str | None) -> str | None:
    argument = start_argument(what, target)
    return f"https://t.me/{user}?start={argument}" if user and argument else None


def start_argument(what: What, target: str) -> str | None:
    """Return what a Telegram deep link carries, or None for an id that does not fit in it."""
    packed = base64.urlsafe_b64encode(target.encode()).decode().rstrip("=")
    argument = f"{_LETTERS[what]}_{packed}"
    return argument if _is_id(target) and len(argument) <= LONGEST_START else None


def start_target(argument: str) -> str | None:
    """Return "book:<id>", "ask:<id>" or "link" of a deep link's argument, None for anything that we did not make."""
    if argument == LINK:
        return LINK
    letter, _, packed = argument.partition("_")
    what = next((name for name, made in _LETTERS.items() if made == letter), None)
    if what is None or len(argument) > LONGEST_START:
        return None
    try:
        target = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return None
    return f"{what}:{target}" if start_argument(what, target) == argument else None


def payload_of_command(text: str) -> str | None:
    """Return what the dialogue hears for a command; None for one that the gateway answers itself.

    A command that is not known, and a start whose argument says nothing, are a greeting.
    """
    if text in COMMANDS:
        return COMMANDS[text]
    name, _, argument = text.partition(" ")
    if name == "start" and argument == LINK:
        return LINK_CARD
    what, _, target = argument.partition(":")
    if name != "start" or what not in _PAYLOADS or not _is_id(target):
        return GREET
    intent, slot = _PAYLOADS[what]
    return f"/{intent}" + json.dumps({slot: target}, ensure_ascii=False)


def _is_id(target: str) -> bool:
    """Return whether it could name something of ours: no spaces, nothing invisible, not overlong."""
    return 0 < len(target) <= LONGEST_ID and target.isprintable() and not any(sign.isspace() for sign in target)
