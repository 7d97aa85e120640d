"""Learns when a best match is right: `python -m retrieval.training.beliefs [--table QUESTIONS PARAPHRASES]…`.

Each book is split by several seeds: some answers left out whole, of the others' phrasings two fifths asked as typed,
without marks and with slips. What the shelf tells of each match, with whether it was right, gives the weights in
`retrieval/beliefs.json`. The demo book is always among the books; tables (qid, category, question; qid, paraphrase)
add others, of which nothing but these few weights is kept. Same books, same weights; some minutes with e5.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from library.text import fold
from retrieval import beliefs
from retrieval.answer_files import import_answers
from retrieval.answers import Answer, AnswerBook
from retrieval.embedder import Embedder, Vectors, open_embedder
from retrieval.evaluate_answers import noisy, read_book
from retrieval.shelf import Shelf

DEMO = Path(__file__).resolve().parents[2] / "demo" / "answers"
_SEEDS = range(11, 15)
_STRANGE, _ASKED = 0.12, 0.4  # shares: of answers left out whole, of phrasings asked
Told = tuple[NDArray[np.float64], bool, bool]  # features, whether the best is right, whether the book holds the answer


def demo_book() -> list[Answer]:
    with TemporaryDirectory() as folder:
        book = AnswerBook(Path(folder) / "answers.sqlite")
        import_answers(DEMO, book, datetime(2026, 1, 1))
        return list(book.published())


def split(book: Sequence[Answer], seed: int) -> tuple[list[Answer], list[tuple[str, str]]]:
    """Return the book as it is known, and what is asked of it with the key of the right answer."""
    chance = random.Random(seed)  # noqa: S311 - the same split every time
    strange = {answer.key for answer in chance.sample(list(book), round(_STRANGE * len(book)))}
    known, asked = [], []
    for answer in book:
        phrasings = chance.sample(answer.phrasings, len(answer.phrasings))
        cut = 0 if answer.key in strange else round((1 - _ASKED) * len(phrasings))
        asked += [(answer.key, text) for text in phrasings[cut:]]
        if answer.key not in strange:
            known.append(replace(answer, phrasings=tuple(phrasings[:cut])))
    return known, asked


class Remembering:
    """An embedder that makes each vector once."""

    cheap = True

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._made = embedder, dict[tuple[str, str], NDArray[np.float32]]()
        self.name, self.dimension, self.ready = embedder.name, embedder.dimension, True
        self.bare, self.near, self.told = embedder.bare, embedder.near, embedder.told

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self._all("query", texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        return self._all("passage", texts)

    def _all(self, kind: str, texts: Sequence[str]) -> Vectors:
        missing = sorted({text for text in texts if (kind, text) not in self._made}, key=len)
        encode = self._embedder.queries if kind == "query" else self._embedder.passages
        if missing:
            self._made |= {(kind, text): row for text, row in zip(missing, encode(missing), strict=True)}
        return np.stack([self._made[kind, text] for text in texts])


def told(books: Sequence[Sequence[Answer]], embedder: Embedder | None, name: str) -> Iterator[Told]:
    """Yield what the shelf tells of every question of every split of the books."""
    for book in books:
        for seed in track(_SEEDS, f"{name}, {len(book)} answers"):
            known, asked = split(book, seed)
            shelf = Shelf.embedded(0, known, embedder, None) if embedder else Shelf(0, known)
            keys, slips = {answer.key for answer in known}, random.Random(seed)  # noqa: S311
            forms = [text for _, text in asked], [fold(text) for _, text in asked], [noisy(t, slips) for _, t in asked]
            for texts in forms:
                matches = shelf.matches([shelf.understood(text) for text in texts])
                for (key, _), match in zip(asked, matches, strict=True):
                    yield match.features, known[match.best[0]].key == key, key in keys


def fitted(features: NDArray[np.float64], true: NDArray[np.bool_]) -> list[float]:
    from sklearn.linear_model import LogisticRegression

    # Both mistakes weigh the same, however many questions of each kind were asked.
    curve = LogisticRegression(C=1.0, class_weight="balanced", fit_intercept=False, max_iter=5000)
    spread = features.std(axis=0)
    spread[spread == 0] = 1
    weights = curve.fit(features / spread, true).coef_[0] / spread
    return [round(float(weight), 4) for weight in weights]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--table", nargs=2, action="append", default=[], type=Path, metavar=("QUESTIONS", "PARAPHRASES")
    )
    books = [demo_book(), *(read_book(*table) for table in parser.parse_args().table)]
    rows: dict[str, list[Told]] = defaultdict(list)
    rows["by_words"] += told(books, None, "words")
    for by, name in (("by_static", "fast"), ("by_sentence", "thorough")):
        if embedder := open_embedder(name, threads=2):
            rows[by] += told(books, Remembering(embedder), name)
    learnt: dict[str, list[float]] = {}
    for by, of in rows.items():
        features = np.stack([each[0] for each in of])
        learnt[f"right_{by}"] = fitted(features, np.array([each[1] for each in of]))
        learnt[f"known_{by}"] = fitted(features, np.array([each[2] for each in of]))
    beliefs.FILE.write_text(json.dumps(learnt, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
