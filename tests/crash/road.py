"""The message road without models: the product's own store, switchboard, deliverer, doors and deeds between scripted
patrons at three doors, scripted librarians, a scripted dialogue, a small library system, and simulated channels."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any

from sqlalchemy import select

from connectors import mailbox
from connectors.housekeeping import keep_house
from connectors.store import Store, messages
from tests.crash.dialogue import ScriptedDialogue
from tests.crash.files import Files, entries, note
from tests.crash.house import SECRET, House, Point
from tests.crash.library_system import SmallLibrary
from tests.crash.script import (
    LIBRARIAN,
    LOANS,
    LOSES_REPLY_OF,
    PATRONS,
    Line,
    Patron,
    librarian_says,
)
from tests.crash.street import CHAT, Street, TelegramStreet, WebStreet, ZaloStreet
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Fault, Zalo
from tests.virtual_time import A_MICROSECOND, START, VirtualLoop

LOOK_S = (0.1, 0.3, 0.6, 1.0, 3.0, 10.0)  # after how long somebody who waits looks again
A_NUMBER_AFTER_S = 60.0
A_DAY_S = 86_400.0
ECHO_AFTER_RESTART_S = 27.0  # with three seconds of being away: the first retry of a webhook comes after thirty
FAULTS_AT_S = (0.5, 12.0, 700.0, 1500.0)


class RoadLoop(VirtualLoop):
    """A virtual loop on which no timer rings in the instant in which it is set.

    A rate limiter whose sum is short of one by a rounding error would set it again and again, and time would stop.
    """

    def call_at(self, when: float, *what: Any, **how: Any) -> asyncio.TimerHandle:
        return super().call_at(max(when, self.time() + A_MICROSECOND), *what, **how)


class OperatorNeeded(BaseException):
    """The pair of Zalo's tokens was lost; a person has put a new one into the settings and starts the product again."""


@dataclass(frozen=True)
class Weather:
    """How this run differs from others: who is how fast, what the channels refuse."""

    seed: int
    generation: int

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {self.generation} {what}")

    @property
    def buttons_at_zalo(self) -> bool:
        return self.seed % 3 != 2

    @property
    def echo(self) -> str:
        return "before" if self.seed % 2 else "after"


def set_up(files: Files) -> None:
    """Make the databases as they stand before the first message: browsers' conversations, a loan for each patron."""
    store = Store(files.gateway)
    for patron in _at("web"):
        opened = store.write_now(lambda db: mailbox.open_conversation(db, "web", START))
        note(files.browsers, {"patron": patron.name, "conversation": opened[0], "token": opened[1]})
    store.close()
    due = {loan: (f"patron of {name}", START + timedelta(days=3)) for name, loan in LOANS.items()}
    SmallLibrary(files.library).open(due)
    server = TelegramServer(journal=files.telegram)
    server.state.record("hook", url="https://thuvien.example/telegram/webhook", secret=SECRET, connections=40)
    server.state.close()


async def play(loop: VirtualLoop, files: Files, point: Point, weather: Weather) -> None:
    """Run the product from its start until every patron has done all, is answered, and nothing is on its way.

    Raises OperatorNeeded when the product has to be started anew with a new token.
    """
    town = Town(loop, files, point, weather)
    try:
        await town.live()
    finally:
        await town.close()


class Town:
    """One life of the gateway, and everybody around it."""

    def __init__(self, loop: VirtualLoop, files: Files, point: Point, weather: Weather) -> None:
        clock, chance = loop.clock, weather.chance
        self._files, self._weather, self._clock = files, weather, clock
        twice = partial(lambda one: one.random() < 0.15, chance("twice"))
        self.telegram = TelegramServer(deliver=self._to_telegram_door, journal=files.telegram, clock=clock, twice=twice)
        self.zalo = Zalo(clock, self._to_zalo_door, journal=files.zalo)
        self.zalo.rules.buttons = self.zalo.rules.lists = weather.buttons_at_zalo
        self.zalo.rules.echo = weather.echo  # type: ignore[assignment]
        self.zalo.webhooks.disturb = partial(_disturbed, chance("disturb"))
        self._operator: asyncio.Future[None] = loop.create_future()
        given = [one["token"] for one in entries(files.staff) if "token" in one]
        self.house = House(
            files,
            clock,
            self.telegram,
            self.zalo,
            ScriptedDialogue,
            settings_token=given[-1] if given else self.zalo.first_refresh_token,
            alarm=self._alarm,
            point=point,
            loses_reply_of=LOSES_REPLY_OF,
        )
        self.web = WebStreet(files, self.house.app)
        self.streets: Mapping[str, Street] = {
            "web": self.web,
            "telegram": TelegramStreet(files, self.telegram),
            "zalo": ZaloStreet(files, self.zalo, chance("delays")),
        }
        self._beside: list[asyncio.Task[Any]] = []

    async def _to_telegram_door(self, headers: Mapping[str, str], body: bytes) -> int:
        return await self.house.take_from_telegram(headers, body)

    async def _to_zalo_door(self, headers: Mapping[str, str], body: bytes) -> int:
        return await self.house.take_from_zalo(headers, body)

    def _alarm(self, channel: str, reason: str) -> None:
        """Let the operator get a new token from Zalo, which needs the product to be started again."""
        if reason == "zalo_token" and not self._operator.done():
            given = f"refresh-by-hand-{self._clock().timestamp()}"
            self.zalo.issue(given)
            note(self._files.staff, {"token": given})
            self._operator.set_exception(OperatorNeeded())

    # --- one life ---

    async def live(self) -> None:
        await self.house.recover()
        self.telegram.resume()
        self.zalo.resume(ECHO_AFTER_RESTART_S)
        self._beside = [
            asyncio.create_task(keep_house({timedelta(minutes=1): [self.house.handover.return_the_idle]})),
            asyncio.create_task(self._faults()),
            *(asyncio.create_task(self._browse(patron)) for patron in _at("web")),
        ]
        everybody = asyncio.gather(
            *(self._patron(patron) for patron in PATRONS.values()),
            *(self._librarian(patron) for patron in PATRONS.values() if patron.role in LIBRARIAN),
        )
        both = {everybody, self._operator}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED, timeout=A_DAY_S)
        if not everybody.done():
            everybody.cancel()
            if self._operator.done():
                self._operator.result()
            raise AssertionError(f"these wait for ever: {self._undone()}")
        await everybody
        await self._until_quiet()
        left = self.house.left_in_memory()
        assert not left, f"still in memory when all is answered: {left}"

    async def close(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.telegram.close()
        await self.zalo.close()
        await self.house.close()

    async def _until_quiet(self) -> None:
        """Return when nothing is on its way: the last copy of a webhook comes after an hour."""
        for _ in range(2):
            await self.telegram.courier.idle()
            await self.zalo.webhooks.idle()
            await self.house.idle()
        await asyncio.sleep(1.0)

    def _undone(self) -> list[str]:
        """Return what patrons still wait to do, and what they see meanwhile."""
        done = self._files.keys()
        return [
            f"{patron.mark(line)} sees {self.streets[patron.door].shown(patron)[-3:]}"
            for patron in PATRONS.values()
            for line in patron.lines
            if patron.mark(line) not in done
        ]

    # --- who lives here ---

    async def _patron(self, patron: Patron) -> None:
        """Do each line that was not done yet, in order."""
        done, street = self._files.keys(), self.streets[patron.door]
        if self._weather.generation and patron.door == "zalo" and not patron.mixed:
            # What was on its way when the crash came arrives first, or these words would come in another order.
            await asyncio.sleep(ECHO_AFTER_RESTART_S + 1.0)
        for line in patron.lines:
            if patron.mark(line) in done:
                continue
            if line.when:
                await _until(partial(_saw, street, patron, line.when))
            await asyncio.sleep(line.after_s)
            if line.presses and not line.words and patron.door != "web":
                await asyncio.sleep(A_NUMBER_AFTER_S)
            await street.do(patron, line)

    async def _browse(self, patron: Patron) -> None:
        """Follow what is said, from where this browser had got to."""
        conversation, _token = self.web.opened[patron.name]
        async for sent in self.house.switchboard.follow(conversation, self.web.last_seen(patron), 3600.0):
            if sent is not None:
                self.web.see(patron, sent)

    async def _librarian(self, patron: Patron) -> None:
        """Answer this patron, one of them in Zalo's own console; who asked for a librarian is given back afterwards."""
        words, did = librarian_says(patron), {(one.get("patron"), one.get("did")) for one in entries(self._files.staff)}
        conversation = await self._conversation_that_waits(patron)
        if (patron.name, "spoke") not in did:
            if patron.door == "zalo" and patron.role == "beside":
                self.zalo.staff_says(str(CHAT[patron.name]), words)
            else:
                await self.house.handover.say_as_person(conversation, "thủ thư", words, f"form of {patron.name}")
            self._did(patron, "spoke")
        if patron.role == "handed" and (patron.name, "gave back") not in did:
            await self._until_answered(conversation, patron.lines[1])
            await self.house.handover.give_back(conversation)
            self._did(patron, "gave back")

    def _did(self, patron: Patron, what: str) -> None:
        note(self._files.staff, {"patron": patron.name, "did": what})

    async def _conversation_that_waits(self, patron: Patron) -> str:
        """Return the patron's conversation once it has an open ticket, or for who asked for none, a first answer."""
        street, first = self.streets[patron.door], patron.lines[0]
        await _until(partial(_saw, street, patron, first.tells))
        if patron.door == "web":
            return self.web.opened[patron.name][0]
        return str(await self.house.store.read(lambda db: mailbox.known_at(db, patron.door, str(CHAT[patron.name]))))

    async def _until_answered(self, conversation: str, line: Line) -> None:
        said = (messages.c.conversation_id == conversation) & messages.c.text.startswith(f"{line.words} ~")
        answered = select(messages.c.answered_at).where(said)
        while not await self.house.store.read(lambda db: db.scalar(answered)):
            await asyncio.sleep(LOOK_S[-1])

    async def _faults(self) -> None:
        """Let the channels refuse now and then, each in every way that passes."""
        for at_s, telegram, zalo in zip(FAULTS_AT_S, TELEGRAM_FAULTS, ZALO_FAULTS, strict=True):
            await asyncio.sleep(at_s)
            telegram(self.telegram)
            self.zalo.faults.extend(zalo)


TELEGRAM_FAULTS: tuple[Callable[[TelegramServer], None], ...] = (
    lambda server: server.refuse("sendMessage", 429, "Too Many Requests: retry after 3", times=2, retry_after=3),
    lambda server: server.refuse("sendMessage", 500, "Internal Server Error"),
    lambda server: server.break_line("sendMessage", ConnectionError("the line is cut")),
    lambda server: server.refuse("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1),
)
ZALO_FAULTS = (
    (Fault(error=-32), Fault(error=-200)),
    (Fault(status=502, done=True),),  # it arrived, and the answer was lost
    (Fault(error=-216),),  # the token ended before its time: it is renewed
    (Fault(error=-32),),
)


def _at(door: str) -> list[Patron]:
    return [patron for patron in PATRONS.values() if patron.door == door]


def _disturbed(chance: random.Random) -> tuple[float, ...]:
    """Return after how long each copy of an echo comes."""
    return chance.choice(((0.0,), (0.0,), (0.4,), (0.0, 0.1), (0.0, 3600.0)))


async def _until(what: Callable[[], bool]) -> None:
    for look_s in chain(LOOK_S, repeat(LOOK_S[-1])):
        if what():
            return
        await asyncio.sleep(look_s)


def _saw(street: Street, patron: Patron, beginnings: tuple[str, ...]) -> bool:
    return any(text.startswith(beginnings) for text in street.shown(patron))
