"""What the intent classifier learns from: copies in other hands, and the contrary of a deed."""

import pytest

from bot.components.intent_grams import pairs
from bot.components.intent_training import copies, denied
from bot.components.slot_training import Labelled
from bot.components.spans import Span

RENEW = Labelled("gia hạn cuốn Số đỏ giúp em", (Span("title", 13, 18),))


def test_an_example_is_learned_as_it_is_and_without_its_marks():
    texts = [copy.text for copy in copies(RENEW, hurried=0, slots_missed=0)]
    assert texts == ["gia hạn cuốn Số đỏ giúp em", "gia han cuon So do giup em"]


def test_every_copy_keeps_its_slot_where_it_stands():
    for copy in copies(RENEW, hurried=6, slots_missed=0):
        [span] = copy.spans
        assert copy.text[span.start : span.end].casefold()[0] == "s"


def test_copies_are_the_same_each_time():
    assert list(copies(RENEW, 3, 0.5)) == list(copies(RENEW, 3, 0.5))


def test_no_slot_is_marked_where_all_are_missed():
    assert all(not copy.spans for copy in copies(RENEW, hurried=2, slots_missed=1))


def test_the_contrary_of_a_deed_keeps_its_slot():
    [copy] = denied(RENEW, "renew_loans")
    [span] = copy.spans
    assert copy.text.endswith("gia hạn cuốn Số đỏ giúp em")
    assert copy.text[span.start : span.end] == "Số đỏ"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("em muốn gia hạn", "renew_loans"),  # does not begin with the deed
        ("gia hạn sách thế nào", "ask_library_info"),  # no deed
        ("gia hạn giúp em cuốn này nhé tuần sau em mới đọc xong được", "renew_loans"),  # asks on
    ],
)
def test_what_is_no_bare_request_has_no_contrary(text, intent):
    assert not list(denied(Labelled(text, ()), intent))


def test_pairs_reach_over_what_stands_between():
    assert "bo nhac" in pairs(["bo", "dang", "ky", "nhac"])
