"""Commands and links: ours are understood, all else is what the patron said."""

from __future__ import annotations

import pytest

from connectors.channels.port import COMMANDS, TYPED
from connectors.channels.telegram.commands import MENU, command
from connectors.sharing import What, start_argument

BOT = "thu_vien_bot"


def test_every_word_means_a_command_that_the_gateway_knows_and_the_menu_shows_known_words() -> None:
    assert set(TYPED.values()) == set(COMMANDS)
    assert {word for words in MENU.values() for word in words} <= set(TYPED)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("/start", "start"),
        ("/start link", "start link"),
        ("/help", "menu"),
        ("/HELP", "menu"),
        ("/help@thu_vien_bot", "menu"),
        ("/help@Thu_Vien_Bot", "menu"),
        ("/thuthu mình cần người", "librarian"),
        ("/privacy", "privacy"),
        ("/xuatdulieu", "export"),
        ("/xoadulieu\n", "forget"),
        ("/help@another_bot", None),
        ("/gia hạn sách", None),
        ("/greet{}", None),
        ('/inform{"card": "DT000001"}', None),
        ("/", None),
        ("//start", None),
        (" /start", None),
        ("/startx", None),
        ("/xóa", None),
        ("start", None),
    ],
)
def test_a_command_is_one_of_ours_or_plain_text(text: str, meaning: str | None) -> None:
    assert command(text, BOT) == meaning


@pytest.mark.parametrize("what", ["book", "ask"])
def test_a_link_that_we_share_opens_the_chat_at_its_item(what: What) -> None:
    assert command(f"/start {start_argument(what, 'oai:thuvien.vn:12/3')}", BOT) == f"start {what}:oai:thuvien.vn:12/3"


@pytest.mark.parametrize(
    "argument",
    ["", "b_", "b", "x_MTI", "b_MTI=", "b_M TI", "b_%2e", "b__", "b_gA", "b_AA", "b_MTJ", "b_" + "M" * 100, "MTI"],
)
def test_an_argument_that_we_did_not_make_is_a_plain_start(argument: str) -> None:
    assert command(f"/start {argument}", BOT) == "start"
