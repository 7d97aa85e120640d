"""Titles and authors of the catalogue in compact files, opened by memory map, found in a typed message in a moment.

The retrieval room builds them with every index; the gateway and Rasa's components read the same files. A book is a
file and the layers beside it (`titles.bin`, `titles.1.bin`, …): a layer adds what came later and hides the records that
it replaces. Layout of a file, all numbers little-endian: header; then for each key (folded words joined by one space,
sorted by their bytes) the key and its entries; then the ids it hides; then the table of offsets that finds them; then
the table that finds what was typed with a slip (`title_slips`).
"""

import heapq
import mmap
import os
import re
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Literal

from library.text import fold, folded_words, nfc, same_tones, tokens
from library.title_slips import MOST_WORDS, Slips, SlipWriter, is_slip

Kind = Literal["title", "author"]
Exactness = Literal["exact", "unaccented", "folded"]

_HEADER = struct.Struct("<8sIQQQQ")  # magic, version, keys, where hidden ids and offsets begin, slips
_MAGIC, VERSION = b"THUTITLE", 3
_SLIP = 8  # bytes of an entry in the table of slips
_OFFSET, _PLACES = struct.Struct("<Q"), struct.Struct("<QQ")
_SORTED_AT_ONCE = 400_000  # lines, some 40 MB
_SLIPS_UP_TO = 60  # words of a message
_CONTROL = re.compile(r"[\x00-\x1f]")  # these part the pieces of a line


class TitleBookError(Exception):
    """The file of titles is missing, damaged or of another version. The message says which and how to make it anew."""


@dataclass(frozen=True)
class TitleEntry:
    """A title or a name as it is shown, with the records that bear it, in the order of their ids."""

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


@dataclass(frozen=True)
class Run:
    """Words from `first` to before `end` that name something; `slip`: one is misspelt, or spaces stand elsewhere."""

    first: int
    end: int
    kinds: frozenset[Kind]
    slip: bool


def build(path: Path, entries: Iterable[TitleEntry], *, hides: Iterable[str] = ()) -> int:
    """Write the file anew, swapped in at once, and return how many keys it holds. Entries of one value are joined.

    `hides`: the records that are no longer to be found in the files before it. Memory stays flat.
    """
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        keys = _write(file, _sorted(_lines(entries), path.parent), hides)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    return keys


def layer(path: Path, number: int) -> Path:
    """Return the file of this layer over a book's first file."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def _lines(entries: Iterable[TitleEntry]) -> Iterator[bytes]:
    """Yield one line for each record of each entry: key, kind, value, id. Sorted, those of one key stand together."""
    for entry in entries:
        if words := " ".join(folded_words(entry.value)):
            start = f"{words}\0{entry.kind}\0{_CONTROL.sub(' ', nfc(entry.value))}\0"
            yield from (f"{start}{record_id}\n".encode() for record_id in entry.record_ids)


def _sorted(lines: Iterator[bytes], folder: Path) -> Iterator[bytes]:
    """Yield the lines in order, each once; beyond so many they are sorted in pieces on disk."""
    with ExitStack() as files:
        run, runs = sorted(set(islice(lines, _SORTED_AT_ONCE))), []
        while more := sorted(set(islice(lines, _SORTED_AT_ONCE))):
            file = files.enter_context(TemporaryFile(dir=folder))
            file.writelines(run)
            file.seek(0)
            runs.append(file)
            run = more
        yield from (line for line, _ in groupby(heapq.merge(run, *runs) if runs else run))


def _write(file: BinaryIO, lines: Iterable[bytes], hides: Iterable[str]) -> int:
    at = file.write(bytes(_HEADER.size))
    offsets, slips = array("Q", [at]), SlipWriter()
    for key, group in groupby(lines, key=lambda line: line[: line.index(b"\0")]):
        for piece in (key, _joined(key, group)):
            at += file.write(piece)
            offsets.append(at)
        slips.add(key, len(offsets) // 2 - 1)
    keys = len(offsets) // 2
    hidden, at = at, at + file.write("\n".join(hides).encode())
    if sys.byteorder == "big":
        offsets.byteswap()
    file.write(offsets.tobytes())
    slipped = slips.write(file)
    file.seek(0)
    file.write(_HEADER.pack(_MAGIC, VERSION, keys, hidden, at, slipped))
    return keys


def _joined(key: bytes, lines: Iterable[bytes]) -> bytes:
    """Return the entries of a key: one line a name, with kind, value and ids."""
    named = b""
    pieces: list[bytes] = []
    for line in lines:
        name, _, record_id = line[len(key) + 1 : -1].rpartition(b"\0")
        if name != named:
            pieces += [b"\n" if pieces else b"", name]
            named = name
        pieces += [b"\0", record_id]
    return b"".join(pieces)


class _File:
    """One file of titles, mapped and not read: the cost is the same for ten titles and ten million."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            magic, version, self.keys, self._hidden, self._offsets, slips = _HEADER.unpack_from(self.data)
        except (OSError, ValueError, struct.error) as exc:
            raise TitleBookError(f"{path}: the file of titles cannot be opened ({exc}); build the index") from exc
        if magic != _MAGIC or version != VERSION:
            raise TitleBookError(f"{path}: not a file of titles of version {VERSION}; build the index again")
        end = self._offsets + _OFFSET.size * (2 * self.keys + 1)
        if len(self.data) != end + _SLIP * slips:
            raise TitleBookError(f"{path}: the file of titles is cut short; build the index again")
        self.slips = Slips(memoryview(self.data)[end:], slips)

    def hidden(self) -> frozenset[str]:
        """Return the records that are no longer to be found in the files before this one."""
        return frozenset(self.data[self._hidden : self._offsets].decode().split("\n")) - {""}

    def key(self, at: int) -> bytes:
        start, end = _PLACES.unpack_from(self.data, self._offsets + 2 * _OFFSET.size * at)
        return self.data[start:end]

    def entries(self, at: int) -> Iterator[TitleEntry]:
        start, end = _PLACES.unpack_from(self.data, self._offsets + 2 * _OFFSET.size * at + _OFFSET.size)
        for line in self.data[start:end].decode().split("\n"):
            kind, value, *ids = line.split("\0")
            yield TitleEntry("author" if kind == "author" else "title", value, tuple(ids))

    def first_from(self, key: bytes, low: int, high: int) -> int:
        """Return the place of the first key that is not before this one."""
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def named(self, key: bytes) -> Iterator[TitleEntry]:
        at = self.first_from(key, 0, self.keys)
        return self.entries(at) if at < self.keys and self.key(at) == key else iter(())

    def spans(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield (first word, last word + 1) of every run of words that is a key."""
        for first in range(len(words)):
            low, high, key = 0, self.keys, b""
            for last in range(first, len(words)):
                key += (b" " if key else b"") + words[last].encode()
                low = self.first_from(key, low, high)
                high = self.first_from(key + b"!", low, high)  # "!" follows the space: keys that go on stay inside
                if low == high:
                    break
                if self.key(low) == key:
                    yield first, last + 1


class TitleBook:
    """The titles and authors of one index. Reading is safe from many threads; a new book never changes an open one."""

    def __init__(self, path: Path, files: Sequence[_File]) -> None:
        self.path = path
        self._files = files
        later = [file.hidden() for file in files[1:]]
        self._hidden = [frozenset().union(*later[number:]) for number in range(len(files))]  # from each file

    @classmethod
    def open(cls, path: Path) -> "TitleBook":
        """Return the book of this file and of the layers beside it."""
        path = path.resolve()  # all of one index, also when the link is pointed elsewhere meanwhile
        files = [_File(path)]
        while (above := layer(path, len(files))).is_file():
            files.append(_File(above))
        return cls(path, files)

    def __len__(self) -> int:
        """Return how many keys there are; one that stands in two files counts twice."""
        return sum(file.keys for file in self._files)

    def entries(self, text: str) -> list[TitleEntry]:
        """Return what bears exactly this name, compared without diacritics and punctuation."""
        return self._entries(" ".join(folded_words(text)).encode())

    def _entries(self, key: bytes) -> list[TitleEntry]:
        joined: dict[tuple[Kind, str], tuple[str, ...]] = {}
        for file, hidden in zip(self._files, self._hidden, strict=True):
            for entry in file.named(key):
                ids = tuple(each for each in entry.record_ids if each not in hidden) if hidden else entry.record_ids
                if ids:
                    name = (entry.kind, entry.value)
                    joined[name] = joined.get(name, ()) + ids
        return [TitleEntry(kind, value, ids) for (kind, value), ids in joined.items()]

    def some(self, most: int) -> Iterator[TitleEntry]:
        """Yield at most so many of the book's names, evenly from the first to the last."""
        file = self._files[0]
        for at in range(0, file.keys, max(1, -(-file.keys // most))):
            yield from islice(file.entries(at), 1)

    def find(self, text: str) -> list[TitleMatch]:
        """Return the titles and authors named in the text, longest first taken, none overlapping another, in order.

        Marks and case do not matter. One span may be a title and an author, or several titles that fold alike: then
        all are returned, the best agreeing first.
        """
        words = tokens(text)
        typed, folded = nfc(text), [word.folded for word in words]
        spans = {span for file in self._files for span in file.spans(folded)}
        taken: set[int] = set()
        matches: list[TitleMatch] = []
        for first, last in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            if taken.isdisjoint(range(first, last)):
                start, end = words[first].start, words[last - 1].end
                found = self._matches(" ".join(folded[first:last]), typed[start:end], start, end)
                matches += found
                taken.update(range(first, last) if found else ())
        return sorted(matches, key=lambda match: (match.start, _RANK[match.exactness]))

    def _matches(self, key: str, typed: str, start: int, end: int) -> list[TitleMatch]:
        return [
            TitleMatch(entry.kind, entry.value, start, end, entry.record_ids, exactness(typed, entry.value))
            for entry in self._entries(key.encode())
        ]

    def runs(self, words: Sequence[str]) -> list[Run]:
        """Return the runs of folded words that name something, also with a slip, none overlapping, in order.

        The longest is taken first, of equally long ones the exact. A long message is looked through for exact names
        only.
        """
        spans = {span for file in self._files for span in file.spans(words)}
        found = [Run(first, end, kinds, False) for first, end in spans if (kinds := self._kinds(words[first:end]))]
        if len(words) <= _SLIPS_UP_TO:
            found += self._slipped([word.encode() for word in words], spans)
        taken: set[int] = set()
        runs: list[Run] = []
        for run in sorted(found, key=lambda run: (run.first - run.end, run.slip, run.first)):
            if taken.isdisjoint(range(run.first, run.end)):
                runs.append(run)
                taken.update(range(run.first, run.end))
        return sorted(runs, key=lambda run: run.first)

    def _slipped(self, words: Sequence[bytes], exact: set[tuple[int, int]]) -> Iterator[Run]:
        for first in range(len(words)):
            for end in range(first + 1, min(first + MOST_WORDS, len(words)) + 1):
                if (first, end) not in exact and (kinds := self._meant(words[first:end])):
                    yield Run(first, end, kinds, True)

    def _meant(self, words: Sequence[bytes]) -> frozenset[Kind]:
        """Return what the words name when one of them is misspelt, or their spaces stand elsewhere."""
        keys = {file.key(number) for file in self._files for number in file.slips.candidates(words)}
        slips = (key.decode() for key in keys if is_slip(words, key.split(b" ")))
        return frozenset(kind for key in slips for kind in self._kinds(key.split(" ")))

    def _kinds(self, words: Sequence[str]) -> frozenset[Kind]:
        return frozenset(entry.kind for entry in self._entries(" ".join(words).encode()))

    def close(self) -> None:
        for file in self._files:
            file.slips.close()
            file.data.close()


_RANK = {"exact": 0, "unaccented": 1, "folded": 2}


def exactness(typed: str, value: str) -> Exactness:
    """Return how well typed words agree with a value that folds like them."""
    ours, theirs = ([same_tones(token.text.lower()) for token in tokens(each)] for each in (typed, value))
    if ours == theirs:
        return "exact"
    pairs = zip(ours, theirs, strict=True)  # they fold alike, so they are as many
    return "unaccented" if all(a == b or a == fold(b) for a, b in pairs) else "folded"
