"""The talk's memory travels with the turn: Rasa keeps nothing, the gateway stores it beside the reply.

So a turn is a function of (memory, message) → (replies, memory): after a crash it runs again from the same memory,
Rasa processes can be swapped at any time, and forgetting a patron means deleting rows of one database.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Dict, List, Optional

from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered, deserialise_events
from rasa.shared.core.trackers import DialogueStateTracker

REMEMBERED_TURNS = 8  # patron turns whose events are kept; slots and the open form are kept for good


class Flight:
    """One turn in the air: the memory it came with, and the tracker that Rasa left behind."""

    def __init__(self, memory: Optional[Dict[str, Any]]) -> None:
        self.memory = memory
        self.tracker: Optional[DialogueStateTracker] = None


# Each request is handled in its own asyncio task, so two turns can never see each other's memory.
current_flight: ContextVar[Flight] = ContextVar("current_flight")


class TravellingTrackerStore(TrackerStore):
    """Gives Rasa the memory that came with the request, and takes back what Rasa saves."""

    def __init__(self, domain: Optional[Domain] = None, event_broker: Any = None, **kwargs: Any) -> None:
        kwargs.pop("host", None)
        super().__init__(domain, event_broker, **kwargs)

    async def retrieve(self, sender_id: str) -> Optional[DialogueStateTracker]:
        flight = current_flight.get()
        if flight.tracker is None and flight.memory:
            flight.tracker = restore(sender_id, flight.memory, self.domain)
        return flight.tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        current_flight.get().tracker = tracker

    async def keys(self) -> List[str]:
        return []


def restore(sender_id: str, memory: Dict[str, Any], domain: Domain) -> DialogueStateTracker:
    """Return the tracker that `remember` wrote down. A slot that the domain no longer has is left out."""
    tracker = DialogueStateTracker(sender_id, domain.slots)
    known = {slot.name for slot in domain.slots}
    events: List[Event] = [SlotSet(name, value) for name, value in memory["slots"].items() if name in known]
    if memory.get("active_loop"):
        events.append(ActiveLoop(memory["active_loop"]))
    events += deserialise_events(memory["events"])
    for event in events:
        tracker.update(event, domain)
    return tracker


def remember(tracker: DialogueStateTracker) -> Dict[str, Any]:
    """Return the tracker as JSON: all set slots, the open form, the events of the latest patron turns.

    The slots and the form are those at the cut, so that replaying the events on top gives today's.
    """
    events = list(tracker.events)
    start = _cut(events)
    before = DialogueStateTracker(tracker.sender_id, tracker.slots.values())
    for event in events[:start]:
        event.apply_to(before)
    told = (slot for slot in before.slots.values() if slot.has_been_set and slot.value is not None)
    return {
        "slots": {slot.name: slot.value for slot in told},
        "active_loop": before.active_loop_name,
        "events": [_slim(event) for event in events[start:]],
    }


def _cut(events: List[Event]) -> int:
    """Return where the remembered turns begin: at the `action_listen` before a patron's message."""
    said = [number for number, event in enumerate(events) if isinstance(event, UserUttered)]
    if len(said) <= REMEMBERED_TURNS:
        return 0
    start = said[-REMEMBERED_TURNS]
    while start > 0 and not _is_listen(events[start]):
        start -= 1
    return start


def _is_listen(event: Event) -> bool:
    return isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME


def _slim(event: Event) -> Dict[str, Any]:
    """Return the event as JSON without what nothing reads again: rankings and other by-products of parsing."""
    slim: Dict[str, Any] = event.as_dict()
    if isinstance(event, UserUttered):
        slim["parse_data"] = {key: slim["parse_data"].get(key) for key in ("text", "intent", "entities")}
    if slim.get("event") == "bot":
        slim.pop("data", None)
        slim.pop("metadata", None)
    return slim
