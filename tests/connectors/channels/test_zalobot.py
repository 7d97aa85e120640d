"""Alerts to staff through a Zalo Bot."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Awaitable, Callable

import httpx
import pytest

from connectors.channels.zalobot import StaffAlerts
from tests.simulators.zalobot import ZaloBot
from tests.virtual_time import VirtualLoop, run

ONE, OTHER = "6ede9afa66b88fe6d6a9", "0a1b2c3d4e5f60718293"
Scene = Callable[[StaffAlerts, VirtualLoop], Awaitable[None]]


def play(bot: ZaloBot, scene: Scene, token: str | None = None, chats: tuple[str, ...] = (ONE,)) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(bot.app)) as client:
            await scene(StaffAlerts(client, "http://bot.test/", token or bot.token, chats), loop)

    run(main)


def test_every_chat_of_the_staff_hears_an_alert() -> None:
    bot = ZaloBot(chats=frozenset({ONE, OTHER}))

    async def scene(alerts: StaffAlerts, _loop: VirtualLoop) -> None:
        assert await alerts.tell("Phiếu mới số 1042") == 2

    play(bot, scene, chats=(ONE, OTHER))
    assert sorted(bot.heard) == sorted([(ONE, "Phiếu mới số 1042"), (OTHER, "Phiếu mới số 1042")])


def test_a_chat_that_is_gone_does_not_cost_the_others_their_alert() -> None:
    bot = ZaloBot()

    async def scene(alerts: StaffAlerts, _loop: VirtualLoop) -> None:
        assert await alerts.tell("Phiếu mới") == 1

    play(bot, scene, chats=("nobody", ONE))


def test_a_long_alert_is_cut_and_an_empty_one_not_sent() -> None:
    bot = ZaloBot()

    async def scene(alerts: StaffAlerts, _loop: VirtualLoop) -> None:
        assert await alerts.tell(unicodedata.normalize("NFD", "ữ" * 3000)) == 1
        assert await alerts.tell(" \n") == 0

    play(bot, scene)
    assert bot.heard == [(ONE, "ữ" * 2000)]


def test_a_used_up_quota_is_waited_out() -> None:
    bot = ZaloBot()
    bot.refusals.extend([429, 429])

    async def scene(alerts: StaffAlerts, loop: VirtualLoop) -> None:
        before = loop.time()
        assert await alerts.tell("Phiếu mới") == 1
        assert loop.time() - before == pytest.approx(12.0)

    play(bot, scene)


def test_a_quota_that_stays_used_up_ends_the_trying() -> None:
    bot = ZaloBot()
    bot.refusals.extend([429] * 10)

    async def scene(alerts: StaffAlerts, _loop: VirtualLoop) -> None:
        assert await alerts.tell("Phiếu mới") == 0

    play(bot, scene)
    assert bot.calls == 4


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408])
def test_a_no_with_http_200_is_not_taken_for_a_yes(code: int, caplog: pytest.LogCaptureFixture) -> None:
    bot = ZaloBot()
    bot.refusals.append(code)

    async def scene(alerts: StaffAlerts, _loop: VirtualLoop) -> None:
        assert await alerts.tell("Phiếu mới") == 0

    play(bot, scene)
    assert (bot.calls, bot.heard) == (1, [])
    assert f"error_{code}" in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ConnectError("http://bot.test/botSECRET/sendMessage"),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(500, json={"ok": True}),
    ],
    ids=str,
)
def test_trouble_never_reaches_who_raised_the_alert_nor_the_token_a_log(
    reply: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="httpx")  # as the gateway sets it: httpx logs whole addresses

    def line(_request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(line)) as client:
            assert await StaffAlerts(client, "http://bot.test", "SECRET", (ONE,)).tell("Phiếu mới") == 0

    asyncio.run(main())
    assert "an alert was not sent" in caplog.text
    assert "SECRET" not in caplog.text
    assert "Phiếu" not in caplog.text
