"""What the bench asks again of last week: the messages that answers decided, beside what patrons were told then."""

from __future__ import annotations

from dataclasses import replace

from connectors.curation import week
from connectors.curation.reports import Report
from connectors.curation.trying import UNKNOWN, Heard, Said
from tests.connectors.curation.school import HOURS, LAN, WIFI, School, done

TOLD_HOURS = {"kind": "answer", "answer": "gio", "revision": 1}


async def heard(school: School) -> dict[str, Heard]:
    found, _ = await school.store.read(lambda db: week.heard_since(db, school.now))
    return {each.text: each for each in found}


async def report(school: School, number: int) -> Report:
    found = await school.publisher.bench.report("wifi", number)
    assert found is not None
    return found


async def test_messages_are_picked_by_what_they_led_to(school: School) -> None:
    await school.asked("mấy giờ mở cửa", outcome=TOLD_HOURS, intent="inform")  # said in the middle of something else
    await school.asked("có wifi không", outcome={"kind": "unknown"})
    await school.asked("phạt hay thẻ", outcome={"kind": "which"})
    await school.asked("tìm sách", outcome={"kind": "search", "hits": 3}, intent="nlu_fallback")
    await school.asked("chào bạn", outcome={"kind": "other"}, intent="greet")
    await school.asked("tôi nợ bao nhiêu", outcome={"kind": "other"}, intent="ask_charges")
    await school.asked("câu của bản phát hành trước")
    assert {text: each.told for text, each in (await heard(school)).items()} == {
        "mấy giờ mở cửa": Said("sure", ("gio",)),
        "có wifi không": UNKNOWN,
        "phạt hay thẻ": None,
        "tôi nợ bao nhiêu": None,
        "câu của bản phát hành trước": None,
    }


async def test_of_one_text_the_newest_outcome_counts(school: School) -> None:
    await school.asked("có wifi không", 2, outcome=TOLD_HOURS)
    await school.asked("Có  wifi không", outcome={"kind": "unknown"})
    found = (await heard(school))["có wifi không"]
    assert (found.told, found.count) == (UNKNOWN, 3)


async def test_what_was_told_stands_beside_what_would_be(school: School) -> None:
    await school.asked("mật khẩu wifi là gì", 3, outcome=TOLD_HOURS)
    await school.asked("lịch mở cửa", outcome=TOLD_HOURS)
    found = await report(school, school.draft(WIFI))
    [changed] = found.body["replay"]["changed"]
    assert (changed["count"], changed["before"]["keys"], changed["after"]["keys"]) == (3, ["gio"], ["wifi"])
    assert found.body["replay"]["messages"] == 4


async def test_what_another_publication_changed_meanwhile_is_not_laid_at_this_ones_door(school: School) -> None:
    await school.asked("lịch mở cửa", outcome={"kind": "unknown"})  # it was put into the book since then
    found = await report(school, school.draft(WIFI))
    assert found.body["replay"]["changed"] == []
    assert found.body["replay"]["messages"] == 1


async def test_who_already_hears_it_so_is_no_change(school: School) -> None:
    done(await school.publisher.propose(WIFI, LAN))
    await school.asked("wifi thư viện có mất tiền không", outcome={"kind": "answer", "answer": "wifi"})
    fewer = replace(WIFI, phrasings=("mạng không dây", "wifi thư viện có mất tiền không", HOURS.topic))
    found = await report(school, school.draft(fewer))
    assert found.body["replay"]["changed"] == []
