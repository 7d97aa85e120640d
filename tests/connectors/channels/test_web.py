"""What the website's door keeps to itself, and how it shows at once that a stream is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from connectors.channels.port import Message, Sent
from connectors.channels.web import MAX_BODY, STREAMS_EACH, web_router

MINE = {"Authorization": "Bearer secret"}
MESSAGES = "/api/conversations/mine/messages"


class Exchange:
    """One conversation in which nothing is ever said."""

    def __init__(self) -> None:
        self.received: list[Message] = []

    async def open_conversation(self) -> tuple[str, str]:
        return "mine", "secret"

    async def conversation_of(self, token: str) -> str | None:
        return "mine" if token == "secret" else None

    async def receive(self, message: Message) -> tuple[str, bool]:
        self.received.append(message)
        return "stored", True

    async def replies_to(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]:
        return []

    async def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        return
        yield

    async def history(self, conversation_id: str) -> list[dict[str, Any]]:
        return []

    async def rate(self, conversation_id: str, message_id: str, helped: bool) -> bool:
        return False


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def client(exchange: Exchange) -> TestClient:
    async def may_open(_request: Request) -> bool:
        return True

    app = FastAPI()
    app.include_router(web_router(exchange, may_open))
    return TestClient(app)


@pytest.mark.parametrize("headers", [{}, MINE])
def test_a_body_longer_than_any_message_is_refused_unread(
    client: TestClient, exchange: Exchange, headers: dict[str, str]
) -> None:
    body = b'{"id": "1", "text": "' + b"x" * MAX_BODY + b'"}'
    assert client.post(MESSAGES, content=body, headers=headers).status_code == 413
    parts = (body[start : start + 4096] for start in range(0, len(body), 4096))
    assert client.post(MESSAGES, content=parts, headers=headers).status_code == 413
    assert exchange.received == []


def test_the_longest_message_passes_however_it_is_written(client: TestClient, exchange: Exchange) -> None:
    body = b'{"id": "1", "text": "' + b"\\ud83d\\ude00" * 8000 + b'"}'
    headers = {**MINE, "Content-Type": "application/json"}
    assert client.post(MESSAGES, content=body, headers=headers).status_code == 202
    assert [message.text for message in exchange.received] == ["😀" * 8000]


def test_a_refusal_does_not_repeat_what_was_sent(client: TestClient) -> None:
    refused = client.post(MESSAGES, json={"id": "1", "text": "pin 482913", "payload": "x"}, headers=MINE)
    assert refused.status_code == 422
    assert "482913" not in refused.text
    assert "exactly one of text, payload, attachment" in refused.text


def test_an_open_stream_shows_at_once_that_nothing_holds_it_back(client: TestClient) -> None:
    stream = client.get("/api/conversations/mine/events", headers=MINE)
    assert stream.text.startswith(": open")


class Endless(Exchange):
    async def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        while True:
            await asyncio.sleep(beat_s)
            yield None


async def test_one_patron_cannot_hold_all_streams_and_a_closed_one_makes_room() -> None:
    async def may_open(_request: Request) -> bool:
        return True

    app = FastAPI()
    app.include_router(web_router(Endless(), may_open))
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/conversations/mine/events",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer secret")],
    }
    codes: list[int] = []

    async def nobody_leaves() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def send(event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            codes.append(event["status"])

    async def open_streams(number: int) -> list[asyncio.Task[None]]:
        opened = [asyncio.create_task(app(dict(scope), nobody_leaves, send)) for _ in range(number)]
        await asyncio.sleep(0.1)
        return opened

    streams = await open_streams(STREAMS_EACH)
    await open_streams(1)
    assert codes == [200] * STREAMS_EACH + [429]
    streams[0].cancel()
    await asyncio.gather(streams[0], return_exceptions=True)
    streams += await open_streams(1)
    assert codes[-1] == 200
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)


@pytest.mark.parametrize("command", ["start", "privacy", "start book:dt0001", "start ask:mat-the"])
def test_a_command_is_taken_as_such(client: TestClient, exchange: Exchange, command: str) -> None:
    assert client.post(MESSAGES, json={"id": "1", "command": command}, headers=MINE).status_code == 202
    assert (exchange.received[0].kind, exchange.received[0].text) == ("command", command)


@pytest.mark.parametrize("command", ["stop", "/greet", "start evil", "start book:", "privacy now", "start ask:a b"])
def test_nothing_else_is_a_command(client: TestClient, exchange: Exchange, command: str) -> None:
    assert client.post(MESSAGES, json={"id": "1", "command": command}, headers=MINE).status_code == 422
    assert not exchange.received


@pytest.mark.parametrize("path", ["history", "events"])
def test_nothing_of_a_conversation_is_kept_by_a_browser_or_a_proxy(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/conversations/mine/{path}", headers={"Authorization": "bearer secret"})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]


def test_the_token_of_a_new_conversation_is_not_kept_either(client: TestClient) -> None:
    assert client.post("/api/conversations").headers["cache-control"] == "no-store"
