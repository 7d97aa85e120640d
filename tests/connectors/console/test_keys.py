"""The keyboard: every screen by keys alone, none of which gets in the way of typing."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from connectors.console.menu import ENTRIES
from tests.connectors.console.desk import NAME, House
from tests.connectors.console.seat import Seat

pytestmark = pytest.mark.browser

PAGES = Path(__file__).parents[3] / "connectors" / "console" / "pages"


def focused(seat: Seat) -> WebElement:
    return seat.browser.switch_to.active_element


def presses(seat: Seat, *keys: str) -> None:
    for key in keys:
        focused(seat).send_keys(key)


def at(seat: Seat, path: str) -> bool:
    return bool(re.search(rf"/console/{path}(?:[?#]|$)", seat.browser.current_url))


def test_g_and_a_letter_open_a_page(seat: Seat) -> None:
    seat.go("inbox")
    presses(seat, "g", "c")
    seat.until(lambda: at(seat, "answers"))
    presses(seat, "g", "i")
    seat.until(lambda: at(seat, "questions"))
    assert seat.browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_every_page_has_a_letter_of_its_own_and_none_is_taken_for_the_lists() -> None:
    letters = Counter(entry.key for entry in ENTRIES)
    assert letters.most_common(1)[0][1] == 1
    mine = re.findall(r'data-go="(\w)"', (PAGES / "layout.html").read_text(encoding="utf-8"))
    assert not letters.keys() & set(mine)
    taken = {"g", "j", "k", "x", "?"}
    for page in PAGES.glob("*.html"):
        assert not taken & set(re.findall(r'data-(?:row-)?key="(\S)"', page.read_text(encoding="utf-8"))), page.name


def test_a_conversation_is_found_taken_answered_and_given_back(house: House, seat: Seat) -> None:
    asyncio.run(house.waiting("câu thứ nhất"))
    house.wait(minutes=1)
    second = asyncio.run(house.waiting("câu thứ hai"))
    seat.go("inbox")
    presses(seat, "j", "j", Keys.ENTER)
    seat.until(lambda: at(seat, f"conversations/{second}"))
    presses(seat, "a")
    seat.until(lambda: "Bạn đã nhận cuộc này" in seat.says("main"))
    presses(seat, "r", "Dạ có ạ, j k x g ? đều là chữ.")
    assert seat.one("#text").get_property("value") == "Dạ có ạ, j k x g ? đều là chữ."
    focused(seat).send_keys(Keys.CONTROL, Keys.ENTER)
    seat.until(lambda: "Dạ có ạ, j k x g ? đều là chữ." in seat.says("#talk"))
    presses(seat, "b")
    seat.until(lambda: "Đã trả lại cho trợ lý" in seat.says("main"))


def test_escape_leaves_a_field_and_letters_work_again(seat: Seat) -> None:
    seat.go("answers")
    presses(seat, "/")
    seat.until(lambda: focused(seat).get_attribute("name") == "words")
    presses(seat, "gc", Keys.ESCAPE, "g", "t")
    seat.until(lambda: at(seat, "inbox"))


def test_the_list_of_keys_names_them_all_and_closes_by_escape(seat: Seat) -> None:
    seat.go("answers")
    presses(seat, "?")
    seat.until(lambda: seat.one("dialog").is_displayed())
    said = seat.says("dialog")
    assert "nCâu trả lời mới" in said
    assert "giHộp câu hỏi" in said
    assert "gqTài khoản của tôi" in said
    assert NAME not in said
    presses(seat, Keys.ESCAPE)
    seat.until(lambda: not seat.one("dialog").is_displayed())
    assert seat.browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_single_letters_can_be_turned_off(seat: Seat) -> None:
    seat.go("answers")
    seat.one("#keys").click()
    seat.until(lambda: seat.one("dialog").is_displayed())
    seat.one("dialog input").click()
    presses(seat, Keys.ESCAPE)
    seat.go("answers")
    presses(seat, "n", "g", "t")
    assert at(seat, "answers")
    presses(seat, "?")
    seat.until(lambda: seat.one("dialog").is_displayed())
    assert not seat.one("dialog input").is_selected()


def test_a_letter_that_is_being_composed_presses_nothing(seat: Seat) -> None:
    seat.go("answers")
    script = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', bubbles: true, isComposing: true}))"
    seat.browser.execute_script(script)
    assert at(seat, "answers")
    assert seat.browser.find_elements(By.CSS_SELECTOR, "dialog") == []
