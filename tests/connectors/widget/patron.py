"""Somebody in front of the page: what they do and what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.connectors.widget.scripted_gateway import Gateway

PATIENCE_S = 15
OFFLINE = {"offline": True, "latency": 0, "throughput": -1}


class Patron:
    def __init__(self, browser: webdriver.Chrome, gateway: Gateway) -> None:
        self.browser = browser
        self.gateway = gateway
        self.visit()

    def visit(self) -> None:
        self.browser.get(self.gateway.url)
        self.sees("Chào bạn")

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def named(self, words: str) -> WebElement:
        """Return the newest button or link of this name in the conversation."""
        return next(
            one
            for one in reversed(self.all("#log button, #log a"))
            if words in (one.get_attribute("textContent") or "")
        )

    def until(self, what: Callable[[], Any]) -> None:
        WebDriverWait(self.browser, PATIENCE_S, poll_frequency=0.05).until(lambda _browser: what())

    def bubbles(self, who: str = "library") -> list[str]:
        """Return what one side said, the page's greeting aside."""
        script = "return [...document.querySelectorAll(arguments[0])].map((bubble) => bubble.innerText.trim())"
        said: list[str] = self.browser.execute_script(script, f".message.{who} .bubble")
        return said[1:] if who == "library" else said

    def sees(self, words: str) -> None:
        self.until(lambda: words in self.one("body").text)

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

    def presses(self, key: str, on: str = "body", **more: object) -> bool:
        """Press a key as an input method does; return whether the page let the browser act on it."""
        script = """
            const [selector, more] = arguments;
            const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...more });
            return document.querySelector(selector).dispatchEvent(event)
        """
        return bool(self.browser.execute_script(script, on, {"key": key, **more}))

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
