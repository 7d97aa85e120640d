"""A librarian in front of the screen: Chromium before a console that is served on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.connectors.console.desk import NAME, PASSWORD, House

PATIENCE_S = 10
SWITCHES = (
    "headless=new no-sandbox disable-gpu disable-dev-shm-usage disable-background-networking no-first-run lang=vi"
)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        reason = "Chromium is not installed: apt-get install chromium chromium-driver"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (*SWITCHES.split(), f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, Service(driver))
    yield browser
    browser.quit()


class Seat:
    """A librarian in front of the screen."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def sign_in(self) -> None:
        self.go("sign-in")
        self.one("#name").send_keys(NAME)
        self.one("#password").send_keys(PASSWORD, Keys.ENTER)
        self.until(lambda: self.browser.current_url.endswith("/console/inbox"))

    def go(self, path: str) -> None:
        self.browser.get(f"{self.url}/console/{path}")

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def look_again(self) -> None:
        """Come back to the tab: the page asks for news at once."""
        self.browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")

    def until(self, what: Callable[[], Any]) -> None:
        # While one page makes way for the next, the driver refuses in many ways.
        WebDriverWait(self.browser, PATIENCE_S, 0.05, [WebDriverException]).until(lambda _browser: what())

    def says(self, selector: str) -> str:
        return self.one(selector).get_property("textContent") or ""  # type: ignore[return-value]


@pytest.fixture
def seat(house: House, chrome: webdriver.Chrome) -> Iterator[Seat]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.app, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    chrome.delete_all_cookies()
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chrome.get_log("browser")  # type: ignore[no-untyped-call]
    seat = Seat(chrome, f"http://127.0.0.1:{listener.getsockname()[1]}")
    seat.sign_in()
    yield seat
    chrome.get("about:blank")
    server.should_exit = True
    thread.join(10)
