"""A person: the conversation gets a ticket, and the patron hears when a librarian is there to answer it."""

from __future__ import annotations

from datetime import datetime

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, Services
from bot.actions.forms import leave_form
from bot.actions.questions import ask
from bot.actions.wording import refuses
from library.phrasing import Lang, Words, clock, full_date, relative_name

CALL_LIBRARIAN, NOT_NOW = Words("Gặp thủ thư", "Ask a librarian"), Words("Để sau", "Not now")


class CallLibrarian(LibraryAction):
    """Calls a librarian at once, whatever was under way: a form that was open would only ask on over their head."""

    action_name = "action_call_librarian"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"gap thu thu|gap nguoi|goi thu thu|moi thu thu|thu thu|librarian"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        await call_librarian(self.services, dispatcher, heard, "asked")
        return leave_form() if heard.tracker.active_loop.get("name") else []


class DoLibrarian(LibraryAction):
    """The patron said yes to "shall I call a librarian?"."""

    action_name = "action_do_librarian"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        await call_librarian(self.services, dispatcher, heard, "offered")
        return []


def offer_librarian(dispatcher: CollectingDispatcher, heard: Heard, response: str, **say: object) -> list[EventType]:
    """Ask whether a librarian shall come in; a yes opens the ticket. `say` fills the response."""
    return ask(dispatcher, heard, "librarian", response, say=say, yes=CALL_LIBRARIAN, no=NOT_NOW)


async def call_librarian(services: Services, dispatcher: CollectingDispatcher, heard: Heard, reason: str) -> None:
    """Open a ticket, or point to the one that is open, and say when a librarian will read it."""
    calendar, now = services.calendar(), heard.turn.now
    main = calendar.branches[0].code
    ticket = await services.desk.ticket(heard.turn, reason)
    heard.turn.led_to("handoff", reason=reason)
    kind = "utter_ticket" if ticket.created else "utter_ticket_is_open"
    if calendar.open_at(now, main):
        dispatcher.utter_message(response=f"{kind}_in_hours", number=ticket.number)
    elif opens := calendar.next_opening(now, main):
        back = _when(opens, now, heard.lang)
        dispatcher.utter_message(response=f"{kind}_after_hours", number=ticket.number, back=back)
    else:
        dispatcher.utter_message(response="utter_ticket_in_long_closure", number=ticket.number)


def _when(opens: datetime, now: datetime, lang: Lang) -> str:
    """Return 'lúc 7 giờ 30 ngày mai', or the date when it is further off."""
    near = relative_name(opens.date(), now.date())
    day = near.to(lang) if near else full_date(opens.date(), lang, today=now.date())
    return f"lúc {clock(opens.time())} {day}" if lang == "vi" else f"{day} at {clock(opens.time(), lang)}"


ACTIONS: tuple[type[LibraryAction], ...] = (CallLibrarian, DoLibrarian)
