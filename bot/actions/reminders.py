"""Agreeing to reminders, kind by kind, and taking it back. Consent is stored as it was given; the gateway sends."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import ask_to_link
from bot.actions.base import Heard, LibraryAction
from bot.actions.wording import plainly, refuses, says
from library.phrasing import DAY, Lang, Words, count, listing

PURPOSE = "reminders"
TEXT = "2026-11"  # which wording of the consent the patron saw; a new one when its meaning changes
USUAL_DAYS, MOST_DAYS = 2, 7  # a loan lasts two weeks

_SAID = ("mot one a", "hai two vai", "ba three", "bon tu four", "nam five", "sau six", "bay seven")
_NUMBERS = {word: number for number, words in enumerate(_SAID, 1) for word in words.split()}
_AHEAD = re.compile(rf"\b(?P<number>\d+|{'|'.join(_NUMBERS)}) (?P<unit>ngay|hom|bua|tuan|days?|weeks?)\b")
_EVENING_BEFORE = re.compile(r"\b(?:toi|hom|ngay|day) truoc\b|\bday before\b")
_REMINDING = r"nhắc|nhắn|báo|thông báo|tin|cảnh báo|remind\w*|notif\w*|alert\w*|tell me|text me|let me know"
_STOP = r"nhan thong bao|nhan tin nhac|nhac nho|nhac|nhan tin|nhan|thong bao|bao|send reminders|remind|reminders"


# Which kind a wish names, in folded words. One that names none is of due dates and of holds that are ready.
_KINDS: Mapping[str, str] = {
    "hold": r"\bdat giu\b|\bdat truoc\b|\bsach dat\b|\b(?:cuon|sach)\b.*\bdat\b|\bdat\b.*\bve\b|\bholds?\b|\breserv",
    "card": r"\b(?:han|gia han) the\b|\bthe\b.*\bhet han\b|\bcard\b.*\bexpir",
    "overdue": r"\b(?:qua|tre|lo) han\b|\boverdue\b",
}
USUAL: Mapping[str, int] = {"overdue": 1, "hold": 0, "card": 14}
WHAT: Mapping[str, Words] = {
    "due": Words("trước hạn {days}", "{days} before a due date"),
    "overdue": Words("khi có sách quá hạn", "when something is overdue"),
    "hold": Words("khi sách bạn đặt đã có", "when a book you reserved is ready"),
    "card": Words("trước khi thẻ hết hạn {days}", "{days} before your card expires"),
}
# What a channel can do, said honestly.
HOW: Mapping[str, Words] = {
    "web": Words(
        "Trên trang web, lời nhắc hiện khi bạn mở lại khung trò chuyện này.",
        "On the website a reminder shows when you open this chat again.",
    ),
    "zalo": Words(
        "Zalo chỉ cho thư viện nhắn trong 48 giờ từ tin cuối của bạn, nên lâu lâu bạn nhắn mình một câu nhé.",
        "Zalo lets the library write only within 48 hours of your last message, so do write now and then.",
    ),
}


class SubscribeReminders(LibraryAction):
    action_name = "action_subscribe_reminders"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, _STOP):
            return await _stop(self, dispatcher, heard)
        if not heard.text.startswith("/") and not says(_REMINDING, heard.text):
            dispatcher.utter_message(response="utter_not_understood")  # consent is never taken by mistake
            return []
        before = await self.services.consents.given(heard.turn, PURPOSE) or {}
        kinds = {**before.get("kinds", {}), **kinds_in(heard.text)}
        await self.services.consents.give(heard.turn, PURPOSE, {"kinds": kinds, "text": TEXT})
        what = listing([_said(kind, days, heard.lang) for kind, days in kinds.items()], heard.lang)
        how = HOW[heard.turn.channel].to(heard.lang) if heard.turn.channel in HOW else ""
        dispatcher.utter_message(response="utter_reminders_noted", what=what, how=how)
        if await self.services.links.patron_of(heard.turn) is None:
            return await ask_to_link(self.services, dispatcher, heard, then="action_list_loans")
        return []


def kinds_in(text: str) -> dict[str, int]:
    """Return the kinds that the words ask for, each with its days."""
    words = plainly(text)
    named = {kind: USUAL[kind] for kind, pattern in _KINDS.items() if re.search(pattern, words)}
    if "card" in named and _AHEAD.search(words):
        named["card"] = days_before(text)
    return named or {"due": days_before(text), "hold": USUAL["hold"]}


def _said(kind: str, days: int, lang: Lang) -> str:
    return WHAT[kind].to(lang).format(days=count(days, DAY, lang))


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
