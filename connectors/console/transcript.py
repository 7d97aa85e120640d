"""What was said in a conversation, by whom, and whether it reached the patron. SQL only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from connectors import mailbox
from connectors.store import deliveries, ticket_replies


@dataclass(frozen=True)
class Sending:
    """How far a reply to a pushed door has got."""

    state: str  # waiting | sent | dead | dropped | elsewhere
    reason: str | None  # of the last failure
    tries: int


@dataclass(frozen=True)
class Bubble:
    """One thing said in a conversation."""

    key: str  # the same for as long as it is shown
    who: Literal["patron", "assistant", "librarian"]
    at: datetime
    kind: str  # of a patron's: text | payload | attachment | command; of ours: final | notice | person
    text: str  # a pressed button's title, an attachment's kind, a command
    extras: tuple[str, ...] = ()  # titles of cards and buttons
    name: str | None = None  # the librarian's, when they wrote here
    sending: Sending | None = None  # on the last bubble of a reply


def transcript(db: Connection, conversation_id: str) -> list[Bubble]:
    """Return what was said in the conversation, oldest first."""
    sendings = _sendings(db, conversation_id)
    names = _names(db, conversation_id)
    said: list[Bubble] = []
    for entry in mailbox.history(db, conversation_id):
        said += [_patrons(entry)] if entry["from"] == "patron" else _ours(entry, sendings, names)
    return said


def is_said(db: Connection, key: str) -> bool:
    """Return whether a librarian's form with this key was sent already."""
    return db.scalar(select(ticket_replies.c.key).where(ticket_replies.c.key == key)) is not None


def _patrons(entry: Mapping[str, Any]) -> Bubble:
    return Bubble(f"m{entry['message_id']}", "patron", _at(entry), entry["kind"], entry["text"])


def _ours(entry: Mapping[str, Any], sendings: Mapping[int, Sending], names: Mapping[str, str]) -> Iterator[Bubble]:
    by_person = entry["kind"] == "person"
    name = names.get(entry["at"]) if by_person else None
    for number, reply in enumerate(entry["replies"], 1):
        key = f"r{entry['reply_id']}-{number}"
        extras = tuple(one["title"] for one in (*reply["cards"], *reply["buttons"]))
        who: Literal["assistant", "librarian"] = "librarian" if by_person else "assistant"
        bubble = Bubble(key, who, _at(entry), entry["kind"], reply["text"], extras, name)
        last = number == len(entry["replies"])
        yield replace(bubble, sending=sendings.get(entry["reply_id"])) if last else bubble


def _at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


def _sendings(db: Connection, conversation_id: str) -> dict[int, Sending]:
    mine = select(deliveries).where(deliveries.c.conversation_id == conversation_id)
    return {row.reply_id: Sending(row.state, row.reason, row.tries) for row in db.execute(mine)}


def _names(db: Connection, conversation_id: str) -> dict[str, str]:
    """Return who wrote what, by its moment: a librarian's words and their name are stored at one moment."""
    mine = select(ticket_replies.c.sent_at, ticket_replies.c.name)
    rows = db.execute(mine.where(ticket_replies.c.conversation_id == conversation_id))
    return {row.sent_at: row.name for row in rows}
