"""Keeping a copy for the patron: placing a hold, seeing how the holds stand, letting one go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import CardAction, card_asked_of, say_whose
from bot.actions.base import Heard, LibraryAction, question_still_open
from bot.actions.buttons import button
from bot.actions.cards import branch_name, place_lines
from bot.actions.finding import named
from bot.actions.forms import interrupted, leave_form
from bot.actions.matching import chosen
from bot.actions.meant import Meant, record_meant
from bot.actions.questions import ask
from bot.actions.reasons import no_hold
from bot.actions.records import ShowRecord
from bot.actions.wording import plainly
from library.ils import Capability, ILSOutcomeUnknown, ILSUnavailable, NotSupported, PatronRef
from library.model import Branch, Hold, HoldOutcome, HoldStatus, ItemState, Refusal
from library.phrasing import Words, bullets, full_date
from retrieval.record import Record

ALL = Words("Huỷ tất cả", "Cancel all of them")
READY = Words("đã sẵn sàng ở {branch}", "ready at {branch}")
READY_UNTIL = Words("đã sẵn sàng ở {branch}, giữ đến hết {day}", "ready at {branch}, kept until {day}")
IN_TRANSIT = Words("đang trên đường về {branch}", "on its way to {branch}")
QUEUED = Words(
    "đang chờ, bạn đứng thứ {position}, nhận tại {branch}", "waiting, you are number {position}, pick-up at {branch}"
)
WAITING = Words("đang chờ, nhận tại {branch}", "waiting, pick-up at {branch}")
SOMEWHERE = Words("thư viện", "the library")  # where the library system does not say which branch
_AROUND_A_BRANCH = re.compile(
    r"\b(?:o|tai|nhan|lay|qua|ben|chi nhanh|thu vien|co so|cho|em|minh|toi|thi|la|da|vang|u|khong|thoi|nha|nhe|a|di"
    r"|duoc|at|in|the|branch|library|please|pick(?: it)? up|i ll|from)\b"
)
NEVER_LENT = {ItemState.READING_ONLY, ItemState.MISSING, ItemState.UNKNOWN}
LET_GO = Words("đã huỷ", "cancelled")
LET_GO_UNSURE = Words(
    "chưa chắc đã huỷ được, hệ thống chưa báo lại. Ít phút nữa bạn xem lại nhé",
    "not sure it is cancelled, no confirmation came. Please look again in a few minutes",
)
NOT_LET_GO = Words("chưa huỷ được vì {why}", "not cancelled: {why}")


class PlaceHold(CardAction):
    """Finds the record and the pick-up branch, tells when a copy is in, and asks before placing the hold."""

    action_name = "action_place_hold"
    intent = "place_hold"
    of_a_book = True
    repeatable = True
    deed = r"dat giu|dat truoc|dat muon|dat cho|giu cho|dat|giu|hold|reserve"
    strictly_own = False  # "đặt cho con gái tôi" goes on the parent's own card

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if Capability.PLACE_HOLD not in self.services.ils.capabilities:
            raise NotSupported("this library system keeps nothing by itself")
        meant = await record_meant(self.services, heard)
        if meant.record:
            return await self._hold(meant.record, dispatcher, heard)
        if meant.doubtful:
            say = {"wanted": named(meant.doubtful, heard.lang)}
            that_one: dict[str, Any] = {"record_id": meant.doubtful.record_id, "title": meant.doubtful.full_title}
            return ask(dispatcher, heard, "start_hold", "utter_hold_did_you_mean", say=say, **that_one)
        if meant == Meant():
            dispatcher.utter_message(response="utter_hold_what")
            return []
        return await ShowRecord(self.services).of(dispatcher, heard, meant)

    async def _hold(self, record: Record, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        target = {"record_id": record.record_id, "title": record.full_title}
        about = SlotSet("record", target)
        if await self._needs_no_hold(record, dispatcher, heard):
            return [about]
        towards = await _towards_hold(self, target, heard.one("branch"), dispatcher, heard)
        return [about, SlotSet("to_hold", target), *towards]

    async def _needs_no_hold(self, record: Record, dispatcher: CollectingDispatcher, heard: Heard) -> bool:
        """Say so when a copy stands on the shelf, or when none may leave the house."""
        copies = (await self.services.ils.availability([record.record_id])).get(record.record_id, [])
        free = [copy for copy in copies if copy.state is ItemState.AVAILABLE]
        if free:
            lines = bullets(place_lines(record, free, heard, self.services.calendar()))
            dispatcher.utter_message(response="utter_hold_on_shelf", title=record.full_title, lines=lines)
            return True
        if copies and {copy.state for copy in copies} <= NEVER_LENT:
            _say_refused(record.full_title, Refusal.NOT_HOLDABLE, dispatcher, heard)
            return True
        return False


class AskPickup(LibraryAction):
    """The form's question; it is not put again to a patron who went on to other matters."""

    action_name = "action_ask_pickup"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if interrupted(heard, "place_hold"):
            return leave_form()
        places = [place for place in await self.services.ils.branches() if place.pickup]
        buttons = [button(_named(place), heard.lang, "place_hold", branch=place.code) for place in places]
        title = (heard.remembered("to_hold") or {}).get("title", "")
        dispatcher.utter_message(response="utter_hold_where", title=title, buttons=buttons)
        return []


class ValidatePickup(LibraryAction):
    """Rasa's check of the form's slot: a message that is a branch's name and no more is the answer, whatever it was
    taken for; one that only speaks of a branch is not."""

    action_name = "validate_hold_form"
    keeps_question = True
    listens = False  # the form, or the action that interrupts it, does

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if heard.remembered("requested_slot") != "pickup" or heard.remembered("pickup"):
            return []
        said = " ".join(_AROUND_A_BRANCH.sub(" ", plainly(heard.text)).split())
        branches = self.services.calendar().branches
        named = next((each for each in branches if said in {plainly(name) for name in each.all_names()}), None)
        return [SlotSet("pickup", named.code)] if named and not heard.text.startswith("/") else []


class HoldAt(LibraryAction):
    """The form has its branch, or was dropped."""

    action_name = "action_hold_at"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        said, target = heard.remembered("pickup"), heard.remembered("to_hold")
        if not said or not target:
            return []
        return await _towards_hold(self, target, str(said), dispatcher, heard)


class DoHold(LibraryAction):
    """Places the hold that the open question named."""

    action_name = "action_do_hold"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = question_still_open(heard)
        who = await card_asked_of(self.services, heard, question) if question else None
        if question is None or question["kind"] != "hold" or who is None:
            dispatcher.utter_message(response="utter_question_is_over")
            return []
        outcome = await self.services.deeds.place_hold(heard.turn, who, question["record_id"], question["pickup"])
        say_whose(dispatcher, question)
        if outcome.hold:
            status = _status(outcome.hold, self, heard)
            dispatcher.utter_message(response="utter_hold_placed", title=question["title"], status=status)
        elif outcome.uncertain:
            dispatcher.utter_message(response="utter_hold_unsure", title=question["title"])
        else:
            _say_refused(question["title"], outcome.refusal, dispatcher, heard)
        return []


class ListHolds(CardAction):
    action_name = "action_list_holds"
    intent = "list_holds"
    informs = True

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        holds = await self.services.ils.holds(who)
        if not holds:
            dispatcher.utter_message(response="utter_no_holds")
            return []
        asked = chosen(holds, heard) if heard.all("title") else None
        if asked == []:
            dispatcher.utter_message(response="utter_not_among_holds", title=heard.one("title"))
        lines = bullets([f"“{hold.title}”: {_status(hold, self, heard)}" for hold in asked or holds])
        dispatcher.utter_message(response="utter_holds", number=len(asked or holds), lines=lines)
        return []


class CancelHold(CardAction):
    """Finds out which holds are meant and asks before letting them go."""

    action_name = "action_cancel_hold"
    intent = "cancel_hold"
    of_a_book = True
    repeatable = True
    deed = r"huy|bo dat|xoa|cancel"

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        holds = await self.services.ils.holds(who)
        if not holds:
            dispatcher.utter_message(response="utter_no_holds")
            return []
        hold_id = heard.one("hold_id")
        meant = [hold for hold in holds if hold.hold_id == hold_id] if hold_id else chosen(holds, heard)
        if not meant:
            if heard.all("title"):
                dispatcher.utter_message(response="utter_not_among_holds", title=heard.one("title"))
            dispatcher.utter_message(response="utter_cancel_which", buttons=_cancel_buttons(holds, heard))
            return []
        say = {"lines": bullets([f"“{hold.title}”: {_status(hold, self, heard)}" for hold in meant])}
        let_go = [{"hold_id": hold.hold_id, "title": hold.title} for hold in meant]
        return ask(dispatcher, heard, "cancel_hold", "utter_cancel_confirm", say=say, holds=let_go)


class DoCancelHold(LibraryAction):
    """Lets go the holds that the open question named."""

    action_name = "action_do_cancel_hold"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = question_still_open(heard)
        who = await card_asked_of(self.services, heard, question) if question else None
        if question is None or question["kind"] != "cancel_hold" or who is None:
            dispatcher.utter_message(response="utter_question_is_over")
            return []
        lines: list[str] = []
        for hold in question["holds"]:
            outcome = await self._cancel(who, hold["hold_id"], heard, others_done=bool(lines))
            lines.append(f"“{hold['title']}”: {_let_go(outcome, heard)}")
        say_whose(dispatcher, question)
        dispatcher.utter_message(response="utter_cancelled", lines=bullets(lines))
        return []

    async def _cancel(self, who: PatronRef, hold_id: str, heard: Heard, *, others_done: bool) -> HoldOutcome:
        """Return what came of it. Once something was done, a system that falls silent is told in the list."""
        try:
            return await self.services.deeds.cancel_hold(heard.turn, who, hold_id)
        except ILSOutcomeUnknown:
            return HoldOutcome(uncertain=True)
        except ILSUnavailable:
            if not others_done:
                raise
            return HoldOutcome(refusal=Refusal.NO_ANSWER)


async def _towards_hold(
    action: LibraryAction, target: Mapping[str, Any], said: str | None, dispatcher: CollectingDispatcher, heard: Heard
) -> list[EventType]:
    """Ask for consent once the branch is known, else for the branch."""
    services = action.services
    places = {place.code: place for place in await services.ils.branches() if place.pickup}
    named = services.calendar().find_branch(said) if said else None
    if named and named.code in places:
        place = places[named.code]
    elif len(places) == 1:
        place = next(iter(places.values()))
    else:
        if said:
            branch = named.name.to(heard.lang) if named else said
            dispatcher.utter_message(response="utter_hold_not_there", branch=branch)
        return [SlotSet("pickup", None), FollowupAction("hold_form")]
    say = {"title": target["title"], "branch": _named(place).to(heard.lang)}
    return ask(dispatcher, heard, "hold", "utter_hold_confirm", say=say, pickup=place.code, **target)


def _status(hold: Hold, action: LibraryAction, heard: Heard) -> str:
    """Return how the hold stands, as the library system says it."""
    lang = heard.lang
    branch = branch_name(hold.pickup, action.services.calendar(), lang) if hold.pickup else SOMEWHERE.to(lang)
    if hold.status is HoldStatus.READY and hold.expires_on:
        day = full_date(hold.expires_on, lang, today=heard.turn.now.date())
        return READY_UNTIL.to(lang).format(branch=branch, day=day)
    if hold.status is HoldStatus.WAITING and hold.position:
        return QUEUED.to(lang).format(branch=branch, position=hold.position)
    words = {HoldStatus.READY: READY, HoldStatus.IN_TRANSIT: IN_TRANSIT, HoldStatus.WAITING: WAITING}[hold.status]
    return words.to(lang).format(branch=branch)


def _let_go(outcome: HoldOutcome, heard: Heard) -> str:
    if outcome.ok:
        return LET_GO.to(heard.lang)
    if outcome.uncertain:
        return LET_GO_UNSURE.to(heard.lang)
    why, _ = no_hold(outcome.refusal, heard.lang)
    return NOT_LET_GO.to(heard.lang).format(why=why)


def _say_refused(title: str, refusal: Refusal | None, dispatcher: CollectingDispatcher, heard: Heard) -> None:
    why, remedy = no_hold(refusal, heard.lang)
    dispatcher.utter_message(response="utter_hold_refused", title=title, why=why, help=remedy)


def _cancel_buttons(holds: Sequence[Hold], heard: Heard) -> list[dict[str, str]]:
    each = [button(Words(f"“{h.title}”", f"“{h.title}”"), heard.lang, "cancel_hold", hold_id=h.hold_id) for h in holds]
    return [*each, button(ALL, heard.lang, "cancel_hold", loan_scope=ALL.to(heard.lang))]


def _named(branch: Branch) -> Words:
    return Words(branch.name, branch.name_en)


ACTIONS: tuple[type[LibraryAction], ...] = (
    PlaceHold,
    AskPickup,
    ValidatePickup,
    HoldAt,
    DoHold,
    ListHolds,
    CancelHold,
    DoCancelHold,
)
