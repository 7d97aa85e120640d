"""Corrected messages: proposed from a conversation, seen by a second person, then taught. SQL and rules, no pages.

An example keeps the masked words alone: not who said them, where or when, so that it may outlive the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, func, insert, select, update

from connectors.staff import audit
from connectors.store import corrections, staff
from connectors.teaching.contract import INTENTS, SLOTS
from library.masking import mask
from library.text import fold, nfc

LONGEST = 400  # characters: a longer message teaches nothing about how it was meant


class State(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    DROPPED = "dropped"


class Refusal(StrEnum):
    """Why a correction is not taken, as the librarian reads it."""

    EMPTY = "Câu trống. Ghi lại lời bạn đọc."
    TOO_LONG = "Câu dài quá 400 ký tự. Chỉ giữ phần cho thấy bạn đọc muốn gì."
    NO_SUCH_INTENT = "Chưa chọn bạn đọc muốn gì."
    NO_SUCH_SLOT = "Có một ô không có trong danh sách."
    NOT_IN_TEXT = "Chữ trong ô phải có nguyên văn trong câu."
    OVERLAPS = "Hai ô chồng lên nhau. Mỗi chữ chỉ thuộc một ô."
    PERSONAL = "Câu còn số thẻ, số điện thoại hay dữ liệu riêng. Bỏ đi rồi lưu lại."
    KNOWN = "Câu này đã có trong các câu sửa, cùng một ý."
    OWN = "Câu do chính bạn đề nghị. Nhờ một đồng nghiệp xem."
    GONE = "Câu này vừa được xử lý."


@dataclass(frozen=True)
class Example:
    """`slots`: (name, words) in the order of the text; the words stand there as they are."""

    text: str
    intent: str
    slots: tuple[tuple[str, str], ...] = ()

    def annotated(self) -> str:
        """Return the text as training data writes it: "còn [Tắt đèn](title) không"."""
        out, end = "", 0
        for name, start, stop in _places(self):
            out += f"{self.text[end:start]}[{self.text[start:stop]}]({name})"
            end = stop
        return out + self.text[end:]


@dataclass(frozen=True)
class Correction:
    number: int
    example: Example
    state: State
    by: str
    at: datetime
    reviewed_by: str | None
    heard_intent: str | None  # what it had been taken for


def problem(example: Example, card_pattern: str) -> Refusal | None:
    """Return why this cannot be taught, or None."""
    if not example.text.strip():
        return Refusal.EMPTY
    if len(example.text) > LONGEST:
        return Refusal.TOO_LONG
    if example.intent not in INTENTS:
        return Refusal.NO_SUCH_INTENT
    if any(name not in SLOTS for name, _ in example.slots):
        return Refusal.NO_SUCH_SLOT
    if mask(example.text, card_pattern).kinds:
        return Refusal.PERSONAL
    places = _places(example)
    if len(places) < len(example.slots):
        return Refusal.NOT_IN_TEXT
    apart = all(one[2] <= other[1] for one, other in pairwise(places))
    return None if apart else Refusal.OVERLAPS


def propose(
    db: Connection, example: Example, by: str, at: datetime, card_pattern: str, heard: str | None = None
) -> int | Refusal:
    """Store the correction and return its number."""
    example = _plain(example)
    if refusal := problem(example, card_pattern):
        return refusal
    same = corrections.c.folded == fold(example.text), corrections.c.state != State.DROPPED
    if db.scalar(select(corrections.c.number).where(*same, corrections.c.intent == example.intent)):
        return Refusal.KNOWN
    row = {
        "text": example.text,
        "folded": fold(example.text),
        "intent": example.intent,
        "slots": [list(slot) for slot in example.slots],
        "heard_intent": heard,
        "state": State.PROPOSED,
        "by": by,
        "at": at.isoformat(),
    }
    added = db.execute(insert(corrections).values(row)).inserted_primary_key
    number = int(added[0]) if added else 0
    audit.note(db, by, "teaching.proposed", f"correction:{number}", {"intent": example.intent}, at)
    return number


def settle(db: Connection, number: int, state: State, by: str, at: datetime) -> Refusal | None:
    """Approve or drop a proposed correction. Who proposed it may drop it, and approve it only where nobody else can."""
    this = corrections.c.number == number
    row = db.execute(select(corrections).where(this)).mappings().first()
    if row is None or row["state"] == State.DROPPED or row["state"] == state:
        return Refusal.GONE
    if state is State.APPROVED and row["by"] == by and _people(db) > 1:
        return Refusal.OWN
    db.execute(update(corrections).where(this).values(state=state, reviewed_by=by, reviewed_at=at.isoformat()))
    audit.note(db, by, f"teaching.{state}", f"correction:{number}", {"intent": row["intent"]}, at)
    return None


def twins(db: Connection, example: Example, shipped: Mapping[str, str]) -> Sequence[str]:
    """Return the other meanings under which the same words, folded, are taught already. `shipped`: folded → intent."""
    folded = fold(nfc(example.text)).strip()
    taught = select(corrections.c.intent).where(corrections.c.folded == folded, corrections.c.state != State.DROPPED)
    found = {*db.scalars(taught), *([shipped[folded]] if folded in shipped else [])}
    return sorted(found - {example.intent})


def listed(db: Connection, state: State, limit: int = 200) -> list[Correction]:
    """Return the corrections in this state, the newest first."""
    rows = select(corrections).where(corrections.c.state == state).order_by(corrections.c.number.desc()).limit(limit)
    return [_correction(row) for row in db.execute(rows).mappings()]


def counted(db: Connection, state: State) -> int:
    return int(db.scalar(select(func.count()).where(corrections.c.state == state)) or 0)


def waiting(db: Connection) -> int:
    return counted(db, State.PROPOSED)


def export(db: Connection, folder: Path) -> int:
    """Write the approved examples as training data and return how many; the file is put in place whole."""
    approved = [one.example for one in reversed(listed(db, State.APPROVED, limit=100_000))]
    by_intent: dict[str, list[str]] = {}
    for example in approved:
        by_intent.setdefault(example.intent, []).append(example.annotated())
    blocks = [
        {"intent": intent, "examples": "".join(f"- {line}\n" for line in lines)}
        for intent, lines in sorted(by_intent.items())
    ]
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / ".taught.new"
    new.write_text(yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, sort_keys=False), "utf-8")
    new.replace(folder / "taught.yml")
    return len(approved)


_MARKED = re.compile(r"\[([^\]]+)\]\(\w+\)")


def shipped_examples(folder: Path) -> Mapping[str, str]:
    """Return the intent of every example of the folder's files, by its folded words."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            lines = (line.strip().removeprefix("- ") for line in block["examples"].splitlines())
            found |= {fold(_MARKED.sub(r"\1", line)): block["intent"] for line in lines if line}
    return found


def _plain(example: Example) -> Example:
    """Return the example in one line of NFC; square brackets, which mark slots in training data, are left out."""

    def line(words: str) -> str:
        return " ".join(nfc(words).replace("[", " ").replace("]", " ").split())

    text, slots = line(example.text), tuple((name, line(words)) for name, words in example.slots)
    return Example(text, example.intent, tuple((name, words) for name, words in slots if words))


def _places(example: Example) -> list[tuple[str, int, int]]:
    """Return name, start and end of each slot that stands in the text, in its order; the same words twice are two."""
    found: list[tuple[str, int, int]] = []
    for name, words in example.slots:
        start = example.text.find(words)
        while start >= 0 and any(start == taken for _, taken, _ in found):
            start = example.text.find(words, start + 1)
        if start >= 0:
            found.append((name, start, start + len(words)))
    return sorted(found, key=lambda place: place[1:])


def _people(db: Connection) -> int:
    return int(db.scalar(select(func.count()).select_from(staff)) or 0)


def _correction(row: Any) -> Correction:
    example = Example(row["text"], row["intent"], tuple((name, words) for name, words in row["slots"]))
    at = datetime.fromisoformat(row["at"])
    return Correction(
        row["number"], example, State(row["state"]), row["by"], at, row["reviewed_by"], row["heard_intent"]
    )
