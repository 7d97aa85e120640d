"""Suggestions to buy a book: stored with title and author, answered with a number."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, question_still_open
from bot.actions.cards import copies_of, hit_card
from bot.actions.fields import AUTHOR, TITLE, WANTED_BOOK, form
from bot.actions.finding import Wish, likeness, wanted_words
from bot.actions.forms import interrupted, leave_form
from bot.actions.questions import do_if_agreed
from bot.actions.search import FindItem
from bot.actions.wording import plainly
from library.text import nfc
from retrieval.record import Record
from retrieval.searcher import Query

LONGEST_TITLE = 300
_NOT_THE_TITLE = re.compile(r"^\W*(?:(?:cuốn|quyển|cuon|quyen|sách|sach|bộ|the book)\s+)+|[\s.,;!?]+$", re.IGNORECASE)
# Only a name of two words or more in capitals is an author: "Chuyện của tôi" is a title.
_BY = re.compile(r"^(?P<title>.+)\s+(?:của|cua|by|tác giả|tac gia)\s+(?P<author>[^\W\d_a-z]\S*(?: [^\W\d_a-z]\S*)+)$")


_BEFORE_AUTHOR = re.compile(r"[\s,:–-]*(?:\b(?:của|cua|by|tác giả|tac gia))?\s*$", re.IGNORECASE)
_SEARCHES = re.compile(
    r"(?:thoi )?(?:tim|kiem|cho (?:em |minh |toi )?(?:tim|xem)|co (?:cuon|quyen|sach)|find|search|do you have)\b"
)


class _Storing(LibraryAction):
    """Stores a suggestion and says its number; a title that the library holds is shown as well."""

    async def _store(self, dispatcher: CollectingDispatcher, heard: Heard, title: str, author: str | None) -> None:
        title = title[:LONGEST_TITLE]
        number = await self.services.desk.suggest_purchase(heard.turn, title, author)
        held = await asyncio.to_thread(self._held, title)
        book = wanted_words(Wish(Query(title=title, author=author or "")), self.services, heard.lang)
        told: dict[str, Any] = {"book": book, "number": number}
        if held:
            copies = await copies_of(self.services, held)
            cards = [hit_card(record, copies, heard, self.services.calendar()) for record in held]
            dispatcher.utter_message(
                response="utter_purchase_stored_though_held", json_message={"cards": cards}, **told
            )
        else:
            dispatcher.utter_message(response="utter_purchase_stored", **told)

    def _held(self, title: str) -> list[Record]:
        same = self.services.searcher.titled(title)
        return [record for record in same if likeness(title, record) in ("exact", "unaccented")][:1]


class SuggestPurchase(_Storing):
    """Takes the title from this message or from the search that found nothing; else opens the form."""

    action_name = "action_suggest_purchase"
    of_a_book = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        asked = question_still_open(heard) or {}
        title, author = heard.one("title"), heard.one("author")
        if not title and asked.get("kind") == "purchase":
            title, author = asked["title"], author or asked.get("author")
        if not title:
            return [SlotSet("wanted_title", None), FollowupAction("purchase_form")]
        await self._store(dispatcher, heard, title, author)
        return []


class DoPurchase(_Storing):
    """The patron said yes to "shall I note it?"."""

    action_name = "action_do_purchase"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        asked = question_still_open(heard)
        if asked and asked.get("kind") == "purchase":
            await self._store(dispatcher, heard, asked["title"], asked.get("author"))
            return []
        return [FollowupAction("purchase_form")]


class AskWantedTitle(LibraryAction):
    """The form's question; it is not put again to a patron who went on to other matters."""

    action_name = "action_ask_wanted_title"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if interrupted(heard, "suggest_purchase"):
            return leave_form()
        fill_in = form(WANTED_BOOK, heard.lang, TITLE, AUTHOR)
        dispatcher.utter_message(response="utter_what_to_buy", json_message=fill_in)
        return []


class StorePurchase(_Storing):
    """The form has its title."""

    action_name = "action_store_purchase"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        answer = str(heard.remembered("wanted_title") or "")
        if not answer.strip() or answer.startswith("/"):  # a button was pressed instead
            dispatcher.utter_message(response="utter_left_as_it_was")
            return [SlotSet("wanted_title", None)]
        if heard.intent == "find_item" and _SEARCHES.match(plainly(answer)):
            return [SlotSet("wanted_title", None), *await FindItem(self.services).act(dispatcher, heard)]
        title, author = title_and_author(answer, heard.one("author"))
        await self._store(dispatcher, heard, title, author)
        return [SlotSet("wanted_title", None)]


def title_and_author(answer: str, author: str | None = None) -> tuple[str, str | None]:
    """Return 'Nexus', 'Yuval Noah Harari' for "cuốn Nexus của Yuval Noah Harari"; `author` is one known already."""
    plain = _NOT_THE_TITLE.sub("", nfc(answer)).strip() or nfc(answer).strip()
    if author:
        before, _, after = plain.rpartition(author)
        title = _BEFORE_AUTHOR.sub("", before)
        return (title, author) if title and not after.strip() else (plain, author)
    by = _BY.match(plain)
    return (by["title"], by["author"].strip()) if by else (plain, None)


ACTIONS = (SuggestPurchase, DoPurchase, AskWantedTitle, StorePurchase)
