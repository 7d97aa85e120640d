"""A sentence encoder that only looks words up: a table of vectors, summed. It needs no torch and starts at once.

The folder is a sentence-transformers model too (`static_torch.py`). `retrieval/training/` makes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from retrieval.static_features import Features, Lexicon

MODEL = Path(__file__).parent / "model"
KIND = "thuthu-static"
_BATCH = 256  # texts whose rows lie in the processor's cache together
_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "retrieval.static_torch.StaticFeatures"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]


class StaticEncoder:
    """Vectors of unit length out of a folder that `save` wrote; a question and a passage are read alike.

    Raises OSError, ValueError or KeyError where the folder holds no such model.
    """

    cheap = bare = True
    near = 0.4  # below it, hardly one text in ten that shares no word is about the same thing
    told = 0.5
    ready = True

    def __init__(self, folder: Path = MODEL) -> None:
        self.lexicon = load_lexicon(folder)
        tensors = load_file(folder / "model.safetensors")
        self.rows, self.scales = tensors["rows"], tensors["scales"].astype(np.float32)[:, None]
        if len(self.rows) != len(self.lexicon):
            raise ValueError(f"{folder}: {len(self.rows)} rows for {len(self.lexicon)} units; the folder is not whole")
        self.dimension = int(self.rows.shape[1])
        self.name = f"static-{settings(folder)['fingerprint']}"

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector per text; a text without a word has the zero vector."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for at in range(0, len(texts), _BATCH):
            self._sum(self.lexicon.features(texts[at : at + _BATCH]), vectors[at : at + _BATCH])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _sum(self, features: Features, into: NDArray[np.float32]) -> None:
        filled = np.diff(features.starts, append=len(features.rows)) > 0
        if filled.any():
            weighted = self.rows[features.rows] * self.scales[features.rows]
            into[filled] = np.add.reduceat(weighted, features.starts[filled], axis=0)


def settings(folder: Path) -> dict[str, str]:
    """Return what the folder says of its model; a folder of another kind raises ValueError."""
    told: dict[str, str] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if told.get("kind") != KIND:
        raise ValueError(f"{folder}: not a model of the kind {KIND}")
    return told


def is_static(folder: Path) -> bool:
    """Return whether the folder holds a model of this kind."""
    try:
        return bool(settings(folder))
    except (OSError, ValueError):
        return False


def load_lexicon(folder: Path) -> Lexicon:
    folded, accented = (lines.split() for lines in (folder / "words.txt").read_text(encoding="utf-8").split("\n"))
    pairs = load_file(folder / "pairs.safetensors")["pairs"].astype(np.int64)
    return Lexicon(folded, accented, pairs[:, 0] * len(folded) + pairs[:, 1], int(settings(folder)["buckets"]))


def save(folder: Path, lexicon: Lexicon, table: NDArray[np.float32]) -> None:
    """Write the model: rows of 8 bits, each with its own scale."""
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127
    rows = np.rint(table / scales[:, None]).astype(np.int8)
    first, second = np.divmod(lexicon.pairs, len(lexicon.folded))
    save_file({"rows": rows, "scales": scales.astype(np.float16)}, folder / "model.safetensors")
    save_file({"pairs": np.stack([first, second], axis=1).astype(np.int32)}, folder / "pairs.safetensors")
    (folder / "words.txt").write_text(" ".join(lexicon.folded) + "\n" + " ".join(lexicon.accented), encoding="utf-8")
    digest = hashlib.sha256(rows.tobytes() + lexicon.pairs.tobytes()).hexdigest()[:12]
    told = {"kind": KIND, "dimension": table.shape[1], "buckets": lexicon.buckets, "fingerprint": digest}
    _write_json(folder / "config.json", told)
    _write_json(folder / "modules.json", _MODULES)
    _write_json(folder / "config_sentence_transformers.json", {"prompts": {}, "similarity_fn_name": "cosine"})
    (folder / "1_Normalize").mkdir(exist_ok=True)
    _write_json(folder / "1_Normalize" / "config.json", {})  # git keeps no empty folder


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
