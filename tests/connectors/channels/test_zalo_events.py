"""What a webhook's body says."""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels.port import COMMANDS, Arrival, Happening
from connectors.channels.zalo.events import Account, Event, Ignored, Malformed, is_probe, parse

APP, OA, USER = "360846524940903967", "388613280878808645", "246845883529197922"
OURS = Account(APP, OA)
TOKEN = "kJ3fE0x-bW9_q2LrT5uVaA"


def event(name: str, message: object = None, **more: Any) -> dict[str, Any]:
    """Return the body of an event as a patron causes it."""
    said = {} if message is None else {"message": message}
    who = {"app_id": APP, "sender": {"id": USER}, "user_id_by_app": "55", "recipient": {"id": OA}}
    return {**who, "event_name": name, **said, "timestamp": "1790000000123", **more}


def understood(body: dict[str, Any]) -> Event:
    return parse(json.dumps(body, ensure_ascii=False).encode(), OURS)


def said(text: str) -> tuple[str, str]:
    """Return kind and text of what a patron typed."""
    arrival = understood(event("user_send_text", {"text": text, "msg_id": "96d3"}))
    assert isinstance(arrival, Arrival)
    return arrival.kind, arrival.text


def test_a_text_arrives_with_who_when_and_its_own_id() -> None:
    arrival = understood(event("user_send_text", {"text": "Xin chào", "msg_id": "96d3cdf3af150460909"}))
    at = datetime.fromisoformat("2026-09-21T21:13:20.123+07:00")
    assert arrival == Arrival("zalo", USER, "m:96d3cdf3af150460909", "text", "Xin chào", at)


def test_ids_beyond_two_to_the_53_stay_exact_also_as_numbers() -> None:
    big = "12345678901234567891"
    body = json.dumps(event("user_send_text", {"text": "a", "msg_id": "m"})).replace(f'"{USER}"', big)
    arrival = parse(body.replace(f'"{OA}"', OA).replace(f'"{APP}"', APP).encode(), OURS)
    assert isinstance(arrival, Arrival)
    assert arrival.address == big


def test_a_press_of_our_button_comes_as_its_payload() -> None:
    assert said(f"#{TOKEN}") == ("payload", TOKEN)


@pytest.mark.parametrize(
    "text",
    ["#gio", f"#{TOKEN} nhé", f"{TOKEN}", "#Chào các bạn đọc thân mến", f"##{TOKEN}", "#ThuVienThanhPhoHoChiMinh"],
)
def test_words_that_only_look_like_a_press_are_words(text: str) -> None:
    assert said(text) == ("text", text)


def test_listed_commands_are_commands_and_others_are_words() -> None:
    listed = ("/start", "/menu", "/thuthu", "/xoadulieu", "/privacy", "/XuatDuLieu ")
    assert [said(command) for command in listed] == [
        ("command", name) for name in ("start", "menu", "librarian", "forget", "privacy", "export")
    ]
    assert {said(command)[1] for command in listed} == set(COMMANDS)
    assert said("/restart") == ("text", "/restart")
    assert said('/inform{"a": "b"}') == ("text", '/inform{"a": "b"}')


def test_text_is_composed_and_holds_no_half_letters() -> None:
    decomposed = unicodedata.normalize("NFD", "Thủ Thư ơi")
    assert said(decomposed) == ("text", "Thủ Thư ơi")
    broken = parse(
        json.dumps(event("user_send_text", {"text": "a\ud83d b \ud83d\ude00", "msg_id": "m"})).encode(), OURS
    )
    assert isinstance(broken, Arrival)
    assert broken.text == "a\N{REPLACEMENT CHARACTER} b \N{GRINNING FACE}"


def test_no_more_than_anybody_would_type_is_kept_of_a_text() -> None:
    assert said("ữ" * 100_000) == ("text", "ữ" * 8000)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("user_send_image", "photo"),
        ("user_send_gif", "photo"),
        ("user_send_audio", "voice"),
        ("user_send_sticker", "sticker"),
        ("user_send_location", "location"),
        ("user_send_video", "file"),
        ("user_send_file", "file"),
        ("user_send_business_card", "file"),
        ("user_send_link", "file"),
        ("user_send_something_new", "file"),
    ],
)
def test_what_is_no_text_is_an_attachment_of_a_kind(name: str, kind: str) -> None:
    arrival = understood(event(name, {"attachments": [{"type": "x", "payload": {}}], "msg_id": "b8de"}))
    assert isinstance(arrival, Arrival)
    assert (arrival.kind, arrival.text, arrival.key) == ("attachment", kind, "m:b8de")


def test_a_location_stays_a_location_though_it_names_the_place() -> None:
    place = {"attachments": [{"payload": {}, "type": "location"}], "text": "Cơm Coffee New Sky", "msg_id": "b8de"}
    arrival = understood(event("user_send_location", place))
    assert isinstance(arrival, Arrival)
    assert (arrival.kind, arrival.text) == ("attachment", "location")


def test_words_with_a_web_address_are_words() -> None:
    link = {"text": "có cuốn này không https://example.vn/1", "msg_id": "b8de", "attachments": [{"type": "link"}]}
    arrival = understood(event("user_send_link", link))
    assert isinstance(arrival, Arrival)
    assert (arrival.kind, arrival.text) == ("text", "có cuốn này không https://example.vn/1")


@pytest.mark.parametrize(("name", "what"), [("follow", "came"), ("unfollow", "left")])
def test_followers_come_and_go(name: str, what: str) -> None:
    body = {"oa_id": OA, "follower": {"id": USER}, "event_name": name, "app_id": APP, "timestamp": "1790000000123"}
    happening = understood(body)
    assert isinstance(happening, Happening)
    assert (happening.address, happening.what, len(happening.key)) == (USER, what, 64)


def test_opening_the_chat_is_coming_and_a_request_to_delete_is_withdrawing() -> None:
    chat = {"oa_id": OA, "user_id": USER, "event_name": "user_click_chatnow", "app_id": APP, "timestamp": "1"}
    for body, what in ((chat, "came"), (event("user_withdraw"), "withdrew")):
        happening = understood(body)
        assert isinstance(happening, Happening)
        assert (happening.address, happening.what) == (USER, what)


def test_the_same_event_has_the_same_key_and_another_time_another() -> None:
    once, again, later = (understood({**event("follow"), "timestamp": at}) for at in ("1", "1", "2"))
    assert once == again
    assert isinstance(once, Happening)
    assert isinstance(later, Happening)
    assert once.key != later.key


@pytest.mark.parametrize("admin", [None, "5206720984"])
def test_an_echo_tells_what_was_said_to_whom_and_whether_staff_did(admin: str | None) -> None:
    sender = {"id": OA, **({"admin_id": admin} if admin else {})}
    body = event("oa_send_text", {"text": "Chào bạn", "msg_id": "a4d0"}, sender=sender, recipient={"id": USER})
    happening = understood(body)
    assert isinstance(happening, Happening)
    assert (happening.what, happening.address, happening.text) == ("echo", USER, "Chào bạn")
    assert (happening.sent_id, happening.staff) == ("a4d0", admin is not None)


def test_the_echo_of_buttons_has_its_words_in_the_attachment() -> None:
    attachment = {"type": "template", "payload": {"zinstant_id": "z", "text": "Bạn cần gì?"}}
    message = {"attachments": [attachment], "msg_id": "a4d0"}
    happening = understood(event("oa_send_template", message, sender={"id": OA}, recipient={"id": USER}))
    assert isinstance(happening, Happening)
    assert happening.text == "Bạn cần gì?"


@pytest.mark.parametrize(
    "body",
    [
        event("user_seen_message", {"msg_ids": ["1"]}),
        event("user_received_message", {"msg_id": "1"}),
        event("user_reacted_message", {"msg_id": "1", "react_icon": "/-heart"}),
        event("anonymous_send_text", {"text": "a", "msg_id": "1", "conversation_id": "2"}),
        event("oa_send_anonymous_text", {"text": "a", "msg_id": "1"}),
        event("widget_interaction_accepted", None, data={"user_id": USER}),
        event("widget_interaction_accepted", None, data={"user_id": USER, "user_external_id": "somebody else's!"}),
        event("user_submit_info", None, info={"name": "A", "phone": "84912345678", "full_address": {}}),
        event("user_submit_info", None, info={"name": "A", "address": "B", "city": "C"}),
        event("user_click_button"),
        event("user_send_text", {"text": "a", "msg_id": "1"}, app_id="1"),
        event("user_send_text", {"text": "a", "msg_id": "1"}, recipient={"id": "1"}),
        event("user_send_text", {"text": "a", "msg_id": "1"}, sender={"id": OA}),
        event("oa_send_text", {"text": "a", "msg_id": "1"}, sender={"id": "1"}, recipient={"id": USER}),
        event("follow", None, oa_id="1", follower={"id": USER}),
    ],
)
def test_what_is_of_no_use_is_ignored_and_tells_nothing_of_the_patron(body: dict[str, Any]) -> None:
    ignored = understood(body)
    assert isinstance(ignored, Ignored)
    assert USER not in ignored.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 200_000,
        json.dumps(event("user_send_text", {"msg_id": "1"})).encode(),
        json.dumps(event("user_send_text", {"text": ["a"], "msg_id": "1"})).encode(),
        json.dumps(event("user_send_text", "a")).encode(),
        json.dumps(event("user_send_text", {"text": "a"}, sender={"id": None})).encode(),
        json.dumps(event("user_send_text", {"text": "a"}, sender={"id": "a b\n"})).encode(),
        json.dumps(event("user_withdraw", None, sender={})).encode(),
        json.dumps(event("a\nforged log line")).encode(),
        json.dumps({"app_id": APP}).encode(),
    ],
)
def test_what_cannot_be_understood_is_malformed(body: bytes) -> None:
    assert isinstance(parse(body, OURS), Malformed)


def test_a_message_without_an_id_is_known_by_its_bytes() -> None:
    for message in ({"text": "a"}, {"text": "a", "msg_id": "x" * 500}, {"text": "a", "msg_id": {"a": 1}}):
        arrival = understood(event("user_send_text", message))
        assert isinstance(arrival, Arrival)
        assert len(arrival.key) == 66


def test_a_time_that_cannot_be_is_no_time() -> None:
    impossible: tuple[object, ...] = ("999999999999999999999", "soon", None, True, {})
    for written in impossible:
        arrival = understood(event("user_send_text", {"text": "a", "msg_id": "1"}, timestamp=written))
        assert isinstance(arrival, Arrival)
        assert arrival.said_at is None


def test_the_consoles_probes_are_told_from_a_patron_who_types_the_same() -> None:
    sample = {"msg_id": "This is message id", "text": "This is testing message"}
    assert is_probe(b"{}")
    assert is_probe(json.dumps(event("user_send_text", sample)).encode())
    assert not is_probe(json.dumps(event("user_send_text", {**sample, "msg_id": "96d3"})).encode())
    assert not any(map(is_probe, (b"", b"[]", b"{", b"[" * 200_000)))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([USER, OA, APP, f"#{TOKEN}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["user_send_text", "user_send_link", "oa_send_text", "follow", "user_withdraw", "user_send_x"])
FIELDS = ("app_id", "sender", "recipient", "message", "timestamp", "oa_id", "follower", "user_id", "event_name")


@st.composite
def nearly_events(draw: st.DrawFn) -> bytes:
    """Return an event of which some fields are anything."""
    body = event(draw(NAMES), {"text": draw(st.text()), "msg_id": draw(st.text(max_size=5)), "attachments": draw(JUNK)})
    for name in draw(st.sets(st.sampled_from(FIELDS), max_size=3)):
        body[name] = draw(JUNK)
    if isinstance(body["message"], dict) and draw(st.booleans()):
        body["message"][draw(st.sampled_from(["text", "msg_id", "attachments"]))] = draw(JUNK)
    return json.dumps(body).encode()


@given(nearly_events() | JUNK.map(lambda junk: json.dumps(junk).encode()) | st.binary())
def test_the_parser_never_fails_and_what_it_gives_can_be_stored(body: bytes) -> None:
    found = parse(body, OURS)
    assert isinstance(found, Arrival | Happening | Ignored | Malformed)
    assert parse(body, OURS) == found
    is_probe(body)
    for text in vars(found).values():
        if isinstance(text, str):
            text.encode()  # no half letters
    if isinstance(found, Arrival):
        assert found.address.isascii()
        assert found.address
        assert len(found.text) <= 8000


@given(st.integers(0, 2**64), st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_whatever_is_typed_arrives_in_its_composed_form(number: int, text: str) -> None:
    body = event("user_send_text", {"text": text, "msg_id": "m"}, sender={"id": str(number)})
    arrival = understood(body)
    assert isinstance(arrival, Arrival)
    assert arrival.address == str(number)
    if arrival.kind == "text":
        assert arrival.text == unicodedata.normalize("NFC", text)
