"""Sends what is stored for pushed doors: in order within a conversation, each part once, again what did not go out.

One worker a conversation, as for answering. A channel that does not take a part says by its error what to do next:
wait, write it plainer, leave this one, leave this patron, or wait for a person to mend the door. What a crash left
half done is sent again, unless the channel's echo shows within `echo_s` that it had arrived.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors import deliveries, mailbox
from connectors.channels.port import (
    DoorShut,
    Limits,
    Moved,
    NotSent,
    Part,
    PlainerPlease,
    PushDoor,
    Refused,
    Reply,
    TryLater,
    Unconfirmed,
    Unreachable,
)
from connectors.channels.rendering import render
from connectors.clock import VIETNAM, Clock
from connectors.deliveries import Due
from connectors.messages import sentence
from connectors.pace import Pace
from connectors.store import Store
from connectors.workers import Workers

logger = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
GIVE_UP_AFTER = timedelta(hours=24)
SHUT_S = 60.0  # a door that a person must mend is tried again after so long
FAULT_S = 2.0
FAULTS = 4  # tries after which a reply that we stumble over makes way for the next
NEVER = datetime.min.replace(tzinfo=VIETNAM)
LAST_PART_S = 5.0  # at a stop, for the answer to a part that is at the channel
LONGEST_WAIT = timedelta(hours=1)  # what lies further ahead was written by a clock that was wrong
QUIET = timedelta(hours=1)  # after an alarm: a channel may refuse some patrons and take others
ECHO_S = 40.0  # the first retry of a webhook comes after 30 s

Alarm = Callable[[str, str], None]


class Deliverer:
    """`alarm(channel, reason)` is told when a door needs a person, once until it works again."""

    def __init__(
        self,
        store: Store,
        doors: Mapping[str, PushDoor],
        clock: Clock,
        *,
        alarm: Alarm = lambda _channel, _reason: None,
        echo_s: float = ECHO_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._doors = doors
        self._clock = clock
        self._alarm = alarm
        self._echo = timedelta(seconds=echo_s)
        self._jitter = jitter
        self._pace = {name: Pace(door.limits) for name, door in doors.items()}
        self.workers = Workers(self._send_all)
        self._shut: set[str] = set()
        self._alarmed: dict[tuple[str, str], datetime] = {}
        self._handing: set[asyncio.Task[None]] = set()

    def wake(self, conversation_id: str) -> None:
        """Look whether something is to be sent to this conversation."""
        if self._doors:
            self.workers.wake(conversation_id)

    async def recover(self) -> int:
        """Return how many conversations something still waited for, and take them up."""
        waiting = await self._store.read(deliveries.with_waiting)
        for conversation_id in waiting:
            self.wake(conversation_id)
        return len(waiting)

    async def idle(self) -> None:
        """Return when nothing is being sent."""
        await self.workers.idle()

    async def close(self) -> None:
        """Stop sending, when what is at the channel just now is answered for; what is not out stays queued."""
        await self.workers.close()
        if self._handing:
            await asyncio.wait(self._handing, timeout=LAST_PART_S)

    async def _send_all(self, conversation_id: str) -> None:
        while True:
            try:
                due = await self._store.read(lambda db: deliveries.next_due(db, conversation_id))
                if due is None:
                    return
                await self._send(due)
            except Exception:
                logger.exception("sending failed conversation=%s", conversation_id)
                await asyncio.sleep(FAULT_S)

    async def _send(self, due: Due) -> None:
        door = self._doors.get(due.channel)
        if door is None:  # its section was taken out of the settings
            await self._bury(due, "door_closed")
        elif due.overtaken:
            await self._store.write(lambda db: deliveries.all_sent(db, due, (), self._clock()))
        elif due.good_until and self._clock() > due.good_until:
            await self._store.write(lambda db: deliveries.drop(db, due, "too_late", self._clock()))
        elif self._clock() - due.created_at > GIVE_UP_AFTER:
            await self._bury(due, "too_late")
        elif due.next_at and timedelta() < due.next_at - self._clock() <= LONGEST_WAIT:
            await asyncio.sleep((due.next_at - self._clock()).total_seconds())
        elif due.sending_since and door.echoes and self._clock() - due.sending_since < self._echo:
            await asyncio.sleep((due.sending_since + self._echo - self._clock()).total_seconds())
        else:
            await self._try(due, door)

    async def _try(self, due: Due, door: PushDoor) -> None:
        """Send the parts that are left; what the door answers decides what happens next."""
        try:
            await self._send_parts(due, door)
        except PlainerPlease as exc:
            logger.info("plainer reply=%s channel=%s reason=%s", due.reply_id, due.channel, exc.reason)
            if due.plain:
                await self._bury(due, exc.reason)
            else:
                await self._store.write(lambda db: deliveries.make_plain(db, due, self._clock()))
        except Unreachable as exc:
            logger.info("unreachable conversation=%s reason=%s", due.conversation_id, exc.reason)
            await self._store.write(lambda db, why=exc.reason: deliveries.lose(db, due, why, self._clock()))  # type: ignore[misc]
        except Moved as exc:
            await self._move(due, exc)
        except Refused as exc:
            await self._bury(due, exc.reason)
        except DoorShut as exc:
            await self._stand_before(due, exc)
        except Unconfirmed as exc:
            await self._await_echo(due, door, exc)
        except TryLater as exc:
            await self._put_off(due, exc, exc.after_s)
        except NotSent as exc:
            await self._put_off(due, exc, None)
        except Exception:
            logger.exception("a fault of ours reply=%s channel=%s", due.reply_id, due.channel)
            if due.tries >= FAULTS:
                await self._bury(due, "fault")
            else:
                await self._put_off(due, NotSent("fault"), None)
        else:
            self._shut.discard(due.channel)

    async def _send_parts(self, due: Due, door: PushDoor) -> None:
        said = _signed(due.replies, due.locale) if due.kind == "person" else due.replies
        parts = render(said, plain(door.limits) if due.plain else door.limits, due.locale)
        for number, part in enumerate(parts[due.sent_parts :], due.sent_parts):
            await self._pace[due.channel].wait(due.address)
            await self._store.write(lambda db, part=part: deliveries.begin(db, due, part, self._clock()))  # type: ignore[misc]
            await self._undisturbed(self._hand_over(due, door, number, part))
        numbered = [choice for part in parts for choice in part.numbered]
        await self._store.write(lambda db: deliveries.all_sent(db, due, numbered, self._clock()))

    async def _undisturbed(self, handing: Coroutine[None, None, None]) -> None:
        """Do it to its end also when the worker is stopped: a part whose answer is not heard is sent twice."""
        task = asyncio.create_task(handing)
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)
        await asyncio.shield(task)

    async def _hand_over(self, due: Due, door: PushDoor, number: int, part: Part) -> None:
        sent_id = await door.send(due.address, part)
        await self._store.write(lambda db: deliveries.part_sent(db, due, number, part, sent_id, self._clock()))

    async def _put_off(self, due: Due, exc: NotSent, after_s: float | None) -> None:
        wait_s = after_s if after_s is not None else self._back_off_s(due.tries)
        logger.info("put off reply=%s channel=%s reason=%s s=%.1f", due.reply_id, due.channel, exc.reason, wait_s)
        next_at = self._clock() + timedelta(seconds=wait_s)
        await self._store.write(lambda db: deliveries.put_off(db, due, exc.reason, next_at, self._clock()))

    async def _await_echo(self, due: Due, door: PushDoor, exc: Unconfirmed) -> None:
        """Leave it open whether the part arrived, where an echo will tell; elsewhere it is sent again."""
        logger.info("unconfirmed reply=%s channel=%s reason=%s", due.reply_id, due.channel, exc.reason)
        if not door.echoes:
            await self._put_off(due, exc, exc.after_s)
            return
        next_at = self._clock() + timedelta(seconds=max(self._echo.total_seconds(), self._back_off_s(due.tries)))
        await self._store.write(lambda db: deliveries.doubt(db, due, exc.reason, next_at, self._clock()))

    def _back_off_s(self, tries: int) -> float:
        return BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)] * (0.75 + 0.5 * self._jitter())

    async def _stand_before(self, due: Due, exc: DoorShut) -> None:
        if due.channel not in self._shut:
            self._shut.add(due.channel)
            logger.error("a person must mend the door channel=%s reason=%s", due.channel, exc.reason)
            if self._clock() - self._alarmed.get((due.channel, exc.reason), NEVER) >= QUIET:
                self._alarmed[due.channel, exc.reason] = self._clock()
                self._alarm(due.channel, exc.reason)
        await self._put_off(due, exc, SHUT_S)

    async def _bury(self, due: Due, reason: str) -> None:
        logger.warning("not sent reply=%s channel=%s reason=%s", due.reply_id, due.channel, reason)
        await self._store.write(lambda db: deliveries.bury(db, due, reason, self._clock()))

    async def _move(self, due: Due, exc: Moved) -> None:
        """Go on at the chat's new address; if that is a conversation of its own by now, this reply has no home."""
        if due.tries:
            await self._bury(due, exc.reason)
            return
        await self._store.write(lambda db: mailbox.move(db, due.conversation_id, due.channel, exc.address))
        await self._put_off(due, exc, 0.0)


def plain(limits: Limits) -> Limits:
    """Return the same limits without buttons: every choice becomes numbered text."""
    return replace(limits, buttons=0)


def _signed(replies: Sequence[Reply], lang: str) -> tuple[Reply, ...]:
    """Return a librarian's words so that the patron sees that a person speaks: these doors know one sender only."""
    return tuple(replace(reply, text=sentence("from_librarian", lang, text=reply.text)) for reply in replies)
