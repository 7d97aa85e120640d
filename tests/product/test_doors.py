"""Every door of the running product, tried without its key."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from tests.product.product import Chat, Product

pytestmark = pytest.mark.product

OpenChat = Callable[[], Chat]


def listening(process: psutil.Process | None) -> set[tuple[str, int]]:
    """Return address and port of every socket on which the process or a child of it listens."""
    assert process
    family = [process, *process.children(recursive=True)]
    sockets = [one for member in family for one in member.net_connections() if one.status == psutil.CONN_LISTEN]
    return {(one.laddr.ip, one.laddr.port) for one in sockets}


def test_rasa_and_the_action_listener_are_on_loopback_only(product: Product) -> None:
    wiring = product.wiring()
    assert listening(product.child("rasa")) == {("127.0.0.1", int(wiring["THUTHU_RASA_PORT"]))}
    web = ("127.0.0.1", int(product.url.rsplit(":", 1)[1]))
    assert listening(product.child("gateway")) == {web, ("127.0.0.1", int(wiring["THUTHU_ACTION_PORT"]))}


@pytest.mark.parametrize(
    "path",
    [
        "/conversations/x/tracker",
        "/conversations/x/story",
        "/conversations/x/messages",
        "/conversations/x/execute",
        "/conversations/x/trigger_intent",
        "/domain",
        "/model",
        "/model/parse",
        "/model/train",
        "/status",
        "/version",
        "/webhooks/rest",
        "/webhooks/rest/webhook",
        "/webhooks/callback/webhook",
        "/webhooks/socketio",
        "/socket.io/",
    ],
)
def test_rasa_serves_nothing_but_our_channel_even_with_the_secret(product: Product, path: str) -> None:
    wiring = product.wiring()
    for method in ("GET", "POST", "PUT", "DELETE"):
        for key in ({}, {"token": wiring["THUTHU_RASA_SECRET"]}):
            url = f"http://127.0.0.1:{wiring['THUTHU_RASA_PORT']}{path}"
            body = {"sender": "x", "message": "xin chào"} if method != "GET" else None
            answer = httpx.request(method, url, params=key, json=body, headers={"X-Thuthu-Secret": "x"})
            assert answer.status_code == 404, f"{method} {path}"


@pytest.mark.parametrize("headers", [{}, {"X-Thuthu-Secret": ""}, {"X-Thuthu-Secret": "wrong"}])
def test_rasa_takes_no_turn_without_the_secret(product: Product, headers: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{product.wiring()['THUTHU_RASA_PORT']}/webhooks/thuthu/turn"
    asked = {"conversation": "x", "text": "xin chào", "payload": None, "metadata": {}, "tracker": None}
    answer = httpx.post(url, json=asked, headers=headers)
    assert answer.status_code == 403
    assert answer.json() == {"error": "forbidden"}


def forged(action: str, conversation: str, message: str | None = None) -> dict[str, Any]:
    """Return a call as Rasa makes it."""
    metadata = {"message": message} if message else {}
    latest = {"text": "ừ", "intent": {"name": "affirm"}, "entities": [], "metadata": metadata}
    slots = {"open_question": {"kind": "renew", "loan_ids": ["1"], "asked_at": "2030-01-01T00:00:00+07:00"}}
    tracker = {"sender_id": conversation, "slots": slots, "latest_message": latest, "events": [], "active_loop": {}}
    return {"next_action": action, "sender_id": conversation, "tracker": tracker, "version": "3.6.21"}


@contextmanager
def open_turn(product: Product, chat: Chat) -> Iterator[str]:
    """Hold a turn of this conversation open, Rasa being stopped in the middle of it; yield its message's id."""
    rasa = product.child("rasa")
    assert rasa
    rasa.suspend()
    try:
        said = {"id": "held", "text": "xin chào"}
        posted = chat.http.post(f"{chat.here}/messages", json=said, headers=chat.key).raise_for_status()
        yield str(posted.json()["message"])
    finally:
        rasa.resume()
        answered = chat.http.post(f"{chat.here}/messages", params={"wait": 60}, json=said, headers=chat.key)
    assert answered.json()["replies"]


def linked(chat: Chat, card: str, pin: str) -> Chat:
    chat.say("liên kết thẻ")
    chat.link(card, pin)
    chat.press("Đúng, là mình")
    return chat


def test_a_forged_action_call_does_nothing(product: Product, chat: Chat, another_chat: OpenChat) -> None:
    linked(chat, "DT000101", "260101")
    chat.say("gia hạn cuốn Đất rừng phương Nam")
    answered = product.rows("SELECT id FROM messages WHERE conversation_id = ? ORDER BY seq", chat.conversation)[-1][0]
    wiring, other = product.wiring(), another_chat()
    key = {"X-Thuthu-Secret": wiring["THUTHU_ACTION_SECRET"]}
    with open_turn(product, other) as held:
        before = copy.deepcopy(product.everything())
        tries: list[tuple[dict[str, str], dict[str, Any], int]] = [
            ({}, forged("action_do_renew", chat.conversation, answered), 403),
            ({"X-Thuthu-Secret": "wrong"}, forged("action_do_renew", chat.conversation, answered), 403),
            (
                {"X-Thuthu-Secret": wiring["THUTHU_RASA_SECRET"]},
                forged("action_do_renew", other.conversation, held),
                403,
            ),
            (key, forged("action_do_renew", chat.conversation, answered), 409),  # its turn is over
            (key, forged("action_do_renew", chat.conversation, held), 409),  # another conversation's message
            (key, forged("action_do_renew", other.conversation, answered), 409),  # another's turn is open
            (key, forged("action_do_renew", other.conversation), 409),
            (key, forged("action_call_librarian", "no-such-conversation", held), 409),
            (key, {"next_action": "action_do_renew", "sender_id": chat.conversation}, 409),
            (key, {}, 409),
        ]
        for headers, call, expected in tries:
            answer = httpx.post(wiring["THUTHU_ACTION_URL"], headers=headers, json=call)
            assert answer.status_code == expected, (call, answer.text)
        assert product.everything() == before


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'"text"', b"{", b'{"tracker": 3}', b'{"tracker": {"latest_message": []}}']
)
def test_a_call_that_is_no_call_is_refused_in_words(product: Product, body: bytes) -> None:
    wiring = product.wiring()
    key = {"X-Thuthu-Secret": wiring["THUTHU_ACTION_SECRET"]}
    answer = httpx.post(wiring["THUTHU_ACTION_URL"], headers=key, content=body)
    assert answer.status_code in (400, 409)


def test_one_patrons_token_opens_no_other_conversation(product: Product, chat: Chat, another_chat: OpenChat) -> None:
    chat.say("chuyện riêng của mình")
    stranger = another_chat()
    for token in (stranger.token, chat.token[:-1], chat.token + "x", chat.conversation, "null"):
        for key in ({"Authorization": f"Bearer {token}"}, {"Authorization": token}, {}):
            said = {"id": "1", "text": "xin chào"}
            answers = [
                chat.http.get(f"{chat.here}/history", headers=key),
                chat.http.get(f"{chat.here}/events", headers=key),
                chat.http.post(f"{chat.here}/messages", json=said, headers=key),
            ]
            assert [one.status_code for one in answers] == [401] * 3
            assert not any("riêng" in one.text for one in answers)
    assert len(chat.history()) == 2


def test_a_token_in_the_address_opens_nothing(chat: Chat) -> None:
    assert chat.http.get(f"{chat.here}/history", params={"token": chat.token}).status_code == 401


def test_a_button_works_only_as_it_was_shown_and_where_it_was_shown(
    product: Product, chat: Chat, another_chat: OpenChat
) -> None:
    linked(chat, "DT000103", "260103")
    chat.say("huỷ giữ chỗ cuốn Nhà giả kim")
    yes = chat.buttons()[0]["payload"]
    stranger = linked(another_chat(), "DT000105", "260105")
    before = product.everything()["ils.sqlite holds"], product.everything()["ils.sqlite loans"]
    for payload in (yes, yes[:-1], yes.swapcase(), "/affirm", '/affirm{"question": "cancel_hold"}', "x"):
        assert "hết hạn" in stranger.post({"payload": payload})
    for payload in (yes[:-1], yes.swapcase(), "/affirm", '/cancel_hold{"hold_id": "1"}'):
        assert "hết hạn" in chat.post({"payload": payload})
    assert (product.everything()["ils.sqlite holds"], product.everything()["ils.sqlite loans"]) == before
