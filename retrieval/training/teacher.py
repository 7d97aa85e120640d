"""The teacher's vectors: a sentence-transformers model reads every text once, and what it says of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import Progress

from retrieval.embedder import SentenceEmbedder, Vectors
from retrieval.vectors import VectorStore

_BATCH = 128


class Teacher:
    """Reads texts as questions, in half precision; its vectors are kept in `work`, so a stopped run goes on."""

    def __init__(self, model: Path, work: Path, *, device: str = "cpu", threads: int = 2) -> None:
        self._embedder = SentenceEmbedder(model, threads=threads, batch=_BATCH, device=device)
        self._store = VectorStore(work / "teacher.sqlite")
        self._device = device

    def vectors(self, texts: Sequence[str], what: str) -> Vectors:
        """Return one vector per text, of unit length, in the order given."""
        import torch  # only the one who trains has to wait for it

        with Progress() as bars, torch.autocast(self._device, torch.bfloat16):
            bar = bars.add_task(f"teacher reads {what}", total=None)
            self._store.fill(
                texts, self._embedder, "query", lambda done, whole: bars.update(bar, completed=done, total=whole)
            )
        return np.asarray(self._store.known(texts, self._embedder, "query"), np.float32)
