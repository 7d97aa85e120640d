"""What words mean, from the project's own static encoder: a message is the sum of the vectors of its words.

Read from the encoder's folder when the classifier is trained, and kept in the model: a model goes on as it was trained
when the encoder is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict

import numpy as np
from safetensors.numpy import load_file

from library.text import Normalised, has_diacritics, same_tones


@dataclass(frozen=True)
class WordVectors:
    """Rows of 8 bits, each with its scale: those of folded words first, then those of words with their marks."""

    folded: Dict[str, int]
    accented: Dict[str, int]
    rows: np.ndarray
    scales: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> WordVectors:
        """Return the words' part of a static encoder. Raises OSError or KeyError where the folder holds none."""
        folded, accented = (line.split() for line in (folder / "words.txt").read_text(encoding="utf-8").split("\n"))
        tensors = load_file(str(folder / "model.safetensors"))
        words = len(folded) + len(accented)
        return cls(
            {word: at for at, word in enumerate(folded)},
            {word: at for at, word in enumerate(accented, len(folded))},
            tensors["rows"][:words].copy(),
            tensors["scales"][:words].astype(np.float32),
        )

    def of(self, message: Normalised) -> np.ndarray:
        """Return the message's vector of length one; zeros where no word is known."""
        rows = [self.folded.get(token.folded) for token in message.tokens]
        if has_diacritics(message.typed):
            rows += [self.accented.get(same_tones(token.text.lower())) for token in message.tokens]
        known = [row for row in rows if row is not None]
        total = self.scales[known] @ self.rows[known].astype(np.float32)
        length = float(np.linalg.norm(total))
        return total / length if length else total
