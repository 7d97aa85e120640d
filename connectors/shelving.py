"""The catalogue as library systems' adapters see it: titles of records, and which record a barcode is of.

The barcodes stand in a file of their own that follows the catalogue change by change, so that a million records need
no memory and only the first time takes long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from connectors.ils.shelf import Copy, Shelved
from library.calendar import LibraryCalendar
from library.model import Branch
from retrieval.catalogue import Catalogue, Change
from retrieval.storage import Database

BATCH = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS barcodes (barcode TEXT PRIMARY KEY, record_id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS barcodes_of ON barcodes (record_id);
CREATE TABLE IF NOT EXISTS follows (mark INTEGER NOT NULL);
"""


class CatalogueShelf:
    """The `Shelf` port over the catalogue and the library's calendar. Safe to share between threads."""

    def __init__(self, catalogue: Catalogue, calendar: Callable[[], LibraryCalendar], path: Path) -> None:
        self._catalogue = catalogue
        self._calendar = calendar
        self._barcodes = Database(path, _SCHEMA)

    def titles(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        found = self._catalogue.many(list(dict.fromkeys(record_ids))) if record_ids else {}
        return {record_id: record.full_title for record_id, record in found.items()}

    def by_barcode(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        self.follow()
        marks = ",".join("?" * len(barcodes))
        query = f"SELECT barcode, record_id FROM barcodes WHERE barcode IN ({marks})"
        records = dict(self._barcodes.connection.execute(query, list(barcodes)).fetchall())
        titles = self.titles(list(records.values()))
        return {
            barcode: Shelved(record_id, titles[record_id])
            for barcode, record_id in records.items()
            if record_id in titles
        }

    def copies_of(self, record_ids: Sequence[str]) -> Mapping[str, Sequence[Copy]]:
        found = self._catalogue.many(list(dict.fromkeys(record_ids))) if record_ids else {}
        return {
            record_id: [
                Copy(item.barcode, item.branch, item.call_number, item.room, item.reading_only) for item in record.items
            ]
            for record_id, record in found.items()
        }

    def branches(self) -> Sequence[Branch]:
        return [Branch(each.code, each.name.vi, each.name.en) for each in self._calendar().branches]

    def follow(self) -> int:
        """Return how many records were caught up with: those that changed since the last time."""
        mark = self._mark()
        if mark == self._catalogue.mark:
            return 0
        changes, caught_up = self._catalogue.changed_since(mark), 0
        while batch := list(islice(changes, BATCH)):
            self._take(batch)
            caught_up += len(batch)
        return caught_up

    def _mark(self) -> int:
        row = self._barcodes.connection.execute("SELECT max(mark) FROM follows").fetchone()
        return int(row[0] or 0)

    def _take(self, batch: Sequence[Change]) -> None:
        copies = [
            (item.barcode, change.record_id)
            for change in batch
            for item in (change.record.items if change.record else ())
            if item.barcode
        ]
        with self._barcodes.writing() as connection:
            connection.executemany("DELETE FROM barcodes WHERE record_id = ?", [(each.record_id,) for each in batch])
            connection.executemany("INSERT OR REPLACE INTO barcodes VALUES (?, ?)", copies)
            connection.execute("DELETE FROM follows")
            connection.execute("INSERT INTO follows VALUES (?)", (batch[-1].number,))
