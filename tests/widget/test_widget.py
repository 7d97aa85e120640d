"""The widget on pages of others, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.widget.host_site import OLD, STRICT, HostSite
from tests.widget.patron import Patron

pytestmark = pytest.mark.browser


def test_one_tag_brings_the_button_and_a_click_the_chat(visitor: Patron, site: HostSite) -> None:
    visitor.visit()
    assert visitor.one("#launch").accessible_name == "Hỏi thủ thư"
    assert visitor.all(".panel") == []  # only the loader has come
    visitor.opens()
    assert visitor.one("#name").text == "Thư viện tỉnh Đồng Tháp (bản trình diễn)"
    visitor.asks("chào")
    assert visitor.bubbles() == ["Bạn vừa nói: chào"]
    assert not visitor.launchers()
    assert site.asked[0] == "/"
    assert set(site.asked) <= {"/", "/favicon.ico"}
    assert [one for one in visitor.complaints() if "favicon" not in one] == []


def test_nothing_is_asked_of_anybody_but_the_library(visitor: Patron, site: HostSite) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("nuôi tôm")
    asked = "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)"
    origins = set(visitor.browser.execute_script(asked))
    assert origins - {site.url.rstrip("/")} == {visitor.gateway.url}


def test_a_page_with_the_strictest_policy_needs_only_our_origin(visitor: Patron, site: HostSite) -> None:
    site.shows(policy=STRICT, more=' data-accent="#7a1f5c"')
    visitor.visit()
    visitor.opens()
    visitor.asks("nuôi tôm")
    assert visitor.runs("return getComputedStyle(root.querySelector('.panel')).position") == "fixed"
    assert [one for one in visitor.complaints() if "favicon" not in one] == []


def test_a_page_from_a_file_may_have_it(visitor: Patron, tmp_path: Path) -> None:
    demo = Path(__file__).parents[2] / "connectors/widget/demo.html"
    page = tmp_path / "demo.html"
    page.write_text(demo.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", visitor.gateway.url), "utf-8")
    visitor.url = page.as_uri()
    visitor.visit()
    visitor.browser.execute_script("localStorage.clear()")  # files share one origin in this browser
    visitor.opens()
    visitor.asks("chào từ tệp")
    assert visitor.bubbles() == ["Bạn vừa nói: chào từ tệp"]
    visitor.visit()
    visitor.until(lambda: visitor.bubbles() == ["Bạn vừa nói: chào từ tệp"])
    visitor.browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    assert visitor.complaints() == []


def test_a_page_that_may_keep_nothing_can_still_talk(visitor: Patron, site: HostSite) -> None:
    inner = "<!doctype html><title>Khung</title><main>Khung</main><script src='{gateway}/widget/loader.js'></script>"
    inner = inner.format(gateway=visitor.gateway.url)
    site.shows(f'<!doctype html><iframe sandbox="allow-scripts" width=800 height=700 srcdoc="{inner}"></iframe>')
    visitor.browser.get(visitor.url)
    visitor.browser.switch_to.frame(0)
    with pytest.raises(WebDriverException, match="sandboxed"):
        visitor.browser.execute_script("return localStorage.length")
    visitor.until(lambda: visitor.browser.find_elements(By.CSS_SELECTOR, "thu-thu"))
    visitor.opens()
    visitor.asks("một")
    visitor.asks("hai")
    assert visitor.bubbles() == ["Bạn vừa nói: một", "Bạn vừa nói: hai"]
    visitor.browser.switch_to.default_content()


def test_an_old_page_neither_breaks_it_nor_is_broken(visitor: Patron, site: HostSite) -> None:
    site.shows()
    visitor.visit()
    visitor.opens()
    visitor.asks("nuôi tôm")
    visitor.asks("Giờ mở cửa")
    as_it_should = looks(visitor)
    visitor.browser.execute_script("sessionStorage.clear(); localStorage.clear()")

    site.shows(OLD)
    visitor.visit()
    assert visitor.browser.execute_script("return document.compatMode") == "BackCompat"
    visitor.opens()
    visitor.asks("nuôi tôm")
    visitor.asks("Giờ mở cửa")
    assert looks(visitor) == as_it_should
    visitor.named("Chi nhánh khác").click()
    visitor.until(lambda: visitor.bubbles()[-1] == "Bạn vừa nói: /other_branch")
    visitor.visit()
    visitor.until(lambda: len(visitor.bubbles()) == 3)
    assert [one for one in visitor.complaints() if "favicon" not in one] == []


def looks(visitor: Patron) -> object:
    """Return how the parts of the panel are drawn."""
    return visitor.runs(
        """
        const told = ['color', 'fontFamily', 'fontSize', 'letterSpacing', 'textTransform', 'display', 'float'];
        const parts = ['.panel', 'header', '#name', '.bubble', '.card', '.card h3', '.choice', '#words', '#send'];
        return parts.map((part) => {
            const one = root.querySelector(part);
            const { width, height } = one.getBoundingClientRect();
            const style = getComputedStyle(one);
            return [part, Math.round(width), Math.round(height), ...told.map((name) => style[name])];
        })
        """
    )


def test_the_keyboard_alone_opens_talks_and_closes(visitor: Patron) -> None:
    visitor.visit()
    body = visitor.browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)  # the page's own link
    visitor.browser.switch_to.active_element.send_keys(Keys.TAB)
    assert visitor.focused().accessible_name == "Hỏi thủ thư"
    visitor.focused().send_keys(Keys.ENTER)
    visitor.sees("Chào bạn")
    assert visitor.focused().get_attribute("id") == "words"
    visitor.focused().send_keys("Giờ mở cửa", Keys.ENTER)
    visitor.until(lambda: len(visitor.bubbles()) == 1)
    visitor.focused().send_keys(Keys.SHIFT, Keys.TAB, Keys.NULL)
    assert visitor.focused().accessible_name == "Chưa có ích"
    for _ in range(2):
        visitor.focused().send_keys(Keys.SHIFT, Keys.TAB, Keys.NULL)
    assert visitor.focused().text == "Gặp thủ thư"
    outline = "return getComputedStyle(root.activeElement).outlineStyle"
    assert visitor.runs(outline) == "solid"
    visitor.focused().send_keys(Keys.ENTER)
    visitor.until(lambda: visitor.bubbles()[-1] == "Bạn vừa nói: /talk_to_librarian")
    visitor.focused().send_keys(Keys.ESCAPE)
    assert not visitor.one(".panel").is_displayed()
    assert visitor.focused().accessible_name == "Hỏi thủ thư"


def test_escape_closes_the_menu_before_the_chat(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.one("summary").send_keys(Keys.ENTER)
    visitor.one("#forget").send_keys(Keys.ESCAPE)
    assert visitor.one("details").get_attribute("open") is None
    assert visitor.focused().tag_name == "summary"
    visitor.focused().send_keys(Keys.ESCAPE)
    assert not visitor.one(".panel").is_displayed()


def test_what_comes_while_it_is_closed_is_counted_and_said_without_its_words(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("chào")
    visitor.one("#close").click()
    visitor.gateway.librarian_says("Chào bạn, mình là Hoa")
    visitor.until(lambda: visitor.one("#launch").accessible_name == "Hỏi thủ thư, 1 tin mới")
    assert visitor.one("#launch b").text == "1"
    assert visitor.one("#announcer").get_attribute("textContent").endswith("Thư viện có 1 tin mới.")
    visitor.visit()  # the next page of the site
    visitor.until(lambda: visitor.one("#launch b").text == "1")
    visitor.gateway.librarian_says("Bạn cần gì?")
    visitor.until(lambda: visitor.one("#launch b").text == "2")
    visitor.opens()
    visitor.sees("Bạn cần gì?")
    visitor.one("#close").click()
    assert visitor.one("#launch").accessible_name == "Hỏi thủ thư"
    icon = "const b = root.querySelector('#launch'); return getComputedStyle(b, '::before').backgroundColor"
    assert visitor.runs(icon) == visitor.runs("return getComputedStyle(root.querySelector('#launch')).color")


def test_an_open_chat_is_open_on_the_next_page_and_a_closed_one_closed(visitor: Patron, site: HostSite) -> None:
    site.shows(more=" data-open")
    visitor.visit()
    visitor.sees("Chào bạn")
    visitor.asks("chào")
    visitor.visit()
    visitor.until(lambda: visitor.bubbles() == ["Bạn vừa nói: chào"])
    assert visitor.one(".panel").is_displayed()
    visitor.one("#close").click()
    visitor.visit()
    visitor.until(lambda: visitor.all(".panel") and visitor.bubbles() == ["Bạn vừa nói: chào"])
    assert not visitor.one(".panel").is_displayed()


def test_a_librarian_is_drawn_apart_and_their_reading_is_told(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("gặp người")
    visitor.gateway.librarian_says("Mình là Hoa, thủ thư")
    visitor.until(lambda: visitor.bubbles()[-1] == "Mình là Hoa, thủ thư")
    assert visitor.one(".person .who").text == "Thủ thư"
    visitor.says("cảm ơn chị")
    visitor.sees("Thủ thư sẽ đọc tin này.")
    assert visitor.all("#typing") == []
    visitor.visit()
    visitor.sees("Thủ thư sẽ đọc tin này.")
    assert visitor.one(".person .who").text == "Thủ thư"


def test_a_form_is_filled_in_once_and_sent_as_words_with_the_day_first(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("đặt hẹn")
    name, day = visitor.all(".form input")
    assert [name.accessible_name, day.accessible_name] == ["Tên bạn", "Ngày đến"]
    visitor.one(".form .deed").click()
    assert visitor.bubbles("patron") == ["đặt hẹn"]  # both lines are needed
    name.send_keys("Lan {day}")
    visitor.browser.execute_script("arguments[0].value = '2026-11-28'", day)
    name.send_keys(Keys.ENTER)
    visitor.until(lambda: len(visitor.bubbles("patron")) == 2)
    assert visitor.bubbles("patron")[1] == "Mình là Lan {day}, hẹn ngày 28/11/2026, không phải {giờ}"
    assert visitor.all(".form") == []
    assert visitor.focused().get_attribute("id") == "words"


def test_markup_of_every_kind_is_text(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("mã lạ")
    assert visitor.all("#log img, #log b, #log script, #announcer img, #log a") == []
    assert visitor.runs("return root.querySelector('#log').textContent.split('<img src=x').length - 1") == 7
    visitor.asks("đánh dấu")
    assert visitor.all("#log img, #log strong, #log code") == []
    assert "[bấm](javascript:alert(1))" in visitor.bubbles()[-1]
    visitor.asks("nút lạ")
    assert [one.get_attribute("href") for one in visitor.all("#log a")] == ["https://thuvien.example/a.png"]
    assert [one for one in visitor.complaints() if "favicon" not in one] == []


def test_a_book_or_a_question_of_the_page_opens_the_chat_at_it(visitor: Patron, site: HostSite) -> None:
    site.shows(
        body="""<a class="thu-thu-ask" data-sach="bk-12"></a>
                <button id="ask" class="thu-thu-ask" data-hoi="Có sách <b>tôm</b> không?">Hỏi</button>"""
    )
    visitor.visit()
    link = visitor.browser.find_element(By.CLASS_NAME, "thu-thu-ask")
    assert (link.text, link.get_attribute("href")) == ("Hỏi thủ thư", f"{visitor.gateway.url}/chat?sach=bk-12")
    link.click()
    visitor.until(lambda: visitor.gateway.stored() == ["start book:bk-12"])
    visitor.until(lambda: len(visitor.bubbles()) == 1)
    assert visitor.bubbles("patron") == ["Mình hỏi về cuốn này"]
    visitor.browser.find_element(By.ID, "ask").click()
    assert visitor.one("#words").get_property("value") == "Có sách <b>tôm</b> không?"
    assert visitor.gateway.stored() == ["start book:bk-12"]  # a question is the patron's to send


def test_a_shared_link_opens_the_page_at_its_book_once(patron: Patron) -> None:
    patron.url += "/chat"
    patron.visit("?sach=bk-7")
    patron.until(lambda: len(patron.bubbles()) == 1)
    assert patron.gateway.stored() == ["start book:bk-7"]
    patron.browser.refresh()
    patron.until(lambda: len(patron.bubbles()) == 1)
    assert patron.gateway.stored() == ["start book:bk-7"]
    patron.visit("?hoi=mai%20c%C3%B3%20m%E1%BB%9F%20c%E1%BB%ADa%20kh%C3%B4ng")
    assert patron.one("#words").get_property("value") == "mai có mở cửa không"
    assert patron.one("#send").is_enabled()


def test_only_the_card_is_printed_on_any_page(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("nuôi tôm")
    visitor.browser.execute_script("window.print = () => {}")
    visitor.all(".card .print")[0].click()
    card = [
        "Kỹ thuật nuôi tôm thẻ chân trắng",
        "Ký hiệu: 639.68 K600T",
        "Kho Mượn Mỹ Tho, tầng 1: còn 2 bản",
    ]
    visitor.until(lambda: visitor.on_paper("h3, .card li, header, .bubble, .choice") == card)
    visitor.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not visitor.browser.find_element(By.TAG_NAME, "main").is_displayed()
    visitor.browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert visitor.browser.find_element(By.TAG_NAME, "main").is_displayed()
    assert not visitor.one(".panel").is_displayed()  # a page that prints itself prints no chat


@pytest.mark.parametrize("accent", ["#ffe94d", "#7a1f5c", "rgb(120, 120, 120)", "hotpink", "#000", "#fff"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_colour_of_a_library_stays_readable(visitor: Patron, site: HostSite, accent: str, scheme: str) -> None:
    site.shows(more=f' data-accent="{accent}"')
    visitor.prefers(prefers_color_scheme=scheme)
    visitor.visit()
    assert contrast(visitor, "#launch") >= 4.5
    visitor.opens()
    visitor.asks("Giờ mở cửa")
    assert contrast(visitor, ".patron .bubble") >= 4.5
    assert contrast(visitor, "#log .choice") >= 4.5


def test_a_colour_that_cannot_be_judged_is_not_taken(visitor: Patron, site: HostSite) -> None:
    site.shows(more=' data-accent="oklch(0.9 0.1 100)"')
    visitor.visit()
    assert visitor.runs("return getComputedStyle(root.querySelector('#launch')).backgroundColor") == "rgb(20, 83, 45)"


def contrast(visitor: Patron, selector: str) -> float:
    script = """
        const { color, backgroundColor } = getComputedStyle(root.querySelector(arguments[0]));
        return [color, backgroundColor].map((one) => one.match(/\\d+/g).slice(0, 3).map(Number));
    """
    one, other = sorted(map(luminance, visitor.runs(script, selector)))
    return (other + 0.05) / (one + 0.05)


def luminance(colour: list[int]) -> float:
    shares = [part / 255 for part in colour]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_on_a_telephone_the_open_panel_is_the_whole_screen(visitor: Patron) -> None:
    visitor.looks_at(360, 740)
    visitor.visit()
    visitor.opens()
    box = visitor.runs("return root.querySelector('.panel').getBoundingClientRect().toJSON()")
    assert [box[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 360, 740]


def test_a_long_answer_is_read_from_its_beginning_and_a_reader_is_not_carried_off(visitor: Patron) -> None:
    visitor.visit()
    visitor.opens()
    visitor.asks("dài")
    top = "return root.querySelector('#log').lastElementChild.getBoundingClientRect().top"
    header = "return root.querySelector('header').getBoundingClientRect().bottom"
    assert abs(visitor.runs(top) - visitor.runs(header)) < 24
    visitor.runs("root.querySelector('.panel').scrollTop = 0")
    visitor.gateway.librarian_says("Có ai không")
    visitor.sees("Tin mới")
    assert visitor.runs("return root.querySelector('.panel').scrollTop") == 0
    visitor.one("#latest").click()
    visitor.until(lambda: "Tin mới" not in visitor.seen())
