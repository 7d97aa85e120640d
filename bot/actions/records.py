"""One record: all that is known of it, whether it is in, and where it stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, question_still_open
from bot.actions.buttons import button
from bot.actions.cards import (
    COMING_BACK,
    HOLD,
    Copies,
    branch_name,
    copies_of,
    first_back,
    full_card,
    in_order,
    say_if_silent,
    state_text,
    told_at,
)
from bot.actions.curated import tell_if_sure
from bot.actions.finding import PAGE, Wish, as_catalogued, named, search, wanted_words, wish_of
from bot.actions.meant import Meant, record_meant
from bot.actions.questions import ask
from bot.actions.showing import did_you_mean, note_search, offer_to_suggest, show_hits
from bot.actions.wording import points_back
from library.model import ItemState, ItemStatus
from library.phrasing import BOOK, Words, bullets, count, full_date
from retrieval.record import Item, Record
from retrieval.searcher import Hit, Query

MOST_CHOICES = 3
SEE_BOOKS = Words("Xem sách", "See the books")
SHELF = Words("kệ", "shelf")
_CLASS = re.compile(r"\d{3}")


class _OfOneRecord(LibraryAction):
    """Finds out which record is meant; a subclass says what it has to say of it."""

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        return await self.of(dispatcher, heard, await record_meant(self.services, heard))

    async def of(self, dispatcher: CollectingDispatcher, heard: Heard, meant: Meant) -> list[EventType]:
        if meant.record:
            events = await self.tell(dispatcher, heard, meant.record)
            return [SlotSet("record", {"record_id": meant.record.record_id, "title": meant.record.full_title}), *events]
        if meant.doubtful:
            return did_you_mean(dispatcher, heard, meant.doubtful)
        if meant.several:
            return await self._which(dispatcher, heard, meant.several)
        if meant.not_held:
            note_search(heard, Wish(Query(title=meant.not_held, author=heard.one("author") or "")), 0)
            return offer_to_suggest(dispatcher, heard, f"“{meant.not_held}”", meant.not_held, heard.one("author"))
        if meant.beyond:
            hits = heard.remembered("hits") or {"items": ()}
            number = count(len(hits["items"]), BOOK, heard.lang)
            titles = [(item["record_id"], Words(item["title"], item["title"])) for item in hits["items"]]
            choices = [button(title, heard.lang, "select_item", record_id=record_id) for record_id, title in titles]
            dispatcher.utter_message(response="utter_no_such_hit", number=number, buttons=choices)
            return []
        dispatcher.utter_message(response="utter_record_gone" if meant.gone else "utter_which_record")
        return []

    async def _which(
        self, dispatcher: CollectingDispatcher, heard: Heard, records: Sequence[Record]
    ) -> list[EventType]:
        """Show the records that may be meant, each with its copies: often that is the answer."""
        found = [(record, Hit(record.record_id, 0.0, ())) for record in records[:PAGE]]
        hits = heard.remembered("hits")
        shown = {item["record_id"] for item in hits["items"]} if isinstance(hits, dict) else set()
        wish = Wish(Query(title=heard.one("title") or records[0].title))
        response = "utter_several_records" if heard.one("title") else "utter_which_record"
        events = await show_hits(self.services, dispatcher, heard, response, found, wish)
        # The page that "cuốn thứ 2" refers to stays the one that was searched for.
        return [] if {record.record_id for record in records} <= shown else events

    async def tell(self, dispatcher: CollectingDispatcher, heard: Heard, record: Record) -> list[EventType]:
        raise NotImplementedError


class ShowRecord(_OfOneRecord):
    """Shows a record in full, with what can be done with it."""

    action_name = "action_show_record"
    repeatable = True

    async def tell(self, dispatcher: CollectingDispatcher, heard: Heard, record: Record) -> list[EventType]:
        copies = await copies_of(self.services, [record])
        items = None if copies is None else copies.get(record.record_id, [])
        card = full_card(record, items, heard, self.services.calendar())
        response = "utter_record_copies_unknown" if items is None else "utter_record"
        dispatcher.utter_message(response=response, wanted=named(record, heard.lang), json_message={"cards": [card]})
        say_if_silent(self.services, dispatcher, items or ())
        return []


class NotByColour(LibraryAction):
    """Says that the catalogue knows no colours, and offers the books that were shown by their titles."""

    action_name = "action_not_by_colour"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        shown = (heard.remembered("hits") or {}).get("items", ())[:MOST_CHOICES]
        choices = [
            button(Words(item["title"], item["title"]), heard.lang, "select_item", record_id=item["record_id"])
            for item in shown
        ]
        dispatcher.utter_message(response="utter_not_by_colour", buttons=choices)
        return []


class DoShow(ShowRecord):
    """The patron said yes to "is this the one you mean?"."""

    action_name = "action_do_show"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        asked = question_still_open(heard) or {}
        if asked.get("kind") != "show":
            return await super().act(dispatcher, heard)
        record = self.services.catalogue.get(asked["record_id"])
        return await self.of(dispatcher, heard, Meant(record=record, gone=record is None))


class CheckAvailability(_OfOneRecord):
    """Says whether a copy is in, where, and when the next comes back."""

    action_name = "action_check_availability"
    of_a_book = True
    informs = True
    repeatable = True

    def _understands_alone(self, last_action: str, heard: Heard) -> bool:
        return last_action == "action_find_item" and bool(heard.one("title"))  # "còn Tắt đèn?" is answered by both

    async def tell(self, dispatcher: CollectingDispatcher, heard: Heard, record: Record) -> list[EventType]:
        copies = await copies_of(self.services, [record])
        wanted = named(record, heard.lang)
        if copies is None:
            dispatcher.utter_message(
                response="utter_availability_unknown", wanted=wanted, places=self._shelves(record.items, heard)
            )
            return []
        items = copies.get(record.record_id, [])
        events = self._tell_of(items, dispatcher, heard, record)
        say_if_silent(self.services, dispatcher, items)
        return events

    def _tell_of(
        self, items: Sequence[ItemStatus], dispatcher: CollectingDispatcher, heard: Heard, record: Record
    ) -> list[EventType]:
        states = {item.state for item in items}
        if ItemState.AVAILABLE in states:
            return self._available(dispatcher, heard, record, items, self._places(items, heard))
        if states & COMING_BACK:
            return _all_out(dispatcher, heard, record, items)
        response = "utter_read_in_library" if ItemState.READING_ONLY in states else "utter_no_copies"
        wanted = named(record, heard.lang)
        dispatcher.utter_message(response=response, wanted=wanted, places=self._shelves(items, heard))
        return []

    def _available(
        self, dispatcher: CollectingDispatcher, heard: Heard, record: Record, items: Sequence[ItemStatus], places: str
    ) -> list[EventType]:
        """Say where it is in; first of the branch that was asked about, when it is not in there."""
        said = heard.one("branch")
        branch = self.services.calendar().find_branch(said) if said else None
        free = {item.branch for item in items if item.state is ItemState.AVAILABLE}
        told = {"wanted": named(record, heard.lang), "places": places}
        if branch and branch.code not in free:
            dispatcher.utter_message(response="utter_not_at_branch", branch=branch.name.to(heard.lang), **told)
        else:
            dispatcher.utter_message(response="utter_available", **told)
        return []

    def _places(self, items: Sequence[ItemStatus], heard: Heard) -> str:
        """Return 'Mỹ Tho còn 2 bản; Cao Lãnh đang cho mượn hết'."""
        calendar = self.services.calendar()
        by_branch: dict[str, list[ItemStatus]] = {}
        for item in items:
            by_branch.setdefault(item.branch, []).append(item)
        codes = in_order(by_branch, calendar)
        return "; ".join(
            f"{branch_name(code, calendar, heard.lang)} {state_text(by_branch[code], heard)}" for code in codes
        )

    def _shelves(self, items: Sequence[Item | ItemStatus], heard: Heard) -> str:
        """Return 'Mỹ Tho (079 / A100); Cao Lãnh (079 / A100)'."""
        calendar = self.services.calendar()
        standing = {item.branch: item.call_number for item in items}
        shelves = (
            f"{branch_name(code, calendar, heard.lang)} ({standing[code]})" for code in in_order(standing, calendar)
        )
        return "; ".join(shelves) or "…"


def _all_out(
    dispatcher: CollectingDispatcher, heard: Heard, record: Record, items: Sequence[ItemStatus]
) -> list[EventType]:
    """Say when the first copy is due back, and ask whether to place a hold; not of what may have changed since."""
    back = first_back(items, heard)
    say = {"wanted": named(record, heard.lang)}
    if told_at(items):
        dispatcher.utter_message(response="utter_was_all_out", state=state_text(items, heard), **say)
        return []
    if back:
        say["back"] = full_date(back, heard.lang, today=heard.turn.now.date())
    response = "utter_all_out" if back else "utter_all_out_no_date"
    return ask(
        dispatcher, heard, "start_hold", response,
        say=say, yes=HOLD, record_id=record.record_id, title=record.full_title,
    )  # fmt: skip


class StartHold(LibraryAction):
    """The patron said yes to "shall I place a hold?": the record is set, the journey of holds goes on from there."""

    action_name = "action_do_start_hold"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        asked = question_still_open(heard)
        if asked is None or asked.get("kind") != "start_hold":
            dispatcher.utter_message(response="utter_question_is_over")
            return []
        return [
            SlotSet("record", {"record_id": asked["record_id"], "title": asked["title"]}),
            FollowupAction("action_place_hold"),
        ]


class LocateItem(_OfOneRecord):
    """Says branch, room and call number of a title, or the shelf where most of a topic stands."""

    action_name = "action_locate_item"
    of_a_book = True
    informs = True
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if heard.one("title") or heard.one("item_ordinal") or heard.one("record_id") or points_back(heard.text):
            return await super().act(dispatcher, heard)
        wish = wish_of(heard, self.services)
        names_a_topic = bool(wish.query.topic or wish.query.author)
        # "luận văn để phòng nào", "chỗ gửi xe ở đâu": the librarians may have an answer of their own.
        if not names_a_topic and await tell_if_sure(self.services, dispatcher, heard):
            return []
        if names_a_topic or wish.filters:
            return await self._topic(dispatcher, heard, wish)
        return await super().act(dispatcher, heard)

    async def tell(self, dispatcher: CollectingDispatcher, heard: Heard, record: Record) -> list[EventType]:
        copies: Copies | None = await copies_of(self.services, [record])
        items = copies.get(record.record_id, []) if copies is not None else []
        lines = self._live_lines(items, heard) or self._catalogue_lines(record.items, heard)
        wanted = named(record, heard.lang)
        if lines:
            dispatcher.utter_message(response="utter_located", wanted=wanted, lines=bullets(lines))
            say_if_silent(self.services, dispatcher, items)
        elif record.links:
            link = {"title": Words("Đọc trực tuyến", "Read online").to(heard.lang), "url": record.links[0].url}
            dispatcher.utter_message(response="utter_online_only", wanted=wanted, buttons=[link])
        else:
            dispatcher.utter_message(response="utter_no_copies", wanted=wanted)
        return []

    def _live_lines(self, items: Sequence[ItemStatus], heard: Heard) -> list[str]:
        """Return a line a shelf: 'Mỹ Tho, phòng mượn · 895.92 / V500 · còn 2 bản'."""
        shelves: dict[tuple[str, str, str], list[ItemStatus]] = {}
        for item in items:
            shelves.setdefault((item.branch, item.room or "", item.call_number), []).append(item)
        order = in_order({branch: "" for branch, _, _ in shelves}, self.services.calendar())
        return [
            " · ".join(filter(None, (self._place(branch, room, heard), number, state_text(held, heard))))
            for (branch, room, number), held in sorted(shelves.items(), key=lambda shelf: order.index(shelf[0][0]))
        ]

    def _catalogue_lines(self, items: Sequence[Item], heard: Heard) -> list[str]:
        shelves = dict.fromkeys((item.branch, item.room, item.call_number) for item in items)
        return [
            " · ".join(filter(None, (self._place(branch, room, heard), number))) for branch, room, number in shelves
        ]

    def _place(self, branch: str, room: str, heard: Heard) -> str:
        """Return 'Mỹ Tho, phòng mượn'; a room that the calendar does not know stays as it stands."""
        calendar = self.services.calendar()
        known = next(
            (each for b in calendar.branches if b.code == branch for each in b.rooms if each.code == room), None
        )
        found = known or (
            calendar.find_room(room, branch) if room and any(b.code == branch for b in calendar.branches) else None
        )
        return ", ".join(
            filter(None, (branch_name(branch, calendar, heard.lang), found.name.to(heard.lang) if found else room))
        )

    async def _topic(self, dispatcher: CollectingDispatcher, heard: Heard, wish: Wish) -> list[EventType]:
        """Say the shelf on which most of the topic's books stand, branch by branch."""
        found = await search(self.services, wish)
        classes = Counter(match[0] for record, _ in found if (match := _CLASS.match(record.classification)))
        wanted = wanted_words(as_catalogued(wish, found), self.services, heard.lang)
        if not classes:
            dispatcher.utter_message(response="utter_nothing_found", wanted=wanted)
            note_search(heard, wish, 0)
            return []
        [(shelf, _)] = classes.most_common(1)
        standing = [item for record, _ in found if record.classification.startswith(shelf) for item in record.items]
        rooms = Counter((item.branch, item.room) for item in standing)
        order = in_order({branch: "" for branch, _ in rooms}, self.services.calendar())
        lines = [
            f"{self._place(branch, room, heard)} · {count(number, BOOK, heard.lang)}"
            for (branch, room), number in sorted(rooms.items(), key=lambda place: (order.index(place[0][0]), -place[1]))
        ]
        query = wish.query
        slots = {"topic": query.topic or query.text or None, "author": query.author or None}
        see = button(SEE_BOOKS, heard.lang, "find_item", **slots)
        dispatcher.utter_message(
            response="utter_topic_located", wanted=wanted, shelf=shelf, lines=bullets(lines),
            buttons=[see] if any(slots.values()) else [],
        )  # fmt: skip
        return []
