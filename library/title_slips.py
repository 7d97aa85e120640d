"""Finds names that were typed with a slip: one word misspelt, or words joined and parted otherwise.

Each name is entered once for every word that could be the misspelt one, under a hash of its other words, and once under
a hash of its letters without spaces. Two tables of 32-bit numbers, sorted by hash, that a bisection reads from a map.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import BinaryIO
from zlib import crc32

MOST_WORDS = 8  # in a name entered; what is longer is found by its beginning
_LEAST_LETTERS = 8  # in a name; shorter ones are a slip away from too much
_LEAST_JOINED = 6
_MOST_JOINED_WORDS = 3
_CROWD = 16  # names under one hash that are looked at
_BUCKETS = 256

Words = Sequence[bytes]


def _but_one(words: Words, at: int) -> int:
    return crc32(b" ".join((*words[:at], b"\0", *words[at + 1 :])))


def _joined(words: Words) -> int:
    return crc32(b"\1" + b"".join(words))


def _hashes(words: Words) -> Iterator[int]:
    letters = sum(map(len, words))
    if 2 <= len(words) <= MOST_WORDS and letters >= _LEAST_LETTERS:
        yield from (_but_one(words, at) for at in range(len(words)))
    if len(words) <= _MOST_JOINED_WORDS and letters >= _LEAST_JOINED:
        yield _joined(words)


class SlipWriter:
    """Gathers the hashes of the names, eight bytes each, and writes them sorted."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, key: bytes, number: int) -> None:
        for code in _hashes(key.split(b" ")):
            self._buckets[code >> 24].append(code << 32 | number)

    def write(self, file: BinaryIO) -> int:
        """Write the table and return how many entries it has."""
        for low_half in (False, True):
            for bucket in self._buckets:
                entries = sorted(bucket)
                halves = array("I", (e & 0xFFFFFFFF if low_half else e >> 32 for e in entries))
                if sys.byteorder == "big":
                    halves.byteswap()
                file.write(halves.tobytes())
        return sum(map(len, self._buckets))


class Slips:
    """The table as it lies in a mapped file."""

    def __init__(self, table: memoryview, count: int) -> None:
        self._hashes, self._numbers = _numbers(table[: 4 * count]), _numbers(table[4 * count : 8 * count])

    def candidates(self, words: Words) -> Iterator[int]:
        """Yield the numbers of the names that these words may mean; most of them are no such names."""
        for code in dict.fromkeys(_hashes(words)):
            at = bisect_left(self._hashes, code)
            end = min(at + _CROWD, len(self._hashes))
            while at < end and self._hashes[at] == code:
                yield self._numbers[at]
                at += 1

    def close(self) -> None:
        for view in (self._hashes, self._numbers):
            if isinstance(view, memoryview):
                view.release()


def _numbers(table: memoryview) -> "memoryview | array[int]":
    if sys.byteorder == "little":
        return table.cast("I")
    numbers = array("I", table.tobytes())
    numbers.byteswap()
    return numbers


def is_slip(typed: Words, key: Words) -> bool:
    """Return whether the typed words are the name with one word misspelt, or with spaces elsewhere."""
    if len(typed) == len(key):
        wrong = [(a, b) for a, b in zip(typed, key, strict=True) if a != b]
        return len(wrong) == 1 and _one_edit(*wrong[0])
    return b"".join(typed) == b"".join(key)


def _one_edit(a: bytes, b: bytes) -> bool:
    """Return whether one letter was lost, added, changed, or changed places with the next. The words differ."""
    if len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1 or len(b) < 3 or b.isdigit():
        return False
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])
