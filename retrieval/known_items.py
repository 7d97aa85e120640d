"""Draws queries for books a catalogue is known to hold: what a patron remembers of one, in three ways of typing.

Every draw tells all records that are right: those that agree with the query as well as the one it was drawn from.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from library.text import fold, nfc, one_spelling, tokens
from retrieval.evaluate import Judged
from retrieval.parts import volumes
from retrieval.record import Record
from retrieval.slips import hurried

_MOST_WORKS = 3  # a query that as many different works answer is still a known item
_BEFORE = ("cho hỏi có ", "tìm ", "có cuốn ", "mình cần tìm quyển ", "ad ơi có sách ", "thư viện có ", "em muốn mượn ")
_AFTER = (" không", " không ạ", " ko ad", " hông", " còn không", "", "")
_BY = ("của ", "tác giả ", "do ", "")
_VOLUME_WORDS, _VOLUME_WORDS_ENGLISH = ("tập ", "tap ", "t.", "quyển "), ("volume ", "vol ", "tập ")

Words = tuple[str, ...]


@dataclass(frozen=True)
class _Wanted:
    """What is remembered: the query, its kind, and which records bear it in a given way of comparing words."""

    kind: str
    text: str
    right: Callable[[Callable[[str], Words]], Iterable[int]]


def with_marks(text: str) -> Words:
    """Return the words of a text, each in one spelling."""
    return tuple(token.text.lower() for token in tokens(one_spelling(text)))


def without_marks(text: str) -> Words:
    return tuple(fold(word) for word in with_marks(text))


def draw(records: Sequence[Record], n: int, seed: int) -> Iterator[Judged]:
    """Yield n known items, each as three queries: accented, unaccented and noisy. The same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    shelf = _Shelf(records)
    drawn, tried = 0, 0
    while drawn < n and tried < 40 * n:
        tried += 1
        wanted = shelf.remembered(chance.randrange(len(records)), chance)
        exact, alike = (set(wanted.right(way)) for way in (with_marks, without_marks)) if wanted else (set(), set())
        if not wanted or not exact or shelf.works(alike) > _MOST_WORKS:
            continue
        drawn += 1
        yield from _typed(wanted, shelf.ids(exact), shelf.ids(alike), chance)


def _typed(wanted: _Wanted, exact: list[str], alike: list[str], chance: random.Random) -> Iterator[Judged]:
    text = _asked(wanted.text, chance) if chance.random() < 0.3 else wanted.text
    text = text if chance.random() < 0.4 else text.lower()
    yield Judged.of(text, exact, ("accented", wanted.kind))
    yield Judged.of(fold(text), alike, ("unaccented", wanted.kind))
    yield Judged.of(hurried(text, chance), alike, ("noisy", wanted.kind))


def _asked(text: str, chance: random.Random) -> str:
    return chance.choice(_BEFORE) + text + chance.choice(_AFTER)


class _Shelf:
    """The records with what is looked up to know which of them a query means."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._folded = [without_marks(_title(record)) for record in records]
        self._holders: dict[str, set[int]] = defaultdict(set)
        self._pairs: Counter[Words] = Counter()
        for at, words in enumerate(self._folded):
            self._pairs.update(set(pairwise(words)))
            for word in (*words, *without_marks(record_author(records[at]))):
                self._holders[word].add(at)

    def ids(self, rows: Iterable[int]) -> list[str]:
        return [self._records[at].record_id for at in rows]

    def works(self, rows: Iterable[int]) -> int:
        """Return how many different works these records are: editions and volumes of one count once."""
        return len({(without_marks(self._records[at].title), record_author(self._records[at])) for at in rows})

    def remembered(self, row: int, chance: random.Random) -> _Wanted | None:
        """Return what somebody remembers of this record, or None where there is too little to remember."""
        record, ways = self._records[row], [self._title, self._title, self._head, self._phrase]
        if record_author(record):
            ways += [self._title_author, self._author_words]
        if volumes(record.part):
            ways += [self._volume]
        return chance.choice(ways)(row, chance) if 1 < len(self._folded[row]) < 25 else None

    def _title(self, row: int, chance: random.Random) -> _Wanted:
        record = self._records[row]
        if record.subtitle and chance.random() < 0.3:
            text = f"{record.title} {record.subtitle}"
            return _Wanted("title", text, lambda way: self._where(text, lambda r: way(_title(r)) == way(text)))
        return _Wanted("title", record.title, lambda way: self._titled(record, way))

    def _volume(self, row: int, chance: random.Random) -> _Wanted:
        record, numbers = self._records[row], volumes(self._records[row].part)
        word = chance.choice(
            ("tập ", "tap ", "t.", "quyển ") if record.language == "vie" else ("volume ", "vol ", "tập ")
        )
        said = " ".join(f"{word}{number}" for number in numbers)
        return _Wanted("volume", f"{record.title} {said}", lambda way: (
            at for at in self._titled(record, way) if volumes(self._records[at].part) == numbers))  # fmt: skip

    def _head(self, row: int, chance: random.Random) -> _Wanted | None:
        record = self._records[row]
        words = tokens(record.title)
        if len(words) < 5:
            return None
        end = words[chance.randrange(3, min(len(words) - 1, 7))].end
        return self._holding("head", nfc(record.title)[:end], lambda words, part: words[: len(part)] == part)

    def _phrase(self, row: int, chance: random.Random) -> _Wanted | None:
        """Return three or four words that stand side by side around the rarest pair of the title."""
        record = self._records[row]
        words = tokens(record.title)
        if len(words) < 5:
            return None
        rare = self._rarest(record.title)
        start = max(0, min(rare - chance.randrange(2), len(words) - 4))
        text = nfc(record.title)[words[start].start : words[min(len(words), start + chance.randrange(3, 5)) - 1].end]
        return self._holding("phrase", text, lambda words, part: _within(part, words))

    def _title_author(self, row: int, chance: random.Random) -> _Wanted:
        record, who = self._records[row], record_author(self._records[row])
        text = f"{record.title} {chance.choice(_BY)}{who}"
        return _Wanted("title_author", text, lambda way: (
            at for at in self._titled(record, way) if way(who) in self._names(at, way)))  # fmt: skip

    def _author_words(self, row: int, chance: random.Random) -> _Wanted | None:
        record, who = self._records[row], record_author(self._records[row])
        words = tokens(record.title)
        if len(words) < 3:
            return None
        rare = self._rarest(record.title)
        said = nfc(record.title)[words[rare].start : words[rare + 1].end]
        text = chance.choice((f"{who} {said}", f"{said} {who}"))

        def agrees(other: Record, way: Callable[[str], Words]) -> bool:
            return _within(way(said), way(_title(other))) and way(who) in map(way, _people(other))

        return _Wanted("author_words", text, lambda way: self._where(text, lambda r: agrees(r, way)))

    def _holding(self, kind: str, text: str, holds: Callable[[Words, Words], bool]) -> _Wanted | None:
        whole = without_marks(text)
        if any(self._folded[at] == whole for at in self._candidates(text)):  # the whole title of another book
            return None
        return _Wanted(kind, text, lambda way: self._where(text, lambda r: holds(way(_title(r)), way(text))))

    def _rarest(self, title: str) -> int:
        """Return where the pair of words stands that the fewest titles hold."""
        pairs = list(pairwise(without_marks(title)))
        return min(range(len(pairs)), key=lambda at: self._pairs[pairs[at]])

    def _titled(self, record: Record, way: Callable[[str], Words]) -> list[int]:
        meant = way(record.title)
        return self._where(record.title, lambda r: meant in (way(r.title), way(_title(r))))

    def _names(self, at: int, way: Callable[[str], Words]) -> list[Words]:
        return [way(name) for name in _people(self._records[at])]

    def _where(self, text: str, right: Callable[[Record], bool]) -> list[int]:
        return [at for at in self._candidates(text) if right(self._records[at])]

    def _candidates(self, text: str) -> list[int]:
        held = sorted((self._holders.get(word, set()) for word in without_marks(text)), key=len)
        return sorted(set.intersection(*held)) if held else []


def _title(record: Record) -> str:
    return f"{record.title} {record.subtitle}" if record.subtitle else record.title


def _people(record: Record) -> list[str]:
    return [who.name for who in record.contributors]


def record_author(record: Record) -> str:
    """Return the first author, unless the catalogue says more than a name there."""
    return record.author if 2 <= len(tokens(record.author)) <= 5 and "[" not in record.author else ""


def _within(part: Words, whole: Words) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def write_judged(path: Path, judged: Iterable[Judged]) -> int:
    """Write judged queries as a table and return how many."""
    lines = ["query\trelevant\ttags"]
    lines += [f"{each.query}\t{','.join(sorted(each.relevant))}\t{','.join(each.tags)}" for each in judged]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines) - 1
