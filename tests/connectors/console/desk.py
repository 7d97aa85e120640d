"""A console over a real store and the real hand-over, and what patrons leave there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI
from sqlalchemy import Connection, insert, select

from bot.actions.hours_preview import said_of_day
from connectors import deliveries, mailbox
from connectors.announcing.announcer import Announcer
from connectors.channels.port import Arrival, Button, Card, Message, Reply
from connectors.clock import VIETNAM
from connectors.console.router import console_router
from connectors.console.service import ServiceDoor
from connectors.console.windows import Window, reach
from connectors.curation.bench import Bench
from connectors.curation.inbox import Inbox
from connectors.curation.publisher import Publisher
from connectors.desk import StoredDesk
from connectors.filing.filing import Filing
from connectors.handover import Handover
from connectors.settings import FilesSection, RasaSection, Settings
from connectors.staff import audit
from connectors.store import Store, messages, parked, replies, staff
from connectors.store import deliveries as queued
from connectors.teaching.shop import Shop
from connectors.timetable.desk import CalendarDesk
from connectors.timetable.live import LiveCalendar
from connectors.timetable.versions import Versions
from library.ports import Turn
from retrieval.answering import AnswerSearcher
from retrieval.answers import AnswerBook
from tests.connectors.console.shelf import editing_over

NAME, PASSWORD = "Trần Lan", "một câu đủ dài"
COLLEAGUE = "Lê Minh"
START = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
XSS = "<script>alert('a')</script><b>đậm</b> [x](javascript:alert(1)) \"><img src=x onerror=alert(1)>"
BRANCHES = {"MT": "Mỹ Tho", "CL": "Cao Lãnh"}
IDLE = timedelta(minutes=30)
CALENDAR = Path(__file__).parents[3] / "demo" / "calendar.yml"


@dataclass
class House:
    """The console and everything behind it; `now` is what its clock says."""

    store: Store
    now: datetime = START
    announced: list[str] = field(default_factory=list)
    resent: list[str] = field(default_factory=list)
    ils: Any = None
    windows: dict[str, Window] = field(default_factory=lambda: {"zalo": Window()})
    idle_console: timedelta | None = None
    service: ServiceDoor | None = None

    def __post_init__(self) -> None:
        self.handover = Handover(
            self.store, self.clock, self.announced.append, idle=IDLE, idle_if_unsure=timedelta(minutes=10)
        )
        settings = Settings(
            files=FilesSection(var=self.folder), rasa=RasaSection(model=self.folder / "models/first.tar.gz")
        )
        self.teaching = Shop(settings, self.store, self.clock)
        self.book = AnswerBook(Path(str(self.store.engine.url.database)).with_name("answers.sqlite"))
        self.searcher = AnswerSearcher(self.book)
        bench = Bench(self.store, self.book, self.searcher, self.clock)
        self.publisher = Publisher(self.store, self.book, self.searcher, bench, self.clock)
        self.questions = Inbox(self.store, self.book, self.searcher, self.publisher, self.clock)
        self.editing = editing_over(self.book, self.searcher, self.clock)
        at = Path(str(self.store.engine.url.database)).parent
        versions = Versions(at / "calendar", CALENDAR)
        self.filing = Filing(self.book, versions, at / "taught", at / "exchanged")
        self.calendar_desk = CalendarDesk(versions, LiveCalendar(versions), said_of_day, self.clock)
        self.announcer = Announcer(self.store, self.ils, self.clock, self.reach, self.announced.append)
        self.router: APIRouter = console_router(
            self.store,
            self.clock,
            self.handover,
            10.0,
            resend=self.resent.append,
            windows=self.windows,
            library="Thư viện thử",
            sign_in_takes_s=0,
            teaching=self.teaching,
            editing=self.editing,
            publishing=self.publisher,
            idle=self.idle_console,
            service=self.service,
            branches=lambda: BRANCHES,
            calendar_desk=self.calendar_desk,
            announcer=self.announcer,
            filing=self.filing,
            answer_names=lambda: {answer.key: answer.question for answer in self.book.published()},
            inbox=self.questions,
        )
        self.app = FastAPI()
        self.app.include_router(self.router)

    @property
    def folder(self) -> Path:
        return Path(str(self.store.engine.url.database)).parent

    def reach(self, channel: str, heard_at: datetime, lost_at: datetime | None) -> str:
        return reach(channel, heard_at, lost_at, self.windows, self.now).state

    def clock(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def browser(self, scheme: str = "http") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://library.test")

    async def open(self, words: str = "cho hỏi với", channel: str = "web") -> str:
        """Return a conversation in which a patron has said this and the assistant has answered."""
        if channel == "web":
            conversation_id, _ = await self.store.write(lambda db: mailbox.open_conversation(db, "web", self.now))
        else:
            arrival = Arrival(channel, f"user-{self.now.timestamp()}", "first", "text", "")
            conversation_id = await self.store.write(
                lambda db: mailbox.conversation_at(db, channel, arrival.address, self.now)
            )
        await self.hear(conversation_id, words)
        await self.answer(conversation_id, Reply("Mình nghe đây."))
        return conversation_id

    async def hear(self, conversation_id: str, words: str, kind: Any = "text") -> str:
        """Let the patron say this; return the message's id."""

        def accept(db: Connection) -> str:
            deliveries.found_again(db, conversation_id, self.now)
            message = Message(conversation_id, f"{self.now.timestamp()}{words}", kind, words)
            return mailbox.accept(db, message, frozenset(), self.now).message_id

        return await self.store.write(accept)

    async def answer(self, conversation_id: str, *said: Reply) -> int:
        """Let the assistant say this; return the reply's id."""
        return await self.store.write(
            lambda db: mailbox.send(db, conversation_id, None, "notice", list(said), self.now)
        )

    async def ask_for_person(self, conversation_id: str, reason: str = "asked") -> int:
        """Let the patron ask for a librarian; return the ticket's number."""
        message_id = await self.hear(conversation_id, f"cho mình gặp thủ thư với, từ {self.now:%H:%M}")
        turn = Turn(conversation_id, message_id, "web", self.now)
        return (await StoredDesk(self.store).ticket(turn, reason)).number

    async def waiting(self, words: str = "cho hỏi với", channel: str = "web", reason: str = "asked") -> str:
        """Return a conversation that waits for a librarian."""
        conversation_id = await self.open(words, channel)
        await self.ask_for_person(conversation_id, reason)
        return conversation_id

    async def bury(self, reply_id: int, reason: str) -> None:
        """Let a queued reply be a dead letter."""
        values = {"state": "dead", "reason": reason, "changed_at": self.now.isoformat()}
        row = queued.update().where(queued.c.reply_id == reply_id).values(values)
        await self.store.write(lambda db: db.execute(row))

    async def full_of(self, words: str) -> str:
        """Let everybody who can leave words anywhere leave these; return the conversation that is full of them."""
        conversation_id = await self.waiting(words, "zalo", reason=words)
        await self.answer(conversation_id, Reply(words, (Button(words, "/x"),), (Card(words, words, (words,)),)))
        await self.hear(conversation_id, words, "command")
        await self.hear(conversation_id, words, "attachment")
        await self.handover.say_as_person(conversation_id, words, words, "key-1")
        await self.bury(await self.answer(conversation_id, Reply(words)), words)
        turn, desk = Turn(conversation_id, "m1", "zalo", self.now), StoredDesk(self.store)
        asked = await self.hear(conversation_id, words)
        await desk.unanswered(Turn(conversation_id, asked, "zalo", self.now), words, words)
        await self.store.write(lambda db: db.execute(messages.update().values(answered_at=self.now.isoformat())))
        await self.questions.collect()
        await desk.suggest_purchase(turn, words, words)
        await desk.feedback(turn, words, words)
        row = {"channel": words, "reason": words, "body": words, "size": 9, "parked_at": self.now.isoformat()}
        await self.store.write(lambda db: db.execute(insert(parked).values(row)))
        await self.store.write(lambda db: audit.note(db, words, words, words, {words: words}, self.now))
        account = {"name": words, "password_hash": "-", "role": "reader", "created_at": self.now.isoformat()}
        await self.store.write(lambda db: db.execute(insert(staff).values(**account, email=words, branches=[words])))
        return conversation_id

    def said(self, conversation_id: str, kind: str = "person") -> list[str]:
        """Return what was said to the patron: by librarians, or in notices."""
        mine = select(replies.c.body).where(replies.c.conversation_id == conversation_id, replies.c.kind == kind)
        bodies = self.store.read_now(lambda db: db.scalars(mine.order_by(replies.c.id)).all())
        return [reply["text"] for body in bodies for reply in body]

    def read(self, query: Callable[[Connection], Any]) -> Any:
        return self.store.read_now(query)


@dataclass
class Librarian:
    """Somebody signed in at a browser of their own."""

    browser: httpx.AsyncClient

    async def see(self, path: str) -> httpx.Response:
        return await self.browser.get(f"/console/{path}")

    async def conversation(self, conversation_id: str) -> Sheet:
        return Sheet(self, conversation_id, await self.see(f"conversations/{conversation_id}"))


@dataclass
class Sheet:
    """A conversation as one librarian's page showed it when it was drawn."""

    by: Librarian
    conversation_id: str
    page: httpx.Response

    @property
    def text(self) -> str:
        return self.page.text

    async def press(self, deed: str, **more: str) -> httpx.Response:
        """Send the page's form for reply, take, give-back or close."""
        form = re.search(rf'action="[^"]*/{deed}"[^>]*>(.*?)</form>', self.text, re.DOTALL)
        assert form, f"the page has no form for {deed}"
        fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[1])}
        path = f"/console/conversations/{self.conversation_id}/{deed}"
        return await self.by.browser.post(path, data={**fields, **more})


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, f"the page has no hidden {name}"
    return unescape(found[1])


def plain(page: httpx.Response) -> str:
    """Return what the page says, without its tags, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


async def sign_in(browser: httpx.AsyncClient, password: str = PASSWORD, name: str = NAME) -> httpx.Response:
    page = await browser.get("/console/sign-in")
    form = {"csrf": hidden(page, "csrf"), "name": name, "password": password, "next": ""}
    return await browser.post("/console/sign-in", data=form)
