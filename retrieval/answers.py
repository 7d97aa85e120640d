"""The answer book: what the library says, every wording ever saved, and which one is in use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from library.text import nfc
from retrieval.storage import Database

Risk = Literal["low", "high"]
Deed = Literal["imported", "drafted", "published", "withdrawn"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS revisions (
    key TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL,
    source TEXT NOT NULL,      -- 'import' or 'desk': what a person wrote is never overwritten by a file
    PRIMARY KEY (key, number)
);
CREATE TRIGGER IF NOT EXISTS revisions_stay BEFORE UPDATE ON revisions
    BEGIN SELECT raise(ABORT, 'a revision is never changed: save a new one'); END;
CREATE TRIGGER IF NOT EXISTS revisions_are_kept BEFORE DELETE ON revisions
    BEGIN SELECT raise(ABORT, 'a revision is never deleted: withdraw the answer'); END;
CREATE TABLE IF NOT EXISTS live (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL, FOREIGN KEY (key, number) REFERENCES revisions (key, number)
);
CREATE TABLE IF NOT EXISTS events (
    event INTEGER PRIMARY KEY, key TEXT NOT NULL, number INTEGER NOT NULL, deed TEXT NOT NULL,
    by TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_key ON events (key, event);
"""


class AnswerError(Exception):
    """Something was asked of the answer book that it does not hold, or an answer is not complete."""


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
_DATES = ("valid_from", "valid_until", "review_by")


def _wrong(plain: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(plain.keys() - _NAMES):
        yield f"unknown {', '.join(unknown)} (known: {', '.join(sorted(_NAMES))})"
    if missing := [name for name in ("key", "topic", "question", "answer") if not str(plain.get(name) or "").strip()]:
        yield f"{', '.join(missing)} missing"
    if not isinstance(plain.get("phrasings") or [], list):
        yield "phrasings is not a list"
    for name in _DATES:
        value = plain.get(name)
        if value is not None and not isinstance(value, date):
            yield f"{name}: {value!r} is not a date such as 2026-12-31"
    if plain.get("risk", "low") not in ("low", "high"):
        yield f"risk: {plain['risk']!r} is neither low nor high"


def _typed(name: str, value: Any) -> Any:
    if name == "phrasings":
        return tuple(nfc(str(each)).strip() for each in value)
    return value if name in _DATES else nfc(str(value)).strip()


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
    key: str
    number: int
    deed: Deed
    by: str
    at: datetime


class AnswerBook:
    """Answers by key: revisions that stay, and one pointer to the revision in use. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def draft(self, answer: Answer, by: str, at: datetime, *, imported: bool = False) -> int:
        """Save the wording and return its revision number; what is in use stays in use.

        Saving the newest revision again word for word gives that one's number.
        """
        content = _dump(answer)
        with self._database.writing() as connection:
            last = connection.execute(
                "SELECT number, content FROM revisions WHERE key = ? ORDER BY number DESC LIMIT 1", (answer.key,)
            ).fetchone()
            if last and last[1] == content:
                return int(last[0])
            number = (last[0] if last else 0) + 1
            origin = "import" if imported else "desk"
            connection.execute(
                "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)",
                (answer.key, number, content, by, at.isoformat(), origin),
            )
            _note(connection, answer.key, number, "imported" if imported else "drafted", by, at)
        return number

    def publish(self, key: str, number: int, by: str, at: datetime) -> None:
        """Put this revision in use; publishing the one before undoes. Raises AnswerError for an unknown revision."""
        with self._database.writing() as connection:
            if not connection.execute("SELECT 1 FROM revisions WHERE key = ? AND number = ?", (key, number)).fetchone():
                raise AnswerError(f"answer {key} has no revision {number}: nothing was published")
            if self._live_number(connection, key) == number:
                return
            connection.execute("INSERT OR REPLACE INTO live VALUES (?, ?)", (key, number))
            _note(connection, key, number, "published", by, at)

    def withdraw(self, key: str, by: str, at: datetime) -> bool:
        """Take the answer out of use and return whether it was in use. Its revisions stay."""
        with self._database.writing() as connection:
            number = self._live_number(connection, key)
            if number is None:
                return False
            connection.execute("DELETE FROM live WHERE key = ?", (key,))
            _note(connection, key, number, "withdrawn", by, at)
        return True

    @staticmethod
    def _live_number(connection: sqlite3.Connection, key: str) -> int | None:
        row = connection.execute("SELECT number FROM live WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def published(self, on: date | None = None) -> list[Answer]:
        """Return the answers in use, by key; with `on`, only those that hold on that day. Never a draft."""
        rows = self._database.connection.execute(
            "SELECT content FROM revisions JOIN live USING (key, number) ORDER BY key"
        )
        answers = [_load(content) for (content,) in rows]
        return [answer for answer in answers if on is None or answer.holds_on(on)]

    def get(self, key: str) -> Answer | None:
        """Return the answer in use under this key, or None."""
        row = self._database.connection.execute(
            "SELECT content FROM revisions JOIN live USING (key, number) WHERE key = ?", (key,)
        ).fetchone()
        return _load(row[0]) if row else None

    def revisions(self, key: str) -> list[Revision]:
        """Return every wording saved under this key, oldest first; empty for an unknown key."""
        rows = self._database.connection.execute(
            "SELECT content, revisions.number, by, at, live.number IS NOT NULL FROM revisions"
            " LEFT JOIN live ON live.key = revisions.key AND live.number = revisions.number"
            " WHERE revisions.key = ? ORDER BY revisions.number", (key,),
        )  # fmt: skip
        return [
            Revision(_load(content), n, by, datetime.fromisoformat(at), bool(live)) for content, n, by, at, live in rows
        ]

    def keys(self) -> list[str]:
        """Return the key of every answer that was ever saved."""
        return [key for (key,) in self._database.connection.execute("SELECT DISTINCT key FROM revisions ORDER BY key")]

    def history(self, key: str) -> list[Event]:
        """Return what was done to the answer, by whom and when, oldest first."""
        rows = self._database.connection.execute(
            "SELECT number, deed, by, at FROM events WHERE key = ? ORDER BY event", (key,)
        )
        return [Event(key, number, deed, by, datetime.fromisoformat(at)) for number, deed, by, at in rows]

    @property
    def mark(self) -> int:
        """Return a number that grows with every deed: while it stands, the published view is the same."""
        return int(self._database.connection.execute("SELECT coalesce(max(event), 0) FROM events").fetchone()[0])

    def imported(self, key: str) -> list[Answer]:
        """Return the wordings of this key that came from files, oldest first."""
        rows = self._database.connection.execute(
            "SELECT content FROM revisions WHERE key = ? AND source = 'import' ORDER BY number", (key,)
        )
        return [_load(content) for (content,) in rows]

    def close(self) -> None:
        self._database.close()


def _note(connection: sqlite3.Connection, key: str, number: int, deed: Deed, by: str, at: datetime) -> None:
    connection.execute(
        "INSERT INTO events (key, number, deed, by, at) VALUES (?, ?, ?, ?, ?)", (key, number, deed, by, at.isoformat())
    )


def _dump(answer: Answer) -> str:
    return json.dumps(answer.to_plain(), ensure_ascii=False, sort_keys=True, default=date.isoformat)


def _load(content: str) -> Answer:
    plain = json.loads(content)
    return Answer.from_plain(
        {name: date.fromisoformat(value) if name in _DATES else value for name, value in plain.items()}
    )
