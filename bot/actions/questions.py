"""Yes/no questions: how they are put, and which action a yes to each kind brings about."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import DEEDS, Heard, Services, action_named, open_question, question_still_open
from bot.actions.buttons import Button, button
from bot.actions.repair import DEED_WORDS
from bot.actions.wording import plainly
from library.phrasing import Lang, Words

AGREE, NO = Words("Đồng ý", "Yes, go ahead"), Words("Thôi", "No, leave it")
_YES = re.compile(r"(?:da |vang )?(?:u|um|uh|uk|ok|oke|okay|okie|dong y|duoc|vang|da|yes|yeah|yep|sure)\b(?! khong\b)")
_NO = re.compile(r"\b(?:thoi|khoi|khong|dung|chua|no|not|don t|stop)\b")
_AGAIN: Mapping[str, tuple[Words, str]] = {
    "renew": (Words("Gia hạn", "Renew"), "renew_loans"),
    "hold": (Words("Đặt giữ", "Place the hold"), "place_hold"),
    "start_hold": (Words("Đặt giữ", "Place the hold"), "place_hold"),
    "cancel_hold": (Words("Huỷ đặt giữ", "Cancel the hold"), "cancel_hold"),
}
_LONGEST_YES = 6
_THUMBS_UP = re.compile(r"[\s👍👌✅🆗🏻-🏿]+")


def ask(
    dispatcher: CollectingDispatcher,
    heard: Heard,
    kind: str,
    response: str,
    *,
    say: Mapping[str, Any] | None = None,
    yes: Words = AGREE,
    no: Words = NO,
    **data: Any,
) -> list[EventType]:
    """Put a yes/no question and return the events that leave it open. `say` fills the response, `data` the deed needs.

    Its buttons name the question, so that one pressed later cannot answer another.
    """
    which = heard.turn.now.isoformat()
    before = question_still_open(heard)
    if heard.in_company and kind not in DEEDS and before and before["asked_at"] == which:
        dispatcher.utter_message(response=response, **(say or {}))  # one question at a time, and the deed's goes first
        return []
    buttons = [button(title, heard.lang, intent, question=which) for title, intent in ((yes, "affirm"), (no, "deny"))]
    dispatcher.utter_message(response=response, buttons=buttons, **(say or {}))
    put = {"response": response, "say": dict(say or {}), "buttons": buttons}
    return [open_question(kind, heard.turn, agrees=yes.to(heard.lang), **put, **data)]


async def do_if_agreed(services: Services, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType] | None:
    """Do what the open question asks when these words, taken for something else, say yes to it; None when not.

    So do the words of its button ("ghi giúp mình"), a thumb up, and a yes with the deed added ("ừ xoá đi"). Words
    that name a book, a place or another deed ask for something of their own.
    """
    question = question_still_open(heard)
    if question is None or heard.text.startswith("/") or heard.tracker.latest_message.get("entities"):
        return None
    words = plainly(heard.text)
    named = {kind for kind, deed in DEED_WORDS.items() if re.search(rf"\b(?:{deed})\b", words)}
    agrees = (
        bool(_YES.match(words))
        and not _NO.search(words)
        and len(words.split()) <= _LONGEST_YES
        and (not named or question["kind"] in named)
    )
    if agrees or words == plainly(question.get("agrees", "")) != "" or _THUMBS_UP.fullmatch(heard.text):
        return await do_after_yes(question["kind"], services, dispatcher, heard)
    return None


async def do_after_yes(
    kind: str, services: Services, dispatcher: CollectingDispatcher, heard: Heard
) -> list[EventType] | None:
    """Run `action_do_<kind>` and return its events; None when there is no such action.

    A plain action that it leads to runs here too: for one action after another Rasa would need a rule, and for want
    of it would say that it did not understand. Forms are Rasa's to open.
    """
    deed = action_named(f"action_do_{kind}")
    if deed is None:
        return None
    events = await deed(services).act(dispatcher, heard)
    leads_to = next((event for event in events if event["event"] == "followup" and action_named(event["name"])), None)
    if leads_to is None:
        return events
    slots = {event["name"]: event["value"] for event in events if event["event"] == "slot"}
    tracker = copy.copy(heard.tracker)
    tracker.slots = {**heard.tracker.slots, **slots, "open_question": None}  # this yes has done its work
    following = action_named(leads_to["name"])
    assert following is not None
    more = await following(services).act(dispatcher, Heard(tracker, heard.turn))
    return [*(event for event in events if event is not leads_to), *more]


def do_again_button(question: Mapping[str, Any], lang: Lang) -> Button | None:
    """Return the button that begins again the deed of a question whose time is over; None when it was no deed."""
    if question["kind"] not in _AGAIN:
        return None
    words, intent = _AGAIN[question["kind"]]
    ids = {"record_id": question.get("record_id")}
    if len(question.get("loan_ids", ())) == 1:
        ids["loan_id"] = question["loan_ids"][0]
    if len(question.get("holds", ())) == 1:
        ids["hold_id"] = question["holds"][0]["hold_id"]
    return button(words, lang, intent, **ids)
