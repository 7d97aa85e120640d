"""Turns text into vectors. `Embedder` is the port; the real one is sentence-transformers, from files on this disk."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from library.text import tokens

Vectors = NDArray[np.float32]


_LARGE_TABLE = 50_000  # words


class EmbedderUnavailable(Exception):
    """The model is not on this disk. The message says where it was looked for; nothing is downloaded."""


class Embedder(Protocol):
    """Vectors have unit length, so that a dot product is a cosine; an empty text gives the zero vector."""

    name: str  # changes whenever the vectors would: they are stored under it
    dimension: int

    @property
    def ready(self) -> bool:
        """Return whether the next call answers at once instead of loading a model first."""
        ...

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return one vector per question, shape (len(texts), dimension), in the order given."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return one vector per text to be found, shape (len(texts), dimension), in the order given."""
        ...


class SentenceEmbedder:
    """A sentence-transformers model in a folder, loaded on first use or by `warm_up`.

    The model's own prompts ("query: ", "passage: ") are put before the text where its configuration names them.
    """

    def __init__(self, folder: Path, *, threads: int = 1, batch: int = 32) -> None:
        self._folder, self._threads, self._batch = folder, threads, batch
        self._model: Any = None
        self._lock = threading.Lock()
        settings = _settings(folder)
        self.dimension: int = settings["hidden_size"]
        self.name = settings["fingerprint"]

    @property
    def ready(self) -> bool:
        return self._model is not None

    def warm_up(self) -> None:
        """Load the model and run it once; takes some seconds, in which lexical search serves alone."""
        self.queries(["thư viện"])

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, "query")

    def passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts, "document")

    def _encode(self, texts: Sequence[str], kind: str) -> Vectors:
        model = self._loaded()
        prompt = model.prompts.get(kind, "")
        with self._lock:
            vectors = model.encode(
                list(texts), prompt=prompt or None, batch_size=self._batch, show_progress_bar=False,
                normalize_embeddings=True,
            )  # fmt: skip
        vectors = np.asarray(vectors, dtype=np.float32).reshape(len(texts), self.dimension)
        vectors[[not text.strip() for text in texts]] = 0
        return vectors

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self._load()
        return self._model

    def _load(self) -> Any:
        # Importing these takes seconds and hundreds of megabytes: only the process that embeds pays, and only then.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads sleep: other processes need the cores too
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # a bar on stderr is no line of a log
        torch.set_num_threads(self._threads)
        try:
            model = SentenceTransformer(
                str(self._folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float16}
            )
        except (OSError, ValueError) as exc:
            raise EmbedderUnavailable(f"{self._folder}: the sentence model cannot be loaded ({exc})") from exc
        for module in model.modules():
            # The table of words is two thirds of the memory and is only looked up: 16 bits do. The rest reckons in 32.
            table = isinstance(module, torch.nn.Embedding) and module.num_embeddings > _LARGE_TABLE
            for parameter in () if table else module.parameters(recurse=False):
                parameter.data = parameter.data.float()
        return model


def _settings(folder: Path) -> dict[str, Any]:
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        size = (folder / "model.safetensors").stat().st_size
    except (OSError, ValueError) as exc:
        raise EmbedderUnavailable(f"{folder}: there is no sentence model here ({exc}); set it up first") from exc
    told = json.dumps([settings, size], sort_keys=True).encode()
    return {**settings, "fingerprint": f"{folder.name}-{hashlib.sha256(told).hexdigest()[:12]}"}


class HashingEmbedder:
    """Words hashed into a vector: no meaning, no model, the same everywhere. For tests and for machines without one."""

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.name = f"hashing-{dimension}"

    @property
    def ready(self) -> bool:
        return True

    def queries(self, texts: Sequence[str]) -> Vectors:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for token in tokens(text):
                digest = hashlib.blake2b(token.text.lower().encode(), digest_size=8).digest()
                sign = 1 if digest[7] & 1 else -1
                vectors[row, int.from_bytes(digest[:6], "little") % self.dimension] += sign
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
