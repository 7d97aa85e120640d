"""Answers as plain YAML files: in without overwriting anybody's work, and out again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from library.text import fold
from retrieval.answers import Answer, AnswerBook, AnswerError

BY_IMPORT = "import"
_ORDER = ("key", "topic", "question", "question_en", "phrasings", "answer", "answer_en", "source", "url", "owner",
          "valid_from", "valid_until", "review_by", "risk", "branch", "audience")  # fmt: skip


@dataclass
class AnswerIntake:
    """What an import did, by key."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # changed in the file and at the desk: saved as a draft


def read_answers(folder: Path) -> list[Answer]:
    """Return the answers of every .yml file in the folder.

    Raises AnswerError naming every entry that is wrong and every key used twice; then nothing is to be imported.
    """
    answers: list[Answer] = []
    wrong: list[str] = []
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            for entry in _entries(path):
                answer = Answer.from_plain(entry)
                if answer.key in seen:
                    raise AnswerError(f"answer {answer.key} stands in {seen[answer.key]} already")
                seen[answer.key] = path.name
                answers.append(answer)
        except (AnswerError, yaml.YAMLError) as exc:
            wrong.append(f"{path.name}: {exc}")
    if wrong:
        raise AnswerError(f"{folder}: nothing was imported.\n" + "\n".join(wrong))
    if not answers:
        raise AnswerError(f"{folder}: there is no answer in this folder (*.yml); is it the right one?")
    return answers


def _entries(path: Path) -> list[dict[str, Any]]:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise AnswerError("the file must hold a list of answers (each starting with “- key:”)")
    return entries


def import_answers(folder: Path, book: AnswerBook, at: datetime) -> AnswerIntake:
    """Bring the folder's answers into the book, publish the new ones, and return what that did. Idempotent.

    An answer that a person changed or withdrew since the last import is left as it is: if the file changed too, its
    wording waits as a draft.
    """
    intake = AnswerIntake()
    for answer in read_answers(folder):
        getattr(intake, _bring_in(answer, book, at)).append(answer.key)
    return intake


def _bring_in(answer: Answer, book: AnswerBook, at: datetime) -> str:
    before = book.imported(answer.key)
    if before and before[-1] == answer:
        return "unchanged"
    known, live = book.revisions(answer.key), book.get(answer.key)
    if live == answer:
        return "unchanged"
    number = book.draft(answer, BY_IMPORT, at, imported=True)
    if known and (live is None or live not in before):
        return "waiting"
    book.publish(answer.key, number, BY_IMPORT, at)
    return "changed" if known else "added"


def export_answers(book: AnswerBook, folder: Path) -> int:
    """Write the answers in use to the folder, one a file, and return how many. Importing them changes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = book.published()
    for answer in answers:
        (folder / f"{file_name(answer.key)}.yml").write_text(answer_text(answer), encoding="utf-8")
    return len(answers)


def answer_text(answer: Answer) -> str:
    """Return the answer as its file holds it."""
    plain = answer.to_plain()
    entry = {name: plain[name] for name in _ORDER if name in plain}
    return yaml.dump([entry], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)


def file_name(key: str) -> str:
    """Return what an answer's file is called, without its ending."""
    return re.sub(r"[^a-z0-9]+", "-", fold(key)).strip("-")


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, as a person would."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)
