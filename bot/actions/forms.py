"""What the forms share: leaving one, and not asking for ever a patron who went on to other matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa_sdk.events import ActiveLoop, EventType, SlotSet

from bot.actions.base import Heard

INTERRUPTIONS = 2  # so many other matters in a row, and the form is dropped


def leave_form() -> list[EventType]:
    """Return the events that close the form that is open."""
    return [ActiveLoop(None), SlotSet("requested_slot", None)]


def interrupted(heard: Heard, opener: str) -> bool:
    """Return whether the patron has gone on to other matters since the form was opened, or asked for again."""
    turns = 0
    for event in reversed(heard.tracker.events):
        opens = event.get("event") == "active_loop" and event.get("name")
        if opens or (event.get("event") == "user" and _intent(event) == opener):
            break
        turns += event.get("event") == "user"
    return turns >= INTERRUPTIONS


def _intent(event: Mapping[str, Any]) -> str | None:
    return ((event.get("parse_data") or {}).get("intent") or {}).get("name")
