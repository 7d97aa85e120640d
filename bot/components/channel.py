"""Our input channel: one loopback route with a secret, one turn in, all its replies and the talk's memory out."""

from __future__ import annotations

import hmac
import logging
import os
from typing import Any, Awaitable, Callable, Dict, Optional

from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.components.requests import Parse, understood
from bot.components.tracker import Flight, current_flight, remember
from bot.components.turn import Turn
from library.text import looks_english, looks_vietnamese

logger = logging.getLogger(__name__)

NEAREST = 5  # training examples shown to explain a reading
# Rasa takes a text that begins with "/" for an intent. Typed text may not do that; a look-alike keeps every span.
SLASH, LOOK_ALIKE = "/", "\u2215"


class ThuthuInput(InputChannel):
    """`POST /webhooks/thuthu/turn`, refused without the secret that the gateway and we were started with."""

    @classmethod
    def name(cls) -> str:
        return "thuthu"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[str, Any]]) -> "ThuthuInput":
        return cls(os.environ["THUTHU_RASA_SECRET"])

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        door = Blueprint("thuthu_door", __name__)

        @door.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @door.route("/turn", methods=["POST"])
        async def turn(request: Request) -> HTTPResponse:
            if not self._knows(request):
                return response.json({"error": "forbidden"}, status=403)
            return response.json(await answer(request.json, on_new_message, request.app.ctx.agent.parse_message))

        @door.route("/explain", methods=["POST"])
        async def explain(request: Request) -> HTTPResponse:
            if not self._knows(request):
                return response.json({"error": "forbidden"}, status=403)
            return response.json(await explained(request.json["text"], request.app.ctx.agent))

        return door

    def _knows(self, request: Request) -> bool:
        return hmac.compare_digest(request.headers.get("X-Thuthu-Secret", "").encode(), self._secret)


async def explained(text: str, agent: Any) -> Dict[str, Any]:
    """Return how a message is heard, its requests if they are several, and the training examples nearest to it."""
    told = plain(text)
    heard = await understood(told, agent.parse_message)
    near = await agent.processor.parse_message(UserMessage(told, metadata={"nearest": NEAREST}))
    return {
        "intent": heard["intent"]["name"],
        "ranking": near.get("intent_ranking", []),
        "entities": heard["entities"],
        "requests": [{"text": one.text, "intent": one.intent} for one in heard.get("requests", [])],
        "nearest": near.get("nearest", []),
    }


async def answer(
    asked: Dict[str, Any], on_new_message: Callable[[UserMessage], Awaitable[Any]], parse: Parse
) -> Dict[str, Any]:
    """Return the turn's replies, memory, intent and entities; see `connectors/dialogue.py` for the other side."""
    memory = in_its_language(asked.get("tracker"), asked.get("text") or "")
    flight = Flight(memory)
    current_flight.set(flight)
    told = plain(asked.get("text") or "")
    several = None
    if not asked.get("payload") and told.strip() and not (memory or {}).get("active_loop"):
        reading = await understood(told, parse, may_answer=_asks_something(memory))
        several = reading if reading["requests"] else None
    turn = Turn(asked, on_new_message, flight)
    replies = await turn.answer_each(several["requests"]) if several else await turn.say(asked.get("payload") or told)
    if flight.tracker is None or flight.tracker.latest_message is None:
        return {"error": "the turn left no memory"}
    replies += await turn.go_on_with_what_waits()
    heard = several or {"intent": turn.first.intent, "entities": turn.first.entities}
    return {
        "replies": replies,
        "tracker": {**remember(flight.tracker), "locale": flight.tracker.get_slot("locale")},
        "intent": {"name": heard["intent"].get("name"), "confidence": heard["intent"].get("confidence")},
        "entities": heard["entities"],
    }


def _asks_something(memory: Optional[Dict[str, Any]]) -> bool:
    """Return whether a yes/no question was left open, however long ago."""
    return bool(_remembered(memory, "open_question"))


def _remembered(memory: Optional[Dict[str, Any]], slot: str) -> Any:
    """Return what the memory holds in a slot now."""
    if memory is None:
        return None
    put = [event for event in memory["events"] if event.get("event") == "slot" and event.get("name") == slot]
    return put[-1]["value"] if put else memory["slots"].get(slot)


def in_its_language(memory: Optional[Dict[str, Any]], text: str) -> Optional[Dict[str, Any]]:
    """Return the memory with which the talk goes on in the language that the patron writes, unasked."""
    locale = "en" if looks_english(text) else "vi" if looks_vietnamese(text) else None
    if locale is None or locale == (_remembered(memory, "locale") or "vi"):
        return memory
    if memory is None:
        memory = {"slots": {}, "active_loop": None, "events": [{"event": "action", "name": ACTION_LISTEN_NAME}]}
    return {**memory, "events": [*memory["events"], {"event": "slot", "name": "locale", "value": locale}]}


def plain(text: str) -> str:
    """Return typed text that Rasa cannot take for a command."""
    stripped = text.lstrip()
    if not stripped.startswith(SLASH):
        return text
    lead = len(text) - len(stripped)
    return text[:lead] + LOOK_ALIKE + text[lead + 1 :]
