"""The small change of a conversation: greetings, yes and no, the menu, the language, and what was not understood."""

from __future__ import annotations

import asyncio
import re
from typing import Any, ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import go_on_after_linking, say_private
from bot.actions.base import Heard, LibraryAction, Services, question_still_open
from bot.actions.buttons import button
from bot.actions.curated import tell_if_sure
from bot.actions.finding import likeness
from bot.actions.forms import leave_form
from bot.actions.handoff import offer_librarian
from bot.actions.questions import do_after_yes, do_again_button, do_if_agreed
from bot.actions.readings import deed_named_first, near_readings
from bot.actions.search import FindItem, RefineSearch
from bot.actions.wording import angry, declines, plainly, pries, says
from library.phrasing import Words, listing
from library.text import nfc

# What the buttons under "has this sign-in been you?" say they answer.
SIGN_IN_QUESTION = "link"
MY_CARD = Words("Thẻ đó là của mình", "That card is mine")
_KEEPS_BOTH = r"giữ cả|cả hai|keep both|both"
_LONGEST_TITLE = 12  # words
_THANKS = re.compile(
    r"^.*?\b(?:c[ảáa]m [ơo]n|thanks?|thank you|tks)\b[^,.;\n]*[,.;\n]?\s*(?:mà|ma|nhưng|nhung|với lại|à|and|but)?\s*"
    r"(?:cho (?:\w+ )?hỏi(?: thêm)?(?: là)?)?\s*",
    re.IGNORECASE,
)
_MOSTLY = 0.7
LANGUAGES = {"vi": Words("Tiếng Việt", "Tiếng Việt"), "en": Words("English", "English")}
MISSED = frozenset({"nlu_fallback", "out_of_scope"})
LATEST = Words("Làm việc bạn vừa hỏi", "Do what you asked me about")


class SmallTalk(LibraryAction):
    """Says one response and is done."""

    response: ClassVar[str]

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        name = self.services.library_name_en if heard.lang == "en" else self.services.library_name
        dispatcher.utter_message(response=self.response, library=name)
        return []


class Greet(SmallTalk):
    action_name = "action_greet"
    response = "utter_greet"
    keeps_question = True


class Goodbye(SmallTalk):
    action_name = "action_goodbye"
    response = "utter_goodbye"


class Thank(SmallTalk):
    """Thanks back; a question asked in the same breath is what is answered."""

    action_name = "action_thank"
    response = "utter_welcome"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = _THANKS.sub("", nfc(heard.text))
        if len(question.split()) > 2 and await tell_if_sure(self.services, dispatcher, heard, question):
            return []
        return await super().act(dispatcher, heard)


class BotChallenge(SmallTalk):
    action_name = "action_bot_challenge"
    response = "utter_i_am_a_bot"
    keeps_question = True


class TellCapabilities(SmallTalk):
    action_name = "action_tell_capabilities"
    response = "utter_capabilities"


class Chitchat(SmallTalk):
    action_name = "action_chitchat"
    response = "utter_chitchat"
    keeps_question = True


class OutOfScope(SmallTalk):
    """Says kindly what a library cannot do; an insult is met with a person, another's privacy with a refusal.

    What was only taken for it is answered as what it is: a yes, a bare title, no words at all.
    """

    action_name = "action_out_of_scope"
    response = "utter_out_of_scope"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if pries(heard.text):
            return say_private(dispatcher, heard)
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        if angry(heard.text):
            return offer_librarian(dispatcher, heard, "utter_offer_after_anger")
        if await names_a_book(self.services, heard):
            return await FindItem(self.services).act(dispatcher, heard)
        if not any(c.isalnum() for c in heard.text):
            dispatcher.utter_message(response="utter_not_understood")
            return []
        misses = misses_in_a_row(heard.tracker)
        if misses >= 3:
            return offer_librarian(dispatcher, heard, "utter_offer_after_anger")
        if misses == 2:
            dispatcher.utter_message(response="utter_out_of_scope_again")
            return []
        return await super().act(dispatcher, heard)


class ChangeLanguage(LibraryAction):
    action_name = "action_change_language"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        words = plainly(heard.text)
        if _OF_BOOKS.search(words):
            return await RefineSearch(self.services).act(dispatcher, heard)
        if _TRANSLATE.search(words):
            dispatcher.utter_message(response="utter_out_of_scope")
            return []
        locale = heard.one("locale") or _language_in(heard)
        if locale is None:
            # Not in the domain: there Rasa takes braces for variables, and logs all slots when it finds none.
            both = [button(words, heard.lang, "change_language", locale=each) for each, words in LANGUAGES.items()]
            dispatcher.utter_message(response="utter_which_language", buttons=both)
            return []
        # Responses are chosen by the language of before this turn, so each of these two has one language only.
        dispatcher.utter_message(response=f"utter_now_in_{locale}")
        return [SlotSet("locale", locale)]


_NAMED = re.compile(
    r"\b(?:(?P<vi>tieng viet|vietnamese|viet|vn|tv|tieng ta|tieng minh)|(?P<en>tieng anh|english|eng))\b"
)
# "có bằng tiếng Anh không" asks for books, "dịch sang tiếng Anh" for what a library does not do.
_OF_BOOKS = re.compile(
    r"\b(?:sach|cuon|quyen|truyen|tai lieu|ban tieng|(?:co|con) (?:ban )?bang|books?|novels?|anything)\b"
)
_TRANSLATE = re.compile(r"\b(?:dich|translate)\b")
_NOT_VIETNAMESE = re.compile(r"\b(?:don t understand|no|my|bad) vietnamese\b|\bonly (?:read|speak) english\b")


def _language_in(heard: Heard) -> str | None:
    """Return the language asked for, the last one named; "I don't understand Vietnamese" asks for the other."""
    words = plainly(heard.text)
    if _NOT_VIETNAMESE.search(words):
        return "en"
    named = list(_NAMED.finditer(plainly(" ".join(heard.all("language"))) or words))
    return named[-1].lastgroup if named else None


class Affirm(LibraryAction):
    """Confirms a log-in that waits for its owner's word, or does what the open question was about; else asks."""

    action_name = "action_affirm"
    keeps_question_on_error = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        pressed, question = heard.one("question"), question_still_open(heard)
        if pressed is None and declines(heard.text):
            return await Deny(self.services).act(dispatcher, heard)
        name = await self.services.links.pending(heard.turn) if pressed in (None, SIGN_IN_QUESTION) else None
        if name and question and pressed is None:
            return _ask_yes_to_which(dispatcher, heard, question)
        if name:
            await self.services.links.confirm(heard.turn, keeps=says(_KEEPS_BOTH, heard.text))
            dispatcher.utter_message(response="utter_linked", name=name)
            return await go_on_after_linking(self.services, dispatcher, heard)
        if _answers_another(pressed, heard):
            dispatcher.utter_message(response="utter_question_is_over")
            return [SlotSet("open_question", question)]
        done = await do_after_yes(question["kind"], self.services, dispatcher, heard) if question else None
        if done is not None:
            return done
        late = heard.remembered("open_question") if pressed is None and question is None else None
        again = do_again_button(late, heard.lang) if isinstance(late, dict) else None
        dispatcher.utter_message(response="utter_yes_too_late", buttons=[again]) if again else dispatcher.utter_message(
            response="utter_yes_to_what"
        )
        return []


def _ask_yes_to_which(dispatcher: CollectingDispatcher, heard: Heard, question: dict[str, Any]) -> list[EventType]:
    """A log-in waits and a question is open: a bare yes must not be taken for the wrong one."""
    buttons = [
        button(MY_CARD, heard.lang, "affirm", question=SIGN_IN_QUESTION),
        button(LATEST, heard.lang, "affirm", question=question["asked_at"]),
    ]
    dispatcher.utter_message(response="utter_yes_to_which", buttons=buttons)
    return [SlotSet("open_question", question)]


class Deny(LibraryAction):
    """Throws away a log-in that was not the patron's, or closes the open question and form; else asks."""

    action_name = "action_deny"
    nothing_open: ClassVar[str] = "utter_no_to_what"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        pressed, question = heard.one("question"), question_still_open(heard)
        if pressed in (None, SIGN_IN_QUESTION) and await self.services.links.refuse(heard.turn):
            dispatcher.utter_message(response="utter_link_refused")
            return [SlotSet("after_link", None)]
        if _answers_another(pressed, heard):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return [SlotSet("open_question", question)]
        form_open = bool(heard.tracker.active_loop.get("name"))
        # Without either, what is refused may be done already: "mà thôi đừng huỷ" after a hold was let go.
        dispatcher.utter_message(response="utter_left_as_it_was" if question or form_open else self.nothing_open)
        return leave_form() if form_open else []


class Cancel(Deny):
    """Stops whatever is under way."""

    action_name = "action_cancel"
    nothing_open = "utter_nothing_to_cancel"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = question_still_open(heard)
        may_agree = question is not None and question["kind"] in ("cancel_hold", "forget")  # "ừ huỷ đi"
        if may_agree and (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        return await super().act(dispatcher, heard)


def _answers_another(pressed: str | None, heard: Heard) -> bool:
    """Return whether a button was pressed that belongs to a question other than the one open now."""
    question = question_still_open(heard)
    return pressed is not None and (question is None or question["asked_at"] != pressed)


async def names_a_book(services: Services, heard: Heard) -> bool:
    """Return whether the message is a title of the catalogue, or hardly more than what was taken for one."""
    named = [each for slot in ("title", "author", "isbn") for each in heard.all(slot)]
    if named and sum(map(len, named)) >= _MOSTLY * len(heard.text.strip()):
        return True
    if not 1 < len(plainly(heard.text).split()) <= _LONGEST_TITLE:
        return False
    same = await asyncio.to_thread(services.searcher.titled, heard.text)
    return any(likeness(heard.text, record) in ("exact", "unaccented") for record in same)


class NotUnderstood(LibraryAction):
    """Says so in other words each time, offers three ways on, then a person; the librarians see what was asked."""

    action_name = "action_not_understood"

    def _meant(self, heard: Heard) -> tuple[LibraryAction, Heard]:
        doing, heard = super()._meant(heard)
        named = deed_named_first(heard) if doing is self else None
        return (self._instead(named) if named else doing), heard

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if pries(heard.text):
            return say_private(dispatcher, heard)
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        if await names_a_book(self.services, heard):
            return await FindItem(self.services).act(dispatcher, heard)
        if not heard.turn.masked and any(c.isalpha() for c in heard.text):
            await self.services.desk.unanswered(heard.turn, heard.text, "không hiểu")
        misses = misses_in_a_row(heard.tracker)
        if angry(heard.text):
            return offer_librarian(dispatcher, heard, "utter_offer_after_anger")
        if misses >= 3:
            return offer_librarian(dispatcher, heard, "utter_offer_after_misses")
        near = near_readings(heard)
        if len(near) > 1 and misses == 1:
            dispatcher.utter_message(response="utter_did_you_mean_one_of", buttons=near)
            return []
        dispatcher.utter_message(response="utter_not_understood" if misses == 1 else "utter_not_understood_again")
        return []


def misses_in_a_row(tracker: Tracker) -> int:
    """Return how many of the patron's latest messages, this one among them, were not understood or not for us."""
    heard = [event["parse_data"]["intent"].get("name") for event in tracker.events if event.get("event") == "user"]
    understood = next((n for n, intent in enumerate(reversed(heard)) if intent not in MISSED), len(heard))
    return max(1, understood)


class TryAgain(LibraryAction):
    """Runs only when nothing is left to try again: else the request itself is heard once more."""

    action_name = "action_try_again"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        dispatcher.utter_message(response="utter_question_is_over")
        return []


class NameWaiting(LibraryAction):
    """Names the requests of the same message that come after the question which is open now."""

    action_name = "action_name_waiting"
    keeps_question = True
    listens = False

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        texts = (heard.remembered("waiting_requests") or {}).get("texts", ())
        requests = listing([f"“{text}”" for text in texts], heard.lang)
        dispatcher.utter_message(response="utter_waiting", requests=requests)
        return []


ACTIONS: tuple[type[LibraryAction], ...] = (
    NameWaiting,
    TryAgain,
    Greet,
    Goodbye,
    Thank,
    Affirm,
    Deny,
    Cancel,
    BotChallenge,
    TellCapabilities,
    ChangeLanguage,
    Chitchat,
    OutOfScope,
    NotUnderstood,
)
