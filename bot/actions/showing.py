"""Puts hits before the patron, and remembers them for "cuốn thứ 2" and "còn nữa không"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, Services
from bot.actions.buttons import Button, button
from bot.actions.cards import Card, copies_of, hit_card, say_if_silent
from bot.actions.finding import MOST, PAGE, Wish, named, why_words
from bot.actions.questions import ask
from library.phrasing import BOOK, Words, count
from retrieval.record import Record
from retrieval.searcher import Hit

OVER = Words("hơn {}", "over {}")
MORE = Words("Xem tiếp", "Show more")
THAT_ONE, ANOTHER = Words("Đúng rồi", "Yes, that one"), Words("Cuốn khác", "Another one")
SUGGEST = Words("Ghi giúp mình", "Yes, note it")
Found = Sequence[tuple[Record, Hit]]


async def show_hits(
    services: Services,
    dispatcher: CollectingDispatcher,
    heard: Heard,
    response: str,
    found: Found,
    wish: Wish,
    *,
    page: int = 0,
    why: Callable[[Record, Hit], str] | None = None,
    buttons: Sequence[Button] = (),
    **told: Any,
) -> list[EventType]:
    """Say one page of the hits as cards with their copies, asked for in one call, and return what to remember.

    The response may speak of {number} hits in all, and of those shown: {first} to {last}.
    """
    note_search(heard, wish, len(found))
    shown = found[page * PAGE :][:PAGE]
    records = [record for record, _ in shown]
    copies = await copies_of(services, records)
    reason = why or (lambda _, hit: why_words(hit, wish, heard.lang))
    calendar = services.calendar()
    cards: list[Card] = [hit_card(record, copies, heard, calendar, reason(record, hit)) for record, hit in shown]
    last = page * PAGE + len(shown)
    further = [button(MORE, heard.lang, "refine_search")] if last < len(found) else []
    number = count(len(found), BOOK, heard.lang)
    dispatcher.utter_message(
        response=response,
        number=number if len(found) < MOST else OVER.to(heard.lang).format(number),
        first=page * PAGE + 1,
        last=last,
        buttons=[*further, *buttons],
        json_message={"cards": cards},
        **told,
    )
    if copies is None:
        dispatcher.utter_message(response="utter_copies_unknown")
    else:
        say_if_silent(services, dispatcher, chain.from_iterable(copies.values()))
    return remembered(records, wish, page, heard)


def note_search(heard: Heard, wish: Wish, hits: int) -> None:
    """Note what was sought, in the words understood, and how many records there were."""
    query = wish.query
    sought = {"title": query.title, "author": query.author, "topic": query.topic or query.text}
    heard.turn.led_to("search", hits=hits, sought={name: value for name, value in sought.items() if value})


def remembered(records: Sequence[Record], wish: Wish, page: int, heard: Heard) -> list[EventType]:
    """Return the slots of a page of hits. A single hit is what the talk is about from now on."""
    items = [{"record_id": record.record_id, "title": record.full_title} for record in records]
    before = heard.remembered("hits") if page else None
    earlier = [*before["earlier"], *before["items"]] if isinstance(before, dict) else []
    hits = {**wish.to_plain(), "page": page, "items": items, "earlier": earlier}
    return [SlotSet("hits", hits), SlotSet("record", items[0] if len(items) == 1 else None)]


def did_you_mean(dispatcher: CollectingDispatcher, heard: Heard, record: Record) -> list[EventType]:
    """Ask whether this record is meant, and leave the question open: a "yes" shows it."""
    wanted = named(record, heard.lang)
    return ask(
        dispatcher, heard, "show", "utter_did_you_mean",
        say={"wanted": wanted}, yes=THAT_ONE, no=ANOTHER, record_id=record.record_id, title=record.full_title,
    )  # fmt: skip


def offer_to_suggest(
    dispatcher: CollectingDispatcher, heard: Heard, wanted: str, title: str, author: str | None
) -> list[EventType]:
    """Say that the library has no such title, and ask whether to note it for buying."""
    say = {"wanted": wanted}
    return ask(dispatcher, heard, "purchase", "utter_title_not_held", say=say, yes=SUGGEST, title=title, author=author)
