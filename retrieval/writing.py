"""Writes what an index holds of its records: words, columns, names, vectors; each from one look at every record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from library import titles
from retrieval import cards, dense, lexical
from retrieval.asking import ASKING_PHRASES
from retrieval.diacritics import Restorer
from retrieval.embedder import Embedder
from retrieval.facets import Codes, FacetWriter
from retrieval.passages import about, names, passage, title_entries, words
from retrieval.passages import titles as titles_of
from retrieval.record import Record
from retrieval.vectors import VectorStore

TITLES, LEXICAL, SPELLING, VECTORS = "titles.bin", "lexical", "diacritics", "dense.faiss"
_BATCH = 4096
_FILLED_AT_ONCE = 20_000  # passages; a batch costs as much as its longest, so the more are sorted the better
Records = Iterable[Record]
Reached = Callable[[int], None]  # told how many records are done


def entries(records: Records) -> Iterator[lexical.Entry]:
    """Yield what the lexical index takes of each record."""
    for record in records:
        by_field = {"title": words(titles_of(record)), "names": words(names(record)), "about": words(about(record))}
        numbers = (*(each.value for each in record.identifiers), *(item.barcode for item in record.items))
        yield lexical.Entry(by_field, record, tuple(filter(None, numbers)))


def write_names(
    folder: Path, records: Records, titles_file: Path, codes: Codes | None = None, hides: Iterable[str] = ()
) -> dict[str, list[str]]:
    """Write the columns, cards and titles of a part and return its codes; `codes` are those of the parts before it."""
    columns = FacetWriter(codes)

    def named() -> Iterator[titles.TitleEntry]:
        for record in cards.written(folder, records):
            columns.add(record)
            yield from title_entries(record)

    titles.build(titles_file, named(), hides=hides)
    return columns.write(folder)


def write_spelling(folder: Path, records: Records, texts: Iterable[str]) -> None:
    """Write the model of how the library's words are spelled."""

    def spelled() -> Iterator[str]:
        for record in records:
            yield from (record.title, record.subtitle, record.original_title, *record.subjects, record.summary)
            yield from (who.name for who in record.contributors)
        yield from texts
        yield from ASKING_PHRASES

    Restorer.learn(spelled()).save(folder / SPELLING)


def write_vectors(
    folder: Path,
    records: Callable[[], Records],
    count: int,
    embedder: Embedder,
    store: VectorStore | None,
    *,
    embed: bool = True,
    reached: Reached = lambda done: None,
) -> int:
    """Write the vectors there are, unless there are none, and return how many records have none.

    With `embed` false, or without a store, only an embedder that is cheap makes new ones.
    """
    if not count:
        return 0
    if embedder.cheap or store is None:
        if not embedder.cheap and not embed:
            return count
        batches = (embedder.passages(batch) for batch in _batches(records(), _BATCH, reached))
        dense.build(folder / VECTORS, batches, count, embedder.dimension)
        return 0
    if embed:
        for batch in _batches(records(), _FILLED_AT_ONCE, reached):
            store.fill(batch, embedder)
    missing = sum(len(batch) - len(_found(store, batch, embedder)) for batch in _batches(records(), _BATCH))
    if missing < count:
        known = (store.known(batch, embedder) for batch in _batches(records(), _BATCH))
        dense.build(folder / VECTORS, known, count, embedder.dimension)
    return missing


def _found(store: VectorStore, batch: list[str], embedder: Embedder) -> list[str]:
    stored = store.stored(batch, embedder.name)
    return [text for text in batch if text in stored]


def _batches(records: Records, size: int, reached: Reached = lambda done: None) -> Iterator[list[str]]:
    stream, done = map(passage, records), 0
    while batch := list(islice(stream, size)):
        yield batch
        done += len(batch)
        reached(done)
