"""What Telegram brings to our webhook: stored before 200, refused without the secret, never lost, never for ever."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from connectors.channels.port import Arrival, Happening
from connectors.channels.telegram.introduction import introduce
from connectors.channels.telegram.routes import MAX_BODY, PATH, SECRET_HEADER
from tests.connectors.channels.telegram_chat import SECRET, WEBHOOK, World
from tests.virtual_time import VirtualLoop, run

AN, BINH = 9_007_199_254_740_993, 1002  # the first is one more than 2^53


async def world(loop: VirtualLoop) -> World:
    made = World(loop)
    await introduce(made.door, lambda meaning, lang: f"{meaning} {lang}", WEBHOOK)
    return made


def test_a_message_is_stored_and_acknowledged_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.server.says(AN, "mấy giờ mở cửa?")
        await here.server.courier.idle()
        (arrival,) = here.reception.arrivals
        assert arrival == Arrival("telegram", str(AN), f"m:{AN}:1", "text", "mấy giờ mở cửa?", arrival.said_at)
        assert arrival.said_at is not None
        assert arrival.said_at.timestamp() == int(here.server.now())
        assert [attempt.status for attempt in here.server.courier.attempts] == [200]
        await here.close()

    run(main)


def test_nobody_gets_in_without_the_secret_and_nothing_is_read() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        read: list[bool] = []

        async def body() -> AsyncIterator[bytes]:
            read.append(True)
            yield b'{"update_id": 1}'

        wrong = ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "sécret", "\udcff")
        shown = [[(SECRET_HEADER.encode(), one.encode("utf-8", "surrogateescape"))] for one in wrong]
        for headers in ([], *shown):
            answered = await here.web.post(PATH, content=body(), headers=headers)
            assert answered.status_code == 403
            assert answered.content == b""
        assert read == []
        assert here.reception.arrivals == []
        assert here.reception.parked == []
        await here.close()

    run(main)


def test_a_wrong_secret_is_logged_without_what_was_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        with caplog.at_level(logging.DEBUG):
            for _ in range(3):
                await here.web.post(PATH, content=b"{}", headers={SECRET_HEADER: "a-guess-of-a-stranger"})
        await here.close()

    run(main)
    warned = [record for record in caplog.records if "wrong secret" in record.getMessage()]
    assert len(warned) == 1
    assert SECRET not in caplog.text
    assert "a-guess-of-a-stranger" not in caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"nothing", b"[]", b'{"update_id": "1"}', b'{"update_id": 1, "message": 7}', b"\xff"]
)
def test_what_cannot_be_read_is_kept_and_acknowledged(body: bytes) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        answered = await here.web.post(PATH, content=body, headers={SECRET_HEADER: SECRET})
        assert answered.status_code == 200
        assert [(channel, kept) for channel, _reason, kept in here.reception.parked] == [("telegram", body)]
        await here.close()

    run(main)


def test_a_body_too_large_is_refused_however_it_comes() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" " * (MAX_BODY // 16)

        for content in (b" " * (MAX_BODY + 1), chunks()):
            answered = await here.web.post(PATH, content=content, headers={SECRET_HEADER: SECRET})
            assert answered.status_code == 413
        assert here.reception.parked == []
        await here.close()

    run(main)


def test_what_could_not_be_stored_comes_again_in_order_and_is_there_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.reception.faults = [OSError("disk full: xin chào"), OSError("disk full")]
        for text in ("xin chào", "hai", "ba"):
            here.server.says(AN, text)
        await here.server.courier.idle()
        assert here.reception.texts() == ["xin chào", "hai", "ba"]
        assert [attempt.status for attempt in here.server.courier.attempts] == [503, 503, 200, 200, 200]
        await here.close()

    run(main)
    assert "xin chào" not in caplog.text


def test_one_update_that_never_can_be_stored_does_not_block_its_chat() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.reception.unstorable = "độc"
        here.server.says(AN, "độc")
        here.server.says(AN, "lành")
        await here.server.courier.idle()
        assert here.reception.texts() == ["lành"]
        assert [reason for _channel, reason, _body in here.reception.parked] == ["not_storable"]
        await here.close()

    run(main)


def test_the_same_update_a_hundred_times_is_one_message() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        update = here.server.says(AN, "gia hạn")
        await here.server.courier.idle()
        assert {await here.server.courier.again(update) for _ in range(99)} == {200}
        assert here.reception.texts() == ["gia hạn"]
        assert len(here.reception.seen) == 100
        await here.close()

    run(main)


def test_a_tap_is_stored_then_answered() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.server.taps_data(AN, "opaque-token")
        await here.server.courier.idle()
        (arrival,) = here.reception.arrivals
        assert (arrival.kind, arrival.text) == ("payload", "opaque-token")
        (tap,) = here.server.state.answered
        assert arrival.key == f"cb:{tap}"
        await here.close()

    run(main)


def test_a_tap_that_is_not_stored_is_not_answered_and_one_too_old_harms_nobody() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.reception.faults = [OSError()] * 4
        here.server.taps_data(AN, "opaque-token")
        loop.call_later(1.0, lambda: answered_early.append(bool(here.server.state.answered)))
        answered_early: list[bool] = []
        await here.server.courier.idle()
        assert answered_early == [False]
        assert len(here.server.state.answered) == 1
        here.door.answer_tap("4000000000000000000")
        here.server.says(BINH, "vẫn sống")
        await here.server.courier.idle()
        assert here.reception.texts()[-1] == "vẫn sống"
        await here.close()

    run(main)


def test_blocking_and_coming_back_are_noted() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.server.blocks(AN)
        here.server.unblocks(AN)
        await here.server.courier.idle()
        assert [(one.what, one.address) for one in here.reception.happenings] == [("left", str(AN)), ("came", str(AN))]
        await here.close()

    run(main)


def test_a_group_that_moves_is_noted_with_its_new_address() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        here.server.migrates(-42, -1_001_234_567_890)
        await here.server.courier.idle()
        (moved,) = here.reception.happenings
        assert (moved.what, moved.address, moved.text) == ("moved", "-42", "-1001234567890")
        assert isinstance(moved, Happening)
        await here.close()

    run(main)


def test_a_group_that_calls_is_asked_to_write_alone_and_only_once_an_hour() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = await world(loop)
        for text in ("/help", "@thu_vien_bot sách này còn không?", "chuyện riêng của nhóm"):
            here.server.says(-42, text)
        await here.server.courier.idle()
        assert here.reception.arrivals == []
        (invitation,) = here.server.texts(-42)
        assert "https://t.me/thu_vien_bot" in invitation
        await here.close()

    run(main)
