"""The slots of a message, as exact spans of what was typed.

A linear-chain CRF over folded words learns how people name titles, authors, topics and the rest; it sees, word by
word, what the catalogue's own title book and the date reader say. Dates and ISBNs are then taken from their readers,
which know more than any tagger.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Text, Tuple

import pycrfsuite
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.spans import Span, best_of, date_spans, isbn_spans, word_labels
from library.text import Normalised, fold, nfc, normalise
from library.titles import TitleBook, TitleMatch

QUOTES = "\"“”'‘’«»"
Sequence_ = List[List[str]]


def title_book() -> Optional[TitleBook]:
    """Return the catalogue's titles and authors, or None before the first catalogue is indexed."""
    path = Path(os.environ.get("THUTHU_TITLES", ""))
    return TitleBook.open(path) if path.is_file() else None


def features(message: Normalised, named: Sequence[TitleMatch]) -> Sequence_:
    """Return each word's features: itself, its neighbours, what the title book and the date reader see there."""
    words = message.tokens
    folded = [word.folded for word in words]
    known = word_labels(words, [Span(m.kind, m.start, m.end) for m in named])
    dated = word_labels(words, date_spans(message.typed))
    rows = []
    for at, word in enumerate(words):
        before = [folded[at - n] if at - n >= 0 else "^" for n in (1, 2, 3)]
        after = [folded[at + n] if at + n < len(folded) else "$" for n in (1, 2, 3)]
        typed = message.typed[word.start : word.end]
        row = [
            "bias",
            f"w={word.folded}",
            f"t={word.text.lower()}",
            f"s={word.folded[-2:]}",
            f"p={word.folded[:2]}",
            f"k={known[at]}",
            f"d={dated[at]}",
            f"k-1={known[at - 1] if at else '^'}",
            *(f"w-{n}={b}" for n, b in enumerate(before, 1)),
            *(f"w+{n}={a}" for n, a in enumerate(after, 1)),
            f"w-1,0={before[0]},{word.folded}",
            f"w0,+1={word.folded},{after[0]}",
            f"w-2,-1={before[1]},{before[0]}",
            f"w+1,+2={after[0]},{after[1]}",
            f"first={folded[0]}",
            f"last={folded[-1]}",
        ]
        if word.folded.isdigit():
            row.append(f"digits={len(word.folded)}")
        if typed[:1].isupper():
            row.append("capital" if at else "capital-first")
        if message.typed[word.start - 1 : word.start] in QUOTES and word.start:
            row.append("quoted")
        rows.append(row)
    return rows


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class SlotExtractor(GraphComponent, EntityExtractorMixin):
    """Sets `entities`: one for each span, its value the characters typed (NFC)."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"c1": 0.05, "c2": 0.05, "iterations": 80}

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model_bytes: Optional[bytes] = None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._book = title_book()
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
        trainer = pycrfsuite.Trainer(verbose=False)
        for example in training_data.nlu_examples:
            for text in {example.get(TEXT), fold(example.get(TEXT))}:
                labels, rows = self._example(text, example.get(ENTITIES, []))
                if rows:
                    trainer.append(rows, labels)
        trainer.set_params(
            {
                "c1": self._config["c1"],
                "c2": self._config["c2"],
                "max_iterations": self._config["iterations"],
                "feature.possible_transitions": True,
            }
        )
        with self._storage.write_to(self._resource) as folder:
            trainer.train(str(folder / "slots.crf"))
        return self._resource

    def _example(self, text: str, entities: List[Dict[str, Any]]) -> Tuple[List[str], Sequence_]:
        message = normalise(text)
        spans = [Span(entity["entity"], entity["start"], entity["end"]) for entity in entities]
        return word_labels(message.tokens, spans), features(message, self._named(message))

    def _named(self, message: Normalised) -> List[TitleMatch]:
        return list(self._book.find(message.typed)) if self._book else []

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
            return cls(config, model_storage, resource, (folder / "slots.crf").read_bytes())

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            typed = nfc(message.get(TEXT) or "")
            found = [self._entity(span, typed) for span in self.spans(typed)]
            message.set(ENTITIES, self.add_extractor_name(found), add_to_output=True)
        return messages

    def spans(self, typed: str) -> List[Span]:
        """Return the slots of the text in order, none overlapping: readers first, then the tagger."""
        assert self._tagger is not None, "the slot extractor was asked before it was trained"
        message = normalise(typed)
        if not message.tokens:
            return []
        tags = self._tagger.tag(features(message, self._named(message)))
        return best_of(isbn_spans(typed), self._dates(message, tags), _tagged(message, tags))

    @staticmethod
    def _dates(message: Normalised, tags: List[str]) -> List[Span]:
        """Return the dates that do not lie inside a title the tagger saw ("Tháng Ba gãy súng")."""
        named = [span for span in _tagged(message, tags) if span.slot in {"title", "topic", "author"}]
        found = date_spans(message.typed)
        return [d for d in found if not any(n.start <= d.start and d.end <= n.end and n != d for n in named)]

    @staticmethod
    def _entity(span: Span, typed: str) -> Dict[str, Any]:
        value = typed[span.start : span.end]
        return {"entity": span.slot, "start": span.start, "end": span.end, "value": value}


def _tagged(message: Normalised, tags: List[str]) -> List[Span]:
    """Return the spans that the word labels B-slot, I-slot describe."""
    spans: List[Span] = []
    for word, tag in zip(message.tokens, tags, strict=True):
        mark, _, slot = tag.partition("-")
        if mark == "O":
            continue
        if mark == "I" and spans and spans[-1].slot == slot and _adjoin(message, spans[-1].end, word.start):
            spans[-1] = Span(slot, spans[-1].start, word.end)
        else:
            spans.append(Span(slot, word.start, word.end))
    return [span for span in spans if span.slot not in {"date", "part_of_day"}]


def _adjoin(message: Normalised, end: int, start: int) -> bool:
    return not re.search(r"\w", message.typed[end:start])
