"""The librarians' door under /console: sign in, answer conversations, mend what was not delivered, read what was noted.

Drawn on the server; every page works without its script, which only brings what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from fastapi import APIRouter, Depends

from connectors.announcing.announcer import Announcer
from connectors.clock import Clock
from connectors.console.account import add_account
from connectors.console.accounts import add_accounts
from connectors.console.announcements import add_announcements
from connectors.console.answer_asked import add_asked
from connectors.console.answer_editor import add_answer_editor
from connectors.console.answers import add_answers
from connectors.console.bench import add_bench
from connectors.console.calendar import add_calendar
from connectors.console.conversation import add_conversation
from connectors.console.drawing import ConsoleRoute, Drawer
from connectors.console.effects import add_effects
from connectors.console.files import add_files
from connectors.console.gate import Gate
from connectors.console.inbox import add_inbox
from connectors.console.notebook import add_notebook
from connectors.console.numbers import Names, add_numbers
from connectors.console.outbox import add_outbox
from connectors.console.questions import add_questions
from connectors.console.reviews import add_reviews
from connectors.console.room import Room
from connectors.console.service import ServiceDoor, add_service
from connectors.console.sign_in import add_sign_in
from connectors.console.staff import SIGN_IN_TAKES_S, StaffDoor
from connectors.console.talks import add_talks
from connectors.console.teaching import add_teaching
from connectors.console.trail import add_trail
from connectors.console.windows import Window
from connectors.curation.editing import Editing
from connectors.curation.inbox import Inbox
from connectors.curation.publisher import Publisher
from connectors.filing.filing import Filing
from connectors.handover import Handover
from connectors.store import Store
from connectors.teaching.shop import Shop
from connectors.timetable.desk import CalendarDesk

NO_WINDOWS: Mapping[str, Window] = {}


def console_router(
    store: Store,
    clock: Clock,
    handover: Handover,
    session_hours: float,
    *,
    resend: Callable[[str], None],
    windows: Mapping[str, Window] = NO_WINDOWS,
    library: str = "",
    sign_in_takes_s: float = SIGN_IN_TAKES_S,
    teaching: Shop | None = None,
    editing: Editing | None = None,
    publishing: Publisher | None = None,
    idle: timedelta | None = None,
    service: ServiceDoor | None = None,
    branches: Callable[[], Mapping[str, str]] = dict,
    calendar_desk: CalendarDesk | None = None,
    announcer: Announcer | None = None,
    filing: Filing | None = None,
    answer_names: Names | None = None,
    inbox: Inbox | None = None,
) -> APIRouter:
    """Return the routes of the console.

    `resend(conversation_id)` is told when a dead letter may be tried again; `windows` say, by channel, how long a
    patron may be written to; `library` is the name shown; after `idle` without a sign of life a session is
    over; `service` is the library's own sign-in; `branches()` are the names of the library's branches by code,
    `answer_names()` the questions of the answers in use by key.
    """
    draw, staff = Drawer(clock, library), StaffDoor(store, clock, session_hours, sign_in_takes_s, idle)
    room = Room(store, clock, draw, handover, resend, windows, staff, branches, library)
    gate = Gate(staff, draw)
    # A flat router whose check hangs on the router itself: a route added later is shut until it is let in.
    router = APIRouter(route_class=ConsoleRoute, include_in_schema=False, dependencies=[Depends(gate.check)])
    add_sign_in(router, staff, draw, service.label if service else "")
    if service:
        add_service(router, staff, draw, service)
    for add in (add_account, add_accounts, add_trail, add_inbox, add_talks, add_conversation, add_outbox, add_notebook):
        add(router, room)
    if teaching:
        add_teaching(router, room, teaching)
    if editing and publishing:
        # The editor's own addresses before those of single answers, which would take them for keys.
        for add_screen in (add_answer_editor, add_answers, add_reviews):
            add_screen(router, room, editing, publishing)
        add_asked(router, room, editing.book, publishing.bench)
    if publishing:
        add_bench(router, room, publishing)
    if calendar_desk:
        add_calendar(router, room, calendar_desk)
    if calendar_desk and announcer:
        add_announcements(router, room, announcer, calendar_desk)
    if inbox:
        add_questions(router, room, inbox)
    if filing:
        add_files(router, room, filing)
    if answer_names:
        add_numbers(router, room, answer_names)
    if editing:
        add_effects(router, room, editing.book)
    return router
