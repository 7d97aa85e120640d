"""A dialogue that answers by the words alone, from the memory and the message: asked again, it answers the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from connectors.channels.port import Button, Reply
from connectors.deeds import JournaledDeeds
from connectors.desk import StoredDesk
from connectors.dialogue import DialogueAway
from connectors.mailbox import Answer, Stored
from connectors.privacy import StoredPrivacy
from library.ils import ILSOutcomeUnknown, PatronRef
from library.ports import Turn
from tests.crash import script
from tests.crash.script import CHOOSES, LOANS

QUESTION_LIFETIME = timedelta(minutes=15)
Memory = dict[str, Any]


class ScriptedDialogue:
    def __init__(self, deeds: JournaledDeeds, desk: StoredDesk, privacy: StoredPrivacy) -> None:
        self._deeds = deeds
        self._desk = desk
        self._privacy = privacy
        self._asked: Counter[str] = Counter()
        self._late: set[asyncio.Task[None]] = set()

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        self._asked[message.id] += 1
        await asyncio.sleep(0.2)
        words, _, mark = (payload or message.text).partition(" ~")
        memory = message.tracker or {"heard": [], "question": None, "hold": None}
        memory = {**memory, "heard": [*memory["heard"], mark]}
        replies, memory = await self._say(words, mark, memory, turn, self._asked[message.id])
        return Answer(replies, memory, intent="scripted", confidence=1.0)

    async def _say(
        self, words: str, mark: str, memory: Memory, turn: Turn, tries: int
    ) -> tuple[tuple[Reply, ...], Memory]:
        name, _, line = mark.partition("/")
        who = PatronRef(f"patron of {name}")
        match words:
            case "gia hạn":
                question = {"loan": LOANS[name], "asked_at": turn.now.isoformat()}
                yes = Button(script.YES, f"/affirm ~{name}/{CHOOSES[line]}")
                return (Reply(f"{script.ASKS} ~{mark}", (yes,)),), {**memory, "question": question}
            case "ừ" | "/affirm":
                if line == "c6" and tries == 1:
                    self._start_late(memory["question"], who, turn)
                    raise DialogueAway("too slow, and still at it")
                return _told(await self._renew(memory["question"], who, turn), mark), {**memory, "question": None}
            case "giữ chỗ":
                hold = (await self._deeds.place_hold(turn, who, "sách", None)).hold
                return _told(script.HELD if hold else "Không giữ được", mark), {**memory, "hold": hold and hold.hold_id}
            case "bỏ giữ chỗ":
                gone = await self._deeds.cancel_hold(turn, who, memory["hold"])
                return _told(script.UNHELD if gone.ok else "Không bỏ được", mark), {**memory, "hold": None}
            case "gặp thủ thư":
                ticket = await self._desk.ticket(turn, "asked")
                return _told(script.TICKET if ticket.created else "Phiếu đang mở", mark), memory
            case "góp ý":
                await self._desk.feedback(turn, words, "praise")
                return _told(script.THANKS, mark), memory
            case "quên tôi":
                await self._privacy.forget(turn)
                return _told(script.FORGOTTEN, mark), memory
            case "dài":
                return (_long(name, mark),), memory
            case "/choose":
                return _told(script.CHOSEN, mark), memory
            case "vắng" if tries <= 2:
                raise DialogueAway("starting")
            case "chậm":
                await asyncio.sleep(7)
            case "hỏng":
                raise ValueError("this message breaks the dialogue every time")
            case "trống":
                return (), memory
        return _told(script.said(words), mark), memory

    def _start_late(self, question: Memory | None, who: PatronRef, turn: Turn) -> None:
        async def renew_late() -> None:
            await asyncio.sleep(0.3)
            await self._renew(question, who, turn)

        late = asyncio.create_task(renew_late())
        self._late.add(late)
        late.add_done_callback(self._late.discard)

    async def _renew(self, question: Memory | None, who: PatronRef, turn: Turn) -> str:
        if question is None:
            return script.NOTHING_OPEN
        if turn.now - datetime.fromisoformat(question["asked_at"]) > QUESTION_LIFETIME:
            return script.EXPIRED
        try:
            done = await self._deeds.renew(turn, who, [question["loan"]])
        except ILSOutcomeUnknown:
            return script.UNKNOWN
        return script.RENEWED if all(outcome.ok for outcome in done) else "Không gia hạn được"


def _told(text: str, mark: str) -> tuple[Reply, ...]:
    return (Reply(f"{text} ~{mark}"),)


def _long(name: str, mark: str) -> Reply:
    """Return more than one message holds, with more choices than a door draws."""
    text = " ".join(f"Câu {number} ~{mark} dài thêm một đoạn nữa." for number in range(1, script.SENTENCES + 1))
    lines = {1: "n5", script.CHOICES: "n2"}
    choices = range(1, script.CHOICES + 1)
    return Reply(text, tuple(Button(f"Việc {n}", f"/choose ~{name}/{lines.get(n, 'n2')}") for n in choices))
