"""The composition root: builds every object once, introduces them to each other, and serves. Read top to bottom."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from sqlalchemy import select

from bot.actions.base import Services
from bot.actions.roster import all_actions
from connectors import mailbox
from connectors.account import Login, StoredLinks
from connectors.actions import action_app
from connectors.channels.port import Message, Reply, Sent
from connectors.channels.web import web_router
from connectors.clock import Clock, wall_clock
from connectors.console.router import console_router
from connectors.deeds import JournaledDeeds
from connectors.desk import StoredConsents, StoredDesk, StoredPrivacy
from connectors.dialogue import RasaDialogue
from connectors.ils.rules import open_days
from connectors.ils.sqlite import SQLiteILS
from connectors.limits import Allowance
from connectors.linkpage import link_router
from connectors.messages import say
from connectors.processes import NoWiring, Wiring
from connectors.settings import Settings, SettingsError, load_settings
from connectors.store import Store, conversations
from connectors.switchboard import Patience, Switchboard
from connectors.turns import OpenTurns
from connectors.widget.page import page_router
from library.calendar import CalendarError, LibraryCalendar
from library.ils import ILS
from library.ports import Turn
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.index import IndexUnreadable
from retrieval.searcher import AnswerSearcher, Searcher, Sure
from retrieval.storage import StorageError
from retrieval.vectors import VectorStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ground:
    """What stands without anybody asking: databases, index, calendar, library system."""

    store: Store
    ils: ILS
    calendar: LibraryCalendar
    catalogue: Catalogue
    searcher: Searcher
    book: AnswerBook
    answers: AnswerSearcher


def lay_ground(settings: Settings, clock: Clock, ils: ILS | None = None) -> Ground:
    """Return the opened rooms below the conversation; no model is loaded yet. `ils` replaces the configured one."""
    var = settings.files.var
    catalogue, book = Catalogue(var / "catalogue.sqlite"), AnswerBook(var / "answers.sqlite")
    searcher = Searcher.open(var / "index", settings.search.encoder, catalogue)
    vectors = VectorStore(var / "vectors.sqlite")
    answers = AnswerSearcher(book, embedder=searcher.embedder, vectors=vectors, restorer=searcher.index.restorer)
    calendar = LibraryCalendar.load(settings.library.calendar)
    return Ground(
        store=Store(var / "gateway.sqlite"),
        ils=ils or SQLiteILS(settings.ils.path, clock, next_open_day=open_days(calendar)),
        calendar=calendar,
        catalogue=catalogue,
        searcher=searcher,
        book=book,
        answers=answers,
    )


@dataclass(frozen=True)
class Gateway:
    """The built product, for the server, for `thuthu talk` and for tests."""

    action_listener: FastAPI
    ground: Ground
    switchboard: Switchboard
    links: StoredLinks
    dialogue: RasaDialogue
    services: Services

    def warm_up(self) -> None:
        """Load the sentence model and what it needs; the product answers meanwhile, by words alone."""
        self.ground.searcher.warm_up()
        self.ground.answers.warm_up()

    async def close(self) -> None:
        await self.switchboard.close()
        await self.dialogue.close()
        self.ground.store.close()


def action_services(settings: Settings, ground: Ground, turn: Callable[[str], Turn], links: StoredLinks) -> Services:
    """Return what the actions may ask."""
    return Services(
        turn=turn,
        calendar=lambda: ground.calendar,
        ils=ground.ils,
        catalogue=ground.catalogue,
        searcher=ground.searcher,
        answers=lambda: ground.answers,
        answer_book=ground.book,
        links=links,
        deeds=JournaledDeeds(ground.store, ground.ils),
        desk=StoredDesk(ground.store),
        consents=StoredConsents(ground.store),
        privacy=StoredPrivacy(ground.store),
        facts=settings.facts,
        library_name=settings.library.name,
        library_name_en=settings.library.name_en,
    )


def build(settings: Settings, wiring: Wiring, *, clock: Clock = wall_clock, ils: ILS | None = None) -> Gateway:
    """Return the product, built but not yet serving. `ils` replaces the configured one."""
    ground = lay_ground(settings, clock, ils)
    turns = OpenTurns()
    links = StoredLinks(ground.store, ground.ils, clock, settings.public_url)
    services = action_services(settings, ground, turns.of, links)
    dialogue = RasaDialogue(wiring.rasa_url, wiring.rasa_secret)
    switchboard = Switchboard(
        ground.store,
        dialogue,
        turns,
        clock,
        card_pattern=settings.library.card_pattern,
        without_dialogue=_handbook(ground.answers),
        patience=Patience(give_up_s=settings.rasa.understanding_timeout_s),
    )
    listener = action_app(all_actions(services), turns, wiring.action_secret)
    gateway = Gateway(listener, ground, switchboard, links, dialogue, services)
    return gateway


def _handbook(answers: AnswerSearcher) -> Callable[[str, str], Awaitable[tuple[Reply, ...]]]:
    """Return what answers while Rasa is away: a curated answer that surely fits, or an apology."""

    async def without_dialogue(text: str, lang: str) -> tuple[Reply, ...]:
        found = await asyncio.to_thread(answers.ask, text) if text else None
        if not isinstance(found, Sure) or "{" in found.answer.text(lang):
            return (say("fallback", lang),)
        return (say("fallback_answer", lang), Reply(found.answer.text(lang)))

    return without_dialogue


class _Exchange:
    """What the web door asks of the switchboard."""

    def __init__(self, store: Store, switchboard: Switchboard, clock: Clock) -> None:
        self._store = store
        self._switchboard = switchboard
        self._clock = clock

    async def open_conversation(self) -> tuple[str, str]:
        return await self._store.write(lambda db: mailbox.open_conversation(db, "web", self._clock()))

    async def conversation_of(self, token: str) -> str | None:
        return await self._store.read(lambda db: mailbox.conversation_of(db, token))

    async def receive(self, message: Message) -> tuple[str, bool]:
        accepted = await self._switchboard.receive(message)
        return accepted.message_id, accepted.new

    async def replies_to(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]:
        return await self._switchboard.final_for(conversation_id, message_id, wait_s)

    def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        return self._switchboard.follow(conversation_id, after, beat_s)

    async def history(self, conversation_id: str) -> list[dict[str, Any]]:
        return await self._store.read(lambda db: mailbox.history(db, conversation_id))


def web_app(settings: Settings, wiring: Wiring, gateway: Gateway, clock: Clock = wall_clock) -> FastAPI:
    """Return the app that patrons' browsers and librarians reach; serving it also serves the action listener."""
    switchboard, store = gateway.switchboard, gateway.ground.store

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with serving(gateway.action_listener, wiring.action_port):
            threading.Thread(target=gateway.warm_up, name="warm-up", daemon=True).start()
            waiting = await switchboard.recover()
            logger.info("ready; conversations taken up again: %s", waiting)
            yield
            await gateway.close()

    async def on_login(login: Login) -> None:
        if login.conversation_id:
            spoken = select(conversations.c.locale).where(conversations.c.id == login.conversation_id)
            lang = str(await store.read(lambda db: db.scalar(spoken)))
            said = say("link_done", lang, name=login.name) if login.name else say("link_failed", lang)
            await switchboard.notify(login.conversation_id, said)

    allowance = Allowance(clock, per_hour=60)

    async def may_open(request: Request) -> bool:
        return allowance.take(request.client.host if request.client else "")

    app = FastAPI(title="Thủ Thư", version="0.1.0", lifespan=lifespan)
    app.include_router(web_router(_Exchange(store, switchboard, clock), may_open))
    app.include_router(link_router(gateway.links, on_login, library=settings.library.name))
    app.include_router(console_router(store, clock, switchboard.notify, settings.console.session_hours))
    app.include_router(page_router(settings.library.name, settings.library.name_en))
    if settings.web.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.web.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        )

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """Say that this process serves."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operation"])
    async def readyz() -> JSONResponse:
        """Say which parts can answer now: 200 when the dialogue is there, 503 while it is not."""
        parts = {"dialogue": await gateway.dialogue.ready(), "meaning_search": gateway.ground.searcher.warm}
        return JSONResponse(parts, status_code=200 if parts["dialogue"] else 503)

    return app


@contextlib.asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[None]:
    """Serve an app on loopback for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


def main() -> None:
    """Serve the gateway; started by `thuthu run` with the settings file as its argument."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for talkative in ("httpx", "rasa_sdk", "sentence_transformers"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        settings = load_settings(Path(sys.argv[1]))
        wiring = Wiring.from_environment()
        app = web_app(settings, wiring, build(settings, wiring))
    except (SettingsError, NoWiring, CalendarError, StorageError, IndexUnreadable) as exc:
        sys.exit(str(exc))
    web = settings.web
    # Access logs would name conversations and hold link tokens.
    uvicorn.run(app, host=web.host, port=web.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
