"""What the command line does with records and answers, as plain functions; how progress looks is the caller's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retrieval import evaluate, evaluate_answers, intake, known_items
from retrieval import harvest as harvesting
from retrieval import index as index_folder
from retrieval.answer_files import AnswerIntake
from retrieval.answer_files import export_answers as write_answers
from retrieval.answer_files import import_answers as read_in
from retrieval.answering import AnswerSearcher
from retrieval.answers import AnswerBook
from retrieval.asides import with_our_path
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder, EmbedderUnavailable, open_embedder
from retrieval.facets import Filters
from retrieval.harvest import Plan
from retrieval.harvests import Harvests
from retrieval.index import Index, IndexUnreadable, Manifest, Progress
from retrieval.intake import ImportOptions, Intake
from retrieval.passages import wordings
from retrieval.reasons import Why
from retrieval.record import Record
from retrieval.search import Query
from retrieval.searcher import Searcher
from retrieval.sources.export import write_file
from retrieval.sources.oai_http import Server
from retrieval.vectors import VectorStore


@dataclass(frozen=True)
class Places:
    """Where the files of one library are: the catalogue, the answers, the vectors, the index, the sentence model."""

    catalogue: Path
    answers: Path
    vectors: Path
    index: Path
    encoder: str = ""  # for records, as in the settings; see `open_embedder`
    answers_encoder: str = ""  # for answers

    @classmethod
    def under(cls, var: Path, encoder: str = "", answers_encoder: str | None = None) -> Places:
        """Return the places of a library whose files are in one folder; one encoder serves all unless two are given."""
        catalogue, answers, vectors = (var / f"{name}.sqlite" for name in ("catalogue", "answers", "vectors"))
        for_answers = encoder if answers_encoder is None else answers_encoder
        return cls(catalogue, answers, vectors, var / "index", encoder, for_answers)

    @property
    def harvests(self) -> Path:
        """Return where it is kept how far each harvest has come."""
        return self.catalogue.with_name("harvests.sqlite")

    def embedder(self, *, threads: int = 1) -> Embedder | None:
        """Return the sentence model, or None when the library has set none. Raises EmbedderUnavailable."""
        return open_embedder(self.encoder, threads)

    def answers_embedder(self, *, threads: int = 1) -> Embedder | None:
        """Return the sentence model for answers, or None when none is set. Raises EmbedderUnavailable."""
        return open_embedder(self.answers_encoder, threads)

    def searcher(self, embedder: Embedder | None = None) -> Searcher:
        return Searcher(self.index, Catalogue(self.catalogue), embedder)

    def answer_searcher(self, embedder: Embedder | None = None) -> AnswerSearcher:
        """Return the searcher of the published answers."""
        return AnswerSearcher(AnswerBook(self.answers), embedder=embedder, vectors=VectorStore(self.vectors))


def import_catalogue(
    path: Path, places: Places, options: ImportOptions = ImportOptions(), progress: intake.Progress | None = None
) -> Intake:
    """Store the records of a file (MARC, MARCXML, CSV, Excel), make them findable by words, and return the account.

    Finding by meaning comes with `build_index`, which takes minutes for tens of thousands of records and can resume.
    """
    account = intake.take_in(path, Catalogue(places.catalogue), options, progress)
    return _found_at_once(account, places)


def harvest_catalogue(url: str, places: Places, plan: Plan, progress: harvesting.Progress | None = None) -> Intake:
    """Store what an OAI-PMH server has new, make it findable by words, and return the account."""
    with Server(url) as server:
        account = harvesting.harvest(server, plan, Catalogue(places.catalogue), Harvests(places.harvests), progress)
    return _found_at_once(account, places)


def _found_at_once(account: Intake, places: Places) -> Intake:
    if account.stored.added or account.stored.changed or account.deleted or not places.index.exists():
        update_index(places)
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
    embedder = _embedder(places, threads, needed=meaning)
    book, vectors = AnswerBook(places.answers), VectorStore(places.vectors)
    manifest = index_folder.build(
        places.index, Catalogue(places.catalogue), embedder=embedder, vectors=vectors, embed=meaning,
        texts=_texts(book), progress=progress, workers=threads,
    )  # fmt: skip
    if meaning:
        places.answer_searcher(places.answers_embedder(threads=threads)).embed()
    return manifest


def update_index(places: Places, *, threads: int = 2, progress: Progress | None = None) -> Manifest:
    """Make what changed in the catalogue findable by words, by meaning too where that costs little.

    Once much has changed, a process of low priority goes on to build the index anew, while this one serves.
    """
    manifest = index_folder.update(
        places.index, Catalogue(places.catalogue), embedder=_embedder(places, threads, needed=False),
        vectors=VectorStore(places.vectors), embed=False, texts=_texts(AnswerBook(places.answers)), progress=progress,
        workers=threads,
    )  # fmt: skip
    if index_folder.is_merge_due(manifest):
        _merge_aside(places)
    return manifest


def _merge_aside(places: Places) -> None:
    """Start `retrieval.merging` in a process that outlives this one; what it says goes to log/index.log."""
    log = places.index.parent / "log" / "index.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    told = {name: str(value or "") for name, value in asdict(places).items()}
    with log.open("a", encoding="utf-8") as file:
        subprocess.Popen(
            [sys.executable, "-m", "retrieval.merging", json.dumps(told)], stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, start_new_session=True, env=with_our_path(),
        )  # fmt: skip


def _embedder(places: Places, threads: int, *, needed: bool) -> Embedder | None:
    try:
        return places.embedder(threads=threads)
    except EmbedderUnavailable:
        if needed:
            raise
        return None  # records can be imported before the model is set up


def _texts(book: AnswerBook) -> list[str]:
    """Return what the answers teach of the spelling of patrons' words."""
    return [text for answer in book.published() for text in (*wordings(answer), answer.answer)]


def is_indexed(places: Places) -> bool:
    """Return whether the index in use is of the catalogue as it is now, by the meaning of the model set, if any."""
    try:
        manifest = index_folder.read_manifest(places.index)
    except IndexUnreadable:
        return False
    embedder = _embedder(places, 1, needed=False)
    its_own = embedder is None or not manifest.records or manifest.model == embedder.name
    by_meaning = not places.encoder or (its_own and not manifest.unembedded)
    return by_meaning and manifest.mark == Catalogue(places.catalogue).mark


def clear_leftovers(places: Places) -> None:
    """Remove what processes that were killed while they made an index left behind."""
    index_folder.clear(places.index)


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


def draw_queries(places: Places, path: Path, n: int, seed: int) -> int:
    """Write queries for n known records, each typed in three ways, and return how many lines those are."""
    return known_items.write_judged(path, known_items.draw(list(Catalogue(places.catalogue)), n, seed))


def import_answers(folder: Path, places: Places, at: datetime) -> AnswerIntake:
    """Bring a folder of answer files into the book; see `answer_files.import_answers`."""
    return read_in(folder, AnswerBook(places.answers), at)


def export_answers(places: Places, folder: Path) -> int:
    """Write the answers in use to a folder and return how many."""
    return write_answers(AnswerBook(places.answers), folder)


def eval_answers(places: Places, questions: Path, phrasings: Path, paraphrases: Path) -> dict[str, Any]:
    """Return how often asked paraphrases find their answer, given questions and known phrasings; see `evaluate`."""
    return evaluate_answers.answers(
        questions, phrasings, paraphrases, places.answers_embedder(threads=2), VectorStore(places.vectors)
    )


def eval_own_answers(places: Places) -> dict[str, Any]:
    """Return the same measures over the library's own book, each wording asked with itself hidden."""
    book = AnswerBook(places.answers).published()
    return evaluate_answers.own_answers(book, places.answers_embedder(threads=2), VectorStore(places.vectors))


def open_index(places: Places) -> Index:
    return index_folder.open_index(places.index)


def verify_index(places: Places) -> Iterable[str]:
    """Return the files of the index that are damaged."""
    return index_folder.verify(places.index)
