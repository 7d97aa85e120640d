"""The editor's form: what it holds of an answer, and the answer that its fields make."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from connectors.console.places import ANSWERS, REVIEWS
from library.text import nfc
from retrieval.answers import Answer

LONGEST = {"question": 300, "question_en": 300, "answer": 6000, "answer_en": 6000, "phrasings": 20_000}
LONGEST_OTHER = 400  # characters of a field not named above
MOST_PHRASINGS = 200
NO_TOPIC = "Chung"
DATES = ("valid_from", "valid_until", "review_by")
NAMES = (
    "question", "question_en", "phrasings", "answer", "answer_en", "topic", "source", "url", "owner", "branch",
    "audience", *DATES, "risk",
)  # fmt: skip
_PLAIN_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_OURS = frozenset({"new", "look"})  # addresses of the editor's own
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """One field that cannot be saved as it is, and why."""

    field: str
    text: str


def fields_of(answer: Answer) -> dict[str, str]:
    """Return the form's fields filled with this answer."""
    return {name: _written(getattr(answer, name)) for name in NAMES}


def typed(get: Callable[[str, str], str]) -> dict[str, str]:
    """Return the fields as typed; every one is there, with lines ending as ours do."""
    return {name: get(name, "").replace("\r\n", "\n").strip() for name in NAMES}


def answer_of(key: str, fields: Fields) -> Answer:
    """Return the answer that the fields make; what is no date is left out, `problems` tells of it."""
    days = {name: _day(fields.get(name, "")) for name in DATES}
    lines = [nfc(" ".join(line.split())) for line in fields.get("phrasings", "").split("\n")]
    texts = {name: nfc(fields.get(name, "")).strip() for name in NAMES if name not in (*DATES, "phrasings", "risk")}
    texts["topic"] = texts["topic"] or NO_TOPIC
    risk = "high" if fields.get("risk") == "high" else "low"
    return Answer(key, phrasings=tuple(dict.fromkeys(filter(None, lines))), risk=risk, **texts, **days)  # type: ignore[arg-type]


def cut(fields: Fields) -> dict[str, str]:
    """Return the fields no longer than may be saved: what is typed is judged on every pause, so it must stay cheap."""
    return {name: value[: LONGEST.get(name, LONGEST_OTHER)] for name, value in fields.items()}


def problems(fields: Fields) -> list[Problem]:
    """Return why the fields cannot be saved, in the order of the form."""
    return [*_missing(fields), *_too_long(fields), *_no_dates(fields)]


def address(key: str) -> str:
    """Return the key as one piece of an address; keys of imported answers may hold anything."""
    if _PLAIN_KEY.fullmatch(key) and key not in _OURS:
        return key
    return "-" + urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(written: str) -> str:
    """Return the key that an address stands for; empty for one that stands for none."""
    if not written.startswith("-"):
        return written
    try:
        return urlsafe_b64decode(written[1:] + "=" * (-len(written[1:]) % 4)).decode()
    except ValueError:
        return ""


def answer_at(key: str) -> str:
    return f"{ANSWERS}/{address(key)}"


def editor_at(key: str) -> str:
    return f"{ANSWERS}/{address(key)}/edit"


def review_at(key: str, number: int) -> str:
    return f"{REVIEWS}/{address(key)}/{number}"


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return "\n".join(value)
    return value.isoformat() if isinstance(value, date) else str(value or "")


def _day(text: str) -> date | None:
    """Return the day that 2026-12-31 or 31/12/2026 names, or None."""
    if found := _SLASHED.fullmatch(text):
        text = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _missing(fields: Fields) -> list[Problem]:
    wanted = {"question": "Chưa viết câu hỏi.", "answer": "Chưa viết câu trả lời."}
    return [Problem(name, text) for name, text in wanted.items() if not fields.get(name)]


def _too_long(fields: Fields) -> list[Problem]:
    found = []
    for name in NAMES:
        if len(fields.get(name, "")) > (most := LONGEST.get(name, LONGEST_OTHER)):
            found.append(Problem(name, f"Dài quá {most} ký tự."))
    if fields.get("phrasings", "").count("\n") >= MOST_PHRASINGS:
        found.append(Problem("phrasings", f"Nhiều quá {MOST_PHRASINGS} cách hỏi."))
    return found


def _no_dates(fields: Fields) -> list[Problem]:
    wrong = [name for name in DATES if fields.get(name) and _day(fields[name]) is None]
    return [Problem(name, "Ngày viết như 31/12/2026.") for name in wrong]
