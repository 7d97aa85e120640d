"""The librarians' door, through the routes, with a real store."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import func, insert, select

from connectors import mailbox
from connectors.channels.port import Button, Message, Reply
from connectors.clock import VIETNAM
from connectors.console.router import OPEN_TO_ALL, console_router
from connectors.console.staff import StaffError, add_staff
from connectors.desk import StoredDesk
from connectors.store import Store, staff, staff_sessions, tickets
from library.ports import Turn

NAME, PASSWORD = "Trần Lan", "một câu đủ dài"
START = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
XSS = "<script>alert('a')</script><b>đậm</b>"


@dataclass
class Hands:
    """A clock that stands still, and what was said to patrons."""

    now: datetime = START
    said: list[tuple[str, Reply]] = field(default_factory=list)
    broken: bool = False

    def clock(self) -> datetime:
        return self.now

    async def notify(self, conversation_id: str, reply: Reply) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError("the channel is away")
        self.said.append((conversation_id, reply))


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(scope="module")
def with_account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with one account, made once: hashing a password is slow on purpose."""
    path = tmp_path_factory.mktemp("account") / "gateway.sqlite"
    store = Store(path)
    store.write_now(lambda db: add_staff(db, NAME, PASSWORD, "librarian", START))
    store.close()
    return path


@pytest.fixture
def store(with_account: Path, tmp_path: Path) -> Iterator[Store]:
    store = Store(Path(shutil.copy(with_account, tmp_path)))
    yield store
    store.close()


@pytest.fixture
def router(store: Store, hands: Hands) -> APIRouter:
    return console_router(store, hands.clock, hands.notify, 10.0, library="Thư viện thử", sign_in_takes_s=0)


@pytest.fixture
async def browser(router: APIRouter) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
        yield client


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, f"the page has no hidden {name}"
    return unescape(found[1])


async def sign_in(browser: httpx.AsyncClient, password: str = PASSWORD, name: str = NAME) -> httpx.Response:
    page = await browser.get("/console/sign-in")
    form = {"csrf": hidden(page, "csrf"), "name": name, "password": password, "next": ""}
    return await browser.post("/console/sign-in", data=form)


@pytest.fixture
async def librarian(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await sign_in(browser)).status_code == 303
    return browser


async def with_ticket(
    store: Store, words: str = "cho hỏi với", reason: str = "bạn đọc yêu cầu", at: datetime = START
) -> str:
    """Open a conversation with one answered message and a ticket; return the conversation's id."""

    def talk(db: object) -> tuple[str, str]:
        conversation_id, _token = mailbox.open_conversation(db, "web", at)
        accepted = mailbox.accept(db, Message(conversation_id, words[:20] + reason, "text", words), frozenset(), at)
        mailbox.send(db, conversation_id, accepted.message_id, "final", [Reply("Mình mời thủ thư nhé.")], at)
        return conversation_id, accepted.message_id

    conversation_id, message_id = await store.write(talk)
    await StoredDesk(store).ticket(Turn(conversation_id, message_id, "web", at), reason)
    return conversation_id


async def with_notes(store: Store, leave: Callable[[StoredDesk, Turn, str], object], texts: list[str]) -> None:
    conversation_id, _token = await store.write(lambda db: mailbox.open_conversation(db, "telegram", START))
    for number, text in enumerate(texts):
        turn = Turn(conversation_id, f"m{number}{text}", "telegram", START + timedelta(minutes=number))
        await leave(StoredDesk(store), turn, text)


async def test_every_page_sends_a_stranger_to_the_sign_in_page(router: APIRouter, browser: httpx.AsyncClient) -> None:
    routes = [(method, route.path) for route in router.routes for method in route.methods]
    assert all(isinstance(route, APIRoute) for route in router.routes)
    assert len(routes) >= 11
    for method, path in routes:
        if path in OPEN_TO_ALL:
            continue
        answer = await browser.request(method, path.replace("{number:int}", "1"))
        assert answer.status_code == 303, f"{method} {path}"
        assert answer.headers["location"].startswith("/console/sign-in"), f"{method} {path}"


async def test_a_made_up_session_opens_nothing(browser: httpx.AsyncClient) -> None:
    browser.cookies.set("console_session", "made-up", path="/console")
    assert (await browser.get("/console/tickets")).headers["location"] == "/console/sign-in?next=/console/tickets"


async def test_signing_in_goes_on_to_the_page_that_was_asked_for(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/console/sign-in?next=/console/tickets/3")
    form = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "name": NAME, "password": PASSWORD}
    assert (await browser.post("/console/sign-in", data=form)).headers["location"] == "/console/tickets/3"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/console/../link/x", "/console//evil"]
)
async def test_signing_in_never_leads_to_another_site(browser: httpx.AsyncClient, elsewhere: str) -> None:
    page = await browser.get("/console/sign-in", params={"next": elsewhere})
    assert hidden(page, "next") == "/console"
    form = {"csrf": hidden(page, "csrf"), "next": elsewhere, "name": NAME, "password": PASSWORD}
    assert (await browser.post("/console/sign-in", data=form)).headers["location"] == "/console"


async def test_the_name_may_be_typed_in_another_unicode_form(browser: httpx.AsyncClient) -> None:
    assert (await sign_in(browser, name=" Trần  Lan ")).status_code == 303


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(router, scheme: str, secure: bool) -> None:
    app = FastAPI()
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"{scheme}://library.test") as browser:
        answer = await sign_in(browser)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("console_session="))
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=strict", "path=/console", "max-age=36000"} <= parts
    assert ("secure" in parts) is secure


async def test_the_database_holds_neither_password_nor_session(librarian: httpx.AsyncClient, store: Store) -> None:
    token = librarian.cookies["console_session"]
    session = store.read_now(lambda db: db.execute(select(staff_sessions)).one())
    account = store.read_now(lambda db: db.execute(select(staff)).one())
    assert token not in session
    assert account.password_hash.startswith("$argon2id$")
    assert account.role == "librarian"


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


async def test_five_failures_lock_the_account_for_fifteen_minutes(browser: httpx.AsyncClient, hands: Hands) -> None:
    for _ in range(5):
        await sign_in(browser, "không phải mật khẩu")
    hands.now += timedelta(minutes=14, seconds=59)
    assert (await sign_in(browser)).status_code == 403
    hands.now += timedelta(seconds=1)
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


async def test_a_session_ends_after_its_hours(librarian: httpx.AsyncClient, hands: Hands) -> None:
    hands.now += timedelta(hours=9, minutes=59)
    assert (await librarian.get("/console/tickets")).status_code == 200
    hands.now += timedelta(minutes=1)
    assert (await librarian.get("/console/tickets")).status_code == 303


async def test_signing_out_ends_the_session_for_a_copied_cookie_too(librarian: httpx.AsyncClient) -> None:
    token = librarian.cookies["console_session"]
    page = await librarian.get("/console/tickets")
    await librarian.post("/console/sign-out", data={"csrf": hidden(page, "csrf")})
    assert "console_session" not in librarian.cookies
    librarian.cookies.set("console_session", token, path="/console")
    assert (await librarian.get("/console/tickets")).status_code == 303


async def test_every_form_without_its_key_is_refused(
    router: APIRouter, librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    await with_ticket(store)
    posts = [route.path for route in router.routes if "POST" in route.methods]
    assert len(posts) >= 4
    for path in posts:
        for csrf in ({}, {"csrf": ""}, {"csrf": "ab" * 32}, {"csrf": "không phải"}):
            data = {"text": "chào", "form_key": "k", "name": NAME, "password": PASSWORD, **csrf}
            answer = await librarian.post(path.replace("{number:int}", "1"), data=data)
            assert answer.status_code == 403, f"{path} {csrf}"
    assert hands.said == []
    assert store.read_now(lambda db: db.scalar(select(tickets.c.closed_at))) is None
    assert (await librarian.get("/console/tickets")).status_code == 200


async def test_the_key_of_another_session_is_refused(
    librarian: httpx.AsyncClient, router: APIRouter, store: Store
) -> None:
    await with_ticket(store)
    old = hidden(await librarian.get("/console/tickets"), "csrf")
    await sign_in(librarian)
    answer = await librarian.post("/console/tickets/1/close", data={"csrf": old})
    assert answer.status_code == 403


async def test_a_form_longer_than_any_of_ours_is_refused(librarian: httpx.AsyncClient) -> None:
    assert (await librarian.post("/console/sign-out", data={"csrf": "x" * 40_000})).status_code == 413


async def test_no_page_runs_script_is_framed_or_kept(librarian: httpx.AsyncClient, store: Store) -> None:
    await with_ticket(store)
    for page in ("sign-in", "tickets", "tickets/1", "tickets/99", "questions", "purchases", "feedback"):
        answer = await librarian.get(f"/console/{page}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, page
        assert "frame-ancestors 'none'" in policy, page
        assert "unsafe" not in policy, page
        assert answer.headers["cache-control"] == "no-store", page
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", answer.text), page
        assert '<html lang="vi">' in answer.text
        assert answer.text.count("<h1") == 1, page


async def test_a_patrons_words_are_shown_never_run(librarian: httpx.AsyncClient, store: Store) -> None:
    await with_ticket(store, XSS, reason=XSS)
    await with_notes(store, lambda desk, turn, text: desk.unanswered(turn, text, XSS), [XSS])
    await with_notes(store, lambda desk, turn, text: desk.suggest_purchase(turn, text, XSS), [XSS])
    await with_notes(store, lambda desk, turn, text: desk.feedback(turn, text, "praise"), [XSS])
    for page in ("tickets", "tickets/1", "questions", "purchases", "feedback"):
        text = (await librarian.get(f"/console/{page}")).text
        assert "<script" not in text, page
        assert "<b>" not in text, page
        assert XSS in unescape(text), page


async def test_tickets_stand_oldest_first_with_how_long_they_wait(
    librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    await with_ticket(store, reason="bạn đọc yêu cầu")
    await with_ticket(store, reason="distress", at=START + timedelta(minutes=50))
    hands.now = START + timedelta(hours=2, minutes=5)
    text = (await librarian.get("/console/tickets")).text
    assert text.index("Phiếu 1<") < text.index("Phiếu 2<")
    assert "2 giờ 5 phút" in text
    assert "1 giờ 15 phút" in text
    assert "Gấp: bạn đọc cần được giúp ngay" in text
    assert "Trang web" in text


async def test_a_ticket_shows_the_conversation_with_buttons_by_their_titles(
    librarian: httpx.AsyncClient, store: Store
) -> None:
    conversation_id = await with_ticket(store, "Cho mình gặp thủ thư")
    button = Reply("Chọn nhé", (Button("Tìm sách", "/find"),))
    await store.write(lambda db: mailbox.send(db, conversation_id, None, "notice", [button], START))
    (sent,) = await store.read(lambda db: mailbox.sent_after(db, conversation_id, 1))
    token = str(sent.replies[0].buttons[0].payload)
    press = Message(conversation_id, "c2", "payload", token)
    photo = Message(conversation_id, "c3", "attachment", "photo")
    for message in (press, photo):
        await store.write(lambda db, one=message: mailbox.accept(db, one, frozenset(), START))
    text = (await librarian.get("/console/tickets/1")).text
    assert "Cho mình gặp thủ thư" in text
    assert "Mình mời thủ thư nhé." in text
    assert "Bấm nút “Tìm sách”" in text
    assert "Gửi ảnh" in text
    assert token not in text


async def reply_form(browser: httpx.AsyncClient, text: str) -> dict[str, str]:
    page = await browser.get("/console/tickets/1")
    return {"csrf": hidden(page, "csrf"), "form_key": hidden(page, "form_key"), "text": text}


async def test_a_reply_reaches_the_patron_once_however_often_the_form_is_sent(
    librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    conversation_id = await with_ticket(store)
    form = await reply_form(librarian, "Có {sách} nhé bạn.\r\nMời bạn ghé.")
    answers = await asyncio.gather(*(librarian.post("/console/tickets/1/reply", data=form) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert hands.said == [(conversation_id, Reply("Thủ thư trả lời phiếu 1: Có {sách} nhé bạn.\nMời bạn ghé."))]
    assert 'role="status"' in (await librarian.get(answers[0].headers["location"])).text
    assert NAME in (await librarian.get("/console/tickets")).text


async def test_the_same_words_may_be_sent_again_from_a_new_page(
    librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    await with_ticket(store)
    for _ in range(2):
        await librarian.post("/console/tickets/1/reply", data=await reply_form(librarian, "Bạn chờ chút."))
    assert len(hands.said) == 2


async def test_a_reply_that_could_not_be_handed_over_can_be_sent_again(
    librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    await with_ticket(store)
    form = await reply_form(librarian, "Có nhé.")
    hands.broken = True
    assert (await librarian.post("/console/tickets/1/reply", data=form)).status_code == 500
    hands.broken = False
    assert (await librarian.post("/console/tickets/1/reply", data=form)).status_code == 303
    assert len(hands.said) == 1


@pytest.mark.parametrize(("text", "says"), [("  \n ", "đang trống"), ("á" * 2001, "dài 2001 ký tự")])
async def test_a_reply_that_cannot_be_sent_says_why_and_keeps_the_words(
    librarian: httpx.AsyncClient, store: Store, hands: Hands, text: str, says: str
) -> None:
    await with_ticket(store)
    answer = await librarian.post("/console/tickets/1/reply", data=await reply_form(librarian, text))
    assert answer.status_code == 422
    assert says in answer.text
    assert text.strip() in answer.text
    assert hands.said == []


async def test_a_closed_ticket_leaves_the_list_and_takes_no_reply(
    librarian: httpx.AsyncClient, store: Store, hands: Hands
) -> None:
    await with_ticket(store)
    form = await reply_form(librarian, "Muộn mất rồi")
    closed = await librarian.post("/console/tickets/1/close", data={"csrf": form["csrf"]})
    page = await librarian.get(closed.headers["location"])
    assert "Đã đóng phiếu 1" in page.text
    assert "Không có phiếu nào đang chờ" in page.text
    assert store.read_now(lambda db: db.scalar(select(tickets.c.closed_at))) == START.isoformat()
    hands.now += timedelta(minutes=1)
    late = await librarian.post("/console/tickets/1/reply", data=form)
    assert late.status_code == 422
    assert "Muộn mất rồi" in late.text
    assert hands.said == []
    await librarian.post("/console/tickets/1/close", data={"csrf": form["csrf"]})
    assert store.read_now(lambda db: db.scalar(select(tickets.c.closed_at))) == START.isoformat()


@pytest.mark.parametrize("deed", ["", "/reply", "/close"])
async def test_a_ticket_that_is_not_there_is_a_page_that_says_so(librarian: httpx.AsyncClient, deed: str) -> None:
    csrf = hidden(await librarian.get("/console/tickets"), "csrf")
    method = "POST" if deed else "GET"
    answer = await librarian.request(method, f"/console/tickets/7{deed}", data={"csrf": csrf} if deed else None)
    assert answer.status_code == 404
    assert "Không có phiếu 7" in answer.text


async def test_the_same_question_in_any_spelling_is_one_row_newest_first(
    librarian: httpx.AsyncClient, store: Store
) -> None:
    asked = ["Có máy in không?", "Có wifi không?", "co may in khong", "CÓ MÁY IN KHÔNG"]
    await with_notes(store, lambda desk, turn, text: desk.unanswered(turn, text, "thiếu kiến thức"), asked)
    text = (await librarian.get("/console/questions")).text
    rows = re.findall(r'class="words">([^<]*)</th>\s*<td class="number">(\d+)<', text)
    assert rows == [("CÓ MÁY IN KHÔNG", "3"), ("Có wifi không?", "1")]
    assert "2 câu khác nhau trong 4 lần hỏi" in text


async def test_links_carry_their_counts(librarian: httpx.AsyncClient, store: Store) -> None:
    await with_ticket(store)
    await with_notes(store, lambda desk, turn, text: desk.suggest_purchase(turn, text, None), ["Số đỏ", "Mắt biếc"])
    await with_notes(store, lambda desk, turn, text: desk.feedback(turn, text, "complaint"), ["Ồn quá"] * 3)
    text = (await librarian.get("/console/purchases")).text
    counted = dict(re.findall(r'href="/console/(\w+)"[^>]*>[^<]*<span class="count">(\d+)<', text))
    assert counted == {"tickets": "1", "questions": "0", "purchases": "2", "feedback": "3"}
    assert 'href="/console/purchases" aria-current="page"' in text


@pytest.mark.parametrize(
    ("asked", "shown", "rows"), [("1", 1, 50), ("2", 2, 50), ("3", 3, 1), ("99", 3, 1), ("x", 1, 50)]
)
async def test_long_lists_are_cut_into_pages_of_fifty(
    librarian: httpx.AsyncClient, store: Store, asked: str, shown: int, rows: int
) -> None:
    titles = [f"Sách {number}" for number in range(101)]
    await with_notes(store, lambda desk, turn, text: desk.suggest_purchase(turn, text, None), titles)
    text = (await librarian.get("/console/purchases", params={"page": asked})).text
    assert f"Trang {shown} trong 3" in text
    assert text.count('class="words"') == rows
    assert (f'href="?page={shown + 1}"' in text) is (shown < 3)


async def test_the_style_sheet_is_served_to_all(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/console/console.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in answer.text


@pytest.mark.parametrize(
    ("name", "password", "role", "says"),
    [
        (NAME, PASSWORD, "librarian", "đã có"),
        ("  Trần  Lan", PASSWORD, "librarian", "đã có"),
        ("Minh", "chín ký tự"[:9], "librarian", "ngắn hơn 10 ký tự"),
        ("  ", PASSWORD, "librarian", "Tên tài khoản"),
        ("Minh\x1b[2J", PASSWORD, "librarian", "Tên tài khoản"),
        ("Minh", PASSWORD, "chief", "vai trò"),
    ],
)
def test_an_account_that_cannot_be_made_says_why(store: Store, name: str, password: str, role: str, says: str) -> None:
    with pytest.raises(StaffError, match=says):
        store.write_now(lambda db: add_staff(db, name, password, role, START))
    assert store.read_now(lambda db: db.scalar(select(func.count()).select_from(staff))) == 1


def test_an_account_removed_takes_its_sessions_along(store: Store) -> None:
    session = {"token_hash": "h", "name": NAME, "expires_at": START.isoformat()}
    store.write_now(lambda db: db.execute(insert(staff_sessions).values(session)))
    store.write_now(lambda db: db.execute(staff.delete()))
    assert store.read_now(lambda db: db.scalar(select(func.count()).select_from(staff_sessions))) == 0
