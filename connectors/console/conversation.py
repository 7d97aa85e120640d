"""The screen of one conversation: what was said, who has it, and a librarian's answer.

What a librarian does is done on what they saw: when a colleague has taken the conversation since the page was drawn,
the page comes back and says so, and the words stay in the box.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakValueDictionary

from fastapi import APIRouter, Request, Response

from connectors.console import talk_list, transcript, waiting
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import INBOX, TALKS, conversation_at
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.console.waiting import Chat
from connectors.console.windows import Reach, reach
from connectors.ownership import Owner
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.teaching.contract import INTENTS, SLOTS
from connectors.tokens import new_token

logger = logging.getLogger(__name__)

LONGEST_REPLY = 2000  # characters; longer ones are better said in two
PATH = f"{TALKS}/{{conversation_id}}"
READ_AGAIN_AFTER = timedelta(hours=1)  # one look at a conversation is one reading, however often it is drawn anew


@dataclass(frozen=True)
class Wish:
    """What a librarian wants done in a conversation, on what their page showed."""

    chat: Chat
    visitor: Visitor
    form: Form

    @property
    def overtaken(self) -> bool:
        """Whether a colleague has the conversation now of whom the page knew nothing."""
        holder = held_by(self.chat.owner)
        return holder not in ("", f"={self.visitor.name}", self.form.get("seen", ""))

    @property
    def text(self) -> str:
        return self.form.get("text", "").replace("\r\n", "\n").strip()


def add_conversation(router: APIRouter, room: Room) -> None:
    desk = Desk(room)

    @router.get(PATH)
    @needs(Permission.READ_TALKS)
    async def show(request: Request, visitor: SignedIn, conversation_id: str) -> Response:
        return await desk.show(conversation_id, visitor, request.query_params.get("done", ""))

    @router.post(f"{PATH}/reply")
    @needs(Permission.ANSWER_TALKS)
    async def reply(visitor: SignedIn, form: Posted, conversation_id: str) -> Response:
        return await desk.do(desk.reply, conversation_id, visitor, form)

    @router.post(f"{PATH}/take")
    @needs(Permission.ANSWER_TALKS)
    async def take(visitor: SignedIn, form: Posted, conversation_id: str) -> Response:
        return await desk.do(desk.take, conversation_id, visitor, form)

    @router.post(f"{PATH}/give-back")
    @needs(Permission.ANSWER_TALKS)
    async def give_back(visitor: SignedIn, form: Posted, conversation_id: str) -> Response:
        return await desk.do(desk.give_back, conversation_id, visitor, form)

    @router.post(f"{PATH}/close")
    @needs(Permission.ANSWER_TALKS)
    async def close(visitor: SignedIn, form: Posted, conversation_id: str) -> Response:
        return await desk.do(desk.close, conversation_id, visitor, form)


class Desk:
    """Shows a conversation and does in it what librarians wish, one wish at a time."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def show(self, conversation_id: str, visitor: Visitor, done: str) -> Response:
        chat = await self._room.store.read(lambda db: waiting.chat(db, conversation_id))
        if chat is None:
            return await self._gone(visitor)
        await self._note_reading(conversation_id, visitor)
        return await self._page(chat, visitor, done=done)

    async def _note_reading(self, conversation_id: str, visitor: Visitor) -> None:
        talk, now = audit.talk(conversation_id), self._room.clock()
        deed = (visitor.name, "talk.read", talk)
        if not await self._room.store.read(lambda db: audit.is_noted(db, *deed, now - READ_AGAIN_AFTER)):
            await self._room.store.write(lambda db: audit.note(db, *deed, {}, now))

    async def do(
        self, deed: Callable[[Wish], Awaitable[Response]], conversation_id: str, visitor: Visitor, form: Form
    ) -> Response:
        """Return what came of the deed, unless a colleague was faster: then what they did."""
        turn = self._turns.setdefault(conversation_id, asyncio.Lock())
        async with turn:
            chat = await self._room.store.read(lambda db: waiting.chat(db, conversation_id))
            if chat is None:
                return await self._gone(visitor)
            wish = Wish(chat, visitor, form)
            if wish.overtaken and not await self._is_done(wish):
                return await self._page(chat, visitor, 409, problem="overtaken", text=wish.text)
            return await deed(wish)

    async def reply(self, wish: Wish) -> Response:
        key = wish.form.get("form_key", "")
        if problem := _problem(wish.text, key, self._reach(wish.chat)):
            return await self._page(wish.chat, wish.visitor, 422, problem=problem, text=wish.text)
        ticket = wish.chat.open_ticket.number if wish.chat.open_ticket else 0
        new = await self._room.handover.say_as_person(wish.chat.id, wish.visitor.name, wish.text, key, ticket)
        logger.info("answered by staff conversation=%s ticket=%s new=%s", wish.chat.id, ticket, new)
        return see_other(f"{conversation_at(wish.chat.id)}?done=replied#answer")

    async def take(self, wish: Wish) -> Response:
        await self._room.handover.take_over(wish.chat.id, wish.visitor.name)
        return see_other(f"{conversation_at(wish.chat.id)}?done=taken#answer")

    async def give_back(self, wish: Wish) -> Response:
        await self._room.handover.give_back(wish.chat.id)
        return see_other(f"{INBOX}?done=given-back")

    async def close(self, wish: Wish) -> Response:
        """Close the ticket; who had the conversation is done with it."""
        now = self._room.clock()
        number = await self._room.store.write(lambda db: waiting.close(db, wish.chat.id, now))
        if wish.chat.owner.who == "person":
            await self._room.handover.give_back(wish.chat.id)
        logger.info("ticket closed number=%s", number)
        return see_other(f"{INBOX}?done=closed&ticket={number or ''}")

    async def _page(
        self, chat: Chat, visitor: Visitor, code: int = 200, *, problem: str = "", text: str = "", done: str = ""
    ) -> Response:
        said = await self._room.store.read(lambda db: transcript.transcript(db, chat.id))
        heard = await self._room.store.read(lambda db: talk_list.heard(db, chat.id))
        form = {"problem": problem, "text": text, "longest": LONGEST_REPLY, "form_key": new_token()}
        shown = {"chat": chat, "said": said, "reach": self._reach(chat), "seen": held_by(chat.owner), "done": done}
        shown |= {"heard": heard, "intents": INTENTS, "slots": SLOTS}
        return await self._room.page(visitor, "conversation", "inbox", code, **shown, **form)

    async def _is_done(self, wish: Wish) -> bool:
        """Return whether this very form was sent before, so that it asks for nothing new."""
        key = wish.form.get("form_key", "")
        return await self._room.store.read(lambda db: transcript.is_said(db, key))

    async def _gone(self, visitor: Visitor) -> Response:
        return await self._room.page(visitor, "gone", "inbox", 404, number=None)

    def _reach(self, chat: Chat) -> Reach:
        return reach(chat.channel, chat.heard_at, chat.lost_at, self._room.windows, self._room.clock())


def held_by(owner: Owner) -> str:
    """Return who has the conversation as a form carries it: nothing, "=" and a name, or "=" for a nameless person."""
    return f"={owner.name or ''}" if owner.who == "person" else ""


def _problem(text: str, key: str, can: Reach) -> str:
    """Return why this reply cannot be sent, or nothing."""
    if can.state == "shut":
        return "shut"
    if not text:
        return "empty"
    if not key:
        return "no_key"
    return "too_long" if len(text) > LONGEST_REPLY else ""
