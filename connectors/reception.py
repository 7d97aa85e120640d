"""Where pushed doors hand in their news: messages to the switchboard, happenings to whom they concern."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Connection, insert, update

from connectors import deliveries, mailbox
from connectors.channels.port import Arrival, Happening, PushDoor, Reply
from connectors.clock import Clock
from connectors.handover import Handover
from connectors.messages import say
from connectors.privacy import forget_now
from connectors.store import Store, conversations, parked
from connectors.switchboard import Switchboard
from library.masking import mask

logger = logging.getLogger(__name__)

PARKED_CHARACTERS = 20_000
Accepted = Callable[[str, str], Awaitable[None]]  # a conversation, and the token that its owner brings


class DoorReception:
    """The `Reception` port."""

    def __init__(
        self,
        store: Store,
        switchboard: Switchboard,
        handover: Handover,
        doors: Mapping[str, PushDoor],
        clock: Clock,
        *,
        card_pattern: str,
        first_contact: Callable[[str], Reply],
        accepted: Accepted | None = None,
    ) -> None:
        self._store = store
        self._switchboard = switchboard
        self._handover = handover
        self._doors = doors
        self._clock = clock
        self._card_pattern = card_pattern
        self._first_contact = first_contact
        self.accepted = accepted
        self._gestures: set[asyncio.Task[None]] = set()

    async def receive(self, arrival: Arrival) -> bool:
        conversation_id, accepted = await self._switchboard.receive_at_door(arrival)
        if accepted.new:
            logger.info("received message=%s channel=%s", accepted.message_id, arrival.channel)
            await self._show_typing(conversation_id, arrival)
        return accepted.new

    async def note(self, happening: Happening) -> None:
        key, now = f"{happening.channel}:{happening.address}:{happening.key}", self._clock()
        logger.info("noted what=%s channel=%s", happening.what, happening.channel)
        if happening.what == "echo":
            await self._hear_echo(happening, key)
            return
        if happening.what == "accepted":
            await self._accept(happening)
            return
        work = {"came": self._come, "left": self._leave, "withdrew": self._withdraw, "moved": self._move}[
            happening.what
        ]

        def note(db: Connection) -> str | None:
            """Return the conversation in which something may be to be sent now."""
            return work(db, happening) if deliveries.receive_once(db, key, now) else None

        if conversation_id := await self._store.write(note):
            self._switchboard.announce(conversation_id)
        if happening.what == "withdrew":
            await self._store.scrub()

    async def park(self, channel: str, reason: str, body: bytes) -> None:
        text = mask(_as_read(body)[:PARKED_CHARACTERS], self._card_pattern).text
        row = {"channel": channel, "reason": reason, "body": text, "size": len(body)}
        row["parked_at"] = self._clock().isoformat()
        key = f"parked:{channel}:{hashlib.sha256(body).hexdigest()}"

        def keep(db: Connection) -> bool:
            """Return whether this body is parked for the first time: it may come again and again."""
            if not deliveries.receive_once(db, key, self._clock()):
                return False
            db.execute(insert(parked).values(row))
            return True

        if await self._store.write(keep):
            logger.warning("parked channel=%s reason=%s bytes=%s", channel, reason, len(body))

    async def close(self) -> None:
        for gesture in self._gestures:
            gesture.cancel()
        await asyncio.gather(*self._gestures, return_exceptions=True)

    async def _show_typing(self, conversation_id: str, arrival: Arrival) -> None:
        """Show that an answer is coming, unless a person is to give it; in the background, the door says 200 now."""
        door = self._doors.get(arrival.channel)
        if door and len(self._gestures) < 100:
            gesture = asyncio.create_task(self._type(door, conversation_id, arrival.address))
            self._gestures.add(gesture)
            gesture.add_done_callback(self._gestures.discard)

    async def _type(self, door: PushDoor, conversation_id: str, address: str) -> None:
        if not await self._handover.with_person(conversation_id):
            await door.show_typing(address)

    def _come(self, db: Connection, happening: Happening) -> str:
        """Greet who comes for the first time; who comes back is only remembered as reachable."""
        now = self._clock()
        conversation_id = mailbox.conversation_at(db, happening.channel, happening.address, now)
        deliveries.found_again(db, conversation_id, now)
        fresh = (conversations.c.id == conversation_id) & conversations.c.greeted_at.is_(None)
        greeted = db.execute(update(conversations).where(fresh).values(greeted_at=now.isoformat())).rowcount == 1
        if greeted:
            welcome = [self._first_contact("vi"), say("welcome", "vi")]
            mailbox.send(db, conversation_id, None, "notice", welcome, now)
        return conversation_id

    async def _accept(self, happening: Happening) -> None:
        """Hand a card over that was logged in with elsewhere. The token is good once, so coming again does nothing."""
        conversation_id = await self._store.write(lambda db: self._come(db, happening))
        self._switchboard.announce(conversation_id)
        if self.accepted:
            await self.accepted(conversation_id, happening.text)

    def _leave(self, db: Connection, happening: Happening) -> str | None:
        at = (conversations.c.channel == happening.channel) & (conversations.c.address == happening.address)
        db.execute(update(conversations).where(at).values(lost_at=self._clock().isoformat()))
        return None

    def _withdraw(self, db: Connection, happening: Happening) -> str | None:
        if conversation_id := mailbox.known_at(db, happening.channel, happening.address):
            forget_now(db, conversation_id, self._clock())
        return None

    def _move(self, db: Connection, happening: Happening) -> str | None:
        conversation_id = mailbox.known_at(db, happening.channel, happening.address)
        if conversation_id:
            mailbox.move(db, conversation_id, happening.channel, happening.text)
        return conversation_id

    async def _hear_echo(self, happening: Happening, key: str) -> None:
        """Note what was said in our name: by us, by a person in the channel's own console, or by who knows whom."""
        now = self._clock()

        def whose(db: Connection) -> str | None:
            """Return the conversation in which somebody else spoke, or None; nobody's news is no conversation."""
            conversation_id = mailbox.known_at(db, happening.channel, happening.address)
            if conversation_id is None:
                return None
            sent_id, text = happening.sent_id, happening.text
            ours = not happening.staff and deliveries.is_ours(
                db, conversation_id, happening.channel, sent_id, text, now
            )
            if ours or not deliveries.receive_once(db, key, now):
                return None
            said = mask(text, self._card_pattern).text
            self._handover.overheard(db, conversation_id, said, sure=happening.staff)
            return conversation_id

        if conversation_id := await self._store.write(whose):
            logger.info("somebody answers in the channel's console conversation=%s", conversation_id)
            self._switchboard.announce(conversation_id)


def _as_read(body: bytes) -> str:
    r"""Return the body without JSON's escapes, which hide from masking what a reader sees: "m\u1eadt kh\u1ea9u"."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda sign: chr(int(sign[1], 16)), body.decode("utf-8", "replace"))
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return re.sub(r"\\[nrtbf]", "\n", whole)
