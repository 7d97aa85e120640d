"""What an index folder says of itself, and how its files are proved to be what was written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FORMAT = 5
_MANIFEST = "manifest.json"
_REMEDY = "run `thuthu catalogue index`"
Proof = Sequence[str | int]  # size, sha256


class IndexUnreadable(Exception):
    """The index is missing, damaged, or of another format. The message says which, and how to make it anew."""


@dataclass(frozen=True)
class Part:
    """A run of rows written at one time: the base comes first, what changed since in parts after it."""

    start: int  # its first row
    rows: int
    unembedded: int = 0  # rows found by words alone so far

    @property
    def end(self) -> int:
        return self.start + self.rows


@dataclass(frozen=True)
class Manifest:
    """What an index folder holds. `mark` is the catalogue's number of changes it was built from."""

    format: int
    mark: int
    records: int  # that can be found; rows that later parts replaced do not count
    model: str  # name of the embedder whose vectors are in it, '' while there are none
    unembedded: int = 0  # records found by words alone so far
    codes: Mapping[str, list[str]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    files: Mapping[str, Proof] = field(default_factory=dict)  # by name


def part_folder(folder: Path, number: int) -> Path:
    """Return where the part of this number keeps its columns and vectors."""
    return folder / f"part.{number}"


def read(folder: Path) -> Manifest:
    """Return what this folder says of itself. Raises IndexUnreadable if it is none, or none of this format."""
    try:
        told = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise IndexUnreadable(f"{folder}: format {told['format']}, this program reads {FORMAT}: {_REMEDY}")
        return Manifest(**{**told, "parts": tuple(Part(**part) for part in told["parts"])})
    except FileNotFoundError as exc:
        raise IndexUnreadable(f"{folder}: there is no index yet: {_REMEDY}") from exc
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise IndexUnreadable(f"{folder}: the index cannot be read ({exc}): {_REMEDY}") from exc


def write(folder: Path, manifest: Manifest, known: Container[tuple[int, int]] = ()) -> None:
    """Write the manifest last, when all else of the folder is on the disk; `known` files were there before."""
    for path in folder.rglob("*"):
        if _place(path) not in known:
            _sync_one(path)
    _sync_one(folder)
    path = folder / _MANIFEST
    path.unlink(missing_ok=True)  # it may be another folder's too, by a second name
    with path.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file)
        file.flush()
        os.fsync(file.fileno())
    _sync_one(folder)


def proofs(folder: Path, known: Mapping[tuple[int, int], Proof] | None = None) -> dict[str, Proof]:
    """Return the proof of every file; `known` ones, by device and number on the disk, are not read again."""
    return {str(path.relative_to(folder)): _proof(path, known or {}) for path in sorted(files(folder))}


def known_proofs(folder: Path, manifest: Manifest) -> dict[tuple[int, int], Proof]:
    """Return the manifest's proofs by the place of each file on the disk, which a second name of it shares."""
    return {_place(folder / name): proof for name, proof in manifest.files.items()}


def files(folder: Path) -> Iterator[Path]:
    """Yield every file of the index but the manifest and the lexical engine's locks."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != _MANIFEST and not path.name.endswith(".lock"):
            yield path


def cut_short(folder: Path, manifest: Manifest) -> Path | None:
    """Return the first file that is missing or not of the size it was written with; None when all are there."""
    for name, (size, _) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            return path
    return None


def _proof(path: Path, known: Mapping[tuple[int, int], Proof]) -> Proof:
    if (place := _place(path)) in known:
        return known[place]
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]


def _place(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
