"""The one way in: what a patron typed → records with why each matched; questions → `retrieval.answering`."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from library.text import fold
from library.titles import exactness
from retrieval.answering import AnswerSearcher as AnswerSearcher
from retrieval.answering import Sure as Sure
from retrieval.answering import Unknown as Unknown
from retrieval.answering import Which as Which
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder, EmbedderUnavailable, open_embedder
from retrieval.facets import CODED
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
_PAGE = 12  # records read at a time
_RANK = {"exact": 0, "unaccented": 1, "folded": 2}


@dataclass(frozen=True)
class Hit:
    record_id: str
    score: float  # higher is better; comparable within one search only
    why: tuple[Why, ...]
    others: tuple[str, ...] = ()  # further editions and copies of the same work among the hits, best first


@dataclass(frozen=True)
class Spread:
    """How the hits of a search spread: how many of each language, readers, material, library; their years."""

    counts: Mapping[str, Mapping[str, int]]
    years: tuple[int, int] | None  # first and last; None where no hit has one


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
            embedder = open_embedder(encoder)
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
    def meaning(self) -> Embedder | None:
        """Return the embedder by which searches find now, or None while they find by words alone."""
        return self._meaning_of(self.index)

    @property
    def warm(self) -> bool:
        """Return whether searches find by meaning too, and not by words alone."""
        return self.meaning is not None

    def warm_up(self) -> None:
        """Load the sentence model, which takes some seconds; searches answer meanwhile."""
        if self.embedder is not None and not self.embedder.ready:
            self.embedder.queries(["thư viện"])

    def search(
        self,
        query: Query | str,
        n: int = 10,
        filters: Filters = _EVERYTHING,
        *,
        offset: int = 0,
        grouped: bool = False,
    ) -> list[Hit]:
        """Return up to n hits after the first `offset`, best first: exact title, then folded title, then the rest.

        `grouped`: one hit a work, with its further editions in `others`.
        """
        index = self.index
        search = self._asked(index, query, filters)
        ranked = search.ranked(offset + n)
        others = _editions(index, ranked) if grouped else {}
        kept = [(row, score) for row, score in ranked if not grouped or row in others]
        hits = (
            Hit(record.record_id, score, self._why(search, record), tuple(others.get(row, ())))
            for row, record, score in self._stored(index, kept, offset)
        )
        return list(islice(hits, n))

    def spread(self, query: Query | str, filters: Filters = _EVERYTHING) -> Spread:
        """Return how the best hits of a search spread, for narrowing it."""
        index = self.index
        rows = [row for row, _ in self._asked(index, query, filters).ranked(POOL)]
        counts = {name: Counter(index.facets.value(name, row) for row in rows) for name in CODED}
        years = [year for row in rows if (year := index.facets.year(row)) is not None]
        return Spread(counts, (min(years), max(years)) if years else None)

    def _asked(self, index: Index, query: Query | str, filters: Filters) -> Search:
        asked = query if isinstance(query, Query) else Query(query)
        return Search(index, self._meaning_of(index), asked, filters)

    def _stored(
        self, index: Index, ranked: Sequence[tuple[int, float]], offset: int
    ) -> Iterator[tuple[int, Record, float]]:
        """Yield the records after the first `offset`; one that was deleted after the index was built is no hit."""
        passed = 0
        for at in range(0, len(ranked), _PAGE):
            page = [(row, index.record_id(row), score) for row, score in ranked[at : at + _PAGE]]
            records = self._catalogue.many([record_id for _, record_id, _ in page])
            for row, record_id, score in page:
                passed += record_id in records
                if record_id in records and passed > offset:
                    yield row, records[record_id], score

    @staticmethod
    def _why(search: Search, record: Record) -> tuple[Why, ...]:
        number = search.named_by_number(record)
        return (Why("number", number),) if number else reasons(record, search.sought, search.meant, search.author)

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
        ranked = ((records.get(index.record_id(each)), score) for each, score in ordered(scores))
        others = [(other, score) for other, score in ranked if other and fold(other.title) != fold(record.title)]
        return [Hit(other.record_id, score, tuple(_shared(record, other))) for other, score in others[:n]]

    def newest(self, n: int = 10, filters: Filters = _EVERYTHING) -> list[Hit]:
        """Return the records that came last, newest first."""
        rows = self.index.facets.newest(n, filters)
        return [Hit(self.index.record_id(row), 0.0, ()) for row in rows]

    def _meaning_of(self, index: Index) -> Embedder | None:
        embedder = self.embedder
        if embedder is None or not embedder.ready or index.meaning is None:
            return None
        return embedder if index.manifest.model == embedder.name else None


def _editions(index: Index, ranked: Sequence[tuple[int, float]]) -> dict[int, list[str]]:
    """Return the first row of each work with the ids of its further ones."""
    first: dict[int, int] = {}
    editions: dict[int, list[str]] = {}
    for row, _ in ranked:
        leader = first.setdefault(int(index.facets.works[row]), row)
        editions.setdefault(leader, [])
        if leader != row:
            editions[leader].append(index.record_id(row))
    return editions


def _likenesses(index: Index, record: Record, row: int) -> list[Ranking[int]]:
    told = words(" ".join((*record.subjects, record.author, record.title)))
    rankings = [Ranking([each for each, _ in index.words.search(told, POOL, forms=("folded", "pairs"))])]
    if index.meaning is not None and (vector := index.meaning.vector(row)) is not None:
        near = index.meaning.search(vector, POOL)
        rankings.append(Ranking([each for each, _ in near], 2.0))
    return rankings


def _shared(record: Record, other: Record) -> Iterable[Why]:
    if record.author and record.author == other.author:
        yield Why("author", other.author)
    common = {fold(subject) for subject in record.subjects}
    yield from (Why("subject", subject) for subject in other.subjects if fold(subject) in common)
