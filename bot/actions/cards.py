"""A record as a card: title, who and when, why it is here, where it stands and whether it is in."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, Services
from bot.actions.buttons import Button, button
from library.calendar import CalendarError, LibraryCalendar
from library.ils import ILSError
from library.model import ItemState, ItemStatus
from library.phrasing import COPY, Lang, Words, count, full_date
from retrieval.record import Record

logger = logging.getLogger(__name__)

Card = dict[str, Any]
Copies = Mapping[str, Sequence[ItemStatus]]

IN = Words("còn", "in:")
ALL_OUT = Words("đang cho mượn hết", "all out")
BACK_ON = Words("sớm nhất trả", "first due back")
READ_HERE = Words("đọc tại chỗ", "read in the library")
NOT_LENT = Words("chưa phục vụ", "not available")
AS_OF = Words("lúc", "as of")
DETAILS = Words("Xem thêm", "Details")
HOLD = Words("Đặt giữ", "Place a hold")
READ_ONLINE = Words("Đọc trực tuyến", "Read online")
COMING_BACK = {ItemState.ON_LOAN, ItemState.ON_HOLD_SHELF, ItemState.IN_TRANSIT}


async def copies_of(services: Services, records: Sequence[Record]) -> Copies | None:
    """Return the live copies of the records in one call, or None when the library system does not answer."""
    try:
        return await services.ils.availability([record.record_id for record in records])
    except ILSError as exc:
        logger.warning("availability is not known: records=%d error=%s", len(records), type(exc).__name__)
        return None


def hit_card(record: Record, copies: Copies | None, heard: Heard, calendar: LibraryCalendar, why: str = "") -> Card:
    """Return the card of one hit among several: it leads to the whole record, and to a hold."""
    lang = heard.lang
    items = None if copies is None else copies.get(record.record_id, ())
    buttons = [button(DETAILS, lang, "select_item", record_id=record.record_id), *hold_button(record, items, lang)]
    lines = [why, *place_lines(record, items, heard, calendar)]
    return _card(record, [line for line in lines if line], buttons)


def full_card(record: Record, items: Sequence[ItemStatus] | None, heard: Heard, calendar: LibraryCalendar) -> Card:
    """Return the record in full with what can be done with it."""
    lang = heard.lang
    told = [_made(record), record.summary, " · ".join(record.subjects), f"ISBN {record.isbn}" if record.isbn else ""]
    lines = [line for line in told if line] + place_lines(record, items, heard, calendar)
    links: list[Button] = [{"title": link.label or READ_ONLINE.to(lang), "url": link.url} for link in record.links[:1]]
    return _card(record, lines, [*hold_button(record, items, lang), *links])


def hold_button(record: Record, items: Sequence[ItemStatus] | None, lang: Lang) -> list[Button]:
    """Return the button that asks for a hold, when some copy can be lent but none stands on the shelf.

    Of a system that is silent, or told by a nightly file, nothing can be asked.
    """
    states = {item.state for item in items or () if not item.as_of}
    if ItemState.AVAILABLE in states or not states & COMING_BACK:
        return []
    return [button(HOLD, lang, "place_hold", record_id=record.record_id)]


def place_lines(
    record: Record, items: Sequence[ItemStatus] | None, heard: Heard, calendar: LibraryCalendar
) -> list[str]:
    """Return a line a branch: 'Mỹ Tho · 895.9 / V500 · còn 2 bản'. Without live copies, only where it stands."""
    if items is None:
        standing = {item.branch: item.call_number for item in record.items}
        return [
            _joined(branch_name(code, calendar, heard.lang), standing[code]) for code in in_order(standing, calendar)
        ]
    by_branch: dict[str, list[ItemStatus]] = {}
    for item in items:
        by_branch.setdefault(item.branch, []).append(item)
    return [
        _joined(
            branch_name(code, calendar, heard.lang), by_branch[code][0].call_number, state_text(by_branch[code], heard)
        )
        for code in in_order(by_branch, calendar)
    ]


def state_text(items: Sequence[ItemStatus], heard: Heard) -> str:
    """Return 'còn 2 bản', 'đang cho mượn hết, sớm nhất trả thứ Ba 24/11', 'đọc tại chỗ' or 'chưa phục vụ'.

    What is not of now says of when it is: 'còn 2 bản (lúc 09:12)', 'còn 2 bản (lúc 02:00 thứ Hai 23/11)'.
    """
    as_of, today = told_at(items), heard.turn.now.date()
    if as_of is None:
        return _state_now(items, heard)
    day = "" if as_of.date() == today else f" {full_date(as_of.date(), heard.lang, today=today)}"
    return f"{_state_now(items, heard)} ({AS_OF.to(heard.lang)} {as_of:%H:%M}{day})"


def told_at(items: Iterable[ItemStatus]) -> datetime | None:
    """Return of when the copies are, or None when they are of now."""
    return next((item.as_of for item in items if item.as_of), None)


def say_if_silent(services: Services, dispatcher: CollectingDispatcher, items: Iterable[ItemStatus]) -> None:
    """Say that the library system is silent when the copies are remembered ones, and not those of a nightly file."""
    if told_at(items) and services.ils.as_of is None:
        dispatcher.utter_message(response="utter_copies_remembered")


def _state_now(items: Sequence[ItemStatus], heard: Heard) -> str:
    lang = heard.lang
    free = sum(item.state is ItemState.AVAILABLE for item in items)
    if free:
        return f"{IN.to(lang)} {count(free, COPY, lang)}"
    states = {item.state for item in items}
    if states & COMING_BACK:
        back = first_back(items, heard)
        when = f", {BACK_ON.to(lang)} {full_date(back, lang, today=heard.turn.now.date())}" if back else ""
        return ALL_OUT.to(lang) + when
    return (READ_HERE if ItemState.READING_ONLY in states else NOT_LENT).to(lang)


def first_back(items: Sequence[ItemStatus], heard: Heard) -> date | None:
    """Return the day the first copy is due back; one that is overdue promises nothing."""
    today = heard.turn.now.date()
    return min((item.due_on for item in items if item.due_on and item.due_on >= today), default=None)


def branch_name(code: str, calendar: LibraryCalendar, lang: Lang) -> str:
    """Return the branch's name, or the code as it stands when the calendar has no such branch."""
    try:
        return calendar.branch(code).name.to(lang)
    except CalendarError:
        return code


def in_order(codes: Mapping[str, Any], calendar: LibraryCalendar) -> list[str]:
    """Return the branch codes in the calendar's order, unknown ones last."""
    order = [branch.code for branch in calendar.branches]
    return sorted(codes, key=lambda code: (order.index(code) if code in order else len(order), code))


def _card(record: Record, lines: Sequence[str], buttons: Sequence[Button]) -> Card:
    subtitle = " · ".join(filter(None, (record.author, record.year_text)))
    return {"title": record.full_title, "subtitle": subtitle, "lines": list(lines), "buttons": list(buttons)}


def _made(record: Record) -> str:
    """Return edition, publisher and extent; the year stands under the title already."""
    return ", ".join(filter(None, (record.edition, record.publisher, record.extent)))


def _joined(*pieces: str) -> str:
    return " · ".join(filter(None, pieces))
