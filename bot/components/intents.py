"""The intent of a message: a linear SVM over grams of its words, with and without the names of books in it.

Folding makes "mấy giờ mở cửa" and "may h mo cua" one text; what diacritics tell beyond that ("số đỏ", "sổ đỏ") comes
from a group of grams of its own, silent for a message typed without them. The slots are found before. The margins,
sharpened and normalised, serve as confidence; `sharpness` and the fallback threshold were chosen by cross-validation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Text

import joblib
import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.special import softmax
from sklearn.svm import LinearSVC

from bot.components.gram_table import Grams, GramTable
from bot.components.intent_grams import GROUPS, Said
from bot.components.neighbours import Neighbours
from bot.components.spans import Span
from library.text import Normalised, fold, normalise

RANKED = 5  # how many readings are reported
NEAREST = "nearest"  # asked for in a message's metadata, with how many
MOST_NEAREST = 10
WEIGHTS = {"letters": 1.0, "signs": 1.0, "words": 0.5, "accents": 0.5, "places": 0.5}
_FILE, _EXAMPLES = "intents.joblib", "examples.joblib"


def grams(message: Normalised, spans: Sequence[Span]) -> Grams:
    said = Said(message, spans)
    return {group: of(said) for group, of in GROUPS.items()}


def entity_spans(message: Message) -> List[Span]:
    return [Span(found["entity"], found["start"], found["end"]) for found in message.get(ENTITIES) or []]


@dataclass(frozen=True)
class Choice:
    """What was learned: the table of grams, and for each intent its weights and its offset."""

    table: GramTable
    intents: List[str]
    weights: np.ndarray  # (grams, intents)
    offsets: np.ndarray

    @classmethod
    def learned(cls, examples: Sequence[Grams], intents: Sequence[str], c: float) -> Choice:
        table = GramTable.learned(examples, WEIGHTS)
        svm = LinearSVC(C=c, class_weight="balanced", random_state=0).fit(table.rows(examples), intents)
        weights = np.ascontiguousarray(svm.coef_.T, dtype=np.float32)
        return cls(table, [str(name) for name in svm.classes_], weights, svm.intercept_.astype(np.float32))

    def margins(self, seen: Grams) -> np.ndarray:
        at, values = self.table.row(seen)
        return np.asarray(values, np.float32) @ self.weights[at] + self.offsets


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class NgramIntentClassifier(GraphComponent, IntentClassifier):
    """Sets `intent` and `intent_ranking`, and `nearest` where the message's metadata asks for that many examples."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"C": 3.0, "sharpness": 5.0, "slots_missed": 0.1}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        choice: Optional[Choice] = None,
        neighbours: Optional[Neighbours] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._choice = choice
        self._neighbours = neighbours

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> NgramIntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        chance = random.Random(0)  # noqa: S311 - the same each time, and no secret
        seen: List[Grams] = []
        intents: List[str] = []
        for example in training_data.intent_examples:
            typed = example.get(TEXT)
            for text in sorted({typed, fold(typed)}):
                # A tagger misses some slots: their words must mean something too.
                spans = [span for span in entity_spans(example) if chance.random() >= self._config["slots_missed"]]
                seen.append(grams(normalise(text), spans))
                intents.append(example.get(INTENT))
        self._choice = Choice.learned(seen, intents, self._config["C"])
        self._neighbours = Neighbours(
            [(example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples]
        )
        with self._storage.write_to(self._resource) as folder:
            joblib.dump(self._choice, folder / _FILE, compress=1)
            self._neighbours.save(folder / _EXAMPLES)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> NgramIntentClassifier:
        with model_storage.read_from(resource) as folder:
            choice = joblib.load(folder / _FILE)
            return cls(config, model_storage, resource, choice, Neighbours.load(folder / _EXAMPLES))

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if not message.get(INTENT):  # a button has said what it means
                self._classify(message)
        return messages

    def _classify(self, message: Message) -> None:
        assert self._choice is not None, "the intent classifier was asked before it was trained"
        typed = message.get(TEXT) or ""
        margins = self._choice.margins(grams(normalise(typed), entity_spans(message)))
        chances = softmax(margins * self._config["sharpness"])
        best = chances.argsort()[::-1][:RANKED]
        ranking = [{"name": self._choice.intents[i], "confidence": float(chances[i])} for i in best]
        message.set(INTENT, ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)
        if asked := (message.get("metadata") or {}).get(NEAREST):
            self._show_nearest(message, typed, min(int(asked), MOST_NEAREST))

    def _show_nearest(self, message: Message, typed: str, most: int) -> None:
        assert self._neighbours is not None
        found = self._neighbours.nearest(typed, most)
        message.set(NEAREST, [one.__dict__ for one in found], add_to_output=True)
