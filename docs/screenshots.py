"""Takes the pictures of the librarian's guide: `python docs/screenshots.py`, or `--all FOLDER` for every screen.

It serves the console over an invented library on loopback and looks at it in Chromium, as a librarian's old PC would.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import uvicorn  # noqa: E402
from PIL import Image  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from connectors.store import Store  # noqa: E402
from docs.pictured import furnish  # noqa: E402
from tests.connectors.console.desk import NAME, PASSWORD, House  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = (1280, 800)
LONGEST = 6000  # pixels, of a whole page
COLOURS = 64  # of a picture: text and flat colours need no more
SWITCHES = (
    "headless=new no-sandbox disable-gpu disable-dev-shm-usage disable-background-networking no-first-run lang=vi "
    "hide-scrollbars force-device-scale-factor=1"
)


@dataclass(frozen=True)
class Shot:
    """A screen: where it is, which link of that page leads on to it, what is pressed there, where to scroll."""

    path: str
    follow: str = ""
    press: str = ""
    scroll: str = ""


@dataclass(frozen=True)
class Look:
    """How a screen is looked at; `name` is added to the picture's."""

    name: str = ""
    width: int = SIZE[0]
    scheme: str = "light"


LOOKS = (Look(), Look("-dark", scheme="dark"), Look("-400", width=320))
# The guide's pictures: the name of the file, and the screen.
GUIDE: Mapping[str, Shot] = {
    "dang-nhap": Shot("sign-in"),
    "hop-thu": Shot("inbox"),
    "cuoc-tro-chuyen": Shot("inbox", follow="#chats li:nth-child(2) h2 a"),
    "hop-cau-hoi": Shot("questions"),
    "nhom-cau-hoi": Shot("questions", follow="table a"),
    "trinh-soan": Shot("answers/wifi/edit"),
    "duyet": Shot("reviews", follow="table a"),
    "huan-luyen": Shot("teaching"),
    "lich": Shot("calendar"),
    "thong-bao": Shot("announcements"),
    "so-lieu": Shot("numbers"),
    "phim-tat": Shot("questions", press="#keys"),
}
OTHERS: Mapping[str, Shot] = {
    "talks": Shot("conversations"),
    "undelivered": Shot("undelivered"),
    "purchases": Shot("purchases"),
    "feedback": Shot("feedback"),
    "correct": Shot("teaching/correct"),
    "training": Shot("teaching", follow="table a"),
    "answers": Shot("answers"),
    "answer": Shot("answers/wifi"),
    "new-answer": Shot("answers/new"),
    "reviews": Shot("reviews"),
    "pins": Shot("pins"),
    "effects": Shot("numbers/effects"),
    "asked": Shot("answers/wifi/asked"),
    "report": Shot("numbers/report"),
    "staff": Shot("staff"),
    "staff-one": Shot("staff", follow="table a"),
    "audit": Shot("audit"),
    "day": Shot("calendar/day/2026-11-26"),
    "hours": Shot("calendar/hours"),
    "holidays": Shot("calendar/holidays"),
    "versions": Shot("calendar/versions"),
    "files": Shot("files"),
    "announcement-new": Shot("announcements/new?kind=closure"),
    "announcement": Shot("announcements", follow="main a[href*='announcements/']:not([href*=new])"),
    "account": Shot("account"),
}


class Camera:
    """A librarian's browser before the console."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser, self.url = browser, url

    def sign_in(self) -> None:
        self.browser.get(f"{self.url}/console/sign-in")
        self.browser.find_element(By.ID, "name").send_keys(NAME)
        self.browser.find_element(By.ID, "password").send_keys(PASSWORD)
        self.browser.find_element(By.CSS_SELECTOR, "main button").click()
        WebDriverWait(self.browser, 15).until(lambda _browser: not self.browser.current_url.endswith("sign-in"))

    def go(self, shot: Shot) -> None:
        """Bring the screen up. Raises an error of the driver's where something of it is not there."""
        self.browser.get(f"{self.url}/console/{shot.path}")
        if shot.follow:
            link = self.browser.find_element(By.CSS_SELECTOR, shot.follow).get_attribute("href") or ""
            self.browser.get(link.partition("#")[0])
        if shot.press:
            self.browser.find_element(By.CSS_SELECTOR, shot.press).click()
        if shot.scroll:
            place = self.browser.find_element(By.CSS_SELECTOR, shot.scroll)
            self.browser.execute_script("arguments[0].scrollIntoView()", place)

    def take(self, into: Path, *, whole: bool = False) -> None:
        """Write what is seen; `whole`: down to the end of the page."""
        if whole:
            width, height = self.browser.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
            self._sized(int(width), min(int(height), LONGEST))
        picture = Image.open(io.BytesIO(self.browser.get_screenshot_as_png())).convert("RGB")
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(into, optimize=True)

    def see(self, width: int, scheme: str = "light") -> None:
        """Look through a window this wide: a page at 400 % zoom has a quarter of the screen's width."""
        self._sized(width, SIZE[1])
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.browser.execute_script(wider))

    def _sized(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@contextmanager
def served(house: House) -> Iterator[str]:
    """Give the address at which the house's console is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.app, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def camera(folder: Path) -> Iterator[Camera]:
    """Give a camera before the furnished house; its files are in the folder."""
    store = Store(folder / "gateway.sqlite")
    house = asyncio.run(furnish(store))
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for switch in (*SWITCHES.split(), f"user-data-dir={folder / 'chromium'}"):
        options.add_argument(f"--{switch}")
    browser = webdriver.Chrome(options, Service(shutil.which("chromedriver"), env={**os.environ, "LANGUAGE": "vi"}))
    try:
        with served(house) as url:
            yield Camera(browser, url)
    finally:
        browser.quit()
        store.close()


def take_all(shots: Mapping[str, Shot], into: Path, looks: Sequence[Look] = ()) -> None:
    """Take the pictures; with `looks`, each whole screen once for each of them."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, camera(Path(folder)) as seen:
        is_in = False
        for name, shot in sorted(shots.items(), key=lambda each: each[1].path != "sign-in"):
            if shot.path != "sign-in" and not is_in:
                seen.sign_in()
                is_in = True
            for look in looks or (Look(),):
                seen.see(look.width, look.scheme)
                seen.go(shot)
                if over := seen.overflow():
                    print(f"{name}{look.name}: {over} pixels too wide")
                seen.take(into / f"{name}{look.name}.png", whole=bool(looks))


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument(
        "--all", type=Path, metavar="FOLDER", help="every screen, whole; also dark, and at 400 %% zoom"
    )
    folder = reading.parse_args().all
    take_all({**GUIDE, **OTHERS}, folder, LOOKS) if folder else take_all(GUIDE, PICTURES)


if __name__ == "__main__":
    main()
