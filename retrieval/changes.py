"""Brings an index up to the catalogue without building it anew: what changed becomes a part beside those before it.

A part's rows come after all others; the rows it replaces are dead. A new part takes in those before it that are no
larger, so that there are never many. What is dead, and what the spelling model has not read, goes with the next build.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from library.titles import layer
from retrieval import ids, lexical, writing
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder
from retrieval.ids import Ids
from retrieval.manifest import Manifest, Part, part_folder
from retrieval.record import Record
from retrieval.vectors import VectorStore

DEAD = "dead.npy"
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Sources:
    """What an index is made from. With `embed` false, only vectors that are stored or cheap to make go in."""

    catalogue: Catalogue
    embedder: Embedder | None = None
    vectors: VectorStore | None = None
    embed: bool = True


def apply(folder: Path, manifest: Manifest, sources: Sources) -> Manifest:
    """Bring this folder, which nobody reads yet, up to the catalogue, and return its manifest but for the proofs."""
    catalogue = sources.catalogue
    mark = catalogue.mark
    changed = catalogue.changed_ids(manifest.mark)
    kept = _kept(manifest.parts, len(changed), again=_embeds(sources, manifest))
    if not changed and len(kept) == len(manifest.parts):
        return manifest
    change = _Change(folder, manifest, kept, changed)
    records = catalogue.in_order(change.wanted)
    change.drop_absorbed()
    part, codes = change.write(records, sources)
    parts = (*kept, part)
    return replace(
        manifest,
        mark=mark,
        records=sum(each.rows for each in parts) - len(change.dead),
        model=manifest.model or (sources.embedder.name if sources.embedder and part.unembedded < part.rows else ""),
        unembedded=sum(each.unembedded for each in parts),
        codes=codes,
        parts=parts,
    )


def _embeds(sources: Sources, manifest: Manifest) -> bool:
    """Return whether what is written now may get new vectors, comparable with those of the base."""
    model = sources.embedder.name if sources.embedder else None
    return (sources.embed or bool(sources.embedder and sources.embedder.cheap)) and model == manifest.model


def _kept(parts: Sequence[Part], count: int, *, again: bool) -> tuple[Part, ...]:
    """Return the parts that stay as they are when so many changes come."""
    last = len(parts)
    while last > 1 and (parts[last - 1].rows <= count or (again and parts[last - 1].unembedded)):
        last -= 1
        count += parts[last].rows
    return tuple(parts[:last])


class _Change:
    """One application of changes: what leaves the parts that are kept, and what the new part holds."""

    def __init__(self, folder: Path, manifest: Manifest, kept: Sequence[Part], changed: Sequence[str]) -> None:
        self._folder, self._manifest, self._kept = folder, manifest, kept
        self._start = kept[-1].end
        self._ids = [Ids(part_folder(folder, number)) for number in range(len(manifest.parts))]
        before = read_dead(folder)
        self._gone = set(before.tolist())
        absorbed = self._living(range(len(kept), len(manifest.parts)))
        self.wanted = sorted({*changed, *absorbed.values()})
        replaced = [row for record_id in changed if (row := self._row(record_id)) is not None]
        self._removed = [*replaced, *absorbed]
        self.dead: Rows = np.array(sorted({*before[before < self._start].tolist(), *replaced}), dtype=np.int64)

    def _living(self, numbers: Iterable[int]) -> dict[int, str]:
        rows = (
            (self._manifest.parts[number].start + at, record_id)
            for number in numbers
            for at, record_id in enumerate(self._ids[number])
        )
        return {row: record_id for row, record_id in rows if row not in self._gone}

    def _row(self, record_id: str) -> int | None:
        """Return the living row of this id in the parts that are kept."""
        for number, part in enumerate(self._kept):
            at = self._ids[number].find(record_id)
            if at is not None and part.start + at not in self._gone:
                return part.start + at
        return None

    def drop_absorbed(self) -> None:
        for number in range(len(self._kept), len(self._manifest.parts)):
            shutil.rmtree(part_folder(self._folder, number))
            layer(self._folder / writing.TITLES, number).unlink()

    def write(self, records: Sequence[Record], sources: Sources) -> tuple[Part, dict[str, list[str]]]:
        number = len(self._kept)
        beneath = part_folder(self._folder, number)
        beneath.mkdir()
        ids.write(beneath, (record.record_id for record in records))
        lexical.change(self._folder / writing.LEXICAL, self._removed, writing.entries(records), self._start)
        titles = layer(self._folder / writing.TITLES, number)
        codes = writing.write_names(beneath, records, titles, self._manifest.codes, sorted(self._hidden()))
        write_dead(self._folder, self.dead)
        unembedded = len(records)
        if sources.embedder and sources.embedder.name == self._manifest.model:
            unembedded = writing.write_vectors(
                beneath, lambda: records, len(records), sources.embedder, sources.vectors, embed=sources.embed
            )
        return Part(self._start, len(records), unembedded), codes

    def _hidden(self) -> set[str]:
        """Return the ids whose every row in the kept parts is dead: their titles are no longer found there."""
        ids_of = {self._id(row) for row in self.dead.tolist()}
        self._gone.update(self.dead.tolist())
        return {record_id for record_id in ids_of if self._row(record_id) is None}

    def _id(self, row: int) -> str:
        number = max(number for number, part in enumerate(self._kept) if part.start <= row)
        return self._ids[number][row - self._kept[number].start].decode()


def read_dead(folder: Path) -> Rows:
    """Return the rows that are in the index and no longer to be found, in order."""
    return np.asarray(np.load(folder / DEAD), dtype=np.int64)


def write_dead(folder: Path, dead: Rows) -> None:
    (folder / DEAD).unlink(missing_ok=True)  # it may be another folder's too, by a second name
    np.save(folder / DEAD, dead)
