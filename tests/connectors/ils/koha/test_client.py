"""HTTP to a Koha: one key for all, reads tried again, writes sent once, every shape of error understood."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from connectors.ils.koha import client as koha_client
from connectors.ils.koha.client import reason
from library.ils import ILSMisconfigured, ILSOutcomeUnknown, ILSProtocolError, ILSUnavailable
from tests.connectors.ils.koha.scripted import Scripted, client, ils


def count(koha: Scripted, asked: str) -> int:
    return koha.asked.count(asked)


async def test_twenty_calls_at_once_fetch_one_key():
    koha = Scripted()
    asking = client(koha)
    await asyncio.gather(*(asking.read("/libraries") for _ in range(20)))
    assert count(koha, "POST /oauth/token") == 1
    assert count(koha, "GET /libraries") == 20


async def test_a_key_that_koha_no_longer_takes_is_renewed_once_for_twenty_calls():
    tokens = iter(("T1", "T2", "T3"))
    koha = Scripted()
    koha.says["/oauth/token"] = lambda _request: {"access_token": next(tokens), "expires_in": 3600}
    asking = client(koha)
    await asking.read("/libraries")
    refused = httpx.Response(401, json={"error": "Authentication failure."})
    sound = httpx.Response(200, json=[])
    koha.says["/libraries"] = lambda request: sound if request.headers["authorization"] == "Bearer T2" else refused
    answers = await asyncio.gather(*(asking.read("/libraries") for _ in range(20)))
    assert all(answer.ok for answer in answers)
    assert count(koha, "POST /oauth/token") == 2


async def test_a_key_is_renewed_before_its_end(monkeypatch):
    koha = Scripted()
    asking = client(koha)
    await asking.read("/libraries")
    now = koha_client.time.monotonic()
    monkeypatch.setattr(koha_client.time, "monotonic", lambda: now + 3600 - 59)
    await asking.read("/libraries")
    assert count(koha, "POST /oauth/token") == 2


async def test_a_koha_that_hangs_at_its_key_is_waited_for_once_by_all():
    hangs = asyncio.Event()
    waiting = []

    async def hang() -> Exception:
        waiting.append(1)
        await hangs.wait()
        return httpx.ReadTimeout("hangs")

    koha = Scripted(**{"/oauth/token": lambda _request: hang()})
    asking = client(koha)
    calls = asyncio.gather(*(asking.read("/libraries") for _ in range(20)), return_exceptions=True)
    while not waiting:
        await asyncio.sleep(0)
    hangs.set()
    assert all(isinstance(each, ILSUnavailable) for each in await calls)
    assert len(waiting) == 1


async def test_who_gives_up_takes_nobody_elses_key_with_him():
    may_answer = asyncio.Event()

    async def answer() -> dict[str, object]:
        await may_answer.wait()
        return {"access_token": "T1", "expires_in": 3600}

    koha = Scripted(**{"/oauth/token": lambda _request: answer()})
    asking = client(koha)
    first, second = (asyncio.create_task(asking.read("/libraries")) for _ in range(2))
    while not koha.asked:
        await asyncio.sleep(0)
    first.cancel()
    may_answer.set()
    assert (await second).ok
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_read_is_tried_again_and_a_write_never():
    koha = Scripted(**{"/libraries": httpx.Response(500), "POST /holds": httpx.Response(500)})
    asking = client(koha)
    with pytest.raises(ILSUnavailable):
        await asking.read("/libraries")
    with pytest.raises(ILSOutcomeUnknown):
        await asking.write("POST", "/holds", {})
    assert count(koha, "GET /libraries") == 3
    assert count(koha, "POST /holds") == 1


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("x")])
async def test_a_write_whose_answer_is_lost_is_sent_once_and_unknown(lost):
    koha = Scripted(**{"POST /holds": lost})
    with pytest.raises(ILSOutcomeUnknown):
        await client(koha).write("POST", "/holds", {})
    assert count(koha, "POST /holds") == 1


async def test_a_write_that_never_left_did_nothing_for_sure():
    koha = Scripted(**{"POST /holds": httpx.ConnectError("refused")})
    with pytest.raises(ILSUnavailable):
        await client(koha).write("POST", "/holds", {})


async def test_after_four_failures_koha_is_left_alone():
    koha = Scripted(**{"/libraries": httpx.ReadTimeout("x")})
    asking = client(koha)
    for _ in range(6):
        with pytest.raises(ILSUnavailable):
            await asking.read("/libraries")
    assert count(koha, "GET /libraries") == 4


async def test_refusals_leave_koha_reachable():
    koha = Scripted(**{"POST /holds": httpx.Response(403, json={"error": "Hold cannot be placed. Reason: noItems"})})
    asking = client(koha)
    for _ in range(6):
        assert (await asking.write("POST", "/holds", {})).status == 403


@pytest.mark.parametrize(
    ("status", "body", "raised", "told"),
    [
        (401, {"error": "Authentication failure."}, ILSMisconfigured, "client_secret"),
        (403, {"error": "Invalid password", "required_permissions": None}, ILSMisconfigured, "password"),
        (403, {"error": "x", "required_permissions": {"borrowers": "edit_borrowers"}}, ILSMisconfigured, "borrowers"),
        (400, [{"message": "Malformed query string", "path": "/query/foo"}], ILSProtocolError, "version"),
        (500, {"errors": [{"message": "Internal server error.", "path": "/"}], "status": 500}, ILSUnavailable, "500"),
        (429, {}, ILSUnavailable, "too much"),
    ],
)
async def test_each_shape_of_error_is_told_for_what_it_is(status, body, raised, told):
    koha = Scripted(**{"/libraries": httpx.Response(status, json=body)})
    with pytest.raises(raised, match=told):
        await client(koha).read("/libraries")


async def test_a_redirect_to_a_page_names_the_address_and_not_the_page():
    moved = httpx.Response(302, headers={"location": "https://elsewhere.example"}, content=b"<html>")
    for asked in ("GET /libraries", "POST /holds"):
        method, path = asked.split()
        asking = client(Scripted(**{asked: moved}))
        with pytest.raises(ILSMisconfigured, match="staff client"):
            await (asking.read(path) if method == "GET" else asking.write(method, path, {}))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"error": "Renewal not authorized (on_reserve)"}, "on_reserve"),
        ({"error": "Hold cannot be placed. Reason: tooManyReserves"}, "tooManyReserves"),
        ({"error": "Not today", "error_code": "too_many"}, "too_many"),
        ({"errors": [{"message": "Renewal not authorized (too_soon)"}]}, "too_soon"),
        ([{"message": "Renewal not authorized (overdue)"}], "overdue"),
        ({"error": "Checkout doesn't exist"}, ""),
        (None, ""),
    ],
)
def test_the_reason_is_found_in_every_shape(body, found):
    assert reason(body) == found


async def test_an_answer_without_end_is_cut_off():
    koha = Scripted(**{"/libraries": httpx.Response(200, content=b"[" + b" " * 9_000_000 + b"]")})
    with pytest.raises(ILSUnavailable):
        await client(koha).read("/libraries")


async def test_no_card_and_no_pin_stand_in_what_is_raised():
    koha = Scripted(**{"/auth/password/validation": httpx.ReadTimeout("x")})
    with pytest.raises(ILSUnavailable) as raised:
        await ils(koha).authenticate("TV000001", "135790")
    assert not {"TV000001", "135790"} & set(str(raised.value).split())
