"""The one way in: what a patron typed → records with why each matched; questions → `retrieval.answering`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from library.text import fold
from library.titles import exactness
from retrieval.answering import AnswerSearcher as AnswerSearcher
from retrieval.answering import Sure as Sure
from retrieval.answering import Unknown as Unknown
from retrieval.answering import Which as Which
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder, EmbedderUnavailable, SentenceEmbedder
from retrieval.facets import Filters as Filters
from retrieval.index import Index, open_index
from retrieval.passages import words
from retrieval.ranker import Ranking, fused, ordered
from retrieval.reasons import Why as Why
from retrieval.reasons import reasons
from retrieval.record import Record
from retrieval.search import POOL, Search
from retrieval.search import Query as Query

logger = logging.getLogger(__name__)

_EVERYTHING = Filters()
_RANK = {"exact": 0, "unaccented": 1, "folded": 2}


@dataclass(frozen=True)
class Hit:
    record_id: str
    score: float  # higher is better; comparable within one search only
    why: tuple[Why, ...]


class Searcher:
    """Finds records. Safe to share between threads; takes up a newly built index by itself."""

    def __init__(self, index: Path, catalogue: Catalogue, embedder: Embedder | None = None) -> None:
        self.embedder = embedder
        self._path, self._catalogue = index, catalogue
        self._lock = threading.Lock()
        self._target = ""
        self._index: Index | None = None

    @classmethod
    def open(cls, index: Path, encoder: str = "", catalogue: Catalogue | None = None) -> Searcher:
        """Return the searcher of this index, with the catalogue beside it unless given.

        Without `encoder`, or where that model is not on this disk, it finds by words alone.
        """
        catalogue = catalogue or Catalogue(index.with_name("catalogue.sqlite"))
        try:
            embedder = SentenceEmbedder(Path(encoder)) if encoder else None
        except EmbedderUnavailable as exc:
            logger.warning("searching by words alone: %s", exc)
            embedder = None
        return cls(index, catalogue, embedder)

    @property
    def index(self) -> Index:
        """Return the index in use now. Raises IndexUnreadable when there is none."""
        target = os.readlink(self._path) if self._path.is_symlink() else str(self._path)
        if self._index is None or target != self._target:
            with self._lock:
                if self._index is None or target != self._target:
                    self._index, self._target = open_index(self._path), target
        return self._index

    @property
    def warm(self) -> bool:
        """Return whether searches find by meaning too, and not by words alone."""
        return self._meaning_of(self.index) is not None

    def warm_up(self) -> None:
        """Load the sentence model, which takes some seconds; searches answer meanwhile."""
        if self.embedder is not None and not self.embedder.ready:
            self.embedder.queries(["thư viện"])

    def search(self, query: Query | str, n: int = 10, filters: Filters = _EVERYTHING, *, offset: int = 0) -> list[Hit]:
        """Return up to n hits after the first `offset`, best first: exact title, then folded title, then the rest."""
        index, asked = self.index, query if isinstance(query, Query) else Query(query)
        search = Search(index, self._meaning_of(index), asked, filters)
        ranked = [(index.record_id(row), score) for row, score in search.ranked()]
        records = self._catalogue.many([record_id for record_id, _ in ranked])
        hits = [
            Hit(record_id, score, self._why(search, records[record_id]))
            for record_id, score in ranked
            if record_id in records  # else it was deleted after the index was built
        ]
        shown = [hit for hit in hits if hit.why[0].kind != "meaning" or self._near(search, hit.record_id)]
        return shown[offset : offset + n]

    @staticmethod
    def _why(search: Search, record: Record) -> tuple[Why, ...]:
        number = search.named_by_number(record)
        return (Why("number", number),) if number else reasons(record, search.sought, search.author)

    @staticmethod
    def _near(search: Search, record_id: str) -> bool:
        """Return whether a record that shares few words is close enough in meaning to be shown."""
        row = search.index.row(record_id)
        return row in search.near

    def titled(self, title: str) -> list[Record]:
        """Return the records of exactly this title, compared without diacritics, the best agreeing first."""
        entries = [entry for entry in self.index.titles.entries(title) if entry.kind == "title"]
        entries.sort(key=lambda entry: _RANK[exactness(title, entry.value)])
        ids = list(dict.fromkeys(record_id for entry in entries for record_id in entry.record_ids))
        records = self._catalogue.many(ids)
        return [records[record_id] for record_id in ids if record_id in records]

    def more_like(self, record_id: str, n: int = 5) -> list[Hit]:
        """Return records like this one, not counting its own title again; empty for an unknown record."""
        index, record = self.index, self._catalogue.get(record_id)
        row = index.row(record_id)
        if record is None or row is None:
            return []
        scores = fused(_likenesses(index, record, row))
        records = self._catalogue.many([index.record_id(each) for each in scores])
        ranked = ((records.get(index.record_id(each)), score) for each, score in ordered(scores, {}))
        others = [(other, score) for other, score in ranked if other and fold(other.title) != fold(record.title)]
        return [Hit(other.record_id, score, tuple(_shared(record, other))) for other, score in others[:n]]

    def newest(self, n: int = 10, filters: Filters = _EVERYTHING) -> list[Hit]:
        """Return the records that came last, newest first."""
        found = (record for record in self._catalogue.newest(n if not filters else len(self._catalogue)))
        return [Hit(record.record_id, 0.0, ()) for record in found if filters.admit(record)][:n]

    def _meaning_of(self, index: Index) -> Embedder | None:
        embedder = self.embedder
        if embedder is None or not embedder.ready or index.meaning is None:
            return None
        return embedder if index.manifest.model == embedder.name else None


def _likenesses(index: Index, record: Record, row: int) -> list[Ranking[int]]:
    told = words(" ".join((*record.subjects, record.author, record.title)))
    rankings = [Ranking([each for each, _ in index.words.search(told, POOL, forms=("folded", "pairs"))])]
    if index.meaning is not None:
        near = index.meaning.search(index.meaning.vector(row), POOL)
        rankings.append(Ranking([each for each, _ in near], 2.0))
    return rankings


def _shared(record: Record, other: Record) -> Iterable[Why]:
    if record.author and record.author == other.author:
        yield Why("author", other.author)
    common = {fold(subject) for subject in record.subjects}
    yield from (Why("subject", subject) for subject in other.subjects if fold(subject) in common)
