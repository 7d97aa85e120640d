"""What every action shares: the services it may ask, the turn it belongs to, and what the patron said."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.repair import OF_A_SEARCH, only_a_title, remembered_request, said_again, takes_back
from bot.actions.safety import NATIONAL_LINES, Danger, danger_in
from bot.actions.trying_again import tried_again, unanswered
from bot.actions.whose import SAID_CARD_OF, name_said
from bot.actions.widening import filters_taken_back
from bot.actions.wording import by_colour
from library.calendar import LibraryCalendar
from library.ils import ILS, ILSError, ILSOutcomeUnknown, NotSupported
from library.phrasing import Lang
from library.ports import Consents, Deeds, Desk, Links, Privacy, Turn
from library.text import fold
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.searcher import AnswerSearcher, Searcher

logger = logging.getLogger(__name__)

DEEDS = frozenset({"renew", "hold", "cancel_hold", "forget"})  # kinds of questions that a deed waits for
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
        """Return the words typed; of a button that stands for words, those."""
        return self.one("said") or str(self.tracker.latest_message.get("text") or "")

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

    def saying(self, message: Mapping[str, Any]) -> Heard:
        """Return this turn with another message in the place of the one that was heard."""
        tracker = copy.copy(self.tracker)
        tracker.latest_message = message
        return Heard(tracker, self.turn)

    @property
    def in_company(self) -> bool:
        """Return whether this is one of several requests made in one message; see `bot/components/requests.py`."""
        return bool((self.tracker.latest_message.get("metadata") or {}).get("in_company"))

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


def put_again(dispatcher: CollectingDispatcher, question: Mapping[str, Any]) -> EventType | None:
    """Put the question before a deed once more and return the event that says so; None when it was already."""
    if question.get("again") or question["kind"] not in DEEDS or not question.get("response"):
        return None
    if name := question.get("whose"):  # several cards are linked, and another may have been talked about since
        dispatcher.utter_message(response="utter_card_of", name=name)
    say = {**question["say"], "buttons": question["buttons"]}
    dispatcher.utter_message(response=question["response"], **say)
    return SlotSet("open_question", {**question, "again": True})


class LibraryAction(Action):  # type: ignore[misc]
    """One deed of the conversation. Subclasses set `action_name` and write `act`.

    Words of self-harm or danger come before every deed, whatever they were taken for; `listens` is unset only by
    what runs beside another action of the same turn.

    A yes/no question that was open is closed by every action that does not open one itself, so that a later
    "ừ" can never act on something else; actions that merely inform set `keeps_question`, and the one that acts on
    the "ừ" sets `keeps_question_on_error`, so that it can be said again when the library system is back. Of several
    requests in one message none closes the question that another one has put.

    One that `informs` leaves the question before a deed open and puts it once more, so that a patron who only asked
    something in between need not begin again.

    What a `repeatable` action was asked is remembered, so that "à nhầm, cuốn Tắt đèn cơ" or "còn Cao Lãnh?" asks it
    again with other names. What the library system did not answer is kept for "thử lại".
    """

    action_name: ClassVar[str]
    keeps_question: ClassVar[bool] = False
    keeps_question_on_error: ClassVar[bool] = False
    listens: ClassVar[bool] = True
    repeatable: ClassVar[bool] = False
    informs: ClassVar[bool] = False
    of_a_book: ClassVar[bool] = False  # does something with a book; a bare title asks for none of it but to be found

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
        doing, heard = self._meant(heard) if self.listens else (self, heard)
        try:
            events = await doing.act(dispatcher, heard)
        except ILSError as exc:
            logger.warning("library system: action=%s error=%s", self.action_name, type(exc).__name__)
            heard.turn.led_to("ils", error=type(exc).__name__)
            dispatcher.utter_message(response=SAY_OF_ERROR.get(type(exc), "utter_library_system_away"))
            # What was sent must not be sent again by another "yes"; what was not may be.
            again = doing.keeps_question_on_error and not isinstance(exc, ILSOutcomeUnknown)
            return [doing._to_try_again(heard, exc), *([] if again else [SlotSet("open_question", None)])]
        events = [*events, *doing._for_next_time(dispatcher, heard, events)]
        if doing.keeps_question or any(event.get("name") == "open_question" for event in events):
            return events
        question = question_still_open(heard)
        if question and heard.in_company and question["asked_at"] == heard.turn.now.isoformat():
            return events  # another request of this very message has put it
        if question and doing.informs and not heard.in_company and (put := put_again(dispatcher, question)):
            return [*events, put]
        return [SlotSet("open_question", None), *events]

    def _meant(self, heard: Heard) -> tuple[LibraryAction, Heard]:
        """Return the action that these words ask for, and the words as it is to hear them.

        That is another one than the intent's when the message only corrects the request before or goes on from it,
        or takes back what was about to be done, or a filter of the search.
        """
        if heard.tracker.active_loop.get("name"):
            return self, heard
        if again := tried_again(heard.tracker.latest_message, heard.remembered("unanswered"), heard.turn.now):
            return self._instead(again[0]), heard.saying(again[1])
        question = question_still_open(heard)
        if question and takes_back(heard.text, question["kind"]) and self.action_name != "action_cancel":
            return self._instead("action_deny"), heard
        if by_colour(heard.text) and all(fold(title).startswith(("mau", "bia")) for title in heard.all("title")):
            return self._instead("action_not_by_colour"), heard
        last = (heard.remembered("last_request") or {}).get("action")
        if heard.remembered("hits") and last in OF_A_SEARCH and filters_taken_back(heard.text) is not None:
            return self._instead("action_refine_search"), heard
        if question and question["kind"] == "whose_card" and (answered := _with_name(question, heard)):
            return self._instead(question["action"]), answered
        other = said_again(heard.tracker.latest_message, heard.remembered("last_request"), heard.turn.now)
        if other is None and self.of_a_book and only_a_title(heard.tracker.latest_message):
            return self._instead("action_find_item"), heard
        if other is None or self._understands_alone(other[0], heard):
            return self, heard
        return self._instead(other[0]), heard.saying(other[1])

    def _understands_alone(self, last_action: str, heard: Heard) -> bool:
        """Return whether this action makes as good sense of the words as the last one would."""
        return False

    def _to_try_again(self, heard: Heard, exc: ILSError) -> EventType:
        """Return the event that keeps what got no answer for "thử lại"; not what may be done, or never can be."""
        message = heard.tracker.latest_message
        kept = unanswered(self.action_name, message, heard.turn.now) if type(exc) not in SAY_OF_ERROR else None
        return SlotSet("unanswered", kept)

    def _instead(self, name: str) -> LibraryAction:
        action = action_named(name)
        return self if action is None or action is type(self) else action(self.services)

    def _for_next_time(
        self, dispatcher: CollectingDispatcher, heard: Heard, events: list[EventType]
    ) -> list[EventType]:
        """Return the events that remember this request, and the book talked about before the one of now."""
        told: list[EventType] = []
        silent = heard.remembered("unanswered")
        beside = heard.in_company and silent and silent["at"] == heard.turn.now.isoformat()
        if silent and self.listens and not beside:  # what another request of this very message met stays
            told.append(SlotSet("unanswered", None))
        if self.repeatable:
            message = heard.tracker.latest_message
            request = remembered_request(self.action_name, message, dispatcher.messages, heard.turn.now)
            told.append(SlotSet("last_request", request))
        before = heard.remembered("record")
        new = next((event["value"] for event in events if event.get("name") == "record"), None)
        if before and new and new != before:
            told.append(SlotSet("record_before", before))
        return told

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


def _with_name(question: Mapping[str, Any], heard: Heard) -> Heard | None:
    """Return the request for which it was asked whose card, with the name now said; None when none of them is."""
    name = name_said(question["names"], heard.text)
    if name is None:
        return None
    said = {"entity": "said", "value": SAID_CARD_OF.to(heard.lang).format(name=name)}
    asked = question["message"]
    return heard.saying({**asked, "entities": [*(asked.get("entities") or ()), said]})


def action_named(name: str) -> type[LibraryAction] | None:
    """Return the action of this name, wherever it is defined."""
    return next((action for action in _below(LibraryAction) if getattr(action, "action_name", "") == name), None)


def _below(action: type[LibraryAction]) -> Iterator[type[LibraryAction]]:
    for each in action.__subclasses__():
        yield each
        yield from _below(each)
