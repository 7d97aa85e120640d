"""Genuine in their signature and terrible in their content: no body brings the product down or passes for another's."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.attacks.attacker import Attacker, as_bytes

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]

DEEP = 100_000
MALFORMED = {
    "nothing": b"",
    "no JSON": b"xin ch\xc3\xa0o",
    "half": b'{"update_id": 1, "mess',
    "a list": b"[]",
    "a number": b"1e999999",
    "a number like none": b'{"update_id": 1' + b"0" * 5000 + b"}",
    "null": b"null",
    "not UTF-8": b'{"update_id": 2, "message": "\xff\xfe"}',
    "UTF-16": '{"update_id": 3}'.encode("utf-16"),
    "NUL bytes": b"\x00" * 100,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"message":' * 20_000 + b"1" + b"}" * 20_000,
    "infinite": b'{"update_id": Infinity}',
    "not a number": b'{"timestamp": NaN, "update_id": NaN}',
    "many keys": json.dumps({f"k{n}": n for n in range(50_000)}).encode(),
}


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_cannot_be_understood_is_taken_and_set_aside(attacker: Attacker, what: str) -> None:
    body = MALFORMED[what]
    assert (await attacker.telegram(body)).status_code == 200  # else the chat's later updates never come
    assert (await attacker.zalo(body)).status_code in (200, 401)
    assert await attacker.alive()


@pytest.mark.parametrize("path", ["/telegram/webhook", "/zalo/webhook"])
async def test_a_huge_body_is_refused_before_it_is_read(attacker: Attacker, path: str) -> None:
    before = await attacker.stored()
    body = b'{"text":"' + b"x" * (2 * 1024 * 1024) + b'"}'
    knock = attacker.telegram if "telegram" in path else attacker.zalo
    assert (await knock(body)).status_code == 413
    assert await attacker.stored() == before


async def test_a_huge_message_of_the_website_is_refused(attacker: Attacker, patron) -> None:
    web = patron("web")
    await web.conversation()
    before = await attacker.stored()
    for text in ("x" * 8001, "x" * 3_000_000):
        body = {"id": "huge", "text": text}
        posted = await attacker.house.web.post(f"/api/conversations/{web.at}/messages", json=body, headers=web.key)
        assert posted.status_code in (413, 422)
    assert await attacker.stored() == before


@pytest.mark.parametrize("what", MALFORMED)
async def test_no_malformed_message_of_the_website_is_taken(attacker: Attacker, patron, what: str) -> None:
    web = patron("web")
    await web.conversation()
    before = await attacker.stored()
    headers = {**web.key, "Content-Type": "application/json"}
    path = f"/api/conversations/{web.at}/messages"
    posted = await attacker.house.web.post(path, content=MALFORMED[what], headers=headers)
    assert 400 <= posted.status_code < 500
    assert await attacker.stored() == before


WRONG = [None, True, -1, 2**70, 1.5, "x" * 300, [], {}, [[]], {"id": {"id": 1}}, "\x00", "\ud800"]


@pytest.mark.parametrize("junk", WRONG, ids=repr)
async def test_a_wrong_kind_in_any_field_is_set_aside_or_understood_never_an_error(attacker: Attacker, junk) -> None:
    update = attacker.update(990_000_010, "chào", update_id=910)
    event = attacker.event("990000000000000010", "chào", "junk")
    for whole, knock in ((update, attacker.telegram), (event, attacker.zalo)):
        for path in list(_paths(whole)):
            changed = _with(whole, path, junk)
            assert (await knock(json.dumps(changed).encode())).status_code in (200, 401), (path, junk)
    assert await attacker.alive()


def _paths(found, at=()):
    """Yield the path of every field in what was found."""
    for key in found:
        yield (*at, key)
        if isinstance(found[key], dict):
            yield from _paths(found[key], (*at, key))


def _with(whole, path, value):
    if not path:
        return value
    return {**whole, path[0]: _with(whole[path[0]], path[1:], value)}


async def test_the_last_of_two_keys_counts_and_the_signature_covers_both(attacker: Attacker) -> None:
    body = as_bytes(attacker.event("990000000000000021", "chào", "dup"))
    doubled = body[:-1] + b',"sender":{"id":"990000000000000022"}}'
    assert (await attacker.zalo(doubled, attacker.signature(body))).status_code == 401
    stamped = body[:-1] + b',"timestamp":"1"}'
    assert (await attacker.zalo(stamped)).status_code == 401  # its time is long ago
    assert attacker.house.zalo.shown_to("990000000000000021") == []


async def test_ids_beyond_what_a_double_can_hold_are_told_apart(attacker: Attacker, patrons) -> None:
    here, there = patrons(), patrons()  # neighbours: their ids differ by one, beyond 2^53
    for one, other in zip(here[1:], there[1:], strict=True):
        assert abs(int(one.address) - int(other.address)) == 1
        assert float(one.address) == float(other.address) or int(one.address) > 2**53
        await asyncio.gather(one.say("mấy giờ mở cửa Sa Đéc"), other.say("mấy giờ mở cửa Cao Lãnh"))
        mine, theirs = await one.news(), await other.news()
        assert any("Sa Đéc mở" in bubble.text for bubble in mine)
        assert any("Cao Lãnh mở" in bubble.text for bubble in theirs)
        assert await one.conversation() != await other.conversation()


ODD = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\ufffe",
    "\x1b[31mđỏ\x1b[0m",
    "\u202egnoas",
    "🇻🇳" * 500,
    "́" * 1000,
    "\u2028",
    "%s%n{0}",
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text)[:24])
async def test_odd_characters_are_answered_at_every_door(attacker: Attacker, patrons, text: str) -> None:
    web, telegram, zalo = patrons()
    for one in (telegram, zalo):
        await one.say("chào bạn")
        await one.news()
    telegrams = attacker.update(telegram.chat, text, 920, 920)
    zalos = attacker.event(zalo.address, text, "odd")
    assert (await attacker.telegram(json.dumps(telegrams).encode())).status_code == 200
    ascii_only = json.dumps(zalos).encode()
    assert (await attacker.zalo(ascii_only)).status_code == 200
    await web.conversation()
    path, body = f"/api/conversations/{web.at}/messages", json.dumps({"id": "odd", "text": text}).encode()
    posted = await attacker.house.web.post(
        path, content=body, params={"wait": 60}, headers={**web.key, "Content-Type": "application/json"}
    )
    assert posted.status_code in (202, 422)
    for one in (telegram, zalo):
        await one.settled()
        assert await one.news(), one.door
