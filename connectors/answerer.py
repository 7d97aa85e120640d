"""One message's answer: the gateway's own word where it has one, else the dialogue's, else one without the dialogue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from connectors import mailbox
from connectors.channels.port import Reply
from connectors.dialogue import Dialogue, DialogueAway
from connectors.mailbox import Answer, Stored
from connectors.messages import say
from connectors.sharing import payload_of_command
from connectors.store import Store
from library.ports import Turn

logger = logging.getLogger(__name__)

ATTACHMENTS = frozenset({"photo", "voice", "sticker", "location", "file"})
NOT_UNDERSTOOD = frozenset({"nlu_fallback", "out_of_scope"})
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)

WithoutDialogue = Callable[[str, str], Awaitable[tuple[Reply, ...]]]
OwnWord = Callable[[Turn, str], Awaitable[Reply]]  # the reply to a command or a button of ours, in a language
OwnText = Callable[[Turn, str], Awaitable[str | None]]  # which of our own words a typed message is, if any


def first_of(*finders: OwnText) -> OwnText:
    """Return what asks each in turn, until one knows the message."""

    async def find(turn: Turn, text: str) -> str | None:
        for finder in finders:
            if own := await finder(turn, text):
                return own
        return None

    return find


FirstContact = Callable[[str], Reply]  # the privacy notice, in a language


@dataclass(frozen=True)
class Patience:
    """How long a patron waits, in seconds: for "đang kiểm tra", for an answer without Rasa, for any in a crowd."""

    wait_notice_s: float = 5.0
    give_up_s: float = 60.0
    crowded_s: float = 20.0


class Answerer:
    """`without_dialogue(text, lang)` gives the replies when Rasa stays away, `own_words` those to commands of ours.

    `crowded(message)` says that too many wait: who waits longest is told so instead of being served late.
    """

    def __init__(
        self,
        store: Store,
        dialogue: Dialogue,
        *,
        without_dialogue: WithoutDialogue,
        own_words: Mapping[str, OwnWord],
        first_contact: FirstContact | None,
        own_text: OwnText | None = None,
        crowded: Callable[[Stored], bool],
        patience: Patience,
        turns_at_once: int,
    ) -> None:
        self._store = store
        self._dialogue = dialogue
        self._without_dialogue = without_dialogue
        self._own_words = own_words
        self._first_contact = first_contact
        self._own_text = own_text
        self._crowded = crowded
        self._patience = patience
        self._seats = asyncio.Semaphore(turns_at_once)

    async def answer(self, message: Stored, turn: Turn) -> Answer:
        """Return the answer to one message; with no replies while a person has the conversation."""
        if message.owner.who == "person" and message.kind in ("text", "attachment"):
            return plain(message)
        answer = await self._find(message, turn)
        if message.owner.who == "waiting" and message.kind == "text" and not answer.understood:
            answer = replace(answer, replies=(say("passed_on", answer.locale),))
        if self._first_contact and not message.greeted:
            answer = replace(answer, replies=(self._first_contact(answer.locale), *answer.replies))
        return answer

    async def _find(self, message: Stored, turn: Turn) -> Answer:
        if message.kind == "attachment":
            kind = message.text if message.text in ATTACHMENTS else "file"
            return plain(message, say(f"attachment_{kind}", message.locale))
        if message.kind == "text" and not message.text.strip():
            return plain(message, say("empty", message.locale))
        if message.kind == "command":
            return await self._obey(message, turn)
        if message.kind == "payload":
            return await self._press(message, turn)
        if self._own_text and (own := await self._own_text(turn, message.text)):
            return plain(message, await self._own_words[own](turn, message.locale))
        return _with_mask_notice(message, await self._ask(message, turn, None))

    async def _press(self, message: Stored, turn: Turn) -> Answer:
        shown = await self._store.read(
            lambda db: mailbox.payload_of(db, message.conversation_id, message.text, turn.now)
        )
        if shown is None:
            return plain(message, say("button_gone", message.locale))
        payload, _title = shown
        if own_word := self._own_words.get(payload):
            return plain(message, await own_word(turn, message.locale))
        return await self._ask(message, turn, payload)

    async def _obey(self, message: Stored, turn: Turn) -> Answer:
        if own_word := self._own_words.get(message.text):
            return plain(message, await own_word(turn, message.locale))
        return await self._ask(message, turn, payload_of_command(message.text))

    async def _ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        """Return Rasa's answer, however often it has to be asked, or the one without it when patience ends."""
        try:
            async with asyncio.timeout(self._patience.give_up_s):
                answer = await self._ask_until_it_answers(message, turn, payload)
        except TimeoutError:
            logger.warning("answered without the dialogue message=%s", message.id)
            replies = await self._without_dialogue(message.text if payload is None else "", message.locale)
            answer = plain(message, *replies)
        if all(reply == Reply() for reply in answer.replies):
            return replace(answer, replies=(say("nothing_said", answer.locale),))
        return answer

    async def _ask_until_it_answers(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        tries = 0
        while True:
            try:
                async with self._seats:
                    if self._crowded(message):
                        logger.warning("turned away in a crowd message=%s", message.id)
                        return plain(message, say("overloaded", message.locale))
                    return await self._dialogue.ask(message, turn, payload)
            except DialogueAway as exc:
                logger.warning("the dialogue is away, try %s: %s", tries + 1, exc)
                await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1


def plain(message: Stored, *said: Reply) -> Answer:
    """Return an answer that leaves the dialogue's memory as it was."""
    return Answer(said, message.tracker, locale=message.locale)


def _with_mask_notice(message: Stored, answer: Answer) -> Answer:
    """Return the answer with a word on what was hidden; alone, when the rest of the message was not understood."""
    if not message.masked & {"card", "pin"}:
        return answer
    notice = say("masked", answer.locale)
    return replace(answer, replies=(notice,) if answer.intent in NOT_UNDERSTOOD else (notice, *answer.replies))
