"""What is stolen and kept for later. The clock moves on here: this comes last."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.attacks.attacker import Attacker
from tests.attacks.test_buttons import asked_for_a_yes, press
from tests.attacks.test_commands import loans

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]


async def test_a_token_and_a_log_in_page_die_after_their_time(attacker: Attacker, patrons) -> None:
    owners = patrons()
    tokens, before = [await asked_for_a_yes(one) for one in owners], [await loans(one) for one in owners]
    waiting = patrons()
    for one in waiting:
        await one.say("đăng nhập thẻ")
        await one.news()
    attacker.house.clock.advance(timedelta(days=2, minutes=1))
    for owner, token in zip(owners, tokens, strict=True):
        assert "hết hạn" in await press(owner, token)
    assert [await loans(one) for one in owners] == before
    for one in waiting:
        path = one.page().removeprefix(attacker.house.settings.public_url)
        typed = {"card": f"DT000101@{one.world}", "pin": "260101"}
        assert (await attacker.house.web.post(path, data=typed)).status_code == 410
