"""An answer as the messages that a door can send: text within its limit, choices as buttons or as numbered text.

Nothing is left out: what a door cannot show as a button stands in the text, an address as it is and a choice under a
number. Several cards are numbered before their titles, and such a number means the card's first button. Without
buttons the same text comes out with more after it, so that a bubble begun with them can go on without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from connectors.channels.port import Button, Card, Limits, Part, Reply
from connectors.channels.splitting import clip, split
from library.text import fold, nfc

Numbered = Sequence[tuple[int, Button]]

# An address can be tapped in text as well, so it is the first to go there when there are more than a message holds.
CHOICE, CARD, CARD_MORE, ADDRESS = range(4)


@dataclass(frozen=True)
class _Words:
    choose: str
    by_number: str
    or_by_number: str


_WORDS = {
    "vi": _Words("Bạn chọn nhé:", "Trả lời bằng số:", "Hoặc trả lời bằng số:"),
    "en": _Words("Please choose:", "Reply with a number:", "Or reply with a number:"),
}


@dataclass(frozen=True)
class _Offer:
    """A button, how it reads when drawn and in a list of choices, and the number that its card gives it."""

    button: Button
    weight: int
    drawn: str
    listed: str
    number: int | None = None


@dataclass(frozen=True)
class _Block:
    """Text that stays together if it can, the distance from what stands before, and what its numbers mean."""

    text: str
    gap: str = "\n\n"
    numbered: tuple[tuple[int, Button], ...] = ()


def render(replies: Sequence[Reply], limits: Limits, lang: str = "vi") -> list[Part]:
    """Return the answer as messages within the limits, in order; numbers count on through all of them."""
    words = _WORDS.get(lang, _WORDS["en"])
    several = sum(len(reply.cards) for reply in replies) > 1
    parts: list[Part] = []
    next_card, next_choice = 1, 1 + (sum(len(reply.cards) for reply in replies) if several else 0)
    for reply in replies:
        numbers = range(next_card, next_card + len(reply.cards)) if several else [None] * len(reply.cards)
        cards = list(zip(numbers, reply.cards, strict=True))
        drawn, written = _shared_out(_offers(reply, cards), limits.buttons)
        choices = _choices(written, next_choice, words, bool(drawn))
        blocks = [_Block(reply.text), *(_card(number, card) for number, card in cards), *_listed(choices, limits.text)]
        said = [block for block in blocks if block.text.strip()] or ([_Block(words.choose)] if drawn else [])
        messages = _packed(said, limits.text)
        if drawn:
            messages[-1] = replace(messages[-1], buttons=_drawn(drawn, limits.button_title))
        parts += messages
        next_card += len(reply.cards)
        next_choice += sum(len(line.numbered) for line in choices)
    return parts


_NUMBER = re.compile(r"(?:(?:chon|choose)\s*)?(?:so|number|no\.?|#)?\s*\(?(\d{1,3})\s*[.)]*")


def number_said(text: str) -> int | None:
    """Return the number that is all a patron says: "2", "số 2", "chọn 2.", "no. 2", "２"; None for anything else."""
    said = _NUMBER.fullmatch(fold(text).strip())
    return int(said[1]) if said else None


def chosen(text: str, numbered: Numbered) -> Button | None:
    """Return the button that the patron's bare number stands for, or None."""
    return dict(numbered).get(number_said(text) or 0)


# --- which buttons are drawn ------------------------------------------------------------------------------------------


def _offers(reply: Reply, cards: Sequence[tuple[int | None, Card]]) -> list[_Offer]:
    of_cards = [offer for number, card in cards for offer in (_of_numbered(number, card) if number else _of_one(card))]
    return [*of_cards, *(_own(button, CHOICE) for button in reply.buttons)]


def _own(button: Button, weight: int) -> _Offer:
    title = _titled(button)
    return _Offer(button, ADDRESS if button.url else weight, title, title)


def _of_one(card: Card) -> list[_Offer]:
    return [_own(button, CARD) for button in card.buttons]


def _of_numbered(number: int, card: Card) -> list[_Offer]:
    """Return what one card among several offers, its first choice under its number; addresses stand in its text."""
    titles = [(button, _titled(button)) for button in card.buttons if not button.url]
    first = [_Offer(button, CARD, f"{number}. {title}", title, number) for button, title in titles[:1]]
    more = [
        _Offer(button, CARD_MORE, f"{number}. {title}", f"{title} · {_line(card.title)}")
        for button, title in titles[1:]
    ]
    return first + more


def _shared_out(offers: Sequence[_Offer], room: int) -> tuple[list[_Offer], list[_Offer]]:
    """Return what is drawn as buttons and what is written.

    A kind of offer is drawn as a whole or not at all, so that no card has a button where its neighbour has none; only
    of the plain choices as many as there is room for.
    """
    for lightest in (ADDRESS, CARD_MORE, CARD, CHOICE):
        drawn = [offer for offer in offers if offer.weight <= lightest]
        if len(drawn) <= room:
            break
    kept = {id(offer) for offer in drawn[:room]}
    return drawn[:room], [offer for offer in offers if id(offer) not in kept]


def _drawn(offers: Sequence[_Offer], longest: int) -> tuple[Button, ...]:
    return tuple(replace(offer.button, title=clip(offer.drawn, longest)) for offer in offers)


# --- what is written --------------------------------------------------------------------------------------------------


def _card(number: int | None, card: Card) -> _Block:
    title = " — ".join(filter(None, (_line(card.title), _line(card.subtitle))))
    addresses = [_address(button) for button in card.buttons if button.url and number]
    lines = [f"{number}. {title}" if number else title, *map(_line, card.lines), *addresses]
    first = next((button for button in card.buttons if not button.url), None)
    return _Block("\n".join(filter(None, lines)), numbered=((number, first),) if number and first else ())


def _choices(written: Sequence[_Offer], number: int, words: _Words, drawn: bool) -> list[_Block]:
    """Return the lines below an answer: addresses, then what the patron can answer with which number."""
    addresses = [_Block(_address(offer.button), "\n") for offer in written if offer.weight == ADDRESS]
    of_cards = [offer for offer in written if offer.number]
    others = [offer for offer in written if offer.weight != ADDRESS and not offer.number]
    lines = [_Block(f"{_span(run)}. {listed}", "\n") for listed, run in _runs(of_cards)]
    for offer in others:
        lines.append(_Block(f"{number}. {offer.listed}", "\n", ((number, offer.button),)))
        number += 1
    heading = _Block(words.or_by_number if drawn else words.by_number)
    return [*addresses, heading, *lines] if lines else addresses


def _runs(offers: Sequence[_Offer]) -> Iterator[tuple[str, list[int]]]:
    """Yield neighbouring cards whose first buttons read the same: the words, and the cards' numbers."""
    counted = [(offer.listed, offer.number or 0, at) for at, offer in enumerate(offers)]
    for (listed, _), run in groupby(counted, key=lambda one: (one[0], one[1] - one[2])):
        yield listed, [number for _, number, _ in run]


def _span(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"


def _titled(button: Button) -> str:
    return _line(button.title) or button.url or "…"


def _address(button: Button) -> str:
    title = _titled(button)
    return title if title == button.url else f"{title}: {button.url}"


def _line(text: str) -> str:
    """Return the text in one line, so that nothing in a title can pass for a choice of ours."""
    return " ".join(nfc(text).split())


# --- messages ---------------------------------------------------------------------------------------------------------


def _listed(lines: Sequence[_Block], limit: int) -> list[_Block]:
    """Return the lines as one block, so that a list of choices is cut only when no message could hold it."""
    text = "".join(line.gap + line.text for line in lines).strip()
    if len(text) > limit:
        return list(lines)
    return [_Block(text, "\n\n", tuple(choice for line in lines for choice in line.numbered))]


def _packed(blocks: Sequence[_Block], limit: int) -> list[Part]:
    """Return the blocks in as few messages as hold them in order, each block whole if it fits into one."""
    parts: list[Part] = []
    for block in blocks:
        first, *rest = split(block.text, limit)
        if parts and len(parts[-1].text) + len(block.gap) + len(first) <= limit:
            joined = parts[-1].text + block.gap + first
            parts[-1] = Part(joined, numbered=(*parts[-1].numbered, *block.numbered))
        else:
            parts.append(Part(first, numbered=block.numbered))
        parts += [Part(piece) for piece in rest]
    return parts
