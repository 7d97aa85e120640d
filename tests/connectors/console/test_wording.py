"""What the console says instead of codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import channels
from connectors.channels.zalo.errors import error_of
from connectors.console import wording

NOT_SENT = {"TryLater", "Refused", "PlainerPlease", "Unreachable", "DoorShut"}


def reasons_of_the_doors() -> Iterator[str]:
    """Yield every word by which a door may say why it did not send."""
    for path in sorted(Path(channels.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NOT_SENT:
                yield from (one.value for one in node.args[:1] if isinstance(one, ast.Constant))
    zalos = (error_of(-code).reason for code in range(1, 400))
    yield from (reason for reason in zalos if not reason.removeprefix("zalo_").isdigit())


@pytest.mark.parametrize("reason", sorted(set(reasons_of_the_doors())))
def test_every_reason_a_door_gives_is_told_in_words(reason: str) -> None:
    assert reason not in wording.unsent(reason)


def test_a_code_that_nobody_knows_is_shown_to_be_looked_up() -> None:
    assert "zalo_999" in wording.unsent(error_of(-999).reason)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("not JSON", "không phải JSON"),
        ("sender.id", "thiếu hoặc lạ ở phần sender.id"),
        ("not_storable", "không lưu được"),
    ],
)
def test_what_could_not_be_read_says_where_it_is_odd(word: str, told: str) -> None:
    assert wording.parked(word) == told


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("text", "xin chào", ""),
        ("payload", "", "Bấm nút"),
        ("attachment", "video", "Gửi tệp"),
        ("command", "librarian", "Gọi thủ thư"),
        ("command", "lạ lắm", "Dùng lệnh “lạ lắm”"),
    ],
)
def test_a_gesture_is_told_and_written_words_are_left_as_they_are(kind: str, text: str, told: str) -> None:
    assert wording.gesture(kind, text) == told
