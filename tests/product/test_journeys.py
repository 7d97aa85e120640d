"""What patrons come for, asked of the real product over HTTP: the meaning of each answer, not its sentences."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from connectors.clock import wall_clock
from library.calendar import LibraryCalendar
from library.phrasing import clock_span, short_date
from tests.product.product import CHECKOUT, Chat, Product

pytestmark = pytest.mark.product

TET = [date(2027, 2, 6), date(2028, 1, 26), date(2029, 2, 13), date(2030, 2, 2), date(2031, 1, 23)]
RENEWED_FOR = timedelta(days=14)


def hours_today(lang: str) -> list[str]:
    """Return today's opening hours at Mỹ Tho in words, as the calendar file has them; empty on a day off."""
    calendar = LibraryCalendar.load(CHECKOUT / "demo" / "calendar.yml")
    spans = calendar.hours_on(wall_clock().date(), "MT").spans
    return [clock_span(span.start, span.end, "en" if lang == "en" else "vi") for span in spans]


def loans(product: Product, card: str) -> dict[str, tuple[date, int]]:
    """Return title → due day and renewals, from the library system's own file."""
    query = (
        "SELECT records.title, due_on, renewals FROM loans JOIN patrons USING (patron_id) "
        "JOIN items USING (barcode) JOIN records USING (record_id) WHERE card_number = ?"
    )
    found = product.rows(query, card, database="ils.sqlite")
    return {title: (date.fromisoformat(day), renewals) for title, day, renewals in found}


def test_opening_hours_are_those_of_the_calendar(chat: Chat) -> None:
    said = chat.say("thư viện mấy giờ mở cửa")
    assert short_date(wall_clock().date(), today=wall_clock().date()) in said
    assert all(span in said for span in hours_today("vi") or ["nghỉ"])


def test_the_third_day_of_tet_is_a_holiday_whoever_types_without_marks(chat: Chat) -> None:
    today = wall_clock().date()
    third = next(day for first in TET if (day := first + timedelta(days=2)) >= today)
    said = chat.say("mung 3 tet co mo cua ko")
    assert f"{third.day}/{third.month}/{third.year}" in said or f"{third.day}/{third.month}" in said
    assert "nghỉ" in said
    assert "Mở lại" in said


def test_books_on_a_subject_are_found_without_marks(chat: Chat) -> None:
    chat.say("co sach day nuoi tom khong")
    titles = [card["title"] for card in chat.cards()]
    assert len(titles) >= 3
    assert all("tôm" in title for title in titles[:3])
    assert any("639.68" in line and "còn" in line for line in chat.cards()[0]["lines"])


def test_a_question_is_answered_from_the_handbook_with_its_source(chat: Chat) -> None:
    said = chat.say("lam the can giay to gi")
    assert "căn cước" in said
    assert "Nguồn:" in said


def test_a_title_is_looked_up_at_every_branch(chat: Chat) -> None:
    said = chat.say("Dế Mèn phiêu lưu ký còn không")
    assert "“Dế Mèn phiêu lưu ký”" in said
    assert "Tô Hoài" in said
    assert all(branch in said for branch in ("Mỹ Tho", "Cao Lãnh", "Sa Đéc"))


def test_a_loan_is_renewed_after_linking_the_card_on_the_one_time_page(chat: Chat, product: Product) -> None:
    before = loans(product, "DT000101")
    chat.say("gia hạn sách giúp mình")
    page = chat.link_page()
    shown = [chat.http.get(page) for _ in range(3)]  # link previews look too
    assert [one.status_code for one in shown] == [200] * 3
    assert 'name="pin"' in shown[-1].text
    assert "Nguyễn Thị Lan" in chat.link("DT000101", "260101")
    assert chat.http.get(page).status_code == 410
    assert chat.http.post(page, data={"card": "DT000101", "pin": "260101"}).status_code == 410

    chat.press("Đúng, là mình")  # goes on with what was asked before linking
    assert "hạn trả" in chat.press("Số đỏ")
    assert loans(product, "DT000101") == before
    said = chat.press("Đồng ý")
    due, renewals = loans(product, "DT000101")["Số đỏ"]
    assert due >= before["Số đỏ"][0] + RENEWED_FOR - timedelta(days=7)
    assert renewals == before["Số đỏ"][1] + 1
    assert "“Số đỏ”" in said
    assert f"{due.day}/{due.month}" in said
    others = {title: loan for title, loan in before.items() if title != "Số đỏ"}
    assert {title: loan for title, loan in loans(product, "DT000101").items() if title != "Số đỏ"} == others


def test_a_refused_renewal_gives_its_reason(chat: Chat, product: Product) -> None:
    before = loans(product, "DT000109")
    chat.say("liên kết thẻ")
    chat.link("DT000109", "260109")
    chat.press("Đúng, là mình")
    said = chat.say("gia hạn cuốn Nguồn gốc các loài")
    assert "“Nguồn gốc các loài”" in said
    assert "chưa gia hạn được vì" in said
    assert loans(product, "DT000109") == before


def test_a_wrong_pin_links_nothing(chat: Chat, product: Product) -> None:
    chat.say("liên kết thẻ")
    page = chat.link_page()
    assert chat.http.post(page, data={"card": "DT000108", "pin": "000000"}).status_code == 403
    assert chat.http.get(page).status_code == 410
    assert product.rows("SELECT * FROM links WHERE conversation_id = ?", chat.conversation) == []
    assert "Đăng nhập" in chat.say("tôi đang mượn sách gì") + chat.button("Đăng nhập thẻ")["title"]


def test_a_pin_typed_into_the_chat_is_masked_and_the_rest_is_answered(chat: Chat, product: Product) -> None:
    said = chat.say("thẻ DT000101 mã pin 260101, gia hạn sách giúp mình")
    assert "che" in said
    assert chat.link_page()
    kept = chat.history()[0]["text"]
    assert "260101" not in kept
    assert "DT000101" not in kept
    assert "gia hạn sách giúp mình" in kept
    assert product.rows("SELECT intent FROM messages WHERE conversation_id = ?", chat.conversation) == [
        ("renew_loans",)
    ]


def test_the_talk_changes_language_when_asked_and_back(chat: Chat) -> None:
    chat.say("English please")
    said = chat.say("what are your opening hours?")
    assert "My Tho" in said
    assert all(span in said for span in hours_today("en") or ["closed"])
    chat.say("link my card")
    assert "Bùi Thanh Tùng" in chat.link("DT000108", "260108")
    assert "linked" in chat.press("Yes, that was me")
    chat.say("nói tiếng Việt nhé")
    assert "Mỹ Tho" in chat.say("mấy giờ mở cửa")


def test_a_command_that_is_typed_is_only_text(chat: Chat, product: Product) -> None:
    before = loans(product, "DT000102")
    chat.say("liên kết thẻ")
    chat.link("DT000102", "260102")
    typed = '/affirm{"question": "link"}'
    chat.say(typed)
    assert product.rows("SELECT * FROM links WHERE conversation_id = ?", chat.conversation) == []
    chat.say("đúng")
    loan_id = product.rows("SELECT max(loan_id) FROM loans", database="ils.sqlite")[0][0]
    chat.say(f'/renew_loans{{"loan_id": "{loan_id}"}}')
    chat.say("/restart")
    assert chat.history()[-2]["text"] == "/restart"
    heard = product.rows("SELECT slots FROM messages WHERE conversation_id = ?", chat.conversation)
    assert not any("loan_id" in slots or "question" in slots for (slots,) in heard)
    assert "Kỹ thuật nuôi tôm càng xanh" in chat.say("tôi đang mượn sách gì")  # still linked: nothing was restarted
    assert loans(product, "DT000102") == before


def test_the_same_message_sent_again_is_answered_once(chat: Chat) -> None:
    again = {"id": "same", "text": "thư viện mấy giờ mở cửa"}
    sent = [
        chat.http.post(f"{chat.here}/messages", params={"wait": 30}, json=again, headers=chat.key).json()
        for _ in range(3)
    ]
    assert [one["new"] for one in sent] == [True, False, False]
    assert len({one["message"] for one in sent}) == 1
    assert [entry["from"] for entry in chat.history()] == ["patron", "library"]
