"""Which of the things shown a patron means: "thứ 2", "đầu tiên", "áp chót", "hai cuốn đầu", "the second one"."""

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
_LAST_BUT_ONE = re.compile(
    r"\b(?:ap chot|ap cuoi|ke cuoi|gan cuoi|ke chot|sat cuoi|truoc cuoi|last but one|second to last|second last)\b"
)
_MIDDLE = re.compile(r"\b(?:o giua|chinh giua|giua|in the middle|middle)\b")
_UNNUMBERED = re.compile(
    r"\b(?:cuon|quyen|cai) (?:nam )?(?P<place>(?:o )?(?:chinh )?giua"
    r"|ap chot|ap cuoi|ke cuoi|gan cuoi|cuoi cung|dau tien)\b"
    r"|\bthe (?P<last>middle|last) one\b"
)
_DIGITS = re.compile(r"\d+")
_MANY = {"hai": 2, "ba": 3, "bon": 4, "nam": 5, "two": 2, "three": 3, "four": 4, "five": 5}
_SEVERAL_AT_AN_END = re.compile(
    rf"\b(?P<number>[2-9]|{'|'.join(_MANY)}) (?:cuon|quyen|cai|sach|tap)? ?(?P<end>dau|cuoi|sau cung|chot)\b"
    rf"|\b(?P<first>first|last) (?P<count>[2-9]|{'|'.join(_MANY)})\b"
)


def position(said: str, total: int) -> int | None:
    """Return the place, from 0, among `total` things, or None when the words name no place there is."""
    words = plainly(said)
    place = _place(words, total)
    return place - 1 if place and 1 <= place <= total else None


def place_in(text: str) -> str | None:
    """Return the words that name a place without a number, where they stand beside a book: "cuốn ở giữa"."""
    match = _UNNUMBERED.search(plainly(text))
    return (match["place"] or match["last"]) if match else None


def several_at_an_end(said: str, total: int) -> list[int]:
    """Return the places, from 0, of "hai cuốn đầu" or "3 cuốn cuối" among `total` things; empty when not so said."""
    match = _SEVERAL_AT_AN_END.search(plainly(said))
    if match is None:
        return []
    typed = match["number"] or match["count"]
    number = min(int(typed) if typed.isdigit() else _MANY[typed], total)
    at_front = match["end"] == "dau" or match["first"] == "first"
    return list(range(number)) if at_front else list(range(total - number, total))


def _place(words: str, total: int) -> int | None:
    if _LAST_BUT_ONE.search(words):
        return total - 1
    if _MIDDLE.search(words):
        return (total + 1) // 2 if total % 2 else None
    if _FIRST.search(words):
        return 1
    if _LAST.search(words):
        return total
    if digits := _DIGITS.search(words):
        return int(digits[0])
    return next((place for place, names in _WORDS.items() if re.search(rf"\b(?:{names})$", words)), None)
