"""What the command line does with records and answers, as plain functions; how progress looks is the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retrieval import evaluate, intake
from retrieval import index as index_folder
from retrieval.answer_files import AnswerIntake
from retrieval.answer_files import export_answers as write_answers
from retrieval.answer_files import import_answers as read_in
from retrieval.answering import AnswerSearcher
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder, EmbedderUnavailable, SentenceEmbedder
from retrieval.facets import Filters
from retrieval.index import Index, IndexUnreadable, Manifest, Progress
from retrieval.intake import Intake
from retrieval.passages import wordings
from retrieval.reasons import Why
from retrieval.record import Record
from retrieval.search import Query
from retrieval.searcher import Searcher
from retrieval.sources.export import write_file
from retrieval.vectors import VectorStore


@dataclass(frozen=True)
class Places:
    """Where the files of one library are: the catalogue, the answers, the vectors, the index, the sentence model."""

    catalogue: Path
    answers: Path
    vectors: Path
    index: Path
    encoder: Path | None = None

    @classmethod
    def under(cls, var: Path, encoder: Path | None = None) -> Places:
        return cls(var / "catalogue.sqlite", var / "answers.sqlite", var / "vectors.sqlite", var / "index", encoder)

    def embedder(self, *, threads: int = 1) -> Embedder | None:
        """Return the sentence model, or None when the library has set none. Raises EmbedderUnavailable."""
        return SentenceEmbedder(self.encoder, threads=threads) if self.encoder else None

    def searcher(self, embedder: Embedder | None = None) -> Searcher:
        return Searcher(self.index, Catalogue(self.catalogue), embedder)

    def answer_searcher(self, embedder: Embedder | None = None) -> AnswerSearcher:
        """Return the searcher of the published answers; it shares the embedder with `searcher`."""
        return AnswerSearcher(AnswerBook(self.answers), embedder=embedder, vectors=VectorStore(self.vectors))


def import_catalogue(
    path: Path, places: Places, *, whole: bool = False, progress: intake.Progress | None = None
) -> Intake:
    """Store the records of a MARC, MARCXML or CSV file, make them findable by words, and return the account.

    Finding by meaning comes with `build_index`, which takes minutes for tens of thousands of records and can resume.
    """
    account = intake.take_in(path, Catalogue(places.catalogue), whole=whole, progress=progress)
    if account.stored.added or account.stored.changed or account.deleted or not places.index.exists():
        build_index(places, meaning=False)
    return account


def write_problems(account: Intake, path: Path) -> None:
    """Write every problem of an import to a table: number, control number, taken, what, value."""
    lines = (
        "\t".join((str(p.number), p.control_number, "yes" if p.taken else "no", p.what, p.value.replace("\t", " ")))
        for p in account.problems
    )
    path.write_text("\n".join(("number\tcontrol_number\ttaken\twhat\tvalue", *lines)) + "\n", encoding="utf-8")


def export_catalogue(places: Places, path: Path) -> int:
    """Write every record to the file (.mrc, .xml or .jsonl, by its name) and return how many."""
    return write_file(path, Catalogue(places.catalogue))


def build_index(
    places: Places, *, meaning: bool = True, threads: int = 2, progress: Progress | None = None
) -> Manifest:
    """Build the index anew and put it in use. Interrupted, it takes up where it stopped.

    With `meaning`, records and answers are embedded as well, where a sentence model is set; without, only what was
    embedded before is found by meaning, and the model is not loaded.
    """
    try:
        embedder = places.embedder(threads=threads)
    except EmbedderUnavailable:
        if meaning:
            raise
        embedder = None  # records can be imported before the model is set up
    book, vectors = AnswerBook(places.answers), VectorStore(places.vectors)
    answers = book.published()
    texts = [text for answer in answers for text in (*wordings(answer), answer.answer)]
    manifest = index_folder.build(
        places.index, Catalogue(places.catalogue), embedder=embedder, vectors=vectors, embed=meaning, texts=texts,
        progress=progress,
    )  # fmt: skip
    if embedder and meaning:
        AnswerSearcher(book, embedder=embedder, vectors=vectors).warm_up()
    return manifest


def is_indexed(places: Places) -> bool:
    """Return whether the index in use is of the catalogue as it is now, by meaning too where a model is set."""
    try:
        manifest = index_folder.read_manifest(places.index)
    except IndexUnreadable:
        return False
    return manifest.mark == Catalogue(places.catalogue).mark and not (places.encoder and manifest.unembedded)


def search(
    places: Places, query: Query | str, n: int = 10, filters: Filters = Filters()
) -> list[tuple[Record, float, tuple[Why, ...]]]:
    """Return the records found with their scores and reasons, best first."""
    searcher, catalogue = places.searcher(places.embedder()), Catalogue(places.catalogue)
    searcher.warm_up()
    hits = searcher.search(query, n, filters)
    records = catalogue.many([hit.record_id for hit in hits])
    return [(records[hit.record_id], hit.score, hit.why) for hit in hits]


def eval_catalogue(places: Places, judged: Path) -> dict[str, Any]:
    """Return the measures of search over a file of judged queries (query, relevant ids, tags)."""
    searcher = places.searcher(places.embedder())
    searcher.warm_up()
    return evaluate.catalogue(searcher, evaluate.read_judged(judged))


def import_answers(folder: Path, places: Places, at: datetime) -> AnswerIntake:
    """Bring a folder of answer files into the book; see `answer_files.import_answers`."""
    return read_in(folder, AnswerBook(places.answers), at)


def export_answers(places: Places, folder: Path) -> int:
    """Write the answers in use to a folder and return how many."""
    return write_answers(AnswerBook(places.answers), folder)


def eval_answers(places: Places, questions: Path, phrasings: Path, paraphrases: Path) -> dict[str, Any]:
    """Return how often asked paraphrases find their answer, given questions and known phrasings; see `evaluate`."""
    return evaluate.answers(questions, phrasings, paraphrases, places.embedder(threads=2), VectorStore(places.vectors))


def eval_own_answers(places: Places) -> dict[str, Any]:
    """Return the same measures over the library's own book, each wording asked with itself hidden."""
    book = AnswerBook(places.answers).published()
    return evaluate.own_answers(book, places.embedder(threads=2), VectorStore(places.vectors))


def open_index(places: Places) -> Index:
    return index_folder.open_index(places.index)


def verify_index(places: Places) -> Iterable[str]:
    """Return the files of the index that are damaged."""
    return index_folder.verify(places.index)
