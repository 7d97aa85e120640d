"""The simulated Koha says what a live one (19.06) was seen to say, knows what each version knows, and fails as told."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.clock import VIETNAM
from tests.simulators.koha import Fault, Koha, serving
from tests.simulators.koha.serving import Served

NOW = datetime(2026, 11, 22, 19, 55, 32, tzinfo=VIETNAM)
DUE = datetime(2026, 11, 27, 23, 59, tzinfo=VIETNAM)
PIN = "1234"
NOT_FOUND = {"errors": [{"message": "Not found.", "path": "/"}], "status": 404}
FAILED = {"errors": [{"message": "Internal server error.", "path": "/"}], "status": 500}
CHECKOUT = json.loads("""{"checkout_id":1,"patron_id":51,"item_id":1,"library_id":"TVTW",
  "checkout_date":"2026-11-22T19:55:32+07:00","due_date":"2026-11-27T23:59:00+07:00","last_renewed_date":null,
  "renewals":0,"auto_renew":false,"auto_renew_error":null,"checkin_date":null,"onsite_checkout":false,"note":null,
  "timestamp":"2026-11-22T19:55:32+07:00"}""")
HOLD = json.loads("""{"hold_id":1,"patron_id":52,"biblio_id":2,"item_id":null,"item_level":false,"priority":1,
  "status":null,"pickup_library_id":"TVTW","hold_date":"2026-11-22","expiration_date":null,"waiting_date":null,
  "suspended":false}""")
ACCOUNT = json.loads("""{"balance":12000,"outstanding_credits":{"lines":[],"total":0},
  "outstanding_debits":{"lines":[{"account_line_id":1,"amount":12000,"amount_outstanding":12000,
  "description":"Phí phạt quá hạn","patron_id":51}],"total":12000}}""")
PATRON = json.loads("""{"patron_id":51,"cardnumber":"TV000001","surname":"Nguyễn","firstname":"Thị Lan",
  "expiry_date":"2028-12-31","restricted":false,"library_id":"TVTW","category_id":"BD","email":null,
  "date_of_birth":"1990-02-03"}""")
LIBRARY = json.loads('{"library_id":"TVTW","name":"Thư viện Trung tâm","pickup_location":true}')


@dataclass
class Watch:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def library(watch: Watch) -> Koha:
    """Return the library that was seen: Lan with a loan to renew, one that An waits for, one renewed too often."""
    koha = Koha(watch, (19, 6))
    koha.add_library("TVTW", "Thư viện Trung tâm")
    koha.add_patron(51, "TV000001", PIN, "Nguyễn", "Thị Lan")
    koha.add_patron(52, "TV000002", PIN, "Trần", "Văn An")
    for number, title in enumerate(("Truyện Kiều /", "Số đỏ /", "Tắt đèn /", "Mắt biếc /"), 1):
        koha.add_biblio(number, title, "Nguyễn Du" if number == 1 else "")
        koha.add_item(number, number, f"VN00{number}1", "TVTW", "895.922")
    for item, renewals in ((1, 0), (2, 0), (3, 2)):
        number = koha.lend(51, item, DUE, renewals)
        koha.checkouts[number]["checkout_date"] = NOW.isoformat()
    koha.keep(52, 2, "TVTW")
    koha.fine(51, 12_000)
    return koha


@dataclass
class House:
    """The served Koha, and a caller with a key."""

    koha: Koha
    served: Served
    http: httpx.AsyncClient
    watch: Watch
    basic = ("thuthu", "api-password")

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Return status and body of a call below /api/v1."""
        answer = await self.http.request(method, f"/api/v1{path}", **{"auth": self.basic, **more})
        return answer.status_code, answer.json() if answer.content else None

    async def token(self, **more: str) -> tuple[int, Any]:
        form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", **more}
        return await self.ask("POST", "/oauth/token", data=form, auth=None)

    async def service(self, name: str, **asked: str) -> str:
        """Return the text of an answer of ILS-DI, its line breaks left out; all come with 200."""
        answer = await self.http.get("/cgi-bin/koha/ilsdi.pl", params={"service": name, **asked})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=UTF-8")
        return answer.text.replace("\n", "")

    async def routes(self) -> set[str]:
        _, spec = await self.ask("GET", "/")
        return {f"{method} {path}" for path, methods in spec["paths"].items() for method in methods}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    watch = Watch()
    koha = library(watch)
    async with serving(koha) as served, httpx.AsyncClient(base_url=served.url, timeout=5) as http:
        yield House(koha, served, http, watch)


def same(told: Any, seen: Any) -> None:
    """Check that both have the same keys in the same order, and the same values."""
    assert json.dumps(told, ensure_ascii=False) == json.dumps(seen, ensure_ascii=False)


# --- keys and errors ---


async def test_a_token_comes_as_seen_and_lets_in(house):
    status, told = await house.token()
    assert (status, list(told)) == (200, ["access_token", "expires_in", "token_type"])
    assert (told["expires_in"], told["token_type"]) == (3600, "Bearer")
    bearer = {"headers": {"Authorization": f"Bearer {told['access_token']}"}, "auth": None}
    assert (await house.ask("GET", "/patrons/51", **bearer))[0] == 200
    house.watch.now += timedelta(seconds=3601)
    assert await house.ask("GET", "/patrons/51", **bearer) == (401, {"error": "Authentication failure."})


async def test_a_wrong_key_is_refused_as_seen(house):
    assert await house.token(client_id="nobody") == (403, {"error": "unauthorized_client"})
    assert await house.token(client_secret="not-it") == (403, {"error": "access_denied"})
    assert await house.ask("GET", "/patrons/51", auth=None) == (401, {"error": "Authentication failure."})
    wrong = {"error": "Invalid password", "required_permissions": None}
    assert await house.ask("GET", "/patrons/51", auth=("thuthu", "not-it")) == (403, wrong)
    house.koha.oauth = False
    assert await house.token() == (400, {"error": "Unimplemented grant type"})


async def test_a_missing_permission_is_named_as_seen(house):
    house.koha.permissions["circulate"] = set()
    error = "Authorization failure. Missing required permission(s)."
    needed = {"circulate": "circulate_remaining_permissions"}
    assert await house.ask("GET", "/checkouts") == (403, {"error": error, "required_permissions": needed})
    house.koha.permissions["borrowers"] = {"edit_borrowers"}
    assert (await house.ask("GET", "/patrons"))[1]["required_permissions"] == {"borrowers": "1"}
    assert (await house.ask("GET", "/patrons/51"))[0] == 200
    del house.koha.permissions["updatecharges"]
    both = {"borrowers": "edit_borrowers", "updatecharges": "remaining_permissions"}
    assert (await house.ask("GET", "/patrons/51/account"))[1]["required_permissions"] == both


async def test_a_parameter_that_is_not_in_the_description_is_refused_in_a_bare_list(house):
    seen = [{"message": "Malformed query string", "path": "/query/foo"}]
    for path in ("/checkouts", "/holds", "/patrons", "/libraries", "/patrons/51", "/checkouts/1/allows_renewal"):
        house.koha.version = (19, 11)
        assert await house.ask("GET", path, params={"foo": "1"}) == (400, seen)
    assert (await house.ask("GET", "/checkouts", params={"q": "{}"}))[0] == 400
    assert (await house.ask("GET", "/checkouts", params={"patron_id": "abc"}))[0] == 400
    assert (await house.ask("GET", "/patrons/abc"))[0] == 400


async def test_what_is_not_there_is_told_as_seen(house):
    assert await house.ask("POST", "/checkouts/99/renewal") == (404, {"error": "Checkout doesn't exist"})
    assert await house.ask("GET", "/no/such/path", auth=None) == (404, NOT_FOUND)
    nobodys = {"patron_id": 99, "biblio_id": 3, "pickup_library_id": "TVTW"}
    assert await house.ask("POST", "/holds", json=nobodys) == (500, FAILED)


# --- loans, holds, fees, patrons ---


async def test_loans_come_as_seen_without_titles(house):
    status, told = await house.ask("GET", "/checkouts", params={"patron_id": 51})
    assert (status, len(told)) == (200, 3)
    same(told[0], CHECKOUT)


async def test_whether_a_loan_may_be_renewed_comes_as_seen(house):
    house.koha.version = (19, 11)
    may = {"allows_renewal": True, "current_renewals": 0, "error": None, "max_renewals": 2}
    same((await house.ask("GET", "/checkouts/1/allows_renewal"))[1], may)
    same(
        (await house.ask("GET", "/checkouts/2/allows_renewal"))[1],
        {**may, "allows_renewal": False} | {"error": "on_reserve"},
    )


async def test_renewals_come_as_seen_done_and_refused(house):
    house.koha.renewal_days = 7
    status, told = await house.ask("POST", "/checkouts/1/renewal")
    assert (status, told["due_date"], told["renewals"]) == (201, "2026-12-04T23:59:00+07:00", 1)
    assert list(told) == list(CHECKOUT)
    assert await house.ask("POST", "/checkouts/2/renewal") == (403, {"error": "Renewal not authorized (on_reserve)"})
    assert await house.ask("POST", "/checkouts/3/renewal") == (403, {"error": "Renewal not authorized (too_many)"})
    assert house.koha.writes == ["renew 1"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"restriction_blocks_renewal": True}, "restriction"),
        ({"overdue_blocks_renewal": "block"}, "overdue"),
        ({"fine_blocks_renewal": True, "fine_limit": 10_000}, "debt"),
        ({}, None),  # as shipped Koha renews for a restricted, late, indebted, expired card
    ],
)
async def test_a_card_in_trouble_is_refused_only_where_a_preference_says_so(house, rule, reason):
    house.koha.patrons[51].update(restricted=True, expiry_date="2020-01-01")
    house.koha.checkouts[3]["due_date"] = (NOW - timedelta(days=1)).isoformat()
    for name, value in rule.items():
        setattr(house.koha, name, value)
    status, told = await house.ask("POST", "/checkouts/1/renewal")
    assert (status, told.get("error")) == ((403, f"Renewal not authorized ({reason})") if reason else (201, None))


async def test_only_the_late_book_is_stopped_where_the_rule_is_by_item(house):
    house.koha.overdue_blocks_renewal = "blockitem"
    house.koha.checkouts[1]["due_date"] = (NOW - timedelta(days=1)).isoformat()
    house.koha.lend(51, 4, DUE)
    assert await house.ask("POST", "/checkouts/1/renewal") == (403, {"error": "Renewal not authorized (overdue)"})
    assert (await house.ask("POST", "/checkouts/4/renewal"))[0] == 201


async def test_holds_come_as_seen_listed_placed_refused_and_cancelled(house):
    (listed,) = (await house.ask("GET", "/holds", params={"patron_id": 52}))[1]
    same(listed, HOLD)
    wanted = {"patron_id": 52, "biblio_id": 3, "pickup_library_id": "TVTW"}
    status, placed = await house.ask("POST", "/holds", json=wanted)
    assert status == 201
    same(placed, {**HOLD, "hold_id": 2, "biblio_id": 3})
    again = {"error": "Hold cannot be placed. Reason: tooManyHoldsForThisRecord"}
    assert await house.ask("POST", "/holds", json=wanted) == (403, again)
    nothing = {"patron_id": 52, "pickup_library_id": "TVTW"}
    needed = {"error": "At least one of biblio_id, item_id should be given"}
    assert await house.ask("POST", "/holds", json=nothing) == (400, needed)
    assert await house.ask("DELETE", "/holds/2") == (200, {})
    assert house.koha.writes == ["hold 52 3", "cancel 2"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"patron_id": "52"}', b'{"patron_id": 52, "biblio_id": 3}'])
async def test_a_hold_that_does_not_fit_its_description_is_refused_in_a_bare_list(house, body):
    status, told = await house.ask("POST", "/holds", content=body)
    assert (status, list(told[0])) == (400, ["message", "path"])
    assert house.koha.writes == []


async def test_account_patron_and_libraries_come_as_seen(house):
    same((await house.ask("GET", "/patrons/51/account"))[1], ACCOUNT)
    same((await house.ask("GET", "/patrons/51"))[1], PATRON)
    same((await house.ask("GET", "/libraries"))[1], [LIBRARY])
    exact = {"cardnumber": "TV000001", "_match": "exact"}
    same((await house.ask("GET", "/patrons", params=exact))[1], [PATRON])


async def test_a_card_is_found_by_a_part_of_its_number_unless_exactly_asked(house):
    found = [
        len((await house.ask("GET", "/patrons", params={"cardnumber": "tv00000", **more}))[1])
        for more in ({}, {"_match": "exact"})
    ]
    assert found == [2, 0]


async def test_a_fine_that_nobody_entered_breaks_the_account_of_an_old_version(house):
    house.koha.fine(51, 5_000, manager=None)
    assert await house.ask("GET", "/patrons/51/account") == (500, FAILED)
    assert "<charges>17000.00</charges>" in await house.service("GetPatronInfo", patron_id="51")
    house.koha.version = (23, 5)
    assert (await house.ask("GET", "/patrons/51/account"))[1]["balance"] == 17_000


# --- versions ---


@pytest.mark.parametrize(
    ("route", "since"),
    [
        ("get /checkouts/{checkout_id}/allows_renewal", (19, 11)),
        ("get /biblios/{biblio_id}/items", (20, 5)),
        ("get /biblios/{biblio_id}", (20, 5)),
        ("post /checkouts/{checkout_id}/renewals", (22, 11)),
        ("post /auth/password/validation", (22, 11)),
    ],
)
async def test_a_call_is_described_and_answered_from_its_version_on(house, route, since):
    method, path = re.sub(r"\{\w+\}", "1", route).split(" ")
    for version in ((19, 5), (19, 11), (20, 5), (22, 11), (23, 5), (25, 5)):
        house.koha.version = version
        there = version >= since
        assert (route in await house.routes()) is there
        assert ((await house.ask(method.upper(), path))[1] != NOT_FOUND) is there


async def test_newer_versions_speak_as_they_do(house):
    house.koha.version = (23, 5)
    (first, *_) = (await house.ask("GET", "/checkouts", params={"patron_id": 51}))[1]
    assert (first["renewals_count"], first["unseen_renewals"], "renewals" in first) == (0, 0, False)
    assert await house.ask("DELETE", "/holds/1") == (204, None)
    card = {"identifier": "TV000001", "password": PIN}
    who = {"cardnumber": "TV000001", "patron_id": 51, "userid": None}
    assert await house.ask("POST", "/auth/password/validation", json=card) == (201, who)
    wrong = {**card, "password": "9999"}
    assert await house.ask("POST", "/auth/password/validation", json=wrong) == (400, {"error": "Validation failed"})
    assert (await house.ask("POST", "/auth/password/validation", json={**card, "userid": "lan"}))[0] == 400
    house.koha.version = (22, 11)
    assert await house.ask("POST", "/auth/password/validation", json=card) == (204, None)
    house.koha.version = (25, 5)
    status, told = await house.ask("POST", "/checkouts/3/renewals")
    assert (status, told) == (403, {"error": "Renewal not authorized (too_many)", "error_code": "too_many"})


@pytest.mark.parametrize(("always_one", "status"), [(False, 403), (True, 201)])
async def test_a_renewal_without_the_book_in_hand_may_be_refused_unless_the_version_takes_it_for_seen(
    house, always_one, status
):
    house.koha.version, house.koha.seen_is_always_one = (23, 5), always_one
    house.koha.checkouts[1]["_unseen_used_up"] = True
    assert (await house.ask("POST", "/checkouts/1/renewals", params={"seen": 0}))[0] == status


async def test_newer_lists_are_asked_by_q(house):
    house.koha.version = (23, 5)
    (only,) = (await house.ask("GET", "/checkouts", params={"q": '{"item_id": 2}'}))[1]
    assert only["item_id"] == 2
    assert (await house.ask("GET", "/checkouts", params={"q": "{"}))[0] == 400


async def test_lists_come_in_pages(house):
    pages = [(await house.ask("GET", "/checkouts", params={"_per_page": 2, "_page": page}))[1] for page in (1, 2)]
    assert [[row["checkout_id"] for row in page] for page in pages] == [[1, 2], [3]]


# --- ILS-DI ---


async def test_ils_di_answers_as_seen(house):
    assert "<id>51</id>" in await house.service("AuthenticatePatron", username="TV000001", password=PIN)
    for card, pin in (("TV000001", "9999"), ("KHONGCO", PIN)):
        told = await house.service("AuthenticatePatron", username=card, password=pin)
        assert "<code>PatronNotFound</code>" in told
    assert "<id>51</id>" in await house.service("LookupPatron", id="TV000001", id_type="cardnumber")
    told = await house.service("RenewLoan", patron_id="51", item_id="3")
    late = "<success>0</success><renewals>2</renewals><date_due>2026-11-27 23:59</date_due><error>too_many</error>"
    assert late in told
    assert house.koha.writes == []


async def test_ils_di_tells_loans_with_title_author_copy_and_a_local_time(house):
    told = await house.service("GetPatronInfo", patron_id="51", show_loans="1", show_holds="1", show_fines="1")
    for part in (
        "<title>Truyện Kiều /</title>",
        "<author>Nguyễn Du</author>",
        "<barcode>VN0011</barcode>",
        "<itemcallnumber>895.922</itemcallnumber>",
        "<date_due>2026-11-27 23:59</date_due>",
        "<renewals>0</renewals>",
        "<description>Phí phạt quá hạn</description>",
    ):
        assert part in told


async def test_ils_di_tells_which_copies_are_in(house):
    told = await house.service("GetAvailability", id="1 4", id_type="biblio")
    assert re.findall(r"availabilitystatus>([\w ]+)<", told) == ["not available", "available"]
    assert "<dlf:availabilitymsg>Checked out</dlf:availabilitymsg>" in told
    assert "<dlf:location>Thư viện Trung tâm</dlf:location>" in told


async def test_ils_di_renews_anybodys_loan_for_anybody(house):
    assert "<success>1</success>" in await house.service("RenewLoan", patron_id="52", item_id="1")
    assert house.koha.writes == ["renew 1"]


@pytest.mark.parametrize(("state", "where"), [("off", "errors/404"), ("shut", "errors/403")])
async def test_ils_di_that_is_off_or_shut_sends_elsewhere(house, state, where):
    house.koha.ils_di = state
    answer = await house.http.get("/cgi-bin/koha/ilsdi.pl", params={"service": "GetServices"})
    assert answer.status_code == 302
    assert where in answer.headers["location"]


async def test_ils_di_may_also_say_in_a_code_that_an_address_is_not_let_in(house):
    house.koha.ils_di = "not_allowed"
    assert "<code>NotAllowed</code>" in await house.service("GetServices")


# --- faults ---


@pytest.mark.parametrize(
    ("kind", "written", "answered"),
    [
        ("drop_before", 0, httpx.RemoteProtocolError),
        ("drop_after", 1, httpx.RemoteProtocolError),
        ("hang", 0, httpx.ReadTimeout),
        ("hang_after", 1, httpx.ReadTimeout),
        ("truncated", 1, httpx.RemoteProtocolError),
        ("500", 0, 500),
        ("502", 0, 502),
        ("503", 0, 503),
        ("429", 0, 429),
        ("401", 0, 401),
        ("garbage", 1, 200),
        ("other_patron", 1, 201),
        ("slow", 1, 201),
    ],
)
async def test_a_fault_strikes_where_and_as_often_as_told_before_the_write_or_after_it(house, kind, written, answered):
    house.served.faults.append(Fault(kind, r"POST .*/renewal", times=1, other=52))
    asked = house.http.post("/api/v1/checkouts/1/renewal", auth=house.basic, timeout=0.5)
    if isinstance(answered, int):
        assert (await asked).status_code == answered
    else:
        with pytest.raises(answered):
            await asked
    assert len(house.koha.writes) == written
    assert (await house.ask("GET", "/checkouts"))[0] == 200
    assert (await house.ask("POST", "/checkouts/1/renewal"))[0] == 201
    assert house.koha.asked.count("POST /checkouts/1/renewal") == 2


async def test_another_patrons_data_can_be_told_instead(house):
    house.served.faults.append(Fault("other_patron", other=52))
    assert (await house.ask("GET", "/patrons/51"))[1]["surname"] == "Trần"
    assert "Văn An" in await house.service("GetPatronInfo", patron_id="51")


async def test_a_clock_can_be_off(house):
    house.served.clock_off_s = 600
    answer = await house.http.get("/api/v1/", auth=house.basic)
    assert answer.headers["date"] == "Sun, 22 Nov 2026 20:05:32 +0700"
