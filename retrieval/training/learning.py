"""Training of the table: a text, its bare form and its spoilt form are drawn to the teacher's vector of the text."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from retrieval.static_features import Lexicon
from retrieval.training.noise import noisy, unaccented

logger = logging.getLogger(__name__)

_TEMPERATURE = 0.05
_SLOWEST = 0.02  # share of the first rate
_SHORTENED = 0.4  # share of the spoilt texts that also lose words, as a title half remembered does


@dataclass(frozen=True)
class Plan:
    """How long and how fast: one epoch sees every taught text once, and as many pairs of neighbours."""

    epochs: int = 3
    batch: int = 1024
    rate: float = 2e-3
    neighbours: float = 0.5  # weight of the pairs that no teacher has read
    seed: int = 11


@dataclass(frozen=True)
class Lessons:
    """What there is to learn: texts with the teacher's narrowed vectors, and pairs of texts that stood together."""

    texts: Sequence[str]
    vectors: NDArray[np.float32]
    neighbours: Sequence[tuple[str, str]]


class Learner:
    """A table that learns; `table` gives it back."""

    def __init__(self, lexicon: Lexicon, table: NDArray[np.float32], plan: Plan, device: str = "cpu") -> None:
        torch.manual_seed(plan.seed)
        self._lexicon, self._plan, self._device = lexicon, plan, device
        self._draw = random.Random(plan.seed)  # noqa: S311 - drawn the same each time, and no secret
        self._bag = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(table), freeze=False, mode="sum", sparse=True, include_last_offset=True
        ).to(device)
        self._optimiser = torch.optim.SparseAdam(self._bag.parameters(), lr=plan.rate)

    @property
    def table(self) -> NDArray[np.float32]:
        return np.asarray(self._bag.weight.detach().cpu().numpy(), np.float32)

    def learn(self, lessons: Lessons, work: Path) -> None:
        """Go through the lessons; what was learnt by the end of each epoch is kept in `work`, to go on from there."""
        kept = work / "learnt.pt"
        for epoch in range(self._resumed(kept), self._plan.epochs):
            self._draw.seed(f"{self._plan.seed} {epoch}")
            order = self._draw.sample(range(len(lessons.texts)), len(lessons.texts))
            starts = range(0, len(order) - self._plan.batch + 1, self._plan.batch)
            losses = []
            for number, at in enumerate(track(starts, f"epoch {epoch + 1} of {self._plan.epochs}")):
                self._slow_down((epoch + number / len(starts)) / self._plan.epochs)
                losses.append(self._step(lessons, order[at : at + self._plan.batch]))
            logger.info("epoch=%d loss=%.3f", epoch + 1, sum(losses) / max(len(losses), 1))
            self._keep(epoch + 1, kept)

    def _keep(self, done: int, kept: Path) -> None:
        beside = kept.with_suffix(".new")
        plan = vars(self._plan)
        torch.save([done, plan, self._bag.state_dict(), self._optimiser.state_dict()], beside)
        beside.replace(kept)

    def _resumed(self, kept: Path) -> int:
        """Return how many epochs are behind us; a file of another plan or another table counts for nothing."""
        if not kept.is_file():
            return 0
        done, plan, bag, optimiser = torch.load(kept, map_location=self._device)
        if plan != vars(self._plan) or bag["weight"].shape != self._bag.weight.shape:
            return 0
        self._bag.load_state_dict(bag)
        self._optimiser.load_state_dict(optimiser)
        return int(done)

    def _slow_down(self, passed: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self._plan.rate * max(1 - passed, _SLOWEST)

    def _step(self, lessons: Lessons, rows: list[int]) -> float:
        texts = [lessons.texts[row] for row in rows]
        targets = torch.from_numpy(lessons.vectors[rows]).to(self._device)
        views = (texts, [unaccented(text) for text in texts], [self._spoilt(text) for text in texts])
        loss = sum((_drawn(self._read(view), targets) for view in views), torch.zeros((), device=self._device))
        if lessons.neighbours and self._plan.neighbours:
            beside = self._draw.choices(lessons.neighbours, k=self._plan.batch)
            first = self._read([self._spoilt(text) for text, _ in beside])
            loss = loss + self._plan.neighbours * _told_apart(first, self._read([text for _, text in beside]))
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())

    def _spoilt(self, text: str) -> str:
        said = text.split()
        if len(said) > 3 and self._draw.random() < _SHORTENED:
            kept = self._draw.randint(max(2, len(said) // 2), len(said))
            start = self._draw.randrange(len(said) - kept + 1)
            text = " ".join(said[start : start + kept])
        return noisy(text, self._draw)

    def _read(self, texts: Sequence[str]) -> Tensor:
        features = self._lexicon.features(texts)
        ends = torch.from_numpy(np.append(features.starts, len(features.rows))).to(self._device)
        return functional.normalize(self._bag(torch.from_numpy(features.rows).to(self._device), ends), dim=1)


def _drawn(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return how far the vectors are from their targets, and how badly they tell them from the others'."""
    return (1 - (vectors * targets).sum(dim=1)).mean() + _told_apart(vectors, targets) / 4


def _told_apart(one: Tensor, other: Tensor) -> Tensor:
    return functional.cross_entropy(one @ other.T / _TEMPERATURE, torch.arange(len(one), device=one.device))
