"""The librarian's guide tells of the console as it is: its screens, words, keys, rights and pictures."""

import os
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from connectors.console import drawing, trail
from connectors.console.menu import ENTRIES
from connectors.staff.roles import GRANTS, Permission, Role
from docs.screenshots import GUIDE, SIZE, Camera, camera

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
TEXT = (ROOT / "docs" / "thu-thu-vien.md").read_text(encoding="utf-8")
CONSOLE = ROOT / "connectors" / "console"
MOST_BYTES, MOST_PICTURES = 100_000, 12
OF_THE_SCRIPT = {"j", "k", "x", "g", "?", "Enter", "Ctrl+Enter", "Esc"}
OF_THE_BROWSER = {"Ctrl+P"}
# Said of a thing and not its name: where a bold word begins a line of a list.
TASKS = {
    "Đã có câu trả lời đúng ý",
    "Câu có sẵn gần đúng",
    "Chưa có câu nào",
    "Trong nhóm lẫn ý khác",
    "Hai nhóm cùng một ý",
}
RIGHTS = {
    "Đọc cuộc trò chuyện": Permission.READ_TALKS,
    "Trả lời bạn đọc": Permission.ANSWER_TALKS,
    "Đọc câu trả lời, lịch": Permission.READ_ANSWERS,
    "Soạn, sửa câu trả lời": Permission.EDIT_ANSWERS,
    "Phát hành câu rủi ro thấp của mình": Permission.PUBLISH_ANSWERS,
    "Duyệt câu của người khác": Permission.APPROVE_ANSWERS,
    "Phát hành dù Bàn thử báo đỏ": Permission.OVERRIDE_BENCH,
    "Dạy một câu": Permission.TEACH,
    "Huấn luyện": Permission.TRAIN,
    "Sửa lịch": Permission.EDIT_CALENDAR,
    "Gửi thông báo": Permission.ANNOUNCE,
    "Xem số liệu": Permission.READ_NUMBERS,
    "Xuất tệp, tải số liệu": Permission.EXPORT,
    "Quản lý tài khoản": Permission.MANAGE_STAFF,
    "Xem nhật ký": Permission.READ_AUDIT,
}


def _plain(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", text)).split())


def _console(*endings: str) -> str:
    """Return what the console's files with these endings say, tags left out."""
    files = (path for path in sorted(CONSOLE.rglob("*")) if path.suffix in endings)
    return " ".join(_plain(path.read_text(encoding="utf-8")) for path in files)


def _keys() -> set[str]:
    pages = " ".join(path.read_text(encoding="utf-8") for path in drawing.PAGES.glob("*.html"))
    macros = re.findall(r"{{ (?:deed|tab|entry)?\(?[^}]*\"([a-z0-9/])\"\)? }}", pages)
    return {*re.findall(r'data-(?:row-)?key="([^"{]+)"', pages), *macros, "1", "2", "3"}


def test_every_word_of_the_screen_is_on_a_screen() -> None:
    said = _console(".html", ".js") + " " + " ".join(entry.label for entry in ENTRIES)
    said += " " + (ROOT / "connectors/numbers/intervals.py").read_text(encoding="utf-8") + _console(".py")
    named = set(re.findall(r"\*\*([^*]+)\*\*", TEXT)) - TASKS
    assert len(named) > 40
    assert sorted(name for name in named if name not in said) == []


def test_every_entry_of_the_menu_is_explained_and_has_its_key() -> None:
    explained = set(re.findall(r"\*\*([^*]+)\*\*", TEXT))
    assert [entry.label for entry in ENTRIES if entry.label not in explained] == []
    assert re.findall(r"\| `g` `(\w)` \| ([^|]+) \|", TEXT) == [(entry.key, entry.label) for entry in ENTRIES]


def test_every_key_is_one_of_the_console() -> None:
    prose = re.sub(r"`g` `\w`", "", TEXT)
    named = {key for key in re.findall(r"`([^`]+)`", prose) if not key.startswith("/")}
    assert len(named) > 15
    assert sorted(named - _keys() - OF_THE_SCRIPT - OF_THE_BROWSER) == []


@pytest.mark.parametrize(("name", "key"), re.findall(r"\*\*([^*]+)\*\* \(phím `(\w)`\)", TEXT), ids=lambda value: value)
def test_a_key_presses_what_the_guide_says(name: str, key: str) -> None:
    lines = [line for path in drawing.PAGES.glob("*.html") for line in path.read_text(encoding="utf-8").splitlines()]
    pressed = rf'data-(?:row-)?key="{key}"|, "{key}"'
    assert any(name in line and re.search(pressed, line) for line in lines), f"{key} does not press “{name}”"


def test_the_rights_are_those_of_the_roles() -> None:
    rows = re.findall(r"^\| ([^|]+) \|([ ✓|]+)\|$", TEXT, re.MULTILINE)
    said = {name: [cell.strip() == "✓" for cell in cells.split("|")] for name, cells in rows}
    assert said == {name: [right in GRANTS[role] for role in Role] for name, right in RIGHTS.items()}
    assert set(RIGHTS.values()) == set(Permission)
    assert f"| Việc | {' | '.join(role.label for role in Role)} |" in TEXT


def test_every_picture_is_made_by_the_script_and_small() -> None:
    shown = re.findall(r"!\[([^\]]*)\]\(pictures/([a-z-]+)\.png\)", TEXT)
    assert sorted(name for _, name in shown) == sorted(GUIDE)
    assert sorted(path.name for path in PICTURES.iterdir()) == sorted(f"{name}.png" for name in GUIDE)
    assert all(len(told) > 20 for told, _ in shown)
    assert len(shown) <= MOST_PICTURES
    assert [path.name for path in PICTURES.iterdir() if path.stat().st_size > MOST_BYTES] == []


def test_deeds_of_the_trail_are_told_in_words() -> None:
    code = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "connectors").rglob("*.py"))
    subjects = "staff|talk|answer|question|pin|teaching|calendar|announcement|export|files"
    noted = set(re.findall(rf'"((?:{subjects})\.[a-z_]+)"', code)) - {"export.html", "calendar.yml", "staff.name"}
    assert len(noted) > 40
    assert sorted(noted - set(trail.DEEDS)) == []


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        reason = "Chromium is not installed: apt-get install chromium chromium-driver"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with camera(tmp_path_factory.mktemp("pictured")) as before:
        yield before


@pytest.mark.browser
def test_every_pictured_screen_is_there_and_fits_a_narrow_window(seen: Camera) -> None:
    seen.see(SIZE[0])
    seen.sign_in()
    for width in (SIZE[0], 320):
        for name, shot in GUIDE.items():
            if shot.path == "sign-in":
                continue
            seen.see(width)
            seen.go(shot)
            assert seen.browser.find_elements(By.CSS_SELECTOR, "main h1"), name
            assert "Không có trang" not in seen.browser.title, name
            assert seen.overflow() <= 0, f"{name} is too wide for {width} pixels"
