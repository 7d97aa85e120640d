"""The library in the guide's pictures: patrons, questions and figures that somebody made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from connectors import mailbox
from connectors.announcing import book
from connectors.announcing.audience import Closed
from connectors.channels.port import Arrival, Card, Reply
from connectors.console.staff import Visitor
from connectors.curation import pins
from connectors.curation.pins import Expected
from connectors.desk import StoredDesk
from connectors.staff.accounts import add_staff
from connectors.staff.roles import Role
from connectors.store import (
    Store,
    clusters,
    deliveries,
    messages,
    numbers_daily,
    numbers_not_held,
    questions,
    trainings,
)
from connectors.teaching import examples
from connectors.teaching.examples import Example, State
from connectors.teaching.judging import Change, Report
from library.ports import Turn
from retrieval.answer_files import import_answers
from tests.connectors.console.desk import COLLEAGUE, NAME, PASSWORD, START, House

ANSWERS = Path(__file__).parents[1] / "demo" / "answers"
CARD = r"\bDT\d{6}\b"
STAFF = (
    (NAME, Role.CONTENT_ADMIN, ()),
    (COLLEAGUE, Role.APPROVER, ()),
    ("Phạm Thu Hà", Role.EDITOR, ("MT",)),
    ("Nguyễn Văn Tám", Role.READER, ("CL",)),
    ("Đỗ Quốc Bảo", Role.TECHNICAL_ADMIN, ()),
)
# What nobody has answered yet, in the words it was asked in, and how many times each.
UNANSWERED: Sequence[Sequence[tuple[str, int]]] = (
    (("Thư viện có chỗ sạc xe điện không?", 5), ("co cho sac xe dien ko", 3), ("sạc xe máy điện ở đâu vậy ạ", 2)),
    (("Có lớp học vẽ cho bé hè này không ạ?", 4), ("lop ve cho be con mo ko", 2)),
    (("Em muốn mượn máy đọc sách Kindle về nhà", 3), ("cho muon may doc sach ko a", 1)),
    (("Thư viện có bán cà phê không?", 3),),
    (("Cho mình hỏi đóng góp ảnh cũ của Mỹ Tho thì gửi ai?", 2),),
    (("Is there a prayer room?", 1),),
    (("Cho thuê hội trường làm đám cưới được không", 1),),
)
DAYS = 75  # of figures
WEEKDAYS = (34, 52, 58, 55, 60, 71, 49)  # visits on a Monday, a Tuesday, …
NOT_HELD = (
    ("Totto-chan bên cửa sổ", 9), ("Nuôi tôm thẻ chân trắng", 7), ("Tự học Excel 365", 5), ("Cây cam ngọt của tôi", 4)
)  # fmt: skip
HEARD_BETTER = Change("sach thieu nhi moi ve", "list_new_items", "find_item", "list_new_items")
MONDAY = START - timedelta(days=1)


@dataclass(frozen=True)
class Said:
    """One turn: what the patron wrote, what came of it, what the assistant said."""

    words: str
    intent: str
    sure: float
    kind: str
    reply: Reply


HELLO = Said("chào thư viện", "greet", 0.98, "other", Reply("Chào bạn, mình là trợ lý tự động của thư viện."))
SEARCH = Said(
    "có cuốn Số đỏ không ạ", "find_item", 0.97, "search",
    Reply("Có 2 bản “Số đỏ”, còn 1 bản ở kho Mượn, tầng 1:", cards=(Card("Số đỏ", "Vũ Trọng Phụng, 2020"),)),
)  # fmt: skip
HOURS = Said(
    "mai t7 co mo cua ko", "ask_opening_hours", 0.93, "other", Reply("Thứ Bảy 28/11 thư viện mở 7 giờ 30–17 giờ.")
)
WRONG = Said("gh cuốn Đất rừng phương Nam giúp em", "find_item", 0.41, "search", Reply("Có 3 bản “Đất rừng…”."))
INVITED = Reply("Mình đã mời thủ thư. Thường trả lời trong 5 phút; bạn cứ để lại tin nhắn.")
RENEWED = Said("gia hạn giúp em cuốn Số đỏ", "renew_loans", 0.96, "other", Reply("Xong: “Số đỏ”, hạn mới thứ Ba 8/12."))


async def furnish(store: Store) -> House:
    """Return a house in which people have been at work for some weeks; it is nine o'clock on a Tuesday."""
    for name, role, branches in STAFF:
        store.write_now(lambda db, n=name, r=role, b=branches: add_staff(db, n, PASSWORD, r, START, b))  # type: ignore[misc]
    house = House(store)
    import_answers(ANSWERS, house.book, START - timedelta(days=40))
    house.searcher.refresh()
    await _questions(house)
    await _talks(house)
    await _answers(house)
    _figures(house)
    await _teaching(house)
    await _told(house)
    arrived = update(deliveries).where(deliveries.c.state == "waiting").values(state="sent")
    await store.write(lambda db: db.execute(arrived))
    house.now = START
    return house


async def _talk(house: House, at: datetime, channel: str, *turns: Said) -> str:
    """Return a conversation in which this was said, half a minute between message and message."""
    house.now = at
    conversation_id = await house.store.write(lambda db: _opened(db, channel, at))
    for turn in turns:
        house.wait(seconds=30)
        message_id = await house.hear(conversation_id, turn.words)
        house.wait(seconds=1)
        await house.answer(conversation_id, turn.reply)
        outcome = {"kind": turn.kind, **({"hits": 2} if turn.kind == "search" else {})}
        await _understood(house, message_id, turn.intent, turn.sure, outcome)
    house.wait(seconds=40)
    return conversation_id


def _opened(db: Connection, channel: str, at: datetime) -> str:
    if channel == "web":
        return mailbox.open_conversation(db, "web", at)[0]
    return mailbox.conversation_at(
        db, channel, Arrival(channel, f"user-{at:%d%H%M%S}", "first", "text", "").address, at
    )


async def _understood(house: House, message_id: str, intent: str, sure: float, outcome: dict[str, object]) -> None:
    values = {"intent": intent, "confidence": sure, "outcome": outcome, "answered_at": house.now.isoformat()}
    row = update(messages).where(messages.c.id == message_id).values(values)
    await house.store.write(lambda db: db.execute(row))


async def _asks(house: House, conversation_id: str, words: str, reason: str) -> None:
    """Let the patron ask for a librarian, in these words."""
    message_id = await house.hear(conversation_id, words)
    await StoredDesk(house.store).ticket(Turn(conversation_id, message_id, "web", house.now), reason)
    house.wait(seconds=1)
    await house.answer(conversation_id, INVITED)


def _asked() -> list[tuple[datetime, str]]:
    """Return the words of each question and when it came, the oldest first."""
    words = [words for wordings in UNANSWERED for words, times in wordings for _ in range(times)]
    ago = (timedelta(days=number * 7 % 23, hours=number % 5, minutes=7) for number in range(5, 5 + len(words)))
    return sorted((START - each, asked) for each, asked in zip(ago, words, strict=True))


async def _questions(house: House) -> None:
    for number, (at, words) in enumerate(_asked()):
        chat = await _talk(house, at, ("telegram", "zalo", "web")[number % 3], HELLO)
        message = await house.hear(chat, words)
        await _understood(house, message, "ask_library_info", 0.9, {"kind": "unknown"})
        turn = Turn(chat, message, "telegram", house.now)
        await StoredDesk(house.store).unanswered(turn, words, "thiếu kiến thức")
    house.now = START
    await house.questions.collect()
    for wordings in UNANSWERED:
        await _merged(house, [words for words, _ in wordings])


async def _merged(house: House, wordings: Sequence[str]) -> None:
    """Let the groups of these wordings be one: the pictures' house has no encoder that would see them as one."""
    inside = select(questions.c.cluster).where(questions.c.text.in_(wordings))
    these = select(clusters.c.number, clusters.c.version).where(clusters.c.number.in_(inside))
    seen = dict(house.read(lambda db: [tuple(row) for row in db.execute(these)]))
    if len(seen) > 1:
        await house.questions.merge(min(seen), seen, Visitor(COLLEAGUE, Role.APPROVER, ""))


async def _talks(house: House) -> None:
    await _talk(house, MONDAY.replace(hour=8), "web", HELLO, SEARCH)
    await _talk(house, MONDAY.replace(hour=10), "zalo", HOURS)
    await _talk(house, MONDAY.replace(hour=14), "telegram", RENEWED)
    lost = await _talk(house, MONDAY.replace(hour=16), "zalo", HELLO)
    await house.bury(await house.answer(lost, Reply("“Dế Mèn phiêu lưu ký” đến hạn trả ngày mai.")), "window_48h")
    await _talk(house, START.replace(hour=7, minute=50), "zalo", WRONG)
    waits = await _talk(house, START.replace(hour=8, minute=20), "web", SEARCH)
    await _asks(house, waits, "cho mình gặp thủ thư, mình muốn xem cuốn này trước khi mượn", "asked")
    urgent = await _talk(house, START.replace(hour=8, minute=41), "zalo", HELLO)
    await _asks(house, urgent, "có người bị ngất ở phòng đọc tầng 2", "danger")
    offered = await _talk(house, START.replace(hour=8, minute=46), "telegram", HOURS)
    await _asks(house, offered, "dạ có, nhờ thủ thư giúp em", "offered")
    taken = await _talk(house, START.replace(hour=8, minute=52), "web", HELLO)
    await _asks(house, taken, "gặp người thật được không ạ", "asked")
    await house.handover.take_over(taken, COLLEAGUE)
    await house.handover.say_as_person(taken, COLLEAGUE, "Chào bạn, mình là Minh ở quầy mượn.", "key-a")
    turn, desk = Turn(waits, "m1", "web", house.now), StoredDesk(house.store)
    await desk.suggest_purchase(turn, "Totto-chan bên cửa sổ", "Kuroyanagi Tetsuko")
    await desk.suggest_purchase(turn, "Nuôi tôm thẻ chân trắng", None)
    await desk.feedback(turn, "Cô thủ thư phòng thiếu nhi rất nhiệt tình, con mình thích lắm.", "praise")
    await desk.feedback(turn, "Phòng đọc tầng 2 hôm nay máy lạnh hơi yếu.", "complaint")


async def _answers(house: House) -> None:
    house.now = START - timedelta(days=2)
    wifi = house.book.get("wifi")
    fine = house.book.get("phat-tre-han")
    assert wifi
    assert fine
    changed = replace(wifi, answer=wifi.answer.replace("đổi hằng tuần", "đổi mỗi thứ Hai"))
    number = house.book.draft(changed, "Phạm Thu Hà", house.now)
    house.book.record("submitted", wifi.key, number, "Phạm Thu Hà", house.now, lambda _standing: None)
    higher = replace(fine, answer=fine.answer.replace("500", "1.000"))
    number = house.book.draft(higher, COLLEAGUE, house.now)
    house.book.record("submitted", fine.key, number, COLLEAGUE, house.now, lambda _standing: None)
    for words, key in (("mai t7 co wifi ko", "wifi"), ("để xe máy ở đâu vậy", "gui-xe")):
        await house.store.write(lambda db, w=words, k=key: pins.pin(db, w, Expected("answer", k), NAME, house.now))


def _figures(house: House) -> None:
    rows = [row for ago in range(1, DAYS + 1) for row in _day(START.date() - timedelta(days=ago), ago)]
    titles = [
        {"month": START.date().replace(day=1).isoformat(), "folded": title.lower(), "title": title, "count": count}
        for title, count in NOT_HELD
    ]
    house.store.write_now(lambda db: db.execute(insert(numbers_daily), rows))
    house.store.write_now(lambda db: db.execute(insert(numbers_not_held), titles))


def _day(day: date, ago: int) -> list[dict[str, object]]:
    visits = WEEKDAYS[day.weekday()] + (ago * 13) % 11 - ago // 4
    shares = {"web": 0.45, "zalo": 0.4, "telegram": 0.15}
    return [
        {"day": day.isoformat(), "channel": channel, "locale": "vi", "measure": measure, "what": what, "count": count}
        for channel, share in shares.items()
        for (measure, what), count in _measures(int(visits * share), ago).items()
    ]


def _measures(visits: int, ago: int) -> dict[tuple[str, str], int]:
    asked = visits * 9 // 10
    return {
        ("counted", ""): 1,
        ("visits", ""): visits,
        ("messages", ""): visits * 4,
        ("dealt_with", ""): asked,
        ("resolved", ""): asked * (84 - ago // 8) // 100,
        ("asked_again", ""): asked * 6 // 100,
        ("handed", ""): visits * 7 // 100,
        ("while_closed", ""): visits * 31 // 100,
        ("rated", ""): visits // 5,
        ("helped", ""): visits * 17 // 100,
        ("outcome", "answer"): visits,
        ("outcome", "search"): visits * 8 // 10,
        ("outcome", "other"): visits * 7 // 10,
        ("outcome", "nothing_found"): visits // 9,
        ("outcome", "unknown"): visits // 12,
        ("called", "asked"): visits * 5 // 100,
        ("called", "offered"): visits * 2 // 100,
        ("with_answer", "wifi"): visits // 6,
        ("resolved_with_answer", "wifi"): visits // 7,
        ("with_answer", "gui-xe"): visits // 9,
        ("resolved_with_answer", "gui-xe"): visits // 10,
        ("answer_wait", f"{1:010d}"): visits * 3,
        ("answer_wait", f"{2:010d}"): visits // 5,
        ("person_wait", f"{300:010d}"): visits * 4 // 100,
        ("person_wait", f"{900:010d}"): visits * 2 // 100,
        ("when", "6-09"): visits // 3,
        ("when", "2-15"): visits // 4,
    }


async def _teaching(house: House) -> None:
    taught = (
        (Example("gh cuốn Dế Mèn giúp em", "renew_loans", (("title", "Dế Mèn"),)), COLLEAGUE, True),
        (Example("t7 có mở hông ta", "ask_opening_hours"), NAME, True),
        (Example("sách nào nói về nuôi tôm", "find_item", (("topic", "nuôi tôm"),)), "Phạm Thu Hà", False),
        (Example("trả trễ có sao không", "ask_library_info"), COLLEAGUE, False),
    )
    for example, by, approved in taught:
        number = await house.store.write(
            lambda db, e=example, b=by: examples.propose(db, e, b, house.now, CARD, "out_of_scope")
        )
        assert isinstance(number, int), number
        if approved:
            other = NAME if by != NAME else COLLEAGUE
            settled = lambda db, n=number, o=other: examples.settle(db, n, State.APPROVED, o, house.now)  # noqa: E731
            await house.store.write(settled)
    report = Report(412, 391 / 412, 392 / 412, 1, 0, 2, changes=(HEARD_BETTER,))
    job = {
        "state": "green", "by": NAME, "at": MONDAY.isoformat(), "ended_at": (MONDAY + timedelta(minutes=7)).isoformat(),
        "seconds": {"training": 310.0, "judging": 81.0}, "examples": 2, "model": "taught-1.tar.gz",
        "report": report.to_plain(),
    }  # fmt: skip
    await house.store.write(lambda db: db.execute(insert(trainings).values(job)))


async def _told(house: House) -> None:
    draft = book.Draft(
        "closure", "Cơ sở Mỹ Tho nghỉ thứ Năm 26/11 vì mất điện. Sách đến hạn hôm ấy được tự gia hạn sang thứ Sáu.", "",
        Closed(date(2026, 11, 26), date(2026, 11, 26), frozenset({"MT"})), False,
    )  # fmt: skip
    await house.store.write(lambda db: book.add(db, draft, NAME, MONDAY))
