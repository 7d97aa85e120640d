"""What learning costs patrons: a training beside the running product, then its model taking over, and back again.

Turns are asked all the while at the website's door, by several patrons who take a breath between them. Takes about
as long as a training, and is run by itself: `python -m bench learning`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.turns import MESSAGES, figure, own_copy, until
from connectors.models import Models
from connectors.processes import Wiring, rasa_environment, start, stop
from connectors.settings import Settings, load_settings
from connectors.teaching.shop import NICENESS
from connectors.training import training_command

PATRONS = 4
BREATH_S = 1.0
BEFORE_S = 30.0  # of turns without a training, to compare with
SETTLES_S = 5.0
LOOK_EVERY_S = 0.5
QUESTIONS = [text for name, text in MESSAGES.items() if name != "loans"]  # that one needs a card
MODEL = "taught-1"
AWAY = "đang khởi động lại"


def main() -> None:
    asyncio.run(_main())


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="thuthu-bench-") as name:
        config = own_copy(Path(name))
        own = _own_models(Path(name), config)
        command = [sys.executable, "-m", "connectors.cli", "--config", str(config), "run"]
        product = await start(command, dict(os.environ))
        try:
            async with httpx.AsyncClient(timeout=60, base_url=own.public_url) as client:
                await until(client, "/readyz")
                await _measure(own, client, psutil.Process(product.pid))
        finally:
            await stop(product)


def _own_models(folder: Path, config: Path) -> Settings:
    """Return the settings with a folder of models of their own, the one in use copied there."""
    models = folder / "models"
    models.mkdir()
    shutil.copy("var/models/dialogue.tar.gz", models)
    text = config.read_text(encoding="utf-8") + f'\n[rasa]\nmodel = "{models}/dialogue.tar.gz"\n'
    config.write_text(text, encoding="utf-8")
    return load_settings(config)


@dataclass
class Turns:
    """What turns took, in milliseconds, and how many brought no answer."""

    took_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def quantile(self, share: float) -> float:
        return round(sorted(self.took_ms)[min(int(len(self.took_ms) * share), len(self.took_ms) - 1)], 1)

    def told(self) -> dict[str, float]:
        shares = {"p50_ms": self.quantile(0.5), "p95_ms": self.quantile(0.95), "worst_ms": self.quantile(1.0)}
        return {"turns": len(self.took_ms), "failed": self.failed, **shares}


@dataclass
class Weight:
    """The most memory that the product and what it started took at once, in MB: shared pages once, and as top says."""

    whole: psutil.Process
    shared_once: float = 0.0
    as_told: float = 0.0

    async def watch(self) -> None:
        while True:
            once = told = 0.0
            for process in [psutil.Process(), self.whole, *_children(self.whole), *psutil.Process().children()]:
                if process.pid == os.getpid():
                    continue
                with contextlib.suppress(psutil.NoSuchProcess):
                    memory = process.memory_full_info()
                    once, told = once + memory.pss / 2**20, told + memory.rss / 2**20
            self.shared_once, self.as_told = max(self.shared_once, once), max(self.as_told, told)
            await asyncio.sleep(LOOK_EVERY_S)


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


async def _measure(own: Settings, client: httpx.AsyncClient, product: psutil.Process) -> None:
    await _while_asked(client, asyncio.sleep(SETTLES_S))  # first turns warm caches
    before = await _while_asked(client, asyncio.sleep(BEFORE_S))
    figure("training.before", **before.told())
    weight = Weight(product)
    watching = asyncio.create_task(weight.watch())
    began = time.monotonic()
    beside = await _while_asked(client, _train(own))
    watching.cancel()
    figure(
        "training.beside",
        **beside.told(),
        seconds=round(time.monotonic() - began),
        ratio=round(statistics.median(beside.took_ms) / statistics.median(before.took_ms), 2),
        memory_mb=round(weight.shared_once),
        memory_as_told_mb=round(weight.as_told),
    )
    for what, model in (("takeover", f"{MODEL}.tar.gz"), ("takeover.back", own.rasa.model.name)):
        began = time.monotonic()
        moving = await _while_asked(client, _take_over(own, model))
        figure(what, **moving.told(), seconds=round(time.monotonic() - began, 1))


async def _train(own: Settings) -> None:
    command = training_command(own, MODEL)
    child = await start(command, rasa_environment(own, Wiring.fresh()), silent=True, niceness=NICENESS)
    assert await child.wait() == 0, "the training failed"


async def _take_over(own: Settings, model: str) -> None:
    """Return when the model serves, turns go to it, and the one before is gone."""
    models = Models(own)
    wish = models.wish(model)
    while not (
        (serving := models.serving()) and serving.wish == wish.key and models.used_port() == serving.port
    ):  # fmt: skip
        await asyncio.sleep(0.1)
    assert not serving.problem, serving.problem
    await asyncio.sleep(SETTLES_S)


async def _while_asked(client: httpx.AsyncClient, work: Awaitable[None]) -> Turns:
    """Return what turns took that were asked until the work was done."""
    turns, done = Turns(), asyncio.Event()
    async with _patrons(client, turns, done):
        await work
    return turns


@contextlib.asynccontextmanager
async def _patrons(client: httpx.AsyncClient, turns: Turns, done: asyncio.Event) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        for number in range(PATRONS):
            group.create_task(_patron(client, turns, done, number))
        try:
            yield
        finally:
            done.set()


async def _patron(client: httpx.AsyncClient, turns: Turns, done: asyncio.Event, number: int) -> None:
    opened = (await client.post("/api/conversations")).raise_for_status().json()
    headers = {"Authorization": f"Bearer {opened['token']}"}
    address = f"/api/conversations/{opened['conversation']}/messages?wait=60"
    await asyncio.sleep(BREATH_S * number / PATRONS)
    while not done.is_set():
        text = QUESTIONS[number % len(QUESTIONS)]
        number += 1
        began = time.perf_counter()
        posted = await client.post(address, json={"id": uuid.uuid4().hex, "text": text}, headers=headers)
        turns.took_ms.append((time.perf_counter() - began) * 1000)
        turns.failed += not posted.is_success or not _answered(posted.json()["replies"])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), BREATH_S)


def _answered(replies: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the dialogue answered, and not what stands in for it while it is away."""
    finals = [one for one in replies if one["kind"] == "final"]
    return bool(finals) and not any(AWAY in str(one) for one in finals)


if __name__ == "__main__":
    main()
