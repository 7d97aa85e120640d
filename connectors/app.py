"""The composition root: builds every object once, introduces them to each other, and serves. Read top to bottom."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import uvicorn
import yaml
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from bot.actions.base import Services
from bot.actions.curated import utterance, variables
from bot.actions.hours_preview import said_of_day
from bot.actions.roster import all_actions
from connectors.account import StoredLinks
from connectors.actions import action_app
from connectors.alarms import Alarms
from connectors.announcing.announcer import Announcer
from connectors.announcing.audience import Reaching
from connectors.announcing.wishes import Wishes
from connectors.answerer import Patience, first_of
from connectors.availability import RememberingILS
from connectors.channels.port import Reply
from connectors.channels.web import web_router
from connectors.clock import Clock, wall_clock
from connectors.console.router import console_router
from connectors.console.service import BACK, ServiceDoor
from connectors.console.windows import Window, reach
from connectors.curation.bench import Bench
from connectors.curation.editing import Editing
from connectors.curation.inbox import Inbox
from connectors.curation.links import Links
from connectors.curation.previews import frames_of
from connectors.curation.publisher import Publisher
from connectors.deeds import JournaledDeeds
from connectors.delivery import Deliverer
from connectors.desk import StoredConsents, StoredDesk
from connectors.dialogue import RasaDialogue
from connectors.doors import Doors, open_doors, staff_alerts
from connectors.exchange import WebExchange
from connectors.filing.filing import Filing
from connectors.following import follow
from connectors.guardian import Childhood
from connectors.handover import Handover
from connectors.housekeeping import Chore, keep_house
from connectors.ils.opening import open_ils
from connectors.ils.rules import open_days
from connectors.limits import Allowance
from connectors.linkpage import link_router
from connectors.logins import Logins
from connectors.messages import say
from connectors.models import Models, run_of
from connectors.numbers.daily import DailyNumbers
from connectors.numbers.effects import Watch
from connectors.privacy import StoredPrivacy
from connectors.privacy_words import Keeper, PrivacyWords
from connectors.privacypage import privacy_router
from connectors.processes import NoWiring, Wiring
from connectors.reception import DoorReception
from connectors.reminding.reminder import Reminder, Rules
from connectors.reminding.stopping import Stopping
from connectors.retention import policy_of, sweep_all
from connectors.settings import Settings, SettingsError, load_settings
from connectors.shelving import CatalogueShelf
from connectors.staff.oidc import SignInService
from connectors.store import Store
from connectors.switchboard import Switchboard
from connectors.teaching.shop import Shop
from connectors.timetable.desk import CalendarDesk
from connectors.timetable.live import LiveCalendar
from connectors.timetable.versions import Versions
from connectors.turns import OpenTurns
from connectors.widget.page import page_router
from library.calendar import CalendarError
from library.ils import ILS
from library.phrasing import Lang
from library.ports import Turn
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.embedder import Embedder, EmbedderUnavailable, open_embedder
from retrieval.index import IndexUnreadable
from retrieval.searcher import AnswerSearcher, Searcher, Sure
from retrieval.storage import StorageError
from retrieval.vectors import VectorStore

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
MESSAGES_PER_HOUR, MESSAGES_AT_ONCE = 1200, 40  # of one patron; beyond that they are asked to write slower


@dataclass(frozen=True)
class Ground:
    """What stands without anybody asking: databases, index, calendar, library system."""

    store: Store
    ils: ILS
    calendar: LiveCalendar
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
    embedder = _answers_embedder(settings, searcher)
    answers = AnswerSearcher(book, embedder=embedder, vectors=vectors, restorer=searcher.index.restorer)
    calendar = LiveCalendar(calendar_versions(settings))
    shelf = CatalogueShelf(catalogue, calendar, var / "barcodes.sqlite")

    def opened() -> ILS:
        return open_ils(settings, clock, shelf, next_open_day=lambda day: open_days(calendar())(day))

    return Ground(
        store=Store(var / "gateway.sqlite"),
        ils=ils or cast(ILS, RememberingILS(opened(), clock)),
        calendar=calendar,
        catalogue=catalogue,
        searcher=searcher,
        book=book,
        answers=answers,
    )


def calendar_versions(settings: Settings) -> Versions:
    """Return the saved calendars; the configured file is what they begin with."""
    return Versions(settings.files.var / "calendar", settings.library.calendar)


def filing_over(settings: Settings, book: AnswerBook) -> Filing:
    """Return what writes and reads the library's files."""
    var = settings.files.var
    return Filing(book, calendar_versions(settings), var / "taught", var / "exchanged")


def _answers_embedder(settings: Settings, searcher: Searcher) -> Embedder | None:
    """Return the model for answers: the records' own when it is the same, or when the one set is not on this disk."""
    if settings.search.answers_encoder == settings.search.encoder:
        return searcher.embedder
    try:
        return open_embedder(settings.search.answers_encoder)
    except EmbedderUnavailable as exc:
        logger.warning("answers are found with the records' encoder: %s", exc)
        return searcher.embedder


@dataclass(frozen=True)
class Gateway:
    """The built product, for the server, for `thuthu talk` and for tests."""

    action_listener: FastAPI
    ground: Ground
    switchboard: Switchboard
    deliverer: Deliverer
    handover: Handover
    reception: DoorReception
    doors: Doors
    links: StoredLinks
    privacy: StoredPrivacy
    dialogue: RasaDialogue
    services: Services
    publisher: Publisher
    chores: Mapping[timedelta, Sequence[Chore]]
    alarms: Alarms
    close_alerts: Callable[[], Awaitable[None]]
    calendar_desk: CalendarDesk
    announcer: Announcer
    reminder: Reminder
    inbox: Inbox

    def warm_up(self) -> None:
        """Load the sentence model and what it needs; the product answers meanwhile, by words alone."""
        self.ground.searcher.warm_up()
        self.ground.answers.warm_up()

    async def close(self) -> None:
        """Stop taking in, answering and sending, in this order; what is not done stays stored."""
        await self.doors.stop()
        await self.reception.close()
        await self.switchboard.close()
        await self.deliverer.close()
        await self.doors.close()
        await self.alarms.close()
        await self.close_alerts()
        await self.dialogue.close()
        await self.ground.ils.close()
        self.ground.store.close()


def action_services(
    settings: Settings,
    ground: Ground,
    turn: Callable[[str], Turn],
    links: StoredLinks,
    desk: StoredDesk,
    privacy: StoredPrivacy,
) -> Services:
    """Return what the actions may ask."""
    return Services(
        turn=turn,
        calendar=ground.calendar,
        ils=ground.ils,
        catalogue=ground.catalogue,
        searcher=ground.searcher,
        answers=lambda: ground.answers,
        answer_book=ground.book,
        links=links,
        deeds=JournaledDeeds(ground.store, ground.ils),
        desk=desk,
        consents=StoredConsents(ground.store),
        privacy=privacy,
        facts=settings.facts,
        library_name=settings.library.name,
        library_name_en=settings.library.name_en,
    )


def build(settings: Settings, wiring: Wiring, *, clock: Clock = wall_clock, ils: ILS | None = None) -> Gateway:
    """Return the product, built but not yet serving. `ils` replaces the configured one."""
    ground = lay_ground(settings, clock, ils)
    store, turns = ground.store, OpenTurns()
    tell, close_alerts = staff_alerts(settings.alerts)
    alarms = Alarms(tell, f"{settings.public_url}/console")
    doors = open_doors(settings, store, clock, alarms.door_shut)
    deliverer = Deliverer(store, doors.push, clock, alarm=alarms.door_shut)
    links = StoredLinks(
        store,
        ground.ils,
        clock,
        settings.public_url,
        childhood=Childhood(settings.accounts.adult_age, settings.accounts.minor_categories),
        unused_days=settings.accounts.unused_days,
    )
    privacy = StoredPrivacy(store, settings.public_url)
    words = PrivacyWords(_keeper(settings), privacy)
    wishes, stopping = Wishes(store), Stopping(store)
    desk = StoredDesk(store, alarms.ticket)
    services = action_services(settings, ground, turns.of, links, desk, privacy)
    dialogue = RasaDialogue(wiring.rasa_url, wiring.rasa_secret)
    switchboard = Switchboard(
        store,
        dialogue,
        turns,
        clock,
        card_pattern=settings.library.card_pattern,
        without_dialogue=_handbook(ground.answers, clock),
        own_words={"privacy": words.privacy, "export": words.export, **wishes.own_words, **stopping.own_words},
        own_text=first_of(stopping.own_text, wishes.own_text),
        first_contact=words.first_contact,
        announce=deliverer.wake,
        patience=Patience(give_up_s=settings.rasa.understanding_timeout_s),
        allowance=Allowance(clock, MESSAGES_PER_HOUR, MESSAGES_AT_ONCE),
    )
    announcer = Announcer(store, ground.ils, clock, _reaching(settings, clock), switchboard.announce)
    reminder = Reminder(
        store,
        ground.ils,
        clock,
        _reaching(settings, clock),
        _place_names(ground),
        switchboard.announce,
        Rules(settings.reminders.on, settings.reminders.at, settings.reminders.per_minute),
    )
    handover = Handover(
        store,
        clock,
        switchboard.announce,
        idle=timedelta(minutes=settings.handoff.idle_minutes),
        idle_if_unsure=timedelta(minutes=settings.handoff.strange_echo_minutes),
    )
    reception = DoorReception(
        store,
        switchboard,
        handover,
        doors.push,
        clock,
        card_pattern=settings.library.card_pattern,
        first_contact=words.first_contact,
        accepted=Logins(links, store, switchboard).take_along,
    )
    bench = Bench(store, ground.book, ground.answers, clock, settings.library.card_pattern)
    process = f"{settings.web.host}:{settings.web.port}"
    publisher = Publisher(store, ground.book, ground.answers, bench, clock, process)
    inbox = Inbox(store, ground.book, ground.answers, publisher, clock, ground.answers.embedder)
    return Gateway(
        action_listener=action_app(all_actions(services), turns, wiring.action_secret),
        ground=ground,
        switchboard=switchboard,
        deliverer=deliverer,
        handover=handover,
        reception=reception,
        doors=doors,
        links=links,
        privacy=privacy,
        dialogue=dialogue,
        services=services,
        publisher=publisher,
        chores={
            timedelta(seconds=15): [publisher.publish_due, publisher.tell_alive],
            timedelta(minutes=1): [handover.return_the_idle, announcer.send_waiting, reminder.remind, inbox.collect],
            timedelta(minutes=10): [DailyNumbers(store, clock, _is_open(ground)).count_new],
            timedelta(hours=6): [Watch(store, ground.book, clock).mark_worse],
            timedelta(hours=1): [
                links.end_unused,
                partial(sweep_all, store, clock, policy_of(settings.privacy)),
                inbox.tidy,
            ],
        },
        alarms=alarms,
        close_alerts=close_alerts,
        calendar_desk=CalendarDesk(calendar_versions(settings), ground.calendar, said_of_day, clock),
        announcer=announcer,
        reminder=reminder,
        inbox=inbox,
    )


def _place_names(ground: Ground) -> Callable[[str, Lang], str]:
    """Return what names a branch by its code."""

    def named(code: str, lang: Lang) -> str:
        branches = {branch.code: branch.name for branch in ground.calendar().branches}
        return branches[code].to(lang) if code in branches else code or ground.calendar().branches[0].name.to(lang)

    return named


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_open(ground: Ground) -> Callable[[datetime], bool]:
    """Return what says whether any branch was open at a moment."""

    def is_open(moment: datetime) -> bool:
        calendar = ground.calendar()
        return any(calendar.open_at(moment, branch.code) for branch in calendar.branches)

    return is_open


async def _follow_the_model(settings: Settings, wiring: Wiring, dialogue: RasaDialogue) -> None:
    run, secret = run_of(wiring.rasa_secret), wiring.rasa_secret
    await follow(Models(settings), dialogue, run, secret, wiring.rasa_port)


def _windows(settings: Settings) -> Mapping[str, Window]:
    paid = settings.zalo and settings.zalo.paid
    return {"zalo": Window(paid=timedelta(days=7) if paid else None)}


def _editing(settings: Settings, gateway: Gateway, clock: Clock) -> Editing:
    """Return the editor's desk; it shows answers in the very words in which the dialogue says them."""
    ground, services = gateway.ground, gateway.services
    domain = yaml.safe_load((ROOT / "bot" / "domain" / "answers.yml").read_text(encoding="utf-8"))
    return Editing(
        book=ground.book,
        clock=clock,
        ask=ground.answers.ask,
        variables=partial(variables, services),
        utterance=utterance,
        frames=frames_of(domain),
        links=Links(clock),
        card_pattern=settings.library.card_pattern,
        branches={branch.code: branch.name.vi for branch in ground.calendar().branches},
    )


def _sign_in_service(settings: Settings, clock: Clock) -> ServiceDoor | None:
    if (oidc := settings.console.oidc) is None:
        return None
    client = httpx.AsyncClient(timeout=10.0)
    service = SignInService(client, oidc.issuer, oidc.client_id, oidc.client_secret, clock)
    return ServiceDoor(service, oidc.label, f"{settings.public_url}{BACK}")


def _reaching(settings: Settings, clock: Clock) -> Reaching:
    """Return how a channel lets us write to a patron who was last heard then."""
    windows = _windows(settings)
    return lambda channel, heard_at, lost_at: reach(channel, heard_at, lost_at, windows, clock()).state


def _keeper(settings: Settings) -> Keeper:
    library, privacy = settings.library, settings.privacy
    days = (privacy.keep_conversations_days, privacy.keep_notes_days)
    return Keeper(library.name, library.name_en, privacy.contact, *days, settings.public_url)


def _handbook(answers: AnswerSearcher, clock: Clock) -> Callable[[str, str], Awaitable[tuple[Reply, ...]]]:
    """Return what answers while Rasa is away: a curated answer that surely fits, or an apology."""

    async def without_dialogue(text: str, lang: str) -> tuple[Reply, ...]:
        found = await asyncio.to_thread(answers.ask, text, clock().date()) if text else None
        if not isinstance(found, Sure) or "{" in found.answer.text(lang):
            return (say("fallback", lang),)
        return (say("fallback_answer", lang), Reply(found.answer.text(lang)))

    return without_dialogue


def web_app(settings: Settings, wiring: Wiring, gateway: Gateway, clock: Clock = wall_clock) -> FastAPI:
    """Return the app that patrons' browsers and librarians reach; serving it also serves the action listener."""
    switchboard, store = gateway.switchboard, gateway.ground.store
    teaching = Shop(settings, store, clock)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with serving(gateway.action_listener, wiring.action_port):
            threading.Thread(target=gateway.warm_up, name="warm-up", daemon=True).start()
            waiting, unsent = await switchboard.recover(), await gateway.deliverer.recover()
            logger.info("ready; taken up again: conversations=%s deliveries=%s", waiting, unsent)
            gateway.doors.start(gateway.reception)
            kept = [
                asyncio.create_task(keep_house(gateway.chores)),
                asyncio.create_task(teaching.work()),
                asyncio.create_task(_follow_the_model(settings, wiring, gateway.dialogue)),
            ]
            yield
            for task in kept:
                task.cancel()
            await asyncio.gather(*kept, return_exceptions=True)
            await gateway.close()

    logins = Logins(gateway.links, store, switchboard)

    chats, tries = Allowance(clock, per_hour=60), Allowance(clock, per_hour=settings.accounts.tries_per_hour)

    async def may_open(request: Request) -> bool:
        return chats.take(_address(request))

    def may_try(request: Request) -> bool:
        return tries.take(_address(request))

    app = FastAPI(title="Thủ Thư", version="0.1.0", lifespan=lifespan)
    app.include_router(web_router(WebExchange(store, switchboard, clock), may_open))
    offer = partial(logins.offer_zalo, settings.zalo)
    app.include_router(link_router(gateway.links, logins.tell, may_try, library=settings.library.name, offer=offer))
    app.include_router(privacy_router(_keeper(settings), gateway.privacy, clock))
    app.include_router(
        console_router(
            store,
            clock,
            gateway.handover,
            settings.console.session_hours,
            resend=gateway.deliverer.wake,
            windows=_windows(settings),
            library=settings.library.name,
            teaching=teaching,
            editing=_editing(settings, gateway, clock),
            publishing=gateway.publisher,
            idle=timedelta(minutes=settings.console.idle_minutes),
            service=_sign_in_service(settings, clock),
            branches=lambda: {branch.code: branch.name.vi for branch in gateway.ground.calendar().branches},
            calendar_desk=gateway.calendar_desk,
            announcer=gateway.announcer,
            filing=filing_over(settings, gateway.ground.book),
            answer_names=lambda: {answer.key: answer.question for answer in gateway.ground.book.published()},
            inbox=gateway.inbox,
        )
    )
    app.include_router(page_router(settings.library.name, settings.library.name_en))
    for router in gateway.doors.routers(gateway.reception):
        app.include_router(router)
    if settings.web.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.web.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            max_age=7200,  # seconds in which a browser need not ask again before each message
        )

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """Say that this process serves."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operation"])
    async def readyz() -> JSONResponse:
        """Say which parts can answer now: 200 when the dialogue is there, 503 while it is not."""
        meaning = gateway.ground.searcher.warm and gateway.ground.answers.warm
        parts = {"dialogue": await gateway.dialogue.ready(), "meaning_search": meaning}
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
