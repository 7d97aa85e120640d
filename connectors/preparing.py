"""`thuthu prepare`: makes what is missing before the first start, and nothing that is already there.

Each step is skipped when what it makes is newer than what it is made from, so a second `make run` starts at once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console
from sqlalchemy import Connection, func, select

from connectors import month
from connectors.clock import wall_clock
from connectors.ils.rules import open_days
from connectors.ils.sqlite_load import BranchEntry, ItemRow, LoadError, PatronFile, load_library, read_patron_file
from connectors.places import places_of
from connectors.settings import Settings, SQLiteILSSection
from connectors.staff import audit
from connectors.staff.accounts import add_staff
from connectors.staff.roles import Role
from connectors.store import Store, staff
from connectors.training import TrainingFailed, is_trained, train
from library.calendar import CalendarError, LibraryCalendar
from retrieval.answers import AnswerBook, AnswerError
from retrieval.catalogue import Catalogue
from retrieval.commands import Places, build_index, clear_leftovers, import_answers, import_catalogue, is_indexed
from retrieval.embedder import THOROUGH, THOROUGH_FOLDER, EmbedderUnavailable
from retrieval.encoder import EncoderSetupError, is_set_up, set_up
from retrieval.index import read_manifest
from retrieval.record import SourceError
from retrieval.storage import StorageError

DEMO = Path("demo")
FIRST_STAFF = "thuthu"


class PreparationError(Exception):
    """A step could not be done; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Step:
    what: str
    is_done: Callable[[], bool]
    do: Callable[[], object]


def prepare(settings: Settings, out: Console) -> None:
    """Do the steps that are not done. Raises PreparationError."""
    clear_leftovers(places_of(settings))
    for step in steps(settings):
        if step.is_done():
            continue
        with out.status(f"{step.what}…"):
            _do(step)
        out.print(f"[green]✓[/green] {step.what}")


def first_logins(settings: Settings) -> list[tuple[str, str, str]]:
    """Return name, password and role of the first accounts for the console, made now; none when there are any already.

    A library gets one, which manages the others; the demo gets one for every role, to try them.
    """
    store = Store(settings.files.var / "gateway.sqlite")
    others = [role for role in Role if role is not Role.CONTENT_ADMIN] if settings.library.demo else []
    logins = [(FIRST_STAFF, secrets.token_urlsafe(12), Role.CONTENT_ADMIN)]
    logins += [(f"{FIRST_STAFF}-{role.replace('_', '-')}", secrets.token_urlsafe(12), role) for role in others]

    def make(db: Connection) -> None:
        for name, password, role in logins:
            add_staff(db, name, password, role, wall_clock())
            audit.note(db, FIRST_STAFF, "staff.added", f"staff:{name}", {"role": role}, wall_clock())

    try:
        if store.read_now(lambda db: db.scalar(select(func.count()).select_from(staff))):
            return []
        store.write_now(make)
        return [(name, password, role.label) for name, password, role in logins]
    finally:
        store.close()


def train_dialogue(settings: Settings, out: Console) -> None:
    with out.status("Huấn luyện hội thoại · training the dialogue…"):
        _do(Step("training", lambda: False, lambda: train(settings)))
    out.print(f"[green]✓[/green] {settings.rasa.model}")


def steps(settings: Settings) -> tuple[Step, ...]:
    """Return what a first start needs, in order: each step uses what those before it made."""
    places = places_of(settings)
    return (
        Step(
            "Bộ mã nghĩa của câu · sentence encoder",
            lambda: not _wants_thorough(settings) or is_set_up(THOROUGH_FOLDER),
            lambda: set_up(THOROUGH_FOLDER),
        ),
        *(_demo_steps(settings, places) if settings.library.demo else ()),
        Step("Chỉ mục · index", lambda: is_searchable(places), lambda: build_index(places)),
        Step("Huấn luyện hội thoại · training the dialogue", lambda: is_trained(settings), lambda: train(settings)),
    )


def _wants_thorough(settings: Settings) -> bool:
    wanted = {settings.search.encoder, settings.search.answers_encoder}
    return bool(wanted & {THOROUGH, str(THOROUGH_FOLDER)})


def _demo_steps(settings: Settings, places: Places) -> tuple[Step, ...]:
    source, answers, patrons = DEMO / "catalogue.mrc", DEMO / "answers", DEMO / "patrons.yml"

    def once(what: str, made: Path, sources: tuple[Path, ...], do: Callable[[], object]) -> Step:
        note = settings.files.var / "prepared" / made.stem

        def noted() -> None:
            do()
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(_digest(sources))

        return Step(what, lambda: made.is_file() and note.is_file() and note.read_text() == _digest(sources), noted)

    def built_in_patrons(ils: SQLiteILSSection) -> Step:
        load = partial(load_demo_patrons, settings, ils.path, wall_clock().date())
        return once("Bạn đọc mẫu · demo patrons", ils.path, (patrons, source, DEMO / "circulation.yml"), load)

    return (
        once("Mục lục mẫu · demo catalogue", places.catalogue, (source,), lambda: import_catalogue(source, places)),
        once(
            "Sổ tay trả lời mẫu · demo answers",
            places.answers,
            tuple(sorted(answers.glob("*.yml"))),
            lambda: import_answers(answers, places, wall_clock()),
        ),
        *([built_in_patrons(settings.ils)] if isinstance(settings.ils, SQLiteILSSection) else ()),
        once(
            "Một tháng trò chuyện mẫu · a month of demo talks",
            settings.files.var / "gateway.sqlite",
            (month.SOURCE,),
            lambda: load_demo_month(settings),
        ),
    )


def is_searchable(places: Places) -> bool:
    """Return whether the index in use is of today's catalogue and finds by meaning with today's encoder."""
    try:
        embedder = places.embedder()
    except EmbedderUnavailable:
        return False
    return is_indexed(places) and (embedder is None or read_manifest(places.index).model == embedder.name)


def load_demo_month(settings: Settings) -> int:
    """Put the month before now into the store; return how many messages it has, 0 where talks are there already."""
    store, book = Store(settings.files.var / "gateway.sqlite"), AnswerBook(places_of(settings).answers)
    try:
        known = month.Known(book.published(), book.live_numbers(), settings.facts)
        calendar = LibraryCalendar.load(settings.library.calendar)
        return store.write_now(lambda db: month.load(db, known, calendar, wall_clock()))
    finally:
        book.close()
        store.close()


def load_demo_patrons(settings: Settings, path: Path, today: date) -> None:
    """Make a library system at `path` with the copies of the catalogue and the demo patrons, dated from `today`."""
    _load(settings, path, read_patron_file(DEMO / "patrons.yml"), _copies(settings), today)


def load_nobody(settings: Settings, path: Path, today: date) -> None:
    """Make a library system at `path` with the copies of the catalogue and no patrons, for rehearsals."""
    copies = _copies(settings)
    calendar = LibraryCalendar.load(settings.library.calendar)
    names = {branch.code: branch.name for branch in calendar.branches}
    codes = dict.fromkeys([*names, *(copy.branch for copy in copies)])
    named = [(code, names.get(code)) for code in codes]
    branches = tuple(
        BranchEntry(code=code, name=name.vi if name else code, name_en=name.en if name else code)
        for code, name in named
    )
    _load(settings, path, PatronFile(branches=branches, patrons=()), copies, today)


def _load(settings: Settings, path: Path, file: PatronFile, copies: list[ItemRow], today: date) -> None:
    calendar = LibraryCalendar.load(settings.library.calendar)
    load_library(path, copies, file, today, next_open_day=open_days(calendar))


def _copies(settings: Settings) -> list[ItemRow]:
    return [
        ItemRow(
            record_id=record.record_id,
            title=record.full_title,
            barcode=item.barcode,
            branch=item.branch,
            call_number=item.call_number,
            room=item.room,
            reading_only=item.reading_only,
            item_type=record.material,
        )
        for record in Catalogue(places_of(settings).catalogue)
        for item in record.items
    ]


def _do(step: Step) -> None:
    try:
        step.do()
    except (
        TrainingFailed,
        EncoderSetupError,
        EmbedderUnavailable,
        SourceError,
        StorageError,
        AnswerError,
        LoadError,
        CalendarError,
    ) as exc:
        raise PreparationError(f"{step.what}: {exc}") from exc
    except OSError as exc:
        raise PreparationError(f"{step.what}: {exc}; is there room on the disk, and may we write there?") from exc


def _digest(sources: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()
