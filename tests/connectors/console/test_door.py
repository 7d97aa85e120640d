"""Who comes in by the librarians' door, and what no page of it lets happen."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, insert, select

from connectors.channels.port import Reply
from connectors.console.gate import needed_by
from connectors.staff.accounts import StaffError, add_staff
from connectors.store import conversations, staff, staff_sessions, tickets
from tests.connectors.console.desk import NAME, PASSWORD, START, XSS, House, Librarian, hidden, sign_in

PAGES = ("inbox", "conversations/{id}", "tickets/99", "undelivered", "questions", "purchases", "feedback")


def every_route(house: House, *, but_open_ones: bool = False) -> list[tuple[str, str]]:
    def filled(path: str) -> str:
        return re.sub(r"\{(?:number|reply_id):int\}", "1", path).replace("{conversation_id}", "ab12")

    assert all(isinstance(route, APIRoute) for route in house.router.routes)
    shown = [route for route in house.router.routes if not (but_open_ones and _is_open(route.endpoint))]
    return [(method, filled(route.path)) for route in shown for method in route.methods]


def _is_open(endpoint: object) -> bool:
    needed = needed_by(endpoint)
    return needed is not None and needed.open_to_all


async def test_every_page_sends_a_stranger_to_the_sign_in_page(house: House, browser: httpx.AsyncClient) -> None:
    routes = [(method, path) for method, path in every_route(house, but_open_ones=True)]
    assert len(routes) >= 16
    for method, path in routes:
        answer = await browser.request(method, path)
        assert answer.status_code == 303, f"{method} {path}"
        assert answer.headers["location"].startswith("/console/sign-in"), f"{method} {path}"


async def test_a_made_up_session_opens_nothing(browser: httpx.AsyncClient) -> None:
    browser.cookies.set("console_session", "made-up", path="/console")
    assert (await browser.get("/console/inbox")).headers["location"] == "/console/sign-in?next=/console/inbox"


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/console/tickets/3", "/console/tickets/3"),
        ("/console/conversations/ab12", "/console/conversations/ab12"),
        ("/console/conversations/ab12/reply", "/console/conversations/ab12"),
        ("/console/undelivered/7/again", "/console/undelivered"),
        ("/console/parked/7/seen", "/console/undelivered"),
    ],
)
async def test_signing_in_goes_on_to_the_page_that_was_asked_for(
    browser: httpx.AsyncClient, house: House, asked: str, leads_to: str
) -> None:
    method = "POST" if asked.endswith(("reply", "again", "seen")) else "GET"
    shown_on = {"referer": f"http://library.test{leads_to}"}
    page = await browser.get((await browser.request(method, asked, headers=shown_on)).headers["location"])
    form = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "name": NAME, "password": PASSWORD}
    assert (await browser.post("/console/sign-in", data=form)).headers["location"] == leads_to


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/console/../link/x", "/console//evil", "/console/conversations/../x"],
)
async def test_signing_in_never_leads_to_another_site(browser: httpx.AsyncClient, elsewhere: str) -> None:
    page = await browser.get("/console/sign-in", params={"next": elsewhere})
    assert hidden(page, "next") == "/console"
    form = {"csrf": hidden(page, "csrf"), "next": elsewhere, "name": NAME, "password": PASSWORD}
    assert (await browser.post("/console/sign-in", data=form)).headers["location"] == "/console"


async def test_the_name_may_be_typed_in_another_unicode_form(browser: httpx.AsyncClient) -> None:
    assert (await sign_in(browser, name=" Trần  Lan ")).status_code == 303


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(house: House, scheme: str, secure: bool) -> None:
    async with house.browser(scheme) as browser:
        answer = await sign_in(browser)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("console_session="))
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=strict", "path=/console", "max-age=36000"} <= parts
    assert ("secure" in parts) is secure


async def test_the_database_holds_neither_password_nor_session(lan: Librarian, house: House) -> None:
    token = lan.browser.cookies["console_session"]
    session = house.read(lambda db: db.execute(select(staff_sessions)).one())
    account = house.read(lambda db: db.execute(select(staff).where(staff.c.name == NAME)).one())
    assert token not in session
    assert account.password_hash.startswith("$argon2id$")
    assert account.role == "content_admin"


async def test_a_failed_sign_in_says_the_same_whatever_was_wrong(browser: httpx.AsyncClient) -> None:
    def words(page: httpx.Response) -> str:
        return re.sub(r'name="csrf" value="[^"]*"', "", page.text)

    wrong = await sign_in(browser, "không phải mật khẩu")
    unknown = await sign_in(browser, PASSWORD, "Không Ai")
    for _ in range(4):
        await sign_in(browser, "không phải mật khẩu")
    locked = await sign_in(browser)
    assert wrong.status_code == unknown.status_code == locked.status_code == 403
    assert words(wrong) == words(unknown) == words(locked)
    assert 'role="alert"' in wrong.text
    assert "console_session" not in browser.cookies


async def test_five_failures_lock_the_account_for_fifteen_minutes(browser: httpx.AsyncClient, house: House) -> None:
    for _ in range(5):
        await sign_in(browser, "không phải mật khẩu")
    house.wait(minutes=14, seconds=59)
    assert (await sign_in(browser)).status_code == 403
    house.wait(seconds=1)
    assert (await sign_in(browser)).status_code == 303


async def test_many_tries_at_once_are_counted_one_by_one(browser: httpx.AsyncClient) -> None:
    csrf = hidden(await browser.get("/console/sign-in"), "csrf")
    form = {"csrf": csrf, "name": NAME, "password": "không phải mật khẩu", "next": ""}
    await asyncio.gather(*(browser.post("/console/sign-in", data=form) for _ in range(5)))
    assert (await sign_in(browser)).status_code == 403


async def test_four_failures_and_a_success_start_the_count_anew(browser: httpx.AsyncClient) -> None:
    for _ in range(2):
        for _ in range(4):
            assert (await sign_in(browser, "không phải mật khẩu")).status_code == 403
        assert (await sign_in(browser)).status_code == 303


async def test_a_session_ends_after_its_hours(lan: Librarian, house: House) -> None:
    house.wait(hours=9, minutes=59)
    assert (await lan.see("inbox")).status_code == 200
    house.wait(minutes=1)
    assert (await lan.see("inbox")).status_code == 303


async def test_signing_out_ends_the_session_for_a_copied_cookie_too(lan: Librarian) -> None:
    token = lan.browser.cookies["console_session"]
    await lan.browser.post("/console/sign-out", data={"csrf": hidden(await lan.see("inbox"), "csrf")})
    assert "console_session" not in lan.browser.cookies
    lan.browser.cookies.set("console_session", token, path="/console")
    assert (await lan.see("inbox")).status_code == 303


async def test_every_form_without_its_key_is_refused(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting(channel="zalo")
    reply_id = await house.answer(conversation_id, Reply("Chào bạn"))
    await house.bury(reply_id, "blocked")
    posts = [path.replace("ab12", conversation_id) for method, path in every_route(house) if method == "POST"]
    assert len(posts) >= 9
    for path in posts:
        for csrf in ({}, {"csrf": ""}, {"csrf": "ab" * 32}, {"csrf": "không phải"}):
            data = {"text": "chào", "form_key": "k", "seen": "", "name": NAME, "password": PASSWORD, **csrf}
            answer = await lan.browser.post(path.replace("/1/", f"/{reply_id}/"), data=data)
            assert answer.status_code == 403, f"{path} {csrf}"
    assert house.said(conversation_id) == house.resent == []
    assert house.read(lambda db: db.scalar(select(tickets.c.closed_at))) is None
    assert house.read(lambda db: db.scalar(select(conversations.c.owner))) == "waiting"
    assert (await lan.see("inbox")).status_code == 200


async def test_the_key_of_another_session_is_refused_and_the_words_are_given_back(lan: Librarian, house: House) -> None:
    sheet = await lan.conversation(await house.waiting())
    await sign_in(lan.browser)
    answer = await sheet.press("reply", text=f"Câu dài đã viết {XSS}")
    assert answer.status_code == 403
    assert "Câu dài đã viết &lt;script&gt;" in answer.text
    assert house.said(sheet.conversation_id) == []


async def test_a_form_longer_than_any_of_ours_is_refused(lan: Librarian) -> None:
    assert (await lan.browser.post("/console/sign-out", data={"csrf": "x" * 300_000})).status_code == 413


async def test_no_page_runs_a_foreign_script_is_framed_or_kept(lan: Librarian, house: House) -> None:
    conversation_id = await house.waiting()
    for page in ("sign-in", *PAGES):
        answer = await lan.see(page.format(id=conversation_id))
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, page
        assert "script-src 'self'" in policy, page
        assert "trusted-types 'none'" in policy, page
        assert "frame-ancestors 'none'" in policy, page
        assert "unsafe" not in policy, page
        assert answer.headers["cache-control"] == "no-store", page
        scripts = re.findall(r"<script[^>]*>[^<]*", answer.text)
        assert all(re.fullmatch(r'<script src="/console/assets/\w+\.js\?v=\w+" defer>', one) for one in scripts)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text), page
        assert '<html lang="vi">' in answer.text
        assert answer.text.count("<h1") == 1, page


async def test_what_others_wrote_is_shown_never_run(lan: Librarian, house: House) -> None:
    """Every field of every page that a patron, a colleague, a catalogue or a channel can fill."""
    conversation_id = await house.full_of(XSS)
    pages = [*(page.format(id=conversation_id) for page in PAGES if "99" not in page), "inbox?done=closed&ticket=<b>"]
    for page in pages:
        text = (await lan.see(page)).text
        assert not re.search(r"<script(?! src=\"/console/assets/)|<b>|<img|href=\"javascript", text), page
        assert "&lt;script&gt;" in text, page


async def test_the_style_sheet_and_the_script_are_served_to_all_under_a_name_that_changes_with_them(
    browser: httpx.AsyncClient, lan: Librarian
) -> None:
    page = (await lan.see("inbox")).text
    for name, media_type in (("console.css", "text/css"), ("console.js", "text/javascript")):
        address = re.search(rf"/console/assets/{re.escape(name)}\?v=\w+", page)
        assert address
        answer = await browser.get(address[0])
        assert answer.headers["content-type"].startswith(media_type)
        assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("name", "password", "role", "says"),
    [
        (NAME, PASSWORD, "content_admin", "đã có"),
        ("  Trần  Lan", PASSWORD, "content_admin", "đã có"),
        ("Hoa", "chín ký tự"[:9], "librarian", "ngắn hơn 10 ký tự"),
        ("  ", PASSWORD, "content_admin", "Tên tài khoản"),
        ("Hoa\x1b[2J", PASSWORD, "content_admin", "Tên tài khoản"),
        ("Hoa", PASSWORD, "chief", "vai trò"),
    ],
)
def test_an_account_that_cannot_be_made_says_why(house: House, name: str, password: str, role: str, says: str) -> None:
    before = house.read(lambda db: db.scalar(select(func.count()).select_from(staff)))
    with pytest.raises(StaffError, match=says):
        house.store.write_now(lambda db: add_staff(db, name, password, role, START))
    assert house.read(lambda db: db.scalar(select(func.count()).select_from(staff))) == before


def test_an_account_removed_takes_its_sessions_along(house: House) -> None:
    session = {"token_hash": "h", "name": NAME, "expires_at": (START + timedelta(hours=1)).isoformat()}
    house.store.write_now(lambda db: db.execute(insert(staff_sessions).values(session)))
    house.store.write_now(lambda db: db.execute(staff.delete()))
    assert house.read(lambda db: db.scalar(select(func.count()).select_from(staff_sessions))) == 0
