"""Measures finding: records over judged queries, answers over asked paraphrases; every figure from 0 to 1."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, Protocol

from library.text import fold, nfc, tokens
from retrieval.answering import Shelf, Sure, Unknown, Which
from retrieval.answers import Answer
from retrieval.embedder import Embedder
from retrieval.searcher import Hit
from retrieval.vectors import VectorStore

_DEPTH = 10


class EvaluationError(Exception):
    """A file of judgements is not as it must be. The message names file and line."""


@dataclass(frozen=True)
class Judged:
    query: str
    relevant: frozenset[str]
    tags: tuple[str, ...]


class _Searches(Protocol):
    def search(self, query: str, n: int) -> list[Hit]: ...


def read_judged(path: Path) -> list[Judged]:
    """Return the judged queries of a table: query, relevant record ids (commas), tags (commas)."""
    judged = []
    for number, row in enumerate(_rows(path), 1):
        if number == 1 and row[:1] == ["query"]:
            continue
        if len(row) < 2 or not row[1].strip():
            raise EvaluationError(f"{path}, line {number}: a line is query, relevant ids, tags, divided by tabs")
        tags = tuple(filter(None, row[2].split(","))) if len(row) > 2 else ()
        judged.append(Judged(row[0], frozenset(each.strip() for each in row[1].split(",")), tags))
    return judged


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [[nfc(cell.strip()) for cell in row] for row in rows if any(row)]
    except (OSError, UnicodeDecodeError) as exc:
        raise EvaluationError(f"{path}: cannot be read ({exc}); it must be a table in UTF-8 divided by tabs") from exc


def catalogue(searcher: _Searches, judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the measures over all queries and by tag."""
    by_tag: dict[str, list[dict[str, float]]] = defaultdict(list)
    every = []
    for each in judged:
        found = [hit.record_id for hit in searcher.search(each.query, _DEPTH)]
        figures = _figures(found, each.relevant)
        every.append(figures)
        for tag in each.tags:
            by_tag[tag].append(figures)
    return {"all": _mean(every), "by_tag": {tag: _mean(rows) for tag, rows in sorted(by_tag.items())}}


def _figures(found: Sequence[str], relevant: frozenset[str]) -> dict[str, float]:
    """Return one query's measures; recall@n is the share of what could be found in n places."""
    gains = [1.0 if each in relevant else 0.0 for each in found[:_DEPTH]]
    first = next((place for place, gain in enumerate(gains, 1) if gain), 0)
    ideal = sum(1 / log2(place + 1) for place in range(1, min(len(relevant), _DEPTH) + 1))
    figures = {f"recall@{n}": sum(gains[:n]) / min(n, len(relevant)) for n in (1, 5, 10)}
    ndcg = sum(gain / log2(place + 1) for place, gain in enumerate(gains, 1)) / ideal
    return {**figures, "mrr": 1 / first if first else 0.0, "ndcg@10": ndcg}


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    names = ("recall@1", "recall@5", "recall@10", "mrr", "ndcg@10")
    return {"n": len(rows), **{name: round(sum(row[name] for row in rows) / max(1, len(rows)), 4) for name in names}}


def answers(
    questions: Path,
    phrasings: Path,
    paraphrases: Path,
    embedder: Embedder | None = None,
    vectors: VectorStore | None = None,
) -> dict[str, Any]:
    """Return how asked paraphrases fare in a book of these questions with these known phrasings.

    Tables: qid, category, question; qid, phrasing; qid, paraphrase, each with a heading. A paraphrase whose qid is not
    among the questions must be refused. "top1" and "top3" count an answer only when it was given or offered; "noisy" is
    the same question with slips, shorthand and missing marks.
    """
    asked_in: dict[str, list[str]] = defaultdict(list)
    for qid, phrasing in _pairs(phrasings):
        asked_in[qid].append(phrasing)
    book = [
        Answer(row[0], row[1], row[2], answer=row[2], phrasings=tuple(asked_in[row[0]]))
        for row in _rows(questions)[1:]
        if len(row) > 2
    ]
    return _measured(_shelf(book, embedder, vectors), _pairs(paraphrases), {answer.key for answer in book})


def _pairs(path: Path) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in _rows(path)[1:] if len(row) > 1 and row[1]]


def _shelf(book: Sequence[Answer], embedder: Embedder | None, vectors: VectorStore | None) -> Shelf:
    return Shelf.embedded(0, book, embedder, vectors) if embedder and vectors else Shelf(0, book)


def own_answers(
    book: Sequence[Answer], embedder: Embedder | None = None, vectors: VectorStore | None = None
) -> dict[str, Any]:
    """Return the same measures over a book, asking a fifth of its phrasings that were hidden before."""
    shown, asked = [], []
    for answer in book:
        hidden = answer.phrasings[1::5]
        asked += [(answer.key, phrasing) for phrasing in hidden]
        kept = tuple(each for each in answer.phrasings if each not in hidden)
        shown.append(Answer(**{**vars(answer), "phrasings": kept}))
    known = [answer for place, answer in enumerate(shown) if place % 10 != 9]
    return _measured(_shelf(known, embedder, vectors), asked, {answer.key for answer in known})


def _measured(shelf: Shelf, asked: Sequence[tuple[str, str]], known: set[str]) -> dict[str, Any]:
    ours = [(qid, text) for qid, text in asked if qid in known]
    strange = [text for qid, text in asked if qid not in known]
    refused = sum(isinstance(found, Unknown) for found in shelf.ask_all(strange))
    slips = random.Random(20)  # noqa: S311 - the same slips in every run
    forms: dict[str, Callable[[str], str]] = {
        "accented": lambda text: text, "unaccented": fold, "noisy": lambda text: noisy(text, slips)
    }  # fmt: skip
    figures: dict[str, Any] = {
        name: _asked(shelf, [(qid, form(text)) for qid, text in ours]) for name, form in forms.items()
    }
    return {**figures, "unknown": {"n": len(strange), "refused": round(refused / max(1, len(strange)), 4)}}


def _asked(shelf: Shelf, asked: Sequence[tuple[str, str]]) -> dict[str, float]:
    n = top1 = top3 = refused = 0
    for (qid, _), found in zip(asked, shelf.ask_all([text for _, text in asked]), strict=True):
        keys = [found.answer.key] if isinstance(found, Sure) else []
        keys = [answer.key for answer in found.answers] if isinstance(found, Which) else keys
        n, top1, top3 = n + 1, top1 + (keys[:1] == [qid]), top3 + (qid in keys[:3])
        refused += isinstance(found, Unknown)
    shares = {"top1": top1, "top3": top3, "false_refusal": refused}
    return {"n": n, **{name: round(count / max(1, n), 4) for name, count in shares.items()}}


_SHORTHAND = {"không": "ko", "được": "dc", "gì": "j", "vậy": "z", "mình": "mk", "với": "vs", "thư viện": "tv",
              "bao nhiêu": "bn", "như thế nào": "ntn", "giờ": "h", "rồi": "r", "biết": "bít"}  # fmt: skip
_FILLERS = ("ad ơi ", "cho em hỏi ", "ad cho hỏi ", "alo ", "mng cho e hỏi ")


def noisy(text: str, slips: random.Random) -> str:
    """Return the question as hurried patrons type it: no marks, shorthand, a filler, one slip in about ten words."""
    text = nfc(text).lower().rstrip("?. ")
    for word, short in _SHORTHAND.items():
        if slips.random() < 0.7:
            text = text.replace(word, short)
    text = fold(text) if slips.random() < 0.7 else text
    words = [_slipped(token.text, slips) if slips.random() < 0.1 else token.text for token in tokens(text)]
    filler = slips.choice(_FILLERS) if slips.random() < 0.5 else ""
    return filler + " ".join(words)


def _slipped(word: str, slips: random.Random) -> str:
    if len(word) < 4:
        return word
    at = slips.randrange(1, len(word) - 1)
    swapped, dropped, doubled = word[at + 1] + word[at], "", word[at] * 2
    return word[:at] + slips.choice((swapped + word[at + 2 :], dropped + word[at + 1 :], doubled + word[at + 1 :]))
