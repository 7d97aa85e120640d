"""Every calendar that librarians saved, each a file that never changes: `var/calendar/0003.yml`.

Number 0 is a copy of the configured file as it was when the first change was saved; that file itself is never written.
The highest number is in use. Two who save at once both want the next number, and the file system gives it to one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.timetable.document import Document, parse, write
from library.calendar import CalendarError

_NUMBERED = re.compile(r"(\d{4,})\.yml")
_HEAD = "# "


class TakenMeanwhile(Exception):
    """Somebody saved since: nothing was written."""


@dataclass(frozen=True)
class Version:
    """One saved calendar: who saved it, when, and what they did, in their own words or the console's."""

    number: int
    by: str
    at: datetime | None
    what: str


class Versions:
    """The saved calendars of one library. Safe for several processes."""

    def __init__(self, folder: Path, configured: Path) -> None:
        self._folder = folder
        self._configured = configured

    @property
    def newest(self) -> int:
        """Return the number in use; 0 is the configured file."""
        return max(self._numbers(), default=0)

    def all(self) -> list[Version]:
        """Return every version, newest first; the last is the configured file."""
        numbers = sorted({0, *self._numbers()}, reverse=True)
        return [self._version(number) for number in numbers]

    def read(self, number: int) -> Document:
        """Return the document of a version. Raises CalendarError when its file cannot be read or understood."""
        return parse(self._text(number), f"{self._path(number).name}")

    def text(self, number: int) -> str:
        """Return the YAML of a version, without the line that says who saved it."""
        text = self._text(number)
        return text.partition("\n")[2] if text.startswith(_HEAD + "{") else text

    def save(self, document: Document, after: int, by: str, at: datetime, what: str) -> int:
        """Return the number of the new version, which is in use at once. Raises TakenMeanwhile unless `after` still is.

        The document must have been checked: whatever is here will be served.
        """
        if self.newest != after:
            raise TakenMeanwhile(f"version {self.newest} is in use, not {after}")
        self._folder.mkdir(parents=True, exist_ok=True)
        if after == 0 and not self._path(0).exists():
            self._put(0, self._configured.read_text(encoding="utf-8"))
        head = json.dumps({"by": by, "at": at.isoformat(), "what": what}, ensure_ascii=False)
        self._put(after + 1, f"{_HEAD}{head}\n{write(document)}")
        return after + 1

    def _put(self, number: int, text: str) -> None:
        """Write a version whole or not at all; a number that is taken stays as it is."""
        aside = self._folder / f".{number:04}.{os.getpid()}"
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, self._path(number))
        except FileExistsError as exc:
            if number:
                raise TakenMeanwhile(f"version {number} was saved by somebody else") from exc
        finally:
            aside.unlink()

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return [int(found[1]) for name in os.listdir(self._folder) if (found := _NUMBERED.fullmatch(name))]

    def _path(self, number: int) -> Path:
        kept = self._folder / f"{number:04}.yml"
        return kept if number or kept.exists() else self._configured

    def _text(self, number: int) -> str:
        path = self._path(number)
        try:
            return path.read_text(encoding="utf-8")
        except OSError as exc:
            raise CalendarError(f"reading the calendar {path}: {exc.strerror}; set the path in library.toml") from exc
        except UnicodeDecodeError as exc:
            raise CalendarError(f"reading the calendar {path}: not YAML in UTF-8 ({exc}); mend the line named") from exc

    def _version(self, number: int) -> Version:
        with self._path(number).open(encoding="utf-8") as file:
            first = file.readline()
        said: Mapping[str, str] = json.loads(first[len(_HEAD) :]) if number and first.startswith(_HEAD) else {}
        at = datetime.fromisoformat(said["at"]) if "at" in said else None
        return Version(number, said.get("by", ""), at, said.get("what", ""))
