"""Books nobody named: something good, and what is new."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import date

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction
from bot.actions.finding import (
    PAGE,
    Wish,
    named,
    only_near,
    search,
    wanted_words,
    why_alike,
    why_words,
    wish_of,
    with_records,
)
from bot.actions.meant import record_meant
from bot.actions.showing import Found, note_search, show_hits
from bot.actions.wording import points_back
from library.phrasing import COPY, Words, count, full_date
from library.text import fold, sentences
from retrieval.record import Record
from retrieval.searcher import Hit, Query

CHOSEN_FROM = 300  # of the newest, from which something is chosen when nothing was asked for
REASON_LENGTH = 160
ADDED = Words("Về thư viện {}", "Arrived {}")
WELL_KEPT = Words("Thư viện giữ {}", "The library keeps {}")
_ALIKE = re.compile(r"\b(giong|tuong tu|tua|nhu (cuon|quyen)|like|similar)\b")


class RecommendItems(LibraryAction):
    """A few records, each with the reason."""

    action_name = "action_recommend_items"
    of_a_book = True
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if heard.one("title") or (_ALIKE.search(fold(heard.text)) and points_back(heard.text)):
            meant = await record_meant(self.services, heard)
            record = meant.record or meant.doubtful or next(iter(meant.several), None)
            if record and (alike := await asyncio.to_thread(self._alike, record)):
                return await self._show(
                    dispatcher, heard, "utter_recommended_like", alike, Wish(Query(title=record.title)),
                    [why_alike(hit, heard.lang) for _, hit in alike], wanted=named(record, heard.lang),
                )  # fmt: skip
        wish = wish_of(heard, self.services)
        if wish.empty or wish.query.text:
            return await self._something_good(dispatcher, heard, Wish(Query()))
        if wish.query == Query():
            return await self._something_good(dispatcher, heard, wish)
        found = (await search(self.services, wish))[:PAGE]
        if not found:
            return await self._something_good(dispatcher, heard, Wish(Query(), wish.filters))
        reasons = [why_words(hit, wish, heard.lang) for _, hit in found]
        wanted = wanted_words(wish, self.services, heard.lang)
        return await self._show(dispatcher, heard, "utter_recommended_for", found, wish, reasons, wanted=wanted)

    def _alike(self, record: Record) -> Found:
        alike = with_records(self.services, self.services.searcher.more_like(record.record_id, PAGE))
        return [(other, hit) for other, hit in alike if hit.why] or alike

    async def _something_good(self, dispatcher: CollectingDispatcher, heard: Heard, wish: Wish) -> list[EventType]:
        """Show titles that the library keeps many copies of, each from another corner of the shelves."""
        found = await asyncio.to_thread(self._spread, wish)
        if not found:
            wanted = wanted_words(wish, self.services, heard.lang)
            dispatcher.utter_message(response="utter_nothing_found", wanted=wanted)
            note_search(heard, wish, 0)
            return []
        reasons = [WELL_KEPT.to(heard.lang).format(count(len(record.items), COPY, heard.lang)) for record, _ in found]
        if wish.filters:
            wanted = wanted_words(wish, self.services, heard.lang)
            return await self._show(dispatcher, heard, "utter_recommended_for", found, wish, reasons, wanted=wanted)
        return await self._show(dispatcher, heard, "utter_recommended", found, wish, reasons)

    def _spread(self, wish: Wish) -> Found:
        found = with_records(self.services, self.services.searcher.newest(CHOSEN_FROM, wish.filters))
        best: dict[str, tuple[Record, Hit]] = {}
        for record, hit in sorted(found, key=lambda pair: -len(pair[0].items)):
            if record.items and record.summary:
                best.setdefault(record.classification[:1] + record.audience, (record, hit))
        rest = [pair for pair in found if pair[0].items and pair not in best.values()]
        return [*best.values(), *rest][:PAGE]

    async def _show(
        self, dispatcher: CollectingDispatcher, heard: Heard, response: str, found: Found, wish: Wish,
        reasons: Sequence[str], wanted: str = "",
    ) -> list[EventType]:  # fmt: skip
        why = {record.record_id: reason for (record, _), reason in zip(found, reasons, strict=True)}

        def reason(record: Record, _: Hit) -> str:
            return ". ".join(filter(None, (why[record.record_id], _first_sentence(record.summary))))

        return await show_hits(self.services, dispatcher, heard, response, found, wish, why=reason, wanted=wanted)


class ListNewItems(LibraryAction):
    """The newest records, by the day they came."""

    action_name = "action_list_new_items"
    of_a_book = True
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        wish = wish_of(heard, self.services)
        if wish.query.text:
            wish = Wish(Query(), wish.filters)
        found = await self._newest(wish)
        today = heard.turn.now.date()

        def arrived(record: Record, _: Hit) -> str:
            return (
                ADDED.to(heard.lang).format(full_date(record.added_on, heard.lang, today=today))
                if record.added_on
                else ""
            )

        wanted = "" if wish.empty else wanted_words(wish, self.services, heard.lang)
        if not found:
            dispatcher.utter_message(response="utter_no_new_items", wanted=wanted)
            return []
        response = "utter_new_items_for" if wanted else "utter_new_items"
        return await show_hits(self.services, dispatcher, heard, response, found, wish, why=arrived, wanted=wanted)

    async def _newest(self, wish: Wish) -> Found:
        """Return the newest that fit; of a topic, its hits with the newest first."""
        found = await search(self.services, wish)
        dated = [(record, hit) for record, hit in found if record.added_on and not only_near(hit, wish)]
        return sorted(dated, key=lambda pair: pair[0].added_on or date.min, reverse=True)


def _first_sentence(summary: str) -> str:
    pieces = sentences(summary, REASON_LENGTH)
    return pieces[0] if pieces else ""
