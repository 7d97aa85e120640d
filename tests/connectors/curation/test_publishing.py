"""Into use, out of use and back: what is allowed, what is tried out, and what a patron hears meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectors.curation import pins
from connectors.curation.pins import Expected
from connectors.curation.publishing import Done, Refusal
from connectors.store import audit_trail
from retrieval import answer_states
from tests.connectors.curation.school import (
    CARD,
    CHIEF,
    FINE,
    HOA,
    HOURS,
    LAN,
    READER,
    WIFI,
    Person,
    School,
    done,
    refused,
    reworded,
)

ASKED = ("Thư viện có wifi không?", "thu vien co wifi ko", "mật khẩu wifi")
ALL_ASKED = [text for answer in (HOURS, CARD, FINE, WIFI) for text in (answer.question, *answer.phrasings)]


def trail(school: School) -> list[tuple[str, str, str]]:
    rows = school.store.read_now(lambda db: db.execute(select(audit_trail).order_by(audit_trail.c.number)).all())
    return [(row.who, row.deed, row.about) for row in rows]


async def test_a_new_answer_of_low_risk_is_live_in_one_step(school: School) -> None:
    outcome = done(await school.publisher.propose(WIFI, LAN))
    assert outcome.number == 1
    assert school.hears(ASKED[0]) == "Có, miễn phí."
    assert trail(school) == [("Lan", "answer.published", "answer:wifi")]


async def test_a_draft_reaches_no_patron(school: School) -> None:
    school.draft(WIFI)
    school.draft(reworded(HOURS, "Đóng cửa vĩnh viễn."))
    await school.publisher.bench.report("wifi", 1)  # trying it out builds its shelf, and puts it in nobody's way
    await school.publisher.tell_alive()
    assert [school.hears(text) for text in ASKED] == ["", "", ""]
    assert school.hears(HOURS.question) == "Từ 7 giờ 30."


async def test_high_risk_waits_for_a_second_person(school: School) -> None:
    dearer = reworded(FINE, "2.000 đồng.")
    outcome = refused(await school.publisher.propose(dearer, LAN))
    assert outcome.why is answer_states.Refusal.NOT_APPROVED
    assert outcome.number == 2
    assert school.hears(FINE.question) == "1.000 đồng."
    standing = school.book.standing("phat")
    assert standing is not None
    assert standing.state(2) is answer_states.State.WAITING

    refusal = school.book.record(
        "approved", "phat", 2, HOA.name, school.now, lambda it: answer_states.may_approve(it, 2, HOA.name)
    )
    assert refusal is None
    done(await school.publisher.publish("phat", 2, LAN))
    assert school.hears(FINE.question) == "2.000 đồng."


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (READER, Refusal.NOT_ALLOWED),
        (Person("Sơn"), Refusal.OTHERS),
        (Person("Lan", branches=frozenset({"Cao Lãnh"})), Refusal.OTHER_BRANCH),
    ],
)
async def test_who_may_not_changes_nothing(school: School, who: Person, why: Refusal) -> None:
    school.draft(replace(WIFI, branch="Sa Đéc"))
    assert refused(await school.publisher.publish("wifi", 1, who)).why is why
    assert school.hears(ASKED[0]) == ""
    assert trail(school) == []


async def test_red_blocks_and_an_override_is_kept_with_its_reason(school: School) -> None:
    stolen = replace(WIFI, phrasings=(*WIFI.phrasings, HOURS.question))
    school.draft(stolen)
    outcome = refused(await school.publisher.publish("wifi", 1, LAN))
    assert outcome.why is Refusal.RED
    assert outcome.report is not None
    assert outcome.report.reasons
    assert school.hears(ASKED[0]) == ""
    assert refused(await school.publisher.publish("wifi", 1, LAN, override="gấp")).why is Refusal.NOT_ALLOWED
    assert refused(await school.publisher.publish("wifi", 1, CHIEF, override="  ")).why is Refusal.RED

    done(await school.publisher.publish("wifi", 1, CHIEF, override="sẽ sửa câu hỏi trùng chiều nay"))
    assert school.hears("mật khẩu wifi là gì") == "Có, miễn phí."
    assert trail(school) == [("Minh", "answer.overridden", "answer:wifi")]
    detail = school.store.read_now(lambda db: db.scalar(select(audit_trail.c.detail)))
    assert "sẽ sửa câu hỏi trùng chiều nay" in str(detail)


async def test_a_stale_report_counts_for_nothing(school: School) -> None:
    """What was green alone is red beside an answer that came into use meanwhile."""
    twin = replace(WIFI, key="mang")
    school.draft(WIFI)
    report = await school.publisher.bench.report("wifi", 1)
    assert report is not None
    assert not report.red
    done(await school.publisher.propose(twin, LAN))
    outcome = refused(await school.publisher.publish("wifi", 1, LAN))
    assert outcome.why is Refusal.RED
    assert outcome.report is not None
    assert outcome.report.number != report.number


async def test_a_new_pin_makes_a_report_stale_too(school: School) -> None:
    number = school.draft(reworded(CARD, "Căn cước hoặc hộ chiếu."))
    first = await school.publisher.bench.report("the", number)
    again = await school.publisher.bench.report("the", number)
    assert first is not None
    assert again is not None
    assert again.number == first.number
    await school.store.write(lambda db: pins.pin(db, "lịch mở cửa", Expected("answer", "gio"), "Lan", school.now))
    later = await school.publisher.bench.report("the", number)
    assert later is not None
    assert later.number != first.number


async def test_two_publishers_at_once_leave_nothing_untried(school: School) -> None:
    """Two processes, two red-together answers: one goes out, the other meets it on the bench."""
    _, other = school.process("2")
    school.draft(WIFI)
    school.draft(replace(WIFI, key="mang"))
    together = await asyncio.gather(school.publisher.publish("wifi", 1, LAN), other.publish("mang", 1, LAN))
    assert sum(isinstance(each, Done) for each in together) == 1
    (why,) = [each.why for each in together if not isinstance(each, Done)]
    assert why is Refusal.RED
    assert len({answer.key for answer in school.book.published()} & {"wifi", "mang"}) == 1


async def test_going_back_gives_every_answer_of_before(school: School) -> None:
    before = [repr(school.searcher.ask(text)) for text in ALL_ASKED]
    done(await school.publisher.propose(reworded(replace(HOURS, phrasings=("giờ giấc",)), "Từ 8 giờ."), LAN))
    assert [repr(school.searcher.ask(text)) for text in ALL_ASKED] != before
    outcome = done(await school.publisher.roll_back("gio", LAN, reason="sai giờ"))
    assert outcome.number == 1
    assert [repr(school.searcher.ask(text)) for text in ALL_ASKED] == before
    assert trail(school)[-1] == ("Lan", "answer.rolled_back", "answer:gio")


async def test_there_is_nothing_to_go_back_to_from_the_first(school: School) -> None:
    done(await school.publisher.propose(WIFI, LAN))
    assert refused(await school.publisher.roll_back("wifi", LAN)).why is Refusal.NOTHING_BEFORE
    done(await school.publisher.withdraw("wifi", LAN, reason="hết wifi"))
    assert school.hears(ASKED[0]) == ""
    done(await school.publisher.roll_back("wifi", LAN))
    assert school.hears(ASKED[0]) == "Có, miễn phí."


async def test_what_was_planned_comes_in_its_minute_across_a_restart(school: School) -> None:
    number = school.draft(reworded(HOURS, "Nghỉ Tết."))
    due = school.now + timedelta(days=3)
    done(await school.publisher.plan("gio", number, due, LAN))
    assert [each.at for each in await school.publisher.planned()] == [due]
    school.wait(days=3, seconds=-1)
    await school.publisher.publish_due()
    assert school.hears(HOURS.question) == "Từ 7 giờ 30."

    later = school.restart()
    later.wait(seconds=1)
    await later.publisher.publish_due()
    assert later.hears(HOURS.question) == "Nghỉ Tết."
    assert await later.publisher.planned() == []
    await later.publisher.publish_due()
    assert [deed for _, deed, _ in trail(later)] == ["answer.scheduled", "answer.published"]
    later.close()


async def test_what_may_not_go_out_when_it_is_due_stays_away_and_is_told(school: School) -> None:
    number = school.draft(WIFI)
    done(await school.publisher.plan("wifi", number, school.now + timedelta(hours=1), LAN))
    done(await school.publisher.propose(replace(WIFI, key="mang"), LAN))
    school.wait(hours=2)
    await school.publisher.publish_due()
    assert "wifi" not in {answer.key for answer in school.book.published()}
    assert await school.publisher.planned() == []
    assert trail(school)[-1] == ("Lan", "answer.unscheduled", "answer:wifi")


async def test_a_plan_can_be_given_up_and_is_never_for_the_past(school: School) -> None:
    number = school.draft(WIFI)
    outcome = refused(await school.publisher.plan("wifi", number, school.now, LAN))
    assert outcome.why is answer_states.Refusal.PAST_TIME
    done(await school.publisher.plan("wifi", number, school.now + timedelta(hours=1), LAN))
    assert not await school.publisher.unplan("wifi", READER)
    assert await school.publisher.unplan("wifi", LAN)
    assert not await school.publisher.unplan("wifi", LAN)
    school.wait(hours=2)
    await school.publisher.publish_due()
    assert school.hears(ASKED[0]) == ""


async def test_an_answer_past_its_last_day_is_told_no_more(school: School) -> None:
    done(await school.publisher.propose(replace(WIFI, valid_until=school.now.date()), LAN))
    assert school.hears(ASKED[0]) == "Có, miễn phí."
    school.wait(hours=14, minutes=59)
    assert school.hears(ASKED[0]) == "Có, miễn phí."
    school.wait(minutes=1)  # midnight
    assert school.hears(ASKED[0]) == ""


async def test_each_process_tells_what_it_answers_by(school: School) -> None:
    searcher, other = school.process("2")
    await school.publisher.tell_alive()
    await other.tell_alive()
    done(await school.publisher.propose(WIFI, LAN))
    assert repr(await school.publisher.serving()) == "Serving(live=1, all=2)"
    await other.tell_alive()
    assert repr(await school.publisher.serving()) == "Serving(live=2, all=2)"
    assert searcher.shelf.mark == school.book.mark
    school.wait(minutes=2)
    await school.publisher.tell_alive()
    assert repr(await school.publisher.serving()) == "Serving(live=1, all=1)"


async def test_nobody_who_asks_waits_while_it_is_published(school: School) -> None:
    """Every ask in between hears the book of before or of after, whole."""
    heard: list[Any] = []
    stop = asyncio.Event()

    async def patron() -> None:
        while not stop.is_set():
            heard.append(await asyncio.to_thread(school.hears, HOURS.question))
            await asyncio.sleep(0)

    asking = asyncio.create_task(patron())
    for n in range(5):
        done(await school.publisher.propose(reworded(HOURS, f"Từ {n} giờ."), LAN))
    stop.set()
    await asking
    assert set(heard) <= {"Từ 7 giờ 30.", *(f"Từ {n} giờ." for n in range(5))}
    assert school.hears(HOURS.question) == "Từ 4 giờ."
