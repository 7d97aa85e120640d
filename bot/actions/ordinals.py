"""Which of the things shown a patron means: "thứ 2", "đầu tiên", "số 3", "cuối cùng", "the second one"."""

from __future__ import annotations

import re

from bot.actions.wording import plainly

_WORDS = {
    1: "nhat|mot|dau tien|dau|tren cung|first|one|top",
    2: "hai|nhi|second|two",
    3: "ba|third|three",
    4: "tu|bon|fourth|four",
    5: "nam|fifth|five",
    6: "sau|sixth|six",
    7: "bay|seventh|seven",
    8: "tam|eighth|eight",
    9: "chin|ninth|nine",
    10: "muoi|tenth|ten",
}
_FIRST = re.compile(r"\b(?:dau tien|tren cung|first|top)\b")
_LAST = re.compile(r"\b(?:cuoi cung|cuoi|chot|sau cung|duoi cung|last|bottom)\b")
_DIGITS = re.compile(r"\d+")


def position(said: str, total: int) -> int | None:
    """Return the place, from 0, among `total` things, or None when the words name no place there is."""
    words = plainly(said)
    place = _place(words, total)
    return place - 1 if place and 1 <= place <= total else None


def _place(words: str, total: int) -> int | None:
    if _FIRST.search(words):
        return 1
    if _LAST.search(words):
        return total
    if digits := _DIGITS.search(words):
        return int(digits[0])
    return next((place for place, names in _WORDS.items() if re.search(rf"\b(?:{names})$", words)), None)
