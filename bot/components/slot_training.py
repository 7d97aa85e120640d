"""What the slot tagger learns from: each example as it is, typed in other hands, and with other titles, names, topics.

A few hundred sentences name a title; put together with the catalogue's and the lists' titles they teach where a title
stands, not which. What is known of phrases is hidden from a share of the copies, so that unknown titles are met too.
"""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from bot.components.slot_features import UNSURE
from bot.components.spans import Span
from library.hurry import half_accented, teencode, telex, typo, unaccented
from library.text import fold
from library.titles import TitleBook

_EXCHANGED = ("title", "author", "topic", "audience", "material", "language", "branch")
ANYTHING = "anything"  # words of other sentences, for titles
_ANY_WORDS = 0.1  # of the titles named as such are any words at all
_LED = re.compile(r"\b(?:cuon|quyen|bo|tap|tua|ten|truyen|book|novel|called)\s*[\"“‘']?$")
_PUT_TOGETHER = 0.2
_GOING_ON = {
    "topic": (
        "{branch}", "của {audience}", "trong {topic}", "{language}", "{topic}", "bằng {topic}",
        "ở đồng bằng sông Cửu Long", "miền Tây", "tại nhà", "trong nhà", "hữu cơ", "cơ bản", "nâng cao", "hiện đại",
        "Việt Nam", "thế giới", "thời Pháp thuộc", "thời phong kiến", "thế kỷ 20", "thời xưa", "qua {topic}",
        "vùng {branch}", "của các {topic}", "theo luật mới", "theo {topic}", "kiểu Nhật", "online",
    ),
}  # fmt: skip
_HIDDEN = 0.35  # of the copies are seen without what is known of phrases
_UNSURE, _MISHEARD = 0.25, 0.08  # of the copies are seen without an intent, or with a wrong one
_LOWERED = 0.6  # of the values put in are written without capitals, as most people type


@dataclass(frozen=True)
class Labelled:
    """A text and its slots; `hidden`: it is to be seen as if nobody knew its phrases."""

    text: str
    spans: Tuple[Span, ...]
    intent: str = UNSURE
    hidden: bool = False


Change = Callable[[str], str]
_FROM_CATALOGUE = 3_000  # of its titles and names, at most


def train_values(
    examples: Sequence[Labelled], listed: Mapping[str, Sequence[str]], book: Optional[TitleBook]
) -> Dict[str, List[str]]:
    """Return what may stand in each slot: what the examples, the lists and the catalogue name, each once, in order."""
    values: Dict[str, List[str]] = {slot: list(listed.get(slot, ())) for slot in _EXCHANGED}
    for example in examples:
        for span in example.spans:
            if span.slot in values:
                values[span.slot].append(example.text[span.start : span.end])
    for entry in book.some(_FROM_CATALOGUE) if book else ():
        values[entry.kind].append(entry.value)
    values[ANYTHING] = [words for example in examples if not example.spans for words in _piece(example.text)]
    return {slot: list(dict.fromkeys(each)) for slot, each in values.items()}


def _piece(text: str) -> Iterator[str]:
    """Yield a few words of a text that read like no title: where a book is named, they are one."""
    words = text.split()
    length = 2 + len(words) % 5
    start = len(text) % max(1, len(words) - length + 1)
    if len(words) > length:
        yield " ".join(words[start : start + length]).strip('.,?!:;()"“”')


def copies(
    example: Labelled, values: Mapping[str, Sequence[str]], intents: Sequence[str], exchanges: int
) -> Iterator[Labelled]:
    """Yield the example and its copies; the same ones for the same example, whatever stands before it."""
    chance = random.Random(zlib.crc32(example.text.encode()))  # noqa: S311
    for copy in _typed_otherwise(example, values, exchanges, chance):
        yield replace(copy, intent=_heard(example.intent, intents, chance), hidden=chance.random() < _HIDDEN)


def _typed_otherwise(
    example: Labelled, values: Mapping[str, Sequence[str]], exchanges: int, chance: random.Random
) -> Iterator[Labelled]:
    hands = _hands(chance)
    yield example
    if not example.text.isascii():
        yield changed(example, lambda part: unaccented(part, chance))
        if example.spans:
            yield changed(example, chance.choice(hands))
    if any(values.get(span.slot) for span in example.spans):
        for number in range(exchanges):
            other = exchanged(example, values, chance)
            yield changed(other, chance.choice(hands)) if number % 2 else other


def _heard(intent: str, intents: Sequence[str], chance: random.Random) -> str:
    """Return what the message might be taken to want: mostly what it does want."""
    drawn = chance.random()
    if drawn < _UNSURE:
        return UNSURE
    return chance.choice(intents) if drawn < _UNSURE + _MISHEARD else intent


def _hands(chance: random.Random) -> List[Change]:
    return [
        lambda part: unaccented(part, chance),
        lambda part: half_accented(part, chance),
        lambda part: teencode(typo(part, chance), chance),
        lambda part: teencode(part, chance),
        lambda part: telex(part, chance),
        lambda part: part.lower(),
        lambda part: part.upper(),
    ]


def changed(example: Labelled, change: Change) -> Labelled:
    """Return the example with each of its parts changed, its slots still exact."""
    return _assembled(example, change, lambda span: change(_value(example, span)))


def exchanged(example: Labelled, values: Mapping[str, Sequence[str]], chance: random.Random) -> Labelled:
    """Return the example with its titles, names and the like exchanged for others, written as the ones they replace."""

    def other(span: Span) -> str:
        old, slot = _value(example, span), span.slot
        if slot == "title" and chance.random() < _ANY_WORDS and _LED.search(fold(example.text[: span.start])):
            slot = ANYTHING
        return _written_like(old, _drawn(slot, values, chance), chance) if values.get(slot) else old

    return _assembled(example, lambda part: part, other)


def _drawn(slot: str, values: Mapping[str, Sequence[str]], chance: random.Random) -> str:
    """Return what may stand in the slot; some topics are put together, for a known one may go on."""
    drawn = chance.choice(values[slot])
    if slot in _GOING_ON and chance.random() < _PUT_TOGETHER:
        joint = chance.choice(_GOING_ON[slot])
        needed = re.search(r"\{(\w+)\}", joint)
        if not needed:
            return f"{drawn} {joint}"
        if values.get(needed[1]):
            return f"{drawn} {joint}".replace(needed[0], chance.choice(values[needed[1]]))
    return drawn


def _value(example: Labelled, span: Span) -> str:
    return example.text[span.start : span.end]


def _assembled(example: Labelled, between: Change, inside: Callable[[Span], str]) -> Labelled:
    """Return the example with what stands between its slots and what stands in them given anew."""
    text, end, spans = "", 0, []
    for span in sorted(example.spans, key=lambda each: each.start):
        text += between(example.text[end : span.start])
        value = inside(span)
        spans.append(Span(span.slot, len(text), len(text) + len(value)))
        text, end = text + value, span.end
    return Labelled(text + between(example.text[end:]), tuple(spans))


def _written_like(old: str, new: str, chance: random.Random) -> str:
    """Return the new value in capitals or without, and with or without marks, as people type who typed the old one."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    if old.islower() or (not old[:1].isupper() and chance.random() < _LOWERED):
        new = new.lower()
    return unaccented(new, chance) if old.isascii() and " " in old else new
