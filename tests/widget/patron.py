"""Somebody in front of the chat: what they do and what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.shadowroot import ShadowRoot
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.widget.scripted_gateway import Gateway

PATIENCE_S = 40
OFFLINE = {"offline": True, "latency": 0, "throughput": -1}
ROOT = "const root = document.querySelector('thu-thu').shadowRoot; "


class Patron:
    """In front of the library's own page, or of the page at `url` that has the widget."""

    def __init__(self, browser: webdriver.Chrome, gateway: Gateway, url: str = "") -> None:
        self.browser = browser
        self.gateway = gateway
        self.url = url or gateway.url

    def visit(self, query: str = "") -> None:
        self.browser.get(self.url + query)
        self.until(lambda: self.browser.find_elements(By.CSS_SELECTOR, "thu-thu"))
        if not self.launchers():
            self.sees("Chào bạn")

    def launchers(self) -> list[WebElement]:
        return [one for one in self.all("#launch") if one.is_displayed()]

    def opens(self) -> None:
        self.until(self.launchers)
        self.one("#launch").click()
        self.sees("Chào bạn")

    @property
    def root(self) -> ShadowRoot:
        return self.browser.find_element(By.CSS_SELECTOR, "thu-thu").shadow_root

    def all(self, selector: str) -> list[WebElement]:
        return self.root.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.root.find_element(By.CSS_SELECTOR, selector)

    def runs(self, script: str, *given: object) -> Any:
        """Return what the script returns; `root` is where the chat is drawn."""
        return self.browser.execute_script(ROOT + script, *given)

    def focused(self) -> WebElement:
        return self.runs("return root.activeElement || document.activeElement")

    def named(self, words: str) -> WebElement:
        """Return the newest button or link of this name in the conversation."""
        shown = reversed(self.all("#log button, #log a"))
        return next(one for one in shown if words in (one.get_attribute("textContent") or ""))

    def until(self, what: Callable[[], Any]) -> None:
        # While one page makes way for the next, the driver refuses in many ways.
        WebDriverWait(self.browser, PATIENCE_S, 0.05, [WebDriverException]).until(lambda _browser: what())

    def bubbles(self, who: str = "library") -> list[str]:
        """Return what one side said, the page's greeting aside."""
        script = "return [...root.querySelectorAll(arguments[0])].map((bubble) => bubble.innerText.trim())"
        said: list[str] = self.runs(script, f".message.{who} .bubble")
        return said[1:] if who == "library" else said

    def seen(self) -> str:
        return str(self.runs("return root.querySelector('.panel')?.innerText ?? ''"))

    def sees(self, words: str) -> None:
        self.until(lambda: words in self.seen())

    def answered(self, *replies: str) -> None:
        self.until(lambda: self.bubbles() == list(replies))

    def says(self, *words: str) -> None:
        for one in words:
            self.one("#words").send_keys(one, Keys.ENTER)

    def asks(self, words: str) -> None:
        before = len(self.bubbles())
        self.says(words)
        self.until(lambda: len(self.bubbles()) > before)

    def goes_offline(self) -> None:
        self.browser.set_network_conditions(**OFFLINE)

    def comes_online(self) -> None:
        self.browser.delete_network_conditions()

    def prefers(self, **features: str) -> None:
        """Set media features, such as prefers_color_scheme="dark"."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})

    def on_paper(self, selector: str) -> list[str]:
        """Return the texts of the elements that would be printed."""
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        shown = [one.text for one in self.all(selector) if one.is_displayed()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        return shown

    def looks_at(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def presses(self, key: str, on: str, **more: object) -> bool:
        """Press a key as an input method does; return whether the page let the browser act on it."""
        script = """
            const [selector, more] = arguments;
            const event = new KeyboardEvent('keydown', { bubbles: true, composed: true, cancelable: true, ...more });
            return root.querySelector(selector).dispatchEvent(event)
        """
        return bool(self.runs(script, on, {"key": key, **more}))

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
