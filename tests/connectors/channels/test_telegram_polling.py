"""Fetching updates: nothing is confirmed that is not stored, and no trouble ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.channels.telegram.polling import poll
from connectors.channels.telegram.updates import KINDS
from tests.connectors.channels.telegram_chat import World
from tests.virtual_time import VirtualLoop, run

AN, BINH = 9_007_199_254_740_993, 1002


@contextlib.asynccontextmanager
async def polling(here: World) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(poll(here.door, here.reception, jitter=lambda: 0.5))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        await here.close()


def test_messages_arrive_in_order_and_are_confirmed_once_stored() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.says(AN, "trước khi chạy")
        async with polling(here):
            await asyncio.sleep(1)
            here.server.says(AN, "một")
            here.server.says(BINH, "hai")
            await asyncio.sleep(1)
            assert here.reception.texts() == ["trước khi chạy", "một", "hai"]
            assert set(here.server.state.over.values()) == {"confirmed"}
            assert here.server.state.pending == {}
            assert here.server.api.refused == []

    run(main)


def test_a_message_arrives_at_once_though_the_call_may_wait_fifty_seconds() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        async with polling(here):
            await asyncio.sleep(137)
            before = loop.time()
            here.server.says(AN, "chào")
            while not here.reception.arrivals:
                await asyncio.sleep(0.001)
            assert loop.time() - before < 0.1
            waited = here.server.calls("getUpdates")
            assert len(waited) <= 5
            assert {call["timeout"] for call in waited} == {"50"}

    run(main)


def test_what_is_not_stored_is_not_confirmed_and_comes_again() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.reception.faults = [OSError("disk full"), OSError("disk full")]
        ids = [here.server.says(AN, text) for text in ("một", "hai", "ba")]
        async with polling(here):
            await asyncio.sleep(0.5)
            assert here.server.state.over == {}
            await asyncio.sleep(10)
            assert here.reception.texts() == ["một", "hai", "ba"]
            assert here.reception.seen == [f"m:{AN}:{number}" for number in (1, 2, 3)]
            assert sorted(here.server.state.over) == ids

    run(main)


def test_a_fault_in_the_middle_confirms_only_what_came_before() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.reception.unstorable = "hai"
        first, *later = (here.server.says(AN, text) for text in ("một", "hai", "ba"))
        async with polling(here):
            await asyncio.sleep(1.5)  # the second call has confirmed what the first one brought
            assert list(here.server.state.over) == [first]
            assert sorted(here.server.state.pending) == later

    run(main)


def test_one_update_that_never_can_be_stored_stops_nobody_for_long() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.reception.unstorable = "độc"
        here.server.says(AN, "độc")
        here.server.says(BINH, "lành")
        async with polling(here):
            await asyncio.sleep(30)
            assert here.reception.texts() == ["lành"]
            assert [reason for _channel, reason, _body in here.reception.parked] == ["not_storable"]
            assert here.server.state.pending == {}

    run(main)


def test_a_malformed_update_is_parked_and_passed_by() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.hears("message", AN, {"chat": "junk"})
        here.server.hears("message", AN, 7)
        here.server.says(AN, "sau đó")
        async with polling(here):
            await asyncio.sleep(1)
            assert here.reception.texts() == ["sau đó"]
            assert len(here.reception.parked) == 2
            assert here.server.state.pending == {}

    run(main)


def test_a_webhook_that_is_set_is_taken_down_and_nothing_is_dropped() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        await here.door.bot.set_webhook("https://old.example.vn/hook")
        here.server.courier.wake = lambda: None  # type: ignore[method-assign]  # the old address is gone
        here.server.says(AN, "chờ sẵn")
        async with polling(here):
            await asyncio.sleep(1)
            assert here.reception.texts() == ["chờ sẵn"]
            assert here.server.state.hook is None

    run(main)


def test_a_second_program_is_told_of_once_in_plain_words_and_outlived(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        async with polling(here):
            await asyncio.sleep(1)
            rival = asyncio.create_task(_rival(here))
            await asyncio.sleep(300)
            rival.cancel()
            here.server.says(AN, "còn đó không")
            await asyncio.sleep(61)
            assert here.reception.texts() == ["còn đó không"]

    async def _rival(here: World) -> None:
        while True:
            with contextlib.suppress(Exception):
                await here.door.bot.raw_updates(None, 20, KINDS)
            await asyncio.sleep(0.5)

    with caplog.at_level(logging.INFO):
        run(main)
    told = [record.getMessage() for record in caplog.records if "another program" in record.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("stop it, or give each a bot of its own")


def test_trouble_on_the_line_is_waited_out_with_growing_patience(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.break_line("getUpdates", httpx.ConnectError("no route"), times=20)
        here.server.says(AN, "kiên nhẫn")
        async with polling(here):
            await asyncio.sleep(600)
            assert here.reception.arrivals == []
            assert len(here.server.calls("getUpdates")) < 20
            await asyncio.sleep(1000)
            assert here.reception.texts() == ["kiên nhẫn"]

    with caplog.at_level(logging.INFO):
        run(main)
    said = [record.getMessage() for record in caplog.records if record.name.endswith("polling")]
    assert said == [
        "Telegram's updates are not read: Telegram cannot be reached (NetworkError)",
        "Telegram's updates are read again",
    ]
    assert "simulated-token" not in caplog.text


def test_a_refused_token_is_said_once_and_tried_again_in_case_it_is_mended(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.refuse("getWebhookInfo", 401, "Unauthorized", times=3)
        here.server.says(AN, "chào")
        async with polling(here):
            await asyncio.sleep(60)
            assert here.reception.texts() == ["chào"]

    run(main)
    assert [record.getMessage() for record in caplog.records if "token is refused" in record.getMessage()][1:] == []
    assert "simulated-token" not in caplog.text


def test_a_flood_of_calls_is_slowed_for_as_long_as_telegram_says() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.refuse("getUpdates", 429, "Too Many Requests: retry after 9", retry_after=9)
        here.server.says(AN, "chào")
        async with polling(here):
            await asyncio.sleep(8.9)
            assert here.reception.arrivals == []
            await asyncio.sleep(0.5)
            assert here.reception.texts() == ["chào"]

    run(main)


def test_a_tap_is_answered_when_it_is_fetched() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.taps_data(AN, "token")
        async with polling(here):
            await asyncio.sleep(1)
            assert [arrival.kind for arrival in here.reception.arrivals] == ["payload"]
            assert len(here.server.state.answered) == 1

    run(main)


def test_patrons_words_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.reception.faults = [ValueError("INSERT … [parameters: ('bí mật của An')]")]
        here.server.says(AN, "bí mật của An")
        here.server.hears("message", AN, {"text": "bí mật của An"})
        async with polling(here):
            await asyncio.sleep(5)
            assert here.reception.texts() == ["bí mật của An"]

    with caplog.at_level(logging.DEBUG):
        run(main)
    assert "bí mật" not in caplog.text
