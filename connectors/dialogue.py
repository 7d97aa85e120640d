"""The Rasa client. Rasa keeps nothing: the talk's memory goes in with the message and comes back with the replies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import httpx

from connectors.channels.port import Button, Card, Field, Form, Reply
from connectors.mailbox import Answer, Stored
from library.ports import Turn


class DialogueAway(Exception):
    """Rasa did not answer, or not in a way we understand. The same message may be asked again."""


class Dialogue(Protocol):
    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        """Return the replies to one message. Raises DialogueAway; asking again does no harm."""
        ...


class _Line:
    """A client for one Rasa process, which knows when nothing is on its way to it any more."""

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        headers = {"X-Thuthu-Secret": secret}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout_s)
        self._on_their_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        self._on_their_way += 1
        self._idle.clear()
        try:
            yield self._client
        finally:
            self._on_their_way -= 1
            if not self._on_their_way:
                self._idle.set()

    async def close_when_idle(self) -> None:
        await self._idle.wait()
        await self._client.aclose()

    async def close(self) -> None:
        await self._client.aclose()


class RasaDialogue:
    """Rasa behind its loopback input channel (`bot/components/channel.py`)."""

    def __init__(self, url: str, secret: str, timeout_s: float = 30.0) -> None:
        self._secret, self._timeout_s = secret, timeout_s
        self._line = _Line(url, secret, timeout_s)

    async def move_to(self, url: str) -> None:
        """Let every turn from now on go to this Rasa; return when the last one at the former has ended."""
        former, self._line = self._line, _Line(url, self._secret, self._timeout_s)
        await former.close_when_idle()

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        body = {
            "conversation": message.conversation_id,
            "text": None if payload else message.text,
            "payload": payload,
            "metadata": {"message": turn.message_id, "now": turn.now.isoformat(), "channel": turn.channel},
            "tracker": message.tracker,
        }
        try:
            async with self._line.client() as client:
                response = await client.post("/webhooks/thuthu/turn", json=body)
            response.raise_for_status()
            return answer_of(response.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as exc:
            raise DialogueAway(f"Rasa gave no usable answer: {type(exc).__name__}") from exc

    async def explain(self, text: str) -> Mapping[str, Any]:
        """Return how the text is heard outside any conversation; see `explained` in `bot/components/channel.py`."""
        try:
            async with self._line.client() as client:
                response = await client.post("/webhooks/thuthu/explain", json={"text": text})
            response.raise_for_status()
            heard: Mapping[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise DialogueAway(f"Rasa gave no explanation: {type(exc).__name__}") from exc
        return heard

    async def ready(self) -> bool:
        try:
            async with self._line.client() as client:
                return (await client.get("/webhooks/thuthu/")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def close(self) -> None:
        await self._line.close()


def answer_of(raw: Mapping[str, Any]) -> Answer:
    """Return the turn that our Rasa channel describes. Raises KeyError or TypeError on any other shape."""
    said: dict[str, list[Any]] = {}
    for entity in raw["entities"]:
        said.setdefault(entity["entity"], []).append(entity["value"])
    return Answer(
        replies=tuple(reply_of(response) for response in raw["replies"]),
        tracker=dict(raw["tracker"]),
        intent=raw["intent"]["name"],
        confidence=raw["intent"]["confidence"],
        slots={name: values[0] if len(values) == 1 else values for name, values in said.items()},
        locale=raw["tracker"].get("locale") or "vi",
        understood=not any((response.get("custom") or {}).get("not_understood") for response in raw["replies"]),
    )


def reply_of(response: Mapping[str, Any]) -> Reply:
    """Return one bubble from what a Rasa output channel is handed."""
    custom = response.get("custom") or {}
    return Reply(
        text=(response.get("text") or "").strip(),
        buttons=_buttons(response.get("buttons")),
        cards=tuple(
            Card(
                title=card["title"],
                subtitle=card.get("subtitle") or "",
                lines=tuple(card.get("lines", ())),
                buttons=_buttons(card.get("buttons")),
            )
            for card in custom.get("cards", ())
        ),
        form=_form(custom.get("form")),
    )


def _form(raw: Any) -> Form | None:
    if not raw:
        return None
    return Form(tuple(Field(one["name"], one["label"], one["kind"]) for one in raw["fields"]), raw["says"])


def _buttons(raw: Any) -> tuple[Button, ...]:
    return tuple(Button(one["title"], one.get("payload"), one.get("url")) for one in raw or ())
