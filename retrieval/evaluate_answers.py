"""Measures answering: asked paraphrases over a book of questions and phrasings; every figure from 0 to 1."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from library.text import fold, nfc, tokens
from retrieval.answers import Answer
from retrieval.embedder import Embedder
from retrieval.evaluate import rows
from retrieval.shelf import Shelf, Sure, Unknown, Which
from retrieval.vectors import VectorStore


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
    book = read_book(questions, phrasings)
    return _measured(_shelf(book, embedder, vectors), _pairs(paraphrases), {answer.key for answer in book})


def read_book(questions: Path, phrasings: Path) -> list[Answer]:
    """Return the questions of one table as a book of answers, with the phrasings of the other."""
    asked_in: dict[str, list[str]] = defaultdict(list)
    for qid, phrasing in _pairs(phrasings):
        asked_in[qid].append(phrasing)
    told = [row for row in _told(questions) if len(row) > 2]
    return [Answer(row[0], row[1], row[2], answer=row[2], phrasings=tuple(asked_in[row[0]])) for row in told]


def _pairs(path: Path) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in _told(path) if len(row) > 1 and row[1]]


def _told(path: Path) -> list[list[str]]:
    told = rows(path)
    return told[1:] if told and told[0][0].lower() == "qid" else told


def _shelf(book: Sequence[Answer], embedder: Embedder | None, vectors: VectorStore | None) -> Shelf:
    return Shelf.embedded(0, book, embedder, vectors) if embedder else Shelf(0, book)


def own_answers(
    book: Sequence[Answer], embedder: Embedder | None = None, vectors: VectorStore | None = None
) -> dict[str, Any]:
    """Return the same measures over a book, asking a fifth of its phrasings that were hidden before."""
    shown, asked = [], []
    for answer in book:
        hidden = answer.phrasings[1::5]
        asked += [(answer.key, phrasing) for phrasing in hidden]
        kept = tuple(each for each in answer.phrasings if each not in hidden)
        shown.append(replace(answer, phrasings=kept))
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
