"""An hour of webhooks, sent a hundred times in any order, has the effects of the hour: each message is stored, answered
and sent once, each deed done once."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from connectors.channels.port import Reply
from connectors.deeds import JournaledDeeds
from connectors.desk import StoredDesk
from connectors.mailbox import Answer, Stored
from connectors.privacy import StoredPrivacy
from library.ils import PatronRef
from library.ports import Turn
from tests.crash.files import Files
from tests.crash.house import SECRET, House
from tests.crash.library_system import SmallLibrary
from tests.crash.road import RoadLoop
from tests.replay.hour import ADDRESSES, AT_TELEGRAM, AT_ZALO, NAMES, WITH_STAFF, WITHDREW, Hour, live_through
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Zalo
from tests.virtual_time import START

TIMES = 100
AT_ONCE = 25  # deliveries that come in the same moment


class Doer:
    """A dialogue that does at once what it is told, and counts what it was asked."""

    def __init__(self, deeds: JournaledDeeds, desk: StoredDesk, _privacy: StoredPrivacy) -> None:
        self._deeds = deeds
        self._desk = desk
        self.asked: Counter[str] = Counter()

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        self.asked[message.text] += 1
        name = message.text.rpartition("~")[2]
        who = PatronRef(name)
        if message.text.startswith("gia hạn"):
            await self._deeds.renew(turn, who, [f"loan of {name}"])
        elif message.text.startswith("giữ chỗ"):
            await self._deeds.place_hold(turn, who, message.text, None)
        elif message.text.startswith("gặp thủ thư"):
            await self._desk.ticket(turn, "asked")
        return Answer((Reply(f"Xong: {message.text}"),), message.tracker, intent="done")


class World:
    def __init__(self, loop: RoadLoop, folder: Path) -> None:
        self.files, self.hour = Files(folder), Hour()
        clock = loop.clock
        self.telegram = TelegramServer(deliver=partial(self.hour.keep, "telegram"), clock=clock)
        self.telegram.state.record("hook", url="https://thuvien.example/", secret=SECRET, connections=100)
        self.zalo = Zalo(clock, partial(self.hour.keep, "zalo"))
        due = {f"loan of {name}": (name, START + timedelta(days=3)) for name in NAMES.values()}
        SmallLibrary(self.files.library).open(due)
        token = self.zalo.first_refresh_token
        self.dialogue: Doer

        def dialogue(*services: Any) -> Doer:
            self.dialogue = Doer(*services)
            return self.dialogue

        self.house = House(self.files, clock, self.telegram, self.zalo, dialogue, settings_token=token)
        self.statuses: Counter[int] = Counter()

    async def live(self, seed: int) -> None:
        await live_through(self.hour, self.telegram, self.zalo)
        self.zalo.webhooks.deliver = self.house.take_from_zalo  # from now on: echoes of what the gateway sends
        again = self.hour.webhooks * TIMES
        random.Random(seed).shuffle(again)
        take = {"telegram": self.house.take_from_telegram, "zalo": self.house.take_from_zalo}
        for start in range(0, len(again), AT_ONCE):
            together = again[start : start + AT_ONCE]
            self.statuses.update(await asyncio.gather(*(take[one.door](one.headers, one.body) for one in together)))
        await self.zalo.webhooks.idle()
        await self.house.idle()
        await self.zalo.webhooks.idle()

    async def close(self) -> None:
        await self.telegram.close()
        await self.zalo.close()
        await self.house.close()

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.files.gateway)) as db:
            return db.execute(query).fetchall()

    def shown(self, address: str) -> list[str]:
        return self.telegram.texts(int(address)) if address in AT_TELEGRAM else self.zalo.texts(address)


def replayed(tmp_path: Path) -> World:
    loop = RoadLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:

        async def main() -> World:
            world = World(loop, tmp_path)
            try:
                await world.live(seed=20261001)
            finally:
                await world.close()
            return world

        return runner.run(main())


def test_an_hour_of_webhooks_a_hundred_times_in_any_order_has_one_effect_each(tmp_path: Path) -> None:
    world = replayed(tmp_path)
    hour = world.hour
    print(f"{len(hour.webhooks)} webhooks, {sum(world.statuses.values())} deliveries")
    assert len(hour.webhooks) >= 200
    assert world.statuses == {200: len(hour.webhooks) * TIMES}
    _each_message_is_stored_and_answered_once(world)
    _each_deed_is_done_once(world)
    _each_answer_is_shown_once(world)
    [(spoken,)] = world.rows("select count(*) from replies where kind = 'person'")
    assert spoken == hour.spoken_by_others
    [(parked,)] = world.rows("select count(*) from parked")
    assert parked == hour.unreadable


def _each_message_is_stored_and_answered_once(world: World) -> None:
    stored = Counter(
        address
        for (address,) in world.rows("select address from messages join conversations c on c.id = conversation_id")
    )
    finals = Counter(
        address
        for (address,) in world.rows(
            "select address from replies join conversations c on c.id = conversation_id where kind = 'final'"
        )
    )
    for address in set(ADDRESSES) - {WITHDREW}:
        said = len(world.hour.words.get(address, ())) + world.hour.others.get(address, 0)
        assert (stored[address], finals[address]) == (said, said), address
        for text in world.hour.words.get(address, ()):
            assert world.dialogue.asked[text] <= 1
            assert world.dialogue.asked[text] == 1 or address in WITH_STAFF, text
    assert all(times == 1 for times in world.dialogue.asked.values())


def _each_deed_is_done_once(world: World) -> None:
    said = [(address, text) for address, texts in world.hour.words.items() if address != WITHDREW for text in texts]
    with closing(sqlite3.connect(world.files.library)) as db:
        writes = [row for row in db.execute("select kind, patron_id, what from writes") if row[1] != NAMES[WITHDREW]]
    renewals = Counter(NAMES[address] for address, text in said if text.startswith("gia hạn"))
    assert Counter(patron for kind, patron, _ in writes if kind == "renew") == renewals
    holds = sorted((NAMES[address], text) for address, text in said if text.startswith("giữ chỗ"))
    assert sorted((patron, what) for kind, patron, what in writes if kind == "hold") == holds
    tickets = [
        row[0] for row in world.rows("select address from tickets join conversations c on c.id = conversation_id")
    ]
    asked = {address for address, text in said if text.startswith("gặp thủ thư")}
    assert sorted(one for one in tickets if one != WITHDREW) == sorted(asked)
    assert min(len(renewals), len(holds), len(asked)) > 0


def _each_answer_is_shown_once(world: World) -> None:
    for address in set(ADDRESSES) - {WITHDREW}:
        shown = Counter(world.shown(address))
        answered = [text for text in world.hour.words.get(address, ()) if world.dialogue.asked[text]]
        told = Counter(f"Xong: {text}" for text in answered)
        seen = Counter({text: times for text, times in shown.items() if text.startswith("Xong: ")})
        assert seen == told if address not in WITH_STAFF else seen <= told, address
        assert all(text.endswith(f"~{NAMES[address]}") for text in seen)
    [(unsent,)] = world.rows("select count(*) from deliveries where state != 'sent'")
    assert unsent == 0
    assert set(AT_ZALO) | set(AT_TELEGRAM) == set(ADDRESSES)
