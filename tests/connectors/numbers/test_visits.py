"""The definitions of docs/numbers.md, on cases counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.clock import VIETNAM
from connectors.numbers.intervals import Share, difference, ratio, wilson
from connectors.numbers.visits import Said, Visit, asks_again, visits

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=VIETNAM)
GOOD = {"kind": "answer", "answer": "gio"}


def said(minutes: float, words: str = "mấy giờ mở cửa", outcome: dict[str, Any] | None = None, **more: Any) -> Said:
    at = NOON + timedelta(minutes=minutes)
    return Said("c1", "web", "vi", at, words, outcome=GOOD if outcome is None else outcome, **more)


def test_a_pause_of_half_an_hour_begins_another_visit() -> None:
    found = list(visits([said(0), said(29.9), said(59.9), said(70)]))
    assert [len(visit.said) for visit in found] == [2, 2]


@pytest.mark.parametrize(
    ("minutes", "words", "again"),
    [
        (5, "thư viện mấy giờ mở cửa", True),
        (5, "may gio mo cua vay", True),
        (11, "mấy giờ mở cửa", False),
        (5, "làm thẻ cần gì", False),
        (5, "", False),
    ],
)
def test_asked_again_is_much_the_same_words_within_ten_minutes(minutes: float, words: str, again: bool) -> None:
    assert asks_again(said(0), said(minutes, words)) is again


def test_resolved_is_an_answer_at_the_end_with_nothing_asked_again_and_nobody_called() -> None:
    unknown = {"kind": "unknown"}
    assert Visit([said(0, "a b c", unknown), said(1, "làm thẻ")]).resolved
    assert not Visit([said(0), said(1, "làm thẻ", unknown)]).resolved
    assert not Visit([said(0), said(1)]).resolved
    assert not Visit([said(0, handed="asked")]).resolved
    assert not Visit([said(0, outcome={})]).resolved
    assert not Visit([said(0, outcome={"kind": "search", "hits": 0})]).resolved
    assert Visit([said(0, outcome={"kind": "search", "hits": 3})]).resolved


def test_intervals_are_those_of_the_books() -> None:
    # Newcombe 1998, Statistics in Medicine 17: 56/70 against 48/80, method 10; and Wilson for 81/263 (method 3).
    change = difference(Share(48, 80), Share(56, 70))
    assert change is not None
    assert (round(change.value, 4), round(change.low, 4), round(change.high, 4)) == (0.2, 0.0524, 0.3339)
    low, high = wilson(Share(81, 263))
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_too_little_is_said_to_be_too_little() -> None:
    assert difference(Share(1, 19), Share(50, 100)) is None
    assert ratio(9, 100) is None
    doubled = ratio(100, 200)
    assert doubled is not None
    assert doubled.sure
    assert round(doubled.value, 2) == 1.0
    assert round(doubled.low, 3) == round(2 / 1.27132 - 1, 3)


def test_displeasure_is_with_the_answer_under_which_it_was_pressed_and_a_complaint_is_with_all() -> None:
    def told(key: str, **more: Any) -> Said:
        return said(0, outcome={"kind": "answer", "answer": key}, **more)

    visit = Visit([told("gio", rated=0), told("the", rated=1)])
    assert (visit.displeased_with("gio"), visit.displeased_with("the")) == (True, False)
    visit = Visit([told("gio"), told("the", complaint=True)])
    assert (visit.displeased_with("gio"), visit.displeased_with("the")) == (True, True)
