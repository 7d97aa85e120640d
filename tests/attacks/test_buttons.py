"""A button works as it was shown and where it was shown: no other token presses anything, at any door."""

from __future__ import annotations

import pytest

from tests.attacks.test_commands import loans
from tests.doors.visitor import Visitor

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]

DOORS = ["web", "telegram", "zalo"]


def token_of(patron: Visitor, title: str) -> str:
    """Return what a tap of the newest button of this title sends."""
    if patron.door == "web":
        return patron.tokens[title]
    if patron.door == "telegram":
        buttons = [one for shown in patron.house.telegram.shown_to(patron.chat) for row in shown.buttons for one in row]
        return next(one["callback_data"] for one in reversed(buttons) if one["text"] == title)
    choices = [one for shown in patron.house.zalo.shown_to(patron.address) for one in shown.choices]
    return next(one.payload for one in reversed(choices) if one.title == title).removeprefix("#")


async def press(patron: Visitor, token: str) -> str:
    """Return what is shown after a tap that sends this token."""
    async with patron.answered():
        if patron.door == "web":
            await patron.post({"payload": token})
        elif patron.door == "telegram":
            patron.house.telegram.taps_data(patron.chat, token)
            await patron.brought()
        else:
            patron.house.zalo.says(patron.address, f"#{token}")
    return "\n".join(bubble.text for bubble in await patron.news())


async def asked_for_a_yes(patron: Visitor) -> str:
    """Return the token of the "yes" to a renewal of theirs."""
    await patron.link_now("DT000101")
    await patron.say("gia hạn cuốn Số đỏ")
    assert "Đồng ý chứ?" in "\n".join(bubble.text for bubble in await patron.news())
    return token_of(patron, "Đồng ý")


def tampered(token: str) -> list[str]:
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    return [token[:-1], token + "A", flipped, token.swapcase(), token[::-1], "A" * len(token)]


@pytest.mark.parametrize("door", DOORS)
async def test_a_tampered_token_presses_nothing(patron, door: str) -> None:
    owner = patron(door)
    token, before = await asked_for_a_yes(owner), await loans(owner)
    for wrong in tampered(token):
        if door == "zalo" and len(wrong) != len(token):
            continue  # there a "#" and any other length is a hashtag, words like others
        said = await press(owner, wrong)
        assert "hết hạn" in said, (wrong, said)
    assert await loans(owner) == before
    assert "Xong, “Số đỏ”" in await press(owner, token)


@pytest.mark.parametrize("owners_door", DOORS)
async def test_a_strangers_token_presses_nothing_at_any_door(patrons, owners_door: str) -> None:
    owner = next(one for one in patrons() if one.door == owners_door)
    token, before = await asked_for_a_yes(owner), await loans(owner)
    for stranger in patrons():
        mine = await asked_for_a_yes(stranger)
        theirs = await loans(stranger)
        assert "hết hạn" in await press(stranger, token)
        assert await loans(stranger) == theirs
        assert mine != token
    assert await loans(owner) == before


@pytest.mark.parametrize("door", DOORS)
async def test_a_number_presses_only_what_was_listed_here_last(patrons, door: str) -> None:
    owner, stranger = (next(one for one in patrons() if one.door == door) for _ in range(2))
    await owner.say("truyện Nguyễn Nhật Ánh")
    await stranger.say("mấy giờ mở cửa")
    await stranger.news()
    await stranger.say("2")
    assert "Nguyễn Nhật Ánh" not in "\n".join(bubble.text for bubble in await stranger.news())
