"""Reminders: what was asked for, once each, in one message a day, at a decent hour, by the rules of the channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from connectors import cards, mailbox
from connectors.clock import VIETNAM, SettableClock
from connectors.console.windows import Window, reach
from connectors.reminding import jobs
from connectors.reminding.reminder import Reminder, Rules
from connectors.reminding.stopping import Stopping
from connectors.reminding.wording import STOP
from connectors.store import (
    Store,
    buttons,
    consents,
    conversations,
    deliveries,
    reminded,
    reminder_jobs,
    replies,
)
from library.ils import Capability, ILSUnavailable, PatronRef, PatronUnknown
from library.model import Hold, HoldStatus, Loan, Patron, Refusal
from library.ports import Turn

MORNING = datetime(2026, 11, 24, 8, 30, tzinfo=VIETNAM)  # a Tuesday
ALL = {"due": 2, "overdue": 1, "hold": 0, "card": 14}


@dataclass
class Library:
    """A library system of loans and holds by patron; `fault` is raised by every call."""

    lent: dict[str, list[Loan]] = field(default_factory=dict)
    held: dict[str, list[Hold]] = field(default_factory=dict)
    until: date | None = None
    fault: Exception | None = None
    capabilities: frozenset[Capability] = frozenset(Capability)
    as_of: datetime | None = None
    asked: int = 0
    asked_renewable: int = 0
    gone: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def lend(self, patron: str, title: str, day: int, *, renewable: bool = True, month: int = 11) -> None:
        due = datetime(2026, month, day, 23, 59, tzinfo=VIETNAM)
        self.lent.setdefault(patron, []).append(Loan(f"loan of {title}", "r", title, due, renewable=renewable))

    async def patron(self, who: PatronRef) -> Patron:
        self.asked += 1
        if self.fault:
            raise self.fault
        if who.patron_id in self.gone:
            raise PatronUnknown("no such patron")
        if who.patron_id in self.broken:
            raise ValueError("a figure that is none")
        return Patron(who.patron_id, "Lan", "BD", expires_on=self.until)

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        self.asked_renewable += renewable
        return self.lent.get(who.patron_id, [])

    async def holds(self, who: PatronRef) -> list[Hold]:
        return self.held.get(who.patron_id, [])


@dataclass
class House:
    store: Store
    ils: Library
    clock: SettableClock
    reminder: Reminder
    told: list[str]
    windows: dict[str, Window] = field(default_factory=dict)

    async def person(self, *patrons: str, channel: str = "telegram", kinds: Any = ALL, heard_h: float = 1) -> str:
        """Return the conversation of somebody with these cards who wants these kinds."""
        conversation_id, _ = await self.store.write(lambda db: mailbox.open_conversation(db, channel, self.clock()))
        heard = (self.clock() - timedelta(hours=heard_h)).isoformat()

        def note(db: Any) -> None:
            db.execute(update(conversations).where(conversations.c.id == conversation_id).values(heard_at=heard))
            for patron in patrons:
                cards.link(db, conversation_id, cards.NewCard(patron, f"Bạn {patron}"), self.clock())
            wish = {"conversation_id": conversation_id, "purpose": "reminders", "given_at": heard}
            db.execute(insert(consents).values(**wish, options={"kinds": kinds}))

        await self.store.write(note)
        return conversation_id

    def said(self, conversation_id: str) -> list[str]:
        mine = select(replies.c.body).where(replies.c.conversation_id == conversation_id).order_by(replies.c.id)
        return [reply["text"] for body in self.rows(mine) for reply in body]

    def offered(self, conversation_id: str) -> list[tuple[str, str]]:
        mine = select(buttons).where(buttons.c.conversation_id == conversation_id)
        rows = self.store.read_now(lambda db: db.execute(mine).mappings().all())
        return [(row["title"], row["payload"]) for row in rows]

    def rows(self, query: Any) -> list[Any]:
        return self.store.read_now(lambda db: list(db.scalars(query)))

    def states(self) -> list[tuple[str, str | None]]:
        query = select(reminder_jobs.c.state, reminder_jobs.c.reason)
        return self.store.read_now(lambda db: [tuple(row) for row in db.execute(query)])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from opened(tmp_path)


def opened(folder: Path, rules: Rules = Rules()) -> Iterator[House]:
    store, ils, clock, told = Store(folder / "gateway.sqlite"), Library(), SettableClock(MORNING), list[str]()
    windows = {"zalo": Window(paid=timedelta(days=7))}
    reminder = Reminder(
        store,
        ils,  # type: ignore[arg-type]
        clock,
        lambda channel, heard, lost: reach(channel, heard, lost, windows, clock()).state,
        lambda code, lang: {"MT": "Mỹ Tho", "CL": "Cao Lãnh"}.get(code, code),
        told.append,
        rules,
    )
    yield House(store, ils, clock, reminder, told, windows)
    store.close()


async def test_a_book_due_tomorrow_is_told_of_with_a_way_to_renew_and_a_way_to_stop(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Dế Mèn phiêu lưu ký", 25)
    assert await house.reminder.remind() == 1
    assert house.said(chat) == ["“Dế Mèn phiêu lưu ký” đến hạn trả ngày mai (thứ Tư 25/11)."]
    assert house.offered(chat) == [
        ("Gia hạn", '/renew_loans{"loan_id": "loan of Dế Mèn phiêu lưu ký"}'),
        ("Thôi đừng nhắc", STOP),
    ]
    assert house.told == [chat]


async def test_everything_of_a_day_is_one_message_the_most_pressing_first(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 26)
    house.ils.lend("p1", "Mắt biếc", 23)
    house.ils.held["p1"] = [Hold("h", "r", "Tắt đèn", HoldStatus.READY, "CL", expires_on=date(2026, 11, 27))]
    house.ils.until = date(2026, 12, 5)
    await house.reminder.remind()
    (text,) = house.said(chat)
    assert text.splitlines() == [
        "Nhắc bạn mấy việc ở thư viện:",
        "• “Mắt biếc” đã quá hạn 1 ngày (hạn 23/11). Bạn trả sớm giúp thư viện nhé.",
        "• “Số đỏ” đến hạn trả thứ Năm 26/11.",
        "• “Tắt đèn” bạn đặt đã có tại Cao Lãnh, giữ đến thứ Sáu 27/11.",
        "• Thẻ thư viện hết hạn thứ Bảy 5/12. Bạn gia hạn thẻ ở quầy nhé.",
    ]


async def test_the_same_is_not_told_twice_and_a_new_due_day_is(house):
    chat = await house.person("p1", kinds={"due": 3})
    house.ils.lend("p1", "Số đỏ", 26)
    for _ in range(3):
        await house.reminder.remind()
        house.clock.advance(timedelta(hours=1))
    house.clock.advance(timedelta(days=1))
    await house.reminder.remind()
    assert len(house.said(chat)) == 1
    house.ils.lent["p1"] = []
    house.ils.lend("p1", "Số đỏ", 28)  # renewed
    await house.reminder.remind()
    house.clock.advance(timedelta(days=1))
    await house.reminder.remind()
    assert len(house.said(chat)) == 2


async def test_what_is_late_is_told_of_three_times_and_then_left_to_the_desk(house):
    chat = await house.person("p1", kinds={"overdue": 1})
    house.ils.lend("p1", "Số đỏ", 23)
    for _ in range(40):
        await house.reminder.remind()
        house.clock.advance(timedelta(days=1))
    assert [text.split("quá hạn ")[1][:7].split(" ngày")[0] for text in house.said(chat)] == ["1", "8", "15"]


async def test_only_the_kinds_asked_for_are_told(house):
    chat = await house.person("p1", kinds={"hold": 0})
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.held["p1"] = [Hold("h", "r", "Tắt đèn", HoldStatus.WAITING, "CL", position=1)]
    await house.reminder.remind()
    assert house.said(chat) == []
    assert house.states() == [("skipped", "nothing")]


async def test_a_hold_is_told_without_a_branch_where_the_library_system_names_none(house):
    chat = await house.person("p1", kinds={"hold": 0})
    house.ils.held["p1"] = [Hold("h", "r", "Tắt đèn", HoldStatus.READY, "")]
    await house.reminder.remind()
    assert house.said(chat) == ["“Tắt đèn” bạn đặt đã có tại thư viện."]


async def test_a_consent_of_before_there_were_kinds_is_of_due_dates(house):
    chat = await house.person("p1")
    old = update(consents).values(options={"days_before": 1})
    await house.store.write(lambda db: db.execute(old))
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.lend("p1", "Mắt biếc", 23)
    await house.reminder.remind()
    assert house.said(chat) == ["“Số đỏ” đến hạn trả ngày mai (thứ Tư 25/11)."]


@pytest.mark.parametrize(("hour", "told"), [(3, 0), (6, 0), (8, 0), (9, 1), (20, 1), (21, 0), (23, 0)])
async def test_nobody_is_reminded_at_night_or_before_the_hour_of_the_settings(house, hour, told):
    await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.clock.advance(timedelta(hours=hour - 8, minutes=-30))
    assert await house.reminder.remind() == told


async def test_without_a_card_or_a_wish_nobody_is_looked_up(house):
    await house.person()
    chat = await house.person("p1")
    assert await house.store.write(lambda db: jobs.stop(db, chat))
    assert await house.reminder.remind() == 0
    assert house.ils.asked == 0


async def test_a_book_given_back_meanwhile_is_not_mentioned(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.fault = ILSUnavailable("away")
    await house.reminder.remind()
    house.ils.fault, house.ils.lent["p1"] = None, []
    house.clock.advance(timedelta(hours=1))
    await house.reminder.remind()
    assert house.said(chat) == []


async def test_a_silent_library_system_puts_it_off_and_in_the_evening_lets_it_go(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.fault = ILSUnavailable("away")
    await house.reminder.remind()
    assert house.states() == [("waiting", "away")]
    house.clock.advance(timedelta(minutes=10))
    await house.reminder.remind()
    assert house.ils.asked == 1  # not before the time it was put off to
    for _ in range(30):
        house.clock.advance(timedelta(minutes=30))
        await house.reminder.remind()
    assert house.states() == [("skipped", "away")]
    assert house.said(chat) == []


async def test_it_is_told_as_soon_as_the_library_system_is_back(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.fault = ILSUnavailable("away")
    await house.reminder.remind()
    house.ils.fault = None
    house.clock.advance(timedelta(minutes=21))
    assert await house.reminder.remind() == 1
    assert len(house.said(chat)) == 1


async def test_a_card_that_is_no_more_is_skipped_and_the_others_of_the_chat_are_told(house):
    await house.person("p1")
    family = await house.person("p2", "p1")
    house.ils.gone = {"p1"}
    house.ils.lend("p2", "Số đỏ", 25)
    await house.reminder.remind()
    assert ("skipped", "card unknown") in house.states()
    assert len(house.said(family)) == 1


async def test_of_two_cards_one_message_says_whose_and_renews_each_by_its_name(house):
    family = await house.person("p1", "p2")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.lend("p2", "Dế Mèn", 26)
    house.ils.lend("p2", "Mắt biếc", 26)
    await house.reminder.remind()
    (text,) = house.said(family)
    assert text.splitlines()[1:] == [
        "• Bạn p1: “Số đỏ” đến hạn trả ngày mai (thứ Tư 25/11).",
        "• Bạn p2: “Dế Mèn” đến hạn trả thứ Năm 26/11.",
        "• Bạn p2: “Mắt biếc” đến hạn trả thứ Năm 26/11.",
    ]
    assert house.offered(family)[:2] == [
        ("Gia hạn sách của Bạn p1", '/renew_loans{"loan_id": "loan of Số đỏ", "said": "thẻ của Bạn p1"}'),
        ("Gia hạn sách của Bạn p2", '/renew_loans{"said": "thẻ của Bạn p2"}'),
    ]


async def test_of_several_cards_it_is_said_whose_even_when_one_has_something_due(house):
    family = await house.person("p1", "p2")
    house.ils.lend("p2", "Dế Mèn", 26)
    await house.reminder.remind()
    assert house.said(family) == ["Bạn p2: “Dế Mèn” đến hạn trả thứ Năm 26/11."]
    assert '"said": "thẻ của Bạn p2"' in house.offered(family)[0][1]


async def test_a_card_whose_link_ended_is_not_looked_up(house):
    chat = await house.person("p1", "p2")
    tomorrow = (MORNING + timedelta(days=1)).date()
    await house.store.write(lambda db: cards.use(db, chat, "p2", tomorrow))
    await house.store.write(lambda db: cards.end_unused(db, tomorrow, MORNING))
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.lend("p2", "Dế Mèn", 25)
    await house.reminder.remind()
    assert house.said(chat) == ["“Dế Mèn” đến hạn trả ngày mai (thứ Tư 25/11)."]
    assert house.ils.asked == 1


async def test_one_that_we_stumble_over_holds_up_nobody_and_is_given_up_for_the_day(house, caplog):
    await house.person("p1")
    chat = await house.person("p2")
    house.ils.broken = {"p1"}
    house.ils.lend("p2", "Số đỏ", 25)
    assert await house.reminder.remind() == 1
    assert len(house.said(chat)) == 1
    assert "error=ValueError at patron:" in caplog.text
    assert "a figure that is none" not in caplog.text  # it may hold a patron's words
    for _ in range(20):
        house.clock.advance(timedelta(minutes=30))
        await house.reminder.remind()
    assert sorted(house.states()) == [("failed", "fault"), ("sent", None)]


async def test_while_the_library_system_is_away_it_is_asked_once_a_run(house):
    for number in range(5):
        await house.person(f"p{number}")
    house.ils.fault = ILSUnavailable("away")
    await house.reminder.remind()
    assert house.ils.asked == 1


async def test_no_more_patrons_a_run_are_looked_up_than_the_settings_say(tmp_path):
    for house in opened(tmp_path, Rules(per_minute=2)):
        for number in range(5):
            await house.person(f"p{number}")
        for looked_up in (2, 4, 5, 5):
            await house.reminder.remind()
            assert house.ils.asked == looked_up


async def test_whether_it_can_be_renewed_is_asked_only_when_something_is_due(house):
    await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 30)
    await house.reminder.remind()
    assert house.ils.asked_renewable == 0
    house.clock.advance(timedelta(days=4))
    await house.reminder.remind()
    assert house.ils.asked_renewable == 1


async def test_nothing_is_renewed_by_button_where_nothing_can_be(house):
    first, second = await house.person("p1"), await house.person("p2")
    house.ils.lend("p1", "Số đỏ", 25, renewable=False)
    house.ils.lend("p2", "Mắt biếc", 25)
    house.ils.capabilities = frozenset()
    await house.reminder.remind()
    assert [title for chat in (first, second) for title, _ in house.offered(chat)] == ["Thôi đừng nhắc"] * 2
    assert house.said(second) == ["“Mắt biếc” đến hạn trả ngày mai (thứ Tư 25/11)."]


async def test_what_cannot_be_renewed_is_to_be_brought_back_unless_the_desk_can_renew_it(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25, renewable=False)
    house.ils.lend("p1", "Mắt biếc", 25, renewable=False)
    house.ils.lent["p1"][1] = replace(house.ils.lent["p1"][1], refusal=Refusal.AT_DESK)
    await house.reminder.remind()
    assert house.said(chat)[0].splitlines()[1:] == [
        "• “Mắt biếc” đến hạn trả ngày mai (thứ Tư 25/11).",
        "• “Số đỏ” đến hạn trả ngày mai (thứ Tư 25/11). Cuốn này không gia hạn được, bạn mang trả giúp thư viện nhé.",
    ]


async def test_several_due_books_are_renewed_together(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.lend("p1", "Mắt biếc", 25)
    await house.reminder.remind()
    assert house.offered(chat)[0] == ("Gia hạn", "/renew_loans")


async def test_zalo_lets_us_write_within_48_hours_and_not_later(house):
    inside = await house.person("p1", channel="zalo", heard_h=47)
    outside = await house.person("p2", channel="zalo", heard_h=49)
    for patron in ("p1", "p2"):
        house.ils.lend(patron, "Số đỏ", 25)
    await house.reminder.remind()
    assert (len(house.said(inside)), house.said(outside)) == (1, [])
    assert ("skipped", "costs") in house.states()  # an answer may go out for money, a reminder not
    assert house.ils.asked == 1  # whom we may not write to is not looked up either


@pytest.mark.parametrize("owner", ["person", "waiting"])
async def test_who_talks_with_a_librarian_or_just_asked_for_one_is_not_interrupted(house, owner):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    mine = update(conversations).where(conversations.c.id == chat)
    await house.store.write(lambda db: db.execute(mine.values(owner=owner)))
    await house.reminder.remind()
    assert house.said(chat) == []
    await house.store.write(lambda db: db.execute(mine.values(owner=None)))
    house.clock.advance(timedelta(minutes=21))
    assert await house.reminder.remind() == 1


async def test_who_waits_for_a_librarian_since_days_is_reminded_all_the_same(house):
    chat = await house.person("p1", heard_h=13)
    house.ils.lend("p1", "Số đỏ", 25)
    waiting = update(conversations).where(conversations.c.id == chat).values(owner="waiting")
    await house.store.write(lambda db: db.execute(waiting))
    assert await house.reminder.remind() == 1


async def test_one_card_in_two_chats_is_told_of_where_it_was_asked_for_once_in_each(house):
    chats = [await house.person("p1", channel="web"), await house.person("p1")]
    house.ils.lend("p1", "Số đỏ", 25)
    for _ in range(2):
        await house.reminder.remind()
        house.clock.advance(timedelta(days=1))
    assert [len(house.said(chat)) for chat in chats] == [1, 1]


async def test_what_was_not_delivered_is_told_of_the_next_day(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 26)
    at = update(conversations).where(conversations.c.id == chat).values(address="77")
    await house.store.write(lambda db: db.execute(at))
    await house.reminder.remind()
    dead = update(deliveries).values(state="dropped", reason="too_late")
    await house.store.write(lambda db: db.execute(dead))
    house.clock.advance(timedelta(days=1))
    assert [await house.reminder.remind() for _ in range(2)] == [1, 0]
    assert house.states() == [("failed", "too_late"), ("sent", None)]


async def test_a_reminder_is_good_until_the_evening(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 26)
    at = update(conversations).where(conversations.c.id == chat).values(address="77")
    await house.store.write(lambda db: db.execute(at))
    await house.reminder.remind()
    assert house.rows(select(deliveries.c.good_until)) == ["2026-11-24T21:00:00+07:00"]


async def test_a_clock_that_leaps_over_midnight_and_back_tells_nothing_twice(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 26)
    for leap in (timedelta(), timedelta(hours=25), timedelta(hours=-25), timedelta(hours=2)):
        house.clock.advance(leap)
        await house.reminder.remind()
    assert len(house.said(chat)) == 1


async def test_a_kill_between_plan_and_sending_tells_nothing_twice_and_forgets_nobody(house):
    chat = await house.person("p1")
    house.ils.held["p1"] = [Hold("h", "r", "Tắt đèn", HoldStatus.READY, "CL")]

    def power_cut(_code: str, _lang: str) -> str:
        raise KeyboardInterrupt

    usual, house.reminder._place = house.reminder._place, power_cut
    with pytest.raises(KeyboardInterrupt):
        await house.reminder.remind()
    assert (house.said(chat), house.rows(select(reminded.c.key_hash))) == ([], [])
    house.reminder._place = usual
    assert [await house.reminder.remind() for _ in range(3)] == [1, 0, 0]


async def test_what_was_told_is_kept_as_a_hash_alone(house):
    await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    await house.reminder.remind()
    (told,) = house.rows(select(reminded.c.key_hash))
    assert len(told) == 64
    assert set(told) <= set("0123456789abcdef")


async def test_figures_of_a_nightly_file_say_when_they_are_from_and_old_ones_remind_of_nothing(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.as_of = MORNING - timedelta(hours=2, minutes=30)
    await house.reminder.remind()
    assert house.said(chat)[0].endswith("Số liệu lúc 06:00 24/11.")
    house.ils.as_of = MORNING - timedelta(days=3)
    house.clock.advance(timedelta(days=1))
    await house.reminder.remind()
    assert house.states()[-1] == ("skipped", "stale")


async def test_reminders_can_be_turned_off_by_the_library(tmp_path):
    for house in opened(tmp_path, Rules(on=False)):
        await house.person("p1")
        house.ils.lend("p1", "Số đỏ", 25)
        assert await house.reminder.remind() == 0


@pytest.mark.parametrize("word", ["dừng", "Dung.", "STOP", "thôi", "Đừng nhắc nữa", "dung nhac nua"])
async def test_one_word_right_after_a_reminder_stops_them(house, word):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    await house.reminder.remind()
    stopping, turn = Stopping(house.store), Turn(chat, "m1", "telegram", MORNING)
    assert await stopping.own_text(turn, word) == STOP
    assert "thôi không nhắc nữa" in (await stopping.own_words[STOP](turn, "vi")).text
    assert house.rows(select(consents.c.purpose)) == []
    assert "không bật lời nhắc nào" in (await stopping.own_words[STOP](turn, "vi")).text


@pytest.mark.parametrize(("taken_off", "wishes"), [(["p1"], 1), (["p1", "p2"], 0), (["p3"], 1)])
async def test_taking_the_last_card_off_ends_the_wish(house, taken_off, wishes):
    chat = await house.person("p1", "p2")
    await house.store.write(lambda db: cards.unlink(db, chat, taken_off, MORNING, "removed"))
    assert len(house.rows(select(consents.c.purpose))) == wishes


async def test_a_wish_ends_with_the_last_link_that_nobody_used(house):
    await house.person("p1")
    tomorrow = (MORNING + timedelta(days=1)).date()
    await house.store.write(lambda db: cards.end_unused(db, tomorrow, MORNING))
    assert house.rows(select(consents.c.purpose)) == []


async def test_another_card_in_place_of_the_one_in_use_keeps_the_wish(house):
    chat = await house.person("p1")

    def change(db: Any) -> None:
        cards.unlink(db, chat, ["p1"], MORNING, "replaced")
        cards.link(db, chat, cards.NewCard("p2", "Bạn p2"), MORNING)

    await house.store.write(change)
    house.ils.lend("p1", "Số đỏ", 25)
    house.ils.lend("p2", "Dế Mèn", 25)
    await house.reminder.remind()
    assert house.said(chat) == ["“Dế Mèn” đến hạn trả ngày mai (thứ Tư 25/11)."]


async def test_the_same_word_after_something_else_stops_nothing(house):
    chat = await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    await house.reminder.remind()
    await house.store.write(lambda db: mailbox.send(db, chat, None, "notice", [], MORNING))
    stopping, turn = Stopping(house.store), Turn(chat, "m1", "telegram", MORNING)
    assert await stopping.own_text(turn, "dừng") is None
    assert await stopping.own_text(turn, "đừng nhắc nữa") == STOP  # means nothing else


async def test_the_way_to_stop_works_after_the_way_to_renew_is_gone(house):
    await house.person("p1")
    house.ils.lend("p1", "Số đỏ", 25)
    await house.reminder.remind()
    ends = house.store.read_now(lambda db: db.execute(select(buttons.c.title, buttons.c.expires_at)).all())
    assert {title: day[:10] for title, day in ends} == {"Gia hạn": "2026-11-26", "Thôi đừng nhắc": "2027-01-23"}


async def test_the_figures_count_wishes_and_what_became_of_a_day(house):
    await house.person("p1")
    await house.person("p2", channel="zalo", heard_h=60)
    house.ils.lend("p1", "Số đỏ", 25)
    await house.reminder.remind()
    day = MORNING.date()
    found = house.store.read_now(lambda db: jobs.figures(db, day, day + timedelta(days=1)))
    assert found == {("sent", ""): 1, ("skipped", "costs"): 1}
    assert house.store.read_now(lambda db: jobs.figures(db, day - timedelta(days=1), day)) == {}
    assert house.store.read_now(jobs.wishing) == 2
