"""How far each harvest has come, and which record each OAI identifier became: so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.storage import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS harvests (
    source TEXT PRIMARY KEY,
    run INTEGER NOT NULL,      -- number of the harvest under way, or of the last one
    since TEXT NOT NULL,       -- the moment it asks from; '' for everything
    token TEXT NOT NULL,       -- where its next page begins; '' when none is open
    began TEXT NOT NULL,       -- the server's clock at its first page
    finished TEXT NOT NULL     -- the server's clock at the first page of the last harvest that came to its end
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS harvested (
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    record_id TEXT NOT NULL,
    run INTEGER NOT NULL,      -- the last harvest that saw it
    PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS harvested_by_record ON harvested (source, record_id);
"""


@dataclass(frozen=True)
class Position:
    """Where the harvest of one source stands."""

    run: int = 0
    since: str = ""
    token: str = ""
    began: str = ""
    finished: str = ""


class Harvests:
    """The positions of all harvests. Methods raise StorageError on a broken disk."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def position(self, source: str) -> Position:
        """Return where the source stands; one never harvested stands at run 0."""
        row = self._database.connection.execute(
            "SELECT run, since, token, began, finished FROM harvests WHERE source = ?", (source,)
        ).fetchone()
        return Position(*row) if row else Position()

    def begin(self, source: str, since: str) -> Position:
        """Start the next harvest of the source and return where it stands."""
        before = self.position(source)
        return self._put(source, Position(before.run + 1, since, "", "", before.finished))

    def turn(self, source: str, token: str, response_date: str) -> Position:
        """Note that a page is stored and the next begins at the token."""
        at = self.position(source)
        return self._put(source, Position(at.run, at.since, token, at.began or response_date, at.finished))

    def finish(self, source: str) -> Position:
        """Note that the harvest came to its end: the next one asks for what changed since it began."""
        at = self.position(source)
        return self._put(source, Position(at.run, at.since, "", at.began, at.began or at.finished))

    def abandon(self, source: str) -> Position:
        """Forget the open page: the next harvest asks again from where this one did."""
        at = self.position(source)
        return self._put(source, Position(at.run, at.since, "", at.began, at.finished))

    def _put(self, source: str, at: Position) -> Position:
        with self._database.writing() as connection:
            row = (source, at.run, at.since, at.token, at.began, at.finished)
            connection.execute("INSERT OR REPLACE INTO harvests VALUES (?, ?, ?, ?, ?, ?)", row)
        return at

    def known(self, source: str, identifiers: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Return (record id, last harvest that saw it) for each of the identifiers that came before."""
        marks = ",".join("?" * len(identifiers))
        rows = self._database.connection.execute(
            f"SELECT identifier, record_id, run FROM harvested WHERE source = ? AND identifier IN ({marks})",
            (source, *identifiers),
        )
        return {identifier: (record_id, run) for identifier, record_id, run in rows}

    def is_taken(self, source: str, record_id: str) -> bool:
        """Return whether a record of the source goes by this id."""
        found = "SELECT 1 FROM harvested WHERE source = ? AND record_id = ?"
        return self._database.connection.execute(found, (source, record_id)).fetchone() is not None

    def note(self, source: str, run: int, records: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Note which record each identifier became in this harvest, and which identifiers are gone."""
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM harvested WHERE source = ? AND identifier = ?", [(source, each) for each in gone]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO harvested VALUES (?, ?, ?, ?)",
                [(source, identifier, record_id, run) for identifier, record_id in records.items()],
            )

    def unseen(self, source: str, run: int) -> dict[str, str]:
        """Return identifier → record id of what this harvest has not seen."""
        rows = self._database.connection.execute(
            "SELECT identifier, record_id FROM harvested WHERE source = ? AND run < ?", (source, run)
        )
        return dict(rows.fetchall())

    def close(self) -> None:
        self._database.close()
