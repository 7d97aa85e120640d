"""Finding books: by title, author or topic, and narrowing or going on in what was found."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction
from bot.actions.buttons import Button, button
from bot.actions.cards import copies_of
from bot.actions.filters import narrowed
from bot.actions.finding import (
    PAGE,
    Likeness,
    Order,
    Wish,
    as_catalogued,
    in_order,
    is_about,
    likeness,
    named,
    of_volume,
    only_near,
    search,
    volume_in,
    wanted_words,
    wish_of,
    without_filters,
)
from bot.actions.hours import TellHours, goes_on_about_hours
from bot.actions.lists import ListNewItems, RecommendItems
from bot.actions.records import CheckAvailability, DoShow, LocateItem, ShowRecord, StartHold
from bot.actions.showing import Found, did_you_mean, note_search, offer_to_suggest, show_hits
from bot.actions.widening import filters_taken_back
from bot.actions.wording import plainly
from library.model import ItemState
from library.phrasing import Words, capitalised
from library.text import fold
from retrieval.searcher import Query

_SAME: tuple[Likeness, ...] = ("exact", "unaccented")
_DOUBTFUL: tuple[Likeness, ...] = ("folded", "near")
UNFILTERED = Words("Bỏ lọc", "Without the filter")
_ORDERS: tuple[tuple[Order, re.Pattern[str]], ...] = (
    ("author", re.compile(r"\b(sap|xep|sort|order)\b.*\b(tac gia|author)")),
    ("title", re.compile(r"chu cai|\ba ?- ?z\b|alphabet|\b(sap|xep|sort|order)\b.*\b(ten|nhan de|title)\b")),
    ("newest", re.compile(r"\bmoi (nhat|hon|truoc)|newest|latest")),
    ("oldest", re.compile(r"\bcu (nhat|hon|truoc)|oldest")),
)
_LIKE_IT = re.compile(r"\b(?:sach|truyen|cuon|gi) (?:nao )?(?:giong|tuong tu)\b|\bbooks? (?:like|similar to)\b")
# "có cuốn nào tiếng Việt không" asks of what was found, "có sách tiếng Việt không" of all there is.
_AMONG_THEM = re.compile(
    r"\b(?:cuon|quyen|ban|cai) (?:nao|tieng)\b|\b(?:trong (?:do|so)|any of (?:them|these)|which ones?)\b"
)
_ONLY_IN = re.compile(r"\bcon (trong kho|tren ke|muon duoc|san)|co san|chua (ai|bi) muon|\b(available|in now)\b")


class FindItem(LibraryAction):
    """Says what the library has of what was asked, or that it has not."""

    action_name = "action_find_item"
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if heard.one("title") and _LIKE_IT.search(plainly(heard.text)):
            return await RecommendItems(self.services).act(dispatcher, heard)
        wish = wish_of(heard, self.services)
        if wish.empty:
            dispatcher.utter_message(response="utter_what_to_find")
            return []
        if wish.query == Query() and heard.remembered("hits") and _AMONG_THEM.search(plainly(heard.text)):
            return await RefineSearch(self.services).act(dispatcher, heard)
        found = await search(self.services, wish)
        said = wish.query.title or wish.query.text
        if said and not wish.query.isbn:
            return await self._by_title(dispatcher, heard, wish, found, said)
        return await self._by_topic(dispatcher, heard, wish, found)

    async def _by_title(
        self, dispatcher: CollectingDispatcher, heard: Heard, wish: Wish, found: Found, said: str
    ) -> list[EventType]:
        like: dict[Likeness, Found] = {}
        for record, hit in found:
            kind = likeness(said, record)
            like[kind] = [*like.get(kind, ()), (record, hit)]
        volume = volume_in(heard.text)
        same = of_volume([pair for kind in _SAME for pair in like.get(kind, ())], volume)
        if same:
            return await self._show_title(dispatcher, heard, same, wish)
        doubtful = next((record for kind in _DOUBTFUL for record, _ in like.get(kind, ())), None)
        if doubtful and (wish.query.title or "folded" in like):
            note_search(heard, wish, 1)
            return did_you_mean(dispatcher, heard, doubtful)
        if "part" in like and wish.query.title:
            return await self._show_title(dispatcher, heard, of_volume(like["part"], volume), wish)
        if wish.query.text or (found and is_about(found[0][1], wish)):
            return await self._by_topic(dispatcher, heard, wish, found)
        return await self._not_held(dispatcher, heard, wish)

    async def _by_topic(
        self, dispatcher: CollectingDispatcher, heard: Heard, wish: Wish, found: Found
    ) -> list[EventType]:
        if found:
            return await self._list(dispatcher, heard, found, wish)
        wanted = wanted_words(wish, self.services, heard.lang)
        dispatcher.utter_message(response="utter_nothing_found", wanted=wanted, buttons=_wider(wish, heard))
        note_search(heard, wish, 0)
        return []

    async def _list(self, dispatcher: CollectingDispatcher, heard: Heard, found: Found, wish: Wish) -> list[EventType]:
        near = [only_near(hit, wish) for _, hit in found]
        response = "utter_found_more" if len(found) > PAGE else "utter_found"
        if any(near):
            response = "utter_found_near" if all(near) else "utter_found_one_and_near"
        buttons = [*_further_titles(heard), *(_wider(wish, heard) if any(near) else ())]
        wanted = wanted_words(as_catalogued(wish, found), self.services, heard.lang)
        return await show_hits(self.services, dispatcher, heard, response, found, wish, buttons=buttons, wanted=wanted)

    async def _show_title(
        self, dispatcher: CollectingDispatcher, heard: Heard, found: Found, wish: Wish
    ) -> list[EventType]:
        """Show the one title that was meant, or its editions and volumes."""
        several = wanted_words(as_catalogued(wish, found), self.services, heard.lang)
        told = several if len(found) > 1 else named(found[0][0], heard.lang)
        return await show_hits(
            self.services,
            dispatcher,
            heard,
            "utter_found_title",
            found,
            wish,
            buttons=_further_titles(heard),
            wanted=told,
        )

    async def _not_held(self, dispatcher: CollectingDispatcher, heard: Heard, wish: Wish) -> list[EventType]:
        """Offer to note the title for buying; the author's other works are shown first."""
        events: list[EventType] = []
        title, author = wish.query.title, wish.query.author
        if author:
            by_author = replace(wish, query=Query(author=author))
            others = await search(self.services, by_author)
            theirs = [(r, h) for r, h in others if any(why.kind == "author" for why in h.why)]
            if theirs:
                events = await show_hits(
                    self.services, dispatcher, heard, "utter_works_of_author", theirs, by_author, author=author
                )
        note_search(heard, wish, 0)  # the author's other works are not what was sought
        wanted = wanted_words(without_filters(wish), self.services, heard.lang)
        return [*events, *offer_to_suggest(dispatcher, heard, wanted, title, author or None)]


class RefineSearch(FindItem):
    """Narrows the last search, sorts it, or goes on to its next page."""

    action_name = "action_refine_search"
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if goes_on_about_hours(heard):
            return await TellHours(self.services).act(dispatcher, heard)
        hits = heard.remembered("hits")
        further = wish_of(heard, self.services)
        if not isinstance(hits, dict):
            if further.query.text or further.empty:
                dispatcher.utter_message(response="utter_nothing_to_refine")
                return []
            return await super().act(dispatcher, heard)
        before = Wish.from_plain(hits)
        widened = _widened(before, heard.text)
        wish = widened or _refined(before, further, fold(heard.text))
        page = hits["page"] + 1 if wish == before and not widened else 0
        found = await self._sifted(wish)
        wanted = wanted_words(wish, self.services, heard.lang)
        if len(found) > page * PAGE:
            wanted = capitalised(wanted) if page else wanted
            response = "utter_found_next" if page else "utter_found_more" if len(found) > PAGE else "utter_found"
            return await show_hits(self.services, dispatcher, heard, response, found, wish, page=page, wanted=wanted)
        response = "utter_no_more_hits" if page else "utter_nothing_when_narrowed"
        dispatcher.utter_message(response=response, wanted=wanted, buttons=[] if page else _wider(wish, heard))
        note_search(heard, wish, len(found))
        return []

    async def _sifted(self, wish: Wish) -> Found:
        """Return the hits in the order asked for, those out on loan left out if so asked."""
        found = [pair for pair in await search(self.services, wish) if not only_near(pair[1], wish)]
        if wish.only_in:
            copies = await copies_of(self.services, [record for record, _ in found]) or {}
            is_in = {key for key, items in copies.items() if any(i.state is ItemState.AVAILABLE for i in items)}
            found = [(record, hit) for record, hit in found if record.record_id in is_in]
        return in_order(found, wish.order)


def _widened(before: Wish, text: str) -> Wish | None:
    """Return the search before without the filters that the words take back; None when they take back none."""
    dropped = filters_taken_back(text)
    if dropped is None:
        return None
    if not dropped:
        return without_filters(before)
    gone: dict[str, Any] = dict.fromkeys(dropped - {"only_in"})
    return replace(before, filters=replace(before.filters, **gone), only_in=before.only_in and "only_in" not in dropped)


def _refined(before: Wish, further: Wish, folded: str) -> Wish:
    """Return the search before with what this message adds; the same when it adds nothing."""
    asked = further.query
    topic = " ".join(filter(None, (before.query.sought, asked.topic or asked.title)))
    query = replace(before.query, title="", text="", topic=topic) if asked.topic or asked.title else before.query
    if asked.author:
        query = replace(query, author=asked.author)
    order = next((order for order, pattern in _ORDERS if pattern.search(folded)), before.order)
    only_in = before.only_in or bool(_ONLY_IN.search(folded))
    return Wish(query, narrowed(before.filters, further.filters), order, only_in)


def _further_titles(heard: Heard) -> list[Button]:
    """Return a button for each other title asked for in the same message."""
    return [
        button(Words(f"Tìm “{title}”", f"Find “{title}”"), heard.lang, "find_item", title=title)
        for title in heard.all("title")[1:3]
    ]


def _wider(wish: Wish, heard: Heard) -> list[Button]:
    """Return the button that searches again without the filters, when there were any."""
    plain = without_filters(wish)
    if plain == wish or plain.empty:
        return []
    query = plain.query
    slots = {"title": query.title, "topic": query.topic or query.text, "author": query.author}
    return [button(UNFILTERED, heard.lang, "find_item", **{name: value for name, value in slots.items() if value})]


ACTIONS = (
    FindItem,
    RefineSearch,
    ShowRecord,
    DoShow,
    CheckAvailability,
    StartHold,
    LocateItem,
    RecommendItems,
    ListNewItems,
)
