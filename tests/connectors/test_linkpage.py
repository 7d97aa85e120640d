"""The one-time page as a browser meets it: what it shows, what it refuses, and what it gives away, which is nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from connectors import mailbox
from connectors.account import Login, LoginResult, StoredLinks
from connectors.linkpage import language, link_router
from connectors.messages import sentence
from connectors.store import Store, conversations
from library.ports import Turn
from tests.connectors.ils.sample import PIN, Library, open_library

RIGHT = {"card": "DT000001", "pin": PIN}


@dataclass
class Site:
    browser: httpx.AsyncClient
    links: StoredLinks
    store: Store
    library: Library
    told: list[Login] = field(default_factory=list)

    async def address(self) -> str:
        now = self.library.clock()
        conversation_id, _ = await self.store.write(lambda db: mailbox.open_conversation(db, "web", now))
        return await self.links.start(Turn(conversation_id, "m1", "web", now))


@pytest.fixture
async def site(tmp_path: Path):
    library, store = open_library(tmp_path), Store(tmp_path / "gateway.sqlite")
    links = StoredLinks(store, library.ils, library.clock, "https://hoi.example", login_takes_s=0)
    told: list[Login] = []

    async def on_login(login: Login) -> None:
        told.append(login)

    app = FastAPI()
    app.include_router(link_router(links, on_login, lambda _request: True, library="Thư viện <tỉnh>"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hoi.example") as browser:
        yield Site(browser, links, store, library, told)
    store.close()


class Page(HTMLParser):
    """The elements of a page, in order, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


async def test_the_page_shows_a_form_with_a_label_for_each_field(site):
    page = Page((await site.browser.get(await site.address())).text)
    card, pin = page.all("input")
    assert [label["for"] for label in page.all("label")] == [card["id"], pin["id"]]
    assert (card["autocomplete"], card["inputmode"], card["type"]) == ("username", "text", "text")
    assert (pin["autocomplete"], pin["inputmode"], pin["type"]) == ("current-password", "numeric", "password")
    assert page.all("form")[0]["method"] == "post"
    assert page.all("html")[0]["lang"] == "vi"
    assert len(page.all("h1")) == 1
    assert "Thư viện <tỉnh>" in page.words


async def test_the_page_needs_no_script_and_no_inline_style(site):
    response = await site.browser.get(await site.address())
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(response.text)
    assert page.all("script") == page.all("style") == []
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.elements for name in attributes)
    (sheet,) = page.all("link")
    style = await site.browser.get(httpx.URL("https://hoi.example/link/token").join(sheet["href"]))
    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")
    assert "@import" not in style.text
    assert "url(" not in style.text


async def test_what_zalos_widget_calls_is_served_as_a_script(site):
    script = await site.browser.get("https://hoi.example/link/zalo.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "zaloAnswered" in script.text


async def answers_of_every_kind(site) -> list[httpx.Response]:
    address = await site.address()
    return [
        await site.browser.get(address),
        await site.browser.post(address, data={}),
        await site.browser.post(address, content=b"x" * 3000),
        await site.browser.post(address, data=RIGHT),
        await site.browser.post(address, data=RIGHT),
        await site.browser.get(address),
        await site.browser.post(await site.address(), data=RIGHT | {"pin": "000000"}),
    ]


async def test_no_answer_may_be_framed_stored_or_traced(site):
    answers = await answers_of_every_kind(site)
    assert [answer.status_code for answer in answers] == [200, 422, 413, 200, 410, 410, 403]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


async def test_no_answer_repeats_what_was_typed(site):
    typed = {"card": "DT000001", "pin": "975310"}
    for answer in (
        await site.browser.post(await site.address(), data=typed),
        await site.browser.post(await site.address(), data={"card": "DT000001"}),
    ):
        assert "DT000001" not in answer.text
        assert "975310" not in answer.text


async def test_a_log_in_is_told_to_the_app_once(site):
    address = await site.address()
    response = await site.browser.post(address, data=RIGHT)
    assert sentence("link_page_done", "vi") in Page(response.text).words
    assert [(login.result, login.name) for login in site.told] == [(LoginResult.DONE, "Nguyễn Thị Lan")]
    again = await site.browser.post(address, data=RIGHT)
    assert sentence("link_page_gone", "vi") in Page(again.text).words
    assert len(site.told) == 1


async def test_a_failed_log_in_is_told_without_a_name(site):
    await site.browser.post(await site.address(), data=RIGHT | {"pin": "000000"})
    assert [(login.result, login.name) for login in site.told] == [(LoginResult.WRONG, "")]


async def test_wrong_pin_and_unknown_card_give_the_same_page_byte_for_byte(site):
    wrong_pin = await site.browser.post(await site.address(), data=RIGHT | {"pin": "000000"})
    unknown_card = await site.browser.post(await site.address(), data=RIGHT | {"card": "DT999999"})
    assert wrong_pin.content == unknown_card.content
    assert wrong_pin.status_code == unknown_card.status_code == 403
    assert wrong_pin.headers == unknown_card.headers


async def test_looking_uses_nothing_up(site):
    address = await site.address()
    for _ in range(3):
        assert (await site.browser.get(address)).status_code == 200
    assert (await site.browser.post(address, data=RIGHT)).status_code == 200


@pytest.mark.parametrize(
    "slip",
    [b"", b"card=DT000001", b"pin=135790", b"card=+&pin=135790", b"card=%ff&pin=1", b"&".join([b"card=1&pin=1"] * 9)],
)
async def test_an_empty_or_broken_form_is_a_slip_and_leaves_the_page_good(site, slip):
    address = await site.address()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await site.browser.post(address, content=slip, headers=headers)
    assert response.status_code == 422
    assert Page(response.text).all("form")
    assert (await site.browser.post(address, data=RIGHT)).status_code == 200


async def test_a_body_too_long_is_cut_off_unread_and_leaves_the_page_good(site):
    address, sent = await site.address(), []

    async def endless():
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1000

    assert (await site.browser.post(address, content=endless())).status_code == 413
    assert (await site.browser.post(address, data=RIGHT)).status_code == 200


async def test_a_silent_library_system_is_said_to_be_silent(site):
    address = await site.address()
    site.library.path.unlink()
    response = await site.browser.post(address, data=RIGHT)
    assert response.status_code == 503
    assert sentence("link_page_away", "vi") in Page(response.text).words


async def test_an_invented_or_expired_address_shows_no_form(site):
    address = await site.address()
    site.library.clock.advance(minutes=11)
    for gone in (address, "https://hoi.example/link/" + "x" * 22, "https://hoi.example/link/%3Cscript%3E"):
        response = await site.browser.get(gone)
        assert response.status_code == 410
        assert not Page(response.text).all("form")
        assert "<script>" not in response.text
        assert sentence("link_page_gone", "vi") in Page(response.text).words


async def test_an_outcome_is_announced_to_a_screen_reader(site):
    done = await site.browser.post(await site.address(), data=RIGHT)
    wrong = await site.browser.post(await site.address(), data=RIGHT | {"pin": "000000"})
    assert re.search(r'role="status"', done.text)
    assert re.search(r'role="alert"', wrong.text)


async def test_the_page_speaks_the_language_of_the_chat_whatever_the_browser_wishes(site):
    address = await site.address()
    await site.store.write(lambda db: db.execute(update(conversations).values(locale="en")))
    response = await site.browser.get(address, headers={"Accept-Language": "vi"})
    assert Page(response.text).all("html")[0]["lang"] == "en"


async def test_an_address_nobody_handed_out_is_shown_in_the_browsers_language(site):
    headers = {"Accept-Language": "en-GB,en;q=0.9,vi;q=0.3"}
    response = await site.browser.get("https://hoi.example/link/nobody", headers=headers)
    page = Page(response.text)
    assert page.all("html")[0]["lang"] == "en"
    assert sentence("link_page_gone", "en") in page.words


@pytest.mark.parametrize(
    ("wish", "lang"),
    [
        ("", "vi"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en", "en"),
        ("EN-us, vi;q=0.5", "en"),
        ("fr-FR,fr;q=0.9", "vi"),
        ("fr,en;q=0.3", "en"),
        ("en;q=nonsense", "vi"),
        ("*", "vi"),
        ("en;q=0.5,vi;q=0.5", "vi"),
    ],
)
def test_the_language_follows_the_browsers_wish(wish, lang):
    assert language(wish) == lang
