"""Linking and unlinking the library card, and what every action on the patron's own card does first."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction, Services, open_question
from bot.actions.buttons import Button, button
from bot.actions.curated import tell_if_sure
from bot.actions.questions import do_if_agreed
from bot.actions.whose import ANOTHER_CARD, SAID_CARD_OF, Whose, cards_named, whose
from bot.actions.wording import about_someone_else, plainly, refuses, says, speaks_of_self
from library.ils import PatronRef, PatronUnknown
from library.phrasing import Words, bullets, full_date, listing, relative_name
from library.ports import LinkedCard

# "con tôi mượn được mấy cuốn" is a question about rules, "con tôi đang mượn mấy cuốn" one about a card.
_ASKS_WHAT_IS_ALLOWED = re.compile(r"\bduoc (?:muon )?(?:may|bao nhieu|toi da|bao lau)\b|\b(?:may|are) .*\ballowed\b")
SIGN_IN = Words("Đăng nhập thẻ", "Sign in with my card")
OTHER_CARD = Words("Đăng nhập thẻ khác", "Sign in with another card")
MY_LOANS = Words("Sách trên thẻ của mình", "Books on my own card")
ONE_MORE = Words("Thêm thẻ", "Add a card")
ONE_MORE_TOO = Words("Thêm thẻ nữa", "Add one more card")
CARD_OF = Words("Thẻ của {name}", "The card of {name}")
UNLINK = Words("Gỡ thẻ của {name}", "Unlink the card of {name}")
UNLINK_ALL = Words("Gỡ tất cả các thẻ", "Unlink all cards")
MOST_CARDS = 6
_ONE_MORE = (
    r"thêm (?:\w+ ){0,2}thẻ|liên kết thêm|thẻ nữa|thẻ thứ (?:hai|ba|2|3)"
    r"|thêm (?:cho )?(?:con|bé|vợ|chồng|mẹ|bố)|add|one more"
)
_LETS_GO = r"gỡ|hủy|bỏ|xóa|tháo|ngắt|rút|thoát|đăng xuất|unlink|disconnect|remove|log out|sign out"
_CHANGE_TO = r"đổi sang"
_ALL = r"tất cả|hết|cả hai|mọi thẻ|các thẻ|toàn bộ|all|both|every"


class CardAction(LibraryAction):
    """An action on the patron's own card: asks to link it first and goes on by itself afterwards.

    `deed` is a pattern of folded words; said with "đừng", nothing is done. `strictly_own` refuses words about
    somebody else's card; with `has_rules`, a question that speaks of nobody ("trẻ em mượn mấy cuốn") may ask the rules.
    """

    deed: ClassVar[str | None] = None
    strictly_own: ClassVar[bool] = True
    has_rules: ClassVar[bool] = False
    intent: ClassVar[str]  # what a button that asks the same of another card carries

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        if self.deed and refuses(heard.text, self.deed):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        cards = await self.services.links.cards(heard.turn)
        meant = whose(cards, heard.text, heard.all("title")) if len(cards) > 1 else Whose()
        if meant.doubtful:
            return ask_whose(self, meant.doubtful, dispatcher, heard)
        if meant.card is None and self.strictly_own and about_someone_else(heard.text):
            asks_rules = self.has_rules and _ASKS_WHAT_IS_ALLOWED.search(plainly(heard.text))
            if asks_rules and await tell_if_sure(self.services, dispatcher, heard):
                return []
            return say_private(dispatcher, heard)
        card = meant.card or next((each for each in cards if each.current), None)
        of_nobody = not (heard.text.startswith("/") or speaks_of_self(heard.text))
        if card is None and self.has_rules and of_nobody and await tell_if_sure(self.services, dispatcher, heard):
            return []
        if card is None:
            await say_ended(self.services, dispatcher, heard)
            return await ask_to_link(self.services, dispatcher, heard, then=self.action_name)
        if self.strictly_own and "card" in heard.turn.masked:
            dispatcher.utter_message(response="utter_only_linked_card")  # whose number it was, nobody knows any more
        await say_ended(self.services, dispatcher, heard)
        return await self._of_card(card, cards, dispatcher, heard)

    async def _of_card(
        self, card: LinkedCard, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard
    ) -> list[EventType]:
        """Answer about this card; of several it is said whose it is, and it stays the current one."""
        if len(cards) > 1:
            card = await self.card_with(card, cards, heard)
        if not card.current:
            await self.services.links.choose(heard.turn, card.who)
        said = CollectingDispatcher()
        try:
            events = await self.act_for(card.who, said, heard)
        except PatronUnknown:
            await self.services.links.gone(heard.turn, card.who)
            dispatcher.utter_message(response="utter_card_gone", name=card.name)
            return []
        if len(cards) > 1:
            dispatcher.utter_message(response="utter_card_of", name=card.name)
            events = [_of(card, event) for event in events]
            _offer_others(self, card, cards, said, events, heard)
        dispatcher.messages.extend(said.messages)
        self._say_as_of(dispatcher, heard)
        return events

    def _say_as_of(self, dispatcher: CollectingDispatcher, heard: Heard) -> None:
        """Say when the figures are from, where the library system does not tell of now."""
        if as_of := self.services.ils.as_of:
            today = heard.turn.now.date()
            day = full_date(as_of.date(), heard.lang, today=today, name=relative_name(as_of.date(), today))
            dispatcher.utter_message(response="utter_as_of", at=f"{as_of:%H:%M}", day=day)

    async def card_with(self, card: LinkedCard, cards: Sequence[LinkedCard], heard: Heard) -> LinkedCard:
        """Return the card that has what this message names by its number; the one meant when it names nothing so."""
        return card

    async def act_for(self, who: PatronRef, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        """Say what is to be said to this patron and return the events to remember."""
        raise NotImplementedError


def _of(card: LinkedCard, event: EventType) -> EventType:
    """Return the event with the card in it, so that a later yes acts on no other."""
    if event.get("name") not in ("open_question", "to_hold") or not event.get("value"):
        return event
    return SlotSet(event["name"], {**event["value"], "card": card.key, "whose": card.name})


def _offer_others(
    action: CardAction,
    card: LinkedCard,
    cards: Sequence[LinkedCard],
    said: CollectingDispatcher,
    events: Sequence[EventType],
    heard: Heard,
) -> None:
    """Put buttons for the other cards under the last words, unless these are a question or a form's."""
    goes_on = any(event["event"] == "followup" or event.get("name") == "open_question" for event in events)
    if goes_on or not said.messages:
        return
    others = [_of_card_button(action, each, heard) for each in cards if each.key != card.key]
    said.messages[-1]["buttons"] = [*(said.messages[-1].get("buttons") or ()), *others]


def _of_card_button(action: CardAction, card: LinkedCard, heard: Heard) -> dict[str, str]:
    named = {slot: heard.one(slot) for slot in ("title", "loan_scope", "record_id", "branch")}
    return _card_button(CARD_OF, action.intent, card, heard, **named)


def _card_button(words: Words, intent: str, card: LinkedCard, heard: Heard, **slots: str | None) -> dict[str, str]:
    """Return a button of this card: it carries the name, as if typed, and nothing that the library system knows."""
    title = words.to(heard.lang).format(name=card.name)
    said = (UNLINK if words is UNLINK else SAID_CARD_OF).to(heard.lang).format(name=card.name)
    return button(Words(title, title), heard.lang, intent, said=said, **slots)


def ask_whose(
    action: CardAction, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard
) -> list[EventType]:
    """Ask for which of these cards; a name alone answers too."""
    buttons = [_of_card_button(action, card, heard) for card in cards]
    dispatcher.utter_message(response="utter_whose_card", buttons=buttons)
    message = {key: heard.tracker.latest_message.get(key) for key in ("text", "intent", "entities")}
    names = [card.name for card in cards]
    return [open_question("whose_card", heard.turn, action=action.action_name, message=message, names=names)]


async def card_asked_of(services: Services, heard: Heard, question: Mapping[str, Any]) -> PatronRef | None:
    """Return the card that the question was put for, whichever was chosen since; None when it is linked no more."""
    if key := question.get("card"):
        cards = await services.links.cards(heard.turn)
        return next((card.who for card in cards if card.key == key), None)
    return await services.links.patron_of(heard.turn)


def say_whose(dispatcher: CollectingDispatcher, question: Mapping[str, Any]) -> None:
    """Say whose card a deed was done on, where several are linked."""
    if name := question.get("whose"):
        dispatcher.utter_message(response="utter_card_of", name=name)


async def say_ended(services: Services, dispatcher: CollectingDispatcher, heard: Heard) -> None:
    """Say which links ended for want of use, once."""
    if names := await services.links.ended(heard.turn):
        dispatcher.utter_message(response="utter_link_ended", names=listing(list(names), heard.lang))


def say_private(dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    """Say that only the owner of a card may see what is on it."""
    dispatcher.utter_message(response="utter_private", buttons=[button(MY_LOANS, heard.lang, "list_loans")])
    return []


async def ask_to_link(
    services: Services, dispatcher: CollectingDispatcher, heard: Heard, *, then: str
) -> list[EventType]:
    """Hand out the log-in page; the message is kept, so that after linking `then` runs as if it were said again."""
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
    replaces: bool = False,
    beside: Sequence[Button] = (),
) -> None:
    url = await services.links.start(heard.turn, replaces=replaces)
    dispatcher.utter_message(response=response, buttons=[{"title": title.to(heard.lang), "url": url}, *beside])


class LinkAccount(LibraryAction):
    """Links a card, one more, or another instead; of several linked, changes to the one named or shows them."""

    action_name = "action_link_account"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        cards = await self.services.links.cards(heard.turn)
        named = cards_named(cards, heard.text) if len(cards) > 1 else []
        if refuses(heard.text, r"dang nhap|lien ket|ket noi|them|sign in|log in|link|add"):
            dispatcher.utter_message(response="utter_left_as_it_was")
        elif not cards:
            await _hand_out_page(self.services, dispatcher, heard, "utter_link_page", SIGN_IN)
        elif says(_ONE_MORE, heard.text):
            await self._one_more(cards, dispatcher, heard)
        elif len(named) == 1:
            await self.services.links.choose(heard.turn, named[0].who)
            dispatcher.utter_message(response="utter_card_chosen", name=named[0].name)
        elif len(cards) > 1:
            await self._show(named or cards, dispatcher, heard)
        elif says(ANOTHER_CARD, heard.text) or says(_CHANGE_TO, heard.text):
            await _hand_out_page(self.services, dispatcher, heard, "utter_link_page", SIGN_IN, replaces=True)
        else:
            await self._already(dispatcher, heard)
        return [SlotSet("after_link", None)]

    async def _already(self, dispatcher: CollectingDispatcher, heard: Heard) -> None:
        """Say that a card is linked, and offer another one instead or one more."""
        said, words = "utter_already_linked", ONE_MORE_TOO.to(heard.lang)
        one_more = button(ONE_MORE_TOO, heard.lang, "link_account", said=words)
        await _hand_out_page(self.services, dispatcher, heard, said, OTHER_CARD, replaces=True, beside=[one_more])

    async def _one_more(self, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard) -> None:
        if len(cards) >= MOST_CARDS:
            dispatcher.utter_message(response="utter_cards_full", number=MOST_CARDS)
        else:
            await _hand_out_page(self.services, dispatcher, heard, "utter_link_page", ONE_MORE)

    async def _show(self, cards: Sequence[LinkedCard], dispatcher: CollectingDispatcher, heard: Heard) -> None:
        buttons = [_card_button(CARD_OF, "link_account", card, heard) for card in cards]
        if len(cards) < MOST_CARDS:
            buttons.append({"title": ONE_MORE.to(heard.lang), "url": await self.services.links.start(heard.turn)})
        lines = bullets([card.name for card in cards])
        dispatcher.utter_message(response="utter_cards", number=len(cards), lines=lines, buttons=buttons)


class UnlinkAccount(LibraryAction):
    """Removes the card linked; of several the one named, all, or asks which."""

    action_name = "action_unlink_account"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"huy lien ket|huy ket noi|go|thao|dang xuat|ngat|unlink|log out|sign out"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        if says(_ONE_MORE, heard.text) and not says(_LETS_GO, heard.text):
            return await LinkAccount(self.services).act(dispatcher, heard)  # "thêm thẻ của con mình nữa"
        cards = await self.services.links.cards(heard.turn)
        meant = whose(cards, heard.text) if len(cards) > 1 else Whose()
        if meant.card and not says(_ALL, heard.text):
            await self.services.links.remove(heard.turn, meant.card.who)
            dispatcher.utter_message(response="utter_unlinked_one", name=meant.card.name)
        elif len(cards) > 1 and not says(_ALL, heard.text):
            buttons = [_card_button(UNLINK, "unlink_account", card, heard) for card in meant.doubtful or cards]
            every = button(UNLINK_ALL, heard.lang, "unlink_account", said=UNLINK_ALL.to(heard.lang))
            dispatcher.utter_message(response="utter_unlink_which", buttons=[*buttons, every])
        else:
            removed = await self.services.links.remove(heard.turn)
            dispatcher.utter_message(response="utter_unlinked" if removed else "utter_not_linked")
        return [SlotSet("after_link", None)]


ACTIONS: tuple[type[LibraryAction], ...] = (LinkAccount, UnlinkAccount)
