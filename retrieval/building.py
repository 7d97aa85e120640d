"""Makes an index: whole beside the one in use, or what changed on top of it; then puts it in use in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from retrieval import ids, writing
from retrieval.asides import Asides, Job, Progress
from retrieval.catalogue import Catalogue
from retrieval.changes import Sources, apply, write_dead
from retrieval.embedder import Embedder
from retrieval.folders import alone, beside, linked, put_in_use
from retrieval.ids import Ids
from retrieval.manifest import (
    FORMAT,
    IndexUnreadable,
    Manifest,
    Part,
    Proof,
    cut_short,
    known_proofs,
    part_folder,
    proofs,
    read,
    write,
)
from retrieval.storage import disk_trouble
from retrieval.vectors import VectorStore

_SMALL = 2_000  # records; up to here building anew costs no more than a change
_MOST_CHANGED = 20_000  # records changed at once, and since the base was built
_SHARE, _DUE = 0.2, 0.05  # of the base: more than this at once is no small change; so much in all wants a new base
_WORTH_ASIDE = 3_000  # records from which a process of its own pays


def build(
    index: Path,
    catalogue: Catalogue,
    *,
    embedder: Embedder | None = None,
    vectors: VectorStore | None = None,
    embed: bool = True,
    texts: Iterable[str] = (),
    progress: Progress | None = None,
    workers: int = 1,
) -> Manifest:
    """Build the index of the whole catalogue, put it in use, and return its manifest.

    Without an embedder it finds by words alone; with `embed` false, by meaning only what was embedded before or costs
    little. `texts` are further texts of the library (answers, phrasings) that teach how its patrons' words are
    spelled. Embedding takes up where an interrupted run stopped. The result is the same for any number of `workers`.
    Readers and changes go on meanwhile; what changed is caught up with at the end. Raises StorageError when the disk
    is full; the index in use is then as it was.
    """
    sources = Sources(catalogue, embedder, vectors, embed)
    with disk_trouble(index), alone(index, "build"), ExitStack() as stack:
        with alone(index, "swap"):
            folder = stack.enter_context(beside(index))
        base = _Base(folder, sources, tuple(texts), progress or (lambda what, done, whole: None))
        made = base.write(workers)
        with alone(index, "swap"):
            return _finish(index, folder, apply(folder, made, sources), {})


def update(
    index: Path,
    catalogue: Catalogue,
    *,
    embedder: Embedder | None = None,
    vectors: VectorStore | None = None,
    embed: bool = True,
    texts: Iterable[str] = (),
    progress: Progress | None = None,
    workers: int = 1,
) -> Manifest:
    """Bring the index up to the catalogue and return its manifest: by what changed, or anew where that is as quick.

    Readers go on meanwhile. Raises StorageError when the disk is full; the index in use is then as it was.
    """
    sources = Sources(catalogue, embedder, vectors, embed)
    with disk_trouble(index), alone(index, "swap"):
        if now := _changeable(index, sources):
            with beside(index) as folder:
                old = index.resolve()
                linked(old, folder)
                changed = apply(folder, now, sources)
                return now if changed == now else _finish(index, folder, changed, known_proofs(old, now))
    return build(
        index, catalogue, embedder=embedder, vectors=vectors, embed=embed, texts=texts, progress=progress,
        workers=workers,
    )  # fmt: skip


def is_merge_due(manifest: Manifest) -> bool:
    """Return whether so much has changed since the base was built that it is time to build anew."""
    base, *later = manifest.parts
    changed = sum(part.rows for part in manifest.parts) - manifest.records + sum(part.rows for part in later)
    return changed > min(_MOST_CHANGED, _DUE * base.rows)


def _changeable(index: Path, sources: Sources) -> Manifest | None:
    """Return the manifest of the index in use, or None when it is better built anew than changed."""
    try:
        now = read(index.resolve())
    except IndexUnreadable:
        return None
    base, embedder = now.parts[0].rows, sources.embedder
    if embedder and embedder.name != now.model and (sources.embed or embedder.cheap):
        return None  # its vectors are not there or another model's
    few = len(sources.catalogue.changed_ids(now.mark)) <= min(_MOST_CHANGED, _SHARE * base)
    return now if base > _SMALL and few and not cut_short(index.resolve(), now) else None


def _finish(index: Path, folder: Path, made: Manifest, known: Mapping[tuple[int, int], Proof]) -> Manifest:
    finished = replace(made, files=proofs(folder, known))
    write(folder, finished, known)
    put_in_use(index, folder)
    return finished


class _Base:
    """The first part of a new index, and what serves all parts: it holds every record of one moment.

    That moment is the list of ids: whoever reads the records goes by it, so that all agree on the rows.
    """

    def __init__(self, folder: Path, sources: Sources, texts: tuple[str, ...], progress: Progress) -> None:
        self._folder, self._sources, self._texts, self._progress = folder, sources, texts, progress
        self._part = part_folder(folder, 0)

    def write(self, workers: int) -> Manifest:
        mark = self._sources.catalogue.mark
        self._part.mkdir()
        count = len(ids.write(self._part, self._sources.catalogue.ids()))
        write_dead(self._folder, np.zeros(0, dtype=np.int64))
        job = Job(self._folder, self._sources.catalogue.path, self._texts, count)
        with Asides(job, self._progress, workers if count >= _WORTH_ASIDE else 1) as asides:
            missing = self._vectors(count)
            codes = asides.finish()
        model = self._sources.embedder.name if self._sources.embedder and missing < count else ""
        return Manifest(FORMAT, mark, count, model, missing, codes, (Part(0, count, missing),))

    def _vectors(self, count: int) -> int:
        sources = self._sources
        if sources.embedder is None:
            return count
        return writing.write_vectors(
            self._part,
            lambda: sources.catalogue.in_step(Ids(self._part)),
            count,
            sources.embedder,
            sources.vectors,
            embed=sources.embed,
            reached=lambda done: self._progress("meaning", done, count),
        )
