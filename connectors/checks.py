"""`thuthu check`: opens every door once and says in plain words what is wrong and what to do."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from connectors.clock import wall_clock
from connectors.door_checks import DoorWrong, check_telegram, check_zalo
from connectors.ils.opening import check_ils
from connectors.places import places_of
from connectors.processes import port_taken
from connectors.reminding import jobs
from connectors.settings import Settings
from connectors.store import Store
from connectors.training import is_trained
from library.calendar import CalendarError, LibraryCalendar
from library.ils import ILSError
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.commands import verify_index
from retrieval.embedder import EmbedderUnavailable, open_embedder
from retrieval.index import IndexUnreadable
from retrieval.storage import StorageError

ENOUGH_DISK = 500 * 1024 * 1024


Door = tuple[str, Callable[[Settings], str]]


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    says: str


def run_checks(settings: Settings, config: Path) -> list[Finding]:
    """Return one finding a door, in the order in which they are worth mending; a library system gives several."""
    rooms: tuple[Door, ...] = (
        ("đĩa · disk", _disk),
        ("lịch · calendar", _calendar),
        ("mục lục · catalogue", _catalogue),
        ("sổ tay trả lời · answers", _answers),
        ("bộ mã nghĩa · encoder", _encoder),
        ("Python của Rasa · Rasa's Python", _rasa_python),
        ("mô hình hội thoại · dialogue model", _model),
        ("lời nhắc · reminders", _reminders),
    )
    doors: tuple[Door, ...] = (("cổng web · web port", _port), ("Telegram", check_telegram), ("Zalo", check_zalo))
    within, without = ([_tried(what, door, settings) for what, door in each] for each in (rooms, doors))
    return [Finding("cấu hình · settings", True, str(config)), *within, *_ils(settings), *without]


class _Wrong(Exception):
    """What is wrong with a door and what to do."""


def _tried(what: str, door: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(what, True, door(settings))
    except (_Wrong, DoorWrong, CalendarError, StorageError, IndexUnreadable, ILSError, OSError) as exc:
        return Finding(what, False, str(exc))


def _disk(settings: Settings) -> str:
    var = settings.files.var
    var.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(var).free
    if free < ENOUGH_DISK:
        raise _Wrong(f"only {free // 2**20} MB free at {var.resolve()}: make room, or set another [files] var")
    return f"{free // 2**30} GB free at {var}"


def _calendar(settings: Settings) -> str:
    calendar = LibraryCalendar.load(settings.library.calendar)
    return f"{len(calendar.branches)} branches in {settings.library.calendar}"


def _catalogue(settings: Settings) -> str:
    count = len(Catalogue(settings.files.var / "catalogue.sqlite"))
    if not count:
        raise _Wrong("no records: run `thuthu catalogue import FILE.mrc`, or `make setup` for the demo library")
    if not (settings.files.var / "index" / "titles.bin").is_file():
        raise _Wrong(f"{count} records, but no index: run `thuthu catalogue index`")
    if damaged := list(verify_index(places_of(settings))):
        raise _Wrong(f"damaged files in the index ({', '.join(damaged)}): run `thuthu catalogue index`")
    return f"{count} records, indexed"


def _answers(settings: Settings) -> str:
    count = len(AnswerBook(settings.files.var / "answers.sqlite").published(wall_clock().date()))
    if not count:
        raise _Wrong("no published answers: run `thuthu answers import FOLDER`")
    return f"{count} published"


def _encoder(settings: Settings) -> str:
    told = []
    for what, encoder in (("records", settings.search.encoder), ("answers", settings.search.answers_encoder)):
        try:
            embedder = open_embedder(encoder)
        except EmbedderUnavailable as exc:
            raise _Wrong(f'{exc}; `make setup` makes the one called "thorough", and "fast" is always there') from exc
        told.append(f"{what}: {encoder} ({embedder.name})" if embedder else f"{what}: none set, by words alone")
    return "; ".join(told)


def _rasa_python(settings: Settings) -> str:
    try:
        asked = [str(settings.rasa.python), "-c", "import sys; print(sys.version.split()[0])"]
        version = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError) as exc:
        raise _Wrong(f"{settings.rasa.python} does not run: run `make setup` to make Rasa's environment") from exc
    if not version.startswith("3.10."):
        what = f"{settings.rasa.python} is Python {version}"
        raise _Wrong(f"{what}, Rasa needs 3.10: delete .venv-rasa, run `make setup`")
    return f"Python {version}"


def _model(settings: Settings) -> str:
    if not settings.rasa.model.is_file():
        raise _Wrong(f"{settings.rasa.model} is not there: run `thuthu train`")
    if not is_trained(settings):
        raise _Wrong(f"{settings.rasa.model} is older than its training data: run `thuthu train`")
    return str(settings.rasa.model)


def _reminders(settings: Settings) -> str:
    file = settings.files.var / "gateway.sqlite"
    if not settings.reminders.on:
        return "off: [reminders] on = false"
    if not file.is_file():
        return f"sent from {settings.reminders.at:%H:%M}; nobody wishes them yet"
    today = wall_clock().date()
    store = Store(file)
    try:
        wishing = store.read_now(jobs.wishing)
        found = store.read_now(lambda db: jobs.figures(db, today - timedelta(days=1), today))
    finally:
        store.close()
    told = ", ".join(f"{number} {state}{f' ({why})' * bool(why)}" for (state, why), number in sorted(found.items()))
    return f"sent from {settings.reminders.at:%H:%M}; {wishing} wish them; yesterday: {told or 'none'}"


def _ils(settings: Settings) -> list[Finding]:
    found = asyncio.run(check_ils(settings, wall_clock))
    return [Finding(f"hệ thống mượn trả · library system: {one.what}", one.ok, one.says) for one in found]


def _port(settings: Settings) -> str:
    web = settings.web
    if not port_taken(web.host, web.port):
        return f"{web.host}:{web.port} is free"
    try:
        ours = httpx.get(f"http://{web.host}:{web.port}/healthz", timeout=2).json() == {"status": "ok"}
    except (httpx.HTTPError, ValueError):
        ours = False
    if not ours:
        raise _Wrong(f"port {web.port} on {web.host} is taken by another program: set another [web] port")
    return f"this product is serving on {web.host}:{web.port}"
