"""What a publication changed: a fortnight before it beside a fortnight after, and whether it is surely worse.

The day of the publication itself belongs to neither. Whether it is worse is judged once, when the fortnight after is
over: who looks every day finds something on one of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, distinct, func, select

from connectors.clock import VIETNAM, Clock
from connectors.numbers.intervals import Share, difference, ratio
from connectors.numbers.overview import Figure, Period, counted_until
from connectors.staff import audit
from connectors.store import Store, clusters, messages, numbers_daily, questions
from retrieval.answer import Event
from retrieval.answer_states import Refusal, Standing, State
from retrieval.answers import AnswerBook

SPAN = timedelta(days=14)
JUDGED_FOR = timedelta(days=7)  # after its fortnight, in case the product was off just then
BY = "auto"
BETTER_HIGH, BETTER_LOW = {"resolved": "xong việc"}, {
    "asked_again": "hỏi lại trong 10 phút",
    "handed": "chuyển thủ thư",
    "displeased": "👎",
}  # fmt: skip
_MEASURES = ("with_answer", "content_with_answer", *(f"{name}_with_answer" for name in (*BETTER_HIGH, *BETTER_LOW)))

Counts = Counter[tuple[str, str, date]]  # by answer, measure and day


@dataclass(frozen=True)
class Publication:
    """The last one of an answer on one day; `until` is the day something took its place, None while it is in use."""

    key: str
    number: int
    by: str
    day: date
    until: date | None

    @property
    def before(self) -> Period:
        return Period(self.day - SPAN, self.day)

    def after(self, today: date) -> Period:
        """Return the whole days since, a fortnight of them at most."""
        begin = self.day + timedelta(days=1)
        return Period(begin, max(begin, min(begin + SPAN, self.until or today, today)))


@dataclass(frozen=True)
class Effect:
    """`volume` are questions without an answer in the clusters it was given to; None where they are not kept so long.

    `days` are the visits with this answer, on each day of both spans.
    """

    publication: Publication
    after: Period
    asked: Figure
    volume: Figure | None
    resolved: Figure
    asked_again: Figure
    handed: Figure
    displeased: Figure
    days: Sequence[tuple[date, int]]

    @property
    def whole(self) -> bool:
        return self.after.days == SPAN.days

    @property
    def worse(self) -> list[str]:
        """Return what is surely worse, in words; nothing before the fortnight is over."""
        return list(self._worse()) if self.whole else []

    def _worse(self) -> Iterator[str]:
        for names, sign in ((BETTER_HIGH, 1), (BETTER_LOW, -1)):
            for name, words in names.items():
                change = getattr(self, name).change
                if change is not None and change.sure and sign * change.value < 0:
                    yield words


def publications(standings: Iterable[Standing], since: date, today: date) -> list[Publication]:
    """Return the publications from that day on that lasted into another day, the newest first."""
    found = [each for standing in standings for each in _of(standing) if since <= each.day < today]
    return sorted(found, key=lambda each: (each.day, each.key), reverse=True)


def _of(standing: Standing) -> Iterator[Publication]:
    moved: dict[date, Event] = {
        event.at.astimezone(VIETNAM).date(): event
        for event in standing.events
        if event.deed in ("published", "withdrawn")
    }
    days = [*moved, None]
    for (day, event), until in zip(moved.items(), days[1:], strict=True):
        if event.deed == "published":
            yield Publication(event.key, event.number, event.by, day, until)


def effects(db: Connection, wanted: Sequence[Publication], today: date) -> list[Effect]:
    """Return what each of these changed, as far as it is counted."""
    counted = counted_until(db)
    end = min(today, counted + timedelta(days=1)) if counted else date.min
    counts = _counts(db, wanted)
    inside = _clusters(db, {each.key for each in wanted})
    first = db.scalar(select(func.min(messages.c.received_at)))
    kept = datetime.fromisoformat(first).astimezone(VIETNAM).date() if first else today
    return [_effect(db, each, end, counts, inside.get(each.key, ()), kept) for each in wanted]


def _effect(db: Connection, one: Publication, end: date, counts: Counts, inside: Sequence[int], kept: date) -> Effect:
    before, after = one.before, one.after(end)
    longer = before.days / after.days if after.days else 1.0

    def total(measure: str, period: Period) -> int:
        return sum(counts[one.key, measure, day] for day in _days(period))

    def share(name: str, *whole: str) -> Figure:
        old, new = (
            Share(total(f"{name}_with_answer", period), sum(total(measure, period) for measure in whole))
            for period in (before, after)
        )
        return Figure(new, old, difference(old, new))

    def count(old: int, new: int) -> Figure:
        return Figure(new, old, ratio(old, new, longer))

    volume = None
    if inside and before.begin > kept:
        volume = count(_asked_in(db, inside, before), _asked_in(db, inside, after))
    return Effect(
        publication=one,
        after=after,
        asked=count(total("with_answer", before), total("with_answer", after)),
        volume=volume,
        resolved=share("resolved", "with_answer"),
        asked_again=share("asked_again", "with_answer"),
        handed=share("handed", "with_answer"),
        displeased=share("displeased", "displeased_with_answer", "content_with_answer"),
        days=[(day, counts[one.key, "with_answer", day]) for day in _days(Period(before.begin, after.end))],
    )


def uses(db: Connection, key: str, period: Period) -> list[tuple[date, int]]:
    """Return how many visits had this answer on each day."""
    found = _counted(db, [key], ["with_answer"], period)
    return [(day, found[key, "with_answer", day]) for day in _days(period)]


def _days(period: Period) -> list[date]:
    return [period.begin + timedelta(days=n) for n in range(period.days)]


def _counts(db: Connection, wanted: Sequence[Publication]) -> Counts:
    if not wanted:
        return Counter()
    days = [each.day for each in wanted]
    around = Period(min(days) - SPAN, max(days) + SPAN + timedelta(days=1))
    return _counted(db, sorted({each.key for each in wanted}), _MEASURES, around)


def _counted(db: Connection, keys: Sequence[str], measures: Sequence[str], period: Period) -> Counts:
    cell = numbers_daily.c
    rows = (
        select(cell.what, cell.measure, cell.day, func.sum(cell.count))
        .where(cell.measure.in_(measures), cell.day >= period.begin.isoformat(), cell.day < period.end.isoformat())
        .where(cell.what.in_(keys))
        .group_by(cell.what, cell.measure, cell.day)
    )
    return Counter({(key, measure, date.fromisoformat(day)): n for key, measure, day, n in db.execute(rows)})


def _clusters(db: Connection, keys: set[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for key, number in db.execute(select(clusters.c.answer, clusters.c.number).where(clusters.c.answer.in_(keys))):
        found.setdefault(key, []).append(number)
    return found


def _asked_in(db: Connection, inside: Sequence[int], period: Period) -> int:
    begin, end = (datetime.combine(day, time(), VIETNAM).isoformat() for day in (period.begin, period.end))
    asked = select(func.count(distinct(questions.c.message_id))).where(
        questions.c.cluster.in_(inside), questions.c.at >= begin, questions.c.at < end
    )
    return int(db.scalar(asked) or 0)


class Watch:
    """Marks for review what is surely worse since it was published."""

    def __init__(self, store: Store, book: AnswerBook, clock: Clock) -> None:
        self._store, self._book, self._clock = store, book, clock

    async def mark_worse(self) -> int:
        """A chore: look at each publication whose fortnight is over; return how many answers were marked."""
        today = self._clock().astimezone(VIETNAM).date()
        standings: Mapping[str, Standing] = await asyncio.to_thread(self._book.standings)
        due = [
            each
            for each in publications(standings.values(), today - SPAN - JUDGED_FOR, today)
            if each.until is None and each.after(today).days == SPAN.days
        ]
        found = await self._store.read(lambda db: effects(db, due, today))
        return sum([await self._mark(each) for each in found if each.worse])

    async def _mark(self, effect: Effect) -> bool:
        one, now = effect.publication, self._clock()
        why = f"14 ngày sau khi phát hành kém hơn 14 ngày trước: {', '.join(effect.worse)}"

        def rule(standing: Standing) -> Refusal | None:
            if standing.live is None or standing.live.number != one.number:
                return Refusal.OLD
            return Refusal.LIVE if standing.state(one.number) is State.REVIEW else None  # it is marked already

        if await asyncio.to_thread(self._book.record, "marked", one.key, one.number, BY, now, rule, detail=why):
            return False
        told = {"revision": one.number, "reason": why}
        await self._store.write(lambda db: audit.note(db, BY, "answer.marked", f"answer:{one.key}", told, now))
        return True
