"""The bench (Bàn thử): tries a revision out among what is in use now, once, in a thread, and keeps what it found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from connectors.clock import Clock
from connectors.curation import pins, reports, week
from connectors.curation.reports import Report
from connectors.curation.trying import Findings, Progress, Said, said, try_out
from connectors.store import Store
from library.masking import mask
from retrieval.answering import AnswerSearcher
from retrieval.answers import Answer, AnswerBook

CARD = r"\bDT\d{6}\b"


class Bench:
    """One revision is tried out at a time; who asks for one that is being tried out waits for it."""

    def __init__(
        self, store: Store, book: AnswerBook, searcher: AnswerSearcher, clock: Clock, card_pattern: str = CARD
    ) -> None:
        self._store, self._book, self._searcher, self._clock = store, book, searcher, clock
        self._card_pattern = card_pattern
        self._one = asyncio.Lock()
        self._shares: dict[tuple[str, int], float] = {}
        self._running: dict[tuple[str, int], asyncio.Task[Report | None]] = {}

    async def among(self) -> str:
        """Return what names the answers in use now and the pins: a report stands while it does not change."""
        return f"{self._book.mark}/{await self._store.read(pins.mark)}"

    async def known(self, key: str, number: int) -> Report | None:
        """Return the report of this revision among what is in use now, if there is one already."""
        among = await self.among()
        return await self._store.read(lambda db: reports.latest(db, key, number, among))

    async def report(self, key: str, number: int, *, again: bool = False) -> Report | None:
        """Return the report of this revision among what is in use now; None for an unknown revision."""
        if not again and (known := await self.known(key, number)):
            return known
        self.start(key, number)
        return await asyncio.shield(self._running[key, number])

    def start(self, key: str, number: int) -> None:
        """Begin to try the revision out, beside whatever else happens."""
        if (key, number) not in self._running:
            task = asyncio.create_task(self._run(key, number))
            self._running[key, number] = task
            task.add_done_callback(lambda _task: self._running.pop((key, number), None))

    def progress(self, key: str, number: int) -> float | None:
        """Return how much of it is done, from 0 to 1; None when nothing is being tried out."""
        return self._shares.get((key, number), 0.0) if (key, number) in self._running else None

    async def _run(self, key: str, number: int) -> Report | None:
        answer = await self.wording(key, number)
        if answer is None:
            return None
        async with self._one:
            try:
                return await self._try_out(key, number, answer)
            finally:
                self._shares.pop((key, number), None)

    async def wording(self, key: str, number: int) -> Answer | None:
        """Return the revision's wording, or None for an unknown one."""
        return await asyncio.to_thread(self._wording, key, number)

    def _wording(self, key: str, number: int) -> Answer | None:
        return next((each.answer for each in self._book.revisions(key) if each.number == number), None)

    async def live_number(self, key: str) -> int | None:
        """Return which revision of the answer is in use."""
        saved = await asyncio.to_thread(self._book.revisions, key)
        return next((each.number for each in saved if each.live), None)

    async def say(self, texts: Sequence[str]) -> list[Said]:
        """Return what is said to these questions now."""
        today = self._clock().date()
        return await asyncio.to_thread(lambda: said(self._searcher.refresh(), texts, today))

    async def scored(self, texts: Sequence[str], key: str) -> list[tuple[Said, float | None]]:
        """Return what is said to these questions now, and how like each is to the answer's nearest wording, up to 1.

        Of a question for which the answer is not among the nearest, no likeness is told.
        """

        def find() -> list[tuple[Said, float | None]]:
            shelf, today = self._searcher.refresh(), self._clock().date()
            near = [{answer.key: alike for answer, alike in each} for each in shelf.nearest_all(texts)]
            return [(told, each.get(key)) for told, each in zip(said(shelf, texts, today), near, strict=True)]

        return await asyncio.to_thread(find)

    def masked(self, text: str) -> str:
        """Return the text as it may be kept."""
        return mask(text, self._card_pattern).text

    def questions(self) -> Mapping[str, str]:
        """Return the question of every answer in use, by its key."""
        return {answer.key: answer.question for answer in self._searcher.answers}

    async def names(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the question of each of these answers, those of drafts and withdrawn ones as well."""

        def find() -> dict[str, str]:
            saved = {key: self._book.revisions(key) for key in keys}
            return {key: each[-1].answer.question for key, each in saved.items() if each}

        return await asyncio.to_thread(find)

    async def _try_out(self, key: str, number: int, answer: Answer) -> Report:
        began, now = time.perf_counter(), self._clock()
        pins_mark, pinned, (heard, left_out) = await self._store.read(
            lambda db: (pins.mark(db), pins.pinned(db, "answer", "none"), week.heard_since(db, now))
        )

        def find(progress: Progress) -> tuple[int, Findings]:
            before = self._searcher.refresh()
            live = next((each for each in before.answers if each.key == key), None)
            after = self._searcher.shelf_with(_with(before.answers, answer))
            progress(0.2)
            found = try_out(
                before,
                after,
                answer,
                live,
                pinned,
                heard,
                now.date(),
                left_out=left_out,
                progress=progress,
            )
            return before.mark, found

        mark, found = await asyncio.to_thread(find, self._told(key, number))
        took_ms = round((time.perf_counter() - began) * 1000)
        among = f"{mark}/{pins_mark}"
        return await self._store.write(lambda db: reports.store(db, key, number, among, found, now, took_ms))

    def _told(self, key: str, number: int) -> Callable[[float], None]:
        def tell(share: float) -> None:
            self._shares[key, number] = share

        return tell


def _with(answers: Sequence[Answer], answer: Answer) -> list[Answer]:
    """Return the answers with this one among them, in the order of the book: it is the shelf that will be in use."""
    return sorted([*(each for each in answers if each.key != answer.key), answer], key=lambda each: each.key)
