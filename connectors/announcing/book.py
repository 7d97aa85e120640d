"""The announcements as they are stored: drafts, what is being sent, and how far it has got. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Connection, func, insert, select, update

from connectors.announcing.audience import Audience, Closed, Kind
from connectors.store import announcement_sends, announcements, deliveries


@dataclass(frozen=True)
class Draft:
    """What a librarian wrote. `text_en` is what patrons who write English get; empty: the Vietnamese."""

    kind: Kind
    text_vi: str
    text_en: str
    closed: Closed | None = None
    paid: bool = False


@dataclass(frozen=True)
class Announcement:
    number: int
    draft: Draft
    state: str
    made_by: str
    made_at: datetime
    sent_by: str | None
    sent_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Progress:
    """How many people: still waiting, told (of these, arrived at the channel, not taken by it), left out by reason."""

    waiting: int
    told: int
    arrived: int
    dead: int
    skipped: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.waiting + self.told + sum(self.skipped.values())


def add(db: Connection, draft: Draft, by: str, now: datetime) -> int:
    """Return the number of the stored draft; nobody hears of it yet."""
    closed = draft.closed
    detail: dict[str, Any] = {}
    if closed:
        detail = {"from": str(closed.first), "to": str(closed.last), "branches": sorted(closed.branches)}
    row: dict[str, Any] = {"kind": draft.kind, "text_vi": draft.text_vi, "text_en": draft.text_en, "detail": detail}
    row |= {"paid": int(draft.paid), "state": "draft", "made_by": by, "made_at": now.isoformat()}
    return int(db.execute(insert(announcements).values(row).returning(announcements.c.number)).scalar_one())


def get(db: Connection, number: int) -> Announcement | None:
    row = db.execute(select(announcements).where(announcements.c.number == number)).mappings().first()
    return _announcement(row) if row else None


def latest(db: Connection, most: int = 50) -> list[Announcement]:
    """Return the announcements, newest first; drafts that were dropped are not among them."""
    rows = select(announcements).where(announcements.c.state != "dropped").order_by(announcements.c.number.desc())
    return [_announcement(row) for row in db.execute(rows.limit(most)).mappings()]


def begin(db: Connection, number: int, audience: Audience, by: str, now: datetime) -> bool:
    """Return whether the draft is now being sent; pressing twice, or two who press, send it once."""
    sending = {"state": "sending", "sent_by": by, "sent_at": now.isoformat()}
    this = (announcements.c.number == number) & (announcements.c.state == "draft")
    if db.execute(update(announcements).where(this).values(sending)).rowcount == 0:
        return False
    shared = {"number": number, "changed_at": now.isoformat(), "reason": None}
    rows = [
        {"conversation_id": each.chat.conversation_id, "touched": list(each.touched), "state": "waiting", **shared}
        for each in audience.reached
    ]
    rows += [
        {"conversation_id": each.chat.conversation_id, "touched": list(each.touched), "state": "skipped", **shared}
        | {"reason": why}
        for each, why in audience.left_out
    ]
    if rows:
        db.execute(insert(announcement_sends), rows)
    return True


def sending(db: Connection) -> list[int]:
    """Return the numbers of what is being sent."""
    now = select(announcements.c.number).where(announcements.c.state == "sending")
    return list(db.scalars(now.order_by(announcements.c.number)))


def waiting(db: Connection, number: int, most: int) -> Sequence[tuple[str, list[str]]]:
    """Return conversations that still wait for it, with why they hear it."""
    mine = (announcement_sends.c.number == number) & (announcement_sends.c.state == "waiting")
    rows = db.execute(select(announcement_sends).where(mine).limit(most)).mappings()
    return [(row["conversation_id"], row["touched"]) for row in rows]


def is_sending(db: Connection, number: int, conversation_id: str) -> bool:
    """Return whether this one is still to be written to: nobody pressed stop, and nothing was sent to it yet."""
    this = (announcement_sends.c.number == number) & (announcement_sends.c.conversation_id == conversation_id)
    state = (
        select(announcements.c.state)
        .join(announcement_sends, announcement_sends.c.number == announcements.c.number)
        .where(this, announcement_sends.c.state == "waiting")
    )
    return db.scalar(state) == "sending"


def settle(db: Connection, number: int, conversation_id: str, now: datetime, reply_id: int | None, why: str) -> None:
    """Note that this one was told, by this reply, or left out for this reason."""
    this = (announcement_sends.c.number == number) & (announcement_sends.c.conversation_id == conversation_id)
    values = {"state": "sent" if reply_id else "skipped", "reply_id": reply_id, "reason": why or None}
    db.execute(update(announcement_sends).where(this).values(**values, changed_at=now.isoformat()))


def end(db: Connection, number: int, now: datetime) -> None:
    """Note that nobody waits for it any more."""
    this = (announcements.c.number == number) & (announcements.c.state == "sending")
    db.execute(update(announcements).where(this).values(state="done", ended_at=now.isoformat()))


def stop(db: Connection, number: int, now: datetime) -> int:
    """Return how many are spared: those not written to yet, and what the channels have not taken yet."""
    this = (announcements.c.number == number) & (announcements.c.state == "sending")
    if db.execute(update(announcements).where(this).values(state="stopped", ended_at=now.isoformat())).rowcount == 0:
        return 0
    mine = announcement_sends.c.number == number
    spared = {"state": "skipped", "reason": "stopped", "changed_at": now.isoformat()}
    left = db.execute(update(announcement_sends).where(mine, announcement_sends.c.state == "waiting").values(spared))
    told = select(announcement_sends.c.reply_id).where(mine, announcement_sends.c.reply_id.is_not(None))
    unsent = deliveries.c.reply_id.in_(told) & (deliveries.c.state == "waiting") & deliveries.c.sending.is_(None)
    dropped = {"state": "dropped", "reason": "stopped", "changed_at": now.isoformat()}
    return left.rowcount + db.execute(update(deliveries).where(unsent).values(dropped)).rowcount


def drop(db: Connection, number: int) -> bool:
    """Return whether there was a draft to drop."""
    this = (announcements.c.number == number) & (announcements.c.state == "draft")
    return db.execute(update(announcements).where(this).values(state="dropped")).rowcount == 1


def progress(db: Connection, number: int) -> Progress:
    mine = announcement_sends.c.number == number
    rows = db.execute(
        select(announcement_sends.c.state, announcement_sends.c.reason, deliveries.c.state, func.count())
        .outerjoin(deliveries, deliveries.c.reply_id == announcement_sends.c.reply_id)
        .where(mine)
        .group_by(announcement_sends.c.state, announcement_sends.c.reason, deliveries.c.state)
    ).all()
    skipped: dict[str, int] = {}
    for state, reason, _, count in rows:
        if state == "skipped":
            skipped[reason] = skipped.get(reason, 0) + count
    told = [(delivery, count) for state, _, delivery, count in rows if state == "sent"]
    return Progress(
        waiting=sum(count for state, _, _, count in rows if state == "waiting"),
        told=sum(count for _, count in told),
        arrived=sum(count for delivery, count in told if delivery == "sent"),
        dead=sum(count for delivery, count in told if delivery in ("dead", "dropped")),
        skipped=skipped,
    )


def _announcement(row: Any) -> Announcement:
    detail = row["detail"]
    closed = None
    if "from" in detail:
        first, last = date.fromisoformat(detail["from"]), date.fromisoformat(detail["to"])
        closed = Closed(first, last, frozenset(detail["branches"]))
    draft = Draft(cast(Kind, row["kind"]), row["text_vi"], row["text_en"], closed, bool(row["paid"]))
    sent, ended = (datetime.fromisoformat(row[at]) if row[at] else None for at in ("sent_at", "ended_at"))
    made = datetime.fromisoformat(row["made_at"])
    return Announcement(row["number"], draft, row["state"], row["made_by"], made, row["sent_by"], sent, ended)
