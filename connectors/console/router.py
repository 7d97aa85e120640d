"""The librarians' door under /console: sign in, answer conversations, mend what was not delivered, read what was noted.

Drawn on the server; every page works without its script, which only brings what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Depends

from connectors.announcing.announcer import Announcer
from connectors.clock import Clock
from connectors.console.account import add_account
from connectors.console.announcements import add_announcements
from connectors.console.calendar import add_calendar
from connectors.console.conversation import add_conversation
from connectors.console.drawing import ConsoleRoute, Drawer
from connectors.console.files import add_files
from connectors.console.gate import Gate
from connectors.console.inbox import add_inbox
from connectors.console.notebook import add_notebook
from connectors.console.outbox import add_outbox
from connectors.console.room import Room
from connectors.console.sign_in import add_sign_in
from connectors.console.staff import SIGN_IN_TAKES_S, StaffDoor
from connectors.console.windows import Window
from connectors.filing.filing import Filing
from connectors.handover import Handover
from connectors.store import Store
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
    calendar_desk: CalendarDesk | None = None,
    announcer: Announcer | None = None,
    filing: Filing | None = None,
) -> APIRouter:
    """Return the routes of the console.

    `resend(conversation_id)` is told when a dead letter may be tried again; `windows` say, by channel, how long a
    patron may be written to; `library` is the name shown.
    """
    draw, staff = Drawer(clock, library), StaffDoor(store, clock, session_hours, sign_in_takes_s)
    room = Room(store, clock, draw, handover, resend, windows)
    gate = Gate(staff, draw)
    # A flat router whose check hangs on the router itself: a route added later is shut until it is let in.
    router = APIRouter(route_class=ConsoleRoute, include_in_schema=False, dependencies=[Depends(gate.check)])
    add_sign_in(router, staff, draw)
    for add in (add_account, add_inbox, add_conversation, add_outbox, add_notebook):
        add(router, room)
    if calendar_desk:
        add_calendar(router, room, calendar_desk)
    if calendar_desk and announcer:
        add_announcements(router, room, announcer, calendar_desk)
    if filing:
        add_files(router, room, filing)
    return router
