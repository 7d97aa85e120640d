"""Numbers of volumes: which part of a work a record is, and which one a query asks for."""

from __future__ import annotations

import re

from library.text import fold

_WORDS = {"mot": 1, "hai": 2, "ba": 3, "bon": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9, "muoi": 10}
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}
_NUMBER = rf"(\d{{1,3}}|{'|'.join(_WORDS)}|{'|'.join(sorted(_ROMAN, key=len, reverse=True))})\b"
_IN_PART = re.compile(rf"\b(?:tap|phan|quyen|volume|vol|part|book|[tvpqk])\b[\s.]*(?:so\s*)?{_NUMBER}")
_ASKED = re.compile(rf"\b(?:tap|phan|quyen|volume|vol|part)\b[\s.]*(?:so\s*)?{_NUMBER}")
_SPOKEN = {number: word for word, number in _WORDS.items()}
_ANY_WORD = frozenset("tap phan quyen volume vol part t v p q".split())


def volumes(part: str) -> tuple[int, ...]:
    """Return the numbers of a record's part, as many as it names: "T.02" and "Tập hai" → (2,), "P.1-T.02" → (1, 2)."""
    return tuple(map(_number, _IN_PART.findall(fold(part).replace("_", " "))))


def asked_volumes(text: str) -> tuple[int, ...]:
    """Return the numbers of volumes a query asks for: "kính vạn hoa tập 3" → (3,)."""
    return tuple(map(_number, _ASKED.findall(fold(text))))


def without_volumes(folded: str) -> str:
    """Return folded words without the volume they ask for."""
    return " ".join(_ASKED.sub(" ", folded).split())


def volume_words(numbers: tuple[int, ...]) -> frozenset[str]:
    """Return the folded words by which these volumes may be asked for."""
    if not numbers:
        return frozenset()
    return _ANY_WORD.union(map(str, numbers), (_SPOKEN[number] for number in numbers if number in _SPOKEN))


def _number(word: str) -> int:
    return _WORDS.get(word) or _ROMAN.get(word) or int(word)
