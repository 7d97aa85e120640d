"""Webhooks that are not what they say: wrong, missing, cut, replayed or put to another body. Nothing gets in."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest

from tests.attacks.attacker import Attacker, as_bytes
from tests.doors.house import SECRET

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]

STRANGER = 990_000_001


@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        SECRET[:-1],
        SECRET + "x",
        SECRET.upper(),
        SECRET[::-1],
        "x" * 100_000,
        "null",
    ],
    ids=["none", "empty", "cut", "longer", "upper", "reversed", "huge", "null"],
)
async def test_telegrams_webhook_wants_its_secret_whole(attacker: Attacker, secret: str | None) -> None:
    before = await attacker.stored()
    answer = await attacker.telegram(as_bytes(attacker.update(STRANGER, "cho em gia hạn")), secret)
    assert answer.status_code in (400, 403, 431)
    assert not answer.content or answer.status_code != 403
    assert await attacker.stored() == before
    assert attacker.house.telegram.shown_to(STRANGER) == []


async def test_telegrams_secret_counts_in_its_header_alone(attacker: Attacker) -> None:
    before, body = await attacker.stored(), as_bytes(attacker.update(STRANGER, "chào"))
    for headers, params in (
        ({"Authorization": f"Bearer {SECRET}"}, {}),
        ({"X-Telegram-Secret": SECRET}, {}),
        ({}, {"secret_token": SECRET, "X-Telegram-Bot-Api-Secret-Token": SECRET}),
    ):
        answer = await attacker.house.web.post("/telegram/webhook", content=body, headers=headers, params=params)
        assert answer.status_code == 403
    assert await attacker.stored() == before


async def test_zalos_webhook_wants_the_signature_of_this_very_body(attacker: Attacker) -> None:
    body = as_bytes(attacker.event("990000000000000001", "gia hạn giúp em"))
    right = attacker.signature(body)
    other = as_bytes(attacker.event("990000000000000001", "gia hạn giúp em nhé"))
    mac = right.removeprefix("mac=")
    wrong = {
        "none": "",
        "cut": right[:-1],
        "longer": right + "0",
        "without its name": mac,
        "upper": "mac=" + mac.upper(),
        "only the name": "mac=",
        "twice": f"{right},{right}",
        "with the app's secret": attacker.signature(body, attacker.house.zalo.app_secret),
        "with no secret": attacker.signature(body, " ").replace(" ", ""),
        "of another body": attacker.signature(other),
        "huge": "mac=" + "0" * 50_000,
        "zeros": "mac=" + "0" * 64,
    }
    before = await attacker.stored()
    for what, signature in wrong.items():
        answer = await attacker.zalo(body, signature or "")
        if not signature:
            answer = await attacker.house.web.post("/zalo/webhook", content=body)
        assert answer.status_code in (400, 401, 431), what
    assert await attacker.stored() == before
    assert attacker.house.zalo.shown_to("990000000000000001") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"timestamp":"1', b'"timestamp":"2'),
        lambda body: body + b" ",
        lambda body: body.replace(b":", b": ", 1),
        lambda body: body.replace(b"990000000000000002", b"990000000000000003"),
        lambda body: body[:-1] + b',"x":1}',
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: unicodedata.normalize("NFD", body.decode()).encode(),
    ],
    ids=["its time", "a space at the end", "a space within", "the sender", "one more key", "a mark in front", "NFD"],
)
async def test_a_body_changed_after_signing_is_refused(attacker: Attacker, change) -> None:
    body = as_bytes(attacker.event("990000000000000002", "chào"))
    changed, before = change(body), await attacker.stored()
    assert changed != body
    assert (await attacker.zalo(changed, attacker.signature(body))).status_code == 401
    assert await attacker.stored() == before


async def test_a_webhook_replayed_at_once_has_one_effect_and_one_replayed_much_later_none(
    attacker: Attacker, patron
) -> None:
    zalo = patron("zalo")
    await zalo.say("mấy giờ mở cửa")
    await zalo.news()
    knock = next(one for one in reversed(attacker.house.knocks) if one.door == "zalo" and b"user_send" in one.body)
    before = await attacker.stored()
    for _ in range(20):
        assert await attacker.house.knock("zalo", knock.headers, knock.body) == 200
    await zalo.settled()
    assert await attacker.stored() == before
    attacker.house.clock.advance(timedelta(hours=3))
    assert await attacker.house.knock("zalo", knock.headers, knock.body) == 401
    assert await zalo.news() == []


async def test_a_telegram_update_replayed_for_days_has_one_effect(attacker: Attacker, patron) -> None:
    telegram = patron("telegram")
    await telegram.say("mấy giờ mở cửa")
    await telegram.news()
    before = await attacker.stored()
    for _ in range(20):
        assert await attacker.house.telegram.courier.again(telegram.last) == 200
    attacker.house.clock.advance(timedelta(minutes=5))
    assert await attacker.house.telegram.courier.again(telegram.last) == 200
    await telegram.settled()
    assert await attacker.stored() == before
    assert await telegram.news() == []


async def test_the_consoles_probes_are_answered_and_are_nobodys_words(attacker: Attacker) -> None:
    before = await attacker.stored()
    assert await attacker.house.zalo.webhooks.probe() == [200, 200]
    assert await attacker.stored() == before


@pytest.mark.parametrize(
    "probe",
    [b"{}", b'{"message":{"msg_id":"This is message id","text":"This is testing message"},"sender":{"id":"1"}}'],
)
async def test_what_looks_like_a_probe_does_nothing_else(attacker: Attacker, probe: bytes) -> None:
    before = await attacker.stored()
    assert (await attacker.house.web.post("/zalo/webhook", content=probe)).status_code == 200
    assert await attacker.stored() == before
