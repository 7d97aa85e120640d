"""One reminder in words: a line a thing, whose card it is where there are several, a way to renew and a way to stop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from connectors.channels.port import Button, Reply
from connectors.messages import sentence
from connectors.reminding.occasions import Occasion
from library.phrasing import DAY, Lang, bullets, count, full_date, relative_name, short_date
from library.ports import LinkedCard

STOP = "/reminders_stop"
MOST_LINES = 12

Place = Callable[[str, Lang], str]  # branch code -> its name
Told = tuple[LinkedCard, Sequence[Occasion]]


def message(
    told: Sequence[Told],
    lang: Lang,
    now: datetime,
    place: Place,
    *,
    named: bool,
    renews: bool,
    as_of: datetime | None = None,
) -> Reply:
    """Return the day's one message. `named`: several cards are linked, so it says whose; `renews`: the system can."""
    lines = [
        f"{card.name}: {_line(each, lang, now, place, renews=renews)}"
        if named
        else _line(each, lang, now, place, renews=renews)
        for card, found in told
        for each in found
    ]
    body = lines[0] if len(lines) == 1 else f"{sentence('reminder_several', lang)}\n{bullets(lines[:MOST_LINES])}"
    more = [sentence("reminder_more", lang, number=len(lines) - MOST_LINES)] * (len(lines) > MOST_LINES)
    dated = [sentence("reminder_as_of", lang, at=_at(as_of, lang, now))] if as_of else []
    renewals = [button for card, found in told for button in _renewal(card, found, lang, named=named)] if renews else []
    return Reply("\n".join([body, *more, *dated]), (*renewals, Button(sentence("reminder_stop", lang), STOP)))


def _line(occasion: Occasion, lang: Lang, now: datetime, place: Place, *, renews: bool) -> str:
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
        where = place(occasion.place, lang) if occasion.place else sentence("reminder_somewhere", lang)
        return sentence(key, lang, title=occasion.title, place=where, day=told)
    to_bring = occasion.kind == "due" and renews and occasion.renewable is False
    key = "reminder_due_to_bring" if to_bring else f"reminder_{occasion.kind}"
    return sentence(key, lang, title=occasion.title, day=told)


def _renewal(card: LinkedCard, found: Sequence[Occasion], lang: Lang, *, named: bool) -> list[Button]:
    """Return the button that renews what of this card can be renewed, if anything.

    Of several cards it says whose, in words that choose the card as if the patron had typed them.
    """
    due = [each for each in found if each.kind == "due" and each.renewable]
    if not due:
        return []
    meant = {"loan_id": due[0].loan_id} if len(due) == 1 else {}
    meant |= {"said": sentence("card_of", lang, name=_plain(card.name))} if named else {}
    title = sentence("reminder_renew_of", lang, name=card.name) if named else sentence("reminder_renew", lang)
    return [Button(title, "/renew_loans" + (json.dumps(meant, ensure_ascii=False) if meant else ""))]


def _plain(name: str) -> str:
    """Return the name without what would end the payload that it is put in."""
    return re.sub(r'["\\{}]', "", name)


def _at(moment: datetime, lang: Lang, now: datetime) -> str:
    return f"{moment:%H:%M} {short_date(moment.date(), lang, today=now.date())}"
