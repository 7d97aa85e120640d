"""Finds by words: BM25 on the words as written, folded, and on folded pairs. The engine is tantivy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import tantivy

from retrieval.facets import Filters
from retrieval.passages import Words
from retrieval.record import Record

FIELDS = ("title", "names", "about")
_FORMS = ("exact", "folded", "pairs")
# Words in the title count most; a pair of syllables tells more than two single ones, and a right accent more than none.
_BOOSTS = {
    ("title", "exact"): 1.5, ("title", "folded"): 1.0, ("title", "pairs"): 1.6,
    ("names", "exact"): 1.0, ("names", "folded"): 0.7, ("names", "pairs"): 1.4,
    ("about", "exact"): 0.7, ("about", "folded"): 0.4, ("about", "pairs"): 0.9,
}  # fmt: skip
_LITTLE_MB = 32
Row = int  # place of a passage in the index


@dataclass(frozen=True)
class Entry:
    """One passage to index: its words by field, the record it may be narrowed by, and numbers found only whole."""

    words: dict[str, Words]
    record: Record | None = None
    numbers: tuple[str, ...] = ()


def build(folder: Path | None, entries: Iterable[Entry], *, memory_mb: int = 64) -> LexicalIndex:
    """Return an index of the entries, in this folder or in memory; their rows are 0, 1, 2 … in the order given."""
    if folder:
        folder.mkdir(parents=True)
    index = tantivy.Index(_schema(), path=str(folder) if folder else None, reuse=False)
    return _written(index, (), entries, 0, memory_mb)


def change(folder: Path, removed: Iterable[Row], entries: Iterable[Entry], start: Row) -> LexicalIndex:
    """Return the index of this folder without some rows and with entries from row `start` on.

    The engine writes each of its files once under a new name, so a folder that shares them stays as it was.
    """
    return _written(tantivy.Index.open(str(folder)), removed, entries, start, _LITTLE_MB)


def _written(
    index: tantivy.Index, removed: Iterable[Row], entries: Iterable[Entry], start: Row, memory_mb: int
) -> LexicalIndex:
    writer = index.writer(heap_size=memory_mb << 20, num_threads=1)  # one: rows stay in order, the result the same
    for row in removed:
        writer.delete_documents_by_query(tantivy.Query.term_query(index.schema, "row", row))
    for row, entry in enumerate(entries, start):
        writer.add_document(_document(row, entry))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return LexicalIndex(index, _schema())


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in FIELDS:
        for form in _FORMS:
            builder.add_text_field(f"{name}_{form}", tokenizer_name="whitespace", index_option="freq")
    for name in ("audience", "language", "material", "library", "branch", "number"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("year", indexed=True, fast=True)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    return builder.build()


def _document(row: Row, entry: Entry) -> tantivy.Document:
    document = tantivy.Document()
    for name, words in entry.words.items():
        for form in _FORMS:
            document.add_text(f"{name}_{form}", " ".join(getattr(words, form)))
    if entry.record:
        for name in ("audience", "language", "material", "library"):
            document.add_text(name, getattr(entry.record, name))
        for branch in sorted(entry.record.branches):
            document.add_text("branch", branch)
        if entry.record.year:
            document.add_unsigned("year", entry.record.year)
    for number in entry.numbers:
        document.add_text("number", number)
    document.add_unsigned("row", row)
    return document


class LexicalIndex:
    """A finished index, opened by memory map."""

    def __init__(self, index: tantivy.Index, schema: tantivy.Schema) -> None:
        self._schema = schema
        self._searcher = index.searcher()

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        return cls(tantivy.Index.open(str(folder)), _schema())

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self,
        words: Words,
        n: int,
        *,
        fields: Sequence[str] = FIELDS,
        forms: Sequence[str] = _FORMS,
        filters: Filters = Filters(),
        all_words: bool = False,
    ) -> list[tuple[Row, float]]:
        """Return up to n rows with their scores, best first.

        `all_words`: every word must stand somewhere in the fields, in the first of `forms`.
        """
        wanted = [
            (tantivy.Occur.Should, self._term(name, form, term))
            for name in fields
            for form in forms
            for term in dict.fromkeys(getattr(words, form))
        ]
        if not wanted:
            return []
        needed = self._narrowed(filters)
        if all_words:
            needed += [
                (tantivy.Occur.Must, self._anywhere(fields, forms[0], term)) for term in getattr(words, forms[0])
            ]
        # A plain union alone is searched without looking at every record that holds one of the words.
        union = tantivy.Query.boolean_query(wanted)
        return self._run([(tantivy.Occur.Must, union), *needed] if needed else wanted, n)

    def by_number(self, number: str, n: int = 20) -> list[Row]:
        """Return the rows that bear this ISBN or barcode."""
        query = tantivy.Query.term_query(self._schema, "number", number)
        return [row for row, _ in self._run([(tantivy.Occur.Must, query)], n)]

    def rarity(self, word: str) -> float:
        """Return how rare a folded word is in titles: 0 for one in all of them, about 14 for one in a million."""
        holders = self._searcher.doc_freq("title_folded", word)
        return log((1 + len(self)) / (0.5 + holders))

    def _term(self, name: str, form: str, term: str) -> tantivy.Query:
        query = tantivy.Query.term_query(self._schema, f"{name}_{form}", term)
        return tantivy.Query.boost_query(query, _BOOSTS[name, form])

    def _anywhere(self, fields: Sequence[str], form: str, term: str) -> tantivy.Query:
        each = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, f"{name}_{form}", term)) for name in fields
        ]
        return tantivy.Query.const_score_query(tantivy.Query.boolean_query(each), 0.0)

    def _narrowed(self, filters: Filters) -> list[Any]:
        queries = [
            tantivy.Query.term_query(self._schema, name, value)
            for name in ("audience", "language", "material", "library", "branch")
            if (value := getattr(filters, name)) is not None
        ]
        if filters.year_from is not None or filters.year_to is not None:
            low, high = filters.year_from or 0, filters.year_to or 9999
            queries.append(tantivy.Query.range_query(self._schema, "year", tantivy.FieldType.Unsigned, low, high))
        return [(tantivy.Occur.Must, tantivy.Query.const_score_query(query, 0.0)) for query in queries]

    def _run(self, clauses: list[Any], n: int) -> list[tuple[Row, float]]:
        found = self._searcher.search(tantivy.Query.boolean_query(clauses), limit=n, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        ranked = [(int(row), float(score)) for row, (score, _) in zip(rows, found, strict=True)]
        return sorted(ranked, key=lambda hit: (-hit[1], hit[0]))
