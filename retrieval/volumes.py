"""Which volume of a work a record is, however it is written: "T.02", "Quyển II", "tập hai", "Vol. 2" are all "2"."""

from __future__ import annotations

import re
from functools import lru_cache

from library.text import fold

_MARKERS = frozenset("tap t quyen q phan p vol volume v book part pt tome band bd cuon so no ky k chuong".split())
_SPOKEN = {"mot": 1, "nhat": 1, "hai": 2, "nhi": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8,
           "chin": 9, "muoi": 10, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}  # fmt: skip
_ROMAN = re.compile(r"(?=[ivxl])(?:xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50}
_PIECE = re.compile(r"\d+[a-z]?\b|\d+|[^\W\d_]+")
# "Bài tập 2" is an exercise book; "tập 100 bài" counts something: the number must end what is said.
_AT_END = re.compile(
    r"[\s,.:;(\[–-]+(?<!bai )(?:tap|quyen|phan|vol(?:ume)?|part|[tqp](?=\.))\.?\s*"
    r"(?P<number>\d{1,3}|[ivxl]+)\b\s*[)\]]?(?=\s*(?:$|[:;,.–-]))"
)


@lru_cache(maxsize=1 << 12)
def volume(part: str) -> str:
    """Return what a part statement says in one spelling: its numbers ("2", "2.1"), else its words, '' for none."""
    pieces = _PIECE.findall(fold(part))
    numbers: list[str] = []
    marked = True  # a number counts at the start, after a marker, and after another number
    for piece in pieces:
        value = _value(piece) if marked else None
        if value is not None and not (piece in _MARKERS and piece != pieces[-1] and not numbers):
            numbers.append(value)
        marked = piece in _MARKERS or value is not None
    return ".".join(numbers) or " ".join(piece for piece in pieces if piece not in _MARKERS) or " ".join(pieces)


def split_volume(title: str) -> tuple[str, str]:
    """Return the title without the volume said at its end or before a colon, and that volume: ("Số đỏ", "2")."""
    folded = fold(title)
    found = _AT_END.search(folded)
    value = _value(found["number"]) if found else None
    if not found or value is None or len(folded) != len(title):
        return title, ""
    return title[: found.start()] + title[found.end() :], value


def _value(piece: str) -> str | None:
    if piece[0].isdecimal():
        return piece.lstrip("0") or "0"
    if piece in _SPOKEN:
        return str(_SPOKEN[piece])
    return _roman(piece) if _ROMAN.fullmatch(piece) else None


def _roman(piece: str) -> str:
    values = [_VALUES[letter] for letter in piece]
    whole = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    return str(whole)
