"""The inbox of questions: takes in what wants an answer, proposes answers, and does what a librarian decides.

Every deed names the version of the cluster that the librarian saw, and gives a number by which it can be taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from connectors.clock import Clock
from connectors.curation import clustering, questions, signals
from connectors.curation.clustering import Clusters, Reader
from connectors.curation.publishing import Actor, Done, Publishing
from connectors.curation.questions import Before, Cluster
from connectors.curation.signals import Batch, Heard, Reason, Signal
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.store import Store
from connectors.store import questions as stored
from library.text import fold
from retrieval.answering import AnswerSearcher
from retrieval.answers import Answer, AnswerBook
from retrieval.embedder import Embedder
from retrieval.shelf import Sure

SNOOZED_FOR = timedelta(days=7)
OWN_REPLIES = 3
MOST_AT_ONCE = 50  # wordings added to an answer by one deed


class Refusal(StrEnum):
    """Why nothing was done; the words are shown."""

    CHANGED = "có người vừa đổi nhóm câu hỏi này, hãy xem lại rồi làm tiếp"
    STALE = "câu trả lời đã có bản mới từ lúc gợi ý, hãy xem lại"
    BEING_EDITED = "câu trả lời này đang có bản nháp, hãy sửa tiếp bản nháp đó"
    NO_WORDING = "không có cách hỏi nào gắn được: tất cả đều có thông tin đã che"
    NOTHING = "hãy chọn ít nhất một cách hỏi, và để lại ít nhất một"
    TOO_LATE = "đã quá 10 giây hoặc đã có việc khác làm sau, không hoàn tác được"


@dataclass(frozen=True)
class Suggestion:
    """An answer in use that may fit; `revision` is the one that was looked at, `likeness` from 0 to 1."""

    answer: Answer
    revision: int
    likeness: float


@dataclass(frozen=True)
class Did:
    """What was done: `undo` takes it back; `live` is False where the answer waits for approval or is a draft."""

    undo: int
    live: bool = True
    why: str = ""
    key: str = ""
    number: int | None = None


Outcome = Did | Refusal


class Inbox:
    """`embedder`: what answers are searched by; without one only the same words are one question."""

    def __init__(
        self,
        store: Store,
        book: AnswerBook,
        searcher: AnswerSearcher,
        publishing: Publishing,
        clock: Clock,
        embedder: Embedder | None = None,
    ) -> None:
        self._store, self._book, self._searcher, self._publishing = store, book, searcher, publishing
        self._clock, self._embedder = clock, embedder
        self._reader = Reader(embedder, lambda text: searcher.shelf.understood(text)) if embedder else None
        self._clusters: Clusters | None = None
        self._one = asyncio.Lock()
        self._settled = -1

    async def collect(self) -> int:
        """A chore: take in what was asked since the last time; return how many questions were new."""
        if self._embedder is not None and not self._embedder.ready:
            return 0  # soon: a model that loads here would slow the patrons down
        await self.settle()
        async with self._one:
            taken = 0
            while True:
                now = self._clock()
                seen = await self._store.read(lambda db, now=now: signals.batch(db, now))  # type: ignore[misc]
                if seen.seq == seen.since:
                    return taken + await self._take_in(await self._store.read(signals.disliked))
                taken += await self._take_in(seen)

    async def settle(self) -> None:
        """A chore: after answers changed, close what is answered by now, and reopen what is not any more."""
        mark = self._book.mark
        if mark == self._settled:
            return
        live = await asyncio.to_thread(self._book.live_numbers)
        known = await asyncio.to_thread(self._known_wordings)
        now = self._clock()

        def work(db: Connection) -> None:
            if returned := questions.solved_by(db, questions.solving(db) - set(live)):
                questions.change(db, returned, state="open", solved_at=None)
                questions.recount(db, returned)
            for number, key in questions.answered(db, known).items():
                told = {"answer": key, "revision": live.get(key), "solved_at": now.isoformat()}
                questions.change(db, [number], state="solved", **told)
                questions.recount(db, [number])

        await self._store.write(work)
        self._settled = mark

    async def tidy(self) -> None:
        """A chore: reckon anew after patrons' talks were deleted; a cluster whose last question went goes too."""
        async with self._one:
            now = self._clock()
            stale = await self._store.read(questions.stale)  # beside the writes, which wait for the rest only
            await self._store.write(lambda db: questions.tidy(db, now, stale))
            self._clusters = None

    def _known_wordings(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for answer in self._book.published(self._clock().date()):
            known |= {signals.folded(text): answer.key for text in (answer.question, *answer.phrasings)}
        return known

    async def suggestions(self, text: str) -> list[Suggestion]:
        """Return up to three answers in use, the likeliest first."""
        return await asyncio.to_thread(self._suggested, text)

    async def best(self, texts: Sequence[str]) -> list[Suggestion | None]:
        """Return the answer that has the likest wording for each, for a list: by words alone, which is quick."""
        return await asyncio.to_thread(self._likest, texts)

    async def own_replies(self, cluster: Cluster) -> list[str]:
        """Return what librarians themselves wrote to who asked this, the newest first."""
        return await self._store.read(lambda db: questions.said_by_people(db, cluster.number, OWN_REPLIES))

    async def attach(self, number: int, version: int, key: str, revision: int, who: Actor) -> Outcome:
        """Add the cluster's wordings to the answer, as a new revision of it, and close the cluster."""
        if not who.may(Permission.EDIT_ANSWERS):
            raise PermissionError(who.name)
        now = self._clock()
        cluster = await self._store.read(lambda db: questions.cluster(db, number, who.name, now))
        if cluster is None or cluster.version != version:
            return Refusal.CHANGED
        standing = await asyncio.to_thread(self._book.standing, key)
        if standing is None or standing.live is None or standing.live.number != revision:
            return Refusal.STALE
        if standing.newest.number != revision:
            return Refusal.BEING_EDITED
        added = _new_wordings(cluster, standing.live.answer)
        if added is None:
            return Refusal.NO_WORDING
        outcome = None
        if added:
            wider = replace(standing.live.answer, phrasings=(*standing.live.answer.phrasings, *added))
            outcome = await self._publishing.propose(wider, who, expected=revision)
        saved = outcome.number if outcome else revision
        if saved is None:
            return Refusal.STALE
        live = outcome is None or isinstance(outcome, Done)
        published = (key, revision) if isinstance(outcome, Done) else None
        values = {"state": "solved", "answer": key, "revision": saved, "solved_at": self._clock().isoformat()}
        did = await self._deed(
            who, "attach", {number: version}, values, published=published, told={"answer": key, "revision": saved}
        )
        if isinstance(did, Refusal):
            return did
        why = "" if live or outcome is None or isinstance(outcome, Done) else str(outcome.why)
        return replace(did, live=live, why=why, key=key, number=saved)

    async def put_aside(self, number: int, version: int, state: str, who: Actor) -> Outcome:
        """Close the cluster as none of ours ("not_ours") or as "spam", or open it again ("open")."""
        return await self._deed(who, state, {number: version}, {"state": state, "snoozed_until": None})

    async def snooze(self, number: int, version: int, who: Actor, days: int = SNOOZED_FOR.days) -> Outcome:
        until = self._clock() + timedelta(days=min(max(days, 1), 90))
        return await self._deed(who, "snooze", {number: version}, {"snoozed_until": until.isoformat()})

    async def assign(self, number: int, version: int, to: str, who: Actor) -> Outcome:
        """Give the cluster to somebody: to oneself for a quarter of an hour, to a colleague until they let it go."""
        until = (self._clock() + questions.HELD_FOR).isoformat() if to == who.name else None
        return await self._deed(who, "assign", {number: version}, {"held_by": to or None, "held_until": until})

    async def merge(self, into: int, seen: dict[int, int], who: Actor) -> Outcome:
        """Move the questions of all these clusters into one; `seen` are their versions as they were shown."""
        others = [number for number in seen if number != into]
        if not others or into not in seen:
            return Refusal.NOTHING

        def moving(db: Connection) -> Sequence[int]:
            return questions.numbers_in(db, others)

        def work(db: Connection, moved: Sequence[int]) -> list[int]:
            questions.move(db, moved, into)
            questions.change(db, [into])
            questions.change(db, others, state="merged")
            self._read_anew(db, into)
            return [into, *others]

        return await self._moved(who, "merge", seen, moving, work)

    async def split(self, number: int, version: int, chosen: Sequence[int], who: Actor) -> Outcome:
        """Let the chosen questions be a cluster of their own."""

        def moving(db: Connection) -> Sequence[int]:
            inside = set(questions.numbers_in(db, [number]))
            moved = [each for each in chosen if each in inside]
            return moved if moved and len(moved) < len(inside) else ()

        def work(db: Connection, moved: Sequence[int]) -> list[int]:
            new = questions.founded(db, self._clock())
            questions.move(db, moved, new)
            questions.change(db, [number])
            for each in (number, new):
                self._read_anew(db, each)
            return [number, new]

        return await self._moved(who, "split", {number: version}, moving, work)

    async def undo(self, deed: int, who: Actor) -> str:
        """Take a deed back, really; return why not, or an empty text."""
        now = self._clock()
        found = await self._store.read(lambda db: questions.undoable(db, deed, who.name, now))
        if found is None:
            return Refusal.TOO_LATE
        if found.before.published:
            key, before = found.before.published
            rolled = await self._publishing.roll_back(key, who, to=before, reason="hoàn tác gắn câu hỏi")
            if not isinstance(rolled, Done):
                return str(rolled.why)

        def work(db: Connection) -> bool:
            again = questions.undoable(db, deed, who.name, now)
            if again:
                questions.undo(db, again)
                for number in again.before.clusters if again.before.questions else ():
                    self._read_anew(db, int(number))
                audit.note(db, who.name, "question.undone", f"deed:{deed}", {"deed": again.deed}, now)
            return again is not None

        async with self._one:
            undone = await self._store.write(work)
            self._clusters = None
        return "" if undone else Refusal.TOO_LATE

    async def _deed(
        self,
        who: Actor,
        deed: str,
        seen: dict[int, int],
        values: dict[str, Any],
        *,
        published: tuple[str, int] | None = None,
        told: dict[str, Any] | None = None,
    ) -> Outcome:
        now = self._clock()

        def work(db: Connection) -> int | None:
            if questions.versions(db, list(seen)) != seen:
                return None
            before = replace(questions.standing(db, list(seen)), published=published)
            questions.change(db, list(seen), **values)
            questions.recount(db, seen)
            return _noted(db, who, deed, before, now, told or {})

        done = await self._store.write(work)
        return Refusal.CHANGED if done is None else Did(done)

    async def _moved(self, who: Actor, deed: str, seen: dict[int, int], moving: Any, work: Any) -> Outcome:
        now = self._clock()

        def move(db: Connection) -> Outcome:
            if questions.versions(db, list(seen)) != seen:
                return Refusal.CHANGED
            if not (moved := moving(db)):
                return Refusal.NOTHING
            before = questions.standing(db, list(seen), moved)
            touched = work(db, moved)
            questions.recount(db, touched)
            return Did(_noted(db, who, deed, before, now, {"questions": len(moved)}))

        async with self._one:
            did = await self._store.write(move)
            self._clusters = None
        return did

    async def _take_in(self, seen: Batch) -> int:
        found = [*seen.signals, *await asyncio.to_thread(self._asked_again, seen)]
        found = await asyncio.to_thread(self._with_expired, found)
        texts = [signal.heard.text for signal in found]
        meant = await asyncio.to_thread(self._reader, texts) if self._reader and texts else None
        clusters = await self._loaded()

        def work(db: Connection) -> int:
            if not signals.move_on(db, seen):
                return 0
            touched, new = set(), 0
            for i, signal in enumerate(found):
                number = self._place(db, clusters, signal, None if meant is None else meant[i])
                new += questions.add(db, number, signal)
                touched.add(number)
            questions.recount(db, touched)
            return new

        try:
            return await self._store.write(work)
        except BaseException:
            self._clusters = None  # what was added here is not in the store
            raise

    def _place(self, db: Connection, clusters: Clusters | None, signal: Signal, vector: Any) -> int:
        """Return the cluster for this question; one that was folded into another leads there by its words."""
        number = questions.same_words(db, signal.heard.folded)
        if number is not None:
            return number
        near = clusters.nearest(vector) if clusters is not None else None
        number = near if near is not None else questions.founded(db, signal.heard.at)
        if clusters is not None and self._reader is not None:
            questions.add_vectors(db, number, clusters.add(number, vector), self._reader.name)
        return number

    async def _loaded(self) -> Clusters | None:
        reader = self._reader
        if reader is None:
            return None
        if self._clusters is None:
            rows = await self._store.read(lambda db: questions.vectors(db, reader.name))
            self._clusters = Clusters(reader, {number: clustering.read(sums) for number, sums in rows})
        return self._clusters

    def _read_anew(self, db: Connection, number: int) -> None:
        """Give a cluster the vectors of its own wordings."""
        if self._reader is None:
            return
        rows = db.execute(select(stored.c.folded, stored.c.text).where(stored.c.cluster == number))
        texts = {folded: text for folded, text in rows}
        total = self._reader(list(texts.values())[:MOST_AT_ONCE]).sum(axis=0)
        questions.add_vectors(db, number, total.tobytes(), self._reader.name)

    def _asked_again(self, seen: Batch) -> list[Signal]:
        pairs = [(one, two) for one, two in seen.pairs if one.text.strip() and two.text.strip()]
        return [Signal(two, Reason.AGAIN) for one, two in pairs if self._same(one, two)]

    def _same(self, one: Heard, two: Heard) -> bool:
        if one.folded == two.folded:
            return True
        if self._reader is None:
            return False
        first, second = self._reader([one.text, two.text])
        return bool(first @ second >= self._reader.same)

    def _with_expired(self, found: Iterable[Signal]) -> list[Signal]:
        """Return the questions worth a look; where an answer was there and its last day is over, that is why."""
        told = []
        for signal in found:
            if not fold(signal.heard.text).strip():
                continue
            if signal.reason is Reason.UNKNOWN:
                fits = self._searcher.ask(signal.heard.text)
                if isinstance(fits, Sure) and not fits.answer.holds_on(signal.heard.at.date()):
                    signal = Signal(signal.heard, Reason.EXPIRED)
            told.append(signal)
        return told

    def _likest(self, texts: Sequence[str]) -> list[Suggestion | None]:
        live = self._book.live_numbers()
        return [
            Suggestion(found[0], live[found[0].key], found[1]) if found and found[0].key in live else None
            for found in self._searcher.shelf.likest(texts)
        ]

    def _suggested(self, text: str) -> list[Suggestion]:
        live = self._book.live_numbers()
        found = self._searcher.shelf.nearest_all([text])[0]
        return [Suggestion(answer, live[answer.key], likeness) for answer, likeness in found if answer.key in live]


def _noted(db: Connection, who: Actor, deed: str, before: Before, now: datetime, told: dict[str, Any]) -> int:
    number = questions.note(db, who.name, deed, before, now)
    about = "clusters:" + ",".join(before.clusters)
    audit.note(db, who.name, f"question.{deed}", about, told, now)
    return number


def _new_wordings(cluster: Cluster, answer: Answer) -> list[str] | None:
    """Return the wordings that the answer has not yet; None where the cluster has none that may be shown to others."""
    usable = [each.text for each in cluster.wordings if not each.hidden]
    if not usable:
        return None
    known = {signals.folded(text) for text in (answer.question, *answer.phrasings)}
    return [text for text in usable if signals.folded(text) not in known][:MOST_AT_ONCE]
