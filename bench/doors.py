"""Door to door through the three doors: how long an answer takes, how soon a webhook is acknowledged while the bot is
saturated, whether memory grows, and what becomes of ten times more messages than can be answered.

The first two with the whole product and Rasa on this machine's clock, beside simulated channels that share its
processors; the others with a scripted dialogue in one light process, the real store on disk.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil

from connectors.channels.port import Arrival, Limits, Part, Reply
from connectors.clock import wall_clock
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from connectors.preparing import load_demo_patrons
from connectors.settings import load_settings
from library.ports import Turn
from tests.connectors.small_gateway import SmallGateway, small_gateway
from tests.crash.road import RoadLoop
from tests.product.channels import Channels, Chat, chats, open_house
from tests.product.product import Product, copy_library

QUESTION = "chủ nhật tuần này thư viện mấy giờ mở cửa"
EXPECTED = "nghỉ", "mở cửa", "giờ"
CONVERSATIONS = (1, 10, 50)
TURNS = 60  # at each door, for each number of conversations
PAUSE_S = 1.2  # between a patron's turns: faster, and channels let us answer one message a second
LOOK_EVERY_S = 0.02
SATURATED_S = 20.0
ANSWER_WITHIN_S = 120.0
MEMORY_TURNS, MEMORY_PATRONS, MEMORY_LOOKS = 20_000, 200, 5
A_TURN_S, SEATS = 2.0, 8  # the scripted dialogue of the overload: it answers four a second
OVERLOAD, OVERLOAD_S = 10, 40

Ask = Callable[[], Awaitable[None]]


def figure(name: str, **values: object) -> None:
    print(json.dumps({"bench": name, **values}, ensure_ascii=False), flush=True)


def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="thuthu-doors-") as name:
        folder = Path(name)
        asyncio.run(_whole_product(folder / "product"))
        asyncio.run(_memory(folder / "memory.sqlite"))
        loop = RoadLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(_overload(loop, folder / "overload.sqlite"))


# --- the whole product ------------------------------------------------------------------------------------------------


async def _whole_product(folder: Path) -> None:
    copy_library(folder / "var")
    settings = load_settings(Path("demo/library.toml"))
    load_demo_patrons(settings, folder / "var" / "ils.sqlite", wall_clock().date())
    async with open_house(folder) as (product, channels), httpx.AsyncClient(timeout=ANSWER_WITHIN_S) as web:
        pushed = chats(channels, max(CONVERSATIONS))
        doors: dict[str, Sequence[Ask]] = {
            "web": [await _browser(web, product.url) for _ in range(max(CONVERSATIONS))],
            "telegram": [partial(_in_chat, one) for one in pushed if one.door == "telegram"],
            "zalo": [partial(_in_chat, one) for one in pushed if one.door == "zalo"],
        }
        for asks in doors.values():
            await asyncio.gather(*(ask() for ask in asks[:10]))  # first turns warm caches
        for number in CONVERSATIONS:
            for door, asks in doors.items():
                await _door_to_door(door, asks[:number], channels)
        await _saturated(doors, channels)
        _resident(product)


async def _door_to_door(door: str, asks: Sequence[Ask], channels: Channels) -> None:
    acknowledged = channels.acknowledged.get(door, [])
    acknowledged.clear()
    took: list[float] = []
    for _ in range(max(TURNS // len(asks), 2)):
        await asyncio.sleep(PAUSE_S)
        took += await asyncio.gather(*(_timed(ask) for ask in asks))
    more = {"acknowledged_p50_ms": _ms(acknowledged, 50), "acknowledged_p99_ms": _ms(acknowledged, 99)}
    figure(
        f"door.{door}.{len(asks)}-conversations",
        turns=len(took),
        p50_ms=_ms(took, 50),
        p95_ms=_ms(took, 95),
        p99_ms=_ms(took, 99),
        **(more if acknowledged else {}),
    )


async def _saturated(doors: dict[str, Sequence[Ask]], channels: Channels) -> None:
    """Let everybody at every door ask without a pause, and look at how soon webhooks are acknowledged meanwhile."""
    for acknowledged in channels.acknowledged.values():
        acknowledged.clear()
    until, turns = time.monotonic() + SATURATED_S, Counter[str]()

    async def go_on(door: str, ask: Ask) -> None:
        while time.monotonic() < until:
            await ask()
            turns[door] += 1

    await asyncio.gather(*(go_on(door, ask) for door, asks in doors.items() for ask in asks))
    for door, acknowledged in channels.acknowledged.items():
        more = {"p50_ms": _ms(acknowledged, 50), "p99_ms": _ms(acknowledged, 99), "webhooks": len(acknowledged)}
        figure(f"acknowledged.{door}.saturated", **more, turns_at_all_doors=sum(turns.values()))


async def _browser(web: httpx.AsyncClient, url: str) -> Ask:
    """Return what asks at the website and returns when the answer is there."""
    opened = (await web.post(f"{url}/api/conversations")).raise_for_status().json()
    address = f"{url}/api/conversations/{opened['conversation']}/messages?wait=60"
    headers = {"Authorization": f"Bearer {opened['token']}"}

    async def ask() -> None:
        posted = await web.post(address, json={"id": uuid.uuid4().hex, "text": QUESTION}, headers=headers)
        assert any(one["kind"] == "final" for one in posted.json()["replies"]), posted.text

    return ask


async def _in_chat(chat: Chat) -> None:
    """Ask in a chat; return when an answer is shown there. A "đang kiểm tra" is none."""
    seen, wait = len(chat.shown()), sentence("wait", "vi")
    chat.says(QUESTION)
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while not any(any(word in text for word in EXPECTED) for _, text, _ in chat.shown()[seen:] if text != wait):
        assert time.monotonic() < deadline, chat.shown()[seen:]
        await asyncio.sleep(LOOK_EVERY_S)


def _resident(product: Product) -> None:
    for name in ("gateway", "rasa"):
        if child := product.child(name):
            figure(f"rss.{name}.after", mb=round(child.memory_info().rss / 2**20))


async def _timed(ask: Ask) -> float:
    started = time.perf_counter()
    await ask()
    return time.perf_counter() - started


def _ms(seconds: Sequence[float], percent: int) -> float:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] * 1000, 1) if ordered else 0.0


# --- a light process --------------------------------------------------------------------------------------------------


class Nowhere:
    """A pushed door that takes everything at once and keeps nothing."""

    name = "nowhere"
    echoes = False
    limits = Limits(text=4096, buttons=8, button_title=64, per_second=1e6, chat_every_s=0.0)

    async def send(self, address: str, part: Part) -> str:
        return uuid.uuid4().hex

    async def show_typing(self, address: str) -> None:
        return


class Timed(Nowhere):
    """Notes which words were sent when, on the loop's clock."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, float]] = []

    async def send(self, address: str, part: Part) -> str:
        self.sent.append((address, part.text, asyncio.get_running_loop().time()))
        return await super().send(address, part)


async def _memory(path: Path) -> None:
    """Print how the process grows over many turns, by a fifth of them at a time."""
    async with small_gateway(_loop(), path, _answer, doors={"nowhere": Nowhere()}, clock=wall_clock) as gateway:
        await _talk(gateway, 0, MEMORY_PATRONS)
        grown = [_rss()]
        started, each = time.monotonic(), MEMORY_TURNS // MEMORY_LOOKS
        for look in range(MEMORY_LOOKS):
            for first in range(0, each, MEMORY_PATRONS):
                await _talk(gateway, 1 + look * each + first, MEMORY_PATRONS)
            grown.append(_rss())
        seconds = round(time.monotonic() - started, 1)
        figure(
            "memory.light-gateway", turns=MEMORY_TURNS, rss_mb=grown, grown_mb=round(grown[-1] - grown[0], 1), s=seconds
        )


async def _talk(gateway: SmallGateway, number: int, patrons: int) -> None:
    """Let each patron say one thing, and be answered."""
    for patron in range(patrons):
        await gateway.reception.receive(Arrival("nowhere", str(patron), f"m{number}", "text", f"câu hỏi số {number}"))
    await gateway.switchboard.idle()
    await gateway.deliverer.idle()


async def _answer(message: Stored, turn: Turn, payload: str | None) -> Answer:
    return Answer((Reply(f"Bạn nói: {message.text}"),), {"heard": message.text}, intent="said")


def _rss() -> float:
    gc.collect()
    return round(psutil.Process().memory_info().rss / 2**20, 1)


def _loop() -> Any:
    return asyncio.get_running_loop()


async def _overload(loop: RoadLoop, path: Path) -> None:
    """Let ten times more people write than can be answered, on a virtual clock, and then as many as can be."""

    async def slow(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(A_TURN_S)
        return await _answer(message, turn, payload)

    door, a_second = Timed(), SEATS / A_TURN_S
    async with small_gateway(loop, path, slow, doors={"nowhere": door}, turns_at_once=SEATS) as gateway:
        came: dict[str, float] = {}

        async def write(rate: float, seconds: float) -> None:
            for _ in range(int(rate * seconds)):
                patron = str(len(came))
                came[patron] = loop.time()
                await gateway.reception.receive(Arrival("nowhere", patron, "m1", "text", "chào"))
                await asyncio.sleep(1 / rate)

        await write(OVERLOAD * a_second, OVERLOAD_S)
        ended = loop.time()
        await write(a_second / 2, 2 * OVERLOAD_S)
        await gateway.switchboard.idle()
        await gateway.deliverer.idle()
    figure("overload", **_told(door, came, ended, loop.time()))


def _told(door: Timed, came: dict[str, float], ended: float, now: float) -> dict[str, object]:
    refusal = sentence("overloaded", "vi")
    refused = {who: at for who, text, at in door.sent if text.startswith(refusal)}
    answered = {who: at for who, text, at in door.sent if text.startswith("Bạn nói")}
    order = [came[who] for who in sorted(refused, key=lambda who: refused[who])]
    waited = {who: at - came[who] for who, at in {**refused, **answered}.items()}
    slow = [came[who] for who, wait_s in waited.items() if came[who] > ended and wait_s > 2 * A_TURN_S]
    return {
        "messages": len(came),
        "came_a_second": OVERLOAD * SEATS / A_TURN_S,
        "answered": len(answered),
        "refused_politely": len(refused),
        "without_any_answer": len(came) - len(set(answered) | set(refused)),
        "refused_before_an_older_one": sum(later < earlier for earlier, later in pairwise(order)),
        "longest_wait_s": round(max(waited.values()), 1),
        "median_wait_of_the_answered_s": round(statistics.median(waited[who] for who in answered), 1),
        "prompt_again_after_s": round(max(slow, default=ended) - ended, 1),
        "virtual_s": round(now),
    }


if __name__ == "__main__":
    main()
