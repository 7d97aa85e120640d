"""What slips of the keyboard and of the ear cost, as a negative log probability: "lcih" for "lịch", "xử" for "sử"."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from library.text import one_spelling

TYPED_MARKS = 5.0  # a mark that was typed and is not meant: never without mending
FAR = 20.0  # no reading at all
KEYS = 1.0  # keys of Telex or VNI left in the word
_MORE_MARKS = 3.0  # a word with some marks may lack another: "tiêng"
_BARE_AMONG_MARKED = 6.0  # a word without marks in a text with marks is mostly meant so
_HOOK_FOR_TILDE = 6.0
_OTHER_MARKS = 9.0
_LOST_WITH_LETTER = 2.0  # a wrong or missing letter takes its mark along
_LIKE = 4.5  # sounds alike
_SLIP = 6.5  # two letters swapped, one too many, one missing
_WRONG = 7.5  # one letter for another
KNOWN = 5.0  # more for a word that the library's texts hold
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALIKE = (
    ("s", "x"), ("x", "s"), ("ch", "tr"), ("tr", "ch"), ("d", "gi"), ("gi", "d"), ("d", "r"), ("r", "d"), ("r", "gi"),
    ("gi", "r"), ("d", "v"), ("v", "d"), ("gi", "v"), ("v", "gi"), ("l", "n"), ("n", "l"),
)  # fmt: skip
_ALIKE_AT_END = (("n", "ng"), ("ng", "n"), ("t", "c"), ("c", "t"), ("i", "y"), ("y", "i"))
_HOOK, _TILDE = "\u0309", "\u0303"


def marks_cost(typed: str, meant: str, *, free: bool, moved: bool = False) -> float:
    """Return what it costs to type these marks for those of the word that is meant; `free` where none are typed.

    With `moved`, only which marks there are counts, not where they stand.
    """
    meant = one_spelling(meant)
    if free or typed == meant:
        return 0.0
    have, want = _marks(typed), _marks(meant)
    if moved:
        had, wanted = Counter("".join(have)), Counter("".join(want))
        return 0.0 if had == wanted else _LOST_WITH_LETTER if had <= wanted else _OTHER_MARKS
    if not any(have):
        return _BARE_AMONG_MARKED
    if len(have) == len(want) and all(set(a) <= set(b) for a, b in zip(have, want, strict=True)):
        return _MORE_MARKS
    if [_one_tone(each) for each in have] == [_one_tone(each) for each in want]:
        return _HOOK_FOR_TILDE
    return _OTHER_MARKS


def _marks(word: str) -> list[str]:
    """Return the marks of each letter; đ has one too."""
    found: list[str] = []
    for letter in unicodedata.normalize("NFD", word):
        if unicodedata.combining(letter) and found:
            found[-1] += letter
        else:
            found.append("đ" if letter == "đ" else "")
    return found


def _one_tone(marks: str) -> str:
    return "".join(sorted(marks.replace(_HOOK, _TILDE)))


def slips(word: str, *, known: bool) -> Iterator[tuple[str, float]]:
    """Yield the folded words one slip away, each at its least cost; more for a word that is known as it stands."""
    least: dict[str, float] = {}
    for near, cost in _slips(word):
        if near != word and cost < least.get(near, FAR):
            least[near] = cost
    more = KNOWN if known else 0.0
    yield from ((near, cost + more) for near, cost in least.items())


def _slips(word: str) -> Iterator[tuple[str, float]]:
    for a, b in _ALIKE:
        if word.startswith(a):
            yield b + word[len(a) :], _LIKE
    for a, b in _ALIKE_AT_END:
        if word.endswith(a):
            yield word[: -len(a)] + b, _LIKE
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from ((a + b[1] + b[0] + b[2:], _SLIP) for a, b in parts if len(b) > 1)
    yield from ((a + b[1:], _LIKE if b[1:2] == b[0] else _SLIP) for a, b in parts if b)
    yield from ((a + c + b[1:], _WRONG) for a, b in parts if b for c in _LETTERS)
    yield from ((a + c + b, _SLIP) for a, b in parts for c in _LETTERS)
