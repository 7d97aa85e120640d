"""A patron in front of the page: the six questions and a renewal, in a real browser against the real product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.product.product import Product
from tests.widget.conftest import browser  # noqa: F401  the fixture of the page's own tests
from tests.widget.patron import ROOT

pytestmark = [pytest.mark.product, pytest.mark.browser]

PATIENCE_S = 20
QUESTIONS = (
    ("thư viện mấy giờ mở cửa", "Mỹ Tho"),
    ("mung 3 tet co mo cua ko", "Mở lại"),
    ("co sach day nuoi tom khong", "nuôi tôm"),
    ("lam the can giay to gi", "căn cước"),
    ("Dế Mèn phiêu lưu ký còn không", "Tô Hoài"),
    ("gia hạn sách giúp mình", "đăng nhập"),
)


class Patron:
    def __init__(self, chrome: webdriver.Chrome, url: str, pictures: Path) -> None:
        self.browser = chrome
        self.pictures = pictures
        chrome.get(url)
        self.until(lambda: chrome.find_elements(By.CSS_SELECTOR, "thu-thu") and self.bubbles())

    def until(self, what: Callable[[], Any]) -> None:
        # While one page makes way for the next, the driver refuses in many ways.
        WebDriverWait(self.browser, PATIENCE_S, 0.05, [WebDriverException]).until(lambda _browser: what())

    def drawn(self, selector: str) -> list[WebElement]:
        return self.browser.find_element(By.CSS_SELECTOR, "thu-thu").shadow_root.find_elements(
            By.CSS_SELECTOR, selector
        )

    def bubbles(self) -> list[str]:
        script = "return [...root.querySelectorAll('.message.library')].map((one) => one.innerText.trim())"
        found: list[str] = self.browser.execute_script(ROOT + script)
        return found

    def asks(self, words: str, expected: str) -> None:
        self.answers_to(lambda: self.drawn("#words")[0].send_keys(words, Keys.ENTER), expected)

    def answers_to(self, deed: Callable[[], object], expected: str) -> None:
        before = len(self.bubbles())
        deed()
        self.until(lambda: any(expected in bubble for bubble in self.bubbles()[before:]))

    def named(self, words: str) -> WebElement:
        """Return the newest button or link of this name."""

        def found() -> list[WebElement]:
            shown = self.drawn("#log button, #log a")
            return [one for one in shown if words in (one.get_attribute("textContent") or "")]

        self.until(found)
        return found()[-1]

    def picture(self, name: str) -> None:
        self.browser.save_screenshot(str(self.pictures / f"{name}.png"))

    def signs_in(self, card: str, pin: str) -> None:
        """Open the one-time page in a second tab, log in there and come back."""
        chat = self.browser.current_window_handle
        self.named("Đăng nhập thẻ").click()
        self.until(lambda: len(self.browser.window_handles) == 2)
        self.browser.switch_to.window(next(one for one in self.browser.window_handles if one != chat))
        self.until(lambda: self.browser.find_elements(By.ID, "pin"))
        self.picture("link-page")
        self.browser.find_element(By.ID, "card").send_keys(card)
        self.browser.find_element(By.ID, "pin").send_keys(pin)
        self.browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self.until(lambda: self.browser.find_elements(By.CSS_SELECTOR, ".outcome.done"))
        self.picture("link-page-done")
        self.browser.close()
        self.browser.switch_to.window(chat)


@pytest.fixture(params=[(1280, 800), (360, 740)], ids=["desk", "telephone"])
def patron(
    request: pytest.FixtureRequest,
    browser: webdriver.Chrome,  # noqa: F811
    product: Product,
    tmp_path: Path,
) -> Iterator[Patron]:
    width, height = request.param
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    yield Patron(browser, product.url, tmp_path)
    browser.execute_script("localStorage.clear()")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get("about:blank")


def test_six_questions_and_a_renewal_in_the_page(patron: Patron, product: Product) -> None:
    patron.picture("0-greeting")
    for number, (question, expected) in enumerate(QUESTIONS, 1):
        patron.asks(question, expected)
        patron.picture(f"{number}-{question.split()[0]}")

    patron.signs_in("DT000102", "260102")
    patron.until(lambda: "Trần Văn Hùng" in patron.bubbles()[-1])
    patron.picture("7-signed-in")
    patron.answers_to(patron.named("Đúng, là mình").click, "gia hạn")
    patron.answers_to(patron.named("Bố già").click, "Đồng ý chứ?")
    patron.picture("8-consent")
    before = renewals(product)
    patron.answers_to(patron.named("Đồng ý").click, "hạn mới")
    patron.picture("9-renewed")
    assert renewals(product) == before + 1
    severe = [entry["message"] for entry in patron.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []


def renewals(product: Product) -> int:
    query = (
        "SELECT renewals FROM loans JOIN patrons USING (patron_id) JOIN items USING (barcode) "
        "JOIN records USING (record_id) WHERE card_number = 'DT000102' AND title = 'Bố già'"
    )
    return int(product.rows(query, database="ils.sqlite")[0][0])
