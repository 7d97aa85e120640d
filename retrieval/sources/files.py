"""Opens a catalogue file by what is in it, whatever it is called."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from retrieval.record import Read, SourceError
from retrieval.sources import marc, table
from retrieval.sources.columns import ColumnMap
from retrieval.sources.iso2709 import looks_like_leader
from retrieval.sources.table import TableOptions

_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_WORTH_A_PROCESS = 4  # batches of a megabyte; starting processes takes longer than reading so little
_UNPACKER = msgspec.msgpack.Decoder(list[Read])


@dataclass
class Position:
    """How far a file has been read, in bytes of the file itself; kept up to date while it is read."""

    done: int = 0
    whole: int = 0

    @property
    def share(self) -> float:
        """Return the part that is read, from 0 to 1."""
        return self.done / self.whole if self.whole else 0.0


class _Counted(io.FileIO):
    def __init__(self, path: Path, position: Position) -> None:
        super().__init__(path)
        self._position = position
        position.whole = path.stat().st_size

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._position.done = self.tell()
        return count


def read_file(
    path: Path, *, charset: str = "", workers: int = 1, table_options: TableOptions | None = None,
    position: Position | None = None,
) -> Iterator[Read]:  # fmt: skip
    """Yield what the file holds, in its order: ISO 2709, MARCXML, CSV or Excel, plain or (but Excel) gzipped.

    `charset`: what text that is not UTF-8 is in; found out when not given. `workers`: processes that read a large
    MARC file beside this one. `position` tells how far it is. Raises SourceError when it cannot be opened, is none of
    these, or breaks off.
    """
    options = replace(table_options or TableOptions(), charset=charset)
    with _told(path), _opened(path, position or Position()) as file:
        yield from _reads(path, file, options, workers)


def is_table(path: Path) -> bool:
    """Return whether the file is a table, whose columns want a meaning. Raises SourceError when it cannot be opened."""
    with _told(path), _opened(path, Position()) as file:
        start = file.read(4096)
        return start.startswith(_ZIP) or _is_csv(path, start)


def guess_columns(path: Path, *, sheet: str = "", charset: str = "") -> ColumnMap:
    """Return what the columns of a table seem to be. Raises SourceError when it is none, or names no title."""
    with _told(path), _opened(path, Position()) as file:
        start = file.read(4096)
        file.seek(0)
        return table.guess_xlsx(path, sheet) if start.startswith(_ZIP) else table.guess_csv(file, charset)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceError as exc:
        raise SourceError(f"{path}: {exc}") from exc
    except (OSError, EOFError, zlib.error) as exc:
        raise SourceError(f"{path}: cannot be read ({exc})") from exc


def _opened(path: Path, position: Position) -> IO[bytes]:
    file = io.BufferedReader(_Counted(path, position), 1 << 16)
    zipped = file.peek(2)[:2] == b"\x1f\x8b"
    return cast(IO[bytes], _Unzipped(fileobj=file) if zipped else file)


class _Unzipped(gzip.GzipFile):
    """A zipped file that gives all that comes before a break, and only then the error."""

    _broke: Exception | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self._broke:
            raise self._broke
        wanted, parts = -1 if size is None else size, list[bytes]()
        while (left := wanted - sum(map(len, parts))) > 0 or wanted < 0:
            try:
                part = self.read1(left)
            except (OSError, EOFError, zlib.error) as exc:
                if not parts:
                    raise
                self._broke = exc
                break
            if not part:
                break
            parts.append(part)
        return b"".join(parts)


def _reads(path: Path, file: IO[bytes], options: TableOptions, workers: int) -> Iterator[Read]:
    charset = options.charset
    start = file.read(4096)
    file.seek(0)
    if _is_xml(start):
        return _read_batches(marc.batches(file, xml=True, charset=charset), workers)
    if start.startswith(_ZIP):
        return table.read_xlsx(path, options)
    if _is_csv(path, start) and not looks_like_leader(start):  # in UTF-16, "ẩ" holds the byte that ends a MARC field
        return table.read_csv(file, options)
    if looks_like_leader(start) or b"\x1e" in start:
        return _read_batches(marc.batches(file, xml=False, charset=charset), workers)
    if start.startswith(_OLD_EXCEL):
        raise SourceError("an old or locked Excel file: open it and save it as .xlsx without a password")
    raise SourceError(
        "neither MARC (ISO 2709), MARCXML, CSV nor Excel (.xlsx); export it from the library system as one of these"
    )


def _is_csv(path: Path, start: bytes) -> bool:
    named = any(suffix.lower() in (".csv", ".tsv") for suffix in path.suffixes[-2:])  # books.csv, books.csv.gz
    return named and (b"\x00" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff")))


def _is_xml(start: bytes) -> bool:
    return start.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip().startswith(b"<")


def _read_batches(batches: Iterator[marc.Batch], workers: int) -> Iterator[Read]:
    first = list(islice(batches, _WORTH_A_PROCESS)) if workers > 1 else []
    if len(first) < _WORTH_A_PROCESS:
        return (read for batch in chain(first, batches) for read in marc.read_batch(batch))
    return _read_in_processes(chain(first, batches), workers)


def _read_in_processes(batches: Iterator[marc.Batch], workers: int) -> Iterator[Read]:
    """Yield the reads in the order of the batches; no more than a few batches are held at a time."""
    # Fresh processes: a fork would copy the locks of threads that run here.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[bytes]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_packed, batch))
                if len(waiting) > 2 * workers:
                    yield from _UNPACKER.decode(waiting.popleft().result())
            while waiting:
                yield from _UNPACKER.decode(waiting.popleft().result())
        except BrokenProcessPool as exc:
            raise SourceError("a process that was reading the file ended") from exc
        finally:
            pool.shutdown(cancel_futures=True)


def _packed(batch: marc.Batch) -> bytes:
    """Return the reads of the batch for another process, which unpacks them in half the time of a pickle."""
    return msgspec.msgpack.encode(marc.read_batch(batch))
