"""How likely a best match is right, and how likely the book holds an answer at all: logistic curves over what
`retrieval.shelf` tells of a match. Their weights were learnt over several books by `retrieval/training/beliefs.py`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("beliefs.json")
Features = NDArray[np.float64]


def right(features: Features, by: str) -> float:
    """Return the belief that the best match is the answer; `by` names what the shelf went by, see `Shelf.by`."""
    return _belief(f"right_{by}", features)


def known(features: Features, by: str) -> float:
    """Return the belief that the book holds the answer."""
    return _belief(f"known_{by}", features)


def _belief(name: str, features: Features) -> float:
    return float(1 / (1 + np.exp(-features @ _weights()[name])))


@cache
def _weights() -> dict[str, Features]:
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: np.array(weights) for name, weights in told.items()}
