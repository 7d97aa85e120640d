"""Near readings are asked about in a talk, and only there."""

import pytest
from rasa.shared.nlu.training_data.message import Message

from bot.components.doubt import NearReadings


def heard(first, second, live=True):
    ranking = [{"name": name, "confidence": confidence} for name, confidence in (first, second)]
    message = Message(
        {"intent": ranking[0], "intent_ranking": ranking, "metadata": {"message": "m1"} if live else None}
    )
    return NearReadings(NearReadings.get_default_config()).process([message])[0]


def test_two_near_readings_become_a_question_and_stay_in_the_ranking():
    message = heard(("list_loans", 0.4), ("list_holds", 0.3))
    assert message.get("intent")["name"] == "nlu_fallback"
    assert [one["name"] for one in message.get("intent_ranking")] == ["nlu_fallback", "list_loans", "list_holds"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("list_loans", 0.6), ("list_holds", 0.4)),
        (("list_loans", 0.4), ("list_holds", 0.2)),
        (("out_of_scope", 0.4), ("list_holds", 0.35)),
        (("list_loans", 0.4), ("chitchat", 0.35)),
        (("find_item", 0.4), ("locate_item", 0.35)),
    ],
)
def test_a_clear_reading_stands(first, second):
    assert heard(first, second).get("intent")["name"] == first[0]


def test_what_is_only_measured_is_not_asked_back():
    assert heard(("list_loans", 0.4), ("list_holds", 0.3), live=False).get("intent")["name"] == "list_loans"
