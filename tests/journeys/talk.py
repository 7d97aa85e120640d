"""A conversation with the actions alone: what Rasa does around them is done by hand, with the project's own files.

Rules say which action answers an intent, the domain says the words, slots are kept from message to message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import LibraryAction
from library.ports import Turn
from library.text import nfc

BOT = Path(__file__).resolve().parents[2] / "bot"
CONVERSATION = "cuộc-trò-chuyện"
_MARKED = re.compile(r"\[(?P<value>[^\]]+)\]\((?P<slot>\w+)\)")


@dataclass(frozen=True)
class Said:
    """Everything that one message brought about."""

    texts: tuple[str, ...]
    buttons: tuple[dict[str, str], ...]
    cards: tuple[dict[str, Any], ...]
    responses: tuple[str, ...]  # names of the responses, in order
    left_to: str | None = None  # an action or form of Rasa's that goes on

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def button(self, title: str) -> dict[str, str]:
        """Return the button with these words, on a reply or on a card."""
        every = [*self.buttons, *(each for card in self.cards for each in card["buttons"])]
        return next(each for each in every if title in each["title"])

    @property
    def titles(self) -> list[str]:
        return [card["title"] for card in self.cards]


@dataclass
class Talk:
    """One conversation. `hear` takes a message marked as training data is: "còn [Số đỏ](title) không"."""

    actions: Mapping[str, LibraryAction]
    turns: dict[str, Turn]
    now: datetime
    slots: dict[str, Any] = field(default_factory=lambda: {"locale": "vi"})
    heard: int = 0

    async def hear(self, intent: str, marked: str = "") -> Said:
        return await self._turn(intent, *_unmarked(marked or intent))

    async def press(self, button: Mapping[str, str]) -> Said:
        """Send what the button carries."""
        intent, _, given = button["payload"].removeprefix("/").partition("{")
        values = json.loads("{" + given) if given else {}
        entities = [{"entity": name, "value": value, "start": 0, "end": 0} for name, value in values.items()]
        return await self._turn(intent, button["payload"], entities)

    async def run(self, action: str, text: str = "", intent: str = "") -> Said:
        """Run an action that another one or a form leads to."""
        return await self._turn(intent, text, [], action)

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    async def _turn(self, intent: str, text: str, entities: list[dict[str, Any]], action: str | None = None) -> Said:
        self.heard += 1
        self.turns[CONVERSATION] = Turn(CONVERSATION, f"m{self.heard}", "web", self.now)
        for entity in entities:
            if entity["entity"] in SLOTS:
                self.slots[entity["entity"]] = entity["value"]
        latest = {"text": text, "intent": {"name": intent}, "entities": entities}
        tracker = Tracker(CONVERSATION, self.slots, latest, [], False, None, {}, "action_listen")
        dispatcher = CollectingDispatcher()
        following: str | None = action or RULES[intent]
        while following in self.actions:
            events = await self.actions[following].run(dispatcher, tracker, {})
            following = None
            for event in events:
                if event["event"] == "slot":
                    self.slots[event["name"]] = event["value"]
                    tracker.slots[event["name"]] = event["value"]
                if event["event"] == "followup":
                    following = event["name"]
        return replace(_said(dispatcher.messages, self.slots), left_to=following)


def _unmarked(marked: str) -> tuple[str, list[dict[str, Any]]]:
    text, entities, end = "", [], 0
    marked = nfc(marked)
    for match in _MARKED.finditer(marked):
        text += marked[end : match.start()]
        start = len(text)
        text += match["value"]
        entities.append({"entity": match["slot"], "value": match["value"], "start": start, "end": len(text)})
        end = match.end()
    return text + marked[end:], entities


def _said(messages: Iterable[Mapping[str, Any]], slots: Mapping[str, Any]) -> Said:
    texts, buttons, cards, responses = [], [], [], []
    for message in messages:
        variation: Mapping[str, Any] = {}
        if name := message.get("response"):
            responses.append(name)
            variation = _variation(name, str(slots.get("locale") or "vi"))
        # As in Rasa: what is between braces is replaced, and a name that nobody gave is an error.
        given = {**slots, **message}
        text = variation.get("text") or message.get("text") or ""
        texts.append(re.sub(r"{([^\n{}]+?)}", lambda variable, given=given: str(given[variable[1]]), text))  # type: ignore[misc]
        buttons += [*variation.get("buttons", ()), *(message.get("buttons") or ())]
        cards += (message.get("custom") or {}).get("cards", ())
    return Said(tuple(texts), tuple(buttons), tuple(cards), tuple(responses))


def _variation(name: str, locale: str) -> Mapping[str, Any]:
    def fits(variation: Mapping[str, Any]) -> bool:
        return all(each["name"] == "locale" and each["value"] == locale for each in variation["condition"])

    conditional = [each for each in RESPONSES[name] if each.get("condition") and fits(each)]
    return (conditional or [each for each in RESPONSES[name] if not each.get("condition")])[0]


def _domain(part: str) -> dict[str, Any]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((BOT / "domain").glob("*.yml"))]
    return {name: value for file in files for name, value in (file.get(part) or {}).items()}


def _rules() -> dict[str, str]:
    """Return the action that answers each intent, where no condition is set."""
    found: dict[str, str] = {}
    for path in sorted((BOT / "rules").glob("*.yml")):
        for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]:
            steps = rule["steps"]
            if "condition" not in rule and "intent" in steps[0] and "action" in steps[1]:
                intents = steps[0]["intent"]
                found |= {intent: steps[1]["action"] for intent in ([intents] if isinstance(intents, str) else intents)}
    return found


RESPONSES: dict[str, list[dict[str, Any]]] = _domain("responses")
SLOTS = {
    name
    for name, slot in _domain("slots").items()
    if any(mapping["type"] == "from_entity" and not mapping.get("conditions") for mapping in slot["mappings"])
}
RULES = _rules()
