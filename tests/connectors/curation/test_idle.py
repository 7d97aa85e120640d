"""Growth control: the bench names phrasings that add nothing, and only those that may all go at once."""

from __future__ import annotations

from dataclasses import replace

from connectors.curation.trying import Findings, Said, try_out
from retrieval.answers import Answer
from retrieval.shelf import Shelf
from tests.connectors.curation.school import CARD, FINE, HOURS, START, School

ASKED = (
    "thư viện mở cửa lúc mấy giờ", "thư viện mở cửa mấy giờ vậy", "mấy giờ thư viện mở cửa", "lịch mở cửa",
    "thứ bảy có làm việc không",
)  # fmt: skip
WORDY = replace(HOURS, phrasings=ASKED)


def tried(answer: Answer) -> tuple[Shelf, Findings]:
    after = Shelf(1, [answer, CARD, FINE])
    return after, try_out(Shelf(0, [CARD, FINE]), after, answer, None, (), (), START.date())


def test_a_phrasing_in_the_words_of_others_adds_nothing_and_one_in_words_of_its_own_does() -> None:
    _, found = tried(WORDY)
    assert "thư viện mở cửa mấy giờ vậy" in found.idle
    assert "thứ bảy có làm việc không" not in found.idle


def test_without_all_of_them_each_is_still_answered() -> None:
    _, found = tried(WORDY)
    kept = tuple(text for text in WORDY.phrasings if text not in found.idle)
    left = Shelf(2, [replace(WORDY, phrasings=kept), CARD, FINE])
    assert found.idle
    assert [Said.of(left.ask(text)).keys for text in found.idle] == [("gio",)] * len(found.idle)


def test_of_twins_that_stand_in_for_each_other_the_earlier_stays() -> None:
    twins = ("thứ bảy có làm việc không", "thứ bảy có làm việc không đó")
    after, found = tried(replace(HOURS, phrasings=twins))
    assert [Said.of(after.ask_without(text, "gio")).kind for text in twins] == ["sure", "sure"]
    assert set(found.idle) & set(twins) == {twins[1]}


def test_the_question_itself_is_never_named() -> None:
    _, found = tried(replace(HOURS, phrasings=("thư viện mở cửa mấy giờ ạ", "mở cửa mấy giờ")))
    assert HOURS.question not in found.idle


async def test_the_report_keeps_them(school: School) -> None:
    report = await school.publisher.bench.report("gio", school.draft(WORDY))
    assert report is not None
    assert "thư viện mở cửa mấy giờ vậy" in report.body["idle"]
