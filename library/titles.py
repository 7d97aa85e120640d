"""Titles and authors of the catalogue in one compact file, opened by memory map, found in a typed message in a moment.

The retrieval room builds it with every index; the gateway and Rasa's components read the same file. Layout, all
numbers little-endian: header, then the section of keys (folded words joined by one space, sorted by their bytes),
then for each key its entries as JSON, then the two tables of offsets that find them.
"""

import json
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from library.text import Token, fold, nfc, same_tones, tokens

Kind = Literal["title", "author"]
Exactness = Literal["exact", "unaccented", "folded"]

_HEADER = struct.Struct("<8sIQQQQQ")  # magic, version, keys, and where: key text, entries, key table, entry table
_MAGIC, VERSION = b"THUTITLE", 1
_OFFSET = struct.Struct("<Q")


class TitleBookError(Exception):
    """The file of titles is missing, damaged or of another version. The message says which and how to make it anew."""


@dataclass(frozen=True)
class TitleEntry:
    """A title or a name as it is shown, with the records that bear it."""

    kind: Kind
    value: str
    record_ids: tuple[str, ...]


@dataclass(frozen=True)
class TitleMatch:
    """A title or author found in typed text: `nfc(text)[start:end]` is what was typed.

    `exactness`: "exact", letter for letter but for case and tone placement; "unaccented", every mark that was typed
    agrees and some are missing; "folded", a typed mark says otherwise ("số đo" for "Số đỏ").
    """

    kind: Kind
    value: str
    start: int
    end: int
    record_ids: tuple[str, ...]
    exactness: Exactness


def build(path: Path, entries: Iterable[TitleEntry]) -> int:
    """Write the file anew, swapped in at once, and return how many keys it holds. Entries of one value are joined."""
    joined: dict[bytes, dict[tuple[Kind, str], list[str]]] = {}
    for entry in entries:
        if words := " ".join(token.folded for token in tokens(entry.value)):
            values = joined.setdefault(words.encode(), {})
            ids = values.setdefault((entry.kind, nfc(entry.value)), [])
            ids += [each for each in entry.record_ids if each not in ids]
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        _write(file, joined)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    return len(joined)


def _write(file: BinaryIO, joined: dict[bytes, dict[tuple[Kind, str], list[str]]]) -> None:
    keys = sorted(joined)
    text = b"".join(keys)
    lines = [
        json.dumps([[kind, value, *ids] for (kind, value), ids in joined[key].items()], ensure_ascii=False).encode()
        for key in keys
    ]
    at = _HEADER.size
    places = [at, at + len(text), at + len(text) + sum(map(len, lines))]
    places.append(places[2] + _OFFSET.size * (len(keys) + 1))
    file.write(_HEADER.pack(_MAGIC, VERSION, len(keys), *places))
    file.write(text)
    file.writelines(lines)
    for start, pieces in ((places[0], keys), (places[1], lines)):
        file.write(_offsets(start, pieces))


def _offsets(start: int, pieces: list[bytes]) -> bytes:
    table = bytearray(_OFFSET.pack(start))
    for piece in pieces:
        start += len(piece)
        table += _OFFSET.pack(start)
    return bytes(table)


class TitleBook:
    """The titles and authors of one index. Reading is safe from many threads; a new book never changes an open one."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path = path
        self._data = data
        magic, version, count, _, _, self._key_table, self._entry_table = _HEADER.unpack_from(data)
        self._count: int = count
        if magic != _MAGIC or version != VERSION:
            raise TitleBookError(f"{path}: not a file of titles of version {VERSION}; build the index again")
        if len(data) != self._entry_table + _OFFSET.size * (self._count + 1):
            raise TitleBookError(f"{path}: the file of titles is cut short; build the index again")

    @classmethod
    def open(cls, path: Path) -> "TitleBook":
        """Return the book in this file, mapped and not read: the cost is the same for ten titles and ten million."""
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return cls(path, data)
        except (OSError, ValueError, struct.error) as exc:
            raise TitleBookError(f"{path}: the file of titles cannot be opened ({exc}); build the index") from exc

    def __len__(self) -> int:
        return self._count

    def entries(self, text: str) -> list[TitleEntry]:
        """Return what bears exactly this name, compared without diacritics and punctuation."""
        key = " ".join(token.folded for token in tokens(text)).encode()
        at = self._first_from(key, 0, self._count)
        return list(self._entries_at(at)) if at < self._count and self._key(at) == key else []

    def find(self, text: str) -> list[TitleMatch]:
        """Return the titles and authors named in the text, longest first taken, none overlapping another, in order.

        Marks and case do not matter. One span may be a title and an author, or several titles that fold alike: then
        all are returned, the best agreeing first.
        """
        words = tokens(text)
        typed = nfc(text)
        found = sorted(self._spans(words), key=lambda span: (span[0] - span[1], span[0]))
        taken: set[int] = set()
        matches: list[TitleMatch] = []
        for first, last, at in found:
            if taken.isdisjoint(range(first, last)):
                taken.update(range(first, last))
                start, end = words[first].start, words[last - 1].end
                matches += self._matches(at, typed[start:end], start, end)
        return sorted(matches, key=lambda match: (match.start, _RANK[match.exactness]))

    def _matches(self, at: int, typed: str, start: int, end: int) -> Iterator[TitleMatch]:
        for entry in self._entries_at(at):
            yield TitleMatch(entry.kind, entry.value, start, end, entry.record_ids, exactness(typed, entry.value))

    def _spans(self, words: list[Token]) -> Iterator[tuple[int, int, int]]:
        """Yield (first word, last word + 1, place of the key) of every run of words that is a key."""
        for first in range(len(words)):
            low, high, key = 0, self._count, b""
            for last in range(first, len(words)):
                key += (b" " if key else b"") + words[last].folded.encode()
                low = self._first_from(key, low, high)
                high = self._first_from(key + b"!", low, high)  # "!" follows the space: keys that go on stay inside
                if low == high:
                    break
                if self._key(low) == key:
                    yield first, last + 1, low

    def _first_from(self, key: bytes, low: int, high: int) -> int:
        while low < high:
            middle = (low + high) // 2
            if self._key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def _key(self, at: int) -> bytes:
        return self._piece(self._key_table, at)

    def _piece(self, table: int, at: int) -> bytes:
        start, end = struct.unpack_from("<QQ", self._data, table + _OFFSET.size * at)
        return self._data[start:end]

    def _entries_at(self, at: int) -> Iterator[TitleEntry]:
        for kind, value, *ids in json.loads(self._piece(self._entry_table, at)):
            yield TitleEntry(kind, value, tuple(ids))

    def close(self) -> None:
        self._data.close()


_RANK = {"exact": 0, "unaccented": 1, "folded": 2}


def exactness(typed: str, value: str) -> Exactness:
    """Return how well typed words agree with a value that folds like them."""
    ours, theirs = ([same_tones(token.text.lower()) for token in tokens(each)] for each in (typed, value))
    if ours == theirs:
        return "exact"
    pairs = zip(ours, theirs, strict=True)  # they fold alike, so they are as many
    return "unaccented" if all(a == b or a == fold(b) for a, b in pairs) else "folded"
