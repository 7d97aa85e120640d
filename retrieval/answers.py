"""The answer book: what the library says, every wording ever saved, and which one is in use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from retrieval.answer import DATES, Deed, Event, Revision
from retrieval.answer import Answer as Answer
from retrieval.answer import AnswerChanged as AnswerChanged
from retrieval.answer import AnswerError as AnswerError
from retrieval.answer_states import Refusal, Standing
from retrieval.storage import Database

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
    by TEXT NOT NULL, at TEXT NOT NULL, detail TEXT, due_at TEXT
);
CREATE INDEX IF NOT EXISTS events_by_key ON events (key, event);
CREATE INDEX IF NOT EXISTS events_in_use ON events (event) WHERE deed IN ('published', 'withdrawn');
"""


class AnswerBook:
    """Answers by key: revisions that stay, and one pointer to the revision in use. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._standings: tuple[int, dict[str, Standing]] = (0, {})  # as they were at an event
        self._catch_up()

    def _catch_up(self) -> None:
        """Add what this release's events have and an older file's do not."""
        there = {row[1] for row in self._database.connection.execute("PRAGMA table_info(events)")}
        for column in {"detail", "due_at"} - there:
            with self._database.writing() as connection:
                connection.execute(f"ALTER TABLE events ADD COLUMN {column} TEXT")

    def draft(
        self, answer: Answer, by: str, at: datetime, *, imported: bool = False, expected: int | None = None
    ) -> int:
        """Save the wording and return its revision number; what is in use stays in use.

        Saving the newest revision again word for word gives that one's number. With `expected`, the number of the
        newest revision as the writer saw it (0: none), raises AnswerChanged when another was saved since.
        """
        content = _dump(answer)
        with self._database.writing() as connection:
            last = connection.execute(
                "SELECT number, content FROM revisions WHERE key = ? ORDER BY number DESC LIMIT 1", (answer.key,)
            ).fetchone()
            if last and last[1] == content:
                return int(last[0])
            if expected is not None and expected != (last[0] if last else 0):
                raise AnswerChanged(f"answer {answer.key}: revision {last[0] if last else 0} was saved meanwhile")
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

    def record(
        self,
        deed: Deed,
        key: str,
        number: int,
        by: str,
        at: datetime,
        rule: Callable[[Standing], Refusal | None],
        *,
        detail: str = "",
        due_at: datetime | None = None,
    ) -> Refusal | None:
        """Note the deed unless the rule, asked of the answer as it stands in that moment, refuses; return why not.

        "published" also puts the revision in use; "withdrawn" and "archived" also take the answer out of use.
        """
        with self._database.writing() as connection:
            standing = self._standing(connection, key)
            if standing is None:
                return Refusal.UNKNOWN
            if refused := rule(standing):
                return refused
            if deed == "published":
                connection.execute("INSERT OR REPLACE INTO live VALUES (?, ?)", (key, number))
            elif deed in ("withdrawn", "archived") and standing.live:
                connection.execute("DELETE FROM live WHERE key = ?", (key,))
                if deed == "archived":
                    _note(connection, key, standing.live.number, "withdrawn", by, at, detail)
            _note(connection, key, number, deed, by, at, detail, due_at)
        return None

    def standing(self, key: str) -> Standing | None:
        """Return all that was saved and done under this key, or None for an unknown one."""
        return self._standing(self._database.connection, key)

    def standings(self) -> dict[str, Standing]:
        """Return the standing of every answer ever saved, by key; read anew only when a deed was added."""
        last = self._database.connection.execute("SELECT coalesce(max(event), 0) FROM events").fetchone()[0]
        read_at, standings = self._standings
        if read_at != last:
            standings = self._all_standings()
            self._standings = (last, standings)
        return dict(standings)

    def _all_standings(self) -> dict[str, Standing]:
        revisions: dict[str, list[Revision]] = {}
        for revision in _revisions(self._database.connection, "", ()):
            revisions.setdefault(revision.answer.key, []).append(revision)
        events: dict[str, list[Event]] = {}
        for event in _events(self._database.connection, "", ()):
            events.setdefault(event.key, []).append(event)
        return {key: Standing(tuple(saved), tuple(events.get(key, ()))) for key, saved in revisions.items()}

    @staticmethod
    def _standing(connection: sqlite3.Connection, key: str) -> Standing | None:
        revisions = _revisions(connection, "WHERE revisions.key = ?", (key,))
        return Standing(tuple(revisions), tuple(_events(connection, "WHERE key = ?", (key,)))) if revisions else None

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

    def live_numbers(self) -> dict[str, int]:
        """Return the revision in use of every answer that has one, by key."""
        return dict(self._database.connection.execute("SELECT key, number FROM live"))

    def get(self, key: str) -> Answer | None:
        """Return the answer in use under this key, or None."""
        row = self._database.connection.execute(
            "SELECT content FROM revisions JOIN live USING (key, number) WHERE key = ?", (key,)
        ).fetchone()
        return _load(row[0]) if row else None

    def revisions(self, key: str) -> list[Revision]:
        """Return every wording saved under this key, oldest first; empty for an unknown key."""
        return _revisions(self._database.connection, "WHERE revisions.key = ?", (key,))

    def awaited(self) -> list[str]:
        """Return the keys for which a publication is still to come."""
        last = (
            "SELECT key, deed, max(event) FROM events WHERE deed IN"
            " ('scheduled', 'unscheduled', 'published', 'withdrawn', 'archived') GROUP BY key"
        )
        return [key for key, deed, _ in self._database.connection.execute(last) if deed == "scheduled"]

    def keys(self) -> list[str]:
        """Return the key of every answer that was ever saved."""
        return [key for (key,) in self._database.connection.execute("SELECT DISTINCT key FROM revisions ORDER BY key")]

    def history(self, key: str) -> list[Event]:
        """Return what was done to the answer, by whom and when, oldest first."""
        return _events(self._database.connection, "WHERE key = ?", (key,))

    @property
    def mark(self) -> int:
        """Return a number that grows when what is in use changes: while it stands, so does the published view.

        A draft does not move it, so writing costs no patron a new shelf.
        """
        last = "SELECT coalesce(max(event), 0) FROM events WHERE deed IN ('published', 'withdrawn')"
        return int(self._database.connection.execute(last).fetchone()[0])

    def imported(self, key: str) -> list[Answer]:
        """Return the wordings of this key that came from files, oldest first."""
        rows = self._database.connection.execute(
            "SELECT content FROM revisions WHERE key = ? AND source = 'import' ORDER BY number", (key,)
        )
        return [_load(content) for (content,) in rows]

    def close(self) -> None:
        self._database.close()


def _revisions(connection: sqlite3.Connection, where: str, values: tuple[str, ...]) -> list[Revision]:
    rows = connection.execute(
        "SELECT content, revisions.number, by, at, live.number IS NOT NULL FROM revisions"
        f" LEFT JOIN live ON live.key = revisions.key AND live.number = revisions.number {where}"
        " ORDER BY revisions.key, revisions.number", values,
    )  # fmt: skip
    return [
        Revision(_load(content), n, by, datetime.fromisoformat(at), bool(live)) for content, n, by, at, live in rows
    ]


def _events(connection: sqlite3.Connection, where: str, values: tuple[str, ...]) -> list[Event]:
    rows = connection.execute(
        f"SELECT key, number, deed, by, at, detail, due_at FROM events {where} ORDER BY event", values
    )
    return [
        Event(key, n, deed, by, datetime.fromisoformat(at), detail or "", datetime.fromisoformat(due) if due else None)
        for key, n, deed, by, at, detail, due in rows
    ]


def _note(
    connection: sqlite3.Connection,
    key: str,
    number: int,
    deed: Deed,
    by: str,
    at: datetime,
    detail: str = "",
    due_at: datetime | None = None,
) -> None:
    connection.execute(
        "INSERT INTO events (key, number, deed, by, at, detail, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, number, deed, by, at.isoformat(), detail or None, due_at.isoformat() if due_at else None),
    )


def _dump(answer: Answer) -> str:
    return json.dumps(answer.to_plain(), ensure_ascii=False, sort_keys=True, default=date.isoformat)


def _load(content: str) -> Answer:
    plain = json.loads(content)
    return Answer.from_plain(
        {name: date.fromisoformat(value) if name in DATES else value for name, value in plain.items()}
    )
