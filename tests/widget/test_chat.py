"""The chat page as a patron uses it, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.widget.patron import Patron

pytestmark = pytest.mark.browser


def test_a_question_is_answered_and_read_aloud_once(patron: Patron) -> None:
    patron.asks("chào thư viện")
    assert patron.bubbles() == ["Bạn vừa nói: chào thư viện"]
    assert patron.one("#announcer").get_attribute("textContent") == "Bạn vừa nói: chào thư viện"
    assert patron.one("#log").get_attribute("aria-live") == "off"
    assert patron.complaints() == []


def test_a_suggestion_sends_its_own_words(patron: Patron) -> None:
    next(one for one in patron.all("#suggestions button") if one.text == "Gia hạn").click()
    patron.answered("Bạn vừa nói: Gia hạn")
    assert patron.all("#suggestions") == []


def test_a_button_is_pressed_by_keyboard_once_and_stays_readable(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    button = patron.named("Chi nhánh khác")
    patron.browser.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)
    patron.until(lambda: patron.bubbles()[-1] == "Bạn vừa nói: /other_branch")
    button.send_keys(Keys.ENTER, Keys.SPACE)
    assert patron.focused() == button
    assert button.get_attribute("aria-disabled") == "true"
    assert patron.bubbles("patron") == ["Giờ mở cửa", "Chi nhánh khác"]
    assert patron.gateway.dialogue.asked == ["Giờ mở cửa", "/other_branch"]


def test_the_whole_page_is_used_by_keyboard(patron: Patron) -> None:
    names = []
    for _ in range(8):
        patron.focused().send_keys(Keys.TAB)
        names.append(patron.focused().accessible_name)
    assert names == [
        "Đến ô nhập tin nhắn",
        "EN, English",
        "Thêm lựa chọn",
        "Giờ mở cửa",
        "Tìm sách",
        "Gia hạn",
        "Gặp thủ thư",
        "Hỏi thư viện…",
    ]


def test_books_are_a_list_of_cards_with_call_number_and_buttons(patron: Patron) -> None:
    patron.asks("nuôi tôm")
    cards = patron.all("ol.cards > li.card")
    titles = ["Kỹ thuật nuôi tôm thẻ chân trắng", "Nuôi tôm sú bền vững"]
    assert [card.find_element(By.TAG_NAME, "h3").text for card in cards] == titles
    assert "639.68 K600T" in cards[0].text
    outside = patron.named("Xem thêm")
    wanted = {"href": "https://thuvien.example/sach/1", "target": "_blank", "rel": "noopener"}
    assert {name: outside.get_dom_attribute(name) for name in wanted} == wanted
    patron.named("Giữ chỗ").click()
    patron.until(lambda: patron.bubbles()[-1] == "Bạn vừa nói: /place_hold{record}")


def test_the_last_card_or_the_chosen_one_is_printed(patron: Patron) -> None:
    patron.asks("nuôi tôm")
    assert patron.on_paper("h3, #composer") == ["Nuôi tôm sú bền vững"]
    patron.browser.execute_script("window.print = () => {}")
    patron.one(".card .print").click()
    patron.until(lambda: patron.on_paper("h3, header, .bubble, .choice") == ["Kỹ thuật nuôi tôm thẻ chân trắng"])


def test_the_last_answer_can_be_rated_and_the_patron_is_thanked(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    patron.asks("nuôi tôm")
    assert len(patron.all(".rate")) == 2
    patron.one('[aria-label="Chưa có ích"]').click()
    patron.until(lambda: "Cảm ơn bạn đã cho biết." in patron.one("#log").text)
    patron.until(lambda: patron.gateway.ratings() == {"Giờ mở cửa": None, "nuôi tôm": 0})
    assert patron.all(".rate") == []
    assert "Cảm ơn bạn đã cho biết." in (patron.one("#announcer").get_attribute("textContent") or "")


def test_a_rating_that_does_not_get_through_can_be_given_again(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    patron.gateway.faults.busy = True
    patron.one('[aria-label="Có ích"]').click()
    patron.until(lambda: len(patron.all(".rate")) == 2)
    patron.gateway.faults.busy = False
    patron.one('[aria-label="Có ích"]').click()
    patron.until(lambda: patron.gateway.ratings() == {"Giờ mở cửa": 1})


def test_lists_and_addresses_in_an_answer_are_lists_and_links(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    assert len(patron.all(".bubble ul > li")) == 2
    patron.asks("địa chỉ")
    links = [link.get_dom_attribute("href") for link in patron.all(".bubble a")]
    assert links == ["https://thuvien.example/gio-mo-cua", "https://thuvien.example/a?b=1&c=2"]
    assert patron.bubbles()[-1] == "Xem (https://thuvien.example/a?b=1&c=2), không phải javascript:alert(1) nhé."


def test_markup_is_shown_as_text_wherever_it_stands(patron: Patron) -> None:
    title = patron.browser.title
    patron.says("<b>đậm</b>")
    patron.asks("mã lạ")
    patron.until(lambda: len(patron.all(".card")) == 1)
    assert patron.all("#log b, #log img, #announcer img") == []
    patron.until(lambda: patron.one("#log").text.count("<img src=x onerror=") == 7)
    assert patron.bubbles("patron")[0] == "<b>đậm</b>"
    assert patron.browser.title == title
    assert patron.complaints() == []


def test_a_button_leads_only_to_the_web(patron: Patron) -> None:
    patron.asks("nút lạ")
    patron.until(lambda: "Bẫy" in patron.one("#log").text)
    assert patron.all("#log a") == []


def test_a_reload_brings_back_what_was_said_and_what_was_pressed(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    patron.named("Chi nhánh khác").click()
    patron.until(lambda: len(patron.bubbles()) == 2)
    before = patron.bubbles(), patron.bubbles("patron")
    patron.visit()
    patron.until(lambda: (patron.bubbles(), patron.bubbles("patron")) == before)
    assert patron.named("Chi nhánh khác").get_attribute("aria-disabled") == "true"
    assert patron.named("Gặp thủ thư").get_attribute("aria-disabled") is None
    assert patron.one("#announcer").get_attribute("textContent") == ""
    patron.asks("tiếp")
    assert patron.bubbles()[-1] == "Bạn vừa nói: tiếp"
    assert patron.gateway.stored()[0] == "Giờ mở cửa"


def test_the_wait_notice_gives_way_to_the_answer(patron: Patron) -> None:
    patron.says("câu khó")
    patron.answered("Mình đang kiểm tra, bạn đợi chút nhé.")
    assert patron.one("#typing").is_displayed()
    patron.gateway.dialogue.slow.set()
    patron.answered("Bạn vừa nói: câu khó")
    assert patron.all("#typing") == []


def test_an_answer_that_comes_after_a_reload_still_comes(patron: Patron) -> None:
    patron.says("câu khó")
    patron.until(lambda: patron.gateway.dialogue.asked)
    patron.visit()
    patron.until(lambda: patron.all("#typing"))
    patron.gateway.dialogue.slow.set()
    patron.answered("Bạn vừa nói: câu khó")
    assert patron.all("#typing") == []


def test_messages_written_offline_are_sent_in_order_when_the_network_is_back(patron: Patron) -> None:
    patron.asks("một")
    patron.goes_offline()
    patron.says("hai", "ba")
    patron.sees("Chưa có mạng")
    assert patron.gateway.stored() == ["một"]
    patron.comes_online()
    patron.answered("Bạn vừa nói: một", "Bạn vừa nói: hai", "Bạn vừa nói: ba")
    assert patron.gateway.stored() == ["một", "hai", "ba"]
    patron.until(lambda: "Chưa có mạng" not in patron.one("#log").text)


def test_messages_not_yet_sent_outlive_the_page(patron: Patron) -> None:
    patron.asks("một")
    patron.goes_offline()
    patron.says("hai")
    patron.sees("Chưa có mạng")
    patron.browser.get("about:blank")
    patron.comes_online()
    patron.visit()
    patron.answered("Bạn vừa nói: một", "Bạn vừa nói: hai")
    assert patron.bubbles("patron") == ["một", "hai"]
    assert patron.gateway.stored() == ["một", "hai"]


def test_an_answer_given_while_offline_comes_once_the_network_is_back(patron: Patron) -> None:
    patron.says("câu khó")
    patron.until(lambda: patron.gateway.dialogue.asked)
    patron.goes_offline()
    patron.gateway.dialogue.slow.set()
    patron.comes_online()
    patron.answered("Bạn vừa nói: câu khó")


def test_a_message_whose_acknowledgement_was_lost_is_sent_again_and_not_doubled(patron: Patron) -> None:
    patron.gateway.faults.lost_acknowledgements = 2
    patron.says("một lần thôi")
    patron.sees("Gửi lại")
    patron.named("Gửi lại").click()
    patron.until(lambda: patron.gateway.faults.lost_acknowledgements == 0 and not patron.all(".again"))
    patron.answered("Bạn vừa nói: một lần thôi")
    assert patron.bubbles("patron") == ["một lần thôi"]
    assert patron.gateway.stored() == patron.gateway.dialogue.asked == ["một lần thôi"]


def test_a_message_that_was_refused_can_be_sent_again_and_holds_up_no_other(patron: Patron) -> None:
    patron.gateway.faults.refuse = 1
    patron.says("một")
    patron.sees("Tin này chưa gửi được")
    patron.asks("hai")
    patron.named("Gửi lại").click()
    patron.answered("Bạn vừa nói: hai", "Bạn vừa nói: một")


def test_a_busy_server_is_said_to_be_busy(patron: Patron) -> None:
    patron.gateway.faults.busy = True
    patron.says("chào")
    patron.sees("Đông người hỏi quá")
    patron.gateway.faults.busy = False
    patron.named("Gửi lại").click()
    patron.answered("Bạn vừa nói: chào")


def test_answers_come_without_a_stream_too(patron: Patron) -> None:
    patron.gateway.faults.no_stream = True
    patron.says("một", "hai")
    patron.answered("Bạn vừa nói: một", "Bạn vừa nói: hai")
    patron.says("câu khó")
    patron.until(lambda: "câu khó" in patron.gateway.dialogue.asked)
    patron.visit()
    patron.gateway.dialogue.slow.set()
    patron.until(lambda: patron.bubbles()[-1:] == ["Bạn vừa nói: câu khó"])
    assert patron.gateway.stored() == ["một", "hai", "câu khó"]


@pytest.mark.parametrize("brought", [b"", b": open\r\n\r\n"], ids=["held back by a proxy", "dead without a sign"])
def test_a_stream_that_brings_nothing_is_not_waited_for(patron: Patron, brought: bytes) -> None:
    patron.gateway.faults.dumb_streams = [brought]
    patron.says("một")
    patron.answered("Bạn vừa nói: một")
    patron.asks("hai")


def test_a_conversation_the_library_no_longer_knows_is_opened_anew(patron: Patron) -> None:
    patron.asks("Giờ mở cửa")
    patron.gateway.forget_everybody()
    patron.says("còn đó không")
    patron.sees("mình mở cuộc mới")
    patron.until(lambda: patron.bubbles()[-1] == "Bạn vừa nói: còn đó không")
    assert patron.named("Chi nhánh khác").get_attribute("aria-disabled") == "true"
    patron.visit()
    patron.answered("Bạn vừa nói: còn đó không")


@pytest.mark.parametrize("composing", [{"isComposing": True}, {"keyCode": 229}])
def test_an_enter_that_belongs_to_the_input_method_does_not_send(patron: Patron, composing: dict[str, Any]) -> None:
    patron.one("#words").send_keys("tiếng Việ")
    assert patron.presses("Enter", on="#words", **composing)
    assert patron.bubbles("patron") == []
    assert not patron.presses("Enter", on="#words")
    patron.answered("Bạn vừa nói: tiếng Việ")


def test_shift_enter_starts_a_new_line(patron: Patron) -> None:
    patron.one("#words").send_keys("một", Keys.SHIFT, Keys.ENTER, Keys.NULL, "hai", Keys.ENTER)
    patron.answered("Bạn vừa nói: một\nhai")
    assert patron.bubbles("patron") == ["một\nhai"]


def test_nothing_empty_and_nothing_too_long_is_sent(patron: Patron) -> None:
    send, words = patron.one("#send"), patron.one("#words")
    assert not send.is_enabled()
    words.send_keys("   ", Keys.ENTER)
    assert not send.is_enabled()
    fill = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    patron.browser.execute_script(fill, words, "ữ" * 7600)
    assert patron.one("#room").text == "Còn 400 ký tự"
    patron.browser.execute_script(fill, words, "ữ" * 8003)
    assert "Dài quá 3 ký tự" in patron.one("#room").text
    assert not send.is_enabled()
    words.send_keys(Keys.ENTER)
    assert patron.bubbles("patron") == []
    patron.browser.execute_script(fill, words, "u\u031b\u0303" * 8000)  # "ữ" in three code points
    assert patron.one("#room").text == "Còn 0 ký tự"
    send.click()
    patron.until(lambda: patron.gateway.stored() == ["ữ" * 8000])


def test_a_patron_can_leave_nothing_on_a_shared_machine(patron: Patron) -> None:
    patron.asks("chuyện riêng")
    patron.one("summary").click()
    patron.one("#forget").click()
    patron.one("#keep").click()
    assert patron.bubbles("patron") == ["chuyện riêng"]
    patron.one("summary").click()
    patron.one("#forget").click()
    patron.one("#forget-now").click()
    patron.until(lambda: patron.bubbles("patron") == [] and patron.all("#suggestions"))
    assert patron.browser.execute_script("return Object.keys(localStorage)") == []


def test_the_pages_own_words_change_language_and_stay_changed(patron: Patron) -> None:
    patron.one("#language").click()
    assert patron.one("h1").text == "Dong Thap Provincial Library (demo)"
    assert patron.browser.execute_script("return document.documentElement.lang") == "en"
    patron.browser.refresh()
    patron.sees("automatic assistant")
    assert patron.one("#suggestions button").text == "Opening hours"
    patron.asks("Giờ mở cửa")
    assert [one.get_attribute("lang") for one in patron.all("#log .bubble")][-1] == "vi"
    patron.one("#language").click()
    assert patron.one("h1").text.startswith("Thư viện tỉnh Đồng Tháp")


@pytest.mark.parametrize(("width", "height"), [(320, 256), (360, 740), (1280, 800)])
def test_nothing_sticks_out_and_every_target_is_large_enough(patron: Patron, width: int, height: int) -> None:
    patron.looks_at(width, height)
    patron.asks("Giờ mở cửa")
    patron.asks("nuôi tôm")
    patron.one("summary").click()
    script = """
        const room = root.querySelector('.panel').clientWidth;
        const shown = (one) => one.checkVisibility() && !one.closest('.unseen');
        const boxes = (selector) => [...root.querySelectorAll(selector)].filter(shown);
        return [
            boxes('.panel *').filter((one) => one.getBoundingClientRect().right > room + 1),
            boxes('button, summary, textarea, a.choice').filter((one) => one.offsetHeight < 44 || one.offsetWidth < 44),
        ];
    """
    assert patron.runs(script) == [[], []]
