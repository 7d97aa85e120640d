"""What the editor's desk does with answers: judge a wording as it is typed, save it, and move it towards use.

Publishing is not done here: that is the publisher's alone (`publishing`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from connectors.clock import Clock
from connectors.curation.links import Link, Links, addresses_in
from connectors.curation.merging import Merge, merged
from connectors.curation.previews import (
    DOORS,
    Frames,
    Preview,
    Utterance,
    Variables,
    preview,
    reply_of,
    unknown_variables,
)
from connectors.curation.remarks import Level, Remark, Surroundings, remarks
from library.phrasing import Lang
from library.text import fold
from retrieval.answer_states import Refusal, Standing, may_approve, may_mark, may_return, may_submit
from retrieval.answers import Answer, AnswerBook, AnswerChanged
from retrieval.searcher import Sure, Unknown, Which

LANGS: tuple[Lang, ...] = ("vi", "en")
MOST_ASKED = 6  # wordings of the answer by which near answers are looked for
_NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")
Ask = Callable[[str], Sure | Which | Unknown]


@dataclass(frozen=True)
class Judged:
    """A wording as it would be said today, and what there is to say about it."""

    previews: tuple[Preview, ...]
    remarks: tuple[Remark, ...]

    @property
    def stops(self) -> tuple[Remark, ...]:
        return tuple(each for each in self.remarks if each.level is Level.STOP)


@dataclass(frozen=True)
class Saved:
    number: int


@dataclass(frozen=True)
class Overtaken:
    """Somebody saved first; nothing was saved. `merge` is both together, over their revision `number`."""

    number: int
    by: str
    merge: Merge


@dataclass(frozen=True)
class Editing:
    """`ask` asks the answers in use; `variables` and `utterance` are the dialogue's own."""

    book: AnswerBook
    clock: Clock
    ask: Ask
    variables: Variables
    utterance: Utterance
    frames: Frames
    links: Links
    card_pattern: str
    branches: Mapping[str, str]  # id → name

    @property
    def today(self) -> date:
        return self.clock().date()

    async def judge(self, answer: Answer, *, visit: bool = False) -> Judged:
        """Return the answer at every door and the remarks; with `visit` its links are opened, else what is known."""
        urls = addresses_in(answer.url, answer.answer, answer.answer_en)
        links = dict(zip(urls, await asyncio.gather(*map(self.links.check, urls)), strict=True)) if visit else {}
        links |= {url: known for url in urls if (known := self.links.known(url)) is not None}
        return await asyncio.to_thread(self._judged, answer, links)

    def _judged(self, answer: Answer, links: Mapping[str, Link]) -> Judged:
        values = self.variables(self.today, "vi")
        previews = self.previews(answer)
        around = Surroundings(values, self.near(answer), self.card_pattern)
        return Judged(previews, tuple(remarks(answer, around, previews, links)))

    def previews(self, answer: Answer) -> tuple[Preview, ...]:
        """Return the answer at each door, in English too where it has English; an unknown variable stays in braces."""
        shown = []
        for lang in LANGS if answer.answer_en else LANGS[:1]:
            values = self.variables(self.today, lang)
            unknown = {name: f"{{{name}}}" for name in unknown_variables(answer, values)}
            said = self.utterance(answer, {**unknown, **values}, lang)
            if said is not None:
                shown += [preview(reply_of(said, self.frames, lang), door, lang) for door in DOORS]
        return tuple(shown)

    def near(self, answer: Answer) -> list[Answer]:
        """Return the other answers in use that the wordings of this one may lead to."""
        found: dict[str, Answer] = {}
        for text in (answer.question, *answer.phrasings)[:MOST_ASKED]:
            outcome = self.ask(text)
            found |= {hit.key: hit for hit in _hits(outcome) if hit.key != answer.key}
        return list(found.values())

    def save(self, answer: Answer, by: str, base: int) -> Saved | Overtaken:
        """Save a new revision over `base`, the newest one the writer saw (0: a new answer)."""
        try:
            return Saved(self.book.draft(answer, by, self.clock(), expected=base))
        except AnswerChanged:
            standing = self.book.standing(answer.key)
            assert standing is not None  # only a saved revision can have overtaken this one
            before = standing.revision(base)
            merge = merged(before.answer if before else None, standing.newest.answer, answer)
            return Overtaken(standing.newest.number, standing.newest.by, merge)

    def submit(self, key: str, number: int, by: str) -> Refusal | None:
        return self.book.record("submitted", key, number, by, self.clock(), lambda told: may_submit(told, number))

    def send_back(self, key: str, number: int, by: str, reason: str) -> Refusal | None:
        at, why = self.clock(), reason.strip()
        return self.book.record("returned", key, number, by, at, lambda told: may_return(told, number, why), detail=why)

    def approve(self, key: str, number: int, by: str) -> Refusal | None:
        return self.book.record("approved", key, number, by, self.clock(), lambda told: may_approve(told, number, by))

    def mark(self, key: str, by: str, reason: str) -> Refusal | None:
        """Say that the answer in use is to be looked at again."""
        standing, why = self.book.standing(key), reason.strip()
        if standing is None or standing.live is None:
            return Refusal.NOT_LIVE
        number = standing.live.number
        return self.book.record("marked", key, number, by, self.clock(), lambda told: may_mark(told, why), detail=why)

    def archive(self, key: str, by: str, reason: str) -> Refusal | None:
        """Put away an answer that is not in use; its revisions stay."""
        standing, why = self.book.standing(key), reason.strip()
        if standing is None:
            return Refusal.UNKNOWN
        number = standing.newest.number
        return self.book.record("archived", key, number, by, self.clock(), _may_archive, detail=why)

    def free_key(self, question: str) -> str:
        """Return a key for a new answer, made of its question and taken by no other."""
        words = _NOT_IN_KEYS.sub(" ", fold(question)).split()
        key = "-".join(words[:7]) or "cau-tra-loi"
        taken = set(self.book.keys())
        return next(each for each in (key, *(f"{key}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)

    def topics(self) -> Sequence[str]:
        return sorted({answer.topic for answer in self.book.published()})


def _hits(outcome: Sure | Which | Unknown) -> tuple[Answer, ...]:
    if isinstance(outcome, Sure):
        return (outcome.answer,)
    return outcome.answers if isinstance(outcome, Which) else ()


def _may_archive(standing: Standing) -> Refusal | None:
    if standing.live is not None:
        return Refusal.LIVE
    return Refusal.ARCHIVED if standing.archived else None
