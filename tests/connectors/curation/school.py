"""A small book of answers in use, with everything that publishing needs around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from connectors import mailbox
from connectors.channels.port import Message
from connectors.clock import VIETNAM
from connectors.curation.bench import Bench
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Done, Outcome, Refused
from connectors.staff.roles import Permission, Role, may
from connectors.store import Store, messages
from retrieval.answering import AnswerSearcher, Sure
from retrieval.answers import Answer, AnswerBook

START = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
HOURS = Answer(
    "gio", "Giờ", "Thư viện mở cửa mấy giờ?", "Từ 7 giờ 30.",
    phrasings=("mấy giờ đóng cửa", "lịch mở cửa", "thư viện làm việc từ mấy giờ"),
)  # fmt: skip
CARD = Answer(
    "the", "Thẻ", "Làm thẻ bạn đọc cần gì?", "Căn cước.",
    phrasings=("đăng ký thẻ thế nào", "thủ tục làm thẻ", "làm thẻ thư viện ở đâu"),
)  # fmt: skip
FINE = Answer(
    "phat", "Phạt", "Trả sách trễ bị phạt bao nhiêu?", "1.000 đồng.",
    phrasings=("tiền phạt quá hạn", "nộp phạt trễ hạn", "trả muộn mất bao nhiêu tiền"), risk="high",
)  # fmt: skip
WIFI = Answer(
    "wifi", "Wifi", "Thư viện có wifi không?", "Có, miễn phí.",
    phrasings=("mật khẩu wifi là gì", "vào mạng không dây ở thư viện", "wifi thư viện có mất tiền không"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    name: str
    role: Role = Role.EDITOR
    branches: frozenset[str] = frozenset()

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)


LAN = Person("Lan")
HOA = Person("Hoà", Role.APPROVER)
CHIEF = Person("Minh", Role.CONTENT_ADMIN)
READER = Person("Tú", Role.READER)


@dataclass
class School:
    """`restart` is what a crash or a new release leaves: the files, and nothing that was in memory."""

    folder: Path
    now: datetime = START
    live: Sequence[Answer] = (HOURS, CARD, FINE)
    searchers: list[AnswerSearcher] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "gateway.sqlite")
        self.book = AnswerBook(self.folder / "answers.sqlite")
        for answer in self.live if not self.book.keys() else ():
            self.book.publish(
                answer.key, self.book.draft(answer, "import", self.now, imported=True), "import", self.now
            )
        self.searcher, self.publisher = self.process("1")

    def process(self, name: str) -> tuple[AnswerSearcher, Publisher]:
        """Return what one process of the gateway answers and publishes by."""
        searcher = AnswerSearcher(self.book)
        bench = Bench(self.store, self.book, searcher, self.clock)
        return searcher, Publisher(self.store, self.book, searcher, bench, self.clock, name)

    def restart(self) -> School:
        self.close()
        return School(self.folder, self.now)

    def close(self) -> None:
        self.store.close()
        self.book.close()

    def clock(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def draft(self, answer: Answer, by: str = LAN.name) -> int:
        return self.book.draft(answer, by, self.now)

    def hears(self, question: str) -> str:
        """Return what a patron is told: an answer's text, or nothing."""
        found = self.searcher.ask(question, self.now.date())
        return found.answer.answer if isinstance(found, Sure) else ""

    async def asked(self, text: str, times: int = 1, *, outcome: Any = None, intent: str = "ask_library_info") -> str:
        """Let a patron have asked this so many times, which led to `outcome`; return the conversation."""
        conversation, _ = await self.store.write(lambda db: mailbox.open_conversation(db, "web", self.now))

        def accept(db: Connection) -> None:
            for n in range(times):
                message = Message(conversation, f"{text}-{n}", "text", text)
                mailbox.accept(db, message, frozenset(), self.now)
            mine = messages.c.conversation_id == conversation
            answered = {"answered_at": self.now.isoformat(), "intent": intent, "outcome": outcome}
            db.execute(update(messages).where(mine).values(answered))

        await self.store.write(accept)
        return conversation


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def refused(outcome: Outcome) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def reworded(answer: Answer, text: str) -> Answer:
    return replace(answer, answer=text)
