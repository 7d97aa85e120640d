"""Managing accounts, one's own account, the second step, and sessions that end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import httpx
import pyotp
import pytest
from sqlalchemy import select

from connectors.console.staff import Visitor, csrf_of
from connectors.staff import accounts, audit, totp
from connectors.staff.accounts import account, add_staff
from connectors.staff.roles import Role
from connectors.store import staff, staff_recovery
from tests.connectors.console.desk import COLLEAGUE, NAME, PASSWORD, XSS, House, Librarian, hidden, plain, sign_in

SignIn = Callable[[Role], Awaitable[Librarian]]
TECHNICIAN = Role.TECHNICAL_ADMIN.label
IDLE_NAME = "Phạm Hoa"


async def post(who: Librarian, path: str, **fields: Any) -> httpx.Response:
    csrf = csrf_of(who.browser.cookies["console_session"])
    return await who.browser.post(f"/console/{path}", data={"csrf": csrf, **fields})


def at(name: str, deed: str = "") -> str:
    return f"staff/accounts/{quote(name)}{deed}"


def given(page: httpx.Response) -> str:
    found = re.search(r'class="secret">([^<]+)<', page.text)
    assert found, plain(page)
    return unescape(found[1])


def deeds(house: House) -> list[str]:
    return [entry.deed for entry in house.read(lambda db: audit.entries(db, audit.Sought(), 50))]


async def test_a_new_account_signs_in_and_first_chooses_a_password(house: House, lan: Librarian) -> None:
    page = await post(lan, "staff/add", name=" Phạm  Hoa ", role="editor", branch=[])
    password = given(page)
    async with house.browser() as browser:
        assert (await sign_in(browser, password, IDLE_NAME)).status_code == 303
        hoa = Librarian(browser)
        for path in ("inbox", "questions", "staff"):
            assert (await hoa.see(path)).status_code in (303, 403), path
        assert (await hoa.see("inbox")).headers["location"].startswith("/console/account")
        assert "do người khác cấp" in (await hoa.see("account")).text
        new = {"current": password, "password": "câu của riêng Hoa", "again": "câu của riêng Hoa"}
        assert (await post(hoa, "account/password", **new)).status_code == 303
        assert (await hoa.see("inbox")).status_code == 200
        assert (await hoa.see("staff")).status_code == 403
    assert "staff.added" in deeds(house)
    assert password not in str(house.read(lambda db: db.execute(select(staff)).all()))


async def test_an_account_that_cannot_be_made_says_why_and_keeps_what_was_typed(lan: Librarian) -> None:
    page = await post(lan, "staff/add", name=NAME, role="editor", email="lan@thuvien.example")
    assert page.status_code == 422
    assert "đã có" in page.text
    assert 'value="lan@thuvien.example"' in page.text


async def test_another_role_ends_that_persons_sessions(lan: Librarian, minh: Librarian, house: House) -> None:
    assert (await post(lan, at(COLLEAGUE, "/change"), role="reader")).status_code == 303
    assert (await minh.see("inbox")).status_code == 303
    assert (await lan.see("inbox")).status_code == 200
    changed = house.read(lambda db: account(db, COLLEAGUE))
    assert changed.role is Role.READER
    assert deeds(house)[0] == "staff.changed"


async def test_the_same_role_again_ends_nothing(lan: Librarian, minh: Librarian) -> None:
    assert (await post(lan, at(COLLEAGUE, "/change"), role="content_admin")).status_code == 303
    assert (await minh.see("inbox")).status_code == 200


@pytest.mark.parametrize(
    ("deed", "fields"),
    [("/change", {"role": "reader"}), ("/lock", {}), ("/change", {"role": "content_admin", "branch": "MT"})],
)
async def test_nobody_weakens_or_locks_their_own_account(
    lan: Librarian, house: House, deed: str, fields: dict[str, str]
) -> None:
    page = await post(lan, at(NAME, deed), **fields)
    assert page.status_code == 422
    assert "Nhờ người quản lý tài khoản khác" in page.text
    assert house.read(lambda db: account(db, NAME)).role is Role.CONTENT_ADMIN
    assert (await lan.see("inbox")).status_code == 200


async def test_a_technical_admin_makes_nobody_who_reads_conversations(as_role: SignIn, house: House) -> None:
    technician = await as_role(Role.TECHNICAL_ADMIN)
    for role in Role:
        page = await post(technician, "staff/add", name=f"mới {role}", role=role.value)
        assert page.status_code == (200 if role is Role.TECHNICAL_ADMIN else 422), role
    for deed in ("reset", "lock", "unlock", "sign-out", "second-step-off"):
        page = await post(technician, at(NAME, f"/{deed}"))
        assert page.status_code == 422, deed
    assert (await post(technician, at(TECHNICIAN, "/change"), role="content_admin")).status_code == 422
    assert (await sign_in(technician.browser)).status_code == 303, "Lan's password is what it was"


async def test_a_manager_of_one_branch_manages_that_branch(house: House, lan: Librarian) -> None:
    house.store.write_now(lambda db: add_staff(db, "Chi", PASSWORD, "content_admin", house.now, ["MT"]))
    async with house.browser() as browser:
        assert (await sign_in(browser, name="Chi")).status_code == 303
        chi = Librarian(browser)
        assert (await post(chi, "staff/add", name="a", role="editor")).status_code == 422
        assert (await post(chi, "staff/add", name="b", role="editor", branch=["MT", "CL"])).status_code == 422
        assert (await post(chi, "staff/add", name="c", role="editor", branch=["MT"])).status_code == 200
        assert (await post(chi, at(COLLEAGUE, "/lock"))).status_code == 422
        assert (await post(chi, at("c", "/lock"))).status_code == 303


async def test_the_last_manager_stays(house: House, lan: Librarian) -> None:
    for name in (COLLEAGUE, Role.CONTENT_ADMIN.label):
        assert (await post(lan, at(name, "/lock"))).status_code == 303
    technician_signed_in = house.browser()
    async with technician_signed_in as browser:
        assert (await sign_in(browser, name=TECHNICIAN)).status_code == 303
        assert (await post(lan, at(TECHNICIAN, "/lock"))).status_code == 303
        assert (await Librarian(browser).see("staff")).status_code == 303
    # Two managers at once: what the other one sent was on its way when the account was locked.
    other = Visitor(COLLEAGUE, Role.CONTENT_ADMIN, "")
    with pytest.raises(accounts.StaffError, match="cuối cùng"):
        house.store.write_now(lambda db: accounts.lock(db, other, NAME, house.now))
    assert house.read(lambda db: account(db, NAME)).locked_at is None
    assert (await lan.see("staff")).status_code == 200


async def test_a_locked_account_is_out_at_once_and_comes_back(lan: Librarian, minh: Librarian, house: House) -> None:
    await post(lan, at(COLLEAGUE, "/lock"))
    assert (await minh.see("inbox")).status_code == 303
    assert (await sign_in(minh.browser, name=COLLEAGUE)).status_code == 403
    await post(lan, at(COLLEAGUE, "/unlock"))
    assert (await sign_in(minh.browser, name=COLLEAGUE)).status_code == 303


async def test_a_reset_password_ends_sessions_and_the_old_one(lan: Librarian, minh: Librarian) -> None:
    password = given(await post(lan, at(COLLEAGUE, "/reset")))
    assert (await minh.see("inbox")).status_code == 303
    assert (await sign_in(minh.browser, name=COLLEAGUE)).status_code == 403
    assert (await sign_in(minh.browser, password, COLLEAGUE)).status_code == 303


async def test_a_password_is_changed_only_by_who_knows_it(lan: Librarian, house: House) -> None:
    wanted = {"password": "một câu khác hẳn", "again": "một câu khác hẳn"}
    async with house.browser() as elsewhere:
        await sign_in(elsewhere)
        assert (await post(lan, "account/password", current="không phải nó", **wanted)).status_code == 422
        assert (await Librarian(elsewhere).see("inbox")).status_code == 200
        assert (await post(lan, "account/password", current=PASSWORD, **wanted)).status_code == 303
        assert (await Librarian(elsewhere).see("inbox")).status_code == 303, "a stolen session ends with it"
    assert (await lan.see("inbox")).status_code == 200


async def test_guesses_at_an_unlocked_screen_are_counted(lan: Librarian, house: House) -> None:
    wanted = {"password": "một câu khác hẳn", "again": "một câu khác hẳn"}
    for _ in range(5):
        await post(lan, "account/password", current="không phải nó", **wanted)
    assert (await post(lan, "account/password", current=PASSWORD, **wanted)).status_code == 422
    house.wait(minutes=15)
    assert (await post(lan, "account/password", current=PASSWORD, **wanted)).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [
        ("ngắn", "ngắn", "ngắn hơn"),
        ("một câu khác hẳn", "một câu khác", "chưa giống"),
        (PASSWORD, PASSWORD, "giống mật khẩu hiện tại"),
    ],
)
async def test_an_unusable_new_password_says_why(lan: Librarian, password: str, again: str, says: str) -> None:
    page = await post(lan, "account/password", current=PASSWORD, password=password, again=again)
    assert page.status_code == 422
    assert says in page.text


async def turn_on(who: Librarian, house: House) -> tuple[str, list[str]]:
    """Return the secret and the recovery codes."""
    page = await post(who, "account/second-step/offer", current=PASSWORD)
    secret = given(page).replace(" ", "")
    page = await post(who, "account/second-step/confirm", code=totp.code(secret, house.now))
    return secret, re.findall(r"<li><code>([^<]+)</code>", page.text)


async def give_code(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    page = await sign_in(browser)
    assert page.status_code == 200
    assert "console_session" not in browser.cookies
    return await browser.post("/console/sign-in/code", data={"csrf": hidden(page, "csrf"), "code": code, "next": ""})


async def test_codes_are_those_of_rfc_6238() -> None:
    """The table of its appendix B, for SHA-1, its last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for moment, wanted in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert pyotp.TOTP(secret).at(moment) == wanted


async def test_with_the_second_step_a_password_is_not_enough(lan: Librarian, house: House) -> None:
    secret, codes = await turn_on(lan, house)
    assert len(set(codes)) == 10
    house.wait(minutes=1)
    async with house.browser() as browser:
        assert (await give_code(browser, "000000")).status_code == 403
        assert (await browser.get("/console/inbox")).status_code == 303
        assert (await give_code(browser, totp.code(secret, house.now))).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 200
    assert secret not in (await lan.see("account")).text


@pytest.mark.parametrize("drift", [-30, 0, 30])
async def test_a_code_works_once_and_a_clock_may_be_off_by_half_a_minute(
    lan: Librarian, house: House, drift: int
) -> None:
    secret, _ = await turn_on(lan, house)
    house.wait(minutes=2)
    code = totp.code(secret, house.now + timedelta(seconds=drift))
    async with house.browser() as first, house.browser() as second:
        assert (await give_code(first, f"{code[:3]} {code[3:]}")).status_code == 303
        assert (await give_code(second, code)).status_code == 403


async def test_the_code_that_turned_it_on_opens_nothing(lan: Librarian, house: House) -> None:
    secret, _ = await turn_on(lan, house)
    async with house.browser() as browser:
        assert (await give_code(browser, totp.code(secret, house.now))).status_code == 403


async def test_an_old_code_opens_nothing(lan: Librarian, house: House) -> None:
    secret, _ = await turn_on(lan, house)
    house.wait(minutes=5)
    async with house.browser() as browser:
        assert (await give_code(browser, totp.code(secret, house.now - timedelta(seconds=60)))).status_code == 403


async def test_a_recovery_code_works_once_and_is_kept_hashed(lan: Librarian, house: House) -> None:
    _, codes = await turn_on(lan, house)
    kept = house.read(lambda db: db.execute(select(staff_recovery)).all())
    assert not [code for code in codes if code in str(kept)]
    async with house.browser() as first, house.browser() as second:
        assert (await give_code(first, codes[3].upper())).status_code == 303
        assert (await give_code(second, codes[3])).status_code == 403
        assert (await give_code(second, codes[4])).status_code == 303
    assert "staff.recovery_code_used" in deeds(house)


async def test_wrong_codes_lock_the_account_as_wrong_passwords_do(lan: Librarian, house: House) -> None:
    secret, _ = await turn_on(lan, house)
    house.wait(minutes=1)
    async with house.browser() as browser:
        page = await sign_in(browser)
        form = {"csrf": hidden(page, "csrf"), "next": ""}
        for _ in range(4):
            await browser.post("/console/sign-in/code", data={**form, "code": "123456"})
        right = {**form, "code": totp.code(secret, house.now)}
        assert (await browser.post("/console/sign-in/code", data=right)).status_code == 403
        assert (await sign_in(browser)).status_code == 403


async def test_half_a_sign_in_is_over_after_five_minutes(lan: Librarian, house: House) -> None:
    secret, _ = await turn_on(lan, house)
    async with house.browser() as browser:
        page = await sign_in(browser)
        house.wait(minutes=5)
        right = {"csrf": hidden(page, "csrf"), "next": "", "code": totp.code(secret, house.now)}
        assert (await browser.post("/console/sign-in/code", data=right)).status_code == 403


async def test_the_second_step_wants_the_password_to_go_on_and_off(lan: Librarian, house: House) -> None:
    assert (await post(lan, "account/second-step/offer", current="không phải nó")).status_code == 422
    await turn_on(lan, house)
    assert (await post(lan, "account/second-step/off", current="không phải nó")).status_code == 422
    assert house.read(lambda db: account(db, NAME)).second_step
    assert (await post(lan, "account/second-step/off", current=PASSWORD)).status_code == 303
    assert (await sign_in(lan.browser)).status_code == 303


async def test_a_manager_takes_the_second_step_away_when_the_telephone_is_lost(
    lan: Librarian, minh: Librarian, house: House
) -> None:
    await turn_on(minh, house)
    assert (await post(lan, at(COLLEAGUE, "/second-step-off"))).status_code == 303
    async with house.browser() as browser:
        assert (await sign_in(browser, name=COLLEAGUE)).status_code == 303


async def test_a_session_nobody_uses_is_over_and_a_timer_does_not_keep_it(house: House) -> None:
    resting = House(house.store, idle_console=timedelta(minutes=30))
    async with resting.browser() as used, resting.browser() as left:
        await sign_in(used)
        await sign_in(left)
        for _ in range(4):
            resting.wait(minutes=20)
            assert (await used.get("/console/inbox")).status_code == 200
        assert (await left.get("/console/inbox", headers={"X-Requested-With": "refresh"})).status_code == 303
    async with resting.browser() as watched:
        await sign_in(watched)
        for _ in range(2):
            resting.wait(minutes=14)
            assert (await watched.get("/console/inbox", headers={"X-Requested-With": "refresh"})).status_code == 200
        resting.wait(minutes=3)
        assert (await watched.get("/console/inbox", headers={"X-Requested-With": "refresh"})).status_code == 303


async def test_ones_own_sessions_are_listed_and_ended(lan: Librarian, house: House) -> None:
    async with house.browser() as elsewhere:
        elsewhere.headers["user-agent"] = XSS.replace("đậm", "b")
        await sign_in(elsewhere)
        page = await lan.see("account")
        assert "&lt;script&gt;" in page.text
        assert page.text.count("(đây)") == 1
        assert (await post(lan, "account/sign-out-elsewhere")).status_code == 303
        assert (await elsewhere.get("/console/inbox")).status_code == 303
    assert (await lan.see("inbox")).status_code == 200


async def test_the_trail_is_shown_filtered_and_checked(lan: Librarian, house: House) -> None:
    await post(lan, at(COLLEAGUE, "/lock"))
    house.wait(days=1)
    await sign_in(lan.browser)
    house.store.write_now(lambda db: audit.note(db, XSS, XSS, XSS, {XSS: XSS}, house.now))
    everything = await lan.see("audit?verify=1")
    assert "nguyên vẹn: 4 dòng" in plain(everything)
    assert "&lt;script&gt;" in everything.text
    assert "<script>alert" not in everything.text
    assert "khoá tài khoản" in plain(await lan.see("audit?deed=staff."))
    today = await lan.see("audit?since=2026-11-25&until=2026-11-25")
    assert "khoá tài khoản" not in re.sub(r"<option.*?</option>", "", today.text)
    assert "2 dòng" in plain(today)
    for odd in ("since=nay", "until=9999-12-31", "page=99999", "who=%00", "deed=%25"):
        assert (await lan.see(f"audit?{odd}")).status_code == 200, odd
