"""Opens a catalogue file by what is in it, whatever it is called."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from retrieval.record import Read, SourceError
from retrieval.sources import marc, table


def read_file(path: Path) -> Iterator[Read]:
    """Yield what the file holds: ISO 2709, MARCXML or CSV, plain or gzipped.

    Raises SourceError when it cannot be opened or is none of these.
    """
    try:
        with _opened(path) as file:
            yield from _reader(path, file)
    except SourceError as exc:
        raise SourceError(f"{path}: {exc}") from exc
    except (OSError, EOFError) as exc:
        raise SourceError(f"{path}: cannot be read ({exc})") from exc


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb")) if zipped else path.open("rb")


def _reader(path: Path, file: IO[bytes]) -> Iterator[Read]:
    start = file.read(4096)
    file.seek(0)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return marc.read_xml(file)
    if b"\x1e" in start:
        return marc.read_iso2709(file)
    if path.suffix.lower() in (".csv", ".tsv") and b"\x00" not in start:
        return table.read_csv(file)
    raise SourceError("neither MARC (ISO 2709), MARCXML nor CSV; export it from the library system as one of these")
