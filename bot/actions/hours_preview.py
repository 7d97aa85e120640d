"""What the assistant would say of a day: the same words as in the talk, for the librarians who edit the calendar."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.actions.asked_hours import Asked, Place, When
from bot.actions.hours_words import tet_name
from bot.actions.told_hours import Telling
from library.calendar import LibraryCalendar
from library.phrasing import Lang

DOMAIN = Path(__file__).parents[1] / "domain" / "hours.yml"


def said_of_day(
    calendar: LibraryCalendar, now: datetime, day: date, branch: str, room: str | None, lang: Lang = "vi"
) -> str:
    """Return the answer to "hôm ấy … có mở không?" asked now, of this branch or its room."""
    at = calendar.branch(branch)
    place = Place(at, next((each for each in at.rooms if each.code == room), None))
    saying = Telling(calendar, now, lang).tell(Asked((place,), (When(day, day, tet_name(day)),), now=False), "")
    return re.sub(r"{(\w+)}", lambda name: saying.words[name[1]], _sentence(saying.response, lang))


@cache
def _responses() -> dict[str, list[dict[str, Any]]]:
    responses: dict[str, list[dict[str, Any]]] = yaml.safe_load(DOMAIN.read_text(encoding="utf-8"))["responses"]
    return responses


def _sentence(name: str, lang: Lang) -> str:
    """Return the response as Rasa chooses it: the one for the language, else the one without a condition."""
    variations = _responses()[name]
    fitting = [each for each in variations if any(c["value"] == lang for c in each.get("condition", ()))]
    return str((fitting or [each for each in variations if not each.get("condition")])[0]["text"])
