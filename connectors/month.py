"""A month of invented talks for the demo library: its inbox, numbers and conversations are alive before anybody asks.

Drawn from `demo/month.yml` with a seed, so that the same day gives the same month. Its conversations are known by their
ids, so that they can be taken away again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, delete, func, insert, select

from connectors.channels.port import Reply
from connectors.clock import VIETNAM
from connectors.store import conversations, desk_notes, messages, metadata, replies, ticket_replies, tickets
from library.hurry import teencode, typo, unaccented
from library.text import looks_english
from retrieval.answers import Answer

SOURCE = Path("demo/month.yml")
PREFIX = "demo-"  # of the conversations' ids
DAYS = 30
SEED = 206
LIBRARIAN = "Thủ thư mẫu"
CHANNELS = {"web": 5, "zalo": 4, "telegram": 1}
# Chances of an hour from 6 to 22, and of a weekday from Monday on: people write at work and after supper.
HOURS = (2, 5, 9, 14, 15, 12, 7, 6, 9, 10, 9, 7, 6, 10, 13, 11, 6)
WEEKDAYS = (7, 10, 10, 10, 9, 7, 5)
UNKNOWN = "Câu này mình chưa có thông tin chắc chắn nên không dám trả lời bừa. Mình đã ghi lại để thủ thư bổ sung."
HANDED = "Mình đã mời thủ thư. Thủ thư sẽ trả lời bạn ngay trong cuộc trò chuyện này."
SAID_AGAIN, CALLS, RATES = 0.3, 0.35, 0.25  # shares of the unanswered who ask again or want a person; of all who rate
FOLLOWS = 0.45  # of the talks go on with something else


@dataclass(frozen=True)
class Said:
    """A message, what was understood, and what the assistant said; `person` is what a librarian wrote later."""

    text: str
    intent: str
    outcome: Mapping[str, Any]
    answer: str
    sure: float = 0.93
    slots: Mapping[str, Any] = field(default_factory=dict)
    person: str = ""
    unknown: bool = False


def load(db: Connection, answers: Sequence[Answer], now: datetime, source: Path = SOURCE) -> int:
    """Put the month before `now` into the store; return how many messages it has, 0 where talks are there already."""
    if db.scalar(select(func.count()).select_from(conversations)):
        return 0
    chance = random.Random(SEED)  # noqa: S311 - the same month each time, and no secret
    drawn = list(_talks(yaml.safe_load(source.read_text(encoding="utf-8")), answers, chance))
    begun = sorted((_moment(chance, now), talk) for talk in range(len(drawn)))
    for number, (at, talk) in enumerate(begun):
        _write(db, f"{PREFIX}{number:04d}", drawn[talk], at, chance)
    return sum(map(len, drawn))


def clear(db: Connection) -> int:
    """Take the month away again; return how many conversations went."""
    for table in reversed(metadata.sorted_tables):
        if table is not conversations and "conversation_id" in table.c:
            db.execute(delete(table).where(table.c.conversation_id.startswith(PREFIX)))
    return db.execute(delete(conversations).where(conversations.c.id.startswith(PREFIX))).rowcount


def _talks(month: Mapping[str, Any], answers: Sequence[Answer], chance: random.Random) -> Iterator[list[Said]]:
    """Yield what one patron after the other said, each a talk."""
    singles = [*_told(month["told"], answers, chance), *_other(month["other"], chance), *_sought(month, chance)]
    singles += [
        Said(
            _hurried(chance.choice(month["refused"]["asks"]), chance),
            "out_of_scope",
            {"kind": "refused"},
            month["refused"]["says"],
        )
        for _ in range(month["refused"]["times"])
    ]
    chance.shuffle(singles)
    for kind in month["unknown"]:
        for text in kind["asks"]:
            yield list(_not_known(text, kind.get("reply", ""), chance))
    while singles:
        talk = [singles.pop()]
        while singles and chance.random() < FOLLOWS:
            talk.append(singles.pop())
        yield talk


def _not_known(text: str, reply: str, chance: random.Random) -> Iterator[Said]:
    unknown = Said(
        text, "ask_library_info", {"kind": "unknown"}, UNKNOWN, round(chance.uniform(0.35, 0.9), 2), unknown=True
    )
    yield unknown
    if chance.random() < SAID_AGAIN:
        yield Said(
            _hurried(text.lower().rstrip(" ?"), chance),
            "ask_library_info",
            {"kind": "unknown"},
            UNKNOWN,
            0.6,
            unknown=True,
        )
    if (reply and chance.random() < 2 * CALLS) or chance.random() < CALLS / 4:
        handed = {"kind": "handoff", "reason": "offered"}
        yield Said("cho mình gặp thủ thư", "talk_to_librarian", handed, HANDED, person=reply)


def _told(times: Mapping[str, int], answers: Sequence[Answer], chance: random.Random) -> Iterator[Said]:
    for answer in answers:
        for _ in range(times.get(answer.key, 0)):
            text = _hurried(chance.choice([answer.question, *answer.phrasings]), chance)
            yield Said(text, "ask_library_info", {"kind": "answer", "answer": answer.key, "revision": 1}, answer.answer)


def _other(kinds: Sequence[Mapping[str, Any]], chance: random.Random) -> Iterator[Said]:
    for kind in kinds:
        for _ in range(kind["times"]):
            yield Said(_hurried(chance.choice(kind["asks"]), chance), kind["intent"], {"kind": "other"}, kind["says"])


def _sought(month: Mapping[str, Any], chance: random.Random) -> Iterator[Said]:
    for name, hits in (("held", 1), ("missing", 0)):
        kind = month[name]
        for _ in range(kind["times"]):
            # The first titles of the list are wanted most.
            title = kind["titles"][min(int(chance.expovariate(0.45)), len(kind["titles"]) - 1)]
            outcome = {"kind": "search", "hits": hits, "sought": {"title": title}}
            asked = chance.choice(kind["asks"]).format(title)
            yield Said(asked, "find_item", outcome, kind["says"].format(title), slots={"title": [title]})


def _hurried(text: str, chance: random.Random) -> str:
    """Return it as a hurried patron may type it: half of the time as it is."""
    if text.isascii():
        return text
    harms = (partial(unaccented, chance=chance), partial(teencode, chance=chance), partial(typo, chance=chance))
    return chance.choices((lambda same: same, *harms), (50, 30, 12, 8))[0](text)


def _moment(chance: random.Random, now: datetime) -> datetime:
    days = [now.astimezone(VIETNAM).date() - timedelta(days=n) for n in range(1, DAYS + 1)]
    (day,) = chance.choices(days, [WEEKDAYS[one.weekday()] for one in days])
    (hour,) = chance.choices(range(6, 6 + len(HOURS)), HOURS)
    return datetime.combine(day, time(hour, chance.randrange(60), chance.randrange(60)), VIETNAM)


def _write(db: Connection, chat: str, talk: Sequence[Said], at: datetime, chance: random.Random) -> None:
    (channel,) = chance.choices(list(CHANNELS), list(CHANNELS.values()))
    locale = "en" if looks_english(talk[0].text) else "vi"
    row = {"id": chat, "channel": channel, "locale": locale, "created_at": at.isoformat(), "greeted_at": at.isoformat()}
    address = None if channel == "web" else chat
    db.execute(insert(conversations).values(**row, address=address, heard_at=at.isoformat()))
    for number, said in enumerate(talk):
        at += timedelta(seconds=chance.uniform(20, 150)) if number else timedelta()
        _turn(db, chat, f"{chat}-{number}", said, at, chance)


def _turn(db: Connection, chat: str, message: str, said: Said, at: datetime, chance: random.Random) -> None:
    of = {"conversation_id": chat}
    answered = (at + timedelta(seconds=chance.uniform(0.1, 1.4))).isoformat()
    row: dict[str, Any] = {"id": message, "client_id": message, "kind": "text", "text": said.text, "masked": []}
    row |= {"received_at": at.isoformat(), "answered_at": answered, "intent": said.intent, "confidence": said.sure}
    row |= {"slots": dict(said.slots), "outcome": dict(said.outcome), "rated": _rated(said, chance)}
    db.execute(insert(messages).values(**of, **row))
    body = [Reply(said.answer).as_json()]
    db.execute(insert(replies).values(**of, message_id=message, kind="final", body=body, created_at=answered))
    if said.unknown:
        note = {"kind": "question", "text": said.text, "detail": {"reason": "thiếu kiến thức"}, "noted_at": answered}
        db.execute(insert(desk_notes).values(**of, message_id=message, **note))
    if said.intent == "talk_to_librarian":
        _handed(db, chat, message, said.person, at, chance)


def _handed(db: Connection, chat: str, message: str, person: str, at: datetime, chance: random.Random) -> None:
    """Open a ticket, which is closed some minutes later: after a librarian's words, where there are any."""
    done = at + timedelta(minutes=chance.uniform(2, 50))
    ticket = {"reason": "offered", "opened_at": at.isoformat(), "closed_at": done.isoformat()}
    stored = db.execute(insert(tickets).values(conversation_id=chat, message_id=message, **ticket))
    if not person:
        return
    sent_at = (done - timedelta(seconds=30)).isoformat()
    of = {"conversation_id": chat}
    db.execute(
        insert(replies).values(**of, message_id=None, kind="person", body=[Reply(person).as_json()], created_at=sent_at)
    )
    number = (stored.inserted_primary_key or (0,))[0]
    db.execute(
        insert(ticket_replies).values(**of, key=f"{message}-reply", number=number, name=LIBRARIAN, sent_at=sent_at)
    )


def _rated(said: Said, chance: random.Random) -> int | None:
    if chance.random() > RATES or said.intent in ("greet", "thank", "out_of_scope"):
        return None
    return int(chance.random() < (0.05 if said.unknown else 0.9))
