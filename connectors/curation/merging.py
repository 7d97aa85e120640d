"""What changed between wordings, word by word, and two people's changes put together where they do not clash."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Literal

from retrieval.answers import Answer

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
# In the order of the form; the key is what the answer is known by and never changes.
FIELDS: dict[str, str] = {
    "question": "Câu hỏi",
    "question_en": "Câu hỏi tiếng Anh",
    "phrasings": "Các cách hỏi",
    "answer": "Trả lời",
    "answer_en": "Trả lời tiếng Anh",
    "topic": "Chủ đề",
    "source": "Nguồn",
    "url": "Liên kết",
    "owner": "Người phụ trách",
    "branch": "Cơ sở",
    "audience": "Dành cho",
    "valid_from": "Dùng từ ngày",
    "valid_until": "Dùng đến hết ngày",
    "review_by": "Xem lại trước ngày",
    "risk": "Rủi ro",
}


@dataclass(frozen=True)
class Piece:
    """A run of words: in both wordings, gone from the older, or new in the newer."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True)
class Change:
    """One field that differs, with its words."""

    field: str
    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Clash:
    """One field that two people changed in the same place: what each of them did to what was there before."""

    field: str
    label: str
    theirs: tuple[Piece, ...]
    mine: tuple[Piece, ...]


@dataclass(frozen=True)
class Merge:
    """Both changes in one answer; where they clash it holds mine, and `clashes` tells what theirs was."""

    answer: Answer
    clashes: tuple[Clash, ...]
    taken: tuple[str, ...]  # labels of the fields that came from them


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Return both texts as one run of pieces, in reading order: what is gone stands before what is new."""
    old, new = _words(before), _words(after)
    told: list[Piece] = []
    for tag, i, j, k, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            told.append(Piece("same", "".join(old[i:j])))
            continue
        told += [Piece("gone", "".join(old[i:j]))] if j > i else []
        told += [Piece("new", "".join(new[k:n]))] if n > k else []
    return tuple(told)


def changes(before: Answer | None, after: Answer) -> tuple[Change, ...]:
    """Return the fields in which the two differ, in the order of the form; all of them for a first wording."""
    told = []
    for name, label in FIELDS.items():
        old, new = shown(before, name) if before else "", shown(after, name)
        if old != new:
            told.append(Change(name, label, pieces(old, new)))
    return tuple(told)


def merged(base: Answer | None, theirs: Answer, mine: Answer) -> Merge:
    """Return my wording with what they changed since `base`, word by word; `base` None: neither had anything."""
    values: dict[str, Any] = {}
    clashes, taken = [], []
    for name, label in FIELDS.items():
        was, their, my = (getattr(each, name) if each else None for each in (base, theirs, mine))
        together = _together(name, was, their, my)
        if together is None:
            old = shown(base, name) if base else ""
            clashes.append(Clash(name, label, pieces(old, shown(theirs, name)), pieces(old, shown(mine, name))))
            continue
        values[name] = together[0]
        if together[0] != my:
            taken.append(label)
    return Merge(replace(mine, **values), tuple(clashes), tuple(taken))


def shown(answer: Answer, name: str) -> str:
    """Return a field as a person reads it: dates as 31/12/2026, phrasings one a line."""
    value = getattr(answer, name)
    if name == "phrasings":
        return "\n".join(value)
    if name == "risk":
        return {"low": "thấp", "high": "cao"}[value]
    return f"{value:%d/%m/%Y}" if hasattr(value, "strftime") else str(value or "")


def _together(name: str, was: Any, their: Any, my: Any) -> tuple[Any] | None:
    """Return the field with both changes, in a tuple of one; None where they clash."""
    if my == their or their == was:
        return (my,)
    if my == was:
        return (their,)
    if name == "phrasings":
        return (_lines(was or (), their, my),)
    if isinstance(my, str) and name in ("answer", "answer_en", "question", "question_en"):
        text = _texts(was or "", their, my)
        return None if text is None else (text,)
    return None


def _lines(was: Sequence[str], their: Sequence[str], my: Sequence[str]) -> tuple[str, ...]:
    gone = set(was) - set(my)
    kept = [line for line in their if line not in gone]
    return tuple(dict.fromkeys([*kept, *(line for line in my if line not in was)]))


def _texts(was: str, their: str, my: str) -> str | None:
    """Return the text with both edits, or None when they touch each other: then only a person can tell."""
    words = _words(was)
    edits = sorted({*_edits(words, _words(their)), *_edits(words, _words(my))})
    if any(second[0] <= first[1] for first, second in pairwise(edits)):
        return None
    for start, end, new in reversed(edits):
        words[start:end] = new
    return "".join(words)


def _edits(old: list[str], new: list[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(i, j, tuple(new[k:n])) for tag, i, j, k, n in codes if tag != "equal"]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
