"""Signing in by the library's own service, against a strict one over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import update

from connectors.console.service import BACK, ServiceDoor
from connectors.console.staff import Visitor
from connectors.staff import accounts, audit
from connectors.staff.oidc import SignInService
from connectors.staff.roles import Role
from connectors.store import staff
from tests.connectors.console.desk import COLLEAGUE, NAME, House
from tests.simulators.oidc import CLIENT_ID, CLIENT_SECRET, LASTS_S, Amiss, Service
from tests.simulators.sockets import listening

AT = f"http://library.test{BACK}"
EMAIL = "lan@thuvien.example"


@pytest.fixture
async def service(house: House) -> AsyncIterator[Service]:
    service = Service(AT, lambda: house.now.timestamp())
    async with listening(service.app()) as address:
        service.issuer = address
        yield service


@pytest.fixture
async def door(house: House, service: Service) -> AsyncIterator[House]:
    """Return the house with that service at its door; Lan's account has her address."""
    house.store.write_now(lambda db: db.execute(update(staff).where(staff.c.name == NAME).values(email=EMAIL)))
    async with httpx.AsyncClient() as client:
        signing = SignInService(client, service.issuer, CLIENT_ID, CLIENT_SECRET, house.clock)
        yield House(house.store, service=ServiceDoor(signing, "tài khoản tỉnh", AT))


async def to_service(browser: httpx.AsyncClient, wanted: str = "/console/questions") -> str:
    """Return the address on which the service sends the browser back."""
    page = await browser.get(f"/console/sign-in?next={wanted}")
    link = re.search(r'href="(/console/sign-in/service[^"]*)"', page.text)
    assert link
    sent = await browser.get(unescape(link[1]))
    assert sent.status_code == 303, sent.text
    async with httpx.AsyncClient() as elsewhere:
        answered = await elsewhere.get(sent.headers["location"])
    assert answered.status_code == 303, answered.text
    return str(answered.headers["location"])


async def try_in(house: House) -> tuple[int, str]:
    """Return the status of a whole sign-in, and who is then signed in."""
    async with house.browser() as browser:
        answer = await browser.get(await to_service(browser))
        inside = await browser.get("/console/account")
        name = re.search(r"<dt>Tên</dt><dd>([^<]*)<", inside.text)
        return answer.status_code, name[1] if name else ""


async def test_who_the_service_vouches_for_is_in_and_on_the_page_they_wanted(door: House, service: Service) -> None:
    async with door.browser() as browser:
        done = await browser.get(await to_service(browser))
        assert done.status_code == 200
        assert 'content="0; url=/console/questions"' in done.text
        assert (await browser.get("/console/questions")).status_code == 200
    assert service.refused == []


async def test_no_service_no_button_and_no_route(house: House) -> None:
    async with house.browser() as browser:
        assert "sign-in/service" not in (await browser.get("/console/sign-in")).text
        assert (await browser.get("/console/sign-in/service")).status_code == 404


async def test_the_cookie_of_the_way_is_kept_from_scripts_and_ends_with_it(door: House) -> None:
    async with door.browser("https") as browser:
        sent = await browser.get("/console/sign-in/service?next=//evil.example")
        cookie = next(value for value in sent.headers.get_list("set-cookie") if "console_service" in value)
        assert {"httponly", "secure", "samesite=lax", "max-age=600"} <= {p.strip().lower() for p in cookie.split(";")}
        assert "evil" not in cookie


BENT: dict[str, Amiss] = {
    "another issuer": Amiss(claims={"iss": "https://evil.example"}),
    "no issuer": Amiss(claims={"iss": None}),
    "another audience": Amiss(claims={"aud": "other-client"}),
    "two audiences, meant for the other": Amiss(claims={"aud": [CLIENT_ID, "other"], "azp": "other"}),
    "two audiences, meant for nobody": Amiss(claims={"aud": [CLIENT_ID, "other"]}),
    "no audience": Amiss(claims={"aud": None}),
    "expired": Amiss(claims={"exp": 1}),
    "without an end": Amiss(claims={"exp": None}),
    "from tomorrow": Amiss(claims={"iat": 4_000_000_000}),
    "another nonce": Amiss(claims={"nonce": "x" * 64}),
    "no nonce": Amiss(claims={"nonce": None}),
    "nobody": Amiss(claims={"sub": None}),
    "unsigned": Amiss(algorithm="none"),
    "signed with the public key": Amiss(algorithm="HS256"),
    "signed with an unpublished key": Amiss(foreign_key=True),
    "another state": Amiss(state="x" * 64),
    "sent by another issuer": Amiss(iss="https://evil.example"),
}


@pytest.mark.parametrize("amiss", BENT.values(), ids=BENT.keys())
async def test_what_proves_nobody_is_refused(door: House, service: Service, amiss: Amiss) -> None:
    service.amiss = amiss
    assert await try_in(door) == (403, "")
    service.amiss = Amiss()
    assert await try_in(door) == (200, NAME)


@pytest.mark.parametrize(("late_s", "let_in"), [(LASTS_S + 30, True), (LASTS_S + 61, False)])
async def test_a_token_is_good_until_its_end_and_a_minute(
    door: House, service: Service, late_s: int, let_in: bool
) -> None:
    service.now = lambda: door.now.timestamp() - late_s
    assert await try_in(door) == ((200, NAME) if let_in else (403, ""))


async def test_a_code_comes_in_once_and_only_where_it_was_asked_for(door: House) -> None:
    async with door.browser() as hers, door.browser() as anothers:
        back = await to_service(hers)
        await to_service(anothers)
        assert (await anothers.get(back)).status_code == 403
        assert (await anothers.get("/console/questions")).status_code == 303
        async with door.browser() as stranger:
            assert (await stranger.get(back)).status_code == 403
        assert (await hers.get(back)).status_code == 200
        hers.cookies.delete("console_session")
        assert (await hers.get(back)).status_code == 403


async def test_another_code_in_the_same_way_back_is_refused(door: House, service: Service) -> None:
    """Somebody else's code put into her answer: PKCE and the nonce are those of another sign-in."""
    async with door.browser() as hers, door.browser() as anothers:
        back, stolen = await to_service(hers), await to_service(anothers)
        code = parse_qs(urlsplit(stolen).query)["code"][0]
        swapped = re.sub(r"code=[^&]*", f"code={code}", back)
        assert (await hers.get(swapped)).status_code == 403
    assert service.refused == ["token"]


async def test_the_service_may_change_its_keys(door: House, service: Service) -> None:
    assert await try_in(door) == (200, NAME)
    service.turn_keys()
    assert await try_in(door) == (200, NAME)


@pytest.mark.parametrize("verified", [False, None, "true", 1])
async def test_an_address_nobody_verified_finds_no_account(door: House, service: Service, verified: Any) -> None:
    service.email_verified = verified
    assert await try_in(door) == (403, "")


async def test_an_unknown_address_finds_no_account(door: House, service: Service) -> None:
    service.email = "ai-do@thuvien.example"
    assert await try_in(door) == (403, "")


async def test_the_account_stays_its_persons_when_the_address_goes_to_another(door: House, service: Service) -> None:
    assert await try_in(door) == (200, NAME)
    service.email = "lan-moi@thuvien.example"
    assert await try_in(door) == (200, NAME)
    service.subject, service.email = "u-18", EMAIL
    assert await try_in(door) == (403, "")


async def test_a_locked_account_is_locked_for_the_service_too(door: House) -> None:
    by = Visitor(COLLEAGUE, Role.CONTENT_ADMIN, "")
    door.store.write_now(lambda db: accounts.lock(db, by, NAME, door.now))
    assert await try_in(door) == (403, "")


async def test_a_sign_in_by_the_service_is_in_the_trail(door: House) -> None:
    await try_in(door)
    noted = door.read(lambda db: audit.entries(db, audit.Sought(), 2))
    assert [(one.deed, one.who) for one in noted] == [("staff.signed_in", NAME), ("staff.linked", NAME)]
    assert noted[0].detail == {"by": "service"}


@pytest.mark.parametrize("amiss", [Amiss(down=True), Amiss(discovery_issuer="https://evil.example")])
async def test_a_service_that_is_away_says_so_and_passwords_still_work(
    door: House, service: Service, amiss: Amiss
) -> None:
    service.amiss = amiss
    async with door.browser() as browser:
        answer = await browser.get("/console/sign-in/service")
        assert answer.status_code == 403
        assert "chưa trả lời" in answer.text
