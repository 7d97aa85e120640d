"""The console in a browser: what is new comes by itself, what is being typed stays, all of it works without script."""

from __future__ import annotations

import asyncio

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from sqlalchemy import delete

from connectors.store import staff_sessions
from tests.connectors.console.desk import COLLEAGUE, NAME, XSS, House
from tests.connectors.console.seat import Seat

pytestmark = pytest.mark.browser


def test_news_come_while_somebody_types_and_their_words_and_place_stay(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting())
    seat.go(f"conversations/{conversation_id}")
    seat.one("#text").send_keys("Bạn chờ mình xem")
    asyncio.run(house.hear(conversation_id, f"em đợi đây {XSS}"))
    asyncio.run(house.handover.take_over(conversation_id, COLLEAGUE))
    seat.look_again()
    seat.until(lambda: "em đợi đây" in seat.says("#talk"))
    assert XSS in seat.says("#talk")
    assert "Bạn đọc: em đợi đây" in seat.says("#heard")
    seat.until(lambda: f"{COLLEAGUE} đang trả lời" in seat.says("#state"))
    assert seat.one("#text").get_property("value") == "Bạn chờ mình xem"
    assert seat.browser.switch_to.active_element.get_attribute("id") == "text"
    seat.browser.switch_to.active_element.send_keys(" đã.")
    assert seat.one("#text").get_property("value") == "Bạn chờ mình xem đã."
    assert seat.browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_a_bubble_is_not_drawn_twice_and_its_sending_is_kept_up(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting(channel="zalo"))
    asyncio.run(house.handover.say_as_person(conversation_id, NAME, "Chào bạn.", "k1"))
    seat.go(f"conversations/{conversation_id}")
    before = len(seat.browser.find_elements(By.CSS_SELECTOR, "#talk > li"))
    assert "Không gửi được" not in seat.says("#talk")
    asyncio.run(house.bury(2, "blocked"))
    seat.look_again()
    seat.until(lambda: "Không gửi được: bạn đọc đã chặn" in seat.says("#talk"))
    assert len(seat.browser.find_elements(By.CSS_SELECTOR, "#talk > li")) == before


def test_the_box_comes_back_when_the_patron_writes_again(house: House, seat: Seat) -> None:
    house.wait(hours=-72)
    conversation_id = asyncio.run(house.waiting(channel="zalo"))
    house.wait(hours=72)
    seat.go(f"conversations/{conversation_id}")
    assert "Không gửi được nữa" in seat.says("#shut")
    asyncio.run(house.hear(conversation_id, "mình đây"))
    seat.look_again()
    seat.until(lambda: seat.one("#text").is_displayed())


def test_control_and_enter_send_and_enter_alone_does_not(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting())
    seat.go(f"conversations/{conversation_id}")
    seat.one("#text").send_keys("Dòng một", Keys.ENTER, "dòng hai")
    assert house.said(conversation_id) == []
    seat.one("#text").send_keys(Keys.CONTROL, Keys.ENTER)
    seat.until(lambda: house.said(conversation_id))
    assert house.said(conversation_id) == ["Dòng một\ndòng hai"]
    seat.until(lambda: "Đã chuyển cho bạn đọc." in seat.says("#answer"))


def test_the_inbox_grows_by_itself_and_tells_it_in_the_title(house: House, seat: Seat) -> None:
    assert seat.browser.title.startswith("Hộp thư")
    asyncio.run(house.waiting("mới tới"))
    seat.look_again()
    seat.until(lambda: "Phiếu 1" in seat.says("#chats"))
    seat.until(lambda: seat.browser.title.startswith("(1) Hộp thư"))


def test_a_button_in_what_is_renewed_keeps_the_focus(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting())
    seat.go(f"conversations/{conversation_id}")
    seat.browser.execute_script("document.getElementById('take').focus()")
    asyncio.run(house.handover.take_over(conversation_id, COLLEAGUE))
    seat.look_again()
    seat.until(lambda: COLLEAGUE in seat.says("#take"))
    assert seat.browser.switch_to.active_element.get_attribute("id") == "take"


def test_who_has_been_signed_out_is_told_and_keeps_the_words(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting())
    seat.go(f"conversations/{conversation_id}")
    seat.one("#text").send_keys("Câu dài")
    house.store.write_now(lambda db: db.execute(delete(staff_sessions)))
    seat.look_again()
    seat.until(lambda: "Phiên làm việc đã hết." in seat.one("#away").text)
    assert seat.one("#text").get_property("value") == "Câu dài"


def test_all_of_it_works_without_script(house: House, seat: Seat) -> None:
    conversation_id = asyncio.run(house.waiting())
    seat.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    seat.go("inbox")
    seat.one("#chats a").click()
    seat.until(lambda: seat.one("#take"))
    seat.one("#take").click()
    seat.until(lambda: "Bạn đang trả lời" in seat.one("#state").text)
    seat.one("#text").send_keys("Có nhé bạn.")
    seat.one("#reply button").click()
    seat.until(lambda: "Đã chuyển cho bạn đọc." in seat.one("#answer").text)
    assert house.said(conversation_id) == ["Có nhé bạn."]
    seat.one("#close").click()
    seat.until(lambda: "Đã đóng phiếu 1." in seat.one("main").text)


@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_is_wider_than_the_screen(house: House, seat: Seat, width: int) -> None:
    conversation_id = asyncio.run(house.waiting("dài" * 300, "zalo"))
    asyncio.run(house.bury(1, "blocked"))
    seat.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    for page in ("inbox", f"conversations/{conversation_id}", "undelivered"):
        seat.go(page)
        assert seat.browser.execute_script("return document.documentElement.scrollWidth") <= width, page
    seat.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
