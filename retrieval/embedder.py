"""Turns text into vectors. `Embedder` is the port; `open_embedder` gives the one that the settings name.

"fast" is the static encoder in this repository; "thorough" and every other one is read by sentence-transformers.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from library.text import tokens
from retrieval import static_encoder
from retrieval.static_encoder import StaticEncoder

FAST, THOROUGH = "fast", "thorough"
THOROUGH_FOLDER = Path("var/encoder")  # made at set-up by `retrieval.encoder`
Vectors = NDArray[np.float32]


_LARGE_TABLE = 50_000  # words
# Where the modules of a model tell how wide their vectors are: Dense, Pooling, Transformer.
_WIDTHS = ("out_features", "word_embedding_dimension", "embedding_dimension", "hidden_size", "dim")


class EmbedderUnavailable(Exception):
    """The model is not on this disk. The message says where it was looked for; nothing is downloaded."""


class Embedder(Protocol):
    """Vectors have unit length, so that a dot product is a cosine; an empty text gives the zero vector."""

    name: str  # changes whenever the vectors would: they are stored under it
    dimension: int
    cheap: bool  # encoding costs less than looking a stored vector up
    bare: bool  # reads text without marks as well as with them
    near: float  # the cosine from which a text that shares no word with the question is worth showing
    told: float  # how much its vectors tell of which answer a question wants, beside the words alone

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

    cheap = bare = False
    near = 0.83  # measured for e5
    told = 2.0

    def __init__(self, folder: Path, *, threads: int = 1, batch: int = 32, device: str = "cpu") -> None:
        self._folder, self._threads, self._batch, self._device = folder, threads, batch, device
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
                str(self._folder), device=self._device, local_files_only=True, model_kwargs={"dtype": torch.float16}
            )
        except (OSError, ValueError) as exc:
            raise EmbedderUnavailable(f"{self._folder}: the sentence model cannot be loaded ({exc})") from exc
        for module in model.modules():
            # The table of words is two thirds of the memory and is only looked up: 16 bits do. The rest reckons in 32.
            table = isinstance(module, torch.nn.Embedding) and module.num_embeddings > _LARGE_TABLE
            for parameter in () if table else module.parameters(recurse=False):
                parameter.data = parameter.data.float()
        return model


def open_embedder(encoder: str, threads: int = 1) -> Embedder | None:
    """Return the encoder of `[search] encoder`: "fast", "thorough", or a sentence-transformers model; '' has none.

    A model is a folder, or the name of one that this machine's Hugging Face cache holds; nothing is downloaded.
    Raises EmbedderUnavailable.
    """
    if not encoder:
        return None
    folder = {FAST: static_encoder.MODEL, THOROUGH: THOROUGH_FOLDER}.get(encoder) or _folder(encoder)
    if not static_encoder.is_static(folder):
        return _sentence_embedder(folder, threads, _settings(folder)["fingerprint"])
    try:
        return StaticEncoder(folder)
    except (OSError, ValueError, KeyError) as exc:
        raise EmbedderUnavailable(f"{folder}: the static encoder cannot be read ({exc}); put its files back") from exc


@lru_cache(maxsize=2)
def _sentence_embedder(folder: Path, threads: int, _fingerprint: str) -> SentenceEmbedder:
    """Return one embedder a process for the same model: it takes half a gigabyte, and all may ask it at once."""
    return SentenceEmbedder(folder, threads=threads)


def _folder(encoder: str) -> Path:
    if Path(encoder).is_dir():
        return Path(encoder)
    from huggingface_hub import snapshot_download  # takes a while to import, and most libraries name no model

    try:
        return Path(snapshot_download(encoder, local_files_only=True))
    except (OSError, ValueError) as exc:
        raise EmbedderUnavailable(
            f"[search] encoder = {encoder!r} is neither a folder nor a model in this machine's cache; "
            'put its folder on this disk and name that, or write "fast"'
        ) from exc


def _settings(folder: Path) -> dict[str, Any]:
    """Return the width of the vectors and a fingerprint of the model, read without loading it."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        told = [_json(folder / module["path"] / "config.json") for module in modules]
        sizes = sorted(path.stat().st_size for path in folder.rglob("*.safetensors"))
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise EmbedderUnavailable(f"{folder}: there is no sentence model here ({exc}); set it up first") from exc
    width = next((each[key] for each in reversed(told) for key in _WIDTHS if key in each), None)
    if not width or not sizes:
        raise EmbedderUnavailable(f"{folder}: the sentence model is not whole (no width or weights); set it up again")
    digest = hashlib.sha256(json.dumps([told, sizes], sort_keys=True).encode()).hexdigest()[:12]
    return {"hidden_size": width, "fingerprint": f"{folder.name}-{digest}"}


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


class HashingEmbedder:
    """Words hashed into a vector: no meaning, no model, the same everywhere. For tests and for machines without one."""

    cheap = False
    bare = True
    near = 0.83
    told = 0.5

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
