"""The slots of a message, as exact spans of what was typed.

A linear-chain CRF over folded words learns how people name titles, authors, topics and the rest; it sees, word by
word, what the catalogue's own title book, the lists of the training data and the date reader say, and what the message
is taken to want. Dates and ISBNs are then taken from their readers, which know more than any tagger.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Text

import pycrfsuite
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.lookups import Lookups
from bot.components.slot_features import IGNORANCE, UNSURE, Knowledge, features
from bot.components.slot_reading import Draft, draft, labels
from bot.components.slot_training import Labelled, copies, train_values
from bot.components.spans import Span
from library.text import normalise
from library.titles_in_use import TitlesInUse

DRAFT = "slot_draft"  # left in a message between the first reading and the review
_TAGGER, _LOOKUPS = "slots.crf", "lookups.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SlotExtractor(GraphComponent, EntityExtractorMixin):
    """Sets `entities`: one for each span, its value the characters typed (NFC)."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`exchanges`: copies of a sentence with another title, name or topic in it."""
        return {"c1": 0.05, "c2": 0.05, "iterations": 60, "exchanges": 3}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model_bytes: Optional[bytes] = None,
        lookups: Optional[Lookups] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._titles = TitlesInUse(Path(os.environ.get("THUTHU_TITLES", "")))
        self._lookups = lookups or Lookups({})
        self._model_bytes = model_bytes  # the tagger reads from these bytes without holding on to them
        self._tagger = pycrfsuite.Tagger() if model_bytes else None
        if self._tagger is not None:
            self._tagger.open_inmemory(model_bytes)

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SlotExtractor:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        self._lookups = Lookups({table["name"]: table["elements"] for table in training_data.lookup_tables})
        knowledge = self._knowledge()
        trainer = pycrfsuite.Trainer(verbose=False)
        for copy in self._copies([_labelled(each) for each in training_data.nlu_examples]):
            if (message := normalise(copy.text)).tokens:
                seen = features(message, IGNORANCE if copy.hidden else knowledge)
                trainer.append(seen.wanting(copy.intent), labels(message, copy.spans))
        trainer.set_params(
            {
                "c1": self._config["c1"],
                "c2": self._config["c2"],
                "max_iterations": self._config["iterations"],
                "feature.possible_transitions": True,
            }
        )
        with self._storage.write_to(self._resource) as folder:
            trainer.train(str(folder / _TAGGER))
            (folder / _LOOKUPS).write_text(json.dumps(self._lookups.phrases, ensure_ascii=False), encoding="utf-8")
        return self._resource

    def _copies(self, examples: Sequence[Labelled]) -> List[Labelled]:
        values = train_values(examples, self._lookups.phrases, self._titles.book())
        intents = sorted({each.intent for each in examples})
        return [copy for each in examples for copy in copies(each, values, intents, self._config["exchanges"])]

    def _knowledge(self) -> Knowledge:
        return Knowledge(self._lookups, self._titles.book())

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SlotExtractor:
        with model_storage.read_from(resource) as folder:
            phrases = json.loads((folder / _LOOKUPS).read_text(encoding="utf-8"))
            return cls(config, model_storage, resource, (folder / _TAGGER).read_bytes(), Lookups(phrases))

    def process(self, messages: List[Message]) -> List[Message]:
        assert self._tagger is not None, "the slot extractor was asked before it was trained"
        for message in messages:
            drafted = draft(message.get(TEXT) or "", self._knowledge(), self._tagger)
            message.set(DRAFT, drafted)
            message.set(ENTITIES, self.add_extractor_name(_entities(drafted, UNSURE)), add_to_output=True)
        return messages


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class SlotReview(GraphComponent, EntityExtractorMixin):
    """Sets `entities` again, the intent now known. Stands after the intent classifier, which reads the first ones."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SlotReview:
        return cls()

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            drafted, intent = message.get(DRAFT), (message.get(INTENT) or {}).get("name")
            if drafted and intent:
                message.set(ENTITIES, self.add_extractor_name(_entities(drafted, intent)), add_to_output=True)
                message.set(DRAFT, None)
        return messages


def _labelled(example: Message) -> Labelled:
    spans = (Span(entity["entity"], entity["start"], entity["end"]) for entity in example.get(ENTITIES, []))
    return Labelled(example.get(TEXT), tuple(spans), example.get(INTENT) or UNSURE)


def _entities(drafted: Draft, intent: str) -> List[Dict[str, Any]]:
    typed = drafted.message.typed
    return [
        {"entity": span.slot, "start": span.start, "end": span.end, "value": typed[span.start : span.end]}
        for span in drafted.spans(intent)
    ]
