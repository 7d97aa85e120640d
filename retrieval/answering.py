"""Questions → the curated answer that fits, a choice of two or three, or an honest "not known"."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import date

from retrieval.answers import Answer, AnswerBook
from retrieval.blocks import Materials
from retrieval.diacritics import Restorer
from retrieval.embedder import Embedder
from retrieval.shelf import Outcome, Shelf
from retrieval.shelf import Sure as Sure
from retrieval.shelf import Unknown as Unknown
from retrieval.shelf import Which as Which
from retrieval.vectors import VectorStore

logger = logging.getLogger(__name__)

_KEPT = 2  # shelves, the one in use among them: to go back, or to put the one just tried out in use, builds nothing
_FEW = 64  # answers of a book that is built while a question waits: it takes no longer than the question's own answer
_MOST_EMBEDDED_INLINE = 64  # missing vectors computed for a shelf; more of them wait for `warm_up`


class AnswerSearcher:
    """Asks the published answers. Safe to share between threads.

    A new shelf is built beside the one in use and put in its place at once; nobody who asks waits for that, but for
    the first of all. `refresh` returns when the book is served as it is; a book that another process changed is taken
    up by itself. Without an embedder, or while its model is being loaded, it goes by words alone.
    """

    def __init__(
        self,
        book: AnswerBook,
        *,
        embedder: Embedder | None = None,
        vectors: VectorStore | None = None,
        restorer: Restorer | None = None,
    ) -> None:
        self.embedder = embedder
        self._book, self._embedder, self._restorer = book, embedder, restorer
        self._materials = Materials(embedder, vectors)
        self._building = threading.Lock()
        self._called = threading.Lock()  # held while a thread builds beside
        self._shelf: Shelf | None = None
        self._built: list[Shelf] = []

    def ask(self, text: str, on: date | None = None) -> Outcome:
        """Return what the book says to this question; with `on`, only answers that hold on that day are considered."""
        return self.shelf.ask(text, on)

    @property
    def warm(self) -> bool:
        """Return whether questions are answered by meaning too, where there is a model for it."""
        loaded = self._embedder is None or self._embedder.ready
        return loaded and self._shelf is not None and not self._is_old(self._shelf, self._shelf.mark)

    def warm_up(self) -> None:
        """Load the model and make the shelf, which takes some seconds; questions are answered by words meanwhile."""
        self.embed()
        if self._embedder and not self._embedder.ready:
            self._embedder.queries(["thư viện"])
        self.refresh()

    def embed(self) -> None:
        """Compute the vectors that are missing; takes a second per hundred wordings, once."""
        self._materials.fill(self._book.published())

    @property
    def shelf(self) -> Shelf:
        """Return the shelf in use."""
        shelf, mark = self._shelf, self._book.mark
        if shelf is None:
            return self.refresh()
        if not self._is_old(shelf, mark):
            return shelf
        if len(shelf.answers) <= _FEW:
            return self.refresh()
        if self._called.acquire(blocking=False):
            threading.Thread(target=self._refresh_beside, name="answers", daemon=True).start()
        return shelf

    @property
    def answers(self) -> Sequence[Answer]:
        """Return the answers in use, without building anything."""
        shelf = self._shelf
        return shelf.answers if shelf and shelf.mark == self._book.mark else self._book.published()

    def refresh(self) -> Shelf:
        """Return the shelf of the book as it is, which is in use from now on."""
        with self._building:
            mark = self._book.mark
            if self._shelf is None or self._is_old(self._shelf, mark):
                self._shelf = self._shelf_of(mark, self._book.published())
            return self._shelf

    def shelf_with(self, answers: Sequence[Answer]) -> Shelf:
        """Return the shelf as it would be with just these answers in use; it is kept, in case they soon are."""
        with self._building:
            return self._shelf_of(self._shelf.mark if self._shelf else 0, answers)

    def _refresh_beside(self) -> None:
        try:
            self.refresh()
        except Exception:
            logger.exception("the answers could not be taken up; the ones before are in use")
        finally:
            self._called.release()

    def _is_old(self, shelf: Shelf, mark: int) -> bool:
        return shelf.mark != mark or (not shelf.has_meaning and bool(shelf.answers) and self._embeds(shelf.answers))

    def _shelf_of(self, mark: int, answers: Sequence[Answer]) -> Shelf:
        embeds = self._embeds(answers)
        built = next((each for each in self._built if _serves(each, answers, embeds)), None)
        shelf = built.marked(mark) if built else self._new_shelf(mark, answers, embeds)
        self._built = [shelf, *(each for each in self._built if each is not built)][:_KEPT]
        return shelf

    def _new_shelf(self, mark: int, answers: Sequence[Answer], embeds: bool) -> Shelf:
        return Shelf(mark, answers, self._restorer, materials=self._materials, with_meaning=embeds)

    def _embeds(self, answers: Sequence[Answer]) -> bool:
        """Return whether the vectors of these answers are there, or come so soon that a patron may wait for them."""
        if self._embedder is None or not self._embedder.ready:
            return False
        return self._materials.missing(answers) <= _MOST_EMBEDDED_INLINE


def _serves(shelf: Shelf, answers: Sequence[Answer], embeds: bool) -> bool:
    return shelf.answers == tuple(answers) and (shelf.has_meaning == embeds or not answers)
