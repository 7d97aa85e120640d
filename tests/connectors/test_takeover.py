"""One model takes the place of another: no turn is cut off, and what does not come up changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors import following, takeover
from connectors.dialogue import RasaDialogue
from connectors.following import follow
from connectors.models import Models, Serving
from connectors.settings import RasaSection, Settings
from connectors.takeover import Takeover

RUN = "this-start"


@dataclass
class Process:
    """A Rasa that comes up, or never does."""

    model: str
    port: int
    comes_up: bool = True
    ended: bool = False

    async def healthy(self) -> bool:
        return self.comes_up and not self.ended

    async def end(self) -> None:
        self.ended = True


@dataclass
class Street:
    models: Models
    broken: set[str] = field(default_factory=set)
    started: list[Process] = field(default_factory=list)

    def start(self, model: str, port: int | None) -> Process:
        process = Process(model, port or 9000 + len(self.started), model not in self.broken)
        self.started.append(process)
        return process

    def serving(self) -> Serving:
        found = self.models.serving()
        assert found
        return found

    async def until(self, true: object) -> None:
        async with asyncio.timeout(5):
            while not true():  # type: ignore[operator]
                await asyncio.sleep(0.005)


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Street:
    monkeypatch.setattr(takeover, "COMES_UP_WITHIN_S", 0.1)
    for name in ("first", "taught-1", "taught-2"):
        (tmp_path / f"{name}.tar.gz").write_bytes(b"a model")
    return Street(Models(Settings(rasa=RasaSection(model=tmp_path / "first.tar.gz"))))


@pytest.fixture
async def supervisor(street: Street) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(Takeover(street.models, RUN, street.start, look_every_s=0.005).run(8999))
    await street.until(lambda: street.models.serving() is not None)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_old_one_serves_until_the_gateway_has_moved(street: Street, supervisor: asyncio.Task[None]) -> None:
    street.models.use(8999)
    street.models.wish("taught-1.tar.gz")
    await street.until(lambda: street.serving().model == "taught-1.tar.gz")
    await asyncio.sleep(0.05)
    old, new = street.started
    assert not old.ended
    street.models.use(new.port)
    await street.until(lambda: old.ended)
    assert not new.ended
    assert street.serving() == Serving(RUN, "taught-1.tar.gz", new.port, "first.tar.gz", street.serving().wish)


async def test_a_model_that_does_not_come_up_changes_nothing(street: Street, supervisor: asyncio.Task[None]) -> None:
    street.broken.add("taught-1.tar.gz")
    street.models.wish("taught-1.tar.gz")
    await street.until(lambda: street.serving().problem)
    old, new = street.started
    assert (old.ended, new.ended) == (False, True)
    assert street.serving().model == "first.tar.gz"
    assert "taught-1" in street.serving().problem


@pytest.mark.parametrize("name", ["gone.tar.gz", "../first.tar.gz", ""])
async def test_a_model_that_is_not_there_is_not_started(
    street: Street, supervisor: asyncio.Task[None], name: str
) -> None:
    street.models.wish(name)
    await street.until(lambda: street.serving().problem)
    assert len(street.started) == 1


async def test_the_next_start_serves_what_was_chosen(street: Street, supervisor: asyncio.Task[None]) -> None:
    street.models.wish("taught-1.tar.gz")
    await street.until(lambda: street.serving().model == "taught-1.tar.gz")
    street.models.use(street.started[-1].port)
    supervisor.cancel()
    await asyncio.gather(supervisor, return_exceptions=True)
    assert all(process.ended for process in street.started)
    again = asyncio.create_task(Takeover(street.models, "another", street.start, look_every_s=0.005).run(8888))
    await street.until(lambda: street.serving().run == "another")
    await asyncio.sleep(0.05)
    assert (street.started[-1].model, street.serving().before) == ("taught-1.tar.gz", "first.tar.gz")
    assert len(street.started) == 3, "the wish was fulfilled before and is not fulfilled again"
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_files_that_are_not_whole_are_as_if_not_there(street: Street) -> None:
    for name in ("wanted.json", "serving.json", "used.json"):
        (street.models.folder / name).write_text('{"model": "tau')
    assert (street.models.wanted(), street.models.serving(), street.models.used_port()) == (None, None, 0)
    assert street.models.in_use() == "first.tar.gz"


async def test_turns_move_when_the_new_one_is_warm_and_the_last_at_the_old_has_ended(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def warm(_dialogue: RasaDialogue) -> None:
        told.append("warm")

    class Dialogue:
        def __init__(self) -> None:
            self.may_move = asyncio.Event()

        async def move_to(self, url: str) -> None:
            told.append(url)
            await self.may_move.wait()

    monkeypatch.setattr(following, "warm", warm)
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.005)
    dialogue = Dialogue()
    task = asyncio.create_task(follow(street.models, dialogue, RUN, "secret", 8999))  # type: ignore[arg-type]
    street.models.serve(Serving("another start", "taught-2.tar.gz", 7000))
    await asyncio.sleep(0.05)
    assert told == [], "what another start wrote is not ours"
    street.models.serve(Serving(RUN, "taught-1.tar.gz", 9001))
    await street.until(lambda: len(told) == 2)
    assert told == ["warm", "http://127.0.0.1:9001"]
    assert street.models.used_port() == 8999
    dialogue.may_move.set()
    await street.until(lambda: street.models.used_port() == 9001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
