"""One patron at one door: what they do, and what they are shown, in the same words for every door."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from connectors import mailbox
from connectors.messages import sentence
from connectors.privacy import still_kept
from connectors.store import deliveries, messages
from tests.doors.house import House
from tests.doors.worlds import at_the_page

ANSWERED_WITHIN_S = 150.0
LOOK_AGAIN_S = 0.02
WAITS = frozenset(sentence("wait", lang) for lang in ("vi", "en"))
NUMBERED = re.compile(r"^(\d+)(?:–\d+)?\. (.+)$", re.MULTILINE)
ADDRESS = re.compile(r"^(.+): (https?://\S+)$", re.MULTILINE)
TYPED = {
    "start": "/start",
    "menu": "/menu",
    "librarian": "/thuthu",
    "privacy": "/privacy",
    "export": "/xuatdulieu",
    "forget": "/xoadulieu",
}


@dataclass(frozen=True)
class Bubble:
    """One message as the patron sees it; `choices` are the titles of what can be chosen there, `links` by title."""

    text: str
    choices: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)


@dataclass(repr=False)
class Visitor:
    """`world` names the library system that is theirs alone. Everything they were shown so far is in `seen`."""

    house: House
    world: str
    seen: list[Bubble] = field(default_factory=list)
    away: bool = False
    used: set[str] = field(default_factory=set)  # log-in pages
    door = ""

    async def say(self, text: str) -> None:
        async with self.answered():
            await self._say(text)

    async def send(self, kind: str) -> None:
        async with self.answered():
            await self._send(kind)

    async def command(self, word: str) -> None:
        async with self.answered():
            await self._command(word)

    async def press(self, title: str) -> None:
        """Press what was last shown under this title; one that was never shown is a forged press."""
        async with self.answered():
            await self._press(title)

    async def repeat(self) -> None:
        """Let the channel deliver the last message once more."""
        await self._repeat()
        await self.settled()

    async def leave(self) -> None:
        self.away = True

    async def come_back(self) -> None:
        self.away = False

    async def log_in(self, card: str, pin: str | None = None) -> None:
        """Log in on the one-time page whose address was shown last."""
        address = self.page()
        if address in self.used:  # one page, one try
            await self.press("Đăng nhập thẻ")
            await self.news()
            address = self.page()
        self.used.add(address)
        typed = at_the_page(card, self.world) | ({"pin": pin} if pin else {})
        async with self.house.standing():
            page = await self.house.web.post(urlsplit(address).path, data=typed)
        assert page.status_code == (403 if pin else 200), page.text
        await self.settled()

    def page(self) -> str:
        """Return the address of the log-in page shown last."""
        return next(link for bubble in reversed(self.seen) for link in bubble.links.values() if "/link/" in link)

    async def take_copy(self) -> None:
        """Take the copy of what is stored from the page shown last, which gives it once."""
        address = next(link for bubble in reversed(self.seen) for link in bubble.links.values() if "/export/" in link)
        async with self.house.standing():
            shown, given, gone = [
                await self.house.web.request(method, urlsplit(address).path) for method in ("GET", "POST", "POST")
            ]
        assert (shown.status_code, given.status_code, gone.status_code) == (200, 200, 410)
        said = [bubble.text for bubble in self.seen if bubble.text]
        assert all(json.dumps(text, ensure_ascii=False)[1:40] in given.text for text in said[:2]), given.text[:500]

    async def check_forgotten(self) -> None:
        """See that nothing is stored of this patron but the answer that says so."""
        mine = await self.conversation()
        kept = await self.house.read(lambda db: still_kept(db, mine))
        allowed = {"conversations": 1, "messages": 1, "replies": 1, "deliveries": 1}
        assert kept.items() <= allowed.items(), kept

    async def link_now(self, card: str) -> None:
        """Be linked from the start, as if long ago."""
        who = await self.house.ils.card_holder(self.world, card)
        name = (await self.house.ils.patron(who)).name
        mine = await self.conversation()
        async with self.house.standing() as gateway:
            await gateway.links.link_now(mine, who, name)

    async def news(self) -> list[Bubble]:
        """Return what came since the last look."""
        if self.away:
            return []
        shown = [bubble for bubble in await self._shown() if bubble.text not in WAITS]
        new = shown[len(self.seen) :]
        self.seen += new
        return new

    async def heard(self) -> dict[str, Any]:
        """Return how the last message was understood."""
        mine, columns = await self.conversation(), (messages.c.intent, messages.c.text)
        last = select(*columns).where(messages.c.conversation_id == mine).order_by(messages.c.seq.desc()).limit(1)
        row = await self.house.read(lambda db: db.execute(last).mappings().first())
        return dict(row) if row else {}

    async def settled(self) -> None:
        """Return when nothing is owed to this patron or on its way to them."""
        mine = await self.conversation()

        def owed(db: Connection) -> bool:
            unanswered = (messages.c.conversation_id == mine) & messages.c.answered_at.is_(None)
            unsent = (deliveries.c.conversation_id == mine) & (deliveries.c.state == "waiting")
            queries = (select(messages.c.id).where(unanswered), select(deliveries.c.reply_id).where(unsent))
            return any(db.scalar(query.limit(1)) is not None for query in queries)

        await self._until(lambda: self.house.read(owed), False)

    async def conversation(self) -> str:
        raise NotImplementedError

    async def _say(self, text: str) -> None:
        raise NotImplementedError

    async def _send(self, kind: str) -> None:
        raise NotImplementedError

    async def _command(self, word: str) -> None:
        raise NotImplementedError

    async def _press(self, title: str) -> None:
        raise NotImplementedError

    async def _repeat(self) -> None:
        raise NotImplementedError

    async def _shown(self) -> list[Bubble]:
        raise NotImplementedError

    @asynccontextmanager
    async def answered(self) -> AsyncIterator[None]:
        """Return when the message sent within has come in, is answered, and the answer is out."""
        mine = await self.conversation()
        last = select(func.max(messages.c.seq)).where(messages.c.conversation_id == mine)
        before = await self.house.read(lambda db: db.scalar(last)) or 0
        yield
        came = messages.c.seq > before

        def arrived(db: Connection) -> bool:
            return db.scalar(select(messages.c.id).where(messages.c.conversation_id == mine, came)) is not None

        await self._until(lambda: self.house.read(arrived), True)
        await self.settled()

    async def _until(self, what: Callable[[], Any], wanted: bool) -> None:
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        while await what() is not wanted:
            assert time.monotonic() < deadline, f"{self.door}: no answer within {ANSWERED_WITHIN_S:.0f} s"
            await asyncio.sleep(LOOK_AGAIN_S)


@dataclass(repr=False)
class PushedVisitor(Visitor):
    address: str = ""

    async def conversation(self) -> str:
        known = await self.house.read(lambda db: mailbox.known_at(db, self.door, self.address))
        return str(known) if known else await self._met()

    async def _met(self) -> str:
        now = self.house.clock()
        async with self.house.standing() as gateway:
            store = gateway.ground.store
            return await store.write(lambda db: mailbox.conversation_at(db, self.door, self.address, now))

    def number_of(self, title: str) -> str | None:
        """Return the number under which the newest text lists this choice."""
        for bubble in reversed(self.seen):
            for number, listed in NUMBERED.findall(bubble.text):
                if listed == title or listed.startswith(f"{title} · "):
                    return str(number)
        return None

    async def _command(self, word: str) -> None:
        await self._say(TYPED[word])


def in_text(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the choices and the links that stand in the text of a message."""
    links = {title: address for title, address in ADDRESS.findall(text)}
    return tuple(listed for _, listed in NUMBERED.findall(text)) + tuple(links), links


def bare(title: str) -> str:
    """Return a button's title without the number of the card that it belongs to."""
    return re.sub(r"^\d+\. ", "", title)
