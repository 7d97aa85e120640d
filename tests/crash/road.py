"""The message road without models: the real store, switchboard, deeds and desk between scripted patrons, a scripted
dialogue and a small library system."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert

from connectors.channels.port import Button, Message, Reply
from connectors.clock import Clock
from connectors.deeds import JournaledDeeds
from connectors.desk import StoredDesk, StoredPrivacy
from connectors.dialogue import DialogueAway
from connectors.mailbox import Answer, Stored
from connectors.messages import say
from connectors.store import Store, conversations
from connectors.switchboard import Switchboard
from connectors.turns import OpenTurns
from library.ils import ILSOutcomeUnknown, PatronRef
from library.ports import Turn
from tests.crash.library_system import SmallLibrary
from tests.virtual_time import START, VirtualLoop

CARD_PATTERN = r"\bDT\d{6}\b"
QUESTION_LIFETIME = timedelta(minutes=15)
DOWN_FOR = timedelta(minutes=20)  # longer than a question stays open: a crash must not close it behind a "yes"
RENEWED, UNKNOWN, EXPIRED, NOTHING_OPEN = "Đã gia hạn", "Chưa rõ kết quả", "Câu hỏi đã cũ", "Không có gì để xác nhận"


@dataclass(frozen=True)
class Line:
    """What a patron sends, some time after the line before; an impatient browser sends it `twice`."""

    client_id: str
    text: str  # BUTTON: the newest button that was shown
    after_s: float = 0.3
    twice: bool = False


BUTTON = "(nút)"
SCRIPT = {
    "an": (
        Line("a1", "chào", 0.0),
        Line("a2", "gia hạn", 0.2, twice=True),
        Line("a3", BUTTON, 0.4, twice=True),
        Line("a4", "ừ", 0.1),
        Line("a5", "trống", 0.1),
    ),
    "bình": (
        Line("b1", "gia hạn", 0.1),
        Line("b2", "ừ", 0.1, twice=True),
        Line("b3", "giữ chỗ", 0.2),
        Line("b4", "vắng", 0.5),
        Line("b5", "bỏ giữ chỗ", 0.1, twice=True),
        Line("b6", "gặp thủ thư", 0.1),
    ),
    "chi": (
        Line("c1", "góp ý", 0.05),
        Line("c2", "chậm", 0.1),
        Line("c3", "gặp thủ thư", 0.1, twice=True),
        Line("c4", "hỏng", 0.1),
        Line("c5", "gia hạn", 0.3),
        Line("c6", "ừ", 0.1),
    ),
    "dung": (
        Line("d1", "chào", 0.3),
        Line("d2", "quên tôi", 0.3),
        Line("d3", "chào", 0.01, twice=True),
    ),
}
PATRONS = {name: PatronRef(f"patron of {name}") for name in SCRIPT}
LOANS = {name: f"loan of {name}" for name in SCRIPT}
LOSES_REPLY_OF = frozenset({LOANS["bình"]})


class ScriptedDialogue:
    """Answers by the words alone, from the talk's memory and the message: asked again, it answers the same."""

    def __init__(self, deeds: JournaledDeeds, desk: StoredDesk, privacy: StoredPrivacy) -> None:
        self._deeds = deeds
        self._desk = desk
        self._privacy = privacy
        self._asked: Counter[str] = Counter()
        self._late: asyncio.Task[None] | None = None

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        self._asked[message.id] += 1
        await asyncio.sleep(0.2)
        memory = message.tracker or {"heard": [], "question": None, "hold": None}
        memory = {**memory, "heard": [*memory["heard"], payload or message.text]}
        said, memory = await self._say(payload or message.text, memory, turn, self._asked[message.id])
        return Answer(said, memory, intent="scripted", confidence=1.0)

    async def _say(
        self, words: str, memory: dict[str, Any], turn: Turn, tries: int
    ) -> tuple[tuple[Reply, ...], dict[str, Any]]:
        name = turn.conversation_id
        match words:
            case "gia hạn":
                question = {"loan": LOANS[name], "asked_at": turn.now.isoformat()}
                return (Reply("Gia hạn nhé?", (Button("Ừ", "/affirm"),)),), {**memory, "question": question}
            case "ừ" | "/affirm":
                if name == "chi" and tries == 1:
                    self._late = asyncio.create_task(self._renew_late(memory["question"], turn))
                    raise DialogueAway("too slow, and still at it")
                said = await self._renew(memory["question"], turn)
                return (Reply(said),), {**memory, "question": None}
            case "giữ chỗ":
                hold = (await self._deeds.place_hold(turn, PATRONS[name], "sách", None)).hold
                return (Reply("Đã giữ chỗ" if hold else "Không giữ được"),), {**memory, "hold": hold and hold.hold_id}
            case "bỏ giữ chỗ":
                gone = await self._deeds.cancel_hold(turn, PATRONS[name], memory["hold"])
                return (Reply("Đã bỏ giữ chỗ" if gone.ok else "Không bỏ được"),), {**memory, "hold": None}
            case "gặp thủ thư":
                ticket = await self._desk.ticket(turn, "asked")
                return (Reply("Đã mở phiếu" if ticket.created else "Phiếu đang mở"),), memory
            case "góp ý":
                await self._desk.feedback(turn, words, "praise")
                return (Reply("Cảm ơn bạn"),), memory
            case "quên tôi":
                await self._privacy.forget(turn)
                return (Reply("Đã xoá"),), memory
            case "vắng" if tries <= 2:
                raise DialogueAway("starting")
            case "chậm":
                await asyncio.sleep(7)
            case "hỏng":
                raise ValueError("this message breaks the dialogue every time")
            case "trống":
                return (), memory
        return (Reply(f"Bạn nói: {words}"),), memory

    async def _renew_late(self, question: dict[str, Any] | None, turn: Turn) -> None:
        await asyncio.sleep(0.3)
        await self._renew(question, turn)

    async def _renew(self, question: dict[str, Any] | None, turn: Turn) -> str:
        if question is None:
            return NOTHING_OPEN
        if turn.now - datetime.fromisoformat(question["asked_at"]) > QUESTION_LIFETIME:
            return EXPIRED
        try:
            done = await self._deeds.renew(turn, PATRONS[turn.conversation_id], [question["loan"]])
        except ILSOutcomeUnknown:
            return UNKNOWN
        return RENEWED if all(outcome.ok for outcome in done) else "Không gia hạn được"


@dataclass(frozen=True)
class Files:
    """Where one played road keeps what survives it."""

    folder: Path

    @property
    def gateway(self) -> Path:
        return self.folder / "gateway.sqlite"

    @property
    def library(self) -> Path:
        return self.folder / "library.sqlite"

    @property
    def acknowledged(self) -> Path:
        return self.folder / "acknowledged"

    def note_ack(self, client_id: str) -> None:
        with self.acknowledged.open("a") as acks:
            acks.write(f"{client_id}\n")

    def acks(self) -> list[str]:
        """Return the client ids that a browser saw acknowledged, in order."""
        return self.acknowledged.read_text().split() if self.acknowledged.exists() else []


def set_up(files: Files) -> None:
    """Make the databases as they stand before the first message: four conversations, a loan for each patron."""
    store = Store(files.gateway)
    rows = [{"id": name, "channel": "web", "created_at": START.isoformat(), "locale": "vi"} for name in SCRIPT]
    store.write_now(lambda db: db.execute(insert(conversations), rows))
    store.close()
    due = {LOANS[name]: (PATRONS[name].patron_id, START + timedelta(days=3)) for name in SCRIPT}
    SmallLibrary(files.library).open(due)


async def play(loop: VirtualLoop, files: Files, point: Callable[[], None], generation: int) -> None:
    """Run the product from its start until every patron has sent all and everybody is answered."""

    def clock() -> datetime:
        return loop.clock() + generation * DOWN_FOR

    store = Store(files.gateway)
    _pass_points_at_commits(store, point)
    switchboard = _switchboard(store, files, point, clock)
    await switchboard.recover()
    await asyncio.gather(*(_patron(switchboard, files, name) for name in SCRIPT))
    await switchboard.idle()
    left = (switchboard._workers, switchboard._called, switchboard._failures, dict(switchboard._news))
    assert not any(left), f"still in memory when all is answered: {left}"
    await switchboard.close()
    store.close()


def _switchboard(store: Store, files: Files, point: Callable[[], None], clock: Clock) -> Switchboard:
    deeds = JournaledDeeds(store, SmallLibrary(files.library, point, LOSES_REPLY_OF))  # type: ignore[arg-type]
    dialogue = ScriptedDialogue(deeds, StoredDesk(store), StoredPrivacy(store))

    async def without_dialogue(_text: str, lang: str) -> tuple[Reply, ...]:
        return (say("fallback", lang),)

    return Switchboard(
        store, dialogue, OpenTurns(), clock, card_pattern=CARD_PATTERN, without_dialogue=without_dialogue
    )


async def _patron(switchboard: Switchboard, files: Files, name: str) -> None:
    """Send the lines in order, each once the one before is acknowledged, as a browser does; again what never was."""
    acknowledged = set(files.acks())
    for line in SCRIPT[name]:
        await asyncio.sleep(line.after_s)
        if line.client_id in acknowledged:
            continue
        message = Message(name, line.client_id, "text", line.text)
        if line.text == BUTTON:
            message = replace(message, kind="payload", text=await _newest_button(switchboard, name))
        await switchboard.receive(message)
        files.note_ack(line.client_id)
        if line.twice:
            await switchboard.receive(message)


async def _newest_button(switchboard: Switchboard, name: str) -> str:
    async for sent in switchboard.follow(name, 0, 60.0):
        tokens = [button.payload for reply in (sent.replies if sent else ()) for button in reply.buttons]
        if tokens and tokens[0]:
            return tokens[0]
    raise AssertionError("follow never ends")


def _pass_points_at_commits(store: Store, point: Callable[[], None]) -> None:
    """Pass one point just before each commit and one just after it."""
    committing = False

    def before(_connection: Any) -> None:
        nonlocal committing
        committing = True
        point()

    def after(_dbapi_connection: Any, _record: Any) -> None:
        nonlocal committing
        if committing:
            committing = False
            point()

    event.listen(store.engine, "commit", before)
    event.listen(store.engine, "checkin", after)


def exit_at(crash_at: int | None, exit_code: int, passed: list[int]) -> Callable[[], None]:
    """Return the point counter: it counts into `passed` and ends the process, as a power cut would, at one point."""

    def point() -> None:
        passed[0] += 1
        if passed[0] == crash_at:
            os._exit(exit_code)

    return point
