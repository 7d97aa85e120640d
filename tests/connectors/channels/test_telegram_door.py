"""Sending to Telegram: what it takes arrives whole, what it refuses says by class what to do next."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from connectors.channels.port import (
    Button,
    DoorShut,
    Moved,
    NotSent,
    Part,
    PlainerPlease,
    Refused,
    TryLater,
    Unreachable,
)
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import LIMITS, TelegramDoor
from connectors.channels.telegram.keyboard import public
from tests.connectors.channels.telegram_chat import API, World
from tests.virtual_time import VirtualLoop, run

AN = 9_007_199_254_740_993
TOKEN = "k3Jx0-_aBcDeFgHiJkLmNo"


def sent(part: Part, chat_id: int = AN, **settings: Any) -> World:
    """Return the world after the part was sent to a patron who had written."""

    async def main(loop: VirtualLoop) -> World:
        here = World(loop, **settings)
        here.server.says(AN, "chào")
        message_id = await here.door.send(str(chat_id), part)
        assert message_id == str(here.server.shown_to(chat_id)[-1].message_id)
        await here.close()
        return here

    return run(main)


def refused(code: int, description: str, **parameters: int) -> NotSent:
    """Return what the door raises when Telegram says this."""

    async def main(loop: VirtualLoop) -> NotSent:
        here = World(loop)
        here.server.says(AN, "chào")
        here.server.refuse("sendMessage", code, description, **parameters)
        with pytest.raises(NotSent) as raised:
            await here.door.send(str(AN), Part("xin chào bạn An"))
        await here.close()
        return raised.value

    return run(main)


def test_text_and_buttons_arrive_and_the_buttons_carry_their_tokens() -> None:
    here = sent(Part("Bạn chọn nhé", (Button("Có", TOKEN), Button("Không", TOKEN + "x"))))
    (shown,) = here.server.shown_to(AN)
    assert shown.text == "Bạn chọn nhé"
    assert shown.buttons == (({"text": "Có", "callback_data": TOKEN}, {"text": "Không", "callback_data": TOKEN + "x"}),)


def test_markup_in_a_title_arrives_as_it_is_written() -> None:
    title = "<b>Số đỏ</b> *đậm* _nghiêng_ [x](tg://user?id=1) `mã` &lt; @someone /start"
    here = sent(Part(title, (Button("<i>*Mượn*</i>", TOKEN),)))
    assert here.server.texts(AN) == [title]
    assert here.server.shown_to(AN)[0].titles() == ["<i>*Mượn*</i>"]
    (call,) = here.server.calls("sendMessage")
    assert "parse_mode" not in call
    assert "entities" not in call


def test_no_preview_of_a_link_is_asked_for() -> None:
    assert sent(Part("https://thuvien.example.vn/opac/12")).server.shown_to(AN)[0].preview is False


@pytest.mark.parametrize("text", ["ố" * LIMITS.text, "😀" * LIMITS.text, "x" * LIMITS.text])
def test_any_text_within_the_limit_is_taken(text: str) -> None:
    assert sent(Part(text)).server.texts(AN) == [text]


def test_short_titles_stand_side_by_side_and_long_ones_alone_and_none_is_lost() -> None:
    titles = ["Có", "Không", "Để sau", "Gia hạn tất cả các cuốn đang mượn", "Gặp thủ thư", "Xem thêm", "x" * 64, "Hết"]
    here = sent(Part("Chọn", tuple(Button(title, f"{TOKEN}{n}") for n, title in enumerate(titles))))
    rows = here.server.shown_to(AN)[0].buttons
    assert [button["text"] for row in rows for button in row] == titles
    assert [len(row) for row in rows] == [3, 1, 2, 1, 1]


def test_a_row_holds_three_buttons_however_short() -> None:
    here = sent(Part("Chọn", tuple(Button(str(number), f"{TOKEN}{number}") for number in range(8))))
    assert [len(row) for row in here.server.shown_to(AN)[0].buttons] == [3, 3, 2]


def test_a_public_address_is_a_button_and_another_stands_in_the_text() -> None:
    inside, outside = "http://127.0.0.1:8000/link/abc", "https://thuvien.example.vn/link/abc"
    here = sent(
        Part("Mời bạn", (Button("Đăng nhập", url=inside), Button("Trang chủ", url=outside), Button("Thôi", TOKEN)))
    )
    (shown,) = here.server.shown_to(AN)
    assert shown.text == f"Mời bạn\nĐăng nhập: {inside}"
    assert shown.titles() == ["Trang chủ", "Thôi"]


@pytest.mark.parametrize(
    ("url", "open_to_all"),
    [
        ("https://thuvien.example.vn/a?b=c#d", True),
        ("http://thuvien.example.vn:8080/", True),
        ("https://xn--thvin-9ta.vn/", True),
        ("https://8.8.8.8/x", True),
        ("http://localhost:8000/", False),
        ("http://127.0.0.1:8000/", False),
        ("http://10.0.0.5/", False),
        ("http://192.168.1.2/", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("http://[::1]/", False),
        ("http://koha/", False),
        ("http://koha.local/", False),
        ("https://a:b@thuvien.example.vn/", False),
        ("javascript:alert(1)", False),
        ("tg://user?id=1", False),
        ("ftp://thuvien.example.vn/", False),
        ("https://thuvien.example.vn:port/", False),
        ("https://thuvien.example.vn/a b", False),
        ("https://", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_which_addresses_anybody_can_open(url: str, open_to_all: bool) -> None:
    assert public(url) is open_to_all


@pytest.mark.parametrize(
    ("part", "expected", "reason"),
    [
        (Part("a", (Button("b", "x" * 65),)), PlainerPlease, "buttons"),
        (Part("a", (Button("b", "ố" * 30),)), PlainerPlease, "buttons"),
        (Part("a", (Button("b", ""),)), PlainerPlease, "buttons"),
        (Part("a", (Button("b"),)), PlainerPlease, "buttons"),
        (Part("", (Button("b", TOKEN),)), PlainerPlease, "empty"),
        (Part("x" * 4090, (Button("b", url="http://localhost/"),)), PlainerPlease, "too_long"),
        (Part("x" * 4097), Refused, "too_long"),
        (Part("😀" * 2049), Refused, "too_long"),
        (Part(" \n"), Refused, "empty"),
    ],
)
def test_what_telegram_cannot_take_is_not_tried(part: Part, expected: type[NotSent], reason: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.says(AN, "chào")
        with pytest.raises(expected) as raised:
            await here.door.send(str(AN), part)
        assert raised.value.reason == reason
        assert here.server.calls("sendMessage") == []
        await here.close()

    run(main)


@pytest.mark.parametrize(
    ("status", "expected", "reason"),
    [
        ("blocked", Unreachable, "blocked"),
        ("deactivated", Unreachable, "gone"),
        ("kicked", Unreachable, "gone"),
        ("stranger", Unreachable, "unreachable"),
    ],
)
def test_who_cannot_be_reached_is_told_from_a_message_that_cannot_be_sent(
    status: str, expected: type[NotSent], reason: str
) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.becomes(AN, status)
        with pytest.raises(expected) as raised:
            await here.door.send(str(AN), Part("a"))
        assert raised.value.reason == reason
        await here.close()

    run(main)


@pytest.mark.parametrize("address", ["1", "không phải số", "", "12.0"])
def test_an_unknown_chat_is_gone(address: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        with pytest.raises(Unreachable) as raised:
            await here.door.send(address, Part("a"))
        assert raised.value.reason == "gone"
        await here.door.show_typing(address)
        await here.close()

    run(main)


def test_a_migrated_chat_gives_its_new_address() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.becomes(-42, "open", moved_to=-1_001_234_567_890)
        with pytest.raises(Moved) as raised:
            await here.door.send("-42", Part("a"))
        assert raised.value.address == "-1001234567890"
        await here.close()

    run(main)


@pytest.mark.parametrize(
    ("code", "description", "expected", "reason"),
    [
        (400, "Bad Request: message is too long", Refused, "too_long"),
        (400, "Bad Request: BUTTON_DATA_INVALID", PlainerPlease, "buttons"),
        (400, "Bad Request: BUTTON_URL_INVALID", PlainerPlease, "buttons"),
        (
            400,
            "Bad Request: inline keyboard button URL 'http://x/' is invalid: Wrong HTTP URL",
            PlainerPlease,
            "buttons",
        ),
        (400, "Bad Request: reply markup is too long", PlainerPlease, "buttons"),
        (400, "Bad Request: chat not found", Unreachable, "gone"),
        (400, "Bad Request: PEER_ID_INVALID", Unreachable, "gone"),
        (400, "Bad Request: not enough rights to send text messages to the chat", Unreachable, "unreachable"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", Unreachable, "unreachable"),
        (400, "Bad Request: TOPIC_CLOSED", Refused, "topic_closed"),
        (400, "Bad Request: something new", Refused, "bad_request"),
        (401, "Unauthorized", DoorShut, "token"),
        (404, "Not Found", DoorShut, "token"),
        (409, "Conflict: terminated by other getUpdates request", TryLater, "conflict"),
        (500, "Internal Server Error", TryLater, "network"),
        (502, "Bad Gateway", TryLater, "network"),
    ],
)
def test_each_error_says_what_to_do_next(code: int, description: str, expected: type[NotSent], reason: str) -> None:
    raised = refused(code, description)
    assert type(raised) is expected
    assert raised.reason == reason


def test_too_fast_says_how_long_to_wait() -> None:
    raised = refused(429, "Too Many Requests: retry after 7", retry_after=7)
    assert isinstance(raised, TryLater)
    assert raised.after_s == 7.0


def test_more_than_telegram_allows_one_chat_is_put_off_for_as_long_as_it_says() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.says(AN, "chào")
        for number in range(5):
            await here.door.send(str(AN), Part(str(number)))
        with pytest.raises(TryLater) as raised:
            await here.door.send(str(AN), Part("6"))
        assert raised.value.after_s == 1.0
        await here.close()

    run(main)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("no route to host"), "network"),
        (httpx.ReadTimeout("late"), "timeout"),
        (httpx.RemoteProtocolError("closed"), "network"),
    ],
)
def test_a_broken_line_is_tried_later(error: Exception, reason: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.says(AN, "chào")
        here.server.break_line("sendMessage", error)
        with pytest.raises(TryLater) as raised:
            await here.door.send(str(AN), Part("a"))
        assert raised.value.reason == reason
        await here.close()

    run(main)


@pytest.mark.parametrize("answer", [b"<html>proxy</html>", b'{"ok": true}', b"[]", b"\xff"])
def test_an_answer_that_cannot_be_read_is_tried_later_and_not_logged(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(_loop: VirtualLoop) -> None:
        transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=answer))
        door = TelegramDoor(telegram_bot("1:secret-token", API, transport))
        with pytest.raises(TryLater):
            await door.send("1", Part("chuyện riêng"))
        await door.show_typing("1")
        await door.close()

    with caplog.at_level(logging.DEBUG):
        run(main)
    assert "proxy" not in caplog.text
    assert "chuyện riêng" not in caplog.text
    assert "secret-token" not in caplog.text


def test_a_message_that_telegram_took_is_sent_though_the_answer_tells_nothing_of_it() -> None:
    asked: list[str] = []

    def take(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"ok": True, "result": {"message_id": 7}})

    async def main(_loop: VirtualLoop) -> None:
        door = TelegramDoor(telegram_bot("1:secret-token", API, httpx.MockTransport(take)))
        await door.send("5", Part("chào"))
        await door.close()

    run(main)
    assert len(asked) == 1


def test_no_error_holds_the_token_or_the_words() -> None:
    for code, said in ((401, "Unauthorized"), (400, "Bad Request: 'xin chào bạn An' is odd"), (403, "Forbidden: odd")):
        raised = refused(code, said)
        assert "xin chào" not in f"{raised!r} {raised.__cause__!r}"
        assert "simulated-token" not in f"{raised!r} {raised.__cause__!r}"
        assert raised.__suppress_context__


def test_typing_is_shown_and_its_failure_harms_nobody() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.says(AN, "chào")
        await here.door.show_typing(str(AN))
        assert here.server.calls("sendChatAction") == [{"chat_id": str(AN), "action": "typing"}]
        here.server.becomes(AN, "blocked")
        await here.door.show_typing(str(AN))
        here.server.break_line("sendChatAction", httpx.ConnectError("away"))
        await here.door.show_typing(str(AN))
        await here.close()

    run(main)
