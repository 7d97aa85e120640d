"""What a curated answer is, and what is kept of it: every wording ever saved, and everything done to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from library.text import nfc

Risk = Literal["low", "high"]
Deed = Literal[
    "imported", "drafted", "submitted", "returned", "approved", "scheduled", "unscheduled",
    "published", "withdrawn", "archived", "marked",
]  # fmt: skip


class AnswerError(Exception):
    """Something was asked of the answer book that it does not hold, or an answer is not complete."""


class AnswerChanged(AnswerError):
    """Somebody saved this answer since it was opened: the two wordings are to be merged."""


@dataclass(frozen=True)
class Answer:
    """One curated answer. Texts may hold variables, {late_fee}, which are filled in when it is said."""

    key: str
    topic: str
    question: str
    answer: str
    question_en: str = ""
    answer_en: str = ""
    phrasings: tuple[str, ...] = ()
    source: str = ""
    url: str = ""
    owner: str = ""
    valid_from: date | None = None
    valid_until: date | None = None  # the last day it holds
    review_by: date | None = None
    risk: Risk = "low"
    branch: str = ""  # the branch it is about, and whose staff keep it; empty: the whole library
    audience: str = ""  # whom it is for, as the library says it: "thiếu nhi", "sinh viên"

    def holds_on(self, day: date) -> bool:
        return not (self.valid_from and day < self.valid_from) and not (self.valid_until and day > self.valid_until)

    def text(self, lang: str) -> str:
        """Return the answer's text in this language, in Vietnamese where there is no English one."""
        return self.answer_en if lang == "en" and self.answer_en else self.answer

    def to_plain(self) -> dict[str, Any]:
        """Return what an answer file holds: text, lists and dates, with what is empty left out."""
        plain = {name: value for name, value in asdict(self).items() if value not in ("", (), None)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Answer:
        """Return the answer that an answer file's entry holds. Raises AnswerError with all that is wrong in it."""
        wrong = list(_wrong(plain))
        if wrong:
            raise AnswerError(f"answer {plain.get('key', '?')}: " + "; ".join(wrong))
        return cls(**{name: _typed(name, value) for name, value in plain.items() if value is not None})


_NAMES = {each.name for each in fields(Answer)}
DATES = ("valid_from", "valid_until", "review_by")


def _wrong(plain: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(plain.keys() - _NAMES):
        yield f"unknown {', '.join(unknown)} (known: {', '.join(sorted(_NAMES))})"
    if missing := [name for name in ("key", "topic", "question", "answer") if not str(plain.get(name) or "").strip()]:
        yield f"{', '.join(missing)} missing"
    if not isinstance(plain.get("phrasings") or [], list):
        yield "phrasings is not a list"
    for name in DATES:
        value = plain.get(name)
        if value is not None and not isinstance(value, date):
            yield f"{name}: {value!r} is not a date such as 2026-12-31"
    if plain.get("risk", "low") not in ("low", "high"):
        yield f"risk: {plain['risk']!r} is neither low nor high"


def _typed(name: str, value: Any) -> Any:
    if name == "phrasings":
        return tuple(nfc(str(each)).strip() for each in value)
    return value if name in DATES else nfc(str(value)).strip()


@dataclass(frozen=True)
class Revision:
    """One wording of an answer as it was saved. It never changes; a new wording is a new revision."""

    answer: Answer
    number: int
    by: str
    at: datetime
    live: bool


@dataclass(frozen=True)
class Event:
    """One deed done to one revision."""

    key: str
    number: int
    deed: Deed
    by: str
    at: datetime
    detail: str = ""  # why it was returned, withdrawn or marked for review
    due_at: datetime | None = None  # when a scheduled publication is to be
