"""What the intent classifier learns from: each example as it is, without its marks, and as hurried hands type it."""

from __future__ import annotations

import random
import zlib
from functools import partial
from typing import Iterator, List, Sequence, Tuple

from bot.components.slot_training import Labelled, changed
from bot.components.spans import Span
from library.hurry import drawn_out, half_accented, politer, teencode, telex, typo, unaccented
from library.text import fold

# A deed that is asked for in so many words is as often called off with them; writers think of the first far more often.
DENIED = "deny"
_DEEDS = {
    "renew_loans": ("gia han", "renew", "extend"),
    "place_hold": ("dat ", "giu ", "hold", "reserve", "place"),
    "cancel_hold": ("huy ", "cancel"),
    "delete_my_data": ("xoa ", "delete", "erase"),
    "link_account": ("lien ket", "dang nhap", "link"),
    "unlink_account": ("huy ", "go ", "unlink"),
    "suggest_purchase": ("mua ", "buy"),
}
_NOT = (
    "đừng ",
    "đừng có ",
    "thôi đừng ",
    "chớ ",
    "khỏi ",
    "không cần ",
    "em không muốn ",
    "mình chưa muốn ",
    "ko muốn ",
)
_ENGLISH = {"renew", "extend", "hold", "reserve", "place", "cancel", "delete", "erase", "link", "unlink", "buy"}
_NOT_IN_ENGLISH = ("don't ", "please don't ", "I don't want to ", "no need to ")
_LONGEST_DENIED = 9  # words; what follows in a longer one may ask for the deed after all

_WITHIN = (half_accented, teencode, telex, typo, drawn_out)  # change words where they stand


def copies(example: Labelled, hurried: int, slots_missed: float) -> Iterator[Labelled]:
    """Yield the example and its copies; the same ones for the same example, whatever stands before it.

    A tagger misses some slots: a share of them is left unmarked, so that their words mean something too.
    """
    chance = random.Random(zlib.crc32(example.text.encode()))  # noqa: S311 - the same each time, and no secret
    for copy in _distinct(example, hurried, chance):
        yield Labelled(copy.text, _heard(copy.spans, slots_missed, chance))


def denied(example: Labelled, intent: str) -> Iterator[Labelled]:
    """Yield the request for a deed turned into its contrary, where the example begins with the deed's own word."""
    folded = fold(example.text)
    if not folded.startswith(_DEEDS.get(intent, "\n")) or len(folded.split()) > _LONGEST_DENIED:
        return
    chance = random.Random(zlib.crc32(folded.encode()))  # noqa: S311 - the same each time, and no secret
    english = folded.startswith(tuple(verb for verb in _DEEDS[intent] if verb in _ENGLISH))
    text = chance.choice(_NOT_IN_ENGLISH if english else _NOT) + _uncapped(example.text)
    added = len(text) - len(example.text)
    yield Labelled(text, tuple(Span(span.slot, span.start + added, span.end + added) for span in example.spans))


def _uncapped(text: str) -> str:
    return text.lower() if text.isupper() else text[:1].lower() + text[1:]


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
