"""A message in: store it, keep the order, have it answered, store the answer for sending.

A message is acknowledged when it is stored. Each conversation has at most one worker, which answers its messages
in order; what a crash interrupts is still unanswered in the inbox and is taken up again at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from weakref import WeakValueDictionary

from connectors import mailbox
from connectors.answerer import Answerer, FirstContact, OwnText, OwnWord, Patience, WithoutDialogue, plain
from connectors.channels.port import Arrival, Message, Reply, Sent
from connectors.clock import Clock
from connectors.dialogue import Dialogue
from connectors.limits import Allowance
from connectors.mailbox import Accepted, Answer, Stored
from connectors.messages import say
from connectors.store import Store
from connectors.turns import OpenTurns
from connectors.workers import Workers
from library.masking import Masked, mask
from library.ports import Turn

logger = logging.getLogger(__name__)

TRIES = 3
RETRY_S = 1.0
CROWD = 64  # conversations that wait at once; with so many, who waits too long is turned away politely


class Switchboard:
    """`without_dialogue(text, lang)` gives the replies when Rasa stays away, `own_words` those to commands of ours.

    `announce(conversation_id)` is told whenever something was stored for sending. A patron who writes faster than the
    `allowance` is asked to write slower.
    """

    def __init__(
        self,
        store: Store,
        dialogue: Dialogue,
        turns: OpenTurns,
        clock: Clock,
        *,
        card_pattern: str,
        without_dialogue: WithoutDialogue,
        own_words: Mapping[str, OwnWord] = MappingProxyType({}),
        first_contact: FirstContact | None = None,
        own_text: OwnText | None = None,
        announce: Callable[[str], None] = lambda _conversation_id: None,
        patience: Patience = Patience(),
        turns_at_once: int = 8,
        allowance: Allowance | None = None,
    ) -> None:
        self._store = store
        self._turns = turns
        self._clock = clock
        self._card_pattern = card_pattern
        self._tell = announce
        self._patience = patience
        self._started_at = clock()
        self._answerer = Answerer(
            store,
            dialogue,
            without_dialogue=without_dialogue,
            own_words=own_words,
            first_contact=first_contact,
            own_text=own_text,
            crowded=self._crowded,
            patience=patience,
            turns_at_once=turns_at_once,
        )
        self._allowance = allowance
        self._too_fast: set[str] = set()
        self._reminders = Allowance(clock, per_hour=60, at_once=1)  # to write slower; one a minute is enough
        self.workers = Workers(self._answer_all)
        self._watch: asyncio.Task[None] | None = None
        self._news: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()  # each lives while one waits on it
        self._failures: dict[str, int] = {}

    async def receive(self, message: Message) -> Accepted:
        """Return once the message is stored for good; the answer follows by itself."""
        hidden, now = self._masked(message), self._clock()
        kept = replace(message, text=hidden.text)
        accepted = await self._store.write(lambda db: mailbox.accept(db, kept, hidden.kinds, now))
        self._take_up(message.conversation_id, accepted)
        return accepted

    async def receive_at_door(self, arrival: Arrival) -> tuple[str, Accepted]:
        """Return the conversation and the message once it is stored for good; the answer follows by itself."""
        hidden, now = self._masked(arrival), self._clock()
        kept = replace(arrival, text=hidden.text)
        conversation_id, accepted = await self._store.write(lambda db: mailbox.arrive(db, kept, hidden.kinds, now))
        self._take_up(conversation_id, accepted)
        return conversation_id, accepted

    def _masked(self, message: Message | Arrival) -> Masked:
        if message.kind == "text":
            return mask(message.text, self._card_pattern)
        return Masked(message.text, frozenset())

    def _take_up(self, conversation_id: str, accepted: Accepted) -> None:
        if accepted.new and self._allowance and not self._allowance.take(conversation_id):
            self._too_fast.add(accepted.message_id)
        self._wake(conversation_id)

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
        self.announce(conversation_id)

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
        await self.workers.idle()

    async def close(self) -> None:
        """Stop the workers; what they had not finished stays in the inbox."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.workers.close()

    def announce(self, conversation_id: str) -> None:
        """Tell who follows the conversation, and who sends for it, that something was stored for sending."""
        self._tell(conversation_id)
        if news := self._news.pop(conversation_id, None):
            news.set()

    def _wake(self, conversation_id: str) -> None:
        self.workers.wake(conversation_id)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._say_waits())

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
                answer = _with_outcome(await self._find_answer(message, turn, failures), turn)
                forgotten = await self._store.write(lambda db: mailbox.finish(db, message, answer, self._clock()))
        except Exception:
            self._failures[message.id] = failures + 1
            raise
        self._failures.pop(message.id, None)
        self._too_fast.discard(message.id)
        self.announce(message.conversation_id)
        took_ms = (self._clock() - message.received_at).total_seconds() * 1000
        logger.info("answered message=%s intent=%s ms=%.0f", message.id, answer.intent, took_ms)
        if forgotten:
            await self._store.scrub()

    async def _find_answer(self, message: Stored, turn: Turn, failures: int) -> Answer:
        if failures >= TRIES:
            logger.error("gave up on message=%s after %s tries", message.id, TRIES)
            return plain(message, say("fallback", message.locale))
        if message.id in self._too_fast:
            # A pushed door would be kept busy by one who floods it; a browser asks for its replies itself.
            told = message.channel != "web" and not self._reminders.take(message.conversation_id)
            return plain(message) if told else plain(message, say("slow_down", message.locale))
        return await self._answerer.answer(message, turn)

    def _crowded(self, message: Stored) -> bool:
        """Return whether many wait and this message waited too long, not counting the time that we were away."""
        since = max(message.received_at, self._started_at)
        return len(self.workers) >= CROWD and self._clock() - since > timedelta(seconds=self._patience.crowded_s)

    async def _say_waits(self) -> None:
        """Say "đang kiểm tra" to whoever waits too long, be it for the dialogue, a seat or the messages before."""
        while self.workers:
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
            self.announce(conversation_id)


def _with_outcome(answer: Answer, turn: Turn) -> Answer:
    """Return the answer with what the actions noted that it led to, or else with what its intent tells."""
    if answer.intent is None:  # answered without the dialogue: what a turn that was given up had noted is no more
        return answer
    if turn.outcome:
        return replace(answer, outcome=turn.outcome)
    if not answer.understood or answer.intent == "nlu_fallback":
        return replace(answer, outcome={"kind": "unknown"})
    return replace(answer, outcome={"kind": "refused" if answer.intent == "out_of_scope" else "other"})
