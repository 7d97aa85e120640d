"""Which of the patron's own loans or holds a message speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from bot.actions.base import Heard
from bot.actions.ordinals import position, several_at_an_end
from bot.actions.repair import THE_OTHER
from bot.actions.wording import plainly, points_back
from library.text import fold, has_diacritics, nfc, same_tones, tokens


class Titled(Protocol):
    @property
    def title(self) -> str: ...

    @property
    def record_id(self) -> str: ...


Thing = TypeVar("Thing", bound=Titled)

_ALL = re.compile(
    r"\b(?:het|tat ca|tat|toan bo|ca|ca thay|full|all|both|everything|may cuon|may quyen|cac cuon|moi cuon)\b"
)
# Said anywhere in a message; "hết" alone is as often that of "hết hạn".
_ALL_OF_THEM = re.compile(r"\b(?:tat ca|toan bo|all (?:of )?(?:them|my|the)|everything)\b")
_EXCEPT = re.compile(r"\b(?:tru|ngoai tru|chua lai|except|all but|but not)\b")
_NUMBERS = {"mot": 1, "hai": 2, "ba": 3, "bon": 4, "nam": 5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def chosen(things: Sequence[Thing], heard: Heard) -> list[Thing] | None:
    """Return the ones meant; an empty list when a title is named that is none of them, None when it must be asked."""
    titles = heard.all("title")
    if titles and _EXCEPT.search(plainly(heard.text)):
        return [thing for thing in things if not any(thing in with_title(things, title) for title in titles)]
    if titles:
        return [thing for thing in things if any(thing in with_title(things, title) for title in titles)]
    if at_an_end := several_at_an_end(heard.text, len(things)):
        return [things[number] for number in at_an_end]
    places = [position(said, len(things)) for said in heard.all("item_ordinal")]
    if any(place is not None for place in places):
        return [thing for number, thing in enumerate(things) if number in places]
    record = heard.remembered("record")
    if record and THE_OTHER.search(plainly(heard.text)):
        others = [thing for thing in things if thing.record_id != record["record_id"]]
        if len(others) < len(things):
            return others if len(others) == 1 else None
    if len(things) == 1 or _means_all(heard, len(things)):
        return list(things)
    if record and points_back(heard.text):
        return [thing for thing in things if thing.record_id == record["record_id"]] or None
    return None


def with_title(things: Sequence[Thing], typed: str) -> list[Thing]:
    """Return those whose title holds the typed words, or is held by them; marks decide only between several."""
    folded = [thing for thing in things if _holds(_words(fold(thing.title)), _words(fold(typed)))]
    if len(folded) > 1 and has_diacritics(typed):
        exact = [thing for thing in folded if _holds(_marked(thing.title), _marked(typed))]
        return exact or folded
    return folded


def _means_all(heard: Heard, total: int) -> bool:
    said = plainly(" ".join(heard.all("loan_scope")))
    if not said:
        return bool(_ALL_OF_THEM.search(plainly(heard.text)))
    number = next((int(word) if word.isdigit() else _NUMBERS[word] for word in said.split() if _is_number(word)), 0)
    return number == total or (bool(_ALL.search(said)) and number in (0, total))


def _is_number(word: str) -> bool:
    return word.isdigit() or word in _NUMBERS


def _marked(title: str) -> str:
    return _words(same_tones(nfc(title).lower()))


def _words(text: str) -> str:
    return " ".join(token.text for token in tokens(text))


def _holds(whole: str, part: str) -> bool:
    """Return whether one of the two stands in the other, word for word; a title of one word must be typed alone."""
    return f" {part} " in f" {whole} " or (" " in whole and f" {whole} " in f" {part} ")
