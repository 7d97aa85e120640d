"""SQLite as the tables here use it: one file, many reading threads, one writer at a time, clear errors."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StorageError(Exception):
    """A database file cannot be opened or written. What was committed before is whole."""


@contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """Tell an error of the disk in a block as StorageError: what is being made at this path is not put in use."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as exc:  # the search engines have no error of their own for it
        if not (isinstance(exc, OSError) or any(sign in str(exc).lower() for sign in _OF_A_DISK)):
            raise
        raise StorageError(
            f"{path} cannot be written: {exc}. Free space on that disk and run it again; what was there is as it was."
        ) from exc


_OF_A_DISK = ("os error", "no space", "file too large", "i/o", "ioerror", "io error", "error in writing", "fwrite")


class Database:
    """A SQLite file with its schema made on first use. Each thread gets a connection of its own."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._told("opened"):
            self.connection.executescript(schema)

    @property
    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection, in autocommit: read with it, write inside `writing()`."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            found.execute("PRAGMA journal_mode=WAL")
            found.execute("PRAGMA synchronous=NORMAL")
            found.execute("PRAGMA foreign_keys=ON")
            self._local.connection = found
            with self._lock:
                self._open.append(found)
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block: all of it is kept, or on any exception none of it.

        Raises StorageError when the disk is full or the file is damaged or locked.
        """
        with self._told("written"):
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self, deed: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as exc:
            if isinstance(exc, sqlite3.IntegrityError):
                raise
            raise StorageError(f"{self.path} cannot be {deed}: {exc}. {_advice(str(exc))}") from exc

    def close(self) -> None:
        """Close every thread's connection. The object is not to be used after."""
        with self._lock:
            while self._open:
                self._open.pop().close()
        self._local = threading.local()


def _advice(error: str) -> str:
    if "full" in error:
        return "Free space on that disk and run it again; what was stored before is whole."
    if "locked" in error:
        return "Another program is writing to it; wait for it to finish and try again."
    if "malformed" in error or "not a database" in error:
        return "The file is damaged: put it aside, restore a backup or import again."
    return "Check the disk and the rights of that folder."
