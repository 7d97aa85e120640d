"""Whose card a message means when several are linked to the chat: a parent's, and their children's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.actions.base import Heard, Services
from bot.actions.buttons import Button
from bot.actions.wording import plainly
from library.ils import PatronRef
from library.phrasing import Words
from library.ports import LinkedCard
from library.text import fold

CARD_OF = Words("Thẻ của {name}", "Card of {name}")
# Said before a name. A name that is a word of address needs more: "minh", "em" and "anh" are said of oneself.
_BEFORE = r"(?:be|chau|con|con trai|con gai|the|sach|cua|cho|anh|chi|em|bac|chu|co|ong|ba|me|bo|vo|chong|for|of)"
_ADDRESS = frozenset("minh em anh chi toi ban co chu bac ong ba con chau tui tao".split())
_CHILD = re.compile(
    r"\b(?:con|be|chau|dua nho|nhoc)(?: (?:trai|gai|nha|cua))* (?:toi|em|minh|tui|chi|anh|to)\b"
    r"|\bmy (?:son|daughter|child|kid)\b"
)
MOST_WORDS = 3  # of a name that a message may give: "thi lan anh"


def card_meant(cards: Sequence[LinkedCard], text: str) -> LinkedCard | None:
    """Return the one linked card that the words name, or None: no name, no card of that name, or two of them."""
    named = [card for card in cards if _names(card.name, text)]
    if len(named) == 1:
        return named[0]
    children = [card for card in cards if card.minor]
    return children[0] if not named and len(children) == 1 and _CHILD.search(plainly(text)) else None


def _names(name: str, text: str) -> bool:
    """Return whether the text gives the name: in full, its last words, or its last word as one says it of somebody."""
    said, parts = f" {plainly(text)} ", fold(name).split()
    tails = (" ".join(parts[-length:]) for length in range(2, min(len(parts), MOST_WORDS) + 1))
    if fold(name) in said or any(f" {tail} " in said for tail in tails):
        return True
    given = parts[-1] if parts else ""
    if not given:
        return False
    if given in _ADDRESS:  # "bé Minh", not "mình"
        return bool(re.search(rf"\b(?:be|chau|con (?:trai|gai)|the cua|the be) {given}\b", said))
    return bool(re.search(rf"\b{_BEFORE} {re.escape(given)}\b", said) or said.strip() == given)


def say_whose(who: PatronRef, dispatcher: Any, heard: Heard, cards: Sequence[LinkedCard]) -> None:
    """Say whose card is spoken of, where there are several, with a button to each other one."""
    if len(cards) < 2:
        return
    name = next((card.name for card in cards if card.who == who), "")
    others = [card_button(card, heard, "list_loans") for card in cards if card.who != who]
    dispatcher.utter_message(response="utter_card_in_use", name=name, buttons=others)


def card_button(card: LinkedCard, heard: Heard, intent: str, words: Words = CARD_OF) -> Button:
    """Return a button that names the card in words, as if the patron had typed them."""
    title = words.to(heard.lang).format(name=card.name)
    return {"title": title, "payload": f'/{intent}{{"said": "{CARD_OF.vi.format(name=_plain(card.name))}"}}'}


def _plain(name: str) -> str:
    """Return the name without what would end the JSON it is put in."""
    return name.replace("\\", "").replace('"', "")


async def card_of_question(services: Services, heard: Heard, question: Mapping[str, Any]) -> PatronRef | None:
    """Return the card that the question was asked for, None when it is linked no more."""
    in_use = await services.links.patron_of(heard.turn)
    if "whose" not in question:
        return in_use
    cards = await services.links.cards(heard.turn)
    return next((card.who for card in cards if card.who.patron_id == question["whose"]), None)
