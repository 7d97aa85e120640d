"""`thuthu run`: keeps the gateway and Rasa alive. Each may die alone; the other goes on and waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from connectors.models import Models, run_of
from connectors.processes import (
    Wiring,
    free_port,
    gateway_command,
    port_taken,
    rasa_command,
    rasa_environment,
    start,
    stop,
)
from connectors.settings import Settings
from connectors.takeover import Takeover

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 10.0
PROBE_EVERY_S = 10.0
PROBES_MISSED = 4


class CannotStart(Exception):
    """Starting now would serve nobody; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Child:
    name: str
    command: list[str]
    environment: dict[str, str]
    health_url: str


async def run(settings: Settings, config: Path, on_ready: Callable[[], Awaitable[None]]) -> None:
    """Return after SIGINT or SIGTERM, with both children stopped. Raises CannotStart before anything is started."""
    web = settings.web
    _look_first(settings, config)
    wiring, models = Wiring.fresh(), Models(settings)
    gateway = Child(
        "gateway",
        gateway_command(config),
        {**os.environ, **wiring.environment()},
        f"http://{web.host}:{web.port}/healthz",
    )

    def start_rasa(model: str, port: int | None) -> KeptRasa:
        there = replace(wiring, rasa_port=port or free_port())
        command = rasa_command(settings, there, models.path(model))
        return KeptRasa(
            Child("rasa", command, rasa_environment(settings, there), f"{there.rasa_url}/webhooks/thuthu/"),
            there.rasa_port,
        )

    dialogue = Takeover(models, run_of(wiring.rasa_secret), start_rasa)
    stopping = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stopping.set)
    keepers = [asyncio.create_task(_keep(gateway)), asyncio.create_task(dialogue.run(wiring.rasa_port))]
    announcer = asyncio.create_task(_announce(gateway, dialogue, on_ready))
    await stopping.wait()
    for task in (announcer, *keepers):
        task.cancel()
    await asyncio.gather(announcer, *keepers, return_exceptions=True)


class KeptRasa:
    """A Rasa process, started and kept alive until it is ended."""

    def __init__(self, child: Child, port: int) -> None:
        self.port = port
        self._child = child
        self._keeper = asyncio.create_task(_keep(child))

    async def healthy(self) -> bool:
        async with httpx.AsyncClient(timeout=2.0) as client:
            return await _healthy(client, self._child.health_url)

    async def end(self) -> None:
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeper


def _look_first(settings: Settings, config: Path) -> None:
    web, rasa = settings.web, settings.rasa
    if port_taken(web.host, web.port):
        raise CannotStart(
            f"port {web.port} on {web.host} is taken by another program (another `make run`?): "
            f"stop it, or set another [web] port in {config}"
        )
    if not rasa.python.exists():
        raise CannotStart(f"{rasa.python} is not there: run `make setup` to make Rasa's environment")
    if not rasa.model.is_file():
        raise CannotStart(f"{rasa.model} is not there: run `make setup`, or `thuthu train`")


async def _keep(child: Child) -> None:
    """Start the child again whenever it ends or no longer answers: at once, or with growing pauses if it never did."""
    pause_s = 0.0
    while True:
        answered = asyncio.Event()
        process = await start(child.command, child.environment)
        watcher = asyncio.create_task(_watch(child, process, answered))
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await stop(process)
            raise
        finally:
            watcher.cancel()
        pause_s = 0.0 if answered.is_set() else min(LONGEST_PAUSE_S, pause_s * 2 or 0.25)
        logger.warning("%s ended with code %s; starting it again in %.1f s", child.name, code, pause_s)
        await asyncio.sleep(pause_s)


async def _watch(child: Child, process: asyncio.subprocess.Process, answered: asyncio.Event) -> None:
    """Kill a child that answered once and then stays silent: a hung process helps nobody."""
    missed = 0
    async with httpx.AsyncClient(timeout=PROBE_EVERY_S) as client:
        while missed < PROBES_MISSED:
            await asyncio.sleep(PROBE_EVERY_S if answered.is_set() else 0.2)
            if await _healthy(client, child.health_url):
                missed = 0
                answered.set()
            elif answered.is_set():
                missed += 1
    logger.error("%s no longer answers; killing it", child.name)
    process.kill()


async def _announce(gateway: Child, dialogue: Takeover, on_ready: Callable[[], Awaitable[None]]) -> None:
    async with httpx.AsyncClient(timeout=2.0) as client:
        while not (await _healthy(client, gateway.health_url) and await dialogue.healthy()):
            await asyncio.sleep(0.2)
    await on_ready()


async def _healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
