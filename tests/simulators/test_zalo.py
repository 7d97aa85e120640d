"""The simulated Zalo keeps to the rules that the gateway's tests lean on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.clock import wall_clock
from tests.simulators.sockets import listening
from tests.simulators.zalo import Fault, Zalo
from tests.virtual_time import VirtualLoop, run

PATRON, OTHER = "2468455835291979221", "2468455835291979222"
BASE = "http://zalo.test"
ROOT = Path(__file__).resolve().parents[2]


class Gateway:
    """Takes webhooks as a test wants, and calls the OpenAPI with a fresh token."""

    def __init__(self, loop: VirtualLoop, **more: Any) -> None:
        self.loop = loop
        self.seen: list[tuple[float, dict[str, str], dict[str, Any]]] = []
        self.status = 200
        self.delay_s = 0.0
        self.zalo = Zalo(loop.clock, self.take, **more)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.zalo.app), base_url=BASE)

    async def take(self, headers: Mapping[str, str], body: bytes) -> int:
        self.seen.append((self.loop.time(), dict(headers), json.loads(body)))
        await asyncio.sleep(self.delay_s)
        return self.status

    async def refresh(self, token: str = "refresh-0", **form: str) -> dict[str, Any]:
        asked = {"app_id": self.zalo.app_id, "grant_type": "refresh_token", "refresh_token": token, **form}
        answer = await self.client.post("/v4/oa/access_token", data=asked, headers={"secret_key": "app-secret"})
        assert answer.status_code == 200
        return dict(answer.json())

    async def send(self, message: object, user: str = PATRON, token: str | None = None) -> int:
        """Return the `error` of a sending call."""
        if token is None and not self.zalo.access_token:
            await self.refresh()
        headers = {"access_token": self.zalo.access_token if token is None else token}
        body = {"recipient": {"user_id": user}, "message": message}
        answer = await self.client.post("/v3.0/oa/message/cs", json=body, headers=headers)
        assert answer.status_code == 200
        return int(answer.json()["error"])


def play(scene: Callable[[Gateway], Awaitable[None]], **more: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        gateway = Gateway(loop, **more)
        await scene(gateway)
        await gateway.zalo.close()
        await gateway.client.aclose()

    run(main)


def buttons(*titles: str) -> dict[str, Any]:
    choices = [{"title": title, "type": "oa.query.hide", "payload": f"#{title}"} for title in titles]
    return {"text": "?", "attachment": {"type": "template", "payload": {"buttons": choices}}}


def listed(**element: object) -> dict[str, Any]:
    payload = {"template_type": "list", "elements": [element]}
    return {"text": "?", "attachment": {"type": "template", "payload": payload}}


def test_a_webhook_is_signed_over_its_bytes() -> None:
    async def scene(gateway: Gateway) -> None:
        bodies: list[bytes] = []

        async def keep(headers: Mapping[str, str], body: bytes) -> int:
            bodies.append(body)
            assert "Thủ Thư".encode() in body  # not as \u escapes
            whole = gateway.zalo.app_id.encode() + body + json.loads(body)["timestamp"].encode() + b"oa-secret"
            assert headers["X-ZEvent-Signature"] == f"mac={hashlib.sha256(whole).hexdigest()}"
            return 200

        gateway.zalo.webhooks.deliver = keep
        gateway.zalo.says(PATRON, "Thủ Thư")
        await gateway.zalo.webhooks.idle()
        assert len(bodies) == 1

    play(scene)


def test_what_is_not_taken_comes_again_on_the_ladder_and_then_zalo_stops() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.status = 503
        gateway.zalo.says(PATRON, "một")
        await gateway.zalo.webhooks.idle()
        assert [at for at, _, _ in gateway.seen] == [0, 30, 330, 1230, 3030, 6630]
        assert [headers.get("num_retry") for _, headers, _ in gateway.seen] == [None, "1", "2", "3", "4", "5"]
        assert len({body["timestamp"] for _, _, body in gateway.seen}) == 1
        gateway.zalo.says(PATRON, "hai")
        await gateway.zalo.webhooks.idle()
        assert len(gateway.seen) == 6
        assert len(gateway.zalo.webhooks.tally.lost) == 2
        gateway.status = 200
        gateway.zalo.webhooks.subscribe()
        gateway.zalo.says(PATRON, "ba")
        await gateway.zalo.webhooks.idle()
        assert gateway.seen[-1][2]["message"]["text"] == "ba"

    play(scene)


def test_an_answer_after_two_seconds_is_late_and_the_event_comes_again() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.delay_s = 2.5
        gateway.zalo.says(PATRON, "một")
        await asyncio.sleep(3)
        gateway.delay_s = 0.5
        await gateway.zalo.webhooks.idle()
        assert gateway.zalo.webhooks.tally.slow == 1
        assert len(gateway.seen) == 2
        gateway.delay_s, gateway.zalo.webhooks.retry_slow = 2.5, False
        gateway.zalo.says(PATRON, "hai")
        await gateway.zalo.webhooks.idle()
        assert len(gateway.seen) == 3

    play(scene)


def test_events_come_twice_late_and_in_another_order_when_asked() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.says(PATRON, "một", after_s=(3600.0,))
        gateway.zalo.says(PATRON, "hai", after_s=(0.0, 5.0))
        gateway.zalo.webhooks.disturb = lambda: (1.0,)
        gateway.zalo.says(PATRON, "ba")
        await gateway.zalo.webhooks.idle()
        seen = [(at, body["message"]["text"]) for at, _, body in gateway.seen]
        assert seen == [(0, "hai"), (1, "ba"), (5, "hai"), (3600, "một")]
        assert gateway.seen[-1][2]["timestamp"] <= gateway.seen[0][2]["timestamp"]

    play(scene)


def test_the_console_probes_the_address() -> None:
    async def scene(gateway: Gateway) -> None:
        assert await gateway.zalo.webhooks.probe() == [200, 200]
        assert [("X-ZEvent-Signature" in headers, body.get("message")) for _, headers, body in gateway.seen] == [
            (False, None),
            (True, {"text": "This is testing message", "msg_id": "This is message id"}),
        ]

    play(scene)


def test_each_kind_of_event_has_its_shape() -> None:
    async def scene(gateway: Gateway) -> None:
        zalo = gateway.zalo
        zalo.follows(PATRON)
        zalo.opens_chat(PATRON)
        kinds = ("image", "gif", "link", "audio", "video", "sticker", "file", "location")
        for kind in kinds:
            zalo.sends(PATRON, kind, text="Cơm Coffee" if kind == "location" else "")
        zalo.submits_info(PATRON, {"name": "A"})
        zalo.withdraws(PATRON)
        zalo.unfollows(PATRON)
        zalo.happens(PATRON, {"event_name": "user_seen_message", "message": {"msg_ids": ["1"]}})
        await zalo.webhooks.idle()
        assert [body["event_name"] for _, _, body in gateway.seen] == [
            "follow",
            "user_click_chatnow",
            *(f"user_send_{kind}" for kind in kinds),
            "user_submit_info",
            "user_withdraw",
            "unfollow",
            "user_seen_message",
        ]
        assert all(isinstance(body["timestamp"], str) for _, _, body in gateway.seen)
        assert "sender" not in gateway.seen[0][2]
        assert gateway.seen[9][2]["message"]["text"] == "Cơm Coffee"

    play(scene)


@pytest.mark.parametrize("echo", ["before", "after", "off"])
def test_what_the_account_says_is_echoed(echo: Any) -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.rules.echo = echo
        gateway.zalo.opens_chat(PATRON)
        await gateway.zalo.webhooks.idle()
        assert await gateway.send({"text": "Chào"}) == 0
        before = [body["event_name"] for _, _, body in gateway.seen[1:]]
        assert before == (["oa_send_text"] if echo == "before" else [])
        await gateway.zalo.webhooks.idle()
        assert len(gateway.seen) == (1 if echo == "off" else 2)
        gateway.zalo.staff_says(PATRON, "Tôi đây", admin="7")
        await gateway.zalo.webhooks.idle()
        assert gateway.seen[-1][2]["sender"] == {"id": gateway.zalo.oa_id, "admin_id": "7"}
        assert [one.by for one in gateway.zalo.shown_to(PATRON)] == ["api", "staff"]

    play(scene)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"text": "a" * 2000}, 0),
        ({"text": "a" * 2001}, -210),
        ({"text": ""}, -201),
        ({}, -201),
        ("text", -201),
        (buttons("Một", "Hai"), 0),
        (buttons(*"123456"), -201),
        (buttons("a" * 101), -201),
        (buttons(), -201),
        (listed(title="Một", subtitle="Bấm", default_action={"type": "oa.query.hide", "payload": "#a"}), 0),
        (listed(title="Một", subtitle="", default_action={"type": "oa.query.hide", "payload": "#a"}), -201),
        (listed(title="Một", subtitle="Bấm", default_action={"type": "oa.open.url", "url": "javascript:1"}), -201),
        ({"text": "?", "attachment": {"type": "template", "payload": {"template_type": "rows"}}}, -233),
        ({"text": "?", "attachment": {"type": "other"}}, -201),
    ],
)
def test_a_message_is_read_strictly(message: object, error: int) -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.opens_chat(PATRON)
        assert await gateway.send(message) == error
        assert len(gateway.zalo.shown_to(PATRON)) == (error == 0)

    play(scene)


def test_accounts_differ_in_the_templates_they_may_send() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.opens_chat(PATRON)
        gateway.zalo.rules.buttons = gateway.zalo.rules.lists = False
        action = {"type": "oa.query.hide", "payload": "#a"}
        assert await gateway.send(buttons("Một")) == -233
        assert await gateway.send(listed(title="Một", subtitle="Bấm", default_action=action)) == -233

    play(scene)


def test_who_was_not_heard_lately_cannot_be_written_to() -> None:
    async def scene(gateway: Gateway) -> None:
        assert await gateway.send({"text": "a"}) == -213
        gateway.zalo.opens_chat(PATRON)
        assert await gateway.send({"text": "a"}) == 0
        await asyncio.sleep(49 * 3600)
        token = str((await gateway.refresh("refresh-1"))["access_token"])
        assert await gateway.send({"text": "a"}, token=token) == -211
        gateway.zalo.rules.bought_messages = 1
        assert await gateway.send({"text": "a"}) == 0
        assert await gateway.send({"text": "a"}) == -211
        await asyncio.sleep(6 * 24 * 3600)
        await gateway.refresh("refresh-2")
        assert await gateway.send({"text": "a"}) == -230
        gateway.zalo.says(PATRON, "ơi")
        assert await gateway.send({"text": "a"}) == 0
        gateway.zalo.unfollows(PATRON)
        assert await gateway.send({"text": "a"}) == -213

    play(scene)


def test_the_old_rule_of_eight_messages() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.rules.eight_in_48_h = True
        gateway.zalo.opens_chat(PATRON)
        assert [await gateway.send({"text": "a"}) for _ in range(9)] == [0] * 8 + [-218]
        gateway.zalo.says(PATRON, "ơi")
        assert await gateway.send({"text": "a"}) == 0

    play(scene)


def test_calls_are_counted_by_the_minute() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.rules.per_minute = 2
        gateway.zalo.opens_chat(PATRON)
        assert [await gateway.send({"text": "a"}) for _ in range(3)] == [0, 0, -32]
        await asyncio.sleep(60)
        answer = await gateway.client.post("/v3.0/oa/message/cs", json={})
        assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remain"]) == ("2", "1")

    play(scene)


def test_an_access_token_lives_25_hours() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.opens_chat(PATRON)
        assert await gateway.send({"text": "a"}, token="") == -216
        assert await gateway.send({"text": "a"}) == 0
        await asyncio.sleep(25 * 3600 - 1)
        assert await gateway.send({"text": "a"}) == 0
        await asyncio.sleep(1)
        assert await gateway.send({"text": "a"}) == -220

    play(scene)


def test_a_refresh_token_works_once_and_ends_the_pair() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.opens_chat(PATRON)
        first = await gateway.refresh()
        assert (first["expires_in"], first["refresh_token"]) == ("90000", "refresh-1")
        second = await gateway.refresh(first["refresh_token"])
        assert await gateway.send({"text": "a"}, token=first["access_token"]) == -216
        assert await gateway.send({"text": "a"}, token=second["access_token"]) == 0
        for used in ("refresh-0", "refresh-1", "guess"):
            assert (await gateway.refresh(used))["error"] == -14003
        assert (await gateway.refresh("refresh-2", app_id="1"))["error"] == -14002
        await asyncio.sleep(timedelta(days=91).total_seconds())
        assert (await gateway.refresh("refresh-2"))["error"] == -14003

    play(scene)


def test_a_scripted_fault_can_come_with_or_without_the_effect() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.opens_chat(PATRON)
        await gateway.refresh()
        gateway.zalo.faults.extend([Fault(error=-200), Fault(error=-200, done=True)])
        assert [await gateway.send({"text": text}) for text in "abc"] == [-200, -200, 0]
        assert gateway.zalo.texts(PATRON) == ["b", "c"]

    play(scene)


def test_the_profile_tells_of_followers_only() -> None:
    async def scene(gateway: Gateway) -> None:
        gateway.zalo.follows(PATRON)
        await gateway.refresh()
        headers = {"access_token": gateway.zalo.access_token}
        for user, error in ((PATRON, 0), (OTHER, -213)):
            query = {"data": json.dumps({"user_id": user})}
            answer = await gateway.client.get("/v3.0/oa/user/detail", params=query, headers=headers)
            assert answer.json()["error"] == error
        account = await gateway.client.get("/v2.0/oa/getoa", headers=headers)
        assert account.json()["data"]["oaid"] == gateway.zalo.oa_id

    play(scene)


def test_users_see_only_what_was_sent_to_them() -> None:
    async def scene(gateway: Gateway) -> None:
        for user in (PATRON, OTHER):
            gateway.zalo.opens_chat(user)
            await gateway.send({"text": user}, user=user)
        assert gateway.zalo.texts(PATRON) == [PATRON]
        assert gateway.zalo.texts(OTHER) == [OTHER]

    play(scene)


DYING = """
import asyncio, os, sys
from pathlib import Path
import httpx
from connectors.clock import wall_clock
from tests.simulators.sockets import listening
from tests.simulators.zalo import Zalo

async def take(headers, body):
    if "chưa kịp" in body.decode():
        os._exit(7)
    return 200

async def main():
    zalo = Zalo(wall_clock, take, journal=Path(sys.argv[1]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(zalo.app), base_url="http://zalo.test") as client:
        form = {"app_id": zalo.app_id, "grant_type": "refresh_token", "refresh_token": "refresh-0"}
        await client.post("/v4/oa/access_token", data=form, headers={"secret_key": zalo.app_secret})
        zalo.says("2468455835291979221", "đã xong")
        await zalo.webhooks.idle()
        body = {"recipient": {"user_id": "2468455835291979221"}, "message": {"text": "Chào"}}
        await client.post("/v3.0/oa/message/cs", json=body, headers={"access_token": zalo.access_token})
        await zalo.webhooks.idle()
        zalo.says("2468455835291979221", "chưa kịp")
        await zalo.webhooks.idle()

asyncio.run(main())
"""


def test_what_zalo_knows_outlives_the_death_of_the_process(tmp_path: Path) -> None:
    journal = tmp_path / "zalo.jsonl"
    died = subprocess.run([sys.executable, "-c", DYING, str(journal)], check=False, capture_output=True, cwd=ROOT)
    assert died.returncode == 7, died.stderr.decode()
    with journal.open("ab") as file:
        file.write(b'{"what": "sho')  # a line cut in the middle

    async def scene(gateway: Gateway) -> None:
        zalo = gateway.zalo
        assert zalo.texts(PATRON) == ["Chào"]
        assert zalo.access_token == "access-1"
        assert zalo.resume() == 1
        await zalo.webhooks.idle()
        ((_, headers, body),) = gateway.seen
        assert (body["message"]["text"], headers["num_retry"]) == ("chưa kịp", "1")
        assert zalo.resume() == 0
        earlier = {one.msg_id for one in zalo.shown_to(PATRON)}
        assert zalo.says(PATRON, "lại") not in earlier | {body["message"]["msg_id"]}
        assert (await gateway.refresh())["error"] == -14003

    play(scene, journal=journal)


async def test_it_speaks_over_real_http_too() -> None:
    """One socket each way, on a time scale on which the first retry comes after 30 ms."""
    seen: list[bytes] = []

    async def take(request: Request) -> Response:
        seen.append(await request.body())
        return Response(status_code=200 if len(seen) > 1 else 503)

    library = Starlette(routes=[Route("/zalo/webhook", take, methods=["POST"])])
    async with httpx.AsyncClient() as client, listening(library) as ours:

        async def deliver(headers: Mapping[str, str], body: bytes) -> int:
            return (await client.post(f"{ours}/zalo/webhook", headers=dict(headers), content=body)).status_code

        zalo = Zalo(wall_clock, deliver, scale=0.001)
        form = {"app_id": zalo.app_id, "grant_type": "refresh_token", "refresh_token": "refresh-0"}
        async with listening(zalo.app) as theirs:
            key = {"secret_key": zalo.app_secret}
            answer = await client.post(f"{theirs}/v4/oa/access_token", data=form, headers=key)
            zalo.says(PATRON, "một")
            await zalo.webhooks.idle()
    assert answer.json()["access_token"] == "access-1"
    assert zalo.webhooks.tally.statuses == [503, 200]
    assert seen[0] == seen[1]
