"""The intent of a message: character and word n-grams of the folded text, and of the accented text where there is any.

Folding makes "mấy giờ mở cửa" and "may h mo cua" one text; what diacritics tell beyond that ("số đỏ", "sổ đỏ") comes
from a second set of word n-grams, silent for a message typed without them. The margins of a linear SVM, sharpened and
normalised, serve as confidence; `sharpness` and the fallback threshold were chosen on the development set.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Text, Tuple

import joblib
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from library.text import Normalised, fold, has_diacritics, normalise, same_tones

RANKED = 5  # how many readings are reported


def folded_text(message: Normalised) -> str:
    """Return the words as they are compared, and one sign a question mark, which tells much."""
    return " ".join(token.folded for token in message.tokens) + (" ?" if "?" in message.typed else "")


def accented_text(message: Normalised) -> str:
    """Return the words with their marks, or nothing when the patron typed none."""
    if not has_diacritics(message.typed):
        return ""
    return " ".join(same_tones(token.text.lower()) for token in message.tokens)


def _grams(text_of: Callable[[Normalised], str], sizes: Tuple[int, int], **how: Any) -> TfidfVectorizer:
    return TfidfVectorizer(preprocessor=text_of, ngram_range=sizes, sublinear_tf=True, **how)


def new_pipeline(c: float) -> Pipeline:
    grams = FeatureUnion(
        [
            ("letters", _grams(folded_text, (2, 4), analyzer="char_wb")),
            ("words", _grams(folded_text, (1, 3), token_pattern=r"\S+")),
            ("accents", _grams(accented_text, (1, 2), token_pattern=r"\S+")),
        ],
        transformer_weights={"letters": 1.0, "words": 1.0, "accents": 0.5},
    )
    return Pipeline([("grams", grams), ("choice", LinearSVC(C=c, class_weight="balanced"))])


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class NgramIntentClassifier(GraphComponent, IntentClassifier):
    """Sets `intent` and `intent_ranking`. Each accented example is also learned without its marks."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"C": 3.0, "sharpness": 5.0}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        pipeline: Optional[Pipeline] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._pipeline = pipeline

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
        texts: List[Normalised] = []
        intents: List[str] = []
        for example in training_data.intent_examples:
            typed = example.get(TEXT)
            for text in {typed, fold(typed)}:
                texts.append(normalise(text))
                intents.append(example.get(INTENT))
        self._pipeline = new_pipeline(self._config["C"]).fit(texts, intents)
        with self._storage.write_to(self._resource) as folder:
            joblib.dump(self._pipeline, folder / "intents.joblib", compress=3)
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
            return cls(config, model_storage, resource, joblib.load(folder / "intents.joblib"))

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            if not message.get(INTENT):  # a button has said what it means
                self._classify(message)
        return messages

    def _classify(self, message: Message) -> None:
        assert self._pipeline is not None, "the intent classifier was asked before it was trained"
        margins = self._pipeline.decision_function([normalise(message.get(TEXT) or "")])[0]
        chances = softmax(margins * self._config["sharpness"])
        best = chances.argsort()[::-1][:RANKED]
        ranking = [{"name": self._pipeline.classes_[i], "confidence": float(chances[i])} for i in best]
        message.set(INTENT, ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)
