"""One reminder in words: a line a thing, whose card it is where there are several, a way to renew and a way to stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from connectors.channels.port import Button, Reply
from connectors.messages import sentence
from connectors.reminding.occasions import Occasion
from library.phrasing import DAY, Lang, bullets, count, full_date, relative_name, short_date

STOP = "/reminders_stop"
MOST_LINES = 12

Place = Callable[[str, Lang], str]  # branch code -> its name


def message(
    by_card: Mapping[str, Sequence[Occasion]],
    lang: Lang,
    now: datetime,
    place: Place,
    *,
    renews: bool,
    family: bool = False,
    as_of: datetime | None = None,
) -> Reply:
    """Return the day's one message; `by_card` gives what to tell of each name. `renews`: the system can.

    `family`: several cards are linked, so that every line says whose it is.
    """
    lines = [
        f"{name}: {_line(each, lang, now, place)}" if family else _line(each, lang, now, place)
        for name, found in by_card.items()
        for each in found
    ]
    body = lines[0] if len(lines) == 1 else f"{sentence('reminder_several', lang)}\n{bullets(lines[:MOST_LINES])}"
    more = [sentence("reminder_more", lang, number=len(lines) - MOST_LINES)] * (len(lines) > MOST_LINES)
    dated = [sentence("reminder_as_of", lang, at=_at(as_of, lang, now))] if as_of else []
    buttons = [*_renewal(by_card, lang, renews=renews, family=family), Button(sentence("reminder_stop", lang), STOP)]
    return Reply("\n".join([body, *more, *dated]), tuple(buttons))


def _line(occasion: Occasion, lang: Lang, now: datetime, place: Place) -> str:
    today, day = now.date(), occasion.day
    told = ""
    if day is not None:
        told = full_date(day, lang, today=today, name=relative_name(day, today))
    if occasion.kind == "overdue" and day is not None:
        late = count((today - day).days, DAY, lang)
        return sentence(
            "reminder_overdue", lang, title=occasion.title, days=late, day=short_date(day, lang, today=today)
        )
    if occasion.kind == "hold":
        key = "reminder_hold_until" if day else "reminder_hold"
        return sentence(key, lang, title=occasion.title, place=place(occasion.place, lang), day=told)
    return sentence(f"reminder_{occasion.kind}", lang, title=occasion.title, day=told)


def _renewal(by_card: Mapping[str, Sequence[Occasion]], lang: Lang, *, renews: bool, family: bool) -> list[Button]:
    """Return the button that renews: only what can be renewed is offered, and of one card at a time."""
    due = [each for found in by_card.values() for each in found if each.kind == "due" and each.renewable]
    if not renews or not due or len(by_card) > 1:
        return []
    which = {"loan_id": due[0].loan_id} if len(due) == 1 else {}
    whose = {"said": sentence("card_of", lang, name=next(iter(by_card)))} if family else {}
    slots = json.dumps(which | whose, ensure_ascii=False) if which or whose else ""
    return [Button(sentence("reminder_renew", lang), f"/renew_loans{slots}")]


def _at(moment: datetime, lang: Lang, now: datetime) -> str:
    return f"{moment:%H:%M} {short_date(moment.date(), lang, today=now.date())}"
