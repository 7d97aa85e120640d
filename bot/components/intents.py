"""The intent of a message: a linear SVM over grams of its words, with and without the names of books in it.

Folding makes "mấy giờ mở cửa" and "may h mo cua" one text; what diacritics tell beyond that ("số đỏ", "sổ đỏ") comes
from a group of grams of its own, silent for a message typed without them. The slots are found before. The margins,
sharpened and normalised, serve as confidence; `sharpness` and the fallback threshold were chosen by cross-validation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Text

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

from bot.components.intent_choice import Choice, Heard
from bot.components.intent_training import DENIED, copies, denied
from bot.components.mending import Mender
from bot.components.neighbours import Neighbours
from bot.components.slot_training import Labelled
from bot.components.spans import Span
from bot.components.word_vectors import WordVectors
from library.text import normalise

RANKED = 5  # how many readings are reported
REFUSED = "out_of_scope"
STRANGE = 0.25  # the refusal is first of all that a message of words never met may be, and unlikely: a fallback
NEAREST = "nearest"  # asked for in a message's metadata, with how many
MOST_NEAREST = 10
ENCODER = Path(__file__).resolve().parents[2] / "retrieval" / "model"
_FILE, _EXAMPLES = "intents.joblib", "examples.joblib"


def entity_spans(message: Message) -> List[Span]:
    return [Span(found["entity"], found["start"], found["end"]) for found in message.get(ENTITIES) or []]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class NgramIntentClassifier(GraphComponent, IntentClassifier):
    """Sets `intent` and `intent_ranking`, and `nearest` where the message's metadata asks for that many examples."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`hurried`: copies of an example in hurried spelling; `slots_missed`: the share of slots left unmarked.

        `refusal` is added to the margin of out_of_scope: what nobody taught looks like nothing else, least of all like
        the few kinds of strange messages that the examples hold.
        """
        return {"C": 1.0, "sharpness": 5.0, "refusal": 0.25, "slots_missed": 0.1, "hurried": 2}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        choice: Optional[Choice] = None,
        mender: Optional[Mender] = None,
        neighbours: Optional[Neighbours] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._choice = choice
        self._mender = mender
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
        mender = Mender.learned(normalise(example.get(TEXT)) for example in training_data.intent_examples)
        heard: List[Heard] = []
        intents: List[str] = []
        for example in training_data.intent_examples:
            labelled = Labelled(example.get(TEXT), tuple(entity_spans(example)))
            for copy in copies(labelled, self._config["hurried"], self._config["slots_missed"]):
                heard.append((mender.mended(normalise(copy.text)), copy.spans))
                intents.append(example.get(INTENT))
            for copy in denied(labelled, example.get(INTENT)):
                heard.append((mender.mended(normalise(copy.text)), copy.spans))
                intents.append(DENIED)
        vectors = WordVectors.read(ENCODER)
        self._choice, self._mender = Choice.learned(heard, intents, vectors, self._config["C"]), mender
        self._neighbours = Neighbours(
            [(example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples]
        )
        with self._storage.write_to(self._resource) as folder:
            joblib.dump((self._choice, mender), folder / _FILE, compress=1)
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
            choice, mender = joblib.load(folder / _FILE)
            return cls(config, model_storage, resource, choice, mender, Neighbours.load(folder / _EXAMPLES))

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if not message.get(INTENT):  # a button has said what it means
                self._classify(message)
        return messages

    def _classify(self, message: Message) -> None:
        assert self._choice is not None, "the intent classifier was asked before it was trained"
        assert self._mender is not None
        typed = message.get(TEXT) or ""
        read, slots = self._mender.mended(normalise(typed)), entity_spans(message)
        margins = self._choice.margins((read, slots))
        refused = np.array(self._choice.intents) == REFUSED
        margins += self._config["refusal"] * refused
        if read.tokens and not slots and self._mender.knows_none(read):
            margins = STRANGE * refused  # all that is left of such a message is how often each intent is met
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
