"""A browser, a gateway to look at with it, and somebody who sits in front."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.widget.host_site import HostSite, hosting
from tests.widget.patron import Patron
from tests.widget.scripted_gateway import Gateway, serving


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path / "gateway.sqlite") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        reason = "Chromium is not installed: apt-get install chromium chromium-driver"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    switches = (
        "headless=new no-sandbox disable-gpu disable-dev-shm-usage disable-background-networking "
        "disable-component-update disable-sync no-first-run lang=vi window-size=1280,800"
    )
    for switch in switches.split():
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def patron(browser: webdriver.Chrome, gateway: Gateway) -> Iterator[Patron]:
    browser.get_log("browser")
    patron = Patron(browser, gateway)
    patron.visit()
    yield patron
    as_new(browser)


def as_new(browser: webdriver.Chrome) -> None:
    """Leave the browser as it came, but for what it keeps of each origin: a gateway's is its own."""
    browser.delete_network_conditions()
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.get("about:blank")


@pytest.fixture
def site(gateway: Gateway) -> Iterator[HostSite]:
    with hosting(gateway.url) as site:
        site.shows()
        yield site


@pytest.fixture
def visitor(browser: webdriver.Chrome, gateway: Gateway, site: HostSite) -> Iterator[Patron]:
    """Somebody who is about to visit the host page."""
    browser.get_log("browser")
    yield Patron(browser, gateway, site.url)
    as_new(browser)
