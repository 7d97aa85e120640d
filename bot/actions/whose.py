"""Whose card is meant when several are linked in one chat: by name, by "con tôi", by "của mình"; else as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.actions.wording import says
from library.ils import PatronRef
from library.phrasing import Words
from library.ports import LinkedCard
from library.text import Token, fold, nfc, normalise, same_tones

SAID_CARD_OF = Words("thẻ của {name}", "the card of {name}")  # what a button says for the patron
# What stands before a given name: "cho bé Minh", "thẻ của Lan".
_BEFORE_A_NAME = frozenset(
    "cua cho be con em chau the anh chi ban co chu bac ong ba gium giup ho sang card for of".split()
)
_BESIDE_A_NAME = _BEFORE_A_NAME | frozenset("oi a nhe nha di nua sach voi".split())
_SURELY_BEFORE_A_NAME = frozenset({"be"})
# Names that, typed without marks or a capital, are more often another word: "sach cua minh".
_WORDS_TOO = frozenset("minh em anh chi con toi tao ban me my i tra the thu".split())
_MY_CHILD = (
    r"(?:con|bé) (?:tôi|tui|em|anh|chị|nhà)|con (?:trai|gái)|cháu nhà|con nhà|(?:thẻ|sách|cho|của) con mình"
    r"|my (?:son|daughter|kid|child)"
)
_MY_OWN = r"(?:của|thẻ|cho) (?:chính )?(?:tôi|tui|mình|tao)|my (?:own )?(?:card|books|loans|holds|fines)|for me"
ANOTHER_CARD = (
    r"thẻ khác|đổi thẻ|chuyển thẻ|những thẻ nào|các thẻ|mấy thẻ|thẻ nào|another card|other cards?|which cards"
)


@dataclass(frozen=True)
class Whose:
    """The card that the words name; when they fit several, or ask for another one, those to choose from."""

    card: LinkedCard | None = None
    doubtful: Sequence[LinkedCard] = ()


def whose(cards: Sequence[LinkedCard], text: str, titles: Sequence[str] = ()) -> Whose:
    """Return whose card is meant; neither card nor doubt when nobody is named. Names inside titles name nobody."""
    for title in titles:
        text = nfc(text).replace(nfc(title), ", ")
    if named := cards_named(cards, text):
        return _of(named)
    if (children := [card for card in cards if card.child]) and says(_MY_CHILD, text):
        return _of(children)
    if says(ANOTHER_CARD, text):
        return Whose(doubtful=cards)
    grown_up = [card for card in cards if not card.child]
    return Whose(grown_up[0]) if len(grown_up) == 1 and says(_MY_OWN, text) else Whose()


def cards_named(cards: Sequence[LinkedCard], text: str) -> list[LinkedCard]:
    """Return the cards whose names fit the words best: the whole name before its end, that before the given name."""
    if text.startswith("/"):
        return []
    words = normalise(text).tokens
    fits = {card.key: _fit([part.text for part in normalise(card.name).tokens], words) for card in cards}
    best = max(fits.values(), default=0)
    return [card for card in cards if best and fits[card.key] == best]


def name_said(names: Sequence[str], text: str) -> str | None:
    """Return which of these names the text says; None when it is none of them, or not one alone."""
    named = cards_named([LinkedCard(PatronRef(name), name, name) for name in names], text)
    return named[0].name if len(named) == 1 else None


def _of(found: Sequence[LinkedCard]) -> Whose:
    return Whose(found[0]) if len(found) == 1 else Whose(doubtful=found)


def _fit(name: Sequence[str], words: Sequence[Token]) -> int:
    """Return how many words of the name are said: all of them, or its end where that is clearly a name."""
    for length in range(len(name), 0, -1):
        part = name[-length:]
        for at in range(len(words) - length + 1):
            there = words[at : at + length]
            same = all(map(_same, there, part))
            if same and (length == len(name) > 2 or _is_a_name(words, at, length)):
                return length
    return 0


def _same(word: Token, part: str) -> bool:
    """Return whether the word is this part of a name; typed without marks it is met too, with others never."""
    typed = same_tones(word.text).lower()
    return typed == same_tones(part).lower() or typed == fold(part)


def _is_a_name(words: Sequence[Token], at: int, length: int) -> bool:
    """Return whether these words stand there as a name: after "của" or "bé", with capitals, or by themselves."""
    said = words[at : at + length]
    before = words[at - 1].folded if at else ""
    after = words[at + length].folded if at + length < len(words) else ""
    capital = all(word.text[0].isupper() for word in said) and not all(word.text.isupper() for word in words)
    if after == "vien" and said[-1].folded == "thu":  # "thư viện"
        return False
    alone = all(word.folded in _BESIDE_A_NAME for word in [*words[:at], *words[at + length :]])
    if length == 1 and said[0].folded in _WORDS_TOO and not capital:
        return before in _SURELY_BEFORE_A_NAME or len(words) == 1
    return before in _BEFORE_A_NAME or alone or (capital and (at > 0 or length > 1 or after in ("dang", "muon", "s")))
