"""One invented talk into the tables, as the product itself would have left it there; nothing is queued for sending."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from connectors import ownership
from connectors.channels.port import Reply
from connectors.messages import sentence
from connectors.store import conversations, desk_notes, messages, replies, ticket_replies, tickets
from library.calendar import LibraryCalendar
from library.phrasing import clock, full_date, relative_name
from library.text import looks_english

LIBRARIAN = "Thủ thư mẫu"
_IN_HOURS = "Mình đã mời thủ thư, phiếu của bạn số {}. Thường trả lời trong 5 phút; bạn cứ để lại tin nhắn ở đây."
_AFTER_HOURS = (
    "Thủ thư làm việc lại {}. Mình đã ghi phiếu số {}, thủ thư sẽ trả lời bạn ngay tại đây; bạn cứ nhắn thêm nếu cần."
)


@dataclass(frozen=True)
class Said:
    """A message, how it was understood and what came of it; one without an intent was said to a librarian.

    `answer` may name {note}, the number of what was noted down. `ticket` is why one was opened, `person` what a
    librarian wrote then; without any the patron waits still.
    """

    text: str
    intent: str | None = None
    outcome: Mapping[str, Any] | None = None
    answer: str = ""
    sure: float | None = None
    slots: Mapping[str, Any] = field(default_factory=dict)
    note: Mapping[str, Any] | None = None  # kind, text, detail
    ticket: str = ""
    person: str = ""
    rated: int | None = None


@dataclass(frozen=True)
class Talk:
    channel: str
    at: datetime
    said: Sequence[Said]


class Rows:
    """Writes talks before `now`, by the hours of `calendar`."""

    def __init__(self, db: Connection, calendar: LibraryCalendar, now: datetime, chance: random.Random) -> None:
        self._db, self._calendar, self._now, self._chance = db, calendar, now, chance

    def write(self, chat: str, talk: Talk) -> None:
        """Write the talk down; who waits for a librarian until after now is not told anything further."""
        locale = "en" if looks_english(talk.said[0].text) else "vi"
        row: dict[str, Any] = {"id": chat, "channel": talk.channel, "locale": locale, "created_at": talk.at.isoformat()}
        if talk.channel != "web":
            row |= {"address": chat, "greeted_at": talk.at.isoformat(), "heard_at": talk.at.isoformat()}
        self._db.execute(insert(conversations).values(row))
        at, person = talk.at, ""
        for number, said in enumerate(talk.said):
            if said.intent is None and not person:
                break
            at += timedelta(seconds=self._chance.uniform(20, 150)) if number else timedelta()
            opened = self._turn(chat, f"{chat}-{number}", said, at)
            if opened and (answered_at := self._answered_at(at, said)):
                person, at = said.person, answered_at
                self._person_says(chat, f"{chat}-{number}", opened, person, at)
            elif opened:
                ownership.await_person(self._db, chat, at)
        if person:
            self._leave(chat, locale, at)

    def _turn(self, chat: str, message: str, said: Said, at: datetime) -> int | None:
        """Return the number of the ticket that this message opened, if it did."""
        answered = (at + timedelta(seconds=self._chance.uniform(0.1, 1.4))).isoformat()
        self._message(chat, message, said, at, answered)
        noted, opened = self._note(chat, message, said, at), self._open(chat, message, said, at)
        told = self._ticket_told(opened, at) if opened else said.answer.replace("{note}", str(noted))
        self._reply(chat, message, "final", told, answered)
        return opened

    def _message(self, chat: str, message: str, said: Said, at: datetime, answered: str) -> None:
        row: dict[str, Any] = {"id": message, "conversation_id": chat, "client_id": message, "kind": "text"}
        row |= {"text": said.text, "masked": [], "received_at": at.isoformat(), "answered_at": answered}
        row |= {"intent": said.intent, "confidence": said.sure, "slots": dict(said.slots), "rated": said.rated}
        row["outcome"] = dict(said.outcome) if said.outcome else None
        self._db.execute(insert(messages).values(row))

    def _note(self, chat: str, message: str, said: Said, at: datetime) -> int | None:
        if said.note is None:
            return None
        row = {"conversation_id": chat, "message_id": message, "noted_at": at.isoformat(), "detail": {}, **said.note}
        return int(self._db.execute(insert(desk_notes).values(row).returning(desk_notes.c.number)).scalar_one())

    def _open(self, chat: str, message: str, said: Said, at: datetime) -> int | None:
        if not said.ticket:
            return None
        row = {"conversation_id": chat, "message_id": message, "reason": said.ticket, "opened_at": at.isoformat()}
        return int(self._db.execute(insert(tickets).values(row).returning(tickets.c.number)).scalar_one())

    def _ticket_told(self, number: int, at: datetime) -> str:
        opens = None if self._is_open(at) else self._calendar.next_opening(at, self._main)
        if opens is None:
            return _IN_HOURS.format(number)
        near = relative_name(opens.date(), at.date())
        day = near.vi if near else full_date(opens.date(), today=at.date())
        return _AFTER_HOURS.format(f"lúc {clock(opens.time())} {day}", number)

    def _answered_at(self, at: datetime, said: Said) -> datetime | None:
        """Return when a librarian answered: soon, or after the library opened again; None where nobody has by now."""
        soon = timedelta(minutes=self._chance.uniform(2, 25))
        begins = at if self._is_open(at) else self._calendar.next_opening(at, self._main)
        answered = begins + soon if begins and said.person else None
        return answered if answered and answered < self._now - timedelta(minutes=20) else None

    def _person_says(self, chat: str, message: str, ticket: int, text: str, at: datetime) -> None:
        self._reply(chat, None, "person", text, at.isoformat())
        row = {"key": f"{message}-reply", "conversation_id": chat, "number": ticket, "name": LIBRARIAN}
        self._db.execute(insert(ticket_replies).values(**row, sent_at=at.isoformat()))
        closed = (at + timedelta(minutes=5)).isoformat()
        self._db.execute(tickets.update().where(tickets.c.number == ticket).values(closed_at=closed))

    def _leave(self, chat: str, locale: str, at: datetime) -> None:
        left = (at + timedelta(minutes=6)).isoformat()
        self._reply(chat, None, "notice", sentence("back_to_assistant", locale), left)

    def _reply(self, chat: str, message: str | None, kind: str, text: str, at: str) -> None:
        body = [Reply(text).as_json()] if text else []
        row = {"conversation_id": chat, "message_id": message, "kind": kind, "body": body, "created_at": at}
        self._db.execute(insert(replies).values(row))

    @property
    def _main(self) -> str:
        return self._calendar.branches[0].code

    def _is_open(self, at: datetime) -> bool:
        return self._calendar.open_at(at, self._main)
