"""What the intent classifier learns from: each example as it is, without its marks, and as hurried hands type it."""

from __future__ import annotations

import random
import zlib
from functools import partial
from typing import Iterator, List, Sequence, Tuple

from bot.components.slot_training import Labelled, changed
from bot.components.spans import Span
from library.hurry import drawn_out, half_accented, politer, teencode, telex, typo, unaccented

_WITHIN = (half_accented, teencode, telex, typo, drawn_out)  # change words where they stand


def copies(example: Labelled, hurried: int, slots_missed: float) -> Iterator[Labelled]:
    """Yield the example and its copies; the same ones for the same example, whatever stands before it.

    A tagger misses some slots: a share of them is left unmarked, so that their words mean something too.
    """
    chance = random.Random(zlib.crc32(example.text.encode()))  # noqa: S311 - the same each time, and no secret
    for copy in _distinct(example, hurried, chance):
        yield Labelled(copy.text, _heard(copy.spans, slots_missed, chance))


def _distinct(example: Labelled, hurried: int, chance: random.Random) -> List[Labelled]:
    found = {example.text: example}
    for copy in [changed(example, lambda part: unaccented(part, chance)), *_hurried(example, hurried, chance)]:
        found.setdefault(copy.text, copy)
    return list(found.values())


def _hurried(example: Labelled, number: int, chance: random.Random) -> Iterator[Labelled]:
    for harm in chance.sample((*_WITHIN, politer), number):
        yield _politer(example, chance) if harm is politer else changed(example, partial(harm, chance=chance))


def _politer(example: Labelled, chance: random.Random) -> Labelled:
    text = politer(example.text, chance)
    moved = text.find(example.text)
    if moved < 0:
        return example
    return Labelled(text, tuple(Span(span.slot, span.start + moved, span.end + moved) for span in example.spans))


def _heard(spans: Sequence[Span], missed: float, chance: random.Random) -> Tuple[Span, ...]:
    return tuple(span for span in spans if chance.random() >= missed)
