"""The index of the catalogue, opened for reading: a folder that never changes once it is in use, in parts.

`var/index` is a link to the folder in use; see `folders` for how it is swapped, `building` for how one is made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from library.titles import TitleBook
from retrieval import folders, writing
from retrieval import manifest as manifests
from retrieval.asides import Progress as Progress
from retrieval.building import build as build
from retrieval.building import is_merge_due as is_merge_due
from retrieval.building import update as update
from retrieval.cards import Cards
from retrieval.changes import read_dead
from retrieval.dense import DenseIndex
from retrieval.diacritics import Restorer
from retrieval.facets import FacetTable
from retrieval.folders import alone
from retrieval.ids import Ids
from retrieval.lexical import LexicalIndex
from retrieval.manifest import IndexUnreadable as IndexUnreadable
from retrieval.manifest import Manifest as Manifest
from retrieval.manifest import cut_short, part_folder, proofs
from retrieval.meaning import Meaning

_TRIES = 5  # each time, the folder was replaced while it was being opened


@dataclass(frozen=True)
class Index:
    """An index opened for reading, by memory map: some milliseconds, and no model is loaded."""

    manifest: Manifest
    titles: TitleBook
    words: LexicalIndex
    facets: FacetTable
    cards: Cards
    restorer: Restorer
    meaning: Meaning | None
    _ids: Sequence[Ids]
    _dead: frozenset[int]

    def record_id(self, row: int) -> str:
        number = bisect_right(self.manifest.parts, row, key=lambda part: part.start) - 1
        return self._ids[number][row - self.manifest.parts[number].start].decode()

    def row(self, record_id: str) -> int | None:
        """Return the row of this record, or None if it is not in the index."""
        for part, ids in zip(self.manifest.parts, self._ids, strict=True):
            at = ids.find(record_id)
            if at is not None and part.start + at not in self._dead:
                return part.start + at
        return None


def read_manifest(index: Path) -> Manifest:
    """Return what the index in use says of itself. Raises IndexUnreadable if there is none, or none of this format."""
    return manifests.read(index)


def open_index(index: Path) -> Index:
    """Return the index in use. Raises IndexUnreadable when a file of it is missing or cut short."""
    for _ in range(_TRIES):
        folder = index.resolve()
        try:
            return _open(folder)
        except (IndexUnreadable, OSError):
            if index.resolve() == folder:
                raise
    return _open(index.resolve())


def _open(folder: Path) -> Index:
    manifest = manifests.read(folder)
    if path := cut_short(folder, manifest):
        raise IndexUnreadable(f"{path}: missing or cut short: run `thuthu catalogue index`")
    parts = [part_folder(folder, number) for number in range(len(manifest.parts))]
    dead = read_dead(folder)
    vectors = [
        (part.start, DenseIndex.open(each / writing.VECTORS))
        for part, each in zip(manifest.parts, parts, strict=True)
        if (each / writing.VECTORS).is_file()
    ]
    return Index(
        manifest,
        TitleBook.open(folder / writing.TITLES),
        LexicalIndex.open(folder / writing.LEXICAL),
        FacetTable(parts, [part.start for part in manifest.parts], manifest.codes, dead),
        Cards.open(parts, [part.start for part in manifest.parts]),
        Restorer.open(folder / writing.SPELLING),
        Meaning(vectors, dead) if vectors else None,
        [Ids(each) for each in parts],
        frozenset(dead.tolist()),
    )


def clear(index: Path) -> None:
    """Remove what processes that were killed while they made an index left behind."""
    with alone(index, "swap"):
        folders.clear(index)


def verify(index: Path) -> list[str]:
    """Return the files whose contents are not what was written, by their checksums; empty when all is well."""
    folder = index.resolve()
    found = proofs(folder)
    return [name for name, told in manifests.read(folder).files.items() if found.get(name) != told]
