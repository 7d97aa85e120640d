"""Yes/no questions: how they are put, and which action a yes to each kind brings about."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, Services, open_question
from bot.actions.buttons import button
from library.phrasing import Words

AGREE, NO = Words("Đồng ý", "Yes, go ahead"), Words("Thôi", "No, leave it")


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
    opened = open_question(kind, heard.turn, **data)
    which = opened["value"]["asked_at"]
    buttons = [button(title, heard.lang, intent, question=which) for title, intent in ((yes, "affirm"), (no, "deny"))]
    dispatcher.utter_message(response=response, buttons=buttons, **(say or {}))
    return [opened]


async def do_after_yes(
    kind: str, services: Services, dispatcher: CollectingDispatcher, heard: Heard
) -> list[EventType] | None:
    """Run `action_do_<kind>` and return its events; None when there is no such action.

    A plain action that it leads to runs here too: for one action after another Rasa would need a rule, and for want
    of it would say that it did not understand. Forms are Rasa's to open.
    """
    deed = _action_named(f"action_do_{kind}")
    if deed is None:
        return None
    events = await deed(services).act(dispatcher, heard)
    leads_to = next((event for event in events if event["event"] == "followup" and _action_named(event["name"])), None)
    if leads_to is None:
        return events
    slots = {event["name"]: event["value"] for event in events if event["event"] == "slot"}
    tracker = copy.copy(heard.tracker)
    tracker.slots = {**heard.tracker.slots, **slots}
    following = _action_named(leads_to["name"])
    assert following is not None
    more = await following(services).act(dispatcher, Heard(tracker, heard.turn))
    return [*(event for event in events if event is not leads_to), *more]


def _action_named(name: str) -> type[LibraryAction] | None:
    return next((action for action in _below(LibraryAction) if getattr(action, "action_name", "") == name), None)


def _below(action: type[LibraryAction]) -> Iterator[type[LibraryAction]]:
    for each in action.__subclasses__():
        yield each
        yield from _below(each)
