"""Two readings so near that a guess would be a coin's toss: in a talk, the patron is asked which is meant.

`action_not_understood` puts the readings as buttons. Only a live turn is asked back; `make eval-nlu` judges the
reading itself. Of 1,801 development messages 8 are so near: the first reading is right in 5, one of three in all.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import INTENT
from rasa.shared.nlu.training_data.message import Message

RANKING = "intent_ranking"
NOT_ASKED = frozenset({DEFAULT_NLU_FALLBACK_INTENT_NAME, "out_of_scope", "chitchat"})
# All of these look the book up and show it, so the likeliest serves whoever meant another.
ABOUT_A_BOOK = frozenset({"find_item", "check_availability", "locate_item", "recommend_items", "list_new_items"})


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class NearReadings(GraphComponent, IntentClassifier):
    """Sets `intent` to the fallback where the two likeliest readings are near; the ranking keeps them behind it."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """`sure`: a reading this likely is taken; `near`: the second, as a share of the first, that makes a doubt."""
        return {"sure": 0.5, "near": 0.6}

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._config = config

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> NearReadings:
        return cls(config)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            live = bool((message.get("metadata") or {}).get("message"))
            if live and self._near(message.get(RANKING) or []):
                fallback = {"name": DEFAULT_NLU_FALLBACK_INTENT_NAME, "confidence": message.get(INTENT)["confidence"]}
                message.set(INTENT, fallback, add_to_output=True)
                message.set(RANKING, [fallback, *message.get(RANKING)], add_to_output=True)
        return messages

    def _near(self, ranking: Sequence[Mapping[str, Any]]) -> bool:
        if len(ranking) < 2 or not NOT_ASKED.isdisjoint(one["name"] for one in ranking[:2]):
            return False
        if ABOUT_A_BOOK.issuperset(one["name"] for one in ranking[:2]):
            return False
        first, second = (one["confidence"] for one in ranking[:2])
        return bool(first < self._config["sure"] and second > self._config["near"] * first)
