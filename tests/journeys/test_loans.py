"""Sách đang mượn, gia hạn, tiền nợ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from library.ils import ILSOutcomeUnknown, ILSUnavailable, NotSupported
from library.model import Refusal
from library.ports import Turn
from tests.fakes import fee, loan
from tests.journeys.patron import CONVERSATION, SUNDAY_MORNING, Desk, desk_for

SO_DO, MAT_BIEC, DE_MEN = "Số đỏ", "Mắt biếc", "Dế Mèn phiêu lưu ký"


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Desk]:
    """Nobody is linked yet; Lan has two books."""
    with desk_for(tmp_path) as desk:
        desk.ils.loans_out = [_loan("1", SO_DO, 24), _loan("2", MAT_BIEC, 26)]
        yield desk


@pytest.fixture
async def lan(stranger: Desk) -> Desk:
    await stranger.link()
    return stranger


def _loan(loan_id: str, title: str, day: int, **more: object):  # type: ignore[no-untyped-def]
    return loan(loan_id, title, date(2026, 11, day), SUNDAY_MORNING, **more)


async def test_loans_are_listed_soonest_first_with_weekday_and_date(lan):
    said = await lan.talk.hear("list_loans", "em đang mượn gì")
    assert (
        said.text
        == "Bạn đang mượn 2 cuốn, hạn gần nhất đứng đầu:\n• “Số đỏ”: thứ Ba 24/11\n• “Mắt biếc”: thứ Năm 26/11"
    )
    assert said.button("Gia hạn")["payload"] == "/renew_loans"


async def test_an_overdue_loan_is_marked_with_its_days(lan):
    lan.ils.loans_out = [_loan("1", SO_DO, 19)]
    said = await lan.talk.hear("list_loans", "sách của tôi khi nào đến hạn")
    assert "“Số đỏ”: thứ Năm 19/11, quá hạn 3 ngày" in said.text
    assert said.responses == ("utter_loans_some_late",)


async def test_a_named_loan_is_answered_alone(lan):
    said = await lan.talk.hear("list_loans", "cuốn [so do](title) em mượn bao giờ phải trả")
    assert "“Số đỏ”: thứ Ba 24/11" in said.text
    assert "Mắt biếc" not in said.text


async def test_an_empty_card_says_so(lan):
    lan.ils.loans_out = []
    assert (await lan.talk.hear("list_loans", "sách mượn")).responses == ("utter_no_loans",)


@pytest.mark.parametrize(
    "words",
    [
        "vợ tôi đang mượn sách gì thế",
        "ông xã em mượn cuốn nào",
        "xem giùm bạn tôi đang mượn gì",
        "anh Nam đang mượn gì vậy",
    ],
)
async def test_another_persons_loans_are_private(lan, words):
    said = await lan.talk.hear("list_loans", words)
    assert said.responses == ("utter_private",)
    assert SO_DO not in said.text


@pytest.mark.parametrize(
    "words",
    [
        "chào bạn em đang mượn gì",
        "bé nhà mình đang mượn mấy cuốn bằng thẻ của mình vậy",
        "mẹ em bảo em còn sách chưa trả",
    ],
)
async def test_words_that_only_sound_like_another_person_are_answered(lan, words):
    assert SO_DO in (await lan.talk.hear("list_loans", words)).text


async def test_a_card_number_typed_in_the_chat_looks_up_nobody(lan):
    masked = Turn(CONVERSATION, "m1", "web", SUNDAY_MORNING, frozenset({"card"}))
    lan.talk.turns[CONVERSATION] = masked
    latest = {"text": "thẻ ●●● đang mượn gì", "intent": {"name": "list_loans"}, "entities": []}
    tracker = Tracker(CONVERSATION, {"locale": "vi"}, latest, [], False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    await lan.talk.actions["action_list_loans"].run(dispatcher, tracker, {})
    assert [each["response"] for each in dispatcher.messages] == ["utter_only_linked_card", "utter_loans"]


async def test_one_loan_is_renewed_after_a_yes(lan):
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert asked.text == "Mình sẽ gia hạn “Số đỏ” (hạn trả 24/11). Đồng ý chứ?"
    assert lan.ils.renewed == []
    done = await lan.talk.hear("affirm", "ừ")
    assert done.text == "Xong, “Số đỏ”: hạn mới thứ Ba 8/12."
    assert lan.ils.renewed == ["1"]


async def test_with_several_loans_and_none_named_it_asks_which_and_offers_all(lan):
    asked = await lan.talk.hear("renew_loans", "gia hạn giúp em")
    assert [button["title"] for button in asked.buttons] == ["“Số đỏ” (24/11)", "“Mắt biếc” (26/11)", "Tất cả"]
    everything = await lan.talk.press(asked.button("Tất cả"))
    assert "2 cuốn" in everything.text
    assert (await lan.talk.press(everything.button("Đồng ý"))).responses == ("utter_renewed_all",)
    assert lan.ils.renewed == ["1", "2"]


@pytest.mark.parametrize("scope", ["hết", "cả 2 cuốn", "tat ca", "hai quyển", "all", "full"])
async def test_words_for_all_mean_all(lan, scope):
    asked = await lan.talk.hear("renew_loans", f"gia hạn [{scope}](loan_scope) cho em")
    assert asked.responses == ("utter_renew_these",)


async def test_a_number_that_is_not_all_asks_which(lan):
    lan.ils.loans_out.append(_loan("3", DE_MEN, 28))
    asked = await lan.talk.hear("renew_loans", "gia hạn [hai cuốn](loan_scope)")
    assert asked.responses == ("utter_renew_which",)


async def test_an_ordinal_counts_along_the_list(lan):
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [thứ 2](item_ordinal)")
    assert "Mắt biếc" in asked.text


async def test_this_one_is_the_loan_talked_about(lan):
    await lan.talk.hear("list_loans", "cuốn [Mắt biếc](title) hạn nào")
    assert "Mắt biếc" in (await lan.talk.hear("renew_loans", "gia hạn cuốn này")).text


async def test_a_title_that_is_not_on_the_card_is_told_and_the_others_offered(lan):
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [Bố già](title)")
    assert asked.responses == ("utter_not_among_loans", "utter_renew_which")


async def test_marks_tell_two_titles_apart(lan):
    lan.ils.loans_out.append(_loan("3", "Sổ đỏ", 28))
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert asked.text.startswith("Mình sẽ gia hạn “Số đỏ” (hạn trả 24/11)")


async def test_partly_renewed_is_told_title_by_title_with_the_reason(lan):
    lan.ils.refuse["2"] = Refusal.ON_HOLD
    await lan.talk.hear("renew_loans", "gia hạn [hết](loan_scope)")
    done = await lan.talk.hear("affirm", "đồng ý")
    assert done.text == (
        "Xong 1 trong 2 cuốn:\n• “Số đỏ”: hạn mới thứ Ba 8/12\n"
        "• “Mắt biếc”: chưa gia hạn được vì có bạn khác đang chờ. Bạn trả trước 26/11 giúp thư viện nhé."
    )


@pytest.mark.parametrize("refusal", list(Refusal))
@pytest.mark.parametrize("locale", ["vi", "en"])
async def test_every_refusal_has_words(lan, refusal, locale):
    lan.talk.slots["locale"] = locale
    lan.ils.refuse["1"] = refusal
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    done = await lan.talk.hear("affirm", "ok")
    assert done.text.startswith("“Số đỏ”: " + ("chưa gia hạn được vì " if locale == "vi" else "not renewed: "))
    assert "{" not in done.text


async def test_a_loan_still_overdue_after_renewal_says_so(lan):
    lan.ils.loans_out = [_loan("1", SO_DO, 1)]
    await lan.talk.hear("renew_loans", "gia hạn")
    done = await lan.talk.hear("affirm", "ừ")
    assert done.text == "Xong, “Số đỏ”: hạn mới Chủ nhật 15/11, vẫn quá hạn, bạn trả sớm nhé."


async def test_what_surely_cannot_be_renewed_is_told_without_asking(lan):
    lan.ils.loans_out = [_loan("1", SO_DO, 24, renewable=False, refusal=Refusal.TOO_MANY_RENEWALS)]
    said = await lan.talk.hear("renew_loans", "gia hạn")
    assert "đã gia hạn đủ số lần" in said.text
    assert lan.talk.slots["open_question"] is None


@pytest.mark.parametrize(
    "words", ["đừng gia hạn", "mình không muốn gia hạn nữa", "ko gia hạn đâu", "khỏi gia hạn nha", "don't renew it"]
)
async def test_a_no_to_renewing_never_asks_nor_acts(lan, words):
    said = await lan.talk.hear("renew_loans", words)
    assert said.responses == ("utter_left_as_it_was",)
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert lan.ils.renewed == []


@pytest.mark.parametrize(
    "words",
    [
        "đừng tính trễ nha, gia hạn giùm em",
        "bấm gia hạn trên web không được, gia hạn giúp mình",
        "không thì gia hạn đi",
    ],
)
async def test_a_no_about_something_else_does_not_stop_a_renewal(lan, words):
    assert (await lan.talk.hear("renew_loans", words)).responses == ("utter_renew_which",)


async def test_a_no_to_the_question_closes_it(lan):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert (await lan.talk.hear("deny", "thôi khỏi")).responses == ("utter_left_as_it_was",)
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert lan.ils.renewed == []


async def test_a_stale_yes_acts_on_nothing(lan):
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.talk.wait(minutes=16)
    late = await lan.talk.hear("affirm", "ừ")
    assert late.responses == ("utter_yes_too_late",)
    assert lan.ils.renewed == []
    assert (await lan.talk.press(late.button("Gia hạn"))).responses == ("utter_renew_this",)
    assert (await lan.talk.hear("goodbye", "tạm biệt")).responses == ("utter_goodbye",)
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert (await lan.talk.press(asked.button("Đồng ý"))).responses == ("utter_question_is_over",)
    assert lan.ils.renewed == []


async def test_a_question_in_between_is_answered_and_the_deeds_own_put_once_more(lan):
    first = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    between = await lan.talk.hear("list_loans", "em đang mượn gì")
    assert between.responses == ("utter_loans", "utter_renew_this")
    assert between.texts[-1] == first.text
    assert (await lan.talk.press(between.button("Đồng ý"))).responses == ("utter_renewed_one",)
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)


async def test_a_yes_after_more_than_one_other_matter_acts_on_nothing(lan):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    await lan.talk.hear("list_loans", "em đang mượn gì")
    await lan.talk.hear("list_holds", "sách em đặt về chưa")
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert lan.ils.renewed == []


async def test_the_button_of_an_earlier_question_does_not_answer_a_later_one(lan):
    first = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.talk.wait(minutes=1)
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Mắt biếc](title)")
    assert (await lan.talk.press(first.button("Đồng ý"))).responses == ("utter_question_is_over",)
    assert lan.ils.renewed == []
    assert "Mắt biếc" in (await lan.talk.hear("affirm", "ừ")).text  # the later one is still open


async def test_a_silent_library_system_is_said_and_the_question_stays_open(lan):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: ILSUnavailable("down")
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_library_system_away",)
    lan.ils.fault = None
    assert "hạn mới" in (await lan.talk.hear("affirm", "ừ")).text


@pytest.mark.parametrize(
    "again", ["thử lại xem", "thử lại đi bạn", "làm lại giúp em", "được chưa", "thu lai", "try again"]
)
async def test_what_got_no_answer_is_asked_once_more_with_a_word(lan, again):
    lan.ils.fault = lambda: ILSUnavailable("down")
    asked = await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert asked.responses == ("utter_library_system_away",)
    assert (await lan.talk.hear("out_of_scope", again)).responses == ("utter_library_system_away",)
    lan.ils.fault = None
    assert "Số đỏ" in (await lan.talk.hear("nlu_fallback", again)).text
    assert lan.ils.renewed == []  # that was the question, not the yes


async def test_what_got_no_answer_is_asked_once_more_with_a_button_and_only_once(lan):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: ILSUnavailable("down")
    away = await lan.talk.hear("affirm", "ừ")
    lan.ils.fault = None
    assert "hạn mới" in (await lan.talk.press(away.button("Thử lại"))).text
    assert (await lan.talk.press(away.button("Thử lại"))).responses == ("utter_question_is_over",)
    assert lan.ils.renewed == ["1"]


@pytest.mark.parametrize(("intent", "between"), [("deny", "thôi khỏi"), ("list_loans", "em đang mượn gì")])
async def test_what_got_no_answer_is_forgotten_once_something_else_is_talked_about(lan, intent, between):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: ILSUnavailable("down")
    away = await lan.talk.hear("affirm", "ừ")
    lan.ils.fault = None
    await lan.talk.hear(intent, between)
    assert (await lan.talk.press(away.button("Thử lại"))).responses == ("utter_question_is_over",)
    assert lan.ils.renewed == []


@pytest.mark.parametrize("error", [ILSOutcomeUnknown("sent"), NotSupported("no such call")])
async def test_what_may_be_done_or_never_can_be_is_not_tried_again(lan, error):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: error
    await lan.talk.hear("affirm", "ừ")
    lan.ils.fault = None
    await lan.talk.hear("nlu_fallback", "thử lại")
    assert lan.ils.renewed == []


@pytest.mark.parametrize(
    "words", ["không cần thử lại", "đừng thử lại", "thôi không thử lại nữa", "làm lại thẻ", "don't try again"]
)
async def test_a_no_to_another_try_does_nothing(lan, words):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: ILSUnavailable("down")
    await lan.talk.hear("affirm", "ừ")
    lan.ils.fault = None
    await lan.talk.hear("deny", words)
    assert lan.ils.renewed == []


async def test_a_word_that_asks_for_more_than_another_try_is_heard_by_itself(lan):
    lan.ils.fault = lambda: ILSUnavailable("down")
    await lan.talk.hear("list_loans", "em đang mượn gì")
    lan.ils.fault = None
    assert "utter_loans" not in (await lan.talk.hear("ask_opening_hours", "xem lại giờ mở cửa")).responses


async def test_an_unknown_outcome_is_never_sent_again(lan):
    await lan.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    lan.ils.fault = lambda: ILSOutcomeUnknown("sent")
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_outcome_unknown",)
    lan.ils.fault = None
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert lan.ils.renewed == []


async def test_without_a_card_renewing_links_first_and_goes_on_by_itself(stranger):
    asked = await stranger.talk.hear("renew_loans", "gia hạn cuốn [Mắt biếc](title)")
    assert asked.responses == ("utter_link_first",)
    await stranger.log_in(asked.buttons[0]["url"])
    linked = await stranger.talk.hear("affirm", "đúng rồi")
    assert linked.responses == ("utter_linked", "utter_renew_this")
    assert "Mắt biếc" in linked.text
    await stranger.talk.hear("affirm", "ừ")
    assert stranger.ils.renewed == ["2"]


async def test_charges_are_told_one_by_one_with_the_sum(lan):
    lan.ils.owed = [fee("Trả trễ 3 ngày", 3000, SO_DO), fee("Rách bìa", 15000)]
    said = await lan.talk.hear("ask_charges", "em nợ bao nhiêu")
    assert "18.000 đồng" in said.text
    assert "• Trả trễ 3 ngày (“Số đỏ”): 3.000 đồng\n• Rách bìa: 15.000 đồng" in said.text


async def test_no_charges_is_good_news(lan):
    assert (await lan.talk.hear("ask_charges", "em nợ bao nhiêu")).responses == ("utter_no_charges",)


async def test_the_english_twin_says_the_same(lan):
    lan.talk.slots["locale"] = "en"
    lan.ils.refuse["2"] = Refusal.ON_HOLD
    asked = await lan.talk.hear("renew_loans", "renew [all](loan_scope)")
    assert [button["title"] for button in asked.buttons] == ["Yes, go ahead", "No, leave it"]
    done = await lan.talk.hear("affirm", "yes")
    assert done.text == (
        "Done for 1 of 2:\n• “Số đỏ”: now due Tuesday 8 December\n"
        "• “Mắt biếc”: not renewed: someone else is waiting for it. Please bring it back by 26 November."
    )


async def test_figures_of_a_nightly_file_are_dated_and_offer_nothing_that_cannot_be_done(lan):
    lan.ils.as_of = SUNDAY_MORNING.replace(hour=2)
    lan.ils.capabilities = frozenset()
    said = await lan.talk.hear("list_loans", "em đang mượn gì")
    assert said.texts[-1] == "Số liệu lúc 02:00 hôm nay (Chủ nhật 22/11)."
    assert said.buttons == ()
    assert (await lan.talk.hear("renew_loans", "gia hạn hết")).responses[0] == "utter_not_supported"
