"""Whatever Koha answers, the adapter raises an ILSError at the worst, and tells of nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.ils import ILSError, ILSMisconfigured, ILSProtocolError, ILSUnavailable, PatronRef, PatronUnknown
from library.model import Refusal
from tests.connectors.ils.koha.scripted import ACCOUNT, HOLD, LOAN, PATRON, SOUND, Scripted, ils

LAN = PatronRef("51")
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("9999-12-31T23:59:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Fields of a sound answer with odd things in some of them.
SPOILED = st.builds(
    lambda path, keys, odd: (path, _spoiled(SOUND[path], keys, odd)),
    st.sampled_from(sorted(SOUND)),
    st.sets(st.integers(0, 8), min_size=1, max_size=3),
    ODD,
)
WHOLE = st.tuples(st.sampled_from(sorted(SOUND)), ODD)


def _spoiled(sound: Any, at: set[int], odd: Any) -> Any:
    if isinstance(sound, list):
        return [_spoiled(each, at, odd) for each in sound]
    names = list(sound)
    return {**sound, **{names[index % len(names)]: odd for index in at}} if names else odd


async def everything(koha: Scripted) -> None:
    """Ask everything the port has; a call may fail only as the port says."""
    library = ils(koha)
    calls = (
        lambda: library.authenticate("TV000001", "135790"),
        lambda: library.patron(LAN),
        lambda: library.loans(LAN),
        lambda: library.renew(LAN, ["4"]),
        lambda: library.holds(LAN),
        lambda: library.place_hold(LAN, "8"),
        lambda: library.cancel_hold(LAN, "7"),
        lambda: library.fees(LAN),
        lambda: library.availability(["3"]),
        library.branches,
    )
    for call in calls:
        with contextlib.suppress(ILSError):
            await call()
    await library.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Tries that follow each other at once."""
    monkeypatch.setattr("connectors.ils.koha.client.random.uniform", lambda _low, _high: 0.0)


@pytest.mark.usefixtures("_at_once")
def test_no_answer_of_any_shape_raises_what_the_port_does_not_say():
    @settings(max_examples=150, deadline=None)
    @given(odd=SPOILED | WHOLE, status=st.sampled_from([200, 200, 200, 201, 204, 400, 403, 404, 409, 502]))
    def holds_for(odd, status):
        path, body = odd
        said = httpx.Response(status, content=json.dumps(body).encode())
        asyncio.run(everything(Scripted(**{path: said})))

    holds_for()


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"<html>", b"[" * 5000, b'{"errors":[' * 400 + b"]}" * 400, b"NaN", b"null", b'"x"', b"1e999"],
)
@pytest.mark.parametrize("path", ["/", "/oauth/token", "/checkouts", "/patrons/51", "/patrons/51/account"])
async def test_bodies_that_are_no_answers_raise_what_the_port_says(path, body):
    for status in (200, 403):
        await everything(Scripted(**{path: httpx.Response(status, content=body)}))


ODD_FIELDS = (None, True, "", "x", -1, float("nan"), [], {"x": 1}, "9999-12-31T23:59:00Z", "0001-01-01")


@pytest.mark.parametrize("path", sorted(SOUND))
async def test_every_field_may_hold_anything(path):
    sound = SOUND[path]
    fields = sound[0] if isinstance(sound, list) else sound
    for field in fields:
        for odd in ODD_FIELDS:
            spoiled = {**fields, field: odd}
            body = json.dumps([spoiled] if isinstance(sound, list) else spoiled)
            await everything(Scripted(**{path: httpx.Response(200, content=body.encode())}))


AN = 52


@pytest.mark.parametrize(
    ("path", "body", "ask"),
    [
        ("/checkouts", [LOAN, {**LOAN, "patron_id": AN}], lambda library: library.loans(LAN)),
        ("/holds", [HOLD, {**HOLD, "patron_id": AN}], lambda library: library.holds(LAN)),
        ("/patrons/51", {**PATRON, "patron_id": AN}, lambda library: library.patron(LAN)),
        ("/patrons/51", {**PATRON, "patron_id": AN}, lambda library: library.place_hold(LAN, "8")),
        ("/patrons/51", {**PATRON, "cardnumber": "TV000002"}, lambda library: library.authenticate("TV000001", "1")),
        (
            "/patrons/51/account",
            {**ACCOUNT, "outstanding_debits": {"lines": [{"patron_id": AN, "amount_outstanding": 1}]}},
            lambda library: library.fees(LAN),
        ),
    ],
)
async def test_what_is_of_another_patron_is_thrown_away_whole(path, body, ask):
    koha = Scripted(**{path: body})
    with pytest.raises(ILSProtocolError):
        await ask(ils(koha))
    assert not [asked for asked in koha.asked if asked.startswith(("POST /holds", "POST /checkouts"))]


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(404, json={"error": "Patron not found"}),
        httpx.Response(400, json={"error": "Something"}),
        httpx.Response(200, json={}),
        httpx.Response(200, content=b'{"balance": NaN, "outstanding_debits": {"lines": []}}'),
        httpx.Response(200, json={"balance": 5}),
    ],
)
async def test_an_account_that_was_not_told_is_never_one_without_debts(said):
    koha = Scripted(**{"/patrons/51/account": said})
    for ask in (ils(koha).patron, ils(koha).fees):
        if b"NaN" in said.content and ask.__name__ == "fees":
            continue  # its lines are told; the sum is for the blocks
        with pytest.raises(ILSProtocolError):
            await ask(LAN)


NO_CALL = httpx.Response(404, json={"errors": [{"message": "Not found.", "path": "/"}], "status": 404})
NO_PATRON = httpx.Response(404, json={"error": "Patron not found"})


async def test_a_patron_whom_koha_knows_no_more_is_gone_whichever_call_says_so_first():
    async def late(_request):
        await asyncio.sleep(0.05)
        return NO_PATRON

    koha = Scripted(**{"/patrons/51": late, "/patrons/51/account": NO_PATRON})
    with pytest.raises(PatronUnknown):
        await ils(koha).patron(LAN)
    with pytest.raises(PatronUnknown):
        await ils(koha).fees(LAN)


async def test_a_patron_whom_ils_di_knows_no_more_is_gone():
    told = httpx.Response(200, text="<GetPatronInfo><code>PatronNotFound</code></GetPatronInfo>")
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": told})
    with pytest.raises(PatronUnknown):
        await ils(koha, ils_di=True).loans(LAN)


async def test_a_koha_that_has_lost_its_calls_has_lost_no_patron():
    with pytest.raises(ILSProtocolError) as caught:
        await ils(Scripted(**{"/patrons/51": NO_CALL, "/patrons/51/account": NO_CALL})).patron(LAN)
    assert not isinstance(caught.value, PatronUnknown)


REFUSES_US = {"error": "Authorization failure. Missing required permission(s).", "required_permissions": {"x": "1"}}


@pytest.mark.parametrize("said", [NO_CALL, httpx.Response(403, json=REFUSES_US), httpx.Response(401, json={})])
async def test_what_was_renewed_is_told_when_koha_refuses_us_the_next(said):
    next_loan = {**LOAN, "checkout_id": 2, "item_id": 5}
    koha = Scripted(**{"/checkouts": [LOAN, next_loan], "/checkouts/2/renewal": said})
    first, second = await ils(koha).renew(LAN, ["4", "5"])
    assert first.ok
    assert second.refusal is Refusal.NO_ANSWER
    with pytest.raises(ILSError):
        await ils(koha).renew(LAN, ["5", "4"])
    assert koha.asked.count("POST /checkouts/1/renewal") == 1


async def test_holds_are_told_and_placed_without_the_titles_that_ils_di_fails_to_tell():
    placed = {**HOLD, "hold_id": 8, "biblio_id": 8}
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": httpx.Response(500, text="Software error"), "POST /holds": placed})
    library = ils(koha, ils_di=True)
    [hold] = await library.holds(LAN)
    assert hold.title == "Dế mèn phiêu lưu ký"
    koha.says["/cgi-bin/koha/ilsdi.pl"] = _ails_at_holds
    assert (await ils(koha, ils_di=True).place_hold(LAN, "8")).ok


def _ails_at_holds(request: httpx.Request) -> httpx.Response:
    if "show_holds" in request.url.params:
        return httpx.Response(500, text="Software error")
    return httpx.Response(200, text="<GetPatronInfo><borrowernumber>51</borrowernumber></GetPatronInfo>")


@pytest.mark.parametrize(
    "said",
    [
        NO_CALL,
        httpx.Response(400, json={"errors": [{"message": "Properties not allowed: identifier.", "path": "/body"}]}),
        httpx.Response(409, json={"error": "Something"}),
    ],
)
async def test_a_log_in_that_koha_does_not_understand_is_no_wrong_pin(said):
    with pytest.raises(ILSProtocolError):
        await ils(Scripted(**{"/auth/password/validation": said})).authenticate("TV000001", "135790")


@pytest.mark.parametrize("field", ["restricted", "patron_card_lost", "incorrect_address"])
async def test_a_card_that_is_lost_or_wrong_renews_and_holds_nothing(field):
    koha = Scripted(**{"/patrons/51": {**PATRON, field: True}})
    library = ils(koha)
    assert (await library.renew(LAN, ["4"]))[0].refusal is Refusal.CARD_RESTRICTED
    assert (await library.place_hold(LAN, "8")).refusal is Refusal.CARD_RESTRICTED
    assert not [asked for asked in koha.asked if asked.startswith(("POST /holds", "POST /checkouts"))]


async def test_a_link_made_at_another_kind_of_system_is_gone_and_asks_koha_nothing():
    koha = Scripted()
    with pytest.raises(PatronUnknown):
        await ils(koha).place_hold(PatronRef("../libraries"), "8")
    assert "GET /libraries" not in koha.asked


async def test_all_copies_of_a_record_are_asked_for_where_koha_tells_of_twenty_at_first():
    paged = {**SOUND["/"]["paths"], "/biblios/{biblio_id}/items": {"get": {"parameters": [_query("_per_page")]}}}
    found: list[str] = []
    koha = Scripted(**{"/": {"paths": paged}})
    koha.says["/biblios/3/items"] = lambda request: found.append(request.url.params["_per_page"]) or []
    await ils(koha).availability(["3"])
    assert int(found[0]) > 20


def _query(name: str) -> dict[str, str]:
    return {"in": "query", "name": name, "type": "integer"}


BILLION = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><AuthenticatePatron><id>&b;</id></AuthenticatePatron>'
OUTSIDE = b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><AuthenticatePatron><id>51</id></AuthenticatePatron>'
WIDE = '<!DOCTYPE x [<!ENTITY a "51">]><AuthenticatePatron><id>&a;</id></AuthenticatePatron>'.encode("utf-16")


@pytest.mark.parametrize("body", [BILLION, OUTSIDE, WIDE, b"<AuthenticatePatron><id>51", b"", b"{}"])
async def test_xml_that_declares_or_breaks_lets_nobody_in(body):
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": httpx.Response(200, content=body), "/": _without_rest_log_in()})
    with pytest.raises(ILSUnavailable):
        await ils(koha, ils_di=True).authenticate("TV000001", "135790")


@pytest.mark.parametrize("page", ["404", "403"])
async def test_an_ils_di_that_is_off_or_shut_is_not_sent_the_pin_in_an_address(page):
    moved = httpx.Response(302, headers={"location": f"/cgi-bin/koha/errors/{page}.pl"})
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": moved, "/": _without_rest_log_in()})
    with pytest.raises(ILSMisconfigured):
        await ils(koha, ils_di=True).authenticate("TV000001", "135790")
    assert "GET /cgi-bin/koha/ilsdi.pl" not in koha.asked


def _without_rest_log_in() -> dict[str, Any]:
    paths = {path: told for path, told in SOUND["/"]["paths"].items() if "validation" not in path}
    return {"paths": paths}
