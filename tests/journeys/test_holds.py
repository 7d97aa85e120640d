"""Đặt giữ, xem và huỷ đặt giữ."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from library.model import Hold, HoldStatus, ItemState, ItemStatus, Refusal
from library.ports import Turn
from tests.fakes import BRANCHES
from tests.journeys.patron import CONVERSATION, SUNDAY_MORNING, Desk, desk_for

HITS = [{"record_id": "so-do", "title": "Số đỏ"}, {"record_id": "mat-biec", "title": "Mắt biếc"}]


@pytest.fixture
async def lan(holdings: Any, tmp_path: Path) -> Any:
    """Lan is linked; every copy of these is out."""
    with desk_for(tmp_path, catalogue=holdings.catalogue, searcher=holdings.searcher) as desk:
        desk.ils.copies = {key: [_copy(ItemState.ON_LOAN)] for key in ("so-do", "mat-biec", "nha-gia-kim")}
        await desk.link()
        yield desk


def _copy(state: ItemState, branch: str = "MT") -> ItemStatus:
    return ItemStatus("b1", branch, "895.922 S450Đ", state)


async def test_a_title_and_a_branch_lead_to_a_question_and_a_yes_to_the_hold(lan):
    asked = await lan.talk.hear("place_hold", "giữ giúp cuốn [Số đỏ](title) ở [cao lanh](branch)")
    assert asked.text == "Mình sẽ đặt giữ “Số đỏ”, nhận tại Cao Lãnh. Đồng ý chứ?"
    assert lan.ils.on_hold == []
    done = await lan.talk.hear("affirm", "ừ")
    assert "đã đặt giữ “Số đỏ”: đang chờ, bạn đứng thứ 2, nhận tại Cao Lãnh" in done.text
    assert [(hold.record_id, hold.pickup) for hold in lan.ils.on_hold] == [("so-do", "CL")]


async def test_without_a_branch_the_form_asks_and_goes_on(lan):
    asked = await lan.talk.hear("place_hold", "đặt giữ cuốn [Mắt biếc](title)")
    assert asked.left_to == "hold_form"
    where = await lan.talk.run("action_ask_pickup")
    assert [button["title"] for button in where.buttons] == ["Mỹ Tho", "Cao Lãnh", "Sa Đéc"]
    lan.talk.slots["pickup"] = "sa dec"
    assert "“Mắt biếc”, nhận tại Sa Đéc" in (await lan.talk.run("action_hold_at")).text


async def test_a_place_that_gives_no_books_out_is_told_and_asked_again(lan):
    await lan.talk.hear("place_hold", "đặt giữ cuốn [Mắt biếc](title)")
    lan.talk.slots["pickup"] = "xe lưu động"
    said = await lan.talk.run("action_hold_at")
    assert said.responses == ("utter_hold_not_there",)
    assert said.left_to == "hold_form"


async def test_with_one_pick_up_place_nobody_is_asked_where(lan):
    lan.ils.places = BRANCHES[:1]
    assert "nhận tại Mỹ Tho" in (await lan.talk.hear("place_hold", "đặt cuốn [Mắt biếc](title)")).text


async def test_the_form_is_dropped_after_two_other_matters(lan):
    async def asked_after(others: int) -> tuple[list[str], list[dict[str, Any]]]:
        events: list[dict[str, Any]] = [{"event": "active_loop", "name": "hold_form"}, *[{"event": "user"}] * others]
        lan.talk.turns[CONVERSATION] = Turn(CONVERSATION, f"m{others}", "web", SUNDAY_MORNING)
        latest = {"text": "mấy giờ mở cửa", "intent": {"name": "ask_opening_hours"}, "entities": []}
        form = {"name": "hold_form"}
        tracker = Tracker(CONVERSATION, {"locale": "vi"}, latest, events, False, None, form, "action_listen")
        dispatcher = CollectingDispatcher()
        found = await lan.talk.actions["action_ask_pickup"].run(dispatcher, tracker, {})
        return [message["response"] for message in dispatcher.messages], found

    assert (await asked_after(1))[0] == ["utter_hold_where"]
    said, events = await asked_after(2)
    assert said == []
    assert events[0]["event"] == "active_loop"
    assert events[0]["name"] is None


async def test_a_title_with_other_marks_is_asked_before_anything(lan):
    asked = await lan.talk.hear("place_hold", "đặt giữ cuốn [Số đo](title)")
    assert asked.responses == ("utter_hold_did_you_mean",)
    went_on = await lan.talk.hear("affirm", "đúng rồi")
    assert went_on.left_to == "hold_form"
    assert lan.talk.slots["to_hold"]["record_id"] == "so-do"


async def test_a_title_the_library_has_not_is_told_with_the_offer_to_suggest_it(lan):
    said = await lan.talk.hear("place_hold", "đặt giữ cuốn [Totto-chan](title)")
    assert said.text.startswith("Thư viện chưa có “Totto-chan”")
    assert lan.talk.slots["open_question"]["kind"] == "purchase"


async def test_of_several_volumes_it_asks_which(lan):
    said = await lan.talk.hear("place_hold", "đặt giữ [Kính vạn hoa](title)")
    assert said.titles == ["Kính vạn hoa. Tập 1", "Kính vạn hoa. Tập 2"]
    assert lan.ils.on_hold == []


async def test_an_ordinal_means_the_hits_shown(lan):
    lan.talk.slots["hits"] = {"earlier": [], "items": HITS}
    asked = await lan.talk.hear("place_hold", "đặt cuốn [thứ 2](item_ordinal) ở [Sa Đéc](branch)")
    assert "“Mắt biếc”" in asked.text


async def test_this_one_means_the_record_talked_about(lan):
    lan.talk.slots["record"] = HITS[1]
    assert "“Mắt biếc”" in (await lan.talk.hear("place_hold", "đặt giữ cuốn này ở [Mỹ Tho](branch)")).text


async def test_with_nothing_to_go_by_it_asks_which_book(lan):
    assert (await lan.talk.hear("place_hold", "đặt giữ")).responses == ("utter_hold_what",)


async def test_a_copy_on_the_shelf_is_told_with_its_place(lan):
    lan.ils.copies["mat-biec"] = [_copy(ItemState.ON_LOAN), _copy(ItemState.AVAILABLE, "CL")]
    said = await lan.talk.hear("place_hold", "đặt giữ cuốn [Mắt biếc](title)")
    assert said.responses == ("utter_hold_on_shelf",)
    assert "• Cao Lãnh · 895.922 S450Đ · còn 1 bản" in said.text
    assert "Mỹ Tho" not in said.text


async def test_a_book_read_in_the_house_cannot_be_held(lan):
    lan.ils.copies["mat-biec"] = [_copy(ItemState.READING_ONLY)]
    said = await lan.talk.hear("place_hold", "đặt giữ cuốn [Mắt biếc](title)")
    assert "không nhận đặt giữ" in said.text


@pytest.mark.parametrize("refusal", list(Refusal))
async def test_every_refusal_of_a_hold_has_words(lan, refusal):
    lan.ils.refuse["mat-biec"] = refusal
    await lan.talk.hear("place_hold", "đặt cuốn [Mắt biếc](title) ở [Mỹ Tho](branch)")
    done = await lan.talk.hear("affirm", "ừ")
    assert done.text.startswith("Mình chưa đặt giữ được “Mắt biếc” ạ, vì ")
    assert "{" not in done.text


async def test_a_no_to_holding_never_acts(lan):
    assert (await lan.talk.hear("place_hold", "mình không muốn đặt nữa")).responses == ("utter_left_as_it_was",)
    assert (await lan.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)
    assert lan.ils.on_hold == []


async def test_a_hold_for_ones_child_goes_on_ones_own_card(lan):
    asked = await lan.talk.hear("place_hold", "đặt cuốn [Mắt biếc](title) cho con gái tôi, lấy ở [Mỹ Tho](branch)")
    assert asked.responses == ("utter_hold_confirm",)


HOLDS = [
    Hold("h1", "r1", "Số đỏ", HoldStatus.READY, "MT", expires_on=date(2026, 11, 26)),
    Hold("h2", "r2", "Mắt biếc", HoldStatus.WAITING, "CL", position=3),
    Hold("h3", "r4", "Đất rừng phương Nam", HoldStatus.IN_TRANSIT, "SD"),
]


@pytest.fixture
def waiting(lan: Desk) -> Desk:
    lan.ils.on_hold = list(HOLDS)
    return lan


async def test_each_hold_is_told_as_the_library_system_says_it(waiting):
    said = await waiting.talk.hear("list_holds", "sách em đặt về chưa")
    assert said.text == (
        "Bạn đang đặt giữ 3 cuốn:\n"
        "• “Số đỏ”: đã sẵn sàng ở Mỹ Tho, giữ đến hết thứ Năm 26/11\n"
        "• “Mắt biếc”: đang chờ, bạn đứng thứ 3, nhận tại Cao Lãnh\n"
        "• “Đất rừng phương Nam”: đang trên đường về Sa Đéc"
    )


async def test_a_branch_that_the_library_system_does_not_name_is_not_named(lan):
    lan.ils.on_hold = [replace(hold, pickup="", expires_on=None, position=None) for hold in HOLDS[:2]]
    said = await lan.talk.hear("list_holds", "sách em đặt về chưa")
    assert said.text == (
        "Bạn đang đặt giữ 2 cuốn:\n• “Số đỏ”: đã sẵn sàng ở thư viện\n• “Mắt biếc”: đang chờ, nhận tại thư viện"
    )


async def test_one_hold_asked_for_is_told_alone(waiting):
    said = await waiting.talk.hear("list_holds", "còn mấy người nữa mới tới em cuốn [mat biec](title)")
    assert "Số đỏ" not in said.text


async def test_no_holds_says_so(lan):
    assert (await lan.talk.hear("list_holds", "sách em đặt về chưa")).responses == ("utter_no_holds",)


async def test_a_hold_is_let_go_only_after_a_yes(waiting):
    asked = await waiting.talk.hear("cancel_hold", "huỷ đặt cuốn [Mắt biếc](title)")
    assert "“Mắt biếc”" in asked.text
    assert len(waiting.ils.on_hold) == 3
    done = await waiting.talk.hear("affirm", "đồng ý")
    assert "• “Mắt biếc”: đã huỷ" in done.text
    assert [hold.hold_id for hold in waiting.ils.on_hold] == ["h1", "h3"]


async def test_with_several_holds_it_asks_which_and_all_can_go(waiting):
    asked = await waiting.talk.hear("cancel_hold", "huỷ đặt giữ")
    everything = await waiting.talk.press(asked.button("Huỷ tất cả"))
    await waiting.talk.press(everything.button("Đồng ý"))
    assert waiting.ils.on_hold == []


async def test_a_hold_that_is_gone_already_is_told(waiting):
    await waiting.talk.hear("cancel_hold", "huỷ đặt cuốn [Mắt biếc](title)")
    waiting.ils.on_hold = []
    assert "chưa huỷ được vì hệ thống không còn thấy cuốn này" in (await waiting.talk.hear("affirm", "ừ")).text


async def test_a_no_to_cancelling_keeps_the_hold(waiting):
    assert (await waiting.talk.hear("cancel_hold", "đừng huỷ đặt nhé")).responses == ("utter_left_as_it_was",)
    assert len(waiting.ils.on_hold) == 3


async def test_a_yes_to_a_hold_offered_with_the_availability_goes_on_to_the_hold(lan):
    offered = await lan.talk.hear("check_availability", "[Mắt biếc](title) còn không")
    went_on = await lan.talk.press(offered.button("Đặt giữ"))
    assert went_on.left_to == "hold_form"
    assert lan.talk.slots["to_hold"]["record_id"] == "mat-biec"


async def test_without_a_card_that_yes_links_first_and_still_knows_the_book(lan):
    await lan.links.remove(lan.talk.turns.setdefault(CONVERSATION, Turn(CONVERSATION, "m0", "web", SUNDAY_MORNING)))
    await lan.talk.hear("check_availability", "[Mắt biếc](title) còn không")
    asked = await lan.talk.hear("affirm", "ừ")
    assert asked.responses == ("utter_link_first",)
    await lan.log_in(asked.buttons[0]["url"])
    went_on = await lan.talk.hear("affirm", "đúng rồi")
    assert went_on.left_to == "hold_form"
    assert lan.talk.slots["to_hold"]["record_id"] == "mat-biec"
