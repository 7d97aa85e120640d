"""The account journeys of tests/JOURNEYS.md, each as steps in one conversation, and what must hold after each reply."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.connectors.ils.sample import PIN
from tests.faults.systems import CARD, System
from tests.journeys.patron import Desk
from tests.journeys.talk import Said

AWAY, UNKNOWN = "utter_library_system_away", "utter_outcome_unknown"
Play = Callable[[Desk], Awaitable[list[Said]]]


@dataclass(frozen=True)
class Journey:
    name: str
    play: Play
    linked: bool = True


def steps(*messages: tuple[str, str]) -> Play:
    """Return the play of these intents and words, one after another."""

    async def play(desk: Desk) -> list[Said]:
        return [await desk.talk.hear(intent, words) for intent, words in messages]

    return play


async def log_in(desk: Desk) -> list[Said]:
    page = await desk.talk.hear("link_account", "liên kết thẻ")
    await desk.links.log_in(page.buttons[0]["url"].rsplit("/", 1)[1], CARD, PIN)
    return [page, await desk.talk.hear("affirm", "đúng rồi")]


async def hold(desk: Desk) -> list[Said]:
    desk.talk.slots["hits"] = {"earlier": [], "items": [{"record_id": "3", "title": "Nhà giả kim"}]}
    asked = await desk.talk.hear("place_hold", "đặt cuốn [thứ 1](item_ordinal) ở [Cao Lãnh](branch)")
    return [asked, await desk.talk.hear("affirm", "ừ")]


YES = ("affirm", "ừ")
JOURNEYS = (
    Journey("cards: what is on loan", steps(("list_loans", "em đang mượn gì"))),
    Journey("cards: when one is due", steps(("list_loans", "cuốn [Số đỏ](title) bao giờ phải trả"))),
    Journey("cards: until when the card is good", steps(("list_loans", "thẻ của em hết hạn khi nào"))),
    Journey("cards: what is owed", steps(("ask_charges", "em nợ bao nhiêu tiền phạt"))),
    Journey("cards: one renewed", steps(("renew_loans", "gia hạn cuốn [Số đỏ](title)"), YES)),
    Journey("cards: one waited for by others", steps(("renew_loans", "gia hạn cuốn [Mắt biếc](title)"), YES)),
    Journey("cards: one that is late", steps(("renew_loans", "gia hạn cuốn [Dế Mèn phiêu lưu ký](title)"), YES)),
    Journey("cards: all of them", steps(("renew_loans", "gia hạn [hết](loan_scope)"), YES)),
    Journey("cards: all but one", steps(("renew_loans", "gia hạn tất cả trừ cuốn [Mắt biếc](title)"), YES)),
    Journey("cards: a yes said twice", steps(("renew_loans", "gia hạn cuốn [Số đỏ](title)"), YES, YES)),
    Journey("cards: what is on hold", steps(("list_holds", "sách em đặt về chưa"))),
    Journey("cards: a hold placed", hold),
    Journey("cards: a hold let go", steps(("cancel_hold", "huỷ đặt cuốn [Đất rừng phương Nam](title)"), YES)),
    Journey("cards: the card is linked", log_in, linked=False),
)


@dataclass(frozen=True)
class Before:
    loans: dict[str, tuple[str, int]]
    held: set[str]
    writes: int


def seen(system: System) -> Before:
    return Before(system.loans, system.held, len(system.koha.writes))


def faults_in(said: list[Said], before: Before, system: System) -> list[str]:
    """Return what the replies say that is not so; one reply to each message, and no more done than was asked."""
    wrong = [] if all(each.texts for each in said) else ["silence"]
    new = system.koha.writes[before.writes :]
    if len(set(new)) != len(new):
        wrong.append(f"done twice: {new}")
    for each in said[1:] or said:
        wrong += _untrue(each, before, system)
    if new and said[-1].responses == (AWAY,) and not any("renewed" in one for s in said for one in s.responses):
        wrong.append("said that nothing was done, and it was")
    return wrong


def _untrue(said: Said, before: Before, system: System) -> list[str]:
    wrong = []
    for title, (due, renewals) in system.loans.items():
        line = next((each for each in said.text.splitlines() if f"“{title}”" in each), "")
        renewed = renewals > before.loans[title][1]
        if re.search(r"hạn mới", line) and not renewed:
            wrong.append(f"said renewed and was not: {title}")
        if "chưa gia hạn được" in line and renewed:
            wrong.append(f"said not renewed and was: {title}")
        if re.search(r"hạn mới|gần nhất", said.text) and line and (day := _day_in(line)) and day != _day(due):
            wrong.append(f"wrong day for {title}: {day}, it is {_day(due)}")
    if "utter_loans" in said.responses and not all(f"“{title}”" in said.text for title in system.loans):
        wrong.append("told of some loans as if they were all")
    if {"utter_no_loans", "utter_no_holds", "utter_no_charges"} & set(said.responses):
        wrong.append(f"said {said.responses[0]} of a card that has some")
    if "utter_charges" in said.responses and "12.000" not in said.text:
        wrong.append("told of another sum")
    if "utter_hold_placed" in said.responses and "Nhà giả kim" not in system.held:
        wrong.append("said that the hold is placed, and it is not")
    if "utter_hold_refused" in said.responses and "Nhà giả kim" in system.held - before.held:
        wrong.append("said that the hold is refused, and it is placed")
    if "utter_cancelled" in said.responses:
        gone, sure = "Đất rừng phương Nam" not in system.held, said.text.replace("chưa chắc đã huỷ", "")
        if ("đã huỷ" in sure and not gone) or ("chưa huỷ được" in sure and gone):
            wrong.append("said something else of the cancelling than was done")
    if "utter_linked" in said.responses and "Nguyễn Thị Lan" not in said.text:
        wrong.append("linked another name")
    return wrong


def _day(due: str) -> str:
    return f"{int(due[8:10])}/{int(due[5:7])}"


def _day_in(line: str) -> str:
    found = re.search(r"(\d{1,2})/(\d{1,2})", line)
    return f"{int(found[1])}/{int(found[2])}" if found else ""


# What a "ừ" hears when there is nothing (more) to say yes to: the reply before it is the one that counts.
_TO_A_STRAY_YES = {"utter_yes_to_what", "utter_question_is_over"}


def verdict(said: list[Said]) -> str:
    """Return in a word what the patron heard at the end."""
    told = [each for each in said if not set(each.responses) <= _TO_A_STRAY_YES]
    last = told[-1]
    if AWAY in last.responses or (len(told) < len(said) and "utter_link_page" in last.responses):
        return "chưa trả lời"
    if UNKNOWN in last.responses or "utter_hold_unsure" in last.responses or "chưa chắc" in last.text:
        return "chưa chắc"
    return "đúng"
