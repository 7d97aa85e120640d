"""The door into Rasa: nothing without the secret, and no typed text is a command."""

import asyncio

import pytest
from sanic import Sanic

from bot.components.channel import ThuthuInput, in_its_language, plain


@pytest.mark.parametrize("typed", ["/renew_loans", '  /renew_loans{"loan_id": "1"}', "/", "/start"])
def test_typed_text_never_begins_with_a_slash(typed: str) -> None:
    assert not plain(typed).strip().startswith("/")
    assert len(plain(typed)) == len(typed), "spans of slots must still fit"


def test_other_text_stays_as_it_is() -> None:
    assert plain("7/11 có mở không /") == "7/11 có mở không /"


class _Request:
    def __init__(self, secret: str) -> None:
        self.headers = {"X-Thuthu-Secret": secret} if secret else {}
        self.json = {"conversation": "a", "text": "chào"}


@pytest.mark.parametrize("secret", ["", "wrong", "secre", "secret "])
def test_a_turn_without_the_secret_is_refused_and_reaches_nobody(secret: str) -> None:
    reached = []

    async def on_new_message(message: object) -> None:
        reached.append(message)

    door = ThuthuInput("secret").blueprint(on_new_message)
    app = Sanic(f"door-{len(secret)}-{secret.strip() or 'none'}")
    app.blueprint(door)
    handler = next(route.handler for route in app.router.routes if "POST" in route.methods)
    answer = asyncio.run(handler(_Request(secret)))
    assert answer.status == 403
    assert reached == []


def test_a_patron_who_writes_english_is_answered_in_english_from_the_first_word() -> None:
    memory = in_its_language(None, "what time do you open today?")
    assert memory["events"][-1] == {"event": "slot", "name": "locale", "value": "en"}
    assert memory["events"][0]["name"] == "action_listen"


def test_the_talk_goes_back_to_vietnamese_with_the_patron() -> None:
    memory = {"slots": {"locale": "en"}, "active_loop": None, "events": []}
    assert in_its_language(memory, "mấy giờ mở cửa")["events"] == [{"event": "slot", "name": "locale", "value": "vi"}]


@pytest.mark.parametrize("text", ["Số đỏ", "what time do you open today?", "1"])
def test_the_language_spoken_and_words_of_none_leave_the_memory_as_it_was(text) -> None:
    memory = {
        "slots": {"locale": "vi"},
        "active_loop": None,
        "events": [{"event": "slot", "name": "locale", "value": "en"}],
    }
    assert in_its_language(memory, text) is memory


def test_vietnamese_needs_no_memory() -> None:
    assert in_its_language(None, "may gio mo cua") is None
