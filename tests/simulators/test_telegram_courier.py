"""How the simulated Telegram brings updates: in order, again, late, twice; and what of it outlives a crash."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from connectors.channels.port import Part
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.introduction import Webhook, introduce
from connectors.channels.telegram.routes import PATH, telegram_router
from tests.connectors.channels.telegram_chat import RememberingReception
from tests.simulators.sockets import listening
from tests.simulators.telegram import TelegramServer
from tests.simulators.test_telegram import AN, BINH, HOOK, bot_of
from tests.virtual_time import VirtualLoop, run

SECRET = "a-secret_of-32-characters-or-so-x"


class Webhook200:
    """Our side of a webhook: remembers what came; answers what `answers` says first, then 200."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.came: list[dict[str, Any]] = []
        self.secrets: set[str | None] = set()

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> int | tuple[int, float]:
        self.came.append(json.loads(body))
        self.secrets.add(headers.get("X-Telegram-Bot-Api-Secret-Token"))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.came]


async def courier_to(loop: VirtualLoop, webhook: Webhook200, **settings: Any) -> TelegramServer:
    server = TelegramServer(clock=loop.clock, deliver=webhook, **settings)
    await bot_of(server).set_webhook(HOOK, secret_token=SECRET)
    return server


def waits(server: TelegramServer) -> list[float]:
    at = [attempt.at for attempt in server.courier.attempts]
    return [round(later - earlier, 3) for earlier, later in itertools.pairwise(at)]


def test_a_chats_updates_come_in_order_with_the_secret() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200()
        server = await courier_to(loop, webhook)
        for number in range(5):
            server.says(AN, str(number))
        await server.courier.idle()
        assert webhook.texts() == ["0", "1", "2", "3", "4"]
        assert webhook.secrets == {SECRET}
        assert set(server.state.over.values()) == {"delivered"}

    run(main)


def test_what_is_refused_comes_again_at_once_and_then_ever_later_and_holds_up_its_chat_alone() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200(500, 503, ConnectionResetError(), 404, 403, 500, 500, 500, 500)
        server = await courier_to(loop, webhook)
        server.says(AN, "một")
        server.says(AN, "hai")
        await asyncio.sleep(3)
        server.says(BINH, "khác")
        webhook.answers.insert(0, 200)
        await asyncio.sleep(0.5)
        assert webhook.texts() == ["một"] * 3 + ["khác"]
        await server.courier.idle()
        assert webhook.texts() == ["một"] * 3 + ["khác"] + ["một"] * 7 + ["hai"]
        assert [attempt.status for attempt in server.courier.attempts][:3] == [500, 503, 0]
        mine = [one.at for one in server.courier.attempts if one.update_id == server.courier.attempts[0].update_id]
        gaps = [round(later - earlier, 3) for earlier, later in itertools.pairwise(mine)]
        assert gaps[:6] == [0, 2, 4, 8, 16, 32]
        assert all(60 <= gap <= 120 for gap in gaps[6:])

    run(main)


def test_retry_after_is_honoured() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200((503, 17.0))
        server = await courier_to(loop, webhook)
        server.says(AN, "một")
        await server.courier.idle()
        assert waits(server) == [17.0]

    run(main)


def test_a_message_expires_after_a_day_and_a_tap_after_150_seconds() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200(*[500] * 5000)
        server = await courier_to(loop, webhook)
        message, tap = server.says(AN, "một"), server.taps_data(BINH, "token")
        await asyncio.sleep(400)
        assert server.state.over == {tap: "expired"}
        await server.courier.idle()
        assert server.state.over[message] == "expired"
        assert 86_400 <= server.courier.attempts[-1].at - server.courier.attempts[0].at + 120 <= 86_520

    run(main)


def test_a_time_scale_shortens_waits_and_lives_alike() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200(500, 500, 500)
        server = await courier_to(loop, webhook, scale=0.01)
        server.says(AN, "một")
        await server.courier.idle()
        assert waits(server) == [0, 0.02, 0.04]
        webhook.answers = [500] * 1000
        server.says(AN, "hai")
        await server.courier.idle()
        assert loop.time() < 870

    run(main)


def test_an_update_may_come_twice_and_late() -> None:
    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200()
        server = await courier_to(loop, webhook, twice=lambda: True)
        update = server.says(AN, "một")
        await server.courier.idle()
        await asyncio.sleep(3600)
        assert await server.courier.again(update) == 200
        assert webhook.came == [webhook.came[0]] * 3

    run(main)


def test_bytes_that_are_no_update_can_be_brought() -> None:
    async def main(loop: VirtualLoop) -> None:
        bodies: list[bytes] = []

        async def deliver(_headers: Mapping[str, str], body: bytes) -> int:
            bodies.append(body)
            return 200

        server = TelegramServer(clock=loop.clock, deliver=deliver)
        await bot_of(server).set_webhook(HOOK)
        server.hears_bytes(AN, "message", "{not json")
        await server.courier.idle()
        assert bodies == [b"{not json"]

    run(main)


# What outlives a crash.


def test_what_was_shown_and_what_was_on_its_way_outlive_a_process_that_dies_at_once(tmp_path: Path) -> None:
    journal = tmp_path / "telegram.jsonl"
    doomed = f"""
        import asyncio, os
        import httpx
        from pathlib import Path
        from tests.simulators.telegram import TelegramServer
        from tests.simulators.test_telegram import bot_of

        async def main():
            async def deliver(headers, body):
                if b'"hai"' in body:
                    os._exit(137)
                return 200

            server = TelegramServer(journal=Path({str(journal)!r}), deliver=deliver)
            bot = bot_of(server)
            server.says({AN}, "một")
            await bot.send_message({AN}, "đã thấy một")
            server.becomes({BINH}, "blocked")
            await bot.set_webhook({HOOK!r}, secret_token={SECRET!r})
            await server.courier.idle()
            server.says({AN}, "hai")
            server.says({AN}, "ba")
            await server.courier.idle()

        asyncio.run(main())
    """
    root = Path(__file__).resolve().parents[2]
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(doomed)], cwd=root, check=False, timeout=120)
    assert died.returncode == 137
    with journal.open("ab") as torn:
        torn.write(b'{"event": "shown", "cha')

    async def main(loop: VirtualLoop) -> None:
        webhook = Webhook200()
        server = TelegramServer(journal=journal, deliver=webhook, clock=loop.clock)
        assert server.texts(AN) == ["đã thấy một"]
        assert server.state.chats[BINH].status == "blocked"
        server.resume()
        await server.courier.idle()
        assert webhook.texts() == ["hai", "ba"]
        assert webhook.secrets == {SECRET}
        assert server.says(AN, "bốn") > max(update["update_id"] for update in webhook.came)
        await server.close()

    run(main)


# Over real sockets.


async def test_the_whole_circle_over_http() -> None:
    reception = RememberingReception(faults=[OSError("once")])
    server = TelegramServer(http_webhooks=True, scale=0.01)
    async with listening(server.app) as api:
        door = TelegramDoor(telegram_bot(server.token, api))
        app = FastAPI()
        app.include_router(telegram_router(door, reception, SECRET))
        async with listening(app) as library:
            await introduce(door, lambda meaning, lang: f"{meaning} {lang}", Webhook(library + PATH, SECRET))
            server.says(AN, "xin chào")
            await server.courier.idle()
            assert reception.texts() == ["xin chào"]
            assert await door.send(str(AN), Part("chào An")) == str(server.shown_to(AN)[0].message_id)
            assert server.texts(AN) == ["chào An"]
            assert [attempt.status for attempt in server.courier.attempts] == [503, 200]
            await server.close()
        await door.close()
