"""The table of records: what the library holds, with every change numbered so that an index can catch up."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retrieval.record import Record
from retrieval.storage import Database

BATCH = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    record_id TEXT PRIMARY KEY,
    record TEXT,               -- JSON; NULL once deleted, so that an index learns of it
    digest BLOB NOT NULL,
    added_on TEXT,
    change INTEGER NOT NULL    -- number of the last change, growing over the whole table
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_change ON records (change);
CREATE INDEX IF NOT EXISTS records_by_date ON records (added_on) WHERE record IS NOT NULL;
"""


@dataclass(frozen=True)
class Stored:
    """How many records a write added, changed, and found as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)

    @property
    def total(self) -> int:
        return self.added + self.changed + self.unchanged


@dataclass(frozen=True)
class Change:
    number: int
    record_id: str
    record: Record | None  # None: deleted


class Catalogue:
    """The records of the library, by id. Safe to share between threads. Methods raise StorageError on a broken disk."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def upsert(self, records: Iterable[Record]) -> Stored:
        """Store the records and return what that changed.

        Written in batches, each kept whole or not at all: after a crash the same call takes up where it stopped,
        since a record that is stored already costs nothing.
        """
        stored, stream = Stored(), iter(records)
        while batch := list(islice(stream, BATCH)):
            stored += self._upsert(batch)
        return stored

    def _upsert(self, batch: Sequence[Record]) -> Stored:
        added = changed = 0
        rows: list[tuple[str, str, bytes, str | None, int]] = []
        with self._database.writing() as connection:
            number = _mark(connection)
            known = _digests(connection, [record.record_id for record in batch])
            for record in batch:
                text = record.to_json()
                digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
                before = known.get(record.record_id)
                if before == digest:
                    continue
                added, changed = (added + 1, changed) if before is None else (added, changed + 1)
                known[record.record_id] = digest
                day = record.added_on.isoformat() if record.added_on else None
                rows.append((record.record_id, text, digest, day, number + len(rows) + 1))
            connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", rows)
        return Stored(added, changed, len(batch) - added - changed)

    def delete(self, record_ids: Iterable[str]) -> int:
        """Take the records out and return how many there were."""
        with self._database.writing() as connection:
            number = first = _mark(connection)
            for record_id in record_ids:
                number += connection.execute(
                    "UPDATE records SET record = NULL, change = ? WHERE record_id = ? AND record IS NOT NULL",
                    (number + 1, record_id),
                ).rowcount
        return number - first

    def get(self, record_id: str) -> Record | None:
        """Return the record, or None if there is none of that id."""
        return self.many([record_id]).get(record_id)

    def many(self, record_ids: Sequence[str]) -> dict[str, Record]:
        """Return the records of these ids; an id that is not there is left out."""
        marks = ",".join("?" * len(record_ids))
        rows = self._database.connection.execute(
            f"SELECT record_id, record FROM records WHERE record_id IN ({marks}) AND record IS NOT NULL",
            list(record_ids),
        )
        return {record_id: Record.from_json(text) for record_id, text in rows}

    def __iter__(self) -> Iterator[Record]:
        """Yield every record, in the order of ids; memory stays flat."""
        last = ""
        while rows := self._database.connection.execute(
            "SELECT record_id, record FROM records WHERE record_id > ? AND record IS NOT NULL"
            " ORDER BY record_id LIMIT ?",
            (last, BATCH),
        ).fetchall():
            last = rows[-1][0]
            yield from (Record.from_json(text) for _, text in rows)

    def ids(self) -> Iterator[str]:
        """Yield every id, in order."""
        rows = self._database.connection.execute(
            "SELECT record_id FROM records WHERE record IS NOT NULL ORDER BY record_id"
        )
        return (record_id for (record_id,) in rows)

    def in_step(self, record_ids: Iterable[str]) -> Iterator[Record]:
        """Yield for each of these ids, in their order, its record; a bare one for a record deleted meanwhile."""
        stream = iter(self)
        record = next(stream, None)
        for record_id in record_ids:
            while record and record.record_id < record_id:
                record = next(stream, None)
            yield record if record and record.record_id == record_id else Record(record_id, "")

    def in_order(self, record_ids: Sequence[str]) -> list[Record]:
        """Return the records of these ids that are there, in the order given."""
        found: list[Record] = []
        for at in range(0, len(record_ids), BATCH):
            asked = record_ids[at : at + BATCH]
            records = self.many(asked)
            found += [records[record_id] for record_id in asked if record_id in records]
        return found

    def changed_ids(self, mark: int) -> list[str]:
        """Return the ids of the records that changed or were deleted after `mark`, in order."""
        rows = self._database.connection.execute(
            "SELECT record_id FROM records WHERE change > ? ORDER BY record_id", (mark,)
        )
        return [record_id for (record_id,) in rows]

    @property
    def path(self) -> Path:
        return self._database.path

    def __len__(self) -> int:
        row = self._database.connection.execute("SELECT count(*) FROM records WHERE record IS NOT NULL").fetchone()
        return int(row[0])

    def changed_since(self, mark: int) -> Iterator[Change]:
        """Yield the last change of each record that changed after `mark`, oldest first."""
        while rows := self._database.connection.execute(
            "SELECT change, record_id, record FROM records WHERE change > ? ORDER BY change LIMIT ?", (mark, BATCH)
        ).fetchall():
            mark = rows[-1][0]
            yield from (Change(number, rid, Record.from_json(text) if text else None) for number, rid, text in rows)

    @property
    def mark(self) -> int:
        """Return the number of the last change, 0 for an empty table."""
        return _mark(self._database.connection)

    def newest(self, n: int) -> list[Record]:
        """Return the n records that came last, newest first."""
        rows = self._database.connection.execute(
            "SELECT record FROM records WHERE record IS NOT NULL AND added_on IS NOT NULL"
            " ORDER BY added_on DESC, record_id LIMIT ?", (n,),
        )  # fmt: skip
        return [Record.from_json(text) for (text,) in rows]

    def close(self) -> None:
        self._database.close()


def _digests(connection: sqlite3.Connection, record_ids: Sequence[str]) -> dict[str, bytes]:
    """Return the digests of those records that are there."""
    marks = ",".join("?" * len(record_ids))
    return dict(
        connection.execute(
            f"SELECT record_id, digest FROM records WHERE record_id IN ({marks}) AND record IS NOT NULL", record_ids
        )
    )


def _mark(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(change), 0) FROM records").fetchone()[0])
