"""Markup in everything that people can name or write: it is shown as it was written, and never becomes markup."""

from __future__ import annotations

import html
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import pytest

from tests.attacks.attacker import Attacker
from tests.doors.worlds import OF

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]

MARK = "zqxj"
EVIL = [
    f"<script>alert('{MARK}')</script>",
    f"<img src=x onerror=alert('{MARK}')>",
    f"\"><svg/onload=alert('{MARK}')>",
    f"[{MARK}](javascript:alert(1)) *đậm* _nghiêng_ `mã` ||ẩn||",
    f"{{{{ {MARK}.__class__ }}}} {{% debug %}} ${{7*7}} {{0}} %s",
    f"\x1b[31m{MARK}\x1b[0m\x1b]0;x\x07",
    f"\u202e{MARK}\u202d\u2066gnp.exe",
    f"</textarea></title><b>{MARK}",
    f"javascript:alert('{MARK}')",
    f"tg://user?id=1 @admin /xoadulieu {MARK}",
]
OURS = re.compile(r"(?:\.\./|/)?(?:[a-z]+/)*[a-z]+\.(?:css|js)(?:\?v=[0-9a-f]+)?")
DRAWN = ("trend", "chart", "qr")  # pictures of the console's own
PAGES = ("inbox", "questions", "purchases", "feedback", "undelivered")


class Tags(HTMLParser):
    """The tags of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def harmless(self) -> bool:
        """Return whether no tag runs or loads anything but a script and a style of ours."""
        for tag, attrs in self.found:
            if any(name.startswith("on") or "javascript:" in (value or "") for name, value in attrs.items()):
                return False
            if tag in ("iframe", "object", "embed", "img", "base") or (tag == "script" and "src" not in attrs):
                return False
            if tag == "svg" and attrs.get("class") not in DRAWN:
                return False
            if tag in ("script", "link") and not OURS.fullmatch(str(attrs.get("src") or attrs.get("href"))):
                return False
        return True


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
async def test_a_patrons_words_are_text_everywhere(attacker: Attacker, patrons, text: str) -> None:
    librarian = await attacker.house.librarian()
    for patron in patrons():
        await patron.say("tôi muốn góp ý")
        await patron.say(f"phục vụ chậm quá {text}")
        await patron.say(f"đề nghị mua cuốn {text}")
        await patron.say(f"tìm sách {text}")
        await patron.say("gặp thủ thư")
        await patron.news()
        sheet = await librarian.conversation(await patron.conversation())
        for page in (sheet.page, *[await librarian.see(name) for name in PAGES]):
            assert page.status_code == 200
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert Tags(page.text).harmless(), page.text
            assert text not in page.text or html.escape(text) == text
        assert MARK in sheet.text
        answer = await sheet.press("reply", text=f"Bạn viết: {text}")
        assert answer.status_code == 303
        await patron.settled()
        assert any("Bạn viết:" in bubble.text and MARK in bubble.text for bubble in await patron.news()), patron.door
        assert Tags((await librarian.conversation(await patron.conversation())).text).harmless()


async def test_telegram_is_never_asked_to_read_markup(attacker: Attacker) -> None:
    sent = attacker.house.telegram.calls("sendMessage")
    assert sent
    assert not any(one.get("parse_mode") or one.get("entities") for one in sent)


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
async def test_names_and_titles_of_the_library_system_are_text(attacker: Attacker, patrons, name: str) -> None:
    for patron in patrons():
        who = await attacker.house.ils.card_holder(patron.world, "DT000101")
        rename(attacker, patron.world, who.patron_id.partition(OF)[2], name)
        await patron.say("đăng nhập thẻ")
        await patron.news()
        await patron.log_in("DT000101")
        await patron.say("đúng rồi")
        await patron.say("em đang mượn gì")
        shown = "\n".join(bubble.text for bubble in await patron.news())
        assert MARK in shown
        librarian = await attacker.house.librarian()
        sheet = await librarian.conversation(await patron.conversation())
        assert MARK in sheet.text
        assert Tags(sheet.text).harmless(), sheet.text


def rename(attacker: Attacker, world: str, patron_id: str, name: str) -> None:
    path = attacker.house.settings.ils.path.with_name(f"ils-{world}.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE patrons SET name = ? WHERE patron_id = ?", (name, patron_id))
        db.execute("UPDATE records SET title = ?", (name,))


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
async def test_the_websites_answers_are_json_and_nothing_else(attacker: Attacker, patron, text: str) -> None:
    web = patron("web")
    await web.say(text)
    told = await attacker.house.web.get(f"/api/conversations/{web.at}/history", headers=web.key)
    assert told.headers["content-type"] == "application/json"
    assert told.headers["cache-control"] == "no-store"
    refused = await attacker.house.web.post(f"/api/conversations/{web.at}/messages", json={text: text}, headers=web.key)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/link/", "/export/", "/console/", "/console/conversations/", "/api/conversations/", "/"]
)
async def test_no_page_repeats_its_address(attacker: Attacker, path: str) -> None:
    for text in EVIL:
        if any(ord(sign) < 32 for sign in text):
            continue
        page = await attacker.house.web.get(path + text.replace("/", "%2F").replace("?", "%3F").replace("#", "%23"))
        assert f"alert('{MARK}')" not in html.unescape(page.text) or page.status_code in (303, 307)
        assert Tags(page.text).harmless() or "text/html" not in page.headers.get("content-type", "")
