"""What the assistant noted down, as librarians read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connectors.desk import StoredDesk
from library.ports import Turn
from tests.connectors.console.desk import START, House, Librarian


async def with_notes(house: House, leave: Callable[[StoredDesk, Turn, str], Any], texts: list[str]) -> None:
    conversation_id = await house.open(channel="telegram")
    for number, text in enumerate(texts):
        turn = Turn(conversation_id, f"m{number}{text}", "telegram", START + timedelta(minutes=number))
        await leave(StoredDesk(house.store), turn, text)


async def test_links_carry_their_counts(house: House, lan: Librarian) -> None:
    await house.waiting()
    await with_notes(house, lambda desk, turn, text: desk.suggest_purchase(turn, text, None), ["Số đỏ", "Mắt biếc"])
    await with_notes(house, lambda desk, turn, text: desk.feedback(turn, text, "complaint"), ["Ồn quá"] * 3)
    text = (await lan.see("purchases")).text
    counted = dict(re.findall(r'href="/console/(\w+)"[^>]*>[^<]*<span class="count">(\d+)<', text))
    assert counted.items() >= {"inbox": "1", "undelivered": "0", "purchases": "2", "feedback": "3"}.items()
    assert 'href="/console/purchases" aria-current="page"' in text


@pytest.mark.parametrize(
    ("asked", "shown", "rows"), [("1", 1, 50), ("2", 2, 50), ("3", 3, 1), ("99", 3, 1), ("x", 1, 50)]
)
async def test_long_lists_are_cut_into_pages_of_fifty(
    house: House, lan: Librarian, asked: str, shown: int, rows: int
) -> None:
    titles = [f"Sách {number}" for number in range(101)]
    await with_notes(house, lambda desk, turn, text: desk.suggest_purchase(turn, text, None), titles)
    text = (await lan.see(f"purchases?page={asked}")).text
    assert f"Trang {shown} trong 3" in text
    assert text.count('class="words"') == rows
    assert (f'href="?page={shown + 1}"' in text) is (shown < 3)
