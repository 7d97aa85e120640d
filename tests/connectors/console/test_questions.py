"""The inbox of questions, as librarians work in it: what comes in, in which order, what can be done, and undone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from connectors.curation import questions
from connectors.curation.signals import UNSURE_BELOW
from connectors.desk import StoredDesk
from connectors.privacy import forget_now
from connectors.staff.roles import Role
from connectors.store import audit_trail, clusters, messages
from connectors.store import questions as stored
from library.ports import Turn
from retrieval.answers import Answer
from tests.connectors.console.desk import XSS, House, Librarian, hidden, plain, sign_in

SignIn = Callable[[Role], Awaitable[Librarian]]
PARKING = Answer("gui-xe", "Dịch vụ", "Gửi xe máy ở đâu?", "Bãi xe ở cổng sau.", phrasings=("chỗ để xe máy",))


async def ask(
    house: House, words: str, chat: str | None = None, intent: str = "ask_library_info", sure: float = 0.9
) -> str:
    """Let a patron ask what the assistant does not know; return the conversation."""
    chat = chat or await house.open("xin chào", "telegram")
    message = await house.hear(chat, words)
    turn = Turn(chat, message, "telegram", house.now)
    answered = {"answered_at": house.now.isoformat(), "intent": "ask_library_info", "confidence": sure}
    mine = messages.c.conversation_id == chat
    await house.store.write(lambda db: db.execute(update(messages).where(mine).values(answered)))
    if sure >= UNSURE_BELOW:
        await StoredDesk(house.store).unanswered(turn, words, "thiếu kiến thức")
    house.wait(seconds=1)
    return chat


def listed(page: httpx.Response) -> list[str]:
    return re.findall(r'class="words"><a href="/console/questions/\d+">([^<]*)</a>', page.text)


async def number_of(lan: Librarian, words: str, **wanted: str) -> int:
    page = await lan.browser.get("/console/questions", params=wanted)
    found = re.search(rf'/console/questions/(\d+)">{re.escape(words)}<', page.text)
    assert found, plain(page)
    return int(found[1])


async def post(lan: Librarian, path: str, shown: httpx.Response, **fields: str | list[str]) -> httpx.Response:
    sent = {"csrf": hidden(shown, "csrf"), **fields}
    return await lan.browser.post(f"/console/questions{path}", data=sent, follow_redirects=True)


async def do(lan: Librarian, number: int, deed: str, **fields: str | list[str]) -> httpx.Response:
    shown = await lan.see(f"questions/{number}")
    return await post(lan, f"/{number}/{deed}", shown, version=hidden(shown, "version"), **fields)


def live(house: House, answer: Answer = PARKING) -> int:
    number = house.book.draft(answer, "Hoa", house.now)
    house.book.publish(answer.key, number, "Hoa", house.now)
    house.searcher.refresh()
    return number


async def test_what_is_asked_most_is_above_and_the_same_words_are_one_row(house: House, lan: Librarian) -> None:
    for words in ("Có wifi không?", "Có máy in không?", "co may in khong", "CÓ MÁY IN KHÔNG"):
        await ask(house, words)
    assert await house.questions.collect() == 4
    page = await lan.see("questions")
    assert listed(page) == ["CÓ MÁY IN KHÔNG", "Có wifi không?"]
    assert "2 nhóm câu hỏi" in page.text
    assert await house.questions.collect() == 0


async def test_reading_the_messages_again_adds_nothing(house: House) -> None:
    await ask(house, "Có wifi không?")
    await house.questions.collect()
    await house.store.write(lambda db: db.exec_driver_sql("DELETE FROM questions_read"))
    assert await house.questions.collect() == 0
    assert house.read(lambda db: db.scalar(select(clusters.c.count))) == 1


async def test_a_message_that_waits_for_its_answer_is_not_passed_over(house: House) -> None:
    chat = await ask(house, "Có wifi không?")
    await house.hear(chat, "Có máy in không?")
    await house.questions.collect()
    await ask(house, "Có bãi xe không?", chat)
    await house.questions.collect()
    assert house.read(lambda db: set(db.scalars(select(stored.c.text)))) == {"Có wifi không?", "Có bãi xe không?"}


async def test_unsure_and_asked_again_come_in(house: House) -> None:
    chat = await ask(house, "Có wifi không?", sure=0.4)
    await ask(house, "co wifi khong", chat, sure=0.4)
    house.wait(minutes=11)
    await ask(house, "có wifi không", chat, sure=0.4)
    await house.questions.collect()
    asked = house.read(lambda db: db.execute(select(stored.c.text, stored.c.reason)).all())
    assert [words for words, reason in asked if reason == "hỏi lại trong 10 phút"] == ["co wifi khong"]
    assert {words for words, reason in asked if reason == "độ tin cậy thấp"} >= {"Có wifi không?", "có wifi không"}


def test_rank_is_count_times_unresolved_times_recency(house: House) -> None:
    now = house.now
    often, seldom = questions.rank_of(9, 9, now), questions.rank_of(3, 3, now)
    assert often > seldom
    assert questions.rank_of(9, 1, now) < seldom
    assert questions.rank_of(9, 9, now - timedelta(days=30)) < seldom


async def test_attaching_makes_a_revision_that_is_live_and_closes_the_cluster(house: House, lan: Librarian) -> None:
    first = live(house)
    await ask(house, "Để xe máy chỗ nào vậy?")
    await house.questions.collect()
    number = await number_of(lan, "Để xe máy chỗ nào vậy?")
    told = await do(lan, number, "attach", to=f"gui-xe@{first}")
    assert "đang dùng" in plain(told)
    answer = house.book.get("gui-xe")
    assert answer is not None
    assert answer.phrasings == ("chỗ để xe máy", "Để xe máy chỗ nào vậy?")
    assert "Không có câu hỏi nào" in (await lan.see("questions")).text
    trail = house.read(lambda db: set(db.scalars(select(audit_trail.c.deed))))
    assert {"question.read", "question.attach", "answer.published"} <= trail


async def test_undo_puts_the_answer_and_the_cluster_back(house: House, lan: Librarian) -> None:
    first = live(house)
    await ask(house, "Để xe máy chỗ nào vậy?")
    await house.questions.collect()
    number = await number_of(lan, "Để xe máy chỗ nào vậy?")
    told = await do(lan, number, "attach", to=f"gui-xe@{first}")
    told = await post(lan, "/undo", told, deed=hidden(told, "deed"))
    assert "Đã hoàn tác" in plain(told)
    answer = house.book.get("gui-xe")
    assert answer is not None
    assert answer.phrasings == ("chỗ để xe máy",)
    assert listed(told) == ["Để xe máy chỗ nào vậy?"]


async def test_after_ten_seconds_nothing_is_undone(house: House, lan: Librarian) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    number = await number_of(lan, "Có bán vé số không?")
    told = await do(lan, number, "aside", state="not_ours")
    house.wait(seconds=11)
    told = await post(lan, "/undo", told, deed=hidden(told, "deed"))
    assert "quá 10 giây" in plain(told)
    assert listed(told) == []


async def test_only_who_did_it_can_undo_it(house: House, lan: Librarian, minh: Librarian) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    told = await do(lan, await number_of(lan, "Có bán vé số không?"), "aside", state="spam")
    refused = await post(minh, "/undo", await minh.see("questions"), deed=hidden(told, "deed"))
    assert "không hoàn tác được" in plain(refused)


async def test_a_stale_suggestion_is_refused(house: House, lan: Librarian) -> None:
    first = live(house)
    await ask(house, "Để xe máy chỗ nào vậy?")
    await house.questions.collect()
    live(house, Answer("gui-xe", "Dịch vụ", "Gửi xe máy ở đâu?", "Bãi xe nay ở cổng trước."))
    told = await do(lan, await number_of(lan, "Để xe máy chỗ nào vậy?"), "attach", to=f"gui-xe@{first}")
    assert "đã có bản mới từ lúc gợi ý" in plain(told)


async def test_a_draft_of_a_colleague_is_not_buried(house: House, lan: Librarian) -> None:
    first = live(house)
    await ask(house, "Để xe máy chỗ nào vậy?")
    await house.questions.collect()
    house.book.draft(Answer("gui-xe", "Dịch vụ", "Gửi xe ở đâu?", "Đang sửa."), "Minh", house.now)
    told = await do(lan, await number_of(lan, "Để xe máy chỗ nào vậy?"), "attach", to=f"gui-xe@{first}")
    assert "đang có bản nháp" in plain(told)


async def test_what_was_attached_to_an_answer_of_high_risk_waits_for_a_second_person(
    house: House, lan: Librarian
) -> None:
    first = live(house, Answer("phi", "Phí", "Phí gửi xe?", "2.000 đồng.", risk="high"))
    await ask(house, "gửi xe mất bao nhiêu tiền")
    await house.questions.collect()
    told = await do(lan, await number_of(lan, "gửi xe mất bao nhiêu tiền"), "attach", to=f"phi@{first}")
    assert "bản này chưa dùng" in plain(told)
    answer = house.book.get("phi")
    assert answer is not None
    assert answer.phrasings == ()


async def test_two_librarians_at_once_the_second_is_told(house: House, lan: Librarian, minh: Librarian) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    number = await number_of(lan, "Có bán vé số không?")
    shown = await lan.see(f"questions/{number}")
    seen = await minh.see(f"questions/{number}")
    assert "Trần Lan đang mở" in plain(seen)
    await post(minh, f"/{number}/aside", seen, version=hidden(seen, "version"), state="spam")
    told = await post(lan, f"/{number}/snooze", shown, version=hidden(shown, "version"), days="7")
    assert "có người vừa đổi" in plain(told)
    assert house.read(lambda db: db.scalar(select(clusters.c.snoozed_until))) is None


async def test_a_claim_ends_after_a_quarter_of_an_hour(house: House, lan: Librarian, minh: Librarian) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    await do(lan, await number_of(lan, "Có bán vé số không?"), "assign", to="Trần Lan")
    assert "Trần Lan đang làm" in plain(await minh.see("questions"))
    house.wait(minutes=16)
    assert "Trần Lan đang làm" not in plain(await minh.see("questions"))


async def test_merge_and_split_and_undo(house: House, lan: Librarian) -> None:
    for words in ("Có wifi không?", "Mạng không dây ở đâu?"):
        await ask(house, words)
    await house.questions.collect()
    page = await lan.see("questions")
    told = await post(lan, "/merge", page, chosen=re.findall(r'name="chosen" value="([^"]+)"', page.text))
    assert len(listed(told)) == 1
    number = await number_of(lan, listed(told)[0])
    one = await lan.see(f"questions/{number}")
    chosen = re.findall(r'name="chosen" value="([^"]+)"', one.text)
    assert len(chosen) == 2
    apart = await do(lan, number, "split", chosen=[chosen[1]])
    assert len(listed(await lan.see("questions"))) == 2
    back = await post(lan, "/undo", apart, deed=hidden(apart, "deed"))
    assert len(listed(back)) == 1
    both = await do(lan, number, "split", chosen=chosen)
    assert "hãy chọn ít nhất một" in plain(both)


async def test_snoozed_comes_back_by_itself(house: House, lan: Librarian) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    told = await do(lan, await number_of(lan, "Có bán vé số không?"), "snooze", days="1")
    assert listed(told) == []
    house.wait(days=1, seconds=1)
    house.now = house.now.replace(hour=9)
    await sign_in(lan.browser)
    assert listed(await lan.see("questions")) == ["Có bán vé số không?"]


async def test_a_solved_cluster_opens_when_it_is_asked_again_and_when_its_answer_goes(
    house: House, lan: Librarian
) -> None:
    first = live(house)
    await ask(house, "Để xe máy chỗ nào vậy?")
    await house.questions.collect()
    number = await number_of(lan, "Để xe máy chỗ nào vậy?")
    await do(lan, number, "attach", to=f"gui-xe@{first}")
    house.wait(minutes=1)
    await ask(house, "để xe máy chỗ nào vậy")
    await house.questions.collect()
    assert "hỏi lại sau khi đã gắn" in plain(await lan.see("questions"))
    await house.questions.settle()
    house.book.withdraw("gui-xe", "Hoa", house.now)
    await house.questions.settle()
    assert house.read(lambda db: db.scalar(select(clusters.c.state))) == "open"


async def test_a_new_answer_closes_what_it_answers_and_going_away_brings_it_back(house: House, lan: Librarian) -> None:
    await ask(house, "Chỗ để xe máy")
    await house.questions.collect()
    editor = await lan.see(f"answers/new?cluster={await number_of(lan, 'Chỗ để xe máy')}")
    assert editor.text.count("Chỗ để xe máy") >= 2
    live(house)
    await house.questions.settle()
    assert listed(await lan.see("questions")) == []
    house.book.withdraw("gui-xe", "Hoa", house.now)
    await house.questions.settle()
    assert listed(await lan.see("questions")) == ["Chỗ để xe máy"]


async def test_questions_go_with_their_conversation_and_the_cluster_with_the_last(house: House) -> None:
    chat, other = await ask(house, "Có wifi không?"), await ask(house, "co wifi khong")
    await house.questions.collect()
    await house.store.write(lambda db: forget_now(db, chat, house.now))
    await house.questions.tidy()
    assert house.read(lambda db: db.scalar(select(clusters.c.count))) == 1
    await house.store.write(lambda db: forget_now(db, other, house.now))
    await house.questions.tidy()
    assert house.read(lambda db: db.scalar(select(func.count()).select_from(clusters))) == 0


async def test_what_was_masked_is_no_wording_for_an_answer(house: House, lan: Librarian) -> None:
    first = live(house)
    await ask(house, "thẻ [số thẻ] để xe ở đâu")
    await house.store.write(lambda db: db.execute(update(messages).values(masked=["card"])))
    await house.questions.collect()
    number = await number_of(lan, "thẻ [số thẻ] để xe ở đâu")
    told = await do(lan, number, "attach", to=f"gui-xe@{first}")
    assert "tất cả đều có thông tin đã che" in plain(told)


async def test_words_of_librarians_are_proposed(house: House, lan: Librarian) -> None:
    chat = await ask(house, "Có cho mượn laptop không?")
    await house.ask_for_person(chat)
    await house.handover.say_as_person(chat, "Lan", "Dạ có, ở quầy 2 ạ.", "key-1")
    await house.questions.collect()
    page = await lan.see(f"questions/{await number_of(lan, 'Có cho mượn laptop không?')}")
    assert "Dạ có, ở quầy 2 ạ." in page.text


async def test_facets_narrow_the_list(house: House, lan: Librarian) -> None:
    await ask(house, "Có wifi không?")
    await ask(house, "co ban ve so khong")
    await house.questions.collect()
    assert listed(await lan.see("questions?unaccented=1")) == ["co ban ve so khong"]
    assert listed(await lan.see("questions?channel=web")) == []
    assert len(listed(await lan.see("questions?channel=telegram&reason=thiếu kiến thức"))) == 2


async def test_words_of_patrons_are_shown_and_never_run(house: House, lan: Librarian) -> None:
    await ask(house, XSS)
    await house.questions.collect()
    number = house.read(lambda db: db.scalar(select(clusters.c.number)))
    for path in ("questions", f"questions/{number}"):
        page = await lan.see(path)
        assert "&lt;script&gt;" in page.text
        assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("role", "reads", "edits"),
    [(Role.READER, True, False), (Role.EDITOR, True, True), (Role.TECHNICAL_ADMIN, False, False)],
)
async def test_who_may_read_and_who_may_do(
    house: House, lan: Librarian, as_role: SignIn, role: Role, reads: bool, edits: bool
) -> None:
    await ask(house, "Có bán vé số không?")
    await house.questions.collect()
    number = await number_of(lan, "Có bán vé số không?")
    who = await as_role(role)
    page = await who.see(f"questions/{number}")
    assert (page.status_code == 200) is reads
    assert ("/aside" in page.text) is edits
    csrf = hidden(await who.see("account"), "csrf")
    done = await who.browser.post(
        f"/console/questions/{number}/aside", data={"csrf": csrf, "version": "0", "state": "spam"}
    )
    assert (done.status_code == 303) is edits


async def test_an_answer_that_did_not_help_brings_its_question_once(house: House, lan: Librarian) -> None:
    chat = await house.open("mượn được mấy cuốn")
    rated = update(messages).where(messages.c.conversation_id == chat).values(rated=0, intent="ask_library_info")
    await house.store.write(
        lambda db: db.execute(update(messages).values(answered_at=house.now.isoformat(), intent="ask_library_info"))
    )
    assert await house.questions.collect() == 0
    await house.store.write(lambda db: db.execute(rated))  # long after it was looked through
    assert [await house.questions.collect() for _ in range(2)] == [1, 0]
    said = plain(await lan.see("questions"))
    assert "mượn được mấy cuốn" in said
    assert "bạn đọc bấm 👎" in said
    assert listed(await lan.see("questions?reason=bạn đọc bấm 👎")) == ["mượn được mấy cuốn"]
