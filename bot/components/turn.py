"""One message's turn: Rasa hears it, or each request in it one after the other, and all replies are one answer.

Only one question is open at a time. Of several requests, those that would put a second one wait until the first is
settled; they are named to the patron and taken up by themselves after the yes or the no.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence

from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.shared.core.events import SlotSet, UserUttered

from bot.components.requests import Request
from bot.components.tracker import Flight

Response = Dict[str, Any]

# Requests that end in a question of ours, or need the card before they can begin.
ASKING = frozenset({"cancel_hold", "delete_my_data", "give_feedback", "place_hold", "renew_loans", "suggest_purchase"})
OF_THE_CARD = frozenset({"ask_charges", "cancel_hold", "list_holds", "list_loans", "place_hold", "renew_loans"})
DEEDS = frozenset({"renew", "hold", "start_hold", "cancel_hold", "forget"})  # questions that no other may push aside
SETTLING = ASKING | {"affirm", "deny", "nlu_fallback", "out_of_scope"}  # intents under which a yes or a no is said
WAITS_FOR = timedelta(minutes=15)


class Collected(OutputChannel):
    """Keeps every response whole and in order: text, buttons and cards of one bubble stay together."""

    def __init__(self) -> None:
        self.responses: List[Response] = []

    @classmethod
    def name(cls) -> str:
        return "thuthu"

    async def send_response(self, recipient_id: str, message: Dict[str, Any]) -> None:
        self.responses.append({key: message.get(key) for key in ("text", "buttons", "custom")})

    async def send_text_message(self, recipient_id: str, text: str, **kwargs: Any) -> None:
        self.responses.append({"text": text})


class Turn:
    """`asked` is what the gateway sent, `flight` the memory in the air."""

    def __init__(
        self, asked: Mapping[str, Any], on_new_message: Callable[[UserMessage], Awaitable[Any]], flight: Flight
    ) -> None:
        self._asked = asked
        self._on_new_message = on_new_message
        self._flight = flight
        self._first: Optional[UserUttered] = None

    @property
    def first(self) -> UserUttered:
        """Return what this turn heard first. Only to be asked after something was said."""
        assert self._first is not None, "Rasa heard nothing"
        return self._first

    async def say(self, text: str, in_company: bool = False) -> List[Response]:
        """Return the responses to one text."""
        collected = Collected()
        metadata = {**(self._asked.get("metadata") or {}), "in_company": in_company}
        await self._on_new_message(
            UserMessage(
                text=text,
                output_channel=collected,
                sender_id=self._asked["conversation"],
                input_channel="thuthu",
                metadata=metadata,
            )
        )
        if self._first is None and self._flight.tracker:
            self._first = self._flight.tracker.latest_message
        return collected.responses

    async def answer_each(self, requests: Sequence[Request]) -> List[Response]:
        """Return the replies to all requests: those that tell first, as they were asked, then what asks back."""
        told: List[Response] = []
        asking: List[Response] = []
        waiting: List[Request] = []
        link = self._slot("after_link")
        for request in requests:
            if self._must_wait(request, link):
                waiting.append(request)
                continue
            before = self._asks()
            replies = await self.say(request.text, in_company=True)
            if any((reply.get("custom") or {}).get("alone") for reply in replies):
                return replies  # a cry for help is answered by itself
            (asking if self._asks() not in (before, (None, None)) else told).extend(replies)
        if waiting:
            asking = await self._name(waiting) + asking
        replies = told + asking
        return [reply for n, reply in enumerate(replies) if reply not in replies[n + 1 :]]

    async def go_on_with_what_waits(self) -> List[Response]:
        """Return the replies to the next request that waited, once the question before it is settled."""
        waiting = self._slot("waiting_requests")
        if not waiting or self._asks() != (None, None) or self._slot("after_link"):
            return []
        recent = self._now() - datetime.fromisoformat(waiting["at"]) <= WAITS_FOR
        goes_on = recent and self.first.intent.get("name") in SETTLING
        [text, *rest] = waiting["texts"]
        self._set("waiting_requests", {**waiting, "texts": rest} if rest and goes_on else None)
        return await self.say(text) if goes_on else []

    def _must_wait(self, request: Request, link_before: Any) -> bool:
        question, form = self._asks()
        asked_now = question and question["asked_at"] == self._now().isoformat() and question["kind"] in DEEDS
        link = self._slot("after_link")
        wants_card = link is not None and link != link_before
        return bool((asked_now or form) and request.intent in ASKING) or (wants_card and request.intent in OF_THE_CARD)

    async def _name(self, waiting: Sequence[Request]) -> List[Response]:
        named = {"texts": [request.text for request in waiting], "at": self._now().isoformat()}
        self._set("waiting_requests", named)
        return await self.say("/name_waiting", in_company=True)

    def _asks(self) -> Any:
        """Return the question and the form that wait for the patron."""
        form = self._flight.tracker.active_loop_name if self._flight.tracker else None
        return self._slot("open_question"), form

    def _slot(self, name: str) -> Any:
        return self._flight.tracker.get_slot(name) if self._flight.tracker else None

    def _set(self, name: str, value: Any) -> None:
        if self._flight.tracker:
            self._flight.tracker.update(SlotSet(name, value))

    def _now(self) -> datetime:
        return datetime.fromisoformat((self._asked.get("metadata") or {})["now"])
