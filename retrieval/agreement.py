"""How well a record's card agrees with a query: the features that the order of the hits is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from retrieval.cards import Card, folded, plainly
from retrieval.parts import asked_volumes, volume_words, without_volumes

_BREAK, _NEXT = "\n", " . "
_PART_OF_TOPIC = 0.4  # "lịch sử" is not all of "tiểu thuyết lịch sử"
_FICTION = frozenset(("truyen",))  # said of every story, whatever the cataloguer calls it
_FICTION_SUBJECTS = ("truyen", "tieu thuyet", "van hoc")


@dataclass(frozen=True)
class Asked:
    """A query ready to be compared: as typed, as meant (marks put back), and how rare each word meant is."""

    typed: str
    meant: str
    author: str
    rarity: tuple[float, ...]  # of each word meant
    volumes: tuple[int, ...]

    topic: str  # as meant, with the kind of book left on: "tiểu thuyết lịch sử"

    @classmethod
    def of(cls, typed: str, meant: str, author: str, rarity: Sequence[float], topic: str = "") -> Asked:
        volumes = asked_volumes(meant)
        return cls(plainly(typed), plainly(meant), plainly(author), tuple(rarity), volumes, plainly(topic or meant))

    @cached_property
    def words(self) -> list[str]:
        return folded(self.meant).split()

    @cached_property
    def phrase(self) -> str:
        return f" {' '.join(self.words)} "

    @cached_property
    def core(self) -> str:
        """Return the phrase without the volume it asks for."""
        return f" {without_volumes(self.phrase).strip()} " if self.volumes else self.phrase

    @cached_property
    def topic_phrase(self) -> str:
        return f" {folded(self.topic)} "

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Return the words for the kind of book that were taken off what is sought."""
        return frozenset(self.topic_phrase.split()[: -len(self.words)])

    @cached_property
    def marked(self) -> frozenset[str]:
        """Return the words that were typed with marks."""
        return frozenset(word for word in self.typed.split() if folded(word) != word)

    def share(self, held: frozenset[str]) -> float:
        """Return how much of the query these words are, rare ones counting more."""
        return sum([rare for word, rare in self.rarities if word in held]) / self.whole

    @cached_property
    def rarities(self) -> list[tuple[str, float]]:
        return list(zip(self.words, self.rarity, strict=True))

    @cached_property
    def distinct(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def pairs(self) -> list[str]:
        return [f" {a} {b} " for a, b in pairwise(self.words)]

    @cached_property
    def rarest(self) -> float:
        return max(self.rarity, default=0.0) or 1.0

    @cached_property
    def whole(self) -> float:
        return sum(self.rarity) or 1.0


class Agreement(NamedTuple):  # these too are made by the hundred
    """What speaks for a record, each from 0 to 1 unless said otherwise."""

    same_title: float  # the query is the title, marks aside
    same_title_typed: float  # … and letter for letter
    titled: float  # the whole title stands in the query: its share of the query
    begins: float  # the title begins with the query
    phrase: float  # the query stands in title and subtitle side by side
    run: float  # the longest run of the query that stands in the title, as a share of the query
    in_title: float  # share of the query, by rarity, in title and subtitle
    in_names: float
    in_about: float
    in_summary: float
    held: float  # share of the query, by count, that stands anywhere in the record
    anywhere: float
    rarest_missing: float  # rarity of the rarest word that stands nowhere, against the rarest of all
    used: float  # share of the title's words that were asked for
    pairs: float  # share of neighbours in the query that are neighbours in the record
    marks_agree: float  # share of the words typed with marks that stand in the record so
    marks_differ: float  # … that stand there only with other marks
    author: float  # a whole name stands in the query
    same_author: float  # the query is a name
    author_asked: float  # the name asked for as such
    title_and_author: float  # title and name together are all of the query
    subject_same: float  # a subject is what is asked for
    subject_named: float  # a whole subject stands in the query: its share of it
    in_subject: float  # the query stands in a subject side by side
    kind: float  # share of the words for the kind of book that stand in title or subjects
    volume: float  # -1 for another volume than asked for
    first_volume: float  # of several, none asked for
    by_exact: float  # best score of the lexical rankings, against their best
    by_folded: float
    place: float  # fusion of the rankings
    near: float  # nearness in meaning: 0 for the farthest of those looked at, 1 for the same
    named: float  # title or author book
    copies: float
    recent: float
    fits: float  # from -1: years, publisher, language, readers


def agreement(asked: Asked, card: Card, evidence: Evidence) -> Agreement:
    """Return how well the card agrees with the query."""
    texts = _Texts(card)
    title = texts.main
    everywhere = texts.title | texts.names | texts.about | texts.summary | evidence.granted
    missing = [rare for word, rare in asked.rarities if word not in everywhere]
    names = texts.people
    words_of_title = title.split()
    told = [name for name in names if " " in name and f" {name} " in asked.phrase]
    author = 1.0 if told else 0.0
    whole_title = f" {title} " in asked.core
    size = len(asked.words) or 1
    titled = len(words_of_title) / size if whole_title else 0.0
    left = size - (len(words_of_title) if whole_title else 0) - (len(told[0].split()) if told else 0)
    agree, differ = _marks(asked, card)
    return Agreement(
        same_title=float(f" {title} " in (asked.phrase, asked.core)),
        same_title_typed=float(asked.typed == card.title),
        titled=min(1.0, titled),
        begins=float(f"{title} {texts.subtitle} ".startswith(asked.core[1:])),
        phrase=float(asked.core in texts.line),
        run=_run(asked.words, texts.line) / size,
        in_title=asked.share(texts.title),
        in_names=asked.share(texts.names),
        in_about=asked.share(texts.about),
        in_summary=asked.share(texts.summary),
        held=sum(word in everywhere for word in asked.words) / size,
        anywhere=asked.share(everywhere),
        rarest_missing=max(missing, default=0.0) / asked.rarest,
        used=sum(word in asked.distinct for word in words_of_title) / (len(words_of_title) or 1),
        pairs=sum([pair in texts.all for pair in asked.pairs]) / (len(asked.pairs) or 1),
        marks_agree=agree,
        marks_differ=differ,
        author=author,
        same_author=float(any(f" {name} " == asked.phrase for name in names)),
        author_asked=_author_asked(asked, names),
        title_and_author=float(whole_title and author > 0 and left <= 1),
        subject_same=_same_subject(asked, texts.subjects),
        subject_named=_named(asked, texts.subjects),
        in_subject=float(any(asked.phrase in f" {each} " for each in texts.subjects)),
        kind=_kind(asked, texts),
        volume=_volume(asked, card),
        first_volume=float(not asked.volumes and card.volumes[:1] == (1,)),
        by_exact=evidence.by_exact,
        by_folded=evidence.by_folded,
        place=evidence.place,
        near=evidence.near,
        named=evidence.named,
        copies=evidence.copies,
        recent=evidence.recent,
        fits=evidence.fits,
    )


class Evidence(NamedTuple):
    """What the rankings say of a record."""

    by_exact: float = 0.0
    by_folded: float = 0.0
    place: float = 0.0
    near: float = 0.0
    named: float = 0.0
    copies: float = 0.0
    recent: float = 0.0
    fits: float = 0.0  # share of the wishes besides words that the record fits, less those it does not
    granted: frozenset[str] = frozenset()  # folded words of the query that say a wish the record fits


class _Texts:
    """The texts of a card, folded, with the sets of their words."""

    def __init__(self, card: Card) -> None:
        self.main, self.subtitle, rest, people, subjects, summary, publisher = folded(
            _BREAK.join(
                (card.title, card.subtitle, f"{card.series} {card.original}", _NEXT.join(card.names),
                 _NEXT.join(card.subjects), card.summary, card.publisher)
            )
        ).split(_BREAK)  # fmt: skip
        self.line = f" {self.main} {self.subtitle} "
        self.title = frozenset(f"{self.line}{rest}".split()) | volume_words(card.volumes)
        self.people, self.subjects = people.split(_NEXT), subjects.split(_NEXT)
        self.names = frozenset(people.split())
        self.about = frozenset(f"{subjects} {publisher}".split())
        self.summary = frozenset(summary.split())
        self.all = f"{self.line}. {rest} . {people} . {subjects} "


def _run(words: Sequence[str], line: str) -> int:
    """Return the length of the longest run of words that stands in the line."""
    best, start = 0, 0
    for end in range(1, len(words) + 1):
        while start < end and f" {' '.join(words[start:end])} " not in line:
            start += 1
        best = max(best, end - start)
    return best


def _marks(asked: Asked, card: Card) -> tuple[float, float]:
    if not asked.marked:
        return 0.0, 0.0
    whole = card.whole
    exact, alike = frozenset(whole.split()), frozenset(folded(whole).split())
    agree = sum(word in exact for word in asked.marked)
    differ = sum(word not in exact and folded(word) in alike for word in asked.marked)
    return agree / len(asked.marked), differ / len(asked.marked)


def _author_asked(asked: Asked, names: Sequence[str]) -> float:
    if not asked.author:
        return 0.0
    sought = folded(asked.author)
    return max((1.0 if name == sought else 0.8 if f" {sought} " in f" {name} " else 0.0 for name in names), default=0.0)


def _same_subject(asked: Asked, subjects: Sequence[str]) -> float:
    if any(f" {each} " == asked.topic_phrase for each in subjects):
        return 1.0
    return _PART_OF_TOPIC * any(f" {each} " == asked.phrase for each in subjects)


def _kind(asked: Asked, texts: _Texts) -> float:
    kinds = asked.kinds
    if kinds & _FICTION and any(subject.startswith(_FICTION_SUBJECTS) for subject in texts.subjects):
        kinds -= _FICTION
        return 1.0 if not kinds else len(kinds & (texts.title | texts.about)) / len(kinds)
    return len(kinds & (texts.title | texts.about)) / (len(kinds) or 1)


def _named(asked: Asked, subjects: Sequence[str]) -> float:
    """Return how much of the query the longest subject of two words or more is that stands in it."""
    named = (len(each.split()) for each in subjects if " " in each and f" {each} " in asked.topic_phrase)
    return min(1.0, max(named, default=0) / (len(asked.words) or 1))


def _volume(asked: Asked, card: Card) -> float:
    if not asked.volumes or not card.volumes:
        return 0.0
    return 1.0 if set(asked.volumes) <= set(card.volumes) else -1.0
