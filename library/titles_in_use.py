"""The catalogue's titles as they are now: the book in use, opened anew when the index is put in use anew."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from library.titles import TitleBook, TitleBookError

logger = logging.getLogger(__name__)

_Sign = tuple[int, int, int]


@dataclass(frozen=True)
class _Opened:
    signs: tuple[_Sign, _Sign] | None
    book: TitleBook | None


class TitlesInUse:
    """Gives the book behind a path whose folder is a link that is pointed elsewhere with every new index.

    Safe from many threads: a book that somebody still reads stays open until the last reader has let go of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = _Opened(None, None)

    def book(self) -> TitleBook | None:
        """Return the book in use, or None before the first index. Costs two looks at the disk when nothing changed.

        While no new book can be opened the one before serves on.
        """
        opened = self._opened
        signs = self._signs()
        if signs != opened.signs:
            opened = self._opened = _Opened(signs, self._open() or opened.book)
        return opened.book

    def _signs(self) -> tuple[_Sign, _Sign] | None:
        # The folder tells of layers that came beside a file which stayed; the file, of one that was put in its place.
        try:
            return _sign(self._path.parent), _sign(self._path)
        except OSError:
            return None

    def _open(self) -> TitleBook | None:
        if not self._path.is_file():
            return None
        try:
            return TitleBook.open(self._path)
        except TitleBookError as exc:
            logger.warning("titles not opened anew: %s", exc)
            return None


def _sign(path: Path) -> _Sign:
    seen = os.stat(path)
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns
