"""Questions about rules, services, fees and places: the librarians' own answer, with where it comes from."""

from __future__ import annotations

import asyncio

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import say_private
from bot.actions.base import Heard, LibraryAction
from bot.actions.buttons import button
from bot.actions.curated import tell
from bot.actions.hours import TellHours, goes_on_about_hours
from bot.actions.own_data import asks_for_copy, give_copy
from bot.actions.wording import asks_what_somebody_has, pries
from library.phrasing import Lang, Words
from retrieval.answers import Answer
from retrieval.searcher import Sure, Unknown, Which

MAX_CHOICES = 3


class TellAnswer(LibraryAction):
    """Says the curated answer that fits, asks which of two or three is meant, or passes the question on."""

    action_name = "action_tell_answer"
    informs = True
    repeatable = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        key = heard.one("answer_key")
        if key:
            chosen = await asyncio.to_thread(self.services.answer_book.get, key)
            if not (chosen and tell(self.services, dispatcher, heard, chosen)):
                dispatcher.utter_message(response="utter_answer_gone")
                heard.turn.led_to("unknown")
            return []
        if asks_for_copy(heard.text):
            return await give_copy(self.services, dispatcher, heard)
        found = await self._found(heard)
        if _is_private(heard.text, found):
            return say_private(dispatcher, heard)
        if not isinstance(found, Sure) and goes_on_about_hours(heard):
            return await TellHours(self.services).act(dispatcher, heard)
        if isinstance(found, Sure) and tell(self.services, dispatcher, heard, found.answer):
            return []
        if isinstance(found, Which):
            choices = [_choice(answer, heard.lang) for answer in found.answers[:MAX_CHOICES]]
            dispatcher.utter_message(response="utter_which_answer", buttons=choices)
            heard.turn.led_to("which")
            return []
        await self.services.desk.unanswered(heard.turn, heard.text, "thiếu kiến thức")
        dispatcher.utter_message(response="utter_answer_unknown")
        heard.turn.led_to("unknown")
        return []

    async def _found(self, heard: Heard) -> Sure | Which | Unknown:
        """Return what fits the words; of those that go on from the question before, what fits both together."""
        ask, today = self.services.answers().ask, heard.turn.now.date()
        found = await asyncio.to_thread(ask, heard.text, today)
        question = heard.tracker.latest_message.get("question")
        if isinstance(found, Sure) or not question:
            return found
        together = await asyncio.to_thread(ask, question, today)
        return together if isinstance(together, Sure) else found


def _is_private(text: str, found: Sure | Which | Unknown) -> bool:
    """Return whether somebody else's card is asked about, and not a rule that the librarians have written down."""
    if isinstance(found, Sure):
        return found.confidence < 1.0 and asks_what_somebody_has(text)
    return pries(text)


def _choice(answer: Answer, lang: Lang) -> dict[str, str]:
    return button(
        Words(answer.question, answer.question_en or answer.question), lang, "ask_library_info", answer_key=answer.key
    )


ACTIONS = (TellAnswer,)
