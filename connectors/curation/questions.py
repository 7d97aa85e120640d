"""The clusters of questions as they are stored: found anew, listed, moved about, and put back. SQL only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, distinct, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.curation.signals import Signal
from connectors.store import clusters, inbox_deeds, questions, replies

FADES_IN = timedelta(days=14)  # a cluster asked about that much longer ago counts e times less
HELD_FOR = timedelta(minutes=15)
SEEN_FOR = timedelta(minutes=2)
UNDO_WITHIN = timedelta(seconds=10)
DEEDS_KEPT = timedelta(days=1)
_EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+07:00")
_KEPT = ("state", "answer", "revision", "solved_at", "snoozed_until", "held_by", "held_until")
FACETS = ("reason", "channel", "locale", "unaccented")


@dataclass(frozen=True)
class Row:
    """A cluster in the list; `days` are how often it was asked on each of the last 30 days, the oldest first."""

    number: int
    version: int
    text: str
    count: int
    days: tuple[int, ...]
    reasons: tuple[str, ...]
    channels: tuple[str, ...]
    last_at: datetime
    answer: str | None
    held_by: str
    reopened: bool

    @property
    def week(self) -> int:
        return sum(self.days[-7:])

    @property
    def month(self) -> int:
        return sum(self.days)


@dataclass(frozen=True)
class Wording:
    """One way in which it was asked, in any spelling; `numbers` are of its questions."""

    text: str
    times: int
    numbers: tuple[int, ...]
    hidden: bool
    conversations: tuple[str, ...]
    reasons: tuple[str, ...]
    last_at: datetime


@dataclass(frozen=True)
class Cluster:
    number: int
    version: int
    state: str
    answer: str | None
    revision: int | None
    solved_at: datetime | None
    snoozed_until: datetime | None
    held_by: str
    seen_by: str  # who else has it on the screen
    wordings: tuple[Wording, ...]

    @property
    def text(self) -> str:
        return self.wordings[0].text

    @property
    def count(self) -> int:
        return sum(each.times for each in self.wordings)


@dataclass(frozen=True)
class Before:
    """What clusters and questions were before a deed, for taking it back."""

    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    questions: Mapping[str, int] = field(default_factory=dict)
    published: tuple[str, int] | None = None


@dataclass(frozen=True)
class Deed:
    number: int
    by: str
    deed: str
    at: datetime
    before: Before


def founded(db: Connection, now: datetime) -> int:
    """Return the number of a new cluster without questions."""
    row = {"state": "open", "version": 0, "count": 0, "unresolved": 0, "rank": 0.0}
    row |= {"founded_at": now.isoformat(), "last_at": now.isoformat()}
    return int(db.execute(insert(clusters).values(row).returning(clusters.c.number)).scalar_one())


def same_words(db: Connection, folded: str) -> int | None:
    """Return the cluster in which these words stand in any spelling."""
    same = select(questions.c.cluster).where(questions.c.folded == folded).order_by(questions.c.number.desc())
    return db.scalar(same.limit(1))


def add(db: Connection, cluster: int, signal: Signal) -> bool:
    """Return whether the question was new. A question of a solved cluster opens it again, with its history."""
    heard = signal.heard
    row = {
        "conversation_id": heard.conversation_id, "message_id": heard.id, "cluster": cluster, "reason": signal.reason,
        "text": heard.text, "folded": heard.folded, "hidden": int(heard.hidden), "channel": heard.channel,
        "locale": heard.locale, "unaccented": int(heard.unaccented), "at": heard.at.isoformat(),
    }  # fmt: skip
    if not db.execute(upsert(questions).values(row).on_conflict_do_nothing()).rowcount:
        return False
    solved = (clusters.c.number == cluster) & (clusters.c.state == "solved")
    later = or_(clusters.c.solved_at.is_(None), clusters.c.solved_at < heard.at.isoformat())
    db.execute(update(clusters).where(solved, later).values(state="open", version=clusters.c.version + 1))
    return True


def add_vectors(db: Connection, cluster: int, vectors: bytes | None, encoder: str | None) -> None:
    db.execute(update(clusters).where(clusters.c.number == cluster).values(vectors=vectors, encoder=encoder))


def vectors(db: Connection, encoder: str) -> list[tuple[int, bytes]]:
    """Return the sums of vectors of all clusters that were read with this encoder."""
    known = (clusters.c.encoder == encoder) & (clusters.c.state != "merged")
    rows = db.execute(select(clusters.c.number, clusters.c.vectors).where(known, clusters.c.vectors.is_not(None)))
    return [(row.number, row.vectors) for row in rows]


def recount(db: Connection, numbers: Iterable[int] | None = None) -> None:
    """Reckon anew how often the clusters were asked, and where they stand; one without questions goes."""
    wanted = None if numbers is None else sorted(set(numbers))
    if wanted is not None and not wanted:
        return
    asked = select(
        questions.c.cluster,
        func.count(distinct(questions.c.message_id)).label("asked"),
        func.count(
            distinct(
                case((func.coalesce(clusters.c.solved_at, "") < questions.c.at, questions.c.message_id), else_=None)
            )
        ).label("unresolved"),
        func.max(questions.c.at).label("last_at"),
    ).join(clusters, clusters.c.number == questions.c.cluster)
    if wanted is not None:
        asked = asked.where(questions.c.cluster.in_(wanted))
    for row in db.execute(asked.group_by(questions.c.cluster)).all():
        values = {"count": row.asked, "unresolved": row.unresolved, "last_at": row.last_at}
        rank = rank_of(row.asked, row.unresolved, datetime.fromisoformat(row.last_at))
        db.execute(update(clusters).where(clusters.c.number == row.cluster).values(**values, rank=rank))
    empty = ~select(questions.c.number).where(questions.c.cluster == clusters.c.number).exists()
    if wanted is None:
        db.execute(delete(clusters).where(empty, clusters.c.state != "merged"))
        return
    db.execute(delete(clusters).where(clusters.c.number.in_(wanted), empty, clusters.c.state != "merged"))


def rank_of(count: int, unresolved: int, last_at: datetime) -> float:
    """Return where a cluster stands: count × unresolved rate × recency, as a logarithm that no clock changes."""
    rate = max(unresolved, 0.1) / count
    return math.log(count * rate) + (last_at - _EPOCH) / FADES_IN


def is_open(now: datetime) -> ColumnElement[bool]:
    awake = or_(clusters.c.snoozed_until.is_(None), clusters.c.snoozed_until <= now.isoformat())
    return (clusters.c.state == "open") & awake & (clusters.c.count > 0)


def waiting(db: Connection) -> int:
    """Return how many clusters are open; for the menu."""
    return int(db.scalar(select(func.count()).select_from(clusters).where(clusters.c.state == "open")) or 0)


def shown(now: datetime, wanted: Mapping[str, str], name: str) -> ColumnElement[bool]:
    """Return what holds of the clusters to list: `wanted` names a state, whose they are, and facets."""
    state = wanted.get("state", "")
    fits: ColumnElement[bool]
    if state == "snoozed":
        fits = (clusters.c.state == "open") & (clusters.c.snoozed_until > now.isoformat())
    elif state in ("solved", "not_ours", "spam"):
        fits = clusters.c.state == state
    else:
        fits = is_open(now)
    if wanted.get("mine"):
        fits = fits & (clusters.c.held_by == name)
    facets = [questions.c[facet] == _typed(facet, wanted[facet]) for facet in FACETS if wanted.get(facet)]
    if facets:
        fits = fits & clusters.c.number.in_(select(questions.c.cluster).where(*facets))
    return fits


def total(db: Connection, fits: ColumnElement[bool]) -> int:
    return int(db.scalar(select(func.count()).select_from(clusters).where(fits)) or 0)


def page(db: Connection, fits: ColumnElement[bool], now: datetime, limit: int, offset: int) -> list[Row]:
    """Return the rows, what wants an answer most first."""
    ranked = select(clusters).where(fits).order_by(clusters.c.rank.desc(), clusters.c.number)
    found = db.execute(ranked.limit(limit).offset(offset)).mappings().all()
    asked = _asked(db, [row["number"] for row in found])
    return [_row(row, asked[row["number"]], now) for row in found if asked.get(row["number"])]


def cluster(db: Connection, number: int, name: str, now: datetime) -> Cluster | None:
    """Return the cluster as this person sees it, the wording asked most often first; None where there is none."""
    row = db.execute(select(clusters).where(clusters.c.number == number)).mappings().first()
    asked = _asked(db, [number]).get(number)
    if row is None or not asked:
        return None
    seen = row["seen_by"] if row["seen_at"] and _at(row["seen_at"]) > now - SEEN_FOR else ""
    return Cluster(
        number=number, version=row["version"], state=row["state"], answer=row["answer"], revision=row["revision"],
        solved_at=_at(row["solved_at"]) if row["solved_at"] else None,
        snoozed_until=_at(row["snoozed_until"]) if row["snoozed_until"] else None,
        held_by=_holder(row, now), seen_by="" if seen == name else seen or "", wordings=tuple(_wordings(asked)),
    )  # fmt: skip


def wordings(db: Connection, number: int) -> list[str]:
    """Return the cluster's wordings that hold nothing masked, the one asked most often first."""
    return [each.text for each in _wordings(_asked(db, [number]).get(number, ())) if not each.hidden]


def said_by_people(db: Connection, number: int, most: int) -> list[str]:
    """Return what librarians themselves wrote to who asked this, after it was asked, the newest first."""
    said = (
        select(replies.c.body)
        .join(questions, questions.c.conversation_id == replies.c.conversation_id)
        .where(questions.c.cluster == number, replies.c.kind == "person", replies.c.created_at >= questions.c.at)
        .group_by(replies.c.id)
        .order_by(replies.c.id.desc())
        .limit(most)
    )
    told = ["\n".join(reply["text"] for reply in body if reply.get("text")) for body in db.scalars(said)]
    return list(dict.fromkeys(text for text in told if text))


def answered(db: Connection, known: Mapping[str, str]) -> dict[int, str]:
    """Return the open clusters all of whose wordings an answer has by now; `known`: its key by folded wording."""
    asked = select(questions.c.cluster, questions.c.folded).join(clusters, clusters.c.number == questions.c.cluster)
    found: dict[int, set[str | None]] = {}
    for row in db.execute(asked.where(clusters.c.state == "open", questions.c.hidden == 0).distinct()):
        found.setdefault(row.cluster, set()).add(known.get(row.folded))
    return {number: key for number, keys in found.items() if len(keys) == 1 and (key := next(iter(keys)))}


def see(db: Connection, number: int, name: str, now: datetime) -> None:
    """Let others know who has this cluster on the screen; who came first is told for as long as they stay."""
    free = or_(
        clusters.c.seen_by.is_(None), clusters.c.seen_by == name, clusters.c.seen_at < (now - SEEN_FOR).isoformat()
    )
    this = update(clusters).where(clusters.c.number == number, free)
    db.execute(this.values(seen_by=name, seen_at=now.isoformat()))


def versions(db: Connection, numbers: Sequence[int]) -> dict[int, int]:
    these = clusters.c.number.in_(numbers) & (clusters.c.state != "merged")
    return {row.number: row.version for row in db.execute(select(clusters.c.number, clusters.c.version).where(these))}


def standing(db: Connection, numbers: Sequence[int], moved: Sequence[int] = ()) -> Before:
    """Return what these clusters and questions are now."""
    rows = db.execute(select(clusters).where(clusters.c.number.in_(numbers))).mappings()
    places = db.execute(select(questions.c.number, questions.c.cluster).where(questions.c.number.in_(moved)))
    kept = {str(row["number"]): {name: row[name] for name in _KEPT} for row in rows}
    return Before(kept, {str(row.number): row.cluster for row in places})


def change(db: Connection, numbers: Sequence[int], **values: Any) -> None:
    changed = update(clusters).where(clusters.c.number.in_(numbers))
    db.execute(changed.values(**values, version=clusters.c.version + 1))


def move(db: Connection, numbers: Sequence[int], into: int) -> None:
    db.execute(update(questions).where(questions.c.number.in_(numbers)).values(cluster=into))


def numbers_in(db: Connection, these: Sequence[int]) -> list[int]:
    return list(db.scalars(select(questions.c.number).where(questions.c.cluster.in_(these))))


def note(db: Connection, by: str, deed: str, before: Before, at: datetime) -> int:
    """Return the number by which the deed can be taken back."""
    touched = {number: {**kept, "version": _version(db, number)} for number, kept in before.clusters.items()}
    body = {"clusters": touched, "questions": dict(before.questions), "published": before.published}
    row = insert(inbox_deeds).values(by=by, deed=deed, at=at.isoformat(), before=body, undone=0)
    return int(db.execute(row.returning(inbox_deeds.c.number)).scalar_one())


def undoable(db: Connection, number: int, by: str, now: datetime) -> Deed | None:
    """Return this person's deed while it can be taken back: soon, once, and while nothing came upon it."""
    row = (
        db.execute(select(inbox_deeds).where(inbox_deeds.c.number == number, inbox_deeds.c.by == by)).mappings().first()
    )
    if row is None or row["undone"] or _at(row["at"]) + UNDO_WITHIN < now:
        return None
    body = row["before"]
    if any(_version(db, each) != kept["version"] for each, kept in body["clusters"].items()):
        return None
    published = body["published"]
    before = Before(body["clusters"], body["questions"], (published[0], published[1]) if published else None)
    return Deed(number, by, row["deed"], _at(row["at"]), before)


def undo(db: Connection, deed: Deed) -> None:
    """Put everything back as it was before the deed."""
    for number, kept in deed.before.clusters.items():
        change(db, [int(number)], **{name: kept[name] for name in _KEPT})
    by_place: dict[int, list[int]] = {}
    for question, place in deed.before.questions.items():
        by_place.setdefault(place, []).append(int(question))
    left = set(db.scalars(select(questions.c.cluster).where(questions.c.number.in_(map(int, deed.before.questions)))))
    for place, moved in by_place.items():
        move(db, moved, place)
    db.execute(update(inbox_deeds).where(inbox_deeds.c.number == deed.number).values(undone=1))
    recount(db, {*by_place, *map(int, deed.before.clusters), *left})


def solved_by(db: Connection, keys: Iterable[str]) -> list[int]:
    """Return the solved clusters whose answer is one of these."""
    solved = (clusters.c.state == "solved") & clusters.c.answer.in_(list(keys))
    return list(db.scalars(select(clusters.c.number).where(solved)))


def solving(db: Connection) -> set[str]:
    """Return the answers by which clusters are solved."""
    keys = select(clusters.c.answer).where(clusters.c.state == "solved", clusters.c.answer.is_not(None))
    return set(db.scalars(keys.distinct()))


def stale(db: Connection) -> list[int]:
    """Return the clusters that were asked about less often than they say, since patrons' talks were deleted."""
    asked = select(questions.c.cluster, func.count(distinct(questions.c.message_id))).group_by(questions.c.cluster)
    really = {cluster: count for cluster, count in db.execute(asked)}
    said = db.execute(select(clusters.c.number, clusters.c.count).where(clusters.c.state != "merged"))
    return [number for number, count in said if count != really.get(number, 0) or not count]


def tidy(db: Connection, now: datetime, numbers: Sequence[int]) -> None:
    """Count anew what patrons' deletions took away, and drop what can be taken back no more."""
    db.execute(delete(inbox_deeds).where(inbox_deeds.c.at < (now - DEEDS_KEPT).isoformat()))
    db.execute(
        delete(clusters).where(clusters.c.state == "merged", clusters.c.last_at < (now - DEEDS_KEPT).isoformat())
    )
    recount(db)


def _typed(facet: str, value: str) -> str | int:
    return int(value == "1") if facet == "unaccented" else value


def _version(db: Connection, number: str | int) -> int:
    return int(db.scalar(select(clusters.c.version).where(clusters.c.number == int(number))) or 0)


def _asked(db: Connection, numbers: Sequence[int]) -> dict[int, list[Any]]:
    asked: dict[int, list[Any]] = {}
    these = select(questions).where(questions.c.cluster.in_(numbers)).order_by(questions.c.number.desc())
    for row in db.execute(these):
        asked.setdefault(row.cluster, []).append(row)
    return asked


def _row(row: Any, asked: Sequence[Any], now: datetime) -> Row:
    days, counted = [0] * 30, set()
    for each in asked:
        ago = (now.date() - _at(each.at).date()).days
        if 0 <= ago < 30 and each.message_id not in counted:
            days[29 - ago] += 1
        counted.add(each.message_id)
    return Row(
        number=row["number"], version=row["version"], text=_wordings(asked)[0].text, count=row["count"],
        days=tuple(days), reasons=_each(each.reason for each in asked), channels=_each(each.channel for each in asked),
        last_at=_at(row["last_at"]), answer=row["answer"], held_by=_holder(row, now),
        reopened=bool(row["solved_at"]) and row["state"] == "open",
    )  # fmt: skip


def _wordings(asked: Sequence[Any]) -> list[Wording]:
    same: dict[str, list[Any]] = {}
    for each in asked:
        same.setdefault(each.folded, []).append(each)
    told = [
        Wording(
            text=_best_spelt(rows), times=len({row.message_id for row in rows}),
            numbers=tuple(row.number for row in rows), hidden=any(row.hidden for row in rows),
            conversations=_each(row.conversation_id for row in rows), reasons=_each(row.reason for row in rows),
            last_at=_at(max(row.at for row in rows)),
        )
        for rows in same.values()
    ]  # fmt: skip
    return sorted(told, key=lambda each: (each.hidden, -each.times, -each.last_at.timestamp()))


def _best_spelt(rows: Sequence[Any]) -> str:
    """Return the newest wording that was typed with marks, or the newest."""
    return str(next((row.text for row in rows if not row.unaccented), rows[0].text))


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _holder(row: Any, now: datetime) -> str:
    over = row["held_until"] and _at(row["held_until"]) <= now
    return "" if over else row["held_by"] or ""


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)
