"""A librarian's round with the keyboard alone, on the running product and the demo library's month: what it takes.

`THUTHU_WALK=folder pytest tests/product/test_console_walk.py -s` leaves the pictures there and prints the times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from connectors.clock import wall_clock
from connectors.preparing import load_demo_month, load_demo_patrons
from connectors.settings import load_settings
from connectors.staff.accounts import add_staff
from connectors.store import Store
from tests.connectors.console.desk import NAME, PASSWORD
from tests.connectors.console.seat import Seat, chrome  # noqa: F401  the fixture
from tests.product.product import Chat, Product, copy_library, free_port, missing, skip_or_fail, write_settings

pytestmark = [pytest.mark.product, pytest.mark.browser]

COLLECTED_WITHIN_S = 150
MOST_KEYS = 3  # to attach the top question to an answer
LIVE_WITHIN_S = 60


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with a month behind it and one librarian, once its questions are in the inbox."""
    if reason := missing():
        skip_or_fail(reason)
    folder = tmp_path_factory.mktemp("walk")
    copy_library(folder / "var")
    settings = load_settings(write_settings(folder, free_port()))
    load_demo_patrons(settings, folder / "var" / "ils.sqlite", wall_clock().date())
    load_demo_month(settings)
    store = Store(folder / "var" / "gateway.sqlite")
    store.write_now(lambda db: add_staff(db, NAME, PASSWORD, "content_admin", wall_clock()))
    store.close()
    with Product.running(folder) as product:
        deadline = time.monotonic() + COLLECTED_WITHIN_S
        while not product.rows("SELECT count(*) FROM clusters")[0][0]:
            assert time.monotonic() < deadline, "no question came into the inbox"
            time.sleep(0.5)
        yield product


@dataclass
class Walk:
    """A librarian at the keyboard; `times` are seconds, by what was done."""

    seat: Seat
    pictures: Path
    times: dict[str, float] = field(default_factory=dict)
    keys: int = 0

    @property
    def focused(self) -> WebElement:
        return self.seat.browser.switch_to.active_element

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.focused.send_keys(key)
            self.keys += 1

    def reaches(self, row: str) -> None:
        """Go down the list until the row of this id has the focus."""
        for _ in range(len(self.seat.browser.find_elements(By.CSS_SELECTOR, "[data-list] > *"))):
            self.presses("j")
            if self.focused.get_attribute("id") == row:
                return
        raise AssertionError(f"no row {row}")

    def types(self, words: str) -> None:
        self.focused.send_keys(words)

    def sees(self, words: str, within: str = "main") -> None:
        self.seat.until(lambda: words in self.seat.says(within))

    def goes(self, letter: str, title: str) -> None:
        self.presses("g", letter)
        self.seat.until(lambda: self.seat.says("h1").startswith(title))

    def picture(self, name: str) -> None:
        self.seat.browser.save_screenshot(str(self.pictures / f"{len(self.times):02}-{name}.png"))

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        began, self.keys = time.monotonic(), 0
        yield
        self.times[what] = round(time.monotonic() - began, 1)
        self.picture(what)


@pytest.fixture
def walk(house: Product, chrome: webdriver.Chrome, tmp_path: Path) -> Walk:  # noqa: F811
    pictures = Path(os.environ.get("THUTHU_WALK") or tmp_path)
    pictures.mkdir(parents=True, exist_ok=True)
    chrome.set_window_size(1280, 900)
    walk = Walk(Seat(chrome, house.url), pictures)
    walk.seat.sign_in()
    return walk


def soon(what: Callable[[], Any], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_a_librarians_round_with_the_keyboard_alone(house: Product, walk: Walk) -> None:
    walk.goes("i", "Hộp câu hỏi")
    walk.picture("hop-cau-hoi")
    with walk.doing("gan-cum-dau"):
        walk.presses("j", "1")
        walk.sees("Đã gắn vào")
    assert walk.keys <= MOST_KEYS

    with walk.doing("viet-cau-moi"):
        walk.goes("i", "Hộp câu hỏi")
        walk.presses("j", Keys.ENTER)
        walk.sees("Các cách hỏi")
        walk.presses("n")
        walk.seat.until(lambda: walk.seat.says("h1") == "Câu trả lời mới")
        asked = str(walk.seat.one("#question").get_property("value"))
        walk.presses("r")
        walk.types("Dạ có ạ: quầy tầng trệt ở Mỹ Tho giúp bạn việc này, mọi ngày mở cửa.")
        walk.presses(Keys.ESCAPE, "p")
        walk.sees("Đã phát hành")
        soon(lambda: "quầy tầng trệt ở Mỹ Tho giúp bạn việc này" in Chat.open(house.url).say(asked))
    assert walk.times["viet-cau-moi"] <= LIVE_WITHIN_S

    with walk.doing("rut-xuong"):
        walk.presses("w")
        walk.types("Viết nhầm cơ sở")
        walk.presses(Keys.ENTER)
        walk.sees("Đã rút xuống")
        soon(lambda: "quầy tầng trệt ở Mỹ Tho giúp bạn việc này" not in Chat.open(house.url).say(asked))

    patron = Chat.open(house.url)
    patron.say("cho em gặp thủ thư với ạ")
    with walk.doing("tra-loi-ban-doc"):
        walk.goes("t", "Hộp thư")
        walk.reaches(f"open-{patron.conversation}")  # some patrons of the month have waited longer
        walk.presses(Keys.ENTER)
        walk.sees("cho em gặp thủ thư với ạ", "#talk")
        walk.presses("a")
        walk.sees("Bạn đã nhận cuộc này")
        walk.presses("r")
        walk.types("Chào em, mình là Lan, em cần gì nào?")
        walk.focused.send_keys(Keys.CONTROL, Keys.ENTER)
        walk.sees("Đã chuyển cho bạn đọc")
        soon(lambda: "mình là Lan" in str(patron.history()[-1]))
        walk.presses("b")
        walk.sees("Đã trả lại cho trợ lý")

    with walk.doing("sua-cach-hieu"):
        walk.goes("v", "Hội thoại")
        walk.presses("j", Keys.ENTER)
        walk.sees("Cuộc trò chuyện")
        walk.presses("j", "t")
        walk.seat.until(lambda: walk.seat.says("h1") == "Dạy một câu")
        walk.types("Hỏi quy định")
        walk.focused.send_keys(Keys.CONTROL, Keys.ENTER)
        walk.sees("Đã lưu. Nhờ một đồng nghiệp xem")

    with walk.doing("huan-luyen"):
        walk.goes("d", "Huấn luyện")
        walk.presses("t")
        walk.sees("Đang học các câu mẫu")
        walk.picture("dang-huan-luyen")
        walk.presses("s")
        walk.sees("Đã dừng huấn luyện")

    with walk.doing("so-lieu"):
        walk.goes("h", "Số liệu")
        walk.sees("Lượt trò chuyện")
    walk.presses("?")
    walk.seat.until(lambda: walk.seat.one("dialog").is_displayed())
    walk.picture("phim-tat")
    print(walk.times)
