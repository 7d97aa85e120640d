"""The website's door: an HTTP API for the chat page and the widget.

A conversation is opened with a secret token, which the browser keeps and sends as `Authorization: Bearer …`.
A message carries the browser's own id, so that sending it again is harmless. Replies come by server-sent events,
resumed with `Last-Event-ID`, or in the answer itself with `?wait=SECONDS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, model_validator
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent

from connectors.channels.port import COMMANDS, Message, Sent, typed_command

SILENCE_S = 15.0  # a comment is sent after this much silence, so that proxies keep the stream open
MAX_BODY = 128 * 1024  # bytes: the longest message with every letter escaped, and room to spare
MAX_REPLY_ID = 2**63 - 1  # SQLite's largest
STREAMS, STREAMS_EACH = 1000, 8  # open at once: in all, and to one conversation (a patron's tabs)


COMMAND = rf"^(?:{'|'.join(COMMANDS)}|start (?:book|ask):\S{{1,100}})$"


class Post(BaseModel):
    """One message: words, a button's token, the kind of an attachment, or a command; exactly one of the four."""

    model_config = {"extra": "forbid"}

    id: str = Field(min_length=1, max_length=64, description="The sender's own id; the same id is the same message.")
    text: str | None = Field(default=None, max_length=8000)
    payload: str | None = Field(default=None, max_length=64, description="The token of a button that was shown.")
    attachment: Literal["photo", "voice", "sticker", "location", "file"] | None = None
    command: str | None = Field(default=None, pattern=COMMAND, description="Such as `start book:<record id>`.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Post:
        if sum(part is not None for part in (self.text, self.payload, self.attachment, self.command)) != 1:
            raise ValueError("give exactly one of text, payload, attachment, command")
        return self

    def message(self, conversation_id: str) -> Message:
        if self.payload is not None:
            return Message(conversation_id, self.id, "payload", self.payload)
        if self.attachment is not None:
            return Message(conversation_id, self.id, "attachment", self.attachment)
        if self.command is not None:
            return Message(conversation_id, self.id, "command", self.command)
        if command := typed_command(self.text or ""):
            return Message(conversation_id, self.id, "command", command)
        return Message(conversation_id, self.id, "text", self.text or "")


class Rating(BaseModel):
    """Whether an answer helped."""

    model_config = {"extra": "forbid"}

    helped: bool


class Opened(BaseModel):
    conversation: str
    token: str


class Posted(BaseModel):
    """The message is stored for good; `replies` holds what was said within the wait that was asked for."""

    message: str
    new: bool
    replies: list[dict[str, Any]]


class Exchange(Protocol):
    """What this door asks of the switchboard, handed in by the app."""

    async def open_conversation(self) -> tuple[str, str]: ...

    async def conversation_of(self, token: str) -> str | None: ...

    async def receive(self, message: Message) -> tuple[str, bool]: ...

    async def replies_to(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]: ...

    def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]: ...

    async def history(self, conversation_id: str) -> list[dict[str, Any]]: ...

    async def rate(self, conversation_id: str, message_id: str, helped: bool) -> bool: ...


class _Discreet(APIRoute):
    """Repeats in no error what was sent: it may hold a PIN."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def discreet(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                said = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
                # A field's name may hold half a surrogate pair, which no response can carry.
                detail = said.encode("ascii", "backslashreplace").decode()
                raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, detail) from None

        return discreet


def _reply_id(written: str) -> int | None:
    """Return the reply id that is written, or None when it cannot be one."""
    if not (written.isascii() and written.isdigit() and len(written) <= len(str(MAX_REPLY_ID))):
        return None
    return number if (number := int(written)) <= MAX_REPLY_ID else None


async def _unkept(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


def web_router(exchange: Exchange, may_open: Callable[[Request], Awaitable[bool]]) -> APIRouter:
    """Return the routes under /api. `may_open` says whether this caller may open one more conversation."""
    router = APIRouter(
        prefix="/api/conversations",
        tags=["chat"],
        route_class=_Discreet,
        dependencies=[Depends(_unkept)],
        max_body_size=MAX_BODY,
    )
    streams: Counter[str] = Counter()  # open now, by conversation

    async def allowed(conversation: str, authorization: Annotated[str, Header()] = "") -> str:
        scheme, _, token = authorization.partition(" ")
        known = await exchange.conversation_of(token.strip()) if scheme.lower() == "bearer" else None
        if known != conversation:
            raise HTTPException(
                status.HTTP_401_UNAUTHORIZED,
                "this token does not open this conversation",
                {"WWW-Authenticate": "Bearer"},
            )
        return conversation

    # As a default and not in an annotation: FastAPI cannot see a name that is local to this function.
    mine_only = Depends(allowed)

    @router.post("", status_code=status.HTTP_201_CREATED)
    async def open_conversation(request: Request) -> Opened:
        """Open a conversation; keep the token, it is shown only once."""
        if not await may_open(request):
            raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS, "too many conversations from here; try later")
        conversation, token = await exchange.open_conversation()
        return Opened(conversation=conversation, token=token)

    @router.post("/{conversation}/messages", status_code=status.HTTP_202_ACCEPTED)
    async def post_message(post: Post, wait: Annotated[float, Query(ge=0, le=60)] = 0, mine: str = mine_only) -> Posted:
        """Store a message; with `wait`, also return the replies that came within that many seconds."""
        message_id, new = await exchange.receive(post.message(mine))
        sent = await exchange.replies_to(mine, message_id, wait) if wait else []
        return Posted(message=message_id, new=new, replies=[one.as_json() for one in sent])

    @router.get("/{conversation}/history")
    async def history(mine: str = mine_only) -> list[dict[str, Any]]:
        """Return what was said so far, oldest first."""
        return await exchange.history(mine)

    @router.post("/{conversation}/messages/{message}/rating", status_code=status.HTTP_204_NO_CONTENT)
    async def rate(message: str, rating: Rating, mine: str = mine_only) -> None:
        """Note whether the answer to this message helped; the last word counts."""
        if not await exchange.rate(mine, message, rating.helped):
            raise HTTPException(status.HTTP_404_NOT_FOUND, "this conversation has no answer to such a message")

    @router.get("/{conversation}/events")
    async def events(
        after: Annotated[int, Query(ge=0, le=MAX_REPLY_ID)] = 0,
        last_event_id: Annotated[str, Header()] = "",
        mine: str = mine_only,
    ) -> EventSourceResponse:
        """Stream replies as they are said, from the one after `Last-Event-ID` (or `after`) on."""
        resumed = _reply_id(last_event_id)
        start = after if resumed is None else resumed
        if streams[mine] >= STREAMS_EACH or streams.total() >= STREAMS:
            raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS, "too many streams; ask with ?wait instead")

        async def stream() -> AsyncIterator[ServerSentEvent]:
            streams[mine] += 1
            try:
                yield ServerSentEvent(comment="open")  # shows at once that no proxy holds the stream back
                async for sent in exchange.follow(mine, start, SILENCE_S):
                    if sent is not None:
                        yield JSONServerSentEvent(sent.as_json(), event="reply", id=str(sent.reply_id))
            finally:
                streams.subtract({mine: 1})
                if not streams[mine]:
                    del streams[mine]

        return EventSourceResponse(stream(), ping=int(SILENCE_S))

    return router
