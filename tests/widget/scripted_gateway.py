"""A small gateway for the page: the real door, switchboard and store, a scripted dialogue, and faults on the way."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from sqlalchemy import delete, select
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.answerer import Patience
from connectors.channels.port import Button, Card, Field, Form, Reply
from connectors.channels.web import web_router
from connectors.clock import wall_clock
from connectors.exchange import WebExchange
from connectors.handover import Handover
from connectors.mailbox import Answer, Stored
from connectors.messages import say
from connectors.store import Store, buttons, conversations, messages, metadata
from connectors.switchboard import Switchboard
from connectors.turns import OpenTurns
from connectors.widget.page import page_router
from library.ports import Turn

NAME = "Thư viện tỉnh Đồng Tháp (bản trình diễn)"
NAME_EN = "Dong Thap Provincial Library (demo)"
HOURS = (
    "Hôm nay (Chủ nhật 22/11) thư viện mở cửa:\n"
    "• Mỹ Tho: 7 giờ 30–11 giờ 30, 13 giờ 30–18 giờ 30\n"
    "• Sa Đéc: 7 giờ 30–11 giờ 30\n"
    "Lịch đầy đủ ở https://thuvien.example/gio-mo-cua."
)
SHRIMP = Card(
    "Kỹ thuật nuôi tôm thẻ chân trắng",
    "Nguyễn Văn Hảo · 2019",
    ("Ký hiệu: 639.68 K600T", "Kho Mượn Mỹ Tho, tầng 1: còn 2 bản"),
    (Button("Giữ chỗ", "/place_hold{record}"), Button("Xem thêm", url="https://thuvien.example/sach/1")),
)
VISIT = Form(
    (Field("name", "Tên bạn"), Field("day", "Ngày đến", "date")),
    says="Mình là {name}, hẹn ngày {day}, không phải {giờ}",
)
MARKUP = "<img src=x onerror=\"document.title='bị lừa'\"> & <b>đậm</b>"
SCRIPT = {
    "Giờ mở cửa": (
        Reply(HOURS, (Button("Chi nhánh khác", "/other_branch"), Button("Gặp thủ thư", "/talk_to_librarian"))),
    ),
    "nuôi tôm": (
        Reply(
            "Có 2 cuốn hợp với “nuôi tôm”. Cuốn đầu còn 2 bản ở kho Mượn, tầng 1:",
            cards=(SHRIMP, Card("Nuôi tôm sú bền vững", "Trần Thị Lài · 2015", ("Ký hiệu: 639.68 N515T",))),
        ),
    ),
    "đặt hẹn": (Reply("Bạn tên gì, đến ngày nào?", form=VISIT),),
    "mã lạ": (
        Reply(
            MARKUP,
            (Button(MARKUP, "/strange"),),
            (Card(MARKUP, MARKUP, (MARKUP,), (Button(MARKUP, url="javascript:alert(1)"),)),),
            Form((Field(MARKUP, MARKUP),), says=MARKUP),
        ),
    ),
    "đánh dấu": (Reply("**đậm** [bấm](javascript:alert(1)) ![ảnh](https://thuvien.example/a.png) `mã`"),),
    "địa chỉ": (Reply("Xem (https://thuvien.example/a?b=1&c=2), không phải javascript:alert(1) nhé."),),
    "nút lạ": (
        Reply("Chọn đi", (Button("Bẫy", url="javascript:alert(1)"), Button("Bẫy nữa", url="data:text/html,<script>"))),
    ),
    "dài": (Reply("\n".join(f"Dòng {number}" for number in range(60))),),
}


@dataclass
class ScriptedDialogue:
    """Answers from the script, echoes all else; while `slow` is not set, it thinks."""

    asked: list[str] = field(default_factory=list)
    slow: threading.Event = field(default_factory=threading.Event)

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        self.asked.append(payload or message.text)
        if message.text == "câu khó":
            await asyncio.to_thread(self.slow.wait)
        replies = SCRIPT.get(message.text, (Reply(f"Bạn vừa nói: {payload or message.text}"),))
        return Answer(replies, tracker={}, intent="scripted")


@dataclass
class Faults:
    """What goes wrong between the browser and the gateway."""

    lost_acknowledgements: int = 0
    no_stream: bool = False
    dumb_streams: list[bytes] = field(default_factory=list)  # all that the next streams bring, one each
    busy: bool = False
    refuse: int = 0

    def wrap(self, app: ASGIApp) -> ASGIApp:
        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            posted = path.endswith("/messages")
            if self.no_stream and path.endswith("/events"):
                await _answer(send, 503)
            elif self.dumb_streams and path.endswith("/events"):
                await _stream(receive, send, self.dumb_streams.pop())
            elif self.busy and scope.get("method") == "POST":
                await _answer(send, 429)
            elif self.refuse and posted:
                self.refuse -= 1
                await _answer(send, 422)
            elif self.lost_acknowledgements and posted:
                self.lost_acknowledgements -= 1
                await app(scope, receive, _nowhere)
                await _answer(send, 502)
            else:
                await app(scope, receive, send)

        return faulty


async def _nowhere(_event: Any) -> None:
    return None


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def _stream(receive: Receive, send: Send, all_of_it: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": all_of_it, "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


class Exchange(WebExchange):
    """What the web door asks of the switchboard."""

    loop: asyncio.AbstractEventLoop | None = None  # the server's, once somebody has come

    async def open_conversation(self) -> tuple[str, str]:
        self.loop = asyncio.get_running_loop()
        return await super().open_conversation()


@dataclass
class Gateway:
    url: str
    store: Store
    dialogue: ScriptedDialogue
    faults: Faults
    exchange: Exchange
    handover: Handover

    def librarian_says(self, words: str) -> None:
        """Write to whoever spoke last, and have the conversation from then on."""
        assert self.exchange.loop
        latest = select(messages.c.conversation_id).order_by(messages.c.seq.desc()).limit(1)
        conversation_id = str(self.store.read_now(lambda db: db.scalar(latest)))
        saying = self.handover.say_as_person(conversation_id, "Hoa", words, key=words)
        asyncio.run_coroutine_threadsafe(saying, self.exchange.loop).result(10)

    def stored(self) -> list[str]:
        """Return the texts of the messages in the inbox, in order."""
        return self.store.read_now(lambda db: list(db.scalars(select(messages.c.text).order_by(messages.c.seq))))

    def ratings(self) -> dict[str, int | None]:
        """Return how the answer to each message was rated."""
        rated = select(messages.c.text, messages.c.rated)
        return self.store.read_now(lambda db: {row.text: row.rated for row in db.execute(rated)})

    def forget_everybody(self) -> None:
        """Delete all conversations, so that no token opens anything."""

        def empty(db: Any) -> None:
            for table in reversed(metadata.sorted_tables):
                if table in (buttons, messages, conversations) or "conversation_id" in table.c:
                    db.execute(delete(table))

        self.store.write_now(empty)


@contextmanager
def serving(path: Path) -> Iterator[Gateway]:
    """Yield the gateway over the file, on a port of its own: an origin of which a browser knows nothing."""
    store, dialogue, faults = Store(path), ScriptedDialogue(), Faults()

    async def without_dialogue(_text: str, lang: str) -> tuple[Reply, ...]:
        return (say("fallback", lang),)

    switchboard = Switchboard(
        store,
        dialogue,
        OpenTurns(),
        wall_clock,
        card_pattern=r"DT\d{6}",
        without_dialogue=without_dialogue,
        patience=Patience(wait_notice_s=0.2),
    )

    async def may_open(_request: Request) -> bool:
        return True

    app, exchange = FastAPI(), Exchange(store, switchboard, wall_clock)
    app.include_router(web_router(exchange, may_open))
    app.include_router(page_router(NAME, NAME_EN))
    allowed = ["Authorization", "Content-Type", "Last-Event-ID"]
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=allowed)
    idle = timedelta(minutes=30)
    handover = Handover(store, wall_clock, switchboard.announce, idle=idle, idle_if_unsure=idle)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(faults.wrap(app), log_level="warning", timeout_graceful_shutdown=1, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Gateway(f"http://127.0.0.1:{listener.getsockname()[1]}", store, dialogue, faults, exchange, handover)
    dialogue.slow.set()
    server.should_exit = True
    thread.join(10)
    store.close()
