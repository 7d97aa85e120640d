"""How the chat looks and reads: axe on it in every dress, reflow at 400 %, and pictures to look at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.widget.host_site import HostSite
from tests.widget.patron import Patron

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "connectors/widget/node_modules/axe-core/axe.min.js"
DRESSES: dict[str, tuple[dict[str, str], tuple[int, int]]] = {
    "light": ({"prefers_color_scheme": "light"}, (1280, 800)),
    "dark": ({"prefers_color_scheme": "dark"}, (1280, 800)),
    "telephone": ({"prefers_color_scheme": "light"}, (360, 740)),
    "telephone-dark": ({"prefers_color_scheme": "dark"}, (360, 740)),
    "zoomed-400": ({"prefers_color_scheme": "light"}, (320, 256)),
    "high-contrast": ({"prefers_contrast": "more"}, (1280, 800)),
    "high-contrast-dark": ({"prefers_contrast": "more", "prefers_color_scheme": "dark"}, (360, 740)),
    "forced-colours": ({"forced_colors": "active", "prefers_color_scheme": "dark"}, (1280, 800)),
}


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        reason = "axe-core is not there: npm ci in connectors/widget"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return AXE.read_text(encoding="utf-8")


def violations(patron: Patron, axe: str) -> list[str]:
    """Return what axe finds wrong with the whole page, its best practices included."""
    patron.browser.execute_script(axe)
    run = "const done = arguments[0]; axe.run(document).then(({ violations }) => done(JSON.stringify(violations)))"
    found: list[dict[str, Any]] = json.loads(patron.browser.execute_async_script(run))
    return [f"{one['id']}: {node['html'][:120]} {node['target']}" for one in found for node in one["nodes"]]


def converses(patron: Patron) -> None:
    """Bring about everything that the chat can show."""
    patron.asks("Giờ mở cửa")
    patron.named("Chi nhánh khác").click()
    patron.until(lambda: len(patron.bubbles()) == 2)
    patron.asks("nuôi tôm")
    patron.gateway.librarian_says("Chào bạn, mình là Hoa. Cuốn đầu ở tầng 1, bạn cứ đến nhé.")
    patron.sees("mình là Hoa")
    patron.says("cảm ơn chị")
    patron.sees("Thủ thư sẽ đọc")


def dressed(patron: Patron, dress: str) -> None:
    features, size = DRESSES[dress]
    patron.looks_at(*size)
    patron.prefers(**features)


@pytest.mark.parametrize("dress", DRESSES)
def test_axe_finds_nothing_on_the_page(patron: Patron, axe: str, dress: str, tmp_path: Path) -> None:
    dressed(patron, dress)
    assert violations(patron, axe) == []
    patron.browser.save_screenshot(str(tmp_path / f"page-{dress}-greeting.png"))
    converses(patron)
    assert violations(patron, axe) == []
    patron.browser.save_screenshot(str(tmp_path / f"page-{dress}.png"))
    patron.one("summary").click()
    patron.one("#forget").click()
    assert violations(patron, axe) == []


@pytest.mark.parametrize("dress", DRESSES)
def test_axe_finds_nothing_in_the_widget(visitor: Patron, site: HostSite, axe: str, dress: str, tmp_path: Path) -> None:
    site.shows(more=' data-lang="vi"')
    dressed(visitor, dress)
    visitor.visit()
    visitor.until(visitor.launchers)
    assert violations(visitor, axe) == []
    visitor.browser.save_screenshot(str(tmp_path / f"widget-{dress}-launcher.png"))
    visitor.opens()
    converses(visitor)
    assert violations(visitor, axe) == []
    visitor.browser.save_screenshot(str(tmp_path / f"widget-{dress}.png"))
    visitor.one("#close").click()
    visitor.gateway.librarian_says("Bạn còn cần gì không?")
    visitor.until(lambda: visitor.one("#launch b").text == "1")
    assert violations(visitor, axe) == []
    visitor.browser.save_screenshot(str(tmp_path / f"widget-{dress}-unread.png"))


@pytest.mark.parametrize("dress", ["light", "telephone-dark"])
def test_axe_finds_nothing_in_a_form_or_while_offline(patron: Patron, axe: str, dress: str, tmp_path: Path) -> None:
    dressed(patron, dress)
    patron.asks("đặt hẹn")
    patron.goes_offline()
    patron.one("#words").send_keys("mai mình đến")
    patron.sees("mất kết nối")
    assert violations(patron, axe) == []
    patron.browser.save_screenshot(str(tmp_path / f"form-{dress}.png"))


def test_at_400_percent_all_is_reached_by_scrolling_down_alone(patron: Patron) -> None:
    dressed(patron, "zoomed-400")
    converses(patron)
    assert (
        patron.runs(
            "const { scrollWidth, clientWidth } = root.querySelector('.panel'); return scrollWidth - clientWidth"
        )
        == 0
    )
    box = "return arguments[0].getBoundingClientRect().toJSON()"
    for selector in ("header", ".card", "#composer", "#privacy"):
        one = patron.one(selector)
        patron.browser.execute_script("arguments[0].scrollIntoView({ block: 'nearest' })", one)
        seen = patron.browser.execute_script(box, one)
        assert 0 <= seen["left"] <= seen["right"] <= 320, selector


def test_a_text_size_of_ones_own_makes_the_widget_larger_even_where_the_page_forbids_it(
    visitor: Patron, site: HostSite
) -> None:
    """The page sets its root to 10 pixels, as many do; the widget follows the reader's setting and not the page's."""
    site.shows(body="<style>html { font-size: 62.5% }</style>")
    visitor.visit()
    visitor.opens()
    assert visitor.runs("return getComputedStyle(root.querySelector('.panel')).fontSize") == "16px"


def test_nothing_moves(patron: Patron) -> None:
    """So nothing has to stop for those who prefer less motion."""
    converses(patron)
    moving = """
        const styles = [...root.querySelectorAll('*')].map((one) => getComputedStyle(one));
        return styles.filter((one) => one.animationName !== 'none' || one.transitionDuration !== '0s').length
    """
    assert patron.runs(moving) == 0
    assert patron.browser.execute_script("return document.getAnimations().length") == 0
    assert patron.browser.find_elements(By.CSS_SELECTOR, "marquee") == []
