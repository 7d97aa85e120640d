"""A whole turn (website door to stored reply) against bare Rasa, side by side, with one client and with eight."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psutil

from bot.actions.roster import all_actions
from connectors.account import StoredLinks
from connectors.actions import action_app
from connectors.app import Ground, action_services, lay_ground, serving
from connectors.clock import wall_clock
from connectors.mailbox import open_conversation
from connectors.processes import Wiring, rasa_environment, start, stop
from connectors.settings import load_settings
from connectors.turns import OpenTurns
from library.ports import Turn

MESSAGES = {
    "hours": "chủ nhật tuần này thư viện mấy giờ mở cửa",
    "information": "làm thẻ cần giấy tờ gì",
    "search": "có sách dạy nuôi tôm không",
    "loans": "em đang mượn gì",
}
DEMO_LOGIN = ("DT000101", "260101")  # demo/patrons.yml
TURNS_EACH = 40
CLIENTS = (1, 8)

Ask = Callable[[str], Awaitable[None]]


class EveryTurnIsOpen(OpenTurns):
    """Bare Rasa has no gateway to open its turns, so its actions are told that each is open."""

    def check(self, conversation_id: str, message_id: str | None) -> None:
        return

    def of(self, conversation_id: str) -> Turn:
        return Turn(conversation_id, uuid.uuid4().hex, "bench", wall_clock())


def figure(name: str, **values: object) -> None:
    print(json.dumps({"bench": name, **values}, ensure_ascii=False), flush=True)


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    settings = load_settings(Path("demo/library.toml"))
    with tempfile.TemporaryDirectory(prefix="thuthu-bench-") as name:
        folder = Path(name)
        config = own_copy(folder)
        wiring = Wiring.fresh()
        command = [sys.executable, "-m", "connectors.cli", "--config", str(config), "run"]
        product = await start(command, dict(os.environ))
        own, turns = load_settings(config), EveryTurnIsOpen()
        ground = lay_ground(own, wall_clock)
        links = StoredLinks(ground.store, ground.ils, wall_clock, own.public_url)
        services = action_services(own, ground, turns.of, links)
        actions = action_app(all_actions(services), turns, wiring.action_secret)
        bare = await start(
            [
                *(str(settings.rasa.python), "-m", "rasa", "run", "--quiet", "--model", str(settings.rasa.model)),
                *("--endpoints", "bench/bare_endpoints.yml", "--credentials", "bench/rest_credentials.yml"),
                *("--interface", "127.0.0.1", "--port", str(wiring.rasa_port)),
            ],
            rasa_environment(settings, wiring),
        )
        try:
            async with serving(actions, wiring.action_port), httpx.AsyncClient(timeout=60) as client:
                await asyncio.to_thread(ground.searcher.warm_up)
                await until(client, f"{own.public_url}/readyz")
                await until(client, f"{wiring.rasa_url}/webhooks/rest/")
                await _measure(client, own.public_url, wiring.rasa_url, ground, links)
                _memory(product.pid)
        finally:
            await stop(bare)
            await stop(product)


async def _measure(client: httpx.AsyncClient, url: str, rasa_url: str, ground: Ground, links: StoredLinks) -> None:
    who = await ground.ils.authenticate(*DEMO_LOGIN)

    async def whole() -> Ask:
        opened = (await client.post(f"{url}/api/conversations")).json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        await links.link_now(opened["conversation"], who, "bench")

        async def ask(text: str) -> None:
            body = {"id": uuid.uuid4().hex, "text": text}
            address = f"{url}/api/conversations/{opened['conversation']}/messages?wait=60"
            answer = (await client.post(address, json=body, headers=headers)).json()
            assert any(one["kind"] == "final" for one in answer["replies"]), answer

        return ask

    async def bare() -> Ask:
        sender, _ = await ground.store.write(lambda db: open_conversation(db, "bench", wall_clock()))
        await links.link_now(sender, who, "bench")

        async def ask(text: str) -> None:
            body = {"sender": sender, "message": text}
            assert (await client.post(f"{rasa_url}/webhooks/rest/webhook", json=body)).json()

        return ask

    for clients in CLIENTS:
        for journey, text in MESSAGES.items():
            ours = [await whole() for _ in range(clients)]
            theirs = [await bare() for _ in range(clients)]
            await asyncio.gather(*(ask(text) for ask in ours + theirs))  # first turns warm caches on both sides
            took_ours, took_theirs = [], []
            for _ in range(TURNS_EACH // clients):  # alternating, so that both meet the same noise
                took_ours += await asyncio.gather(*(_timed(ask, text) for ask in ours))
                took_theirs += await asyncio.gather(*(_timed(ask, text) for ask in theirs))
            median, bare_median = statistics.median(took_ours), statistics.median(took_theirs)
            figure(
                f"turn.{journey}.{clients}-client",
                p50_ms=round(median, 1),
                p95_ms=round(_p95(took_ours), 1),
                bare_p50_ms=round(bare_median, 1),
                bare_p95_ms=round(_p95(took_theirs), 1),
                ratio=round(median / bare_median, 2),
            )


async def _timed(ask: Ask, text: str) -> float:
    started = time.perf_counter()
    await ask(text)
    return (time.perf_counter() - started) * 1000


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def _memory(pid: int) -> None:
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        mb = process.memory_info().rss / 2**20
        total += mb
        command = " ".join(process.cmdline())
        name = "rasa" if " rasa " in command else "gateway" if "connectors.app" in command else "supervisor"
        figure(f"rss.{name}", mb=round(mb))
    figure("rss.total", mb=round(total))


def own_copy(folder: Path) -> Path:
    """Return settings like the demo's whose databases are copies, on a port of their own."""
    var = Path("var")
    for name in ("answers.sqlite", "catalogue.sqlite", "vectors.sqlite", "ils.sqlite"):
        shutil.copy(var / name, folder / name)
    (folder / "index").symlink_to((var / "index").resolve())
    port = Wiring.fresh().rasa_port
    text = Path("demo/library.toml").read_text(encoding="utf-8").replace("[web]\n", f"[web]\nport = {port}\n")
    text += f'\n[files]\nvar = "{folder}"\n\n[ils]\npath = "{folder}/ils.sqlite"\n'
    config = folder / "library.toml"
    config.write_text(text, encoding="utf-8")
    return config


async def until(client: httpx.AsyncClient, url: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            answer = await client.get(url)
            if answer.status_code == 200 and answer.json().get("meaning_search", True) is not False:
                return
        except (httpx.HTTPError, ValueError):
            pass
        await asyncio.sleep(0.3)
    raise TimeoutError(f"{url} was not ready within {within_s:.0f} s")
