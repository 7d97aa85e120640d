"""Questions → the curated answer that fits, a choice of two or three, or an honest "not known"."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date

from retrieval.answers import Answer, AnswerBook
from retrieval.diacritics import Restorer
from retrieval.embedder import Embedder
from retrieval.shelf import Outcome, Shelf, texts_of
from retrieval.shelf import Sure as Sure
from retrieval.shelf import Unknown as Unknown
from retrieval.shelf import Which as Which
from retrieval.vectors import VectorStore

_MOST_EMBEDDED_INLINE = 64  # missing vectors computed while a patron waits; more of them wait for `warm_up`


class AnswerSearcher:
    """Asks the published answers. Safe to share between threads; what is published counts from the next question on.

    Without an embedder, or while its model is being loaded, it goes by words alone.
    """

    def __init__(
        self,
        book: AnswerBook,
        *,
        embedder: Embedder | None = None,
        vectors: VectorStore | None = None,
        restorer: Restorer | None = None,
    ) -> None:
        self._book, self._embedder, self._vectors, self._restorer = book, embedder, vectors, restorer
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None

    def ask(self, text: str, on: date | None = None) -> Outcome:
        """Return what the book says to this question; with `on`, only answers that hold on that day are considered."""
        return self.shelf.ask(text, on)

    def warm_up(self) -> None:
        """Load the model and make the shelf, which takes some seconds; questions are answered by words meanwhile."""
        self.embed()
        if self._embedder and not self._embedder.ready:
            self._embedder.queries(["thư viện"])
        _ = self.shelf

    def embed(self) -> None:
        """Compute the vectors that are missing; takes a second per hundred wordings, once."""
        if self._embedder and self._vectors and not self._embedder.cheap:
            for kind, texts in texts_of(self._book.published()).items():
                self._vectors.fill(texts, self._embedder, kind)

    @property
    def shelf(self) -> Shelf:
        shelf, mark = self._shelf, self._book.mark
        if shelf is None or self._is_old(shelf, mark):
            with self._lock:
                if self._shelf is None or self._is_old(self._shelf, mark):
                    self._shelf = self._new_shelf(mark)
                shelf = self._shelf
        return shelf

    def _is_old(self, shelf: Shelf, mark: int) -> bool:
        return shelf.mark != mark or (not shelf.has_meaning and bool(shelf.answers) and self._embeds(shelf.answers))

    def _new_shelf(self, mark: int) -> Shelf:
        answers = self._book.published()
        if self._embedder and self._embeds(answers):
            return Shelf.embedded(mark, answers, self._embedder, self._vectors, self._restorer)
        return Shelf(mark, answers, self._restorer)

    def _embeds(self, answers: Sequence[Answer]) -> bool:
        """Return whether the vectors of these answers are there, or come so soon that a patron may wait for them."""
        if self._embedder is None or not self._embedder.ready:
            return False
        if self._embedder.cheap or self._vectors is None:
            return self._embedder.cheap
        name, stored = self._embedder.name, self._vectors.stored
        missing = sum(len(set(texts)) - len(stored(texts, name, kind)) for kind, texts in texts_of(answers).items())
        return missing <= _MOST_EMBEDDED_INLINE
