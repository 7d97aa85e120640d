"""A database of a former release is taken over with all that is in it, and stays open to that release."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from connectors import retention
from connectors.channels.port import Happening
from connectors.settings import PrivacySection
from tests.connectors.post_office import answers, play, settle, words
from tests.connectors.pushed_door import PushedDoor
from tests.connectors.small_gateway import SmallGateway
from tests.virtual_time import VirtualLoop

FORMER = Path(__file__).parents[1] / "data" / "gateway_0.1.0_first.sql"


@pytest.fixture
def former(file: Path) -> Path:
    """A database with a question answered, one that still waits, and a patron who waits for a librarian."""
    with closing(sqlite3.connect(file)) as db:
        db.executescript(FORMER.read_text(encoding="utf-8"))
    return file


def test_what_waited_in_a_former_releases_file_is_answered(former: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        assert await gateway.switchboard.recover() == 1
        async with asyncio.timeout(600):  # a turn that cannot be stored is tried again for ever
            await settle(gateway)
        assert [sent.kind for sent in await gateway.said("web-1")] == ["final", "final"]
        assert await gateway.final("web-2", "chào") == ["“chào”"]
        assert await gateway.handover.give_back("web-2") is False

    play(former, scene)


def test_a_former_releases_file_serves_the_new_doors(former: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("mới"))
        await settle(gateway)
        await gateway.reception.note(Happening("post", "an", "w", "withdrew"))
        policy = retention.policy_of(PrivacySection())
        await gateway.store.read(lambda db: retention.due(db, gateway.clock(), policy))

    assert answers(play(former, scene)) == ["“mới”"]


def test_the_former_release_can_go_on_with_the_file(former: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("mới"))

    play(former, scene)
    rows = [line for line in FORMER.read_text(encoding="utf-8").splitlines() if line.startswith("INSERT")]
    with closing(sqlite3.connect(former)) as db:
        for table in ("replies", "messages", "tickets", "links", "conversations"):
            db.execute(f"DELETE FROM {table}")
        db.executescript("\n".join(rows))
        assert db.execute("SELECT text FROM messages ORDER BY seq").fetchall() == [("chào",), ("còn",)]
