"""The index of the catalogue: a folder that never changes once made, and a name that points to the one in use.

`var/index` is a link to `var/index.<number>`. A new folder is built beside and the link is swapped in one step, so that
a reader sees the old index or the new one, whole; a reader that holds the old one goes on with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from library import titles
from library.titles import TitleBook
from retrieval import dense, facets, lexical
from retrieval.asking import ASKING_PHRASES
from retrieval.catalogue import Catalogue
from retrieval.dense import DenseIndex
from retrieval.diacritics import Restorer
from retrieval.embedder import Embedder
from retrieval.facets import FacetTable
from retrieval.lexical import LexicalIndex
from retrieval.passages import about, names, passage, title_entries, words
from retrieval.passages import titles as titles_of
from retrieval.record import Record
from retrieval.vectors import VectorStore

FORMAT = 1
_MANIFEST = "manifest.json"
_BATCH = 4096
Progress = Callable[[str, int, int], None]  # (what is being done, done, of how many)


class IndexUnreadable(Exception):
    """The index is missing, damaged, or of another format. The message says which, and how to make it anew."""


@dataclass(frozen=True)
class Manifest:
    """What an index folder holds. `mark` is the catalogue's number of changes it was built from."""

    format: int
    mark: int
    records: int
    model: str  # name of the embedder whose vectors are in it, '' while there are none
    unembedded: int = 0  # records found by words alone so far
    codes: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[str | int]] = field(default_factory=dict)  # name → [size, sha256]


def build(
    index: Path,
    catalogue: Catalogue,
    *,
    embedder: Embedder | None = None,
    vectors: VectorStore | None = None,
    embed: bool = True,
    texts: Iterable[str] = (),
    progress: Progress | None = None,
) -> Manifest:
    """Build the index of the whole catalogue, put it in use, and return its manifest.

    Without an embedder it finds by words alone; with `embed` false, by meaning only what was embedded before. `texts`
    are further texts of the library (answers, phrasings) that teach how its patrons' words are spelled. Embedding
    takes up where an interrupted run stopped.
    """
    tell = progress or (lambda what, done, whole: None)
    mark, records = catalogue.mark, list(catalogue)
    folder = _beside(index)
    try:
        codes = _write(folder, records, texts, tell)
        model, unembedded = "", len(records)
        if embedder and vectors:
            passages = [passage(record) for record in records]
            if embed:
                vectors.fill(passages, embedder, progress=lambda done, whole: tell("meaning", done, whole))
            unembedded = _write_vectors(folder, passages, embedder, vectors)
            model = embedder.name if unembedded < len(records) else ""
        manifest = Manifest(FORMAT, mark, len(records), model, unembedded, codes, dict(_checksums(folder)))
        (folder / _MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
        _sync(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _swap(index, folder)
    return manifest


def _beside(index: Path) -> Path:
    taken = [int(path.suffix[1:]) for path in index.parent.glob(f"{index.name}.*") if path.suffix[1:].isdigit()]
    folder = index.with_name(f"{index.name}.{max(taken, default=0) + 1}")
    folder.mkdir(parents=True)
    return folder


def _write(
    folder: Path, records: list[Record], texts: Iterable[str], tell: Callable[[str, int, int], None]
) -> dict[str, list[str]]:
    tell("words", 0, len(records))
    lexical.build(folder / "lexical", _entries(records, tell))
    ids = [record.record_id.encode() for record in records] or [b""]
    np.save(folder / "rows.npy", np.array(ids))
    tell("titles", 0, len(records))
    titles.build(folder / "titles.bin", (entry for record in records for entry in title_entries(record)))
    tell("spelling", 0, len(records))
    Restorer.learn((*_spelled(records), *texts, *ASKING_PHRASES)).save(folder / "diacritics")
    return facets.build(folder, records)


def _entries(records: list[Record], tell: Callable[[str, int, int], None]) -> Iterator[lexical.Entry]:
    for row, record in enumerate(records):
        by_field = {"title": words(titles_of(record)), "names": words(names(record)), "about": words(about(record))}
        numbers = (*(each.value for each in record.identifiers), *(item.barcode for item in record.items))
        yield lexical.Entry(by_field, record, tuple(filter(None, numbers)))
        if row % 1000 == 999:
            tell("words", row + 1, len(records))


def _spelled(records: list[Record]) -> Iterator[str]:
    for record in records:
        yield from (record.title, record.subtitle, record.original_title, *record.subjects, record.summary)
        yield from (who.name for who in record.contributors)


def _write_vectors(folder: Path, passages: list[str], embedder: Embedder, vectors: VectorStore) -> int:
    """Write the vectors there are, unless there are none, and return how many passages have none."""
    found = vectors.stored(passages, embedder.name).keys()
    if found:
        batches = (vectors.known(passages[at : at + _BATCH], embedder) for at in range(0, len(passages), _BATCH))
        dense.build(folder / "dense.faiss", batches, len(passages), embedder.dimension)
    return sum(passage not in found for passage in passages)


def _checksums(folder: Path) -> Iterator[tuple[str, list[str | int]]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _MANIFEST and not path.name.endswith(".lock"):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield str(path.relative_to(folder)), [path.stat().st_size, digest]


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(index: Path, folder: Path) -> None:
    before = Path(os.readlink(index)).name if index.is_symlink() else ""
    link = index.with_name(index.name + ".link")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name, target_is_directory=True)
    os.replace(link, index)
    # The one before stays a while longer for readers that are just opening it.
    for old in index.parent.glob(f"{index.name}.*"):
        if old.suffix[1:].isdigit() and old.name not in (before, folder.name):
            shutil.rmtree(old, ignore_errors=True)


@dataclass(frozen=True)
class Index:
    """An index opened for reading, by memory map: some milliseconds, and no model is loaded."""

    manifest: Manifest
    titles: TitleBook
    words: LexicalIndex
    facets: FacetTable
    restorer: Restorer
    meaning: DenseIndex | None
    _rows: NDArray[np.bytes_]

    def record_id(self, row: int) -> str:
        return bytes(self._rows[row]).decode()

    def row(self, record_id: str) -> int | None:
        """Return the row of this record, or None if it is not in the index. Rows are in the order of ids."""
        at = int(np.searchsorted(self._rows, record_id.encode()))
        return at if at < len(self._rows) and bytes(self._rows[at]).decode() == record_id else None


def read_manifest(index: Path) -> Manifest:
    """Return what the index in use says of itself. Raises IndexUnreadable if there is none, or none of this format."""
    try:
        manifest = Manifest(**json.loads((index / _MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError as exc:
        raise IndexUnreadable(f"{index}: there is no index yet: run `thuthu catalogue index`") from exc
    except (OSError, ValueError, TypeError) as exc:
        raise IndexUnreadable(f"{index}: the index cannot be read ({exc}): run `thuthu catalogue index`") from exc
    if manifest.format != FORMAT:
        raise IndexUnreadable(
            f"{index}: format {manifest.format}, this program reads {FORMAT}: run `thuthu catalogue index`"
        )
    return manifest


def open_index(index: Path) -> Index:
    """Return the index in use. Raises IndexUnreadable when a file of it is missing or cut short."""
    folder = index.resolve()
    manifest = read_manifest(folder)
    for name, (size, _) in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise IndexUnreadable(f"{path}: missing or cut short: run `thuthu catalogue index`")
    return Index(
        manifest,
        TitleBook.open(folder / "titles.bin"),
        LexicalIndex.open(folder / "lexical"),
        facets.open_table(folder, manifest.codes),
        Restorer.open(folder / "diacritics"),
        DenseIndex.open(folder / "dense.faiss") if "dense.faiss" in manifest.files else None,
        np.load(folder / "rows.npy", mmap_mode="r"),
    )


def verify(index: Path) -> list[str]:
    """Return the files whose contents are not what was written, by their checksums; empty when all is well."""
    folder = index.resolve()
    found = dict(_checksums(folder))
    return [name for name, told in read_manifest(folder).files.items() if found.get(name) != told]
