"""Visits counted by the day. A day is counted whole, in one transaction, as often as one likes with the same result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.clock import VIETNAM, Clock
from connectors.numbers.visits import Said, Visit, visits
from connectors.store import (
    Store,
    conversations,
    desk_notes,
    messages,
    numbers_daily,
    numbers_not_held,
    replies,
    tickets,
)
from library.text import fold

OPEN_STILL = timedelta(days=2)  # how long a day is counted again: a person may answer late
AROUND = timedelta(days=1)  # read on both sides of a day, so that a visit across midnight is seen whole
FEWEST = 2  # conversations that asked for a title, before it is kept
ANSWER_WAITS_S = (1, 2, 5, 10, 30, 60)
PERSON_WAITS_S = (300, 900, 3600, 4 * 3600, 24 * 3600)
LONGER = 10**9

IsOpen = Callable[[datetime], bool]


class Cell(NamedTuple):
    channel: str
    locale: str
    measure: str
    what: str


class DailyNumbers:
    """Counts the days not yet counted. `is_open(moment)` says whether the library was open."""

    def __init__(self, store: Store, clock: Clock, is_open: IsOpen) -> None:
        self._store, self._clock, self._is_open = store, clock, is_open

    async def count_new(self) -> int:
        """Count every day since the last one counted, and the two before it again; return how many days."""
        today = self._clock().astimezone(VIETNAM).date()
        days = await self._store.read(lambda db: days_to_count(db, today))
        for day in days:
            counted = await self._store.read(partial(count_day, day=day, is_open=self._is_open))
            titles = await self._store.read(partial(titles_not_held, month=day.replace(day=1)))
            await self._store.write(partial(_keep, day=day, counted=counted, titles=titles))
        return len(days)


def days_to_count(db: Connection, today: date) -> list[date]:
    """Return the days not counted yet and those still open, oldest first."""
    last = db.scalar(select(func.max(numbers_daily.c.day)).where(numbers_daily.c.measure == "counted"))
    first = db.scalar(select(func.min(messages.c.received_at)))
    if not first:
        return []
    # Not before the oldest message still kept: a day whose messages are deleted keeps the counts it has.
    begin = datetime.fromisoformat(first).astimezone(VIETNAM).date()
    if last:
        begin = max(begin, date.fromisoformat(last) - OPEN_STILL)
    return [begin + timedelta(days=n) for n in range((today - begin).days + 1)]


def count_day(db: Connection, day: date, is_open: IsOpen) -> Counter[Cell]:
    """Return the counts of the visits that began on this day, by the library's own midnight."""
    counted: Counter[Cell] = Counter()
    for visit in visits(_said_around(db, day)):
        if visit.began.date() == day:
            first = visit.said[0]
            for measure, what in _facts(visit, is_open):
                counted[Cell(first.channel, first.locale, measure, what)] += 1
    return counted


def _facts(visit: Visit, is_open: IsOpen) -> Iterator[tuple[str, str]]:
    """Yield what each visit is counted under: once a fact."""
    yield "visits", ""
    yield "when", f"{visit.began:%w-%H}"
    holds = {
        "resolved": visit.resolved,
        "asked_again": visit.asked_again,
        "handed": visit.handed,
        "dealt_with": bool(visit.asked),
        "while_closed": not is_open(visit.began),
    }
    for measure, true in holds.items():
        if true:
            yield measure, ""
    for key in {str(one.outcome["answer"]) for one in visit.asked if one.kind == "answer" and "answer" in one.outcome}:
        yield "with_answer", key
        for measure in ("resolved", "asked_again", "handed"):
            if holds[measure]:
                yield f"{measure}_with_answer", key
        # Both are counted: of the days before displeasure was, nobody is to think that there was none.
        yield ("displeased_with_answer" if visit.displeased_with(key) else "content_with_answer"), key
    for one in visit.said:
        yield from _facts_of(one)


def _facts_of(one: Said) -> Iterator[tuple[str, str]]:
    yield "messages", ""
    if one.kind:
        yield "outcome", one.kind
        if one.answered_at:
            yield "answer_wait", _up_to((one.answered_at - one.at).total_seconds(), ANSWER_WAITS_S)
    if one.rated is not None:
        yield "rated", ""
        if one.rated:
            yield "helped", ""
    if one.handed:
        yield "called", one.handed
        if one.person_after is not None:
            yield "person_wait", _up_to(one.person_after.total_seconds(), PERSON_WAITS_S)


def _up_to(seconds: float, bounds: Sequence[int]) -> str:
    """Return the first bound that it stays within, in seconds, such that words sort like numbers."""
    return f"{next((bound for bound in bounds if seconds <= bound), LONGER):010d}"


def _said_around(db: Connection, day: date) -> list[Said]:
    begin = datetime.combine(day, time(), VIETNAM)
    about = messages.c.received_at.between((begin - AROUND).isoformat(), (begin + 2 * AROUND).isoformat())
    person = (
        select(func.min(replies.c.created_at))
        .where(replies.c.conversation_id == messages.c.conversation_id)
        .where(replies.c.kind == "person", replies.c.created_at >= tickets.c.opened_at)
        .scalar_subquery()
    )
    said = (
        select(
            messages.c.conversation_id,
            conversations.c.channel,
            conversations.c.locale,
            messages.c.received_at,
            messages.c.text,
            messages.c.kind,
            messages.c.answered_at,
            messages.c.outcome,
            messages.c.rated,
            tickets.c.reason,
            tickets.c.opened_at,
            person.label("person_at"),
            desk_notes.c.number.label("complaint"),
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .outerjoin(tickets, tickets.c.message_id == messages.c.id)
        .outerjoin(desk_notes, (desk_notes.c.message_id == messages.c.id) & (desk_notes.c.kind == "complaint"))
        .where(about)
        .order_by(messages.c.conversation_id, messages.c.received_at, messages.c.seq)
    )
    return [_one(row) for row in db.execute(said)]


def _one(row: Any) -> Said:
    def moment(at: str) -> datetime:
        return datetime.fromisoformat(at).astimezone(VIETNAM)

    return Said(
        conversation_id=row.conversation_id,
        channel=row.channel,
        locale=row.locale,
        at=moment(row.received_at),
        words=row.text if row.kind == "text" else "",
        answered_at=moment(row.answered_at) if row.answered_at else None,
        outcome=row.outcome or {},
        rated=row.rated,
        handed=row.reason or "",
        person_after=moment(row.person_at) - moment(row.opened_at) if row.person_at else None,
        complaint=row.complaint is not None,
    )


def titles_not_held(db: Connection, month: date) -> dict[str, tuple[str, int]]:
    """Return folded titles asked for in vain in this month, as last written, and by how many conversations."""
    begin = datetime.combine(month, time(), VIETNAM)
    end = datetime.combine((month + timedelta(days=32)).replace(day=1), time(), VIETNAM)
    asked = select(messages.c.conversation_id, messages.c.outcome).where(
        messages.c.received_at >= begin.isoformat(),
        messages.c.received_at < end.isoformat(),
        messages.c.outcome["kind"].as_string() == "search",
        messages.c.outcome["hits"].as_integer() == 0,
    )
    by: dict[str, set[str]] = {}
    written: dict[str, str] = {}
    for row in db.execute(asked.order_by(messages.c.seq)):
        if title := str((row.outcome.get("sought") or {}).get("title") or "").strip():
            by.setdefault(fold(title), set()).add(row.conversation_id)
            written[fold(title)] = title
    return {folded: (written[folded], len(asking)) for folded, asking in by.items() if len(asking) >= FEWEST}


def _keep(db: Connection, day: date, counted: Counter[Cell], titles: dict[str, tuple[str, int]]) -> None:
    db.execute(delete(numbers_daily).where(numbers_daily.c.day == day.isoformat()))
    cells = [*counted.items(), (Cell("", "", "counted", ""), 1)]
    db.execute(insert(numbers_daily), [{"day": day.isoformat(), **cell._asdict(), "count": n} for cell, n in cells])
    for folded, (title, number) in titles.items():
        row = {"month": day.replace(day=1).isoformat(), "folded": folded, "title": title, "count": number}
        put = upsert(numbers_not_held).values(row)
        # The month's first messages may be deleted by its end: what was once seen is not counted down.
        most = func.max(numbers_not_held.c.count, put.excluded.count)
        db.execute(put.on_conflict_do_update(index_elements=["month", "folded"], set_={"count": most}))
