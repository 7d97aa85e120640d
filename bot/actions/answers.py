"""Questions about rules, services, fees and places: the librarians' own answer, with where it comes from."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import date

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, Services
from bot.actions.buttons import button
from bot.actions.hours_words import hours_today
from bot.actions.private import say_private
from bot.actions.wording import asks_what_somebody_has, pries
from library.phrasing import Lang, Words, short_date
from retrieval.answers import Answer
from retrieval.searcher import Sure, Unknown, Which

logger = logging.getLogger(__name__)

MAX_CHOICES = 3
_VARIABLE = re.compile(r"\{(\w+)\}")


class TellAnswer(LibraryAction):
    """Says the curated answer that fits, asks which of two or three is meant, or passes the question on."""

    action_name = "action_tell_answer"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        key = heard.one("answer_key")
        if key:
            chosen = await asyncio.to_thread(self.services.answer_book.get, key)
            if not (chosen and tell(self.services, dispatcher, heard, chosen)):
                dispatcher.utter_message(response="utter_answer_gone")
            return []
        found = await asyncio.to_thread(self.services.answers().ask, heard.text, heard.turn.now.date())
        if _is_private(heard.text, found):
            return say_private(dispatcher, heard)
        if not any(c.isalnum() for c in heard.text):
            dispatcher.utter_message(response="utter_not_understood")
            return []
        if isinstance(found, Sure) and tell(self.services, dispatcher, heard, found.answer):
            return []
        if isinstance(found, Which):
            choices = [_choice(answer, heard.lang) for answer in found.answers[:MAX_CHOICES]]
            dispatcher.utter_message(response="utter_which_answer", buttons=choices)
            return []
        await self.services.desk.unanswered(heard.turn, heard.text, "thiếu kiến thức")
        dispatcher.utter_message(response="utter_answer_unknown")
        return []


def _is_private(text: str, found: Sure | Which | Unknown) -> bool:
    """Return whether somebody else's card is asked about, and not a rule that the librarians have written down."""
    if isinstance(found, Sure):
        return found.confidence < 1.0 and asks_what_somebody_has(text)
    return pries(text)


async def tell_if_sure(services: Services, dispatcher: CollectingDispatcher, heard: Heard) -> bool:
    """Say the curated answer when exactly one fits, and return whether it was said."""
    found = await asyncio.to_thread(services.answers().ask, heard.text, heard.turn.now.date())
    return isinstance(found, Sure) and tell(services, dispatcher, heard, found.answer)


def tell(services: Services, dispatcher: CollectingDispatcher, heard: Heard, answer: Answer) -> bool:
    """Say the answer with its source and date, and return True; False for one that may not be shown today."""
    today = heard.turn.now.date()
    text = filled(_text(answer, heard.lang), variables(services, today, heard.lang))
    if text is None or not answer.holds_on(today):
        logger.warning(
            "answer not shown: key=%s holds=%s filled=%s", answer.key, answer.holds_on(today), text is not None
        )
        return False
    links = [{"title": Words("Xem thêm", "Read more").to(heard.lang), "url": answer.url}] if answer.url else []
    if answer.source and answer.valid_from:
        updated = short_date(answer.valid_from, heard.lang)
        dispatcher.utter_message(
            response="utter_answer", answer=text, source=answer.source, updated=updated, buttons=links
        )
    else:
        dispatcher.utter_message(response="utter_answer_without_source", answer=text, buttons=links)
    return True


def variables(services: Services, today: date, lang: Lang) -> dict[str, str]:
    """Return what stands for {hours_today}, {phone} …; a fact's own English (`card_fee_en`) where it has one."""
    facts = {name: services.facts.get(f"{name}_{lang}", value) for name, value in services.facts.items()}
    return {**facts, "hours_today": hours_today(services.calendar(), today, lang)}


def filled(text: str, values: Mapping[str, str]) -> str | None:
    """Return the text with its variables filled in, or None when one of them is not known."""
    if any(name not in values for name in _VARIABLE.findall(text)):
        return None
    return _VARIABLE.sub(lambda variable: values[variable[1]], text)


def _text(answer: Answer, lang: Lang) -> str:
    return answer.answer_en if lang == "en" and answer.answer_en else answer.answer


def _choice(answer: Answer, lang: Lang) -> dict[str, str]:
    return button(
        Words(answer.question, answer.question_en or answer.question), lang, "ask_library_info", answer_key=answer.key
    )


ACTIONS = (TellAnswer,)
