"""All conversations as one list, and how each of a patron's messages was understood. SQL only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from connectors.clock import VIETNAM
from connectors.console import waiting
from connectors.console.paging import Page, cut, place
from connectors.console.waiting import Chat
from connectors.store import conversations, messages, tickets
from library.text import nfc

WHO = {"bot": "Trợ lý tự động", "waiting": "Đang chờ thủ thư", "person": "Thủ thư"}
MARKS = {
    "disliked": "Bạn đọc bấm 👎",
    "unknown": "Có câu không trả lời được",
    "handed": "Có phiếu gặp thủ thư",
    "nothing": "Tìm không thấy sách",
}


@dataclass(frozen=True)
class Wanted:
    """Which of them to show; an empty part asks for nothing. `since` and `until` are days, both included."""

    words: str = ""
    channel: str = ""
    who: str = ""
    mark: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Wanted:
        """Return what a form asks for; what is no choice or no day of ours asks for nothing."""
        return cls(
            words=nfc(asked.get("words", "")).strip()[:100],
            channel=asked.get("channel", "") if asked.get("channel", "") in ("web", "telegram", "zalo") else "",
            who=asked.get("who", "") if asked.get("who", "") in WHO else "",
            mark=asked.get("mark", "") if asked.get("mark", "") in MARKS else "",
            since=_day(asked.get("since", "")),
            until=_day(asked.get("until", "")),
        )


@dataclass(frozen=True)
class Heard:
    """How a message was understood and what that led to; `words` tells a written one from a pressed button."""

    id: str
    words: bool
    intent: str
    confidence: float | None
    slots: Mapping[str, Any]
    outcome: Mapping[str, Any]
    rated: int | None  # by the patron: 1, the answer helped; 0, it did not

    @property
    def expected(self) -> tuple[str, str]:
        """Return what a pin of this message expects: its answer, none, or its intent, and which."""
        if self.outcome.get("kind") == "answer" and self.outcome.get("answer"):
            return "answer", str(self.outcome["answer"])
        return ("none", "") if self.outcome.get("kind") == "unknown" else ("intent", self.intent)


def listed(db: Connection, wanted: Wanted, page: int) -> Page[Chat]:
    """Return the conversations in which something was said, the one with the latest message first."""
    fits = and_(messages.c.seq.is_not(None), *_conditions(wanted))
    shown = waiting.chats().where(fits)
    total = int(db.scalar(select(func.count()).select_from(shown.order_by(None).subquery())) or 0)
    number, last, total = place(page, total)
    rows = db.execute(cut(shown.order_by(messages.c.seq.desc()), number)).mappings()
    return Page([waiting.as_chat(row) for row in rows], number, last, total)


def heard(db: Connection, conversation_id: str) -> dict[str, Heard]:
    """Return by its id how each message of the conversation was understood, where the assistant dealt with it."""
    mine = select(messages).where(messages.c.conversation_id == conversation_id, messages.c.intent.is_not(None))
    return {
        row.id: Heard(
            row.id, row.kind == "text", row.intent, row.confidence, row.slots or {}, row.outcome or {}, row.rated
        )
        for row in db.execute(mine)
    }


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    said: list[ColumnElement[bool]] = []  # about one and the same message
    if wanted.words:
        said.append(messages.c.text.contains(wanted.words, autoescape=True))
    if wanted.since:
        said.append(messages.c.received_at >= _midnight(wanted.since))
    if wanted.until:
        said.append(messages.c.received_at < _midnight(wanted.until + timedelta(days=1)))
    if wanted.mark == "unknown":
        said.append(messages.c.outcome["kind"].as_string() == "unknown")
    if wanted.mark == "disliked":
        said.append(messages.c.rated == 0)
    if wanted.mark == "nothing":
        said += [messages.c.outcome["kind"].as_string() == "search", messages.c.outcome["hits"].as_integer() == 0]
    found: list[ColumnElement[bool]] = []
    if said:
        found.append(conversations.c.id.in_(select(messages.c.conversation_id).where(*said)))
    if wanted.channel:
        found.append(conversations.c.channel == wanted.channel)
    if wanted.who:
        found.append(func.coalesce(conversations.c.owner, "bot") == wanted.who)
    if wanted.mark == "handed":
        found.append(conversations.c.id.in_(select(tickets.c.conversation_id)))
    return found


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), VIETNAM).isoformat()


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
