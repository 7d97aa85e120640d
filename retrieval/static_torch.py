"""The static encoder as a module of sentence-transformers, which `modules.json` of its folder names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retrieval.static_encoder import StaticEncoder, save
from retrieval.static_features import Lexicon


class StaticFeatures(nn.Module):  # type: ignore[misc]
    """Sums the rows of a text; sentence-transformers' own Normalize follows."""

    save_in_root = True

    def __init__(self, lexicon: Lexicon, table: Tensor) -> None:
        super().__init__()
        self.lexicon = lexicon
        self.table = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum", include_last_offset=True)

    def tokenize(self, texts: Sequence[str], **_: Any) -> dict[str, Tensor]:
        """Return the rows of all texts and where each begins."""
        return self.preprocess(texts)

    def preprocess(self, texts: Sequence[str], **_: Any) -> dict[str, Tensor]:
        features = self.lexicon.features(list(texts))
        ends = np.append(features.starts, len(features.rows))
        return {"input_ids": torch.from_numpy(features.rows), "offsets": torch.from_numpy(ends)}

    def forward(self, features: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        features["sentence_embedding"] = self.table(features["input_ids"], features["offsets"])
        return features

    def get_sentence_embedding_dimension(self) -> int:
        return int(self.table.embedding_dim)

    def get_embedding_dimension(self) -> int:
        return int(self.table.embedding_dim)

    @property
    def max_seq_length(self) -> int | None:
        return None

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        save(Path(output_path), self.lexicon, self.table.weight.detach().cpu().numpy())

    @classmethod
    def load(cls, model_name_or_path: str, **_: Any) -> StaticFeatures:
        """Return the module as it lies in a local folder."""
        read = StaticEncoder(Path(model_name_or_path))
        return cls(read.lexicon, torch.from_numpy(read.rows * read.scales))
