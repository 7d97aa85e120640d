"""A message in: store it, keep the order, ask the dialogue, store the answer for sending.

A message is acknowledged when it is stored. Each conversation has at most one worker, which answers its messages
in order; what a crash interrupts is still unanswered in the inbox and is taken up again at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from weakref import WeakValueDictionary

from connectors import mailbox
from connectors.channels.port import Message, Reply, Sent
from connectors.clock import Clock
from connectors.dialogue import Dialogue, DialogueAway
from connectors.mailbox import Accepted, Answer, Stored
from connectors.messages import say
from connectors.store import Store
from connectors.turns import OpenTurns
from library.masking import mask
from library.ports import Turn

logger = logging.getLogger(__name__)

ATTACHMENTS = frozenset({"photo", "voice", "sticker", "location", "file"})
NOT_UNDERSTOOD = frozenset({"nlu_fallback", "out_of_scope"})
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)
TRIES = 3
RETRY_S = 1.0

WithoutDialogue = Callable[[str, str], Awaitable[tuple[Reply, ...]]]


@dataclass(frozen=True)
class Patience:
    """How long a patron waits, in seconds: for "đang kiểm tra", and for an answer without Rasa."""

    wait_notice_s: float = 5.0
    give_up_s: float = 60.0


class Switchboard:
    """`without_dialogue(text, lang)` gives the replies when Rasa stays away."""

    def __init__(
        self,
        store: Store,
        dialogue: Dialogue,
        turns: OpenTurns,
        clock: Clock,
        *,
        card_pattern: str,
        without_dialogue: WithoutDialogue,
        patience: Patience = Patience(),
        turns_at_once: int = 8,
    ) -> None:
        self._store = store
        self._dialogue = dialogue
        self._turns = turns
        self._clock = clock
        self._card_pattern = card_pattern
        self._without_dialogue = without_dialogue
        self._patience = patience
        self._seats = asyncio.Semaphore(turns_at_once)
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._called: set[str] = set()  # conversations whose worker is to look once more
        self._watch: asyncio.Task[None] | None = None
        self._news: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()  # each lives while one waits on it
        self._failures: dict[str, int] = {}

    async def receive(self, message: Message) -> Accepted:
        """Return once the message is stored for good; the answer follows by itself."""
        hidden = mask(message.text, self._card_pattern) if message.kind == "text" else None
        kept = replace(message, text=hidden.text) if hidden else message
        now = self._clock()
        accepted = await self._store.write(
            lambda db: mailbox.accept(db, kept, hidden.kinds if hidden else frozenset(), now)
        )
        self._wake(message.conversation_id)
        return accepted

    async def recover(self) -> int:
        """Return how many conversations still waited for an answer, and take them up."""
        waiting = await self._store.read(mailbox.with_unanswered)
        for conversation_id in waiting:
            self._wake(conversation_id)
        return len(waiting)

    async def notify(self, conversation_id: str, reply: Reply) -> None:
        """Say something that answers no message."""
        now = self._clock()
        await self._store.write(lambda db: mailbox.send(db, conversation_id, None, "notice", [reply], now))
        self._announce(conversation_id)

    async def sent_after(self, conversation_id: str, after: int, wait_s: float) -> list[Sent]:
        """Return what was said after the reply `after`; waits up to `wait_s` for something to say."""
        news = self._news.setdefault(conversation_id, asyncio.Event())
        sent = await self._store.read(lambda db: mailbox.sent_after(db, conversation_id, after))
        if sent or wait_s <= 0:
            return sent
        try:
            await asyncio.wait_for(news.wait(), wait_s)
        except TimeoutError:
            return []
        return await self._store.read(lambda db: mailbox.sent_after(db, conversation_id, after))

    async def final_for(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]:
        """Return the replies to one message, the final one last; waits for it up to `wait_s`."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            news = self._news.setdefault(conversation_id, asyncio.Event())
            sent = await self._store.read(lambda db: mailbox.sent_for(db, message_id))
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or any(one.kind == "final" for one in sent):
                return sent
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                continue

    async def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        """Yield what is said from `after` on, as it is said; None every `beat_s` of silence."""
        while True:
            sent = await self.sent_after(conversation_id, after, beat_s)
            for one in sent:
                after = one.reply_id
                yield one
            if not sent:
                yield None

    async def idle(self) -> None:
        """Return when no message is being answered."""
        while self._workers:
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def close(self) -> None:
        """Stop the workers; what they had not finished stays in the inbox."""
        running = [*self._workers.values(), *([self._watch] if self._watch else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _announce(self, conversation_id: str) -> None:
        if news := self._news.pop(conversation_id, None):
            news.set()

    def _wake(self, conversation_id: str) -> None:
        self._called.add(conversation_id)
        if conversation_id not in self._workers:
            self._workers[conversation_id] = asyncio.create_task(self._work(conversation_id))
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._say_waits())

    async def _work(self, conversation_id: str) -> None:
        try:
            # A message that comes while the inbox is being read may be missed by the read, but it calls again.
            while conversation_id in self._called:
                self._called.discard(conversation_id)
                await self._answer_all(conversation_id)
        finally:
            del self._workers[conversation_id]

    async def _answer_all(self, conversation_id: str) -> None:
        while True:
            try:
                message = await self._store.read(lambda db: mailbox.next_unanswered(db, conversation_id))
                if message is None:
                    return
                await self._answer(message)
            except Exception:
                # The message stays in the inbox and is tried again; at once would spin on the same fault.
                logger.exception("a turn failed conversation=%s", conversation_id)
                await asyncio.sleep(RETRY_S)

    async def _answer(self, message: Stored) -> None:
        # The turn's time is when the patron spoke, so that a turn run again after a crash finds the same answer.
        turn = Turn(message.conversation_id, message.id, message.channel, message.received_at, message.masked)
        failures = self._failures.get(message.id, 0)
        try:
            with self._turns.opened(turn):
                answer = await self._find_answer(message, turn) if failures < TRIES else self._apology(message)
                forgotten = await self._store.write(lambda db: mailbox.finish(db, message, answer, self._clock()))
        except Exception:
            self._failures[message.id] = failures + 1
            raise
        self._failures.pop(message.id, None)
        self._announce(message.conversation_id)
        took_ms = (self._clock() - message.received_at).total_seconds() * 1000
        logger.info("answered message=%s intent=%s ms=%.0f", message.id, answer.intent, took_ms)
        if forgotten:
            await self._store.scrub()

    def _apology(self, message: Stored) -> Answer:
        logger.error("gave up on message=%s after %s tries", message.id, TRIES)
        return self._plain(message, say("fallback", message.locale))

    async def _say_waits(self) -> None:
        """Say "đang kiểm tra" to whoever waits too long, be it for the dialogue, a seat or the messages before."""
        while self._workers:
            await asyncio.sleep(self._patience.wait_notice_s / 5)
            try:
                await self._say_waits_due()
            except Exception:
                logger.exception("wait notices could not be stored")

    async def _say_waits_due(self) -> None:
        now = self._clock()
        since = now - timedelta(seconds=self._patience.wait_notice_s)
        for conversation_id in await self._store.write(
            lambda db: mailbox.say_waits(db, since, partial(say, "wait"), now)
        ):
            self._announce(conversation_id)

    async def _find_answer(self, message: Stored, turn: Turn) -> Answer:
        if message.kind == "attachment":
            kind = message.text if message.text in ATTACHMENTS else "file"
            return self._plain(message, say(f"attachment_{kind}", message.locale))
        if message.kind == "text" and not message.text.strip():
            return self._plain(message, say("empty", message.locale))
        payload = None
        if message.kind == "payload":
            shown = await self._store.read(
                lambda db: mailbox.payload_of(db, message.conversation_id, message.text, turn.now)
            )
            if shown is None:
                return self._plain(message, say("button_gone", message.locale))
            payload, _title = shown
        return _with_mask_notice(message, await self._ask(message, turn, payload))

    async def _ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        """Return Rasa's answer, however often it has to be asked, or the one without it when patience ends."""
        try:
            async with asyncio.timeout(self._patience.give_up_s):
                answer = await self._ask_until_it_answers(message, turn, payload)
        except TimeoutError:
            logger.warning("answered without the dialogue message=%s", message.id)
            replies = await self._without_dialogue(message.text if payload is None else "", message.locale)
            answer = self._plain(message, *replies)
        if all(reply == Reply() for reply in answer.replies):
            return replace(answer, replies=(say("nothing_said", answer.locale),))
        return answer

    async def _ask_until_it_answers(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        tries = 0
        while True:
            try:
                async with self._seats:
                    return await self._dialogue.ask(message, turn, payload)
            except DialogueAway as exc:
                logger.warning("the dialogue is away, try %s: %s", tries + 1, exc)
                await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1

    def _plain(self, message: Stored, *said: Reply) -> Answer:
        return Answer(said, message.tracker, locale=message.locale)


def _with_mask_notice(message: Stored, answer: Answer) -> Answer:
    """Return the answer with a word on what was hidden; alone, when the rest of the message was not understood."""
    if not message.masked & {"card", "pin"}:
        return answer
    notice = say("masked", answer.locale)
    return replace(answer, replies=(notice,) if answer.intent in NOT_UNDERSTOOD else (notice, *answer.replies))
