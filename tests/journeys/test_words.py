"""Every sentence of the domain: both languages, the same variables and buttons, and the tone of the house."""

from __future__ import annotations

import re
import unicodedata

import pytest

from tests.journeys.talk import RESPONSES

ONE_FOR_BOTH = {"utter_outcome", "utter_which_language", "utter_now_in_en", "utter_now_in_vi"}
TWINS = sorted(set(RESPONSES) - ONE_FOR_BOTH)


def _variables(text: str) -> set[str]:
    """Return the names, without the "_first" that only capitalises."""
    return {name.removesuffix("_first") for name in re.findall(r"{(\w+)}", text)}


@pytest.mark.parametrize("name", TWINS)
def test_a_response_has_an_english_twin_with_the_same_variables_and_buttons(name):
    english, vietnamese = RESPONSES[name]
    assert english["condition"] == [{"type": "slot", "name": "locale", "value": "en"}]
    assert "condition" not in vietnamese
    assert _variables(english["text"]) == _variables(vietnamese["text"])
    payloads = [[button["payload"] for button in each.get("buttons", ())] for each in (english, vietnamese)]
    assert payloads[0] == payloads[1]


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_a_response_keeps_the_tone_of_the_house(name):
    for variation in RESPONSES[name]:
        text = variation["text"]
        assert text == unicodedata.normalize("NFC", text)
        assert "!" not in text or name == "utter_greet"
        assert not re.search(r"quý bạn đọc|vui lòng|quy định hiện hành|Có lỗi xảy ra", text)
