"""Whom an announcement reaches: those it touches or who said yes, one conversation a person, by each channel's rules.

Of a closure hear, without having said yes, those whom the library owes the word: a book due on these days, a held copy
waiting at the shut branch. They linked their card to this chat to hear of just that, and "dừng" ends it. All others,
and of events and new books everybody, only who said yes to that kind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from connectors.announcing.wishes import REFUSED
from connectors.store import Store, consents, conversations, links
from library.ils import ILS, ILSError, PatronRef
from library.model import HoldStatus

Kind = Literal["closure", "events", "books"]
PURPOSE: Mapping[str, str] = {"closure": "closures", "events": "events", "books": "books"}
ASKED_AT_ONCE = 4  # patrons looked up at the library system at once: the desk needs it, too

# How a channel can be written to: channel, last heard, lost since -> open, costs, shut or lost.
Reaching = Callable[[str, datetime, datetime | None], str]


@dataclass(frozen=True)
class Closed:
    """The days and places that are shut; no branches are all of them."""

    first: date
    last: date
    branches: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Chat:
    """One conversation as the audience is chosen from."""

    conversation_id: str
    channel: str
    lang: str
    heard_at: datetime
    lost_at: datetime | None
    patron_id: str | None
    wishes: frozenset[str]


@dataclass(frozen=True)
class Recipient:
    """One person's conversation, why they hear of it, and how it can be reached."""

    chat: Chat
    touched: tuple[str, ...]
    reach: str


@dataclass(frozen=True)
class Audience:
    """`reached` hear it. `left_out` do not: shut, lost, costs or refused. `unknown`: the library system was silent."""

    reached: Sequence[Recipient] = ()
    left_out: Sequence[tuple[Recipient, str]] = ()
    unknown: int = 0
    channels: Mapping[str, int] = field(init=False)
    reasons: Mapping[str, int] = field(init=False)
    touched: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", Counter(each.chat.channel for each in self.reached))
        object.__setattr__(self, "reasons", Counter(why for _, why in self.left_out))
        object.__setattr__(self, "touched", Counter(why for each in self.reached for why in each.touched))


async def gather(
    store: Store, ils: ILS, kind: Kind, closed: Closed | None, reaching: Reaching, *, paid: bool
) -> Audience:
    """Return the audience as it stands now. Whom the library system is silent about is counted, not guessed."""
    chats = await store.read(_chats)
    wanting = {chat.conversation_id: ["opted"] for chat in chats if PURPOSE[kind] in chat.wishes}
    unknown = 0
    if kind == "closure" and closed:
        touched, unknown = await _touched(ils, {chat.patron_id for chat in chats if chat.patron_id}, closed)
        for chat in chats:
            if chat.patron_id and (why := touched.get(chat.patron_id)):
                wanting[chat.conversation_id] = [*wanting.get(chat.conversation_id, ()), *why]
    found = [
        Recipient(chat, tuple(wanting[chat.conversation_id]), reaching(chat.channel, chat.heard_at, chat.lost_at))
        for chat in chats
        if chat.conversation_id in wanting
    ]
    return _chosen(found, unknown, paid=paid)


def left_out(recipient: Recipient, *, paid: bool) -> str:
    """Return why this conversation is not written to, or nothing."""
    if REFUSED in recipient.chat.wishes:
        return "refused"
    if recipient.reach == "costs" and not paid:
        return "costs"
    return recipient.reach if recipient.reach in ("shut", "lost") else ""


def chat_of(db: Connection, conversation_id: str) -> Chat | None:
    """Return the conversation as it stands now, None when it is gone."""
    return next(iter(_chats(db, conversation_id)), None)


def _chosen(found: Sequence[Recipient], unknown: int, *, paid: bool) -> Audience:
    """Return one conversation a person: of several of one card the one heard last that can be reached.

    Who said "dừng" in one of them is left in peace in all.
    """
    people: dict[str, list[Recipient]] = {}
    for each in found:
        people.setdefault(each.chat.patron_id or f"chat {each.chat.conversation_id}", []).append(each)
    reached: list[Recipient] = []
    out: list[tuple[Recipient, str]] = []
    for chats in people.values():
        latest = sorted(chats, key=lambda each: each.chat.heard_at, reverse=True)
        refusing = next((each for each in latest if REFUSED in each.chat.wishes), None)
        taken = next((each for each in latest if not left_out(each, paid=paid)), None)
        if refusing or taken is None:
            out.append((refusing or latest[0], left_out(refusing or latest[0], paid=paid)))
        else:
            reached.append(taken)
    return Audience(reached, out, unknown)


async def _touched(ils: ILS, patron_ids: set[str], closed: Closed) -> tuple[dict[str, list[str]], int]:
    """Return why the closure touches each patron, and of how many the library system could not tell."""
    seats = asyncio.Semaphore(ASKED_AT_ONCE)
    unknown = 0

    async def ask(patron_id: str) -> tuple[str, list[str]]:
        nonlocal unknown
        async with seats:
            try:
                return patron_id, await _why(ils, PatronRef(patron_id), closed)
            except ILSError:
                unknown += 1
                return patron_id, []

    return dict(await asyncio.gather(*map(ask, sorted(patron_ids)))), unknown


async def _why(ils: ILS, who: PatronRef, closed: Closed) -> list[str]:
    def here(branch: str | None) -> bool:
        return not closed.branches or not branch or branch in closed.branches

    loans, holds = await ils.loans(who, renewable=False), await ils.holds(who)
    due = any(here(loan.branch) and closed.first <= loan.due_at.date() <= closed.last for loan in loans)
    ready = any(here(hold.pickup) and hold.status is HoldStatus.READY for hold in holds)
    return ["due"] * due + ["hold"] * ready


def _chats(db: Connection, conversation_id: str | None = None) -> list[Chat]:
    """Return the conversations that an announcement could concern: linked to a card, or with a wish."""
    mine = (conversations.c.id == conversation_id) if conversation_id else None
    wished: dict[str, set[str]] = {}
    given = select(consents.c.conversation_id, consents.c.purpose)
    for row in db.execute(given.where(consents.c.conversation_id == conversation_id) if conversation_id else given):
        wished.setdefault(row.conversation_id, set()).add(row.purpose)
    query = select(conversations, links.c.patron_id).outerjoin(links, links.c.conversation_id == conversations.c.id)
    concerned = links.c.patron_id.is_not(None) | conversations.c.id.in_(select(consents.c.conversation_id))
    rows = db.execute(query.where(concerned if mine is None else mine).order_by(conversations.c.id)).mappings()
    return [_chat(row, wished.get(row["id"], set())) for row in rows]


def _chat(row: Any, wishes: set[str]) -> Chat:
    heard = datetime.fromisoformat(row["heard_at"] or row["created_at"])
    lost = datetime.fromisoformat(row["lost_at"]) if row["lost_at"] else None
    return Chat(row["id"], row["channel"], row["locale"], heard, lost, row["patron_id"], frozenset(wishes))
