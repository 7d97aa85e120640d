"""The website's door over HTTP: what the chat page and the widget may count on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from connectors.channels.port import Button, Reply
from connectors.channels.web import web_router
from connectors.exchange import WebExchange
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from library.ports import Turn
from tests.connectors.small_gateway import Ask, small_gateway
from tests.virtual_time import VirtualLoop, run

PLACES = 3  # conversations that one caller may open


class Browser:
    """A client of the API that has opened a conversation."""

    def __init__(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        self.app = app
        self.http = http
        self.at = ""
        self.headers: dict[str, str] = {}

    async def open(self) -> None:
        opened = (await self.http.post("/api/conversations")).json()
        self.at = f"/api/conversations/{opened['conversation']}"
        self.headers = {"Authorization": f"Bearer {opened['token']}"}

    async def post(self, body: Any, wait: float = 0) -> httpx.Response:
        return await self.http.post(f"{self.at}/messages", json=body, params={"wait": wait}, headers=self.headers)

    async def history(self) -> list[dict[str, Any]]:
        return list((await self.http.get(f"{self.at}/history", headers=self.headers)).json())

    async def events(self, seconds: float, query: str = "", **headers: str) -> list[dict[str, str]]:
        """Listen for some time; return the server-sent events that came. httpx cannot read a stream that never ends."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"{self.at}/events",
            "raw_path": f"{self.at}/events".encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in {**self.headers, **headers}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
        }
        came = b""

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(seconds)
            return {"type": "http.disconnect"}

        async def send(part: Any) -> None:
            nonlocal came
            came += part.get("body", b"")

        await self.app(scope, receive, send)
        blocks = [block.splitlines() for block in came.decode().replace("\r\n", "\n").split("\n\n")]
        events = [dict(line.split(": ", 1) for line in block if not line.startswith(":")) for block in blocks]
        return [event for event in events if event]


Scene = Callable[[Browser, VirtualLoop], Awaitable[None]]


async def offering(message: Stored, turn: Turn, payload: str | None) -> Answer:
    """Repeat what was said, "chậm" after seven seconds, with a button."""
    await asyncio.sleep(7 if message.text == "chậm" else 0.1)
    return Answer((Reply(f"bạn nói {payload or message.text}", (Button("Ừ", "/affirm"),)),), None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.sqlite"


def browse(file: Path, scene: Scene, ask: Ask = offering) -> None:
    """Play a scene in a browser in front of the door; callers may open `PLACES` conversations."""

    async def main(loop: VirtualLoop) -> None:
        left = PLACES

        async def may_open(_request: Request) -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        async with small_gateway(loop, file, ask) as gateway:
            app = FastAPI()
            app.include_router(web_router(WebExchange(gateway.store, gateway.switchboard, gateway.clock), may_open))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
                browser = Browser(app, http)
                await browser.open()
                await scene(browser, loop)

    run(main)


def said(replies: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["kind"], one["replies"][0]["text"]) for one in replies]


def test_a_message_is_accepted_at_once_and_answered_within_the_wait_asked_for(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        accepted = await browser.post({"id": "1", "text": "chào"})
        assert accepted.status_code == 202
        assert (accepted.json()["new"], accepted.json()["replies"]) == (True, [])
        again = await browser.post({"id": "1", "text": "chào"}, wait=5)
        assert (again.json()["message"], again.json()["new"]) == (accepted.json()["message"], False)
        assert said(again.json()["replies"]) == [("final", "bạn nói chào")]

    browse(file, scene)


def test_a_patron_says_whether_an_answer_helped_and_the_last_word_counts(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        (final,) = (await browser.post({"id": "1", "text": "chào"}, wait=5)).json()["replies"]
        stranger = Browser(browser.app, browser.http)
        await stranger.open()

        async def rates(body: dict[str, Any], message: str = final["message_id"], by: Browser = browser) -> int:
            return (await by.http.post(f"{by.at}/messages/{message}/rating", json=body, headers=by.headers)).status_code

        def rated() -> int | None:
            with closing(sqlite3.connect(file)) as db:
                (found,) = db.execute("SELECT rated FROM messages").fetchone()
            return None if found is None else int(found)

        assert rated() is None
        assert await rates({"helped": True}) == 204
        assert rated() == 1
        assert await rates({"helped": False}) == 204
        assert rated() == 0
        assert await rates({"helped": True}, by=stranger) == 404
        assert await rates({"helped": True}, message="khong-co") == 404
        assert await rates({"helped": "có lẽ"}) == 422
        assert rated() == 0

    browse(file, scene)


def test_a_long_answer_comes_as_the_wait_notice_and_then_the_final_reply(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        short = await browser.post({"id": "1", "text": "chậm"}, wait=6.5)
        assert said(short.json()["replies"]) == [("wait", sentence("wait", "vi"))]
        whole = await browser.post({"id": "1", "text": "chậm"}, wait=60)
        assert said(whole.json()["replies"]) == [("wait", sentence("wait", "vi")), ("final", "bạn nói chậm")]

    browse(file, scene)


def test_a_button_is_pressed_by_its_token_and_not_by_its_payload(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        (final,) = (await browser.post({"id": "1", "text": "gia hạn"}, wait=5)).json()["replies"]
        (button,) = final["replies"][0]["buttons"]
        assert button["title"] == "Ừ"
        pressed = await browser.post({"id": "2", "payload": button["payload"]}, wait=5)
        assert said(pressed.json()["replies"]) == [("final", "bạn nói /affirm")]
        forged = await browser.post({"id": "3", "payload": "/affirm"}, wait=5)
        assert said(forged.json()["replies"]) == [("final", sentence("button_gone", "vi"))]
        assert [entry["text"] for entry in await browser.history() if entry["from"] == "patron"] == ["gia hạn", "Ừ", ""]

    browse(file, scene)


def test_an_attachment_is_named_by_its_kind(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        sent = await browser.post({"id": "1", "attachment": "voice"}, wait=5)
        assert said(sent.json()["replies"]) == [("final", sentence("attachment_voice", "vi"))]

    browse(file, scene)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "1"},
        {"text": "chào"},
        {"id": "", "text": "chào"},
        {"id": "x" * 65, "text": "chào"},
        {"id": "1", "text": "x" * 8001},
        {"id": "1", "payload": "x" * 65},
        {"id": "1", "attachment": "virus"},
        {"id": "1", "text": "chào", "payload": "x"},
        {"id": "1", "text": "chào", "conversation": "other"},
        {"id": 1, "text": "chào"},
        {"id": "1", "text": {"a": 1}},
        [],
        "chào",
    ],
)
def test_a_malformed_message_is_refused_and_stores_nothing(file: Path, body: Any) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        assert (await browser.post(body)).status_code == 422
        assert await browser.history() == []

    browse(file, scene)


@pytest.mark.parametrize("field", ["text", "id", "payload"])
def test_half_a_character_is_refused_and_stores_nothing(file: Path, field: str) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        body = {"id": "1", **({"text": "chào"} if field != "payload" else {}), field: "\ud83d"}
        refused = await browser.http.post(
            f"{browser.at}/messages",
            content=json.dumps(body),
            headers={**browser.headers, "Content-Type": "application/json"},
        )
        assert refused.status_code == 422
        assert await browser.history() == []

    browse(file, scene)


@pytest.mark.parametrize(
    "text", ["a\x00b", "👩‍👩‍👧 sách", "\u202eđảo", "x" * 8000, "<script>alert(1)</script>", "'; drop table messages"]
)
def test_any_text_comes_back_as_it_was_typed(file: Path, text: str) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        answered = await browser.post({"id": "1", "text": text}, wait=5)
        assert said(answered.json()["replies"]) == [("final", f"bạn nói {text}")]
        assert (await browser.history())[0]["text"] == text

    browse(file, scene)


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "soon"])
def test_an_impossible_wait_is_refused(file: Path, wait: str) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        refused = await browser.http.post(
            f"{browser.at}/messages?wait={wait}", json={"id": "1", "text": "chào"}, headers=browser.headers
        )
        assert refused.status_code == 422

    browse(file, scene)


def test_only_the_token_of_a_conversation_opens_it(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        await browser.post({"id": "1", "text": "chuyện riêng"}, wait=5)
        stranger = Browser(browser.app, browser.http)
        await stranger.open()
        for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer x"}, stranger.headers):
            for method, path in (("POST", "messages"), ("GET", "history"), ("GET", "events")):
                answer = await browser.http.request(
                    method, f"{browser.at}/{path}", json={"id": "2", "text": "chào"}, headers=headers
                )
                assert answer.status_code == 401
                assert "riêng" not in answer.text
        assert len(await browser.history()) == 2
        assert await stranger.history() == []

    browse(file, scene)


def test_an_unknown_conversation_looks_like_a_foreign_one(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        stranger = Browser(browser.app, browser.http)
        await stranger.open()
        foreign = await browser.http.get(f"{browser.at}/history", headers=stranger.headers)
        unknown = await browser.http.get("/api/conversations/none/history", headers=stranger.headers)
        assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())

    browse(file, scene)


def test_a_caller_may_open_only_so_many_conversations(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        answers = [await browser.http.post("/api/conversations") for _ in range(PLACES)]
        assert [answer.status_code for answer in answers] == [201] * (PLACES - 1) + [429]

    browse(file, scene)


def test_the_stream_brings_each_reply_once_and_goes_on_after_a_break(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        listening = asyncio.create_task(browser.events(30))
        await browser.post({"id": "1", "text": "chào"})
        await browser.post({"id": "2", "text": "chậm"})
        first = await listening
        assert [said([json.loads(event["data"])])[0] for event in first] == [
            ("final", "bạn nói chào"),
            ("wait", sentence("wait", "vi")),
            ("final", "bạn nói chậm"),
        ]
        assert {event["event"] for event in first} == {"reply"}
        await browser.post({"id": "3", "text": "hai"})
        (missed,) = await browser.events(5, **{"Last-Event-ID": first[-1]["id"]})
        assert said([json.loads(missed["data"])]) == [("final", "bạn nói hai")]
        assert await browser.events(5, f"after={missed['id']}") == []
        assert len(await browser.events(5)) == 4

    browse(file, scene)


def test_the_stream_brings_nothing_of_another_conversation(file: Path) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        stranger = Browser(browser.app, browser.http)
        await stranger.open()
        listening = asyncio.create_task(stranger.events(30))
        await browser.post({"id": "1", "text": "chuyện riêng"}, wait=5)
        assert await listening == []

    browse(file, scene)


@pytest.mark.parametrize("newest", ["-1", "abc", "9" * 30, "9" * 5000, "²", "1; 2"])
def test_a_last_event_id_that_cannot_be_ours_starts_from_the_beginning(file: Path, newest: str) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        await browser.post({"id": "1", "text": "chào"}, wait=5)
        assert len(await browser.events(5, **{"Last-Event-ID": newest})) == 1

    browse(file, scene)


@pytest.mark.parametrize("after", ["-1", "9" * 30, "x"])
def test_an_impossible_place_to_start_from_is_refused(file: Path, after: str) -> None:
    async def scene(browser: Browser, loop: VirtualLoop) -> None:
        answer = await browser.http.get(f"{browser.at}/events?after={after}", headers=browser.headers)
        assert answer.status_code == 422

    browse(file, scene)
