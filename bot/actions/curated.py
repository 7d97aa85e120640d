"""A curated answer as it is said: its text filled in, with source and date, when it holds today."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, Services
from bot.actions.hours_words import hours_today
from library.phrasing import Lang, Words, short_date
from retrieval.answers import Answer
from retrieval.searcher import Sure

logger = logging.getLogger(__name__)

_VARIABLE = re.compile(r"\{(\w+)\}")


async def tell_if_sure(
    services: Services, dispatcher: CollectingDispatcher, heard: Heard, question: str | None = None
) -> bool:
    """Say the curated answer when exactly one fits the message, or the part of it given; return whether it was said."""
    found = await asyncio.to_thread(services.answers().ask, question or heard.text, heard.turn.now.date())
    return isinstance(found, Sure) and tell(services, dispatcher, heard, found.answer)


def tell(services: Services, dispatcher: CollectingDispatcher, heard: Heard, answer: Answer) -> bool:
    """Say the answer with its source and date, and return True; False for one that may not be shown today."""
    today = heard.turn.now.date()
    said = utterance(answer, variables(services, today, heard.lang), heard.lang)
    if said is None or not answer.holds_on(today):
        logger.warning(
            "answer not shown: key=%s holds=%s filled=%s", answer.key, answer.holds_on(today), said is not None
        )
        return False
    dispatcher.utter_message(**said)
    heard.turn.led_to("answer", answer=answer.key, revision=services.answer_book.live_numbers().get(answer.key))
    return True


def utterance(answer: Answer, values: Mapping[str, str], lang: Lang) -> dict[str, Any] | None:
    """Return the response that says this answer and what fills it, or None when a variable in it is not known."""
    text = filled(_text(answer, lang), values)
    if text is None:
        return None
    links = [{"title": Words("Xem thêm", "Read more").to(lang), "url": answer.url}] if answer.url else []
    if answer.source and answer.valid_from:
        dated = {"source": answer.source, "updated": short_date(answer.valid_from, lang)}
        return {"response": "utter_answer", "answer": text, **dated, "buttons": links}
    return {"response": "utter_answer_without_source", "answer": text, "buttons": links}


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
