"""Reading updates: every kind is told for what it is, and nothing that comes makes the reader stumble."""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.port import Arrival, Happening
from connectors.channels.telegram.updates import LONGEST_TEXT, Heard, Malformed, Me, parse
from connectors.clock import VIETNAM

ME = Me(7_000_000_001, "thu_vien_bot")
DATE = 1_790_000_000
CHAT: dict[str, Any] = {"id": 1001, "type": "private"}
AN = {"id": 1001, "is_bot": False, "first_name": "An"}


def message(**content: Any) -> dict[str, Any]:
    return {"message_id": 5, "from": AN, "chat": CHAT, "date": DATE, **content}


def heard(kind: str, content: Any, update_id: int = 1) -> Heard:
    found = parse(json.dumps({"update_id": update_id, kind: content}).encode(), ME)
    assert isinstance(found, Heard), found
    return found


def arrival(kind: str, content: Any) -> Arrival:
    news = heard(kind, content).news
    assert isinstance(news, Arrival), news
    return news


def test_words_arrive_as_they_were_written_and_when() -> None:
    assert arrival("message", message(text="xin chào")) == Arrival(
        "telegram", "1001", "m:1001:5", "text", "xin chào", datetime.fromtimestamp(DATE, VIETNAM)
    )


def test_words_arrive_in_nfc_and_half_a_surrogate_pair_does_not_pass() -> None:
    said = arrival("message", message(text=unicodedata.normalize("NFD", "Tắt đèn") + "\ud83d"))
    assert said.text == "Tắt đèn\ufffd"
    assert arrival("message", message(text="\U0001f600")).text == "\U0001f600"


def test_the_same_number_in_two_chats_is_two_messages() -> None:
    other = {**message(text="a"), "chat": {"id": 1002, "type": "private"}}
    assert arrival("message", message(text="a")).key != arrival("message", other).key


@pytest.mark.parametrize("number", [2**53 + 1, 2**62 + 3, 2**63 - 1])
def test_ids_beyond_what_a_float_holds_stay_exact(number: int) -> None:
    big = {**message(text="a"), "chat": {"id": number, "type": "private"}, "message_id": number}
    found = heard("message", big, update_id=number)
    assert found.update_id == number
    assert isinstance(found.news, Arrival)
    assert (found.news.address, found.news.key) == (str(number), f"m:{number}:{number}")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"photo": [{"file_id": "f"}]}, "photo"),
        ({"voice": {"file_id": "f"}}, "voice"),
        ({"audio": {"file_id": "f"}}, "voice"),
        ({"sticker": {"file_id": "f"}}, "sticker"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "sticker"),
        ({"location": {"latitude": 21.0, "longitude": 105.8}}, "location"),
        ({"venue": {"title": "Thư viện"}, "location": {"latitude": 21.0, "longitude": 105.8}}, "location"),
        ({"document": {"file_id": "f"}}, "file"),
        ({"animation": {"file_id": "f"}, "document": {"file_id": "f"}}, "file"),
        ({"video": {"file_id": "f"}}, "file"),
        ({"video_note": {"file_id": "f"}}, "file"),
        ({"contact": {"phone_number": "84900000000"}}, "file"),
        ({"poll": {"id": "1"}}, "file"),
        ({"photo": [{"file_id": "f"}], "caption": ""}, "photo"),
    ],
)
def test_what_is_not_words_arrives_as_its_kind_and_holds_nothing_of_it(content: dict[str, Any], kind: str) -> None:
    said = arrival("message", message(**content))
    assert (said.kind, said.text) == ("attachment", kind)


def test_words_below_a_photo_count_as_words_and_never_as_a_command() -> None:
    said = arrival("message", message(photo=[{"file_id": "f"}], caption="/start cuốn này còn không?"))
    assert (said.kind, said.text) == ("text", "/start cuốn này còn không?")


def test_ten_photos_sent_at_once_are_one_message() -> None:
    album = [message(photo=[{"file_id": "f"}], media_group_id="777") | {"message_id": number} for number in range(10)]
    assert len({arrival("message", one).key for one in album}) == 1


def test_an_edit_is_a_message_of_its_own_said_when_it_was_edited() -> None:
    said = arrival("edited_message", message(text="ý mình là Số đỏ", edit_date=DATE + 60))
    assert (said.kind, said.text, said.key) == ("text", "ý mình là Số đỏ", f"edit:1001:5:{DATE + 60}")
    assert said.said_at == datetime.fromtimestamp(DATE + 60, VIETNAM)
    mended = arrival("edited_message", message(text="/thuthu", edit_date=DATE + 61))
    assert (mended.kind, mended.text) == ("command", "librarian")
    again = arrival("edited_message", message(text="Số đỏ", edit_date=DATE + 90))
    assert again.key != said.key


def test_a_moving_location_says_nothing() -> None:
    assert heard("edited_message", message(location={}, edit_date=DATE)).news is None


def test_a_tap_brings_the_buttons_token_and_its_own_id() -> None:
    tap = {"id": "43810", "from": AN, "message": message(text="Bạn chọn"), "chat_instance": "1", "data": "Zk3_-x"}
    found = heard("callback_query", tap)
    assert found.tap == "43810"
    assert found.news == Arrival("telegram", "1001", "cb:43810", "payload", "Zk3_-x", None)


@pytest.mark.parametrize(
    "more", [{"data": None}, {"message": None, "inline_message_id": "9"}, {"game_short_name": "g", "data": None}]
)
def test_a_tap_that_is_not_of_our_button_is_only_answered(more: dict[str, Any]) -> None:
    tap = {"id": "43810", "from": AN, "message": message(), "data": "x", **more}
    assert heard("callback_query", tap) == Heard(1, None, "43810")


def test_an_old_button_of_other_software_arrives_and_the_gateway_says_that_it_is_gone() -> None:
    tap = {"id": "43810", "from": AN, "message": message(), "data": "gia hạn\n\x00 sách"}
    news = heard("callback_query", tap).news
    assert isinstance(news, Arrival)
    assert (news.kind, news.text) == ("payload", "gia hạn\n\x00 sách")


def change(before: str, after: str, **chat: Any) -> dict[str, Any]:
    return {
        "chat": {**CHAT, **chat},
        "from": AN,
        "date": DATE,
        "old_chat_member": {"status": before},
        "new_chat_member": {"status": after},
    }


def test_who_blocks_us_left_and_who_unblocks_us_came() -> None:
    at = datetime.fromtimestamp(DATE, VIETNAM)
    left = heard("my_chat_member", change("member", "kicked")).news
    assert left == Happening("telegram", "1001", f"left:1001:{DATE}", "left", said_at=at)
    came = heard("my_chat_member", change("kicked", "member")).news
    assert came == Happening("telegram", "1001", f"came:1001:{DATE}", "came", said_at=at)
    assert heard("my_chat_member", change("left", "member", id=-42, type="group")).news is None
    assert heard("my_chat_member", change("member", "member")).news is None


def test_a_group_that_moved_says_so_in_both_places_and_is_one_happening() -> None:
    group = {"id": -42, "type": "group"}
    told_in_old = heard("message", {**message(migrate_to_chat_id=-100_42), "chat": group}).news
    told_in_new = heard(
        "message", {**message(migrate_from_chat_id=-42), "chat": {"id": -100_42, "type": "supergroup"}}
    ).news
    assert told_in_old == told_in_new
    assert isinstance(told_in_old, Happening)
    assert (told_in_old.what, told_in_old.address, told_in_old.text) == ("moved", "-42", "-10042")


@pytest.mark.parametrize(
    ("content", "called"),
    [
        ({"text": "@thu_vien_bot còn sách không"}, True),
        ({"text": "hỏi @THU_VIEN_BOT xem"}, True),
        ({"text": "/help@thu_vien_bot"}, True),
        ({"text": "/help"}, True),
        ({"text": "cái này à", "reply_to_message": {"from": {"id": ME.id}}}, True),
        ({"photo": [], "caption": "@thu_vien_bot sách gì đây"}, True),
        ({"text": "/help@other_bot"}, False),
        ({"text": "mai đi thư viện không"}, False),
        ({"text": "ừ", "reply_to_message": {"from": {"id": 3}}}, False),
        ({"text": "ừ", "reply_to_message": "junk"}, False),
    ],
)
def test_what_a_group_says_stays_there_and_only_a_call_is_noticed(content: dict[str, Any], called: bool) -> None:
    found = heard("message", {**message(**content), "chat": {"id": -42, "type": "supergroup"}})
    assert found == Heard(1, called_from="-42" if called else None)


def test_what_another_bot_says_is_not_answered() -> None:
    assert heard("message", {**message(text="xin chào"), "from": {"id": 3, "is_bot": True}}) == Heard(1)


@pytest.mark.parametrize(
    "kind",
    ["channel_post", "inline_query", "poll_answer", "message_reaction", "shipping_query", "kind_of_next_year"],
)
def test_other_kinds_say_nothing(kind: str) -> None:
    assert heard(kind, {"anything": [1, 2, {"at": "all"}]}) == Heard(1)


@pytest.mark.parametrize("content", [{"new_chat_title": "x"}, {"pinned_message": {}}, {"left_chat_member": AN}, {}])
def test_service_messages_say_nothing(content: dict[str, Any]) -> None:
    assert heard("message", message(**content)) == Heard(1)


@pytest.mark.parametrize(
    "content",
    [
        None,
        7,
        "text",
        [],
        {},
        message(text=7),
        message(text=["a"]),
        message(text={"a": 1}),
        message(text="x" * (LONGEST_TEXT + 1)),
        {**message(text="a"), "chat": 1001},
        {**message(text="a"), "chat": {"id": "1001", "type": "private"}},
        {**message(text="a"), "chat": {"id": 1001.0, "type": "private"}},
        {**message(text="a"), "chat": {"id": True, "type": "private"}},
        {**message(text="a"), "chat": {"id": 2**63, "type": "private"}},
        {**message(text="a"), "chat": {"id": 1001}},
        {**message(text="a"), "message_id": None},
        {**message(photo=[]), "media_group_id": {"a": 1}},
        {**message(), "migrate_to_chat_id": "x"},
    ],
)
def test_a_message_that_telegram_would_not_send_is_malformed_and_keeps_its_number(content: Any) -> None:
    found = parse(json.dumps({"update_id": 9, "message": content}).encode(), ME)
    assert isinstance(found, Malformed)
    assert found.update_id == 9
    assert found.reason


@pytest.mark.parametrize("date", [None, "1", 0, -1, 10**18, 1.5, True, {}])
def test_a_strange_date_loses_no_message(date: Any) -> None:
    said = arrival("message", {**message(text="a"), "date": date})
    assert (said.text, said.said_at) == ("a", None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"nul",
        b"7",
        b"NaN",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"update_id": ' + b"9" * 5000 + b"}",
        b'{"update_id": 1e400}',
        b'{"update_id": NaN}',
        b"{}",
        b'{"update_id": null, "message": {}}',
        b'{"update_id": true}',
        b'{"update_id": "1"}',
        b'{"update_id": 1',
    ],
)
def test_bytes_that_are_no_update_are_malformed(body: bytes) -> None:
    assert isinstance(parse(body), Malformed)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
WORDS = ("update_id", "message", "edited_message", "callback_query", "my_chat_member", "chat", "id", "type", "text")
MORE = ("caption", "photo", "from", "is_bot", "data", "date", "edit_date", "message_id", "media_group_id", "status")
MOST = ("new_chat_member", "old_chat_member", "migrate_to_chat_id", "migrate_from_chat_id", "reply_to_message")
LIKELY = st.recursive(
    JUNK | st.sampled_from(["private", "group", "kicked", "member", "/start b_MTI", "\ud800", "@thu_vien_bot"]),
    lambda inner: st.dictionaries(st.sampled_from(WORDS + MORE + MOST), inner, max_size=7),
    max_leaves=30,
)


@settings(max_examples=300)
@given(LIKELY)
def test_any_json_gives_an_answer(content: Any) -> None:
    found = parse(json.dumps(content).encode(), ME)
    assert isinstance(found, Heard | Malformed)
    whole = {"update_id": 1, "message": content, "callback_query": content, "my_chat_member": content}
    for kind in ("message", "callback_query", "my_chat_member"):
        assert isinstance(parse(json.dumps({"update_id": 1, kind: whole[kind]}).encode(), ME), Heard | Malformed)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(body: bytes) -> None:
    assert isinstance(parse(body, ME), Heard | Malformed)


@settings(max_examples=200)
@given(st.fixed_dictionaries({}, optional={key: LIKELY for key in (*MORE, *MOST, "text")}))
def test_what_arrives_can_be_stored(content: dict[str, Any]) -> None:
    found = parse(json.dumps({"update_id": 1, "message": {**message(), **content}}).encode(), ME)
    if isinstance(found, Heard) and found.news:
        for part in (found.news.address, found.news.key, found.news.text):
            part.encode()
            assert unicodedata.is_normalized("NFC", part)
