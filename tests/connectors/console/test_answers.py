"""From a new answer to one in use and back, as librarians do it in the console."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html import unescape

import httpx
import pytest
from sqlalchemy import select

from connectors.console.answer_form import address, fields_of, key_of
from connectors.curation.pins import Expected, pin
from connectors.staff.roles import Role
from connectors.store import answer_sketches, audit_trail
from retrieval.answer_states import State
from retrieval.answers import Answer
from tests.connectors.console.desk import COLLEAGUE, NAME, XSS, House, Librarian, hidden, plain
from tests.connectors.console.shelf import HOURS, LATE

SignIn = Callable[[Role], Awaitable[Librarian]]


def live(house: House, answer: Answer, by: str = NAME) -> Answer:
    """Put an answer in use."""
    book, now = house.editing.book, house.now
    book.publish(answer.key, book.draft(answer, by, now), by, now)
    return answer


async def send(who: Librarian, path: str, page: httpx.Response | None = None, **fields: str) -> httpx.Response:
    page = page or await who.see("answers")
    return await who.browser.post(f"/console/{path}", data={"csrf": hidden(page, "csrf"), **fields})


async def save(who: Librarian, answer: Answer, base: int, deed: str = "save", **more: str) -> httpx.Response:
    """Send the editor's form for this answer, as opened over revision `base`."""
    path = f"answers/{address(answer.key)}/edit" if base else "answers/new"
    return await send(who, path, **{**fields_of(answer), "base": str(base), "deed": deed, **more})


async def test_a_new_answer_of_low_risk_goes_live_from_the_form(house: House, lan: Librarian) -> None:
    sent = await save(lan, HOURS, 0, "publish")
    assert sent.headers["location"] == "/console/answers/hom-nay-mo-cua-may-gio?done=published"
    answer = house.editing.book.get("hom-nay-mo-cua-may-gio")
    assert answer
    assert answer.answer == HOURS.answer
    page = await lan.see("answers/hom-nay-mo-cua-may-gio")
    assert "đang dùng trên 1/1 tiến trình" in plain(page)
    assert "mở 7 giờ 30–11 giờ 30" in plain(page)  # what patrons read today


async def test_high_risk_wants_a_second_person(house: House, lan: Librarian, minh: Librarian) -> None:
    await save(lan, LATE, 0, "submit")
    key = "tra-tre-bi-phat-bao-nhieu"
    alone = await send(lan, f"reviews/{key}/1/approve", then="publish")
    assert (alone.status_code, "người duyệt phải khác người viết" in plain(alone)) == (409, True)
    assert house.editing.book.get(key) is None
    assert (await send(lan, f"reviews/{key}/1/publish")).status_code == 409

    assert "1 bản chờ duyệt" in plain(await minh.see("reviews"))
    assert (await send(minh, f"reviews/{key}/1/approve", then="publish")).status_code == 303
    assert house.editing.book.get(key) == replace(LATE, key=key)


async def test_lowering_the_risk_is_itself_of_high_risk(house: House, lan: Librarian) -> None:
    live(house, LATE)
    sent = await save(lan, replace(LATE, answer="Miễn phí.", risk="low"), 1, "publish")
    assert sent.headers["location"] == "/console/reviews/phi-tre/2?refused=NOT_APPROVED"
    assert house.editing.book.get("phi-tre") == LATE


async def test_nobody_approves_the_part_they_wrote_under_a_colleagues_last_touch(
    house: House, lan: Librarian, minh: Librarian
) -> None:
    live(house, LATE)
    await save(lan, replace(LATE, answer="Mỗi cuốn 5.000 đồng một ngày."), 1)
    await save(minh, replace(LATE, answer="Mỗi cuốn 5.000 đồng một ngày nhé."), 2, "submit")
    assert (await send(lan, "reviews/phi-tre/3/approve")).status_code == 409
    assert (await send(minh, "reviews/phi-tre/3/approve")).status_code == 409


async def test_a_returned_wording_comes_back_with_its_reason(house: House, lan: Librarian, minh: Librarian) -> None:
    await save(lan, LATE, 0, "submit")
    key = "tra-tre-bi-phat-bao-nhieu"
    silent = await send(minh, f"reviews/{key}/1/return")
    assert (silent.status_code, "hãy ghi lý do" in plain(silent)) == (409, True)
    assert (await send(minh, f"reviews/{key}/1/return", reason="thiếu số công văn")).status_code == 303
    assert "Lý do: thiếu số công văn" in plain(await lan.see(f"answers/{key}"))
    standing = house.editing.book.standing(key)
    assert standing
    assert standing.state(1) is State.RETURNED
    assert (await send(minh, f"reviews/{key}/1/publish")).status_code == 409


async def test_a_red_bench_wants_a_reason(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    await house.store.write(lambda db: pin(db, HOURS.question, Expected("answer", HOURS.key), NAME, house.now))
    sent = await save(lan, replace(HOURS, answer="Mở cả ngày."), 0, "publish")  # the same question a second time
    page = await lan.browser.get(sent.headers["location"])
    assert "bàn thử báo đỏ" in plain(page)
    key = "hom-nay-mo-cua-may-gio"
    assert house.editing.book.get(key) is None
    assert (await send(lan, f"reviews/{key}/1/publish", reason="đã hỏi trưởng phòng")).status_code == 303
    assert house.editing.book.get(key)


async def test_a_publication_is_scheduled_and_called_off(house: House, lan: Librarian) -> None:
    await save(lan, HOURS, 0)
    at = "reviews/hom-nay-mo-cua-may-gio/1"
    for day, hour in (("2026-11-23", "07:00"), ("ngày mai", "7")):
        assert (await send(lan, f"{at}/plan", day=day, hour=hour)).status_code == 409
    assert (await send(lan, f"{at}/plan", day="2026-12-31", hour="07:30")).status_code == 303
    assert "Hẹn phát hành 7 giờ 30, thứ Năm 31/12" in plain(await lan.see(at))
    assert "7 giờ 30, thứ Năm 31/12" in plain(await lan.see("reviews"))
    await send(lan, f"{at}/unplan")
    assert await house.publisher.planned() == []


async def test_an_earlier_wording_is_put_back_and_only_one_that_was_in_use(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    live(house, replace(HOURS, answer="Mở cả ngày."))
    house.editing.book.draft(replace(HOURS, answer="Nháp thôi."), NAME, house.now)
    assert "Hoàn tác: dùng lại bản 1" in plain(await lan.see("answers/gio-mo-cua"))
    assert (await send(lan, "answers/gio-mo-cua/restore", number="3")).status_code == 409
    assert (await send(lan, "answers/gio-mo-cua/restore", number="1")).status_code == 303
    assert house.editing.book.get("gio-mo-cua") == HOURS


async def test_an_answer_is_taken_out_of_use_put_away_and_marked(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    assert (await send(lan, "answers/gio-mo-cua/mark")).status_code == 409  # without a reason
    await send(lan, "answers/gio-mo-cua/mark", reason="giờ Tết chưa có")
    assert "cần xem lại" in plain(await lan.see("answers/gio-mo-cua"))
    assert (await send(lan, "answers/gio-mo-cua/archive")).status_code == 409  # still in use
    await send(lan, "answers/gio-mo-cua/withdraw", reason="sai")
    await send(lan, "answers/gio-mo-cua/archive")
    standing = house.editing.book.standing("gio-mo-cua")
    assert standing
    assert standing.archived
    assert standing.live is None
    deeds = house.read(lambda db: db.scalars(select(audit_trail.c.deed)).all())
    assert [deed for deed in deeds if deed.startswith("answer.")] == [
        "answer.marked", "answer.withdrawn", "answer.archived",
    ]  # fmt: skip


async def test_two_editors_at_once_lose_no_word(house: House, lan: Librarian, minh: Librarian) -> None:
    before = live(house, replace(HOURS, answer="Sáng mở 7 giờ 30. Chiều mở 13 giờ 30. Cuối tuần nghỉ."))
    mine = replace(before, answer="Sáng mở 8 giờ. Chiều mở 13 giờ 30. Cuối tuần nghỉ.", source="Nội quy")
    theirs = replace(before, answer="Sáng mở 7 giờ 30. Chiều mở 13 giờ 30. Cuối tuần mở sáng.", owner="Phòng đọc")
    assert (await save(lan, mine, 1)).status_code == 303
    late = await save(minh, theirs, 1)
    assert late.status_code == 409
    assert f"{NAME} vừa lưu câu này trước bạn" in plain(late)
    assert house.editing.book.standing("gio-mo-cua").newest.number == 2  # nothing of Minh's was saved yet

    form = {name: _typed(late, name) for name in fields_of(before)}
    assert form["answer"] == "Sáng mở 8 giờ. Chiều mở 13 giờ 30. Cuối tuần mở sáng."
    assert (form["source"], form["owner"], hidden(late, "base")) == ("Nội quy", "Phòng đọc", "2")
    again = await send(minh, "answers/gio-mo-cua/edit", late, **form, base="2", deed="save")
    assert again.status_code == 303
    newest = house.editing.book.standing("gio-mo-cua").newest
    assert (newest.by, newest.answer.answer) == (COLLEAGUE, form["answer"])


async def test_two_changes_in_one_place_are_shown_side_by_side(house: House, lan: Librarian, minh: Librarian) -> None:
    live(house, HOURS)
    await save(lan, replace(HOURS, answer="Mở 8 giờ."), 1)
    late = await save(minh, replace(HOURS, answer="Mở 9 giờ."), 1)
    assert late.status_code == 409
    assert "Trả lời: hai người sửa cùng một chỗ" in plain(late)
    assert _typed(late, "answer") == "Mở 9 giờ."
    assert "<ins>8</ins>" in late.text or "<ins>Mở 8 giờ</ins>" in late.text


async def test_if_match_of_an_older_revision_is_refused(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    page = await lan.see("answers/gio-mo-cua/edit")
    assert page.headers["etag"] == '"1"'
    await save(lan, replace(HOURS, answer="Mở 8 giờ."), 1)
    form = {**fields_of(replace(HOURS, answer="Mở 9 giờ.")), "csrf": hidden(page, "csrf"), "deed": "save"}
    at = "/console/answers/gio-mo-cua/edit"
    assert (await lan.browser.post(at, data=form, headers={"If-Match": '"1"'})).status_code == 412
    assert (await lan.browser.post(at, data=form, headers={"If-Match": '"2"'})).status_code == 303


async def test_what_is_typed_is_kept_until_it_is_saved(house: House, lan: Librarian, minh: Librarian) -> None:
    live(house, HOURS)
    half = replace(HOURS, answer="Đang viết dở")
    looked = await send(lan, "answers/look", **fields_of(half), key="gio-mo-cua", base="1")
    assert "Đang viết dở" in plain(looked)
    assert "Đã giữ bản đang viết" in plain(looked)
    assert _typed(await lan.see("answers/gio-mo-cua/edit"), "answer") == "Đang viết dở"
    theirs = await minh.see("answers/gio-mo-cua/edit")
    assert _typed(theirs, "answer") == HOURS.answer
    assert f"{NAME} cũng đang mở câu này" in plain(theirs)
    await save(lan, half, 1)
    assert house.read(lambda db: db.execute(select(answer_sketches.c.name)).all()) == [(COLLEAGUE,)]


async def test_what_cannot_be_saved_comes_back_as_it_was_typed(house: House, lan: Librarian) -> None:
    sent = await send(lan, "answers/new", question="", answer="Có chữ rồi", review_by="31/02/2027", base="0")
    assert sent.status_code == 422
    assert "Chưa viết câu hỏi." in plain(sent)
    assert "Ngày viết như 31/12/2026." in plain(sent)
    assert (_typed(sent, "answer"), _typed(sent, "review_by")) == ("Có chữ rồi", "31/02/2027")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Gọi {so_may} nhé.", "Không có biến {so_may}"),
        ("Thẻ DT000123 của bạn Hoa còn hạn.", "số giấy tờ của một người"),
    ],
)
async def test_an_error_keeps_a_draft_from_going_on(house: House, lan: Librarian, words: str, why: str) -> None:
    sent = await save(lan, replace(HOURS, answer=words), 0, "publish")
    assert (sent.status_code, why in plain(sent)) == (422, True)
    assert house.editing.book.published() == []
    assert house.editing.book.standing("hom-nay-mo-cua-may-gio")  # saved all the same


async def test_the_list_is_sifted(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    await save(lan, replace(LATE, owner="Phòng mượn"), 0, "submit")
    for query, there, away in (
        ("", ("Hôm nay mở cửa mấy giờ?", "Trả trễ"), ()),
        ("?words=tra+tre", ("Trả trễ",), ("Hôm nay mở",)),
        ("?state=đang dùng", ("Hôm nay mở",), ("Trả trễ",)),
        ("?owner=Phòng mượn", ("Trả trễ",), ("Hôm nay mở",)),
        ("?topic=Giờ giấc", ("Hôm nay mở",), ("Trả trễ",)),
    ):
        found = re.findall(r'<th scope="row" class="words"><a[^>]*>([^<]*)', (await lan.see(f"answers{query}")).text)
        assert all(any(words in each for each in map(unescape, found)) for words in there), query
        assert not any(words in each for words in away for each in map(unescape, found)), query


async def test_no_text_becomes_html(house: House, lan: Librarian) -> None:
    hostile = Answer("xss", XSS, XSS, XSS, XSS, XSS, (XSS,), XSS, XSS, XSS, branch=XSS, audience=XSS)
    live(house, hostile)
    await save(lan, replace(hostile, answer=f"{XSS} khác"), 1)
    await send(lan, "answers/look", **fields_of(hostile), key="xss", base="2")
    pages = [
        await lan.see(path)
        for path in (
            "answers", "answers/xss", "answers/xss/edit", "answers/xss/compare?old=1&new=2", "reviews/xss/2",
            "reviews", f"answers?words={XSS}&state={XSS}",
        )
    ]  # fmt: skip
    pages.append(await save(lan, replace(hostile, answer=f"{XSS} nữa"), 1))
    for page in pages:
        assert page.status_code in (200, 409), page.url
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "<b>đậm" not in page.text


async def test_who_belongs_to_one_branch_edits_only_there(house: House, as_role: SignIn) -> None:
    from connectors.store import staff

    mine, theirs = replace(HOURS, branch="MT"), replace(HOURS, key="gio-cl", branch="CL")
    live(house, mine), live(house, theirs), live(house, replace(HOURS, key="gio-chung"))
    await house.store.write(
        lambda db: db.execute(staff.update().where(staff.c.name == Role.EDITOR.label).values(branches=["MT"]))
    )
    editor = await as_role(Role.EDITOR)
    assert (await editor.see("answers/gio-mo-cua/edit")).status_code == 200
    for key in ("gio-cl", "gio-chung"):
        assert (await editor.see(f"answers/{key}/edit")).status_code == 403
        assert (await send(editor, f"answers/{key}/withdraw", reason="x")).status_code == 403
    assert (await save(editor, replace(mine, branch="CL"), 1)).status_code == 403
    assert house.editing.book.standing("gio-mo-cua").newest.number == 1


@pytest.mark.parametrize("key", ["phi-tre", "new", "look", "Phí trễ/hạn", "-a", "a.b"])
def test_every_key_has_an_address(key: str) -> None:
    written = address(key)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", written)
    assert (key_of(written), written in ("new", "look")) == (key, False)


def _typed(page: httpx.Response, name: str) -> str:
    """Return what the page's form holds in this field."""
    box = re.search(rf'<textarea id="{name}"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    line = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', page.text)
    chosen = re.search(rf'<select id="{name}".*?<option value="([^"]*)" selected', page.text, re.DOTALL)
    found = box or line or chosen
    return unescape(found[1]) if found else ("low" if name == "risk" else "")
