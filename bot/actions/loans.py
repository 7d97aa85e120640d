"""What is on loan and until when, renewing it, and what is owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.account import CardAction, card_asked_of, say_whose
from bot.actions.base import Heard, LibraryAction, question_still_open
from bot.actions.buttons import button
from bot.actions.matching import chosen, with_title
from bot.actions.questions import ask
from bot.actions.reasons import no_renewal
from bot.actions.wording import says
from library.ils import Capability, NotSupported, PatronRef
from library.model import Fee, Loan, RenewalOutcome
from library.phrasing import DAY, Lang, Words, bullets, count, full_date, money, relative_name, short_date
from library.ports import LinkedCard

_OF_THE_CARD = (
    r"thẻ(?: \w+){0,3} (?:hết hạn|còn hạn|hạn|tới khi nào|đến khi nào)|card (?:still )?(?:expires?|expired|valid)"
)
ALL = Words("Tất cả", "All of them")
RENEW = Words("Gia hạn", "Renew")
BEFORE, SOON = Words("trước {day}", "by {day}"), Words("sớm", "soon")
NEW_DUE = Words("hạn mới {day}", "now due {day}")
STILL_OVERDUE = Words("vẫn quá hạn, bạn trả sớm nhé", "still overdue, please bring it back soon")
OVERDUE_BY = Words("{day}, quá hạn {days}", "{day}, {days} overdue")
UNSURE = Words(
    "chưa chắc đã gia hạn được, hệ thống chưa báo lại; hạn đang thấy là {day}. Ít phút nữa bạn xem lại nhé.",
    "not sure it is renewed, no confirmation came; it shows {day} now. Please look again in a few minutes.",
)
NOT_RENEWED = Words("chưa gia hạn được vì {why}.", "not renewed: {why}.")


def due_day(at: datetime, now: datetime) -> date:
    """Return the day on the library's own clock."""
    return at.astimezone(now.tzinfo).date()


class ListLoans(CardAction):
    action_name = "action_list_loans"
    intent = "list_loans"
    of_a_book = True
    informs = True
    repeatable = True
    has_rules = True

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if says(_OF_THE_CARD, heard.text) and (until := (await self.services.ils.patron(who)).expires_on):
            today = heard.turn.now.date()
            response = "utter_card_expired" if until < today else "utter_card_until"
            dispatcher.utter_message(response=response, day=full_date(until, heard.lang, today=today))
            return []
        loans = await self.services.ils.loans(who, renewable=False)
        if not loans:
            dispatcher.utter_message(response="utter_no_loans")
            return []
        titles = heard.all("title")
        asked = [loan for loan in loans if any(loan in with_title(loans, title) for title in titles)]
        if titles and not asked:
            dispatcher.utter_message(response="utter_not_among_loans", title=titles[0])
        shown = asked or loans
        lines = bullets([_with_due(loan, heard) for loan in shown])
        late = any(loan.is_overdue(heard.turn.now) for loan in shown)
        response = "utter_loan" if asked else "utter_loans_some_late" if late else "utter_loans"
        buttons = [_renew_button(loan, RENEW, heard) for loan in asked] or [button(RENEW, heard.lang, "renew_loans")]
        if Capability.RENEW not in self.services.ils.capabilities:
            buttons = []
        dispatcher.utter_message(response=response, number=len(shown), lines=lines, buttons=buttons)
        return [] if len(asked) != 1 else [_talk_about(asked[0])]


class RenewLoans(CardAction):
    """Finds out which loans are meant and asks before renewing them."""

    action_name = "action_renew_loans"
    intent = "renew_loans"
    of_a_book = True
    repeatable = True
    deed = r"gia han|ra han|gia hang|keo dai|muon them|muon tiep|renew|extend"

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if Capability.RENEW not in self.services.ils.capabilities:
            raise NotSupported("this library system renews nothing by itself")
        loans = await self.services.ils.loans(who)
        if not loans:
            dispatcher.utter_message(response="utter_no_loans")
            return []
        loan_id = heard.one("loan_id")
        wanted = [loan for loan in loans if loan.loan_id == loan_id] if loan_id else chosen(loans, heard)
        for title in heard.all("title"):
            if not with_title(loans, title):
                find = button(Words(f"Tìm “{title}”", f"Find “{title}”"), heard.lang, "find_item", title=title)
                dispatcher.utter_message(response="utter_not_among_loans", title=title, buttons=[find])
        if not wanted:
            return _ask_which(loans, dispatcher, heard)
        if not any(loan.renewable for loan in wanted):
            _say_outcomes([_refused(loan) for loan in wanted], dispatcher, heard)
            return []
        return _ask_consent(wanted, dispatcher, heard)

    async def card_with(self, card: LinkedCard, cards: Sequence[LinkedCard], heard: Heard) -> LinkedCard:
        """Return the card on which the loan of a button is, the one meant when it is on none of them."""
        loan_id = heard.one("loan_id")
        for each in [card, *(other for other in cards if other.key != card.key)] if loan_id else []:
            loans = await self.services.ils.loans(each.who, renewable=False)
            if any(loan.loan_id == loan_id for loan in loans):
                return each
        return card


class DoRenew(LibraryAction):
    """Renews what the open question named."""

    action_name = "action_do_renew"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = question_still_open(heard)
        who = await card_asked_of(self.services, heard, question) if question else None
        if question is None or question["kind"] != "renew" or who is None:
            dispatcher.utter_message(response="utter_question_is_over")
            return []
        outcomes = await self.services.deeds.renew(heard.turn, who, question["loan_ids"])
        say_whose(dispatcher, question)
        _say_outcomes(outcomes, dispatcher, heard)
        return []


class TellCharges(CardAction):
    action_name = "action_tell_charges"
    intent = "ask_charges"
    informs = True
    has_rules = True

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        owed = await self.services.ils.fees(who)
        if not owed.total_vnd:
            dispatcher.utter_message(response="utter_no_charges")
            return []
        lines = bullets([_fee_line(fee, heard.lang) for fee in owed.fees])
        dispatcher.utter_message(response="utter_charges", total=money(owed.total_vnd, heard.lang), lines=lines)
        return []


def _ask_which(loans: Sequence[Loan], dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    each = [_renew_button(loan, _named(loan, heard), heard) for loan in loans]
    every = [button(ALL, heard.lang, "renew_loans", loan_scope=ALL.to(heard.lang))] if len(loans) > 1 else []
    dispatcher.utter_message(response="utter_renew_which", buttons=each + every)
    return []


def _ask_consent(loans: Sequence[Loan], dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    loan_ids = [loan.loan_id for loan in loans]
    if len(loans) == 1:
        today = heard.turn.now.date()
        due = short_date(due_day(loans[0].due_at, heard.turn.now), heard.lang, today=today)
        say: dict[str, Any] = {"title": loans[0].title, "due": due}
        question = ask(dispatcher, heard, "renew", "utter_renew_this", say=say, loan_ids=loan_ids)
        return [_talk_about(loans[0]), *question]
    lines = bullets([_with_due(loan, heard) for loan in loans])
    say = {"number": len(loans), "lines": lines}
    return ask(dispatcher, heard, "renew", "utter_renew_these", say=say, loan_ids=loan_ids)


def _say_outcomes(outcomes: Sequence[RenewalOutcome], dispatcher: CollectingDispatcher, heard: Heard) -> None:
    """Say title by title the new due date or the reason."""
    done = sum(outcome.ok for outcome in outcomes)
    say = {"done": done, "number": len(outcomes), "lines": bullets([_outcome_line(each, heard) for each in outcomes])}
    if len(outcomes) == 1:
        dispatcher.utter_message(
            response="utter_renewed_one" if done else "utter_outcome", line=_outcome_line(outcomes[0], heard)
        )
    elif done == len(outcomes):
        dispatcher.utter_message(response="utter_renewed_all", **say)
    else:
        none = not done and not any(outcome.uncertain for outcome in outcomes)
        dispatcher.utter_message(response="utter_renewed_none" if none else "utter_renewed_partly", **say)


def _outcome_line(outcome: RenewalOutcome, heard: Heard) -> str:
    lang, now = heard.lang, heard.turn.now
    late = outcome.due_at is not None and outcome.due_at < now
    if outcome.ok and outcome.due_at:
        day = full_date(due_day(outcome.due_at, now), lang, today=now.date())
        late_too = f", {STILL_OVERDUE.to(lang)}" if late else ""
        return f"“{outcome.title}”: {NEW_DUE.to(lang).format(day=day)}{late_too}"
    if outcome.uncertain and outcome.due_at:
        day = short_date(due_day(outcome.due_at, now), lang, today=now.date())
        return f"“{outcome.title}”: {UNSURE.to(lang).format(day=day)}"
    bring_back = SOON.to(lang)
    if outcome.due_at and not late:
        bring_back = BEFORE.to(lang).format(day=short_date(due_day(outcome.due_at, now), lang, today=now.date()))
    why, remedy = no_renewal(outcome.refusal, lang, bring_back)
    return f"“{outcome.title}”: {NOT_RENEWED.to(lang).format(why=why)} {remedy}".rstrip()


def _refused(loan: Loan) -> RenewalOutcome:
    return RenewalOutcome(loan.loan_id, loan.title, loan.due_at, loan.refusal)


def _with_due(loan: Loan, heard: Heard) -> str:
    """Return “Số đỏ”: thứ Ba 24/11, quá hạn 3 ngày."""
    now, lang = heard.turn.now, heard.lang
    due = due_day(loan.due_at, now)
    day = full_date(due, lang, today=now.date(), name=relative_name(due, now.date()))
    if loan.is_overdue(now):
        late = max(1, (now.date() - due).days)
        day = OVERDUE_BY.to(lang).format(day=full_date(due, lang, today=now.date()), days=count(late, DAY, lang))
    return f"“{loan.title}”: {day}"


def _named(loan: Loan, heard: Heard) -> Words:
    due = due_day(loan.due_at, heard.turn.now)
    told = f"“{loan.title}” ({short_date(due, heard.lang, today=heard.turn.now.date())})"
    return Words(told, told)


def _renew_button(loan: Loan, title: Words, heard: Heard) -> dict[str, str]:
    return button(title, heard.lang, "renew_loans", loan_id=loan.loan_id)


def _talk_about(loan: Loan) -> EventType:
    return SlotSet("record", {"record_id": loan.record_id, "title": loan.title})


def _fee_line(fee: Fee, lang: Lang) -> str:
    of = f" (“{fee.title}”)" if fee.title else ""
    return f"{fee.reason}{of}: {money(fee.amount_vnd, lang)}"


ACTIONS: tuple[type[LibraryAction], ...] = (ListLoans, RenewLoans, DoRenew, TellCharges)
