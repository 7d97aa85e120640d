"""The talk's memory: it comes back as it went, stays small, and nobody else's can be seen."""

import asyncio
import json

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components.tracker import (
    REMEMBERED_TURNS,
    Flight,
    TravellingTrackerStore,
    current_flight,
    remember,
    restore,
)

DOMAIN = Domain.from_yaml(
    """
version: "3.1"
intents: [greet, find_item]
entities: [title]
slots:
  title: {type: any, influence_conversation: false, mappings: [{type: from_entity, entity: title}]}
  record: {type: any, influence_conversation: false, mappings: [{type: custom}]}
  locale: {type: text, initial_value: vi, influence_conversation: false, mappings: [{type: custom}]}
forms: {hold_form: {required_slots: [title]}}
actions: [action_find]
"""
)


def talk(turns: int) -> DialogueStateTracker:
    tracker = DialogueStateTracker("someone", DOMAIN.slots)
    tracker.update(ActionExecuted("action_listen"), DOMAIN)
    for number in range(turns):
        intent = {"name": "find_item", "confidence": 0.9}
        parse = {"intent": intent, "entities": [], "intent_ranking": [intent] * 10, "text": f"câu {number}"}
        tracker.update(UserUttered(f"câu {number}", intent, [], parse), DOMAIN)
        tracker.update(SlotSet("record", {"record_id": str(number)}), DOMAIN)
        tracker.update(ActionExecuted("action_find"), DOMAIN)
        tracker.update(BotUttered("đây", {"custom": {"cards": [1]}}), DOMAIN)
        tracker.update(ActionExecuted("action_listen"), DOMAIN)
    return tracker


def through_json(tracker: DialogueStateTracker) -> DialogueStateTracker:
    return restore("someone", json.loads(json.dumps(remember(tracker))), DOMAIN)


@pytest.mark.parametrize("turns", [0, 1, 5, 40])
def test_slots_and_the_open_form_come_back_as_they_were(turns: int) -> None:
    tracker = talk(turns)
    tracker.update(SlotSet("title", "Số đỏ"), DOMAIN)
    tracker.update(ActiveLoop("hold_form"), DOMAIN)
    back = through_json(tracker)
    assert back.current_slot_values() == tracker.current_slot_values()
    assert back.active_loop_name == "hold_form"
    assert back.latest_action_name == tracker.latest_action_name


def test_a_slot_set_long_ago_is_not_forgotten() -> None:
    tracker = talk(1)
    tracker.update(SlotSet("locale", "en"), DOMAIN)
    for event in list(talk(3 * REMEMBERED_TURNS).events):
        tracker.update(event, DOMAIN)
    assert through_json(tracker).get_slot("locale") == "en"


def test_memory_does_not_grow_with_the_talk() -> None:
    short, long = (len(json.dumps(remember(talk(turns)))) for turns in (REMEMBERED_TURNS, 20 * REMEMBERED_TURNS))
    assert long <= short * 1.05


def test_remembering_what_was_remembered_changes_nothing() -> None:
    once = remember(talk(3))
    assert remember(restore("someone", once, DOMAIN))["slots"] == once["slots"]


def test_a_slot_that_the_domain_no_longer_has_is_left_out() -> None:
    memory = remember(talk(1))
    memory["slots"]["gone"] = 1
    assert "gone" not in restore("someone", memory, DOMAIN).current_slot_values()


def test_turns_in_flight_together_see_only_their_own_memory() -> None:
    store = TravellingTrackerStore(DOMAIN)

    async def turn(title: str) -> str:
        memory = {"slots": {"title": title}, "active_loop": None, "events": []}
        current_flight.set(Flight(memory))
        await asyncio.sleep(0)
        tracker = await store.get_or_create_tracker("the same conversation")
        await asyncio.sleep(0)
        await store.save(tracker)
        return current_flight.get().tracker.get_slot("title")

    async def both() -> list:
        return await asyncio.gather(*(turn(f"tên {n}") for n in range(20)))

    assert asyncio.run(both()) == [f"tên {n}" for n in range(20)]
