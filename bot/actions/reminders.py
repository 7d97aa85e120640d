"""Agreeing to reminders, kind by kind, and taking it back. Consent is stored as it was given; the gateway sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import ask_to_link
from bot.actions.base import Heard, LibraryAction
from bot.actions.buttons import button
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


# Which kind a wish names. One that names none ("bật nhắc") is of all that a loan or hold brings.
_KINDS: Mapping[str, str] = {
    "due": r"trước|(?:đến|tới|sắp hết|khi hết) hạn|hạn trả|nhắc hạn|trả sách|ngày trả|due|before|ahead",
    "overdue": r"(?:quá|trễ|lố) hạn|overdue",
    "hold": r"đặt giữ|đặt trước|sách đặt|(?:cuốn|sách)\b.*\bđặt|đặt\b.*\bvề|holds?|reserv\w*",
    "card": r"(?:hạn|gia hạn) thẻ|(?<!có )thẻ\b.*\b(?:hết|đến|tới) hạn|card\b.*\bexpir\w*",
}
_SURELY_DUE = r"hạn trả|trả sách|ngày trả|sách\b.*\b(?:đến|tới) hạn|due"
PLAIN = ("due", "overdue", "hold")
_ASKS = re.compile(
    r"\b(?:dang|da|co) (?:bat |duoc |dang ky )*(?:loi )?nhac\b.*\b(?:gi|nao|khong|chua)\b"
    r"|\bnhac (?:nhung |cac )?(?:gi|loai nao)\b"
    r"|\b(?:dang|duoc) nhac\b.*\bmay (?:loai|ngay|kieu|thu)\b"
    r"|\b(?:what|which) reminders\b|\breminders? (?:do i have|are on)\b"
)
USUAL: Mapping[str, int] = {"due": USUAL_DAYS, "overdue": 1, "hold": 0, "card": 14}
WHAT: Mapping[str, Words] = {
    "due": Words("trước hạn {days}", "{days} before a due date"),
    "overdue": Words("khi có sách quá hạn", "when something is overdue"),
    "hold": Words("khi sách bạn đặt đã có", "when a book you reserved is ready"),
    "card": Words("trước khi thẻ hết hạn {days}", "{days} before your card expires"),
}
# Buttons that change the wish: what they read, and what they say as if the patron had typed it.
MORE: Mapping[str, tuple[Words, str]] = {
    "due": (Words("Nhắc cả hạn trả", "Due dates too"), "nhắc trước hạn trả 2 ngày"),
    "overdue": (Words("Nhắc cả sách quá hạn", "Overdue books too"), "nhắc khi có sách quá hạn"),
    "hold": (Words("Nhắc cả sách đặt", "Holds too"), "nhắc khi sách đặt đã có"),
    "card": (Words("Nhắc cả hạn thẻ", "My card too"), "nhắc trước khi thẻ hết hạn"),
}
LESS: Mapping[str, tuple[Words, str]] = {
    "overdue": (Words("Thôi nhắc quá hạn", "Not of overdue books"), "thôi nhắc sách quá hạn"),
    "hold": (Words("Thôi nhắc sách đặt", "Not of holds"), "thôi nhắc sách đặt giữ"),
    "card": (Words("Thôi nhắc hạn thẻ", "Not of my card"), "thôi nhắc hạn thẻ"),
}
TURN_ON = Words("Bật nhắc", "Turn reminders on")
MOST_BUTTONS = 3  # beside the two that the text brings: Zalo shows five
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
        if _ASKS.search(plainly(heard.text)):
            return await _tell(self, dispatcher, heard)
        if refuses(heard.text, _STOP):
            return await _stop(self, dispatcher, heard)
        if not heard.text.startswith("/") and not says(_REMINDING, heard.text):
            dispatcher.utter_message(response="utter_not_understood")  # consent is never taken by mistake
            return []
        wish = await self.services.consents.given(heard.turn, PURPOSE) or {}
        wish = agreed(wish, kinds_in(heard.text), heard.turn.now)
        await self.services.consents.give(heard.turn, PURPOSE, wish)
        _say_kinds("utter_reminders_noted", wish["kinds"], dispatcher, heard)
        if await self.services.links.patron_of(heard.turn) is None:
            return await ask_to_link(self.services, dispatcher, heard, then="action_list_loans")
        return []


def agreed(before: Mapping[str, Any], more: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """Return the wish with these kinds agreed to now: each keeps when, and to which wording, it was agreed to."""
    given = dict(before.get("given", {})) | {kind: {"at": now.isoformat(), "text": TEXT} for kind in more}
    return {"kinds": _kinds_of(before) | dict(more), "given": given}


def kinds_in(text: str) -> dict[str, int]:
    """Return the kinds that the words ask for, each with its days; what loans and holds bring when they name none."""
    named = kinds_named(text)
    if {"hold", "card"} & set(named) and "due" in named and not says(_SURELY_DUE, text):
        named.remove("due")  # "thẻ sắp hết hạn thì nhắc trước 1 tuần": said of the other
    days = {kind: USUAL[kind] for kind in named or PLAIN}
    if "due" in days:
        days["due"] = days_before(text)
    elif "card" in days and _AHEAD.search(plainly(text)):
        days["card"] = days_before(text)
    return days


def kinds_named(text: str) -> list[str]:
    return [kind for kind, pattern in _KINDS.items() if says(pattern, text)]


def _kinds_of(wish: Mapping[str, Any]) -> dict[str, int]:
    """Return the kinds of a wish; one of before there were kinds is of due dates."""
    if "days_before" in wish:
        return {"due": int(wish["days_before"])}
    return dict(wish.get("kinds", {}))


def _say_kinds(response: str, kinds: Mapping[str, int], dispatcher: CollectingDispatcher, heard: Heard) -> None:
    """Say what is reminded of, and how, with buttons that change it."""
    lang, channel = heard.lang, heard.turn.channel
    more = [(*MORE[kind], "subscribe_reminders") for kind in MORE if kind not in kinds]
    less = [(*LESS[kind], "unsubscribe_reminders") for kind in LESS if kind in kinds and len(kinds) > 1]
    changes = [button(title, lang, intent, said=said) for title, said, intent in (*more, *less)]
    how = HOW[channel].to(lang) if channel in HOW else ""
    dispatcher.utter_message(response=response, what=_said(kinds, lang), how=how, buttons=changes[:MOST_BUTTONS])


def _said(kinds: Mapping[str, int], lang: Lang) -> str:
    told = [kind for kind in WHAT if kind in kinds]
    return listing([WHAT[kind].to(lang).format(days=count(kinds[kind], DAY, lang)) for kind in told], lang)


async def _tell(action: LibraryAction, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    wish = await action.services.consents.given(heard.turn, PURPOSE)
    if wish is None:
        turn_on = button(TURN_ON, heard.lang, "subscribe_reminders", said=TURN_ON.vi)
        dispatcher.utter_message(response="utter_reminders_none", buttons=[turn_on])
    else:
        _say_kinds("utter_reminders_on", _kinds_of(wish), dispatcher, heard)
    return []


class UnsubscribeReminders(LibraryAction):
    action_name = "action_unsubscribe_reminders"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"tat|ngung|huy|bo|off|unsubscribe|stop"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        wish = await self.services.consents.given(heard.turn, PURPOSE) or {}
        kinds, fewer = _kinds_of(wish), [kind for kind in kinds_named(heard.text) if kind in LESS]
        left = {kind: days for kind, days in kinds.items() if kind not in fewer}
        if not fewer or not left:
            return await _stop(self, dispatcher, heard)
        given = {kind: when for kind, when in wish.get("given", {}).items() if kind in left}
        await self.services.consents.give(heard.turn, PURPOSE, {"kinds": left, "given": given})
        _say_kinds("utter_reminders_fewer", left, dispatcher, heard)
        return []


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
