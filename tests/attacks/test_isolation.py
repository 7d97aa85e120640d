"""Many patrons at once, in any order, at every door: nobody is ever shown a word that belongs to another."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.attacks.attacker import Attacker
from tests.doors.house import LIBRARYS_SITE

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]

CARDS = {"DT000101": "Nguyễn Thị Lan", "DT000102": "Trần Văn Hùng", "DT000103": "Lê Minh Thư"}
ROUNDS = 4  # patrons at each door


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_is_shown_anothers_words(attacker: Attacker, patrons, seed: int) -> None:
    chance = random.Random(seed)
    everybody = [patron for _ in range(ROUNDS) for patron in patrons()]
    marks = {id(patron): f"Quyển {patron.world.upper()}zq{seed}" for patron in everybody}

    async def talk(patron) -> None:
        card = chance.choice(list(CARDS))
        await patron.link_now(card)
        for text in chance.sample(
            [f"đề nghị mua cuốn {marks[id(patron)]}", "em đang mượn gì", "mấy giờ mở cửa", "gia hạn hết", "thôi"], 5
        ):
            await asyncio.sleep(chance.random() / 10)
            await patron.say(text)
        await patron.say(f"tìm cuốn {marks[id(patron)]}")

    await asyncio.gather(*map(talk, everybody))
    for patron in everybody:
        shown = "\n".join(bubble.text for bubble in await patron.news())
        assert marks[id(patron)] in shown, patron.door
        for other in everybody:
            assert other is patron or marks[id(other)] not in shown, (patron.door, other.door)


async def test_a_token_opens_only_its_own_conversation(attacker: Attacker, patron) -> None:
    mine, strange = patron("web"), patron("web")
    await mine.say("chuyện riêng của mình")
    await strange.say("mấy giờ mở cửa")
    pushed = patron("zalo")
    await pushed.say("chuyện riêng ở Zalo")
    for target in (mine.at, await pushed.conversation()):
        for key in (strange.key, {}, {"Authorization": f"Bearer {target}"}, {"Authorization": "Bearer null"}):
            for method, path in (("GET", "history"), ("GET", "events"), ("POST", "messages")):
                answer = await attacker.house.web.request(
                    method, f"/api/conversations/{target}/{path}", headers=key, json={"id": "x", "text": "chào"}
                )
                assert answer.status_code == 401
                assert "riêng" not in answer.text


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        (LIBRARYS_SITE, True),
        ("https://evil.example", False),
        ("null", False),
        (f"{LIBRARYS_SITE}.evil.example", False),
        (LIBRARYS_SITE.replace("https", "http"), False),
    ],
)
async def test_only_the_librarys_own_site_may_talk_for_a_patron(
    attacker: Attacker, patron, origin: str, may: bool
) -> None:
    web = patron("web")
    await web.conversation()
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for method, path in (("OPTIONS", "messages"), ("GET", "history")):
        there = f"/api/conversations/{web.at}/{path}"
        answer = await attacker.house.web.request(method, there, headers={**web.key, **asks})
        assert answer.headers.get("access-control-allow-origin") == (origin if may else None)
