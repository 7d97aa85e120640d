"""Vectors already computed, kept by the text they stand for, so that no text is embedded twice and work can resume."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from retrieval.embedder import Embedder, Vectors
from retrieval.storage import Database

Kind = Literal["query", "passage"]
Progress = Callable[[int, int], None]

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;"
_ROUND = 256  # texts embedded and stored at a time: at most so many are lost by an interruption
_ASKED = 500  # keys a query asks for


class VectorStore:
    """Vectors of passages by model and text, 16 bits a number."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def embed(
        self, texts: Sequence[str], embedder: Embedder, kind: Kind = "passage", progress: Progress | None = None
    ) -> Vectors:
        """Return one vector per text, embedding only what is not yet stored."""
        self.fill(texts, embedder, kind, progress)
        return self.known(texts, embedder, kind)

    def known(self, texts: Sequence[str], embedder: Embedder, kind: Kind = "passage") -> Vectors:
        """Return one vector per text, zero for a text not embedded yet; the model is not needed, only its name."""
        found = self.stored(texts, embedder.name, kind)
        zero = np.zeros(embedder.dimension, dtype=np.float32)
        return np.stack([found.get(text, zero) for text in texts]) if texts else zero[None, :][:0]

    def fill(
        self, texts: Sequence[str], embedder: Embedder, kind: Kind = "passage", progress: Progress | None = None
    ) -> int:
        """Embed and store what is missing, and return how many texts that were.

        `progress` hears (done, to do). Texts go in order of length, since a batch costs as much as its longest text.
        """
        there = self.stored(texts, embedder.name, kind)
        missing = sorted({text for text in texts if text not in there}, key=lambda text: (len(text), text))
        encode = embedder.queries if kind == "query" else embedder.passages
        for at in range(0, len(missing), _ROUND):
            batch = missing[at : at + _ROUND]
            vectors = encode(batch).astype(np.float16)
            rows = [
                (_key(embedder.name, kind, text), vector.tobytes()) for text, vector in zip(batch, vectors, strict=True)
            ]
            with self._database.writing() as connection:
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            if progress:
                progress(at + len(batch), len(missing))
        return len(missing)

    def stored(self, texts: Sequence[str], model: str, kind: Kind = "passage") -> dict[str, Vectors]:
        """Return the vectors of those texts that have been embedded by this model."""
        by_key = {_key(model, kind, text): text for text in texts}
        rows = self._rows(list(by_key))
        return {by_key[key]: np.frombuffer(vector, np.float16).astype(np.float32) for key, vector in rows}

    def _rows(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        stream = iter(dict.fromkeys(keys))
        while asked := list(islice(stream, _ASKED)):
            marks = ",".join("?" * len(asked))
            yield from self._database.connection.execute(
                f"SELECT key, vector FROM vectors WHERE key IN ({marks})",
                asked,
            )

    def close(self) -> None:
        self._database.close()


def _key(model: str, kind: Kind, text: str) -> bytes:
    return hashlib.blake2b(f"{model}\0{kind}\0{text}".encode(), digest_size=16).digest()
