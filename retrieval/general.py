"""The general model of Vietnamese spelling that ships with the program, for what a library's own texts do not hold."""

from __future__ import annotations

import io
import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.ngrams import Grams, Ids

Bytes = NDArray[np.uint8]

SHIPPED = Path(__file__).parent / "model" / "spelling.xz"


def pack(grams: Grams) -> bytes:
    """Return the model in few bytes: sorted keys by their differences, counts in one byte each."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        words=np.frombuffer("\n".join(grams.spellings).encode(), dtype=np.uint8),
        ones=np.asarray(grams.ones, dtype=np.int64),
        keys2=_in_planes(grams.keys2),
        keys3=_in_planes(grams.keys3),
        counts2=_in_a_byte(grams.counts2),
        counts3=_in_a_byte(grams.counts3),
    )
    return lzma.compress(buffer.getvalue(), preset=6)


def shipped() -> Grams:
    """Return the shipped model; none of its words counts as a library's own."""
    told = np.load(io.BytesIO(lzma.decompress(SHIPPED.read_bytes())))
    spellings = told["words"].tobytes().decode().split("\n")
    own = np.zeros(len(spellings), dtype=np.int64)
    twos, threes = ((_from_planes(told[f"keys{n}"]), _from_byte(told[f"counts{n}"])) for n in (2, 3))
    return Grams.of(spellings, own, told["ones"], twos, threes)


def _in_planes(keys: Ids) -> Bytes:
    """Return the differences with all first bytes together, then all second ones: they compress better so."""
    return np.ascontiguousarray(np.diff(keys, prepend=0).astype("<i8").view(np.uint8).reshape(-1, 8).T)


def _from_planes(planes: Bytes) -> Ids:
    return np.cumsum(np.ascontiguousarray(planes.T).view("<i8").ravel())


def _in_a_byte(counts: Ids) -> Bytes:
    return np.minimum(255, np.round(np.log2(counts) * 16)).astype(np.uint8)


def _from_byte(logs: Bytes) -> Ids:
    return np.round(2 ** (logs / 16)).astype(np.int64)
