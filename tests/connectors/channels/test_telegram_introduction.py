"""At the start Telegram is told who we are; whatever fails then is tried again and stops nothing."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from connectors.channels.telegram.introduction import Webhook, introduce
from connectors.channels.telegram.updates import Me
from tests.connectors.channels.telegram_chat import SECRET, WEBHOOK, World
from tests.virtual_time import VirtualLoop, run


def describe(meaning: str, lang: str) -> str:
    return f"{meaning} ({lang})"


def test_the_name_the_menu_and_the_webhook_are_set() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        await introduce(here.door, describe, WEBHOOK)
        assert here.door.me == Me(7_000_000_001, "thu_vien_bot")
        hook = here.server.state.hook
        assert hook is not None
        assert (hook.url, hook.secret) == (WEBHOOK.url, SECRET)
        assert here.server.state.kinds == ["message", "edited_message", "callback_query", "my_chat_member"]
        menus = here.server.state.menus
        assert set(menus) == {"vi", "en", ""}
        assert menus[""] == menus["vi"]
        assert {"command": "thuthu", "description": "librarian (vi)"} in menus["vi"]
        assert {"command": "librarian", "description": "librarian (en)"} in menus["en"]
        await here.close()

    run(main)


def test_without_a_public_address_no_webhook_is_set() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        await introduce(here.door, describe)
        assert here.server.calls("setWebhook") == []
        await here.close()

    run(main)


def test_a_new_secret_is_set_at_the_next_start() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        await here.door.bot.set_webhook(WEBHOOK.url, secret_token="the-old-one")
        await introduce(here.door, describe, WEBHOOK)
        assert here.server.state.hook
        assert here.server.state.hook.secret == SECRET
        await here.close()

    run(main)


def test_each_step_is_tried_until_it_is_done(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.break_line("getMe", httpx.ConnectError("no route"), times=7)
        here.server.refuse("setWebhook", 429, "Too Many Requests: retry after 3", retry_after=3)
        here.server.refuse("setMyCommands", 500, "Internal Server Error", times=2)
        task = asyncio.create_task(introduce(here.door, describe, WEBHOOK, jitter=lambda: 0.5))
        await asyncio.sleep(60)
        assert not task.done()
        await task
        assert here.door.me is not None
        assert here.server.state.hook is not None
        assert set(here.server.state.menus) == {"vi", "en", ""}
        await here.close()

    with caplog.at_level(logging.DEBUG):
        run(main)
    assert "getMe failed error=NetworkError, again in 1 s" in caplog.text
    assert "simulated-token" not in caplog.text
    assert SECRET not in caplog.text


def test_it_waits_as_long_as_telegram_says() -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.refuse("setWebhook", 429, "Too Many Requests: retry after 40", retry_after=40)
        await introduce(here.door, describe, WEBHOOK)
        assert 40 <= loop.time() < 41
        await here.close()

    run(main)


def test_what_is_wrong_with_the_webhook_is_said_to_who_can_mend_it(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        wrong = Webhook("http://thuvien.example.vn/telegram/webhook", SECRET)
        task = asyncio.create_task(introduce(here.door, describe, wrong))
        await asyncio.sleep(3600)
        task.cancel()
        await here.close()

    run(main)
    assert "an https url must be provided" in caplog.text.lower()
    assert SECRET not in caplog.text


def test_a_wrong_token_is_an_error_in_the_log_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        here = World(loop)
        here.server.refuse("getMe", 401, "Unauthorized")
        await introduce(here.door, describe)
        await here.close()

    run(main)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "getMe failed error=InvalidToken, again in 1 s"
    assert "simulated-token" not in caplog.text
