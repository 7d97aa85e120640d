"""The address that Zalo's webhooks come to."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connectors.channels.port import Arrival
from connectors.clock import VIETNAM
from tests.connectors.channels.zalo_setting import PATRON, Kept, webhook_app, zalo_setting
from tests.simulators.zalo import Zalo
from tests.simulators.zalo_webhooks import signed
from tests.virtual_time import VirtualLoop, run

NOW = datetime(2026, 10, 1, 9, 0, tzinfo=VIETNAM)
WORDS = "mã PIN của tôi là 4711"


class Bell:
    """Rings at the webhook with whatever a test wants; `at` moves the gateway's clock."""

    def __init__(self) -> None:
        self.at = NOW
        self.kept, self.alarms = Kept(), list[tuple[str, str]]()

        async def nobody(_headers: Mapping[str, str], _body: bytes) -> int:
            return 404

        self.zalo = Zalo(lambda: NOW, nobody)
        self.app = webhook_app(self.kept, self.zalo, self.alarms, lambda: self.at)

    def body(self, msg_id: str = "96d3", **more: str) -> bytes:
        message = {"text": WORDS, "msg_id": msg_id}
        who = {"app_id": self.zalo.app_id, "sender": {"id": PATRON}, "recipient": {"id": self.zalo.oa_id}}
        stamp = {"timestamp": str(int(NOW.timestamp() * 1000))}
        return json.dumps({**who, "event_name": "user_send_text", "message": message, **stamp, **more}).encode()

    def mac(self, body: bytes, secret: str | None = None) -> str:
        stamp = str(int(NOW.timestamp() * 1000))
        return signed(self.zalo.app_id, secret or self.zalo.oa_secret, body, stamp)

    async def ring(self, body: bytes | AsyncIterator[bytes], mac: str | None = None) -> int:
        headers = {"X-ZEvent-Signature": mac} if mac is not None else {}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
            return (await client.post("/zalo/webhook", content=body, headers=headers)).status_code


@pytest.fixture
def bell() -> Bell:
    return Bell()


async def test_a_signed_message_is_stored_and_then_answered(bell: Bell) -> None:
    assert await bell.ring(bell.body(), bell.mac(bell.body())) == 200
    assert [(one.address, one.text) for one in bell.kept.arrivals] == [(PATRON, WORDS)]


async def test_the_address_answers_who_only_looks(bell: Bell) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bell.app), base_url="http://library.test") as client:
        assert (await client.get("/zalo/webhook")).status_code == 200
        assert (await client.head("/zalo/webhook")).status_code == 200


@pytest.mark.parametrize("forged", ["", "mac=", "nothing", "truncated", "app_secret", "guess"])
async def test_what_is_not_signed_with_our_secret_is_refused(bell: Bell, forged: str) -> None:
    body = bell.body()
    macs = {
        "nothing": None,
        "truncated": bell.mac(body)[:-2],
        "app_secret": bell.mac(body, bell.zalo.app_secret),
        "guess": bell.mac(body, "guess"),
    }
    assert await bell.ring(body, macs.get(forged, forged)) == 401
    assert bell.kept == Kept()


async def test_a_body_changed_after_signing_is_refused(bell: Bell) -> None:
    mac = bell.mac(bell.body())
    assert await bell.ring(bell.body().replace(b"4711", b"4712"), mac) == 401
    assert await bell.ring(bell.body() + b" ", mac) == 401
    assert bell.kept == Kept()


async def test_a_replay_is_refused_when_no_retry_can_be_so_late(bell: Bell) -> None:
    bell.at = NOW + timedelta(hours=1, minutes=50)
    assert await bell.ring(bell.body("a"), bell.mac(bell.body("a"))) == 200
    bell.at = NOW + timedelta(hours=3)
    assert await bell.ring(bell.body("b"), bell.mac(bell.body("b"))) == 401
    bell.at = NOW - timedelta(minutes=20)
    assert await bell.ring(bell.body("c"), bell.mac(bell.body("c"))) == 401
    assert [one.key for one in bell.kept.arrivals] == ["m:a"]


async def test_the_same_delivery_again_is_answered_and_changes_nothing(bell: Bell) -> None:
    statuses = {await bell.ring(bell.body(), bell.mac(bell.body())) for _ in range(5)}
    assert statuses == {200}
    assert len(bell.kept.arrivals) == 1


async def test_the_consoles_probes_are_answered_and_not_processed(bell: Bell) -> None:
    sample = json.dumps({"message": {"msg_id": "This is message id", "text": "This is testing message"}}).encode()
    assert await bell.ring(b"{}") == 200
    assert await bell.ring(sample, "mac=of-another-account") == 200
    assert bell.kept == Kept()
    assert bell.alarms == []


async def test_what_is_larger_than_any_event_is_refused_unread(bell: Bell) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 500_000

    assert await bell.ring(b" " * (1024 * 1024 + 1), "mac=") == 413
    assert await bell.ring(endless(), "mac=") == 413


async def test_what_is_genuine_but_not_understood_is_parked(bell: Bell) -> None:
    stamp = int(NOW.timestamp() * 1000)
    cut = b'{"timestamp":"%d","message":{"text":"cut of' % stamp
    for body in (cut, bell.body(event_name="A strange name"), b'{"timestamp":%d,"app_id":[]}' % stamp):
        assert await bell.ring(body, bell.mac(body)) == 200
    assert [reason for reason, _ in bell.kept.parked] == ["not JSON", "event_name", "event_name"]
    assert bell.kept.parked[0][1] == cut


async def test_an_unknown_event_is_answered(bell: Bell) -> None:
    body = bell.body(event_name="user_click_button")
    assert await bell.ring(body, bell.mac(body)) == 200
    assert bell.kept == Kept()


async def test_what_is_not_stored_is_asked_for_again(bell: Bell, caplog: pytest.LogCaptureFixture) -> None:
    bell.kept.broken = 1
    assert await bell.ring(bell.body(), bell.mac(bell.body())) == 503
    assert bell.kept.arrivals == []
    assert await bell.ring(bell.body(), bell.mac(bell.body())) == 200
    assert len(bell.kept.arrivals) == 1
    assert "StorageBroken" in caplog.text
    assert "words of a patron" not in caplog.text


async def test_a_storm_of_refusals_raises_one_alarm_that_says_why(bell: Bell) -> None:
    for _ in range(30):
        await bell.ring(bell.body(), bell.mac(bell.body(), bell.zalo.app_secret))
    assert bell.alarms == [("zalo", "webhook_signed_with_app_secret")]
    bell.at += timedelta(hours=2)
    for _ in range(10):
        await bell.ring(bell.body(), "mac=0")
    assert bell.alarms[1:] == [("zalo", "webhook_signature")]


async def test_a_few_refusals_now_and_then_raise_no_alarm(bell: Bell) -> None:
    for _ in range(40):
        await bell.ring(b"junk")
        bell.at += timedelta(minutes=2)
    assert bell.alarms == []


async def test_no_words_and_no_secret_reach_the_log(bell: Bell, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await bell.ring(bell.body(), bell.mac(bell.body()))
    await bell.ring(bell.body(), "mac=1")
    await bell.ring(bell.body(event_name="A strange name"), bell.mac(bell.body(event_name="A strange name")))
    assert "refused a webhook" in caplog.text
    for hidden in (WORDS, PATRON, bell.zalo.oa_secret, bell.zalo.app_secret, "strange"):
        assert hidden not in caplog.text


def test_the_answer_waits_for_the_storage_and_slow_storage_loses_nothing(tmp_path: Path) -> None:
    """Zalo counts an answer after two seconds as none and sends again."""

    async def main(loop: VirtualLoop) -> None:
        async with zalo_setting(loop.clock, tmp_path) as setting:
            setting.kept.delay_s = 5.0
            setting.zalo.says(PATRON, "một")
            await asyncio.sleep(20)
            setting.kept.delay_s = 0.1
            await setting.zalo.webhooks.idle()
            assert setting.zalo.webhooks.tally.statuses == [200, 200]
            assert setting.zalo.webhooks.tally.slow == 1
            assert [one.text for one in setting.kept.arrivals if isinstance(one, Arrival)] == ["một"]

    run(main)
