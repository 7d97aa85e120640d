"""Linking and unlinking the library card, and what every action on the patron's own card does first."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, Services
from bot.actions.buttons import Button, button
from bot.actions.curated import tell_if_sure
from bot.actions.questions import do_if_agreed
from bot.actions.whose import card_button, card_meant, say_whose
from bot.actions.wording import about_someone_else, plainly, refuses, speaks_of_self
from library.ils import PatronRef
from library.phrasing import Words, bullets, full_date, relative_name
from library.ports import LinkedCard

# "con tôi mượn được mấy cuốn" is a question about rules, "con tôi đang mượn mấy cuốn" one about a card.
_ASKS_WHAT_IS_ALLOWED = re.compile(r"\bduoc (?:muon )?(?:may|bao nhieu|toi da|bao lau)\b|\b(?:may|are) .*\ballowed\b")
SIGN_IN = Words("Đăng nhập thẻ", "Sign in with my card")
OTHER_CARD = Words("Đăng nhập thẻ khác", "Sign in with another card")
ONE_MORE = Words("Thêm thẻ nữa", "Add another card")
ALL_CARDS = Words("Tất cả các thẻ", "All cards")
MOST_CARDS = 6
_ONE_MORE = re.compile(
    r"\bthem\b.*\bthe\b|\bthe\b.*\b(?:nua|cua (?:con|be|chau))\b|\bthe (?:con|be|chau)\b|\badd\b.*\bcard\b"
)
_EVERY = re.compile(r"\btat ca\b|\bhet\b|\bmoi the\b|\bcac the\b|\ball\b")
MY_LOANS = Words("Sách trên thẻ của mình", "Books on my own card")


class CardAction(LibraryAction):
    """An action on the patron's own card: asks to link it first and goes on by itself afterwards.

    `deed` is a pattern of folded words; said with "đừng", nothing is done. `strictly_own` refuses words about
    somebody else's card; with `has_rules`, a question that speaks of nobody ("trẻ em mượn mấy cuốn") may ask the rules.
    """

    deed: ClassVar[str | None] = None
    strictly_own: ClassVar[bool] = True
    has_rules: ClassVar[bool] = False

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        if self.deed and refuses(heard.text, self.deed):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        who, cards = await self.services.links.patron_of(heard.turn), await self.services.links.cards(heard.turn)
        meant = card_meant(cards, heard.text) if len(cards) > 1 else None
        if self.strictly_own and meant is None and about_someone_else(heard.text):
            asks_rules = self.has_rules and _ASKS_WHAT_IS_ALLOWED.search(plainly(heard.text))
            if asks_rules and await tell_if_sure(self.services, dispatcher, heard):
                return []
            return say_private(dispatcher, heard)
        of_nobody = not (heard.text.startswith("/") or speaks_of_self(heard.text))
        if who is None and self.has_rules and of_nobody and await tell_if_sure(self.services, dispatcher, heard):
            return []
        if who is None:
            return await ask_to_link(self.services, dispatcher, heard, then=self.action_name)
        if self.strictly_own and "card" in heard.turn.masked:
            dispatcher.utter_message(response="utter_only_linked_card")  # whose number it was, nobody knows any more
        if meant and not meant.current and await self.services.links.choose(heard.turn, meant.who):
            who = meant.who
        say_whose(who, dispatcher, heard, cards)
        events = await self.act_for(who, dispatcher, heard)
        self._say_as_of(dispatcher, heard)
        return _remembering(who, events)

    def _say_as_of(self, dispatcher: CollectingDispatcher, heard: Heard) -> None:
        """Say when the figures are from, where the library system does not tell of now."""
        if as_of := self.services.ils.as_of:
            today = heard.turn.now.date()
            day = full_date(as_of.date(), heard.lang, today=today, name=relative_name(as_of.date(), today))
            dispatcher.utter_message(response="utter_as_of", at=f"{as_of:%H:%M}", day=day)

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        """Say what is to be said to this patron and return the events to remember."""
        raise NotImplementedError


def _remembering(who: PatronRef, events: list[EventType]) -> list[EventType]:
    """Return the events with a question that they leave open bound to the card it was asked for."""
    for event in events:
        if event.get("name") == "open_question" and isinstance(event.get("value"), dict):
            event["value"]["whose"] = who.patron_id
    return events


def say_private(dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    """Say that only the owner of a card may see what is on it."""
    dispatcher.utter_message(response="utter_private", buttons=[button(MY_LOANS, heard.lang, "list_loans")])
    return []


async def ask_to_link(
    services: Services, dispatcher: CollectingDispatcher, heard: Heard, *, then: str
) -> list[EventType]:
    """Hand out the log-in page; the message is kept, so that after linking `then` runs as if it were said again."""
    if await services.links.expired(heard.turn):
        dispatcher.utter_message(response="utter_link_ended")
    await _hand_out_page(services, dispatcher, heard, "utter_link_first", SIGN_IN)
    message = {key: heard.tracker.latest_message.get(key) for key in ("text", "intent", "entities")}
    return [SlotSet("after_link", {"action": then, "message": message})]


async def go_on_after_linking(services: Services, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    """Do what had to wait for the card, as if it were said again now."""
    waiting: dict[str, Any] | None = heard.remembered("after_link")
    actions = {action.action_name: action for action in CardAction.__subclasses__()}
    if not waiting or waiting["action"] not in actions:
        return [SlotSet("after_link", None)]
    tracker = copy.copy(heard.tracker)
    tracker.latest_message, tracker.slots = waiting["message"], {**tracker.slots, "open_question": None}
    events = await actions[waiting["action"]](services).act(dispatcher, Heard(tracker, heard.turn))
    return [SlotSet("after_link", None), *events]


async def _hand_out_page(
    services: Services,
    dispatcher: CollectingDispatcher,
    heard: Heard,
    response: str,
    title: Words,
    *,
    adds: bool = False,
    beside: Sequence[Button] = (),
    **say: Any,
) -> None:
    url = await services.links.start(heard.turn, adds=adds)
    buttons = [{"title": title.to(heard.lang), "url": url}, *beside]
    dispatcher.utter_message(response=response, buttons=buttons, **say)


class LinkAccount(LibraryAction):
    action_name = "action_link_account"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        links = self.services.links
        linked, cards = await links.patron_of(heard.turn), await links.cards(heard.turn)
        adds = bool(linked) and _wants_one_more(heard.text)
        if refuses(heard.text, r"dang nhap|lien ket|ket noi|sign in|log in|link"):
            dispatcher.utter_message(response="utter_left_as_it_was")
        elif adds and len(cards) >= MOST_CARDS:
            dispatcher.utter_message(response="utter_too_many_cards", number=MOST_CARDS)
        elif adds:
            await _hand_out_page(self.services, dispatcher, heard, "utter_link_one_more", SIGN_IN, adds=True)
        elif linked and not _wants_another_card(heard.text):
            await self._already(cards, dispatcher, heard)
        else:
            await _hand_out_page(self.services, dispatcher, heard, "utter_link_page", SIGN_IN)
        return [SlotSet("after_link", None)]

    async def _already(self, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard) -> None:
        """Say which cards are linked, and offer one more or another one."""
        one_more = button(ONE_MORE, heard.lang, "link_account", said=ONE_MORE.vi)
        if len(cards) < 2:
            await _hand_out_page(
                self.services, dispatcher, heard, "utter_already_linked", OTHER_CARD, beside=[one_more]
            )
            return
        lines = bullets([card.name for card in cards])
        others = [card_button(card, heard, "list_loans") for card in cards if not card.current]
        dispatcher.utter_message(response="utter_cards_linked", lines=lines, buttons=[*others, one_more])


def _wants_one_more(text: str) -> bool:
    return bool(_ONE_MORE.search(plainly(text)))


def _wants_another_card(text: str) -> bool:
    return any(words in plainly(text) for words in ("the khac", "doi the", "doi sang", "another card"))


class UnlinkAccount(LibraryAction):
    action_name = "action_unlink_account"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"huy lien ket|huy ket noi|go|thao|dang xuat|ngat|unlink|log out|sign out"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        cards = await self.services.links.cards(heard.turn)
        if len(cards) > 1 and not _EVERY.search(plainly(heard.text)):
            return await self._one_of(cards, dispatcher, heard)
        removed = await self.services.links.remove(heard.turn)
        dispatcher.utter_message(response="utter_unlinked" if removed else "utter_not_linked")
        return [SlotSet("after_link", None)]

    async def _one_of(
        self, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard
    ) -> list[EventType]:
        """Take off the card that is named, or ask which."""
        meant = card_meant(cards, heard.text)
        if meant is None:
            each = [card_button(card, heard, "unlink_account") for card in cards]
            every = button(ALL_CARDS, heard.lang, "unlink_account", said=ALL_CARDS.vi)
            dispatcher.utter_message(response="utter_unlink_which", buttons=[*each, every])
            return []
        await self.services.links.remove(heard.turn, meant.who)
        dispatcher.utter_message(response="utter_unlinked_one", name=meant.name)
        return [SlotSet("after_link", None)]


ACTIONS: tuple[type[LibraryAction], ...] = (LinkAccount, UnlinkAccount)
