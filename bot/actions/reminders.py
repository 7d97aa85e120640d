"""Agreeing to reminders and taking it back. Consent is stored; sending is the library's to turn on."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import ask_to_link
from bot.actions.base import Heard, LibraryAction
from bot.actions.wording import plainly, refuses, says
from library.phrasing import DAY, count

PURPOSE = "reminders"
USUAL_DAYS, MOST_DAYS = 2, 7  # a loan lasts two weeks

_SAID = ("mot one a", "hai two vai", "ba three", "bon tu four", "nam five", "sau six", "bay seven")
_NUMBERS = {word: number for number, words in enumerate(_SAID, 1) for word in words.split()}
_AHEAD = re.compile(rf"\b(?P<number>\d+|{'|'.join(_NUMBERS)}) (?P<unit>ngay|hom|bua|tuan|days?|weeks?)\b")
_EVENING_BEFORE = re.compile(r"\b(?:toi|hom|ngay|day) truoc\b|\bday before\b")
_REMINDING = r"nhắc|nhắn|báo|thông báo|tin|cảnh báo|remind\w*|notif\w*|alert\w*|tell me|text me|let me know"
_STOP = r"nhan thong bao|nhan tin nhac|nhac nho|nhac|nhan tin|nhan|thong bao|bao|send reminders|remind|reminders"


class SubscribeReminders(LibraryAction):
    action_name = "action_subscribe_reminders"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, _STOP):
            return await _stop(self, dispatcher, heard)
        if not heard.text.startswith("/") and not says(_REMINDING, heard.text):
            dispatcher.utter_message(response="utter_not_understood")  # consent is never taken by mistake
            return []
        days = days_before(heard.text)
        await self.services.consents.give(heard.turn, PURPOSE, {"days_before": days})
        dispatcher.utter_message(response="utter_reminders_noted", days=count(days, DAY, heard.lang))
        if await self.services.links.patron_of(heard.turn) is None:
            return await ask_to_link(self.services, dispatcher, heard, then="action_list_loans")
        return []


class UnsubscribeReminders(LibraryAction):
    action_name = "action_unsubscribe_reminders"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"tat|ngung|huy|bo|off|unsubscribe|stop"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        return await _stop(self, dispatcher, heard)


async def _stop(action: LibraryAction, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    stopped = await action.services.consents.withdraw(heard.turn, PURPOSE)
    dispatcher.utter_message(response="utter_reminders_stopped" if stopped else "utter_reminders_were_off")
    return []


def days_before(text: str) -> int:
    """Return how many days ahead the patron wants to hear, 1 to 7; two when nothing is said."""
    words = plainly(text)
    if said := _AHEAD.search(words):
        number = int(said["number"]) if said["number"].isdigit() else _NUMBERS[said["number"]]
        days = number * 7 if said["unit"].startswith(("tuan", "week")) else number
        return min(max(days, 1), MOST_DAYS)
    return 1 if _EVENING_BEFORE.search(words) else USUAL_DAYS


ACTIONS: tuple[type[LibraryAction], ...] = (SubscribeReminders, UnsubscribeReminders)
