"""`python -m retrieval.training`: makes the static encoder from open text and a teacher. See README.md beside this."""

from __future__ import annotations

import logging
import random
from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from retrieval.embedder import THOROUGH_FOLDER, Vectors
from retrieval.static_encoder import MODEL, save
from retrieval.training import corpus, student
from retrieval.training.corpus import Sizes
from retrieval.training.learning import Learner, Lessons, Plan
from retrieval.training.teacher import Teacher

_SEED = 1
_FITTED = 50_000  # vectors that the narrow space is fitted to
_WIDTH = 256
_SHARED_AXES = 2  # of the teacher's space: they hardly tell texts apart


def main(
    text: Annotated[list[Path], typer.Option(help="paragraphs, one a line, .xz or not; may be given again")],
    english: Annotated[Path, typer.Option(help="list of English words, most frequent first")],
    work: Annotated[Path, typer.Option(help="where a stopped run goes on from")] = Path("var/training"),
    out: Annotated[Path, typer.Option(help="folder of the encoder")] = MODEL,
    teacher: Annotated[Path, typer.Option(help="sentence-transformers folder")] = THOROUGH_FOLDER,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    folded: int = 45_000,
    accented: int = 8_000,
    pairs: int = 60_000,
    phrases: Annotated[int, typer.Option(help="phrases that the teacher reads")] = 150_000,
    sentences: Annotated[int, typer.Option(help="sentences that the teacher reads")] = 9_000,
    epochs: int = Plan.epochs,
) -> None:
    """Write the encoder to `out`. The same text, teacher and numbers give the same encoder."""
    known = corpus.with_words(
        corpus.units(chain.from_iterable(map(corpus.paragraphs, text)), Sizes(folded, accented, pairs)),
        corpus.listed_words(english),
        folded,
    )
    beside = list(corpus.phrases(chain.from_iterable(map(corpus.paragraphs, text)), _SEED))
    random.Random(_SEED + 1).shuffle(beside)  # noqa: S311 - the same each time, and no secret
    reader = Teacher(teacher, work, device=device)
    taught = {
        "words": list(known.folded.values()),
        "words as written": known.accented,
        "pairs of words": list(known.pairs.values()),
        "phrases": list(dict.fromkeys(phrase for phrase, _ in beside[:phrases])),
        "sentences": [sentence for _, sentence in beside[:sentences]],
    }
    read = {what: reader.vectors(texts, what) for what, texts in taught.items()}
    narrowing = _narrowing(np.concatenate(list(read.values())))
    narrow = {what: narrowing(vectors) for what, vectors in read.items()}
    lexicon = student.lexicon(known)
    table = student.first_table(
        known, lexicon, *(narrow[what] for what in ("words", "words as written", "pairs of words"))
    )
    learner = Learner(lexicon, table, Plan(epochs=epochs), device)
    learner.learn(Lessons([*chain.from_iterable(taught.values())], np.concatenate(list(narrow.values())), beside), work)
    save(out, lexicon, learner.table)


def _narrowing(vectors: Vectors) -> student.Narrowing:
    rows = np.random.default_rng(_SEED).choice(len(vectors), min(_FITTED, len(vectors)), replace=False)
    return student.Narrowing.fit(vectors[rows], _WIDTH, _SHARED_AXES)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    typer.run(main)
