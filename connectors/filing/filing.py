"""Answers, calendar and examples out to plain YAML and back in: per field, three-way, and never by silence.

What only the file changed is taken, what only the library changed stays, and what both changed waits for somebody to
choose. Answers that came in are drafts until they are published like any other. A file that is not there takes nothing
away: withdrawing an answer is a deed of its own.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from connectors.filing.stamps import Stamps
from connectors.timetable.document import calendar_of, document_of, parse, tree_of, write
from connectors.timetable.versions import TakenMeanwhile, Versions
from library.calendar import CalendarError
from library.threeway import NOTHING_CHOSEN, Change, Choices, Clash, changes, merge
from retrieval.answer_files import answer_text, file_name
from retrieval.answers import Answer, AnswerBook, AnswerError

CALENDAR = "calendar.yml"
_EXAMPLES = re.compile(r"examples/([a-z0-9_-]+\.yml)")
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive


class FilingError(Exception):
    """The files cannot be taken in; the message says which and why. Nothing was changed."""


@dataclass(frozen=True)
class Intake:
    """What files would change here. `clashes` must be settled before it is done; paths begin with the part and key."""

    merged: Mapping[str, Any]
    changes: Sequence[Change]
    clashes: Sequence[Clash]
    calendar_seen: int

    @property
    def is_news(self) -> bool:
        return bool(self.changes)


class Filing:
    """Writes and reads the files of one library. `taught` is the folder of reviewed examples, if there is one."""

    def __init__(self, book: AnswerBook, calendar: Versions, taught: Path, kept: Path) -> None:
        self._book = book
        self._calendar = calendar
        self._taught = taught
        self._stamps = Stamps(kept)

    def files(self) -> dict[str, str]:
        """Return every file by its name: answers in use, the calendar in use, the examples."""
        texts: dict[str, str] = {}
        for answer in self._book.published():
            texts[_free_name(answer.key, texts)] = answer_text(answer)
        texts[CALENDAR] = write(self._calendar.read(self._calendar.newest))
        texts |= {f"examples/{path.name}": path.read_text(encoding="utf-8") for path in self._examples()}
        return {name: self._stamps.stamped(text) for name, text in texts.items()}

    def export(self, folder: Path) -> int:
        """Return how many files were written; those in the folder that are ours and gone here are taken away."""
        files = self.files()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        for path in (folder / "answers").glob("*.yml"):
            if f"answers/{path.name}" not in files and self._stamps.as_it_left(path.read_text(encoding="utf-8")):
                path.unlink()
        return len(files)

    def archive(self) -> bytes:
        """Return all files as one zip."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(self.files().items()):
                archive.writestr(zipfile.ZipInfo(name, _EARLIEST), text)
        return packed.getvalue()

    def look(self, files: Mapping[str, str], choices: Choices = NOTHING_CHOSEN) -> Intake:
        """Return what taking these files in would change; nothing is changed. Raises FilingError."""
        seen = self._calendar.newest
        ours, base, theirs = self._ours(), _empty(), _empty()
        for name, text in files.items():
            left = self._stamps.as_it_left(text)
            _add(theirs, name, text)
            if left is not None:
                _add(base, name, left)
        for part, entries in theirs.items():  # what the files do not speak of is left alone
            base[part] = {key: entry for key, entry in base[part].items() if key in entries}
        if not theirs["calendar"]:
            base["calendar"] = theirs["calendar"] = ours["calendar"]
        for part in ("answers", "examples"):
            silent = {key: entry for key, entry in ours[part].items() if key not in theirs[part]}
            base[part], theirs[part] = {**silent, **base[part]}, {**silent, **theirs[part]}
        merged = merge(base, ours, theirs, choices)
        return Intake(merged.tree, changes(ours, merged.tree), merged.clashes, seen)

    def take_in(self, intake: Intake, by: str, at: datetime, *, publish: bool = False) -> list[str]:
        """Return the keys of answers that came, as drafts or, with `publish`, in use. The calendar is in use at once.

        Raises FilingError when a clash is open, what came of merging cannot stand, or somebody saved meanwhile.
        """
        if intake.clashes:
            raise FilingError("Còn chỗ hai bên cùng sửa: hãy chọn từng chỗ trước khi nhập.")
        touched = {change.path[:2] for change in intake.changes}
        answers = [_answer(intake.merged["answers"][key]) for part, key in sorted(touched) if part == "answers"]
        document = document_of(dict(intake.merged["calendar"]))
        try:
            calendar_of(document)
            if any(part == "calendar" for part, _ in touched):
                self._calendar.save(document, intake.calendar_seen, by, at, "Nhập từ tệp")
        except CalendarError as exc:
            raise FilingError(f"Lịch sau khi ghép không hợp lệ: {exc}") from exc
        except TakenMeanwhile as exc:
            raise FilingError("Lịch vừa có bản mới, nên chưa nhập. Hãy xem lại rồi nhập lần nữa.") from exc
        for answer in answers:
            number = self._book.draft(answer, by, at, imported=True)
            if publish:
                self._book.publish(answer.key, number, by, at)
        for part, name in sorted(touched):
            if part == "examples":
                self._taught.mkdir(parents=True, exist_ok=True)
                (self._taught / name).write_text(intake.merged["examples"][name], encoding="utf-8")
        return [answer.key for answer in answers]

    def _ours(self) -> dict[str, Any]:
        answers = {answer.key: _fields(answer.to_plain()) for answer in self._book.published()}
        examples = {path.name: path.read_text(encoding="utf-8") for path in self._examples()}
        return {
            "answers": answers,
            "calendar": tree_of(self._calendar.read(self._calendar.newest)),
            "examples": examples,
        }

    def _examples(self) -> list[Path]:
        return sorted(path for path in self._taught.glob("*.yml") if _EXAMPLES.fullmatch(f"examples/{path.name}"))


def read_folder(folder: Path) -> dict[str, str]:
    """Return the files of an exported folder by name. Raises FilingError when there are none."""
    names = [
        CALENDAR,
        *(f"{part}/{path.name}" for part in ("answers", "examples") for path in (folder / part).glob("*")),
    ]
    files = {name: folder / name for name in sorted(names) if name.endswith(".yml") and (folder / name).is_file()}
    if not files:
        raise FilingError(f"{folder}: neither calendar.yml nor answers/*.yml is here; is it the right folder?")
    try:
        return {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    except UnicodeDecodeError as exc:
        raise FilingError(f"{folder}: a file is not UTF-8 ({exc})") from exc


def name_of(text: str) -> str:
    """Return under which name a single file's text is to be read: the calendar has branches, answers are a list."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise FilingError(f"Tệp không đọc được (YAML): {exc}") from exc
    return CALENDAR if isinstance(found, Mapping) else "answers/nhap.yml"


def _free_name(key: str, taken: Mapping[str, str]) -> str:
    """Return the file of an answer; keys that differ by their accents alone get files of their own."""
    name, times = f"answers/{file_name(key)}.yml", 1
    while name in taken:
        times += 1
        name = f"answers/{file_name(key)}-{times}.yml"
    return name


def _empty() -> dict[str, Any]:
    return {"answers": {}, "calendar": {}, "examples": {}}


def _add(tree: dict[str, Any], name: str, text: str) -> None:
    """Put what the file says into the tree. Raises FilingError."""
    try:
        if name == CALENDAR:
            tree["calendar"] = tree_of(parse(text, name))
        elif found := _EXAMPLES.fullmatch(name):
            tree["examples"][found[1]] = re.sub(r"\A# thuthu [0-9a-f]{32}\n", "", text)
        elif name.startswith("answers/"):
            for answer in _answers(text):
                if answer.key in tree["answers"]:
                    raise FilingError(f"{name}: câu trả lời “{answer.key}” có hai lần trong các tệp.")
                tree["answers"][answer.key] = _fields(answer.to_plain())
        else:
            raise FilingError(f"{name}: không phải tệp của Thủ Thư.")
    except (CalendarError, AnswerError, yaml.YAMLError) as exc:
        raise FilingError(f"{name}: {exc}") from exc


def _answers(text: str) -> list[Answer]:
    entries = yaml.safe_load(text)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise AnswerError("the file must hold a list of answers (each starting with “- key:”)")
    return [Answer.from_plain(entry) for entry in entries]


def _fields(plain: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's fields for merging: phrasings one by one, so that two people may both add some."""
    phrasings = plain.get("phrasings", [])
    if len(set(phrasings)) < len(phrasings):
        return plain
    return {**plain, "phrasings": {phrasing: phrasing for phrasing in phrasings}}


def _answer(fields: Mapping[str, Any]) -> Answer:
    phrasings = fields.get("phrasings")
    plain = {**fields, "phrasings": list(phrasings)} if phrasings else {**fields, "phrasings": []}
    try:
        return Answer.from_plain(plain)
    except AnswerError as exc:
        raise FilingError(str(exc)) from exc
