"""What each answer's texts come to, made once: a new shelf costs what is new on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from library.text import normalise
from retrieval.answers import Answer
from retrieval.asking import without_courtesies
from retrieval.diacritics import Restorer
from retrieval.embedder import Embedder
from retrieval.machines import Machines
from retrieval.meant import Key, Meanings, Meant, by_kind
from retrieval.passages import answer_texts, wordings, words
from retrieval.terms import Rows, TermBook, Weights
from retrieval.vectors import VectorStore

Texts = tuple[tuple[str, ...], tuple[str, ...]]  # wordings, and what is said


@dataclass(frozen=True)
class Block:
    """One answer's texts, wordings first. The same texts have the same number."""

    number: int
    asked: int  # how many of the texts are wordings
    texts: tuple[str, ...]
    plain: tuple[str, ...]  # shorthand written out, without courtesies
    keys: tuple[str, ...]  # the wordings' words, folded
    rows: Rows
    sketch: Weights
    held: tuple[frozenset[str], ...]  # folded words of each text
    held_in_all: frozenset[str]


class Materials:
    """Everything a shelf is built of. One thread builds at a time; shelves that are built are read by any."""

    def __init__(self, embedder: Embedder | None = None, vectors: VectorStore | None = None) -> None:
        self.embedder, self._store = embedder, vectors
        self.terms, self.machines = TermBook(), Machines()
        self._plain: dict[str, str] = {}
        self._numbers: dict[Texts, int] = {}
        self._blocks: dict[Texts, Block] = {}
        self._founding = 0
        self._restorer: tuple[list[str], Restorer] | None = None
        self._meanings = Meanings(embedder, vectors) if embedder else None

    def blocks(self, answers: Sequence[Answer]) -> list[Block]:
        """Return each answer's block."""
        texts = [(tuple(wordings(answer)), tuple(answer_texts(answer))) for answer in answers]
        every = [text for asked, said in texts for text in (*asked, *said)]
        self._plain = {text: self._plain.get(text) or plain_of(text) for text in every}
        self.terms.take_in(self._plain.values())
        if self.terms.founding != self._founding:
            self._founding, self._blocks = self.terms.founding, {}
            self.machines = Machines()
        self._blocks = {each: self._blocks.get(each) or self._block(each) for each in texts}
        return [self._blocks[each] for each in texts]

    def restorer(self, blocks: Sequence[Block]) -> Restorer:
        """Return what puts marks back by the texts of these blocks."""
        texts = [text for block in blocks for text in block.texts]
        if self._restorer is None or self._restorer[0] != texts:
            self._restorer = texts, Restorer.learn(texts) if texts else _untaught()
        return self._restorer[1]

    def meaning(self, blocks: Sequence[Block]) -> Meant:
        """Return the blocks' texts by their vectors, those not met yet from the store or made now."""
        assert self._meanings is not None
        return self._meanings.of([_kinds(block) for block in blocks])

    def missing(self, answers: Sequence[Answer]) -> int:
        """Return how many of the answers' texts would have to be embedded, which takes its time."""
        if self.embedder is None or self._meanings is None or self.embedder.cheap:
            return 0
        left = {key for key in _all_kinds(answers) if not self._meanings.holds(key)}
        if self._store is None:
            return len(left)
        stored, name = self._store.stored, self.embedder.name
        return sum(len(texts) - len(stored(texts, name, kind)) for kind, texts in by_kind(left).items())

    def fill(self, answers: Sequence[Answer]) -> None:
        """Embed what is missing of these answers into the store, if there is one."""
        if self.embedder and self._store and not self.embedder.cheap:
            for kind, texts in by_kind(_all_kinds(answers)).items():
                self._store.fill(texts, self.embedder, kind)

    def _block(self, texts: Texts) -> Block:
        number = self._numbers.setdefault(texts, len(self._numbers))
        every = (*texts[0], *texts[1])
        plain = tuple(self._plain[text] for text in every)
        read = [self.terms.of(text) for text in plain]
        rows = self.terms.rows(read)
        held = tuple(each.held for each in read)
        keys = tuple(key_of(text) for text in plain[: len(texts[0])])
        sketch, whole = self.terms.sketch(rows), frozenset().union(*held)
        return Block(number, len(texts[0]), every, plain, keys, rows, sketch, held, whole)


def _kinds(block: Block) -> list[Key]:
    """Return how each text is embedded: questions are compared with questions as their like."""
    asked: list[Key] = [("query", text) for text in block.texts[: block.asked]]
    return asked + [("passage", text) for text in block.texts[block.asked :]]


def _all_kinds(answers: Sequence[Answer]) -> set[Key]:
    asked: set[Key] = {("query", text) for answer in answers for text in wordings(answer)}
    return asked | {("passage", text) for answer in answers for text in answer_texts(answer)}


@cache
def _untaught() -> Restorer:
    """Return the restorer of an empty book, which is large for so little."""
    return Restorer.learn([])


def plain_of(text: str) -> str:
    return without_courtesies(normalise(text).text)


def key_of(plain: str) -> str:
    """Return what two wordings share that differ in marks and signs alone."""
    return " ".join(words(plain).folded)
