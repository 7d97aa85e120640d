"""What every action shares: the services it may ask, the turn it belongs to, and what the patron said."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.safety import NATIONAL_LINES, Danger, danger_in
from library.calendar import LibraryCalendar
from library.ils import ILS, ILSError, ILSOutcomeUnknown, NotSupported
from library.phrasing import Lang
from library.ports import Consents, Deeds, Desk, Links, Privacy, Turn
from library.text import fold
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.searcher import AnswerSearcher, Searcher

logger = logging.getLogger(__name__)

QUESTION_LIFETIME = timedelta(minutes=15)
_NAMES_A_BOOK = re.compile(r"(?:sach|truyen|cuon|quyen|book|novel)\W*(?:ten\W*)?$")
_ONLY_MARKS = re.compile(r"[\s.,?!…~_*'\"-]+")
SAY_OF_ERROR = {ILSOutcomeUnknown: "utter_outcome_unknown", NotSupported: "utter_not_supported"}


@dataclass(frozen=True)
class Services:
    """Everything an action may ask. `turn` gives the open turn of a conversation and refuses any other."""

    turn: Callable[[str], Turn]
    calendar: Callable[[], LibraryCalendar]
    ils: ILS
    catalogue: Catalogue
    searcher: Searcher
    answers: Callable[[], AnswerSearcher]
    answer_book: AnswerBook
    links: Links
    deeds: Deeds
    desk: Desk
    consents: Consents
    privacy: Privacy
    facts: Mapping[str, str]  # variables of the curated answers: card_fee, late_fee, phone, email, site
    library_name: str
    library_name_en: str


@dataclass(frozen=True)
class Heard:
    """What the patron said in this message, apart from what earlier messages left in the slots."""

    tracker: Tracker
    turn: Turn

    @property
    def text(self) -> str:
        return str(self.tracker.latest_message.get("text") or "")

    @property
    def intent(self) -> str:
        return str((self.tracker.latest_message.get("intent") or {}).get("name") or "")

    @property
    def lang(self) -> Lang:
        return "en" if self.tracker.get_slot("locale") == "en" else "vi"

    def all(self, slot: str) -> list[str]:
        """Return every value of the slot named in this message, in the order said."""
        found = self.tracker.latest_message.get("entities") or []
        return [str(entity["value"]) for entity in found if entity.get("entity") == slot]

    def one(self, slot: str) -> str | None:
        return next(iter(self.all(slot)), None)

    def remembered(self, slot: str) -> Any:
        return self.tracker.get_slot(slot)

    @property
    def danger(self) -> Danger | None:
        """Return what help the patron's own words cry for; the title of a book that is asked for is no cry."""
        own = self.text
        for entity in sorted(self.tracker.latest_message.get("entities") or [], key=lambda each: -each.get("start", 0)):
            if entity.get("entity") == "title" and _NAMES_A_BOOK.search(fold(own[: entity.get("start", 0)])):
                own = own[: entity["start"]] + own[entity.get("end", entity["start"]) :]
        return None if own.startswith("/") else danger_in(own)


def open_question(kind: str, turn: Turn, **data: Any) -> EventType:
    """Return the event that leaves a yes/no question open: `kind` names the deed, `data` what it needs."""
    return SlotSet("open_question", {"kind": kind, "asked_at": turn.now.isoformat(), **data})


def question_still_open(heard: Heard) -> dict[str, Any] | None:
    """Return the open yes/no question, or None when there is none or it was asked too long ago."""
    question = heard.remembered("open_question")
    if not isinstance(question, dict):
        return None
    asked_at = datetime.fromisoformat(question["asked_at"])
    return question if timedelta(0) <= heard.turn.now - asked_at <= QUESTION_LIFETIME else None


class LibraryAction(Action):  # type: ignore[misc]
    """One deed of the conversation. Subclasses set `action_name` and write `act`.

    Words of self-harm or danger come before every deed, whatever they were taken for; `listens` is unset only by
    what runs beside another action of the same turn.

    A yes/no question that was open is closed by every action that does not open one itself, so that a later
    "ừ" can never act on something else; actions that merely inform set `keeps_question`, and the one that acts on
    the "ừ" sets `keeps_question_on_error`, so that it can be said again when the library system is back.
    """

    action_name: ClassVar[str]
    keeps_question: ClassVar[bool] = False
    keeps_question_on_error: ClassVar[bool] = False
    listens: ClassVar[bool] = True

    def __init__(self, services: Services) -> None:
        self.services = services

    def name(self) -> str:
        return self.action_name

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        heard = Heard(tracker, self.services.turn(tracker.sender_id))
        if self.listens and (danger := heard.danger):
            return await self._care(danger, dispatcher, heard)
        if self.listens and _ONLY_MARKS.fullmatch(heard.text) and not tracker.active_loop.get("name"):
            dispatcher.utter_message(response="utter_not_understood")
            return []
        try:
            events = await self.act(dispatcher, heard)
        except ILSError as exc:
            logger.warning("library system: action=%s error=%s", self.action_name, type(exc).__name__)
            dispatcher.utter_message(response=SAY_OF_ERROR.get(type(exc), "utter_library_system_away"))
            # What was sent must not be sent again by another "yes"; what was not may be.
            again = self.keeps_question_on_error and not isinstance(exc, ILSOutcomeUnknown)
            return [] if again else [SlotSet("open_question", None)]
        if self.keeps_question or any(event.get("name") == "open_question" for event in events):
            return events
        return [SlotSet("open_question", None), *events]

    async def _care(self, danger: Danger, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        """Give the help lines and call a librarian; whatever was under way is over."""
        ticket = await self.services.desk.ticket(heard.turn, danger.value)
        lines = self.services.facts.get("helpline", NATIONAL_LINES.vi)
        if heard.lang == "en":
            lines = self.services.facts.get("helpline_en", NATIONAL_LINES.en)
        dispatcher.utter_message(response=f"utter_{danger.value}", helpline=lines, number=ticket.number)
        form_open = bool((heard.tracker.active_loop or {}).get("name"))
        closed = [ActiveLoop(None), SlotSet("requested_slot", None)] if form_open else []
        return [SlotSet("open_question", None), *closed]

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        """Say what is to be said through `dispatcher` and return the events to remember."""
        raise NotImplementedError
