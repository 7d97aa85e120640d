"""Measures encoders by themselves: which record or question is nearest, typed in full, without marks, and in haste."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from library.text import fold
from retrieval.embedder import Embedder, open_embedder
from retrieval.passages import passage
from retrieval.record import Record
from retrieval.sources.files import read_file
from retrieval.static_features import words
from retrieval.training.noise import noisy, unaccented

_LEAST_TITLE = 4  # words: a shorter title is not worth shortening


@dataclass(frozen=True)
class Trial:
    """Texts, questions, and which texts answer each."""

    name: str
    texts: list[str]
    asked: list[str]
    right: list[set[int]]


def known_items(records: Sequence[Record], count: int, seed: int) -> Trial:
    """Return titles to be found again by some of their words, a third of the time in another order."""
    draw = random.Random(seed)  # noqa: S311 - drawn the same each time, and no secret
    titles: dict[str, set[int]] = {}
    for row, record in enumerate(records):
        titles.setdefault(fold(record.title), set()).add(row)
    asked: list[str] = []
    right: list[set[int]] = []
    while len(asked) < count:
        record = draw.choice(records)
        said = record.title.split()
        if len(words(record.title)) < _LEAST_TITLE:
            continue
        kept = max(3, round(len(said) * draw.uniform(0.55, 0.9)))
        start = draw.randrange(len(said) - kept + 1) if kept < len(said) else 0
        part = said[start : start + kept]
        if draw.random() < 1 / 3:
            turn = draw.randrange(1, len(part))
            part = part[turn:] + part[:turn]
        asked.append(" ".join(part))
        right.append(titles[fold(record.title)])
    return Trial("known items", [passage(record) for record in records], asked, right)


def topics(records: Sequence[Record]) -> Trial:
    """Return the subjects of a catalogue to be found in records that are stripped of their subjects."""
    by_subject: dict[str, set[int]] = {}
    for row, record in enumerate(records):
        for subject in record.subjects:
            by_subject.setdefault(subject.lower(), set()).add(row)
    usual = {subject: rows for subject, rows in by_subject.items() if 2 <= len(rows) <= 40}
    texts = [". ".join(filter(None, (each.full_title, each.subtitle, each.summary))) for each in records]
    return Trial("topics", texts, list(usual), list(usual.values()))


def paraphrases(folder: Path) -> Trial:
    """Return questions and paraphrases of them: questions.tsv and paraphrases.tsv of the folder."""
    with (folder / "questions.tsv").open(encoding="utf-8") as file:
        questions = {row["qid"]: row["question"] for row in csv.DictReader(file, delimiter="\t")}
    rows = {qid: row for row, qid in enumerate(questions)}
    with (folder / "paraphrases.tsv").open(encoding="utf-8") as file:
        pairs = [(row["paraphrase"], rows[row["qid"]]) for row in csv.DictReader(file, delimiter="\t")]
    return Trial("paraphrases", list(questions.values()), [text for text, _ in pairs], [{row} for _, row in pairs])


def forms(asked: Sequence[str], seed: int) -> dict[str, list[str]]:
    draw = random.Random(seed)  # noqa: S311 - drawn the same each time, and no secret
    return {
        "accented": list(asked),
        "unaccented": [unaccented(text) for text in asked],
        "noisy": [noisy(text, draw) for text in asked],
    }


def measured(trial: Trial, embedder: Embedder, seed: int) -> dict[str, dict[str, float]]:
    """Return hit@1, recall@10 (any right one among ten) and MRR@10 for each way of typing."""
    texts = embedder.passages(trial.texts)
    found = {}
    for form, asked in forms(trial.asked, seed).items():
        queries = embedder.queries(asked)
        at = np.array([_rank(texts @ query, right) for query, right in zip(queries, trial.right, strict=True)])
        found[form] = {
            "hit@1": round(float((at == 0).mean()), 3),
            "recall@10": round(float((at < 10).mean()), 3),
            "mrr@10": round(float(np.where(at < 10, 1 / (at + 1), 0).mean()), 3),
        }
    return found


def _rank(scores: NDArray[np.float32], right: set[int]) -> int:
    """Return the place, from 0, of the best right text; 10 for every one after that."""
    best = np.argpartition(-scores, 10)[:10]
    best = best[np.argsort(-scores[best], kind="stable")]
    return next((place for place, row in enumerate(best) if int(row) in right), 10)


def main(
    encoder: str,
    marc: Annotated[list[Path] | None, typer.Option(help="MARC file of known items; may be given again")] = None,
    demo: Annotated[Path, typer.Option(help="MARC file with subjects")] = Path("demo/catalogue.mrc"),
    faq: Annotated[Path | None, typer.Option(help="folder with questions.tsv and paraphrases.tsv")] = None,
    count: int = 1000,
    seed: int = 7,
) -> None:
    """Print one JSON line for each trial, and one of speed."""
    embedder = open_embedder(encoder, threads=2)
    assert embedder
    trials = [topics(_records([demo]))]
    trials += [known_items(_records(marc), count, seed)] if marc else []
    trials += [paraphrases(faq)] if faq else []
    for trial in trials:
        told = {"trial": trial.name, "texts": len(trial.texts), "asked": len(trial.asked)}
        print(json.dumps(told | measured(trial, embedder, seed)), flush=True)
    titles = [text[:60] for text in trials[0].texts] * 20
    start = time.perf_counter()
    embedder.passages(titles)
    print(json.dumps({"short texts/s": round(len(titles) / (time.perf_counter() - start))}))


def _records(paths: Sequence[Path]) -> list[Record]:
    return [read.record for path in paths for read in read_file(path) if read.record]


if __name__ == "__main__":
    typer.run(main)
