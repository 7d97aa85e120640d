"""The inbox and outbox as tables: what a transaction keeps, and whom a reply belongs to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from connectors import mailbox
from connectors.channels.port import Button, Card, Message, Reply
from connectors.mailbox import Answer, Stored
from connectors.messages import say
from connectors.store import Store, buttons, conversations
from tests.virtual_time import START


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    yield store
    store.close()


@pytest.fixture
def db(store: Store) -> Iterator[Connection]:
    with store.engine.begin() as connection:
        yield connection


def opened(db: Connection) -> str:
    return mailbox.open_conversation(db, "web", START)[0]


def put(db: Connection, chat: str, text: str, client_id: str = "", at: datetime = START, kind: str = "text") -> str:
    message = Message(chat, client_id or text, kind, text)  # type: ignore[arg-type]
    return mailbox.accept(db, message, frozenset(), at).message_id


def waiting(db: Connection, chat: str) -> Stored:
    message = mailbox.next_unanswered(db, chat)
    assert message is not None
    return message


def wait_in(lang: str) -> Reply:
    return say("wait", lang)


def test_only_the_token_handed_out_opens_a_conversation(db: Connection) -> None:
    chat, token = mailbox.open_conversation(db, "web", START)
    other, _ = mailbox.open_conversation(db, "web", START)
    assert mailbox.conversation_of(db, token) == chat != other
    assert mailbox.conversation_of(db, chat) is None
    assert mailbox.conversation_of(db, "") is None
    kept = db.execute(select(conversations).where(conversations.c.id == chat)).one()
    assert token not in map(str, kept)


def test_the_first_of_two_messages_with_one_key_stands(db: Connection) -> None:
    chat = opened(db)
    first = put(db, chat, "một", client_id="1")
    assert put(db, chat, "hai", client_id="1") == first
    assert waiting(db, chat).text == "một"


def test_messages_wait_in_the_order_they_came_also_when_the_clock_was_set_back(db: Connection) -> None:
    chat = opened(db)
    for word, minutes in (("một", 3), ("hai", 2), ("ba", 1)):
        put(db, chat, word, at=START + timedelta(minutes=minutes))
    answered = []
    while message := mailbox.next_unanswered(db, chat):
        answered.append(message.text)
        mailbox.finish(db, message, Answer((Reply("vâng"),), None), START)
    assert answered == ["một", "hai", "ba"]


def test_conversations_that_wait_are_taken_up_oldest_first(db: Connection) -> None:
    one, two, three = opened(db), opened(db), opened(db)
    for chat, word in ((two, "a"), (one, "b"), (three, "c"), (two, "d")):
        put(db, chat, word)
    mailbox.finish(db, waiting(db, three), Answer((), None), START)
    assert mailbox.with_unanswered(db) == [two, one]


def test_a_second_final_reply_cannot_be_stored_and_leaves_nothing_behind(store: Store) -> None:
    chat = store.write_now(opened)
    store.write_now(lambda db: put(db, chat, "chào"))
    message = store.read_now(lambda db: waiting(db, chat))
    store.write_now(lambda db: mailbox.finish(db, message, Answer((Reply("một"),), {"heard": 1}), START))
    with pytest.raises(IntegrityError):
        store.write_now(lambda db: mailbox.finish(db, message, Answer((Reply("hai"),), {"heard": 2}), START))
    (sent,) = store.read_now(lambda db: mailbox.sent_for(db, message.id))
    assert sent.replies == (Reply("một"),)
    assert store.read_now(lambda db: db.scalar(select(conversations.c.tracker))) == {"heard": 1}


def test_a_reply_and_the_memory_it_led_to_are_stored_together_or_not_at_all(store: Store) -> None:
    chat = store.write_now(opened)
    store.write_now(lambda db: put(db, chat, "chào"))
    message = store.read_now(lambda db: waiting(db, chat))

    def breaks_at_the_end(db: Connection) -> None:
        mailbox.finish(db, message, Answer((Reply("một"),), {"heard": 1}), START)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.write_now(breaks_at_the_end)
    assert store.read_now(lambda db: mailbox.sent_for(db, message.id)) == []
    assert store.read_now(lambda db: waiting(db, chat)) == message


def test_a_wait_notice_is_said_once_and_only_to_whom_is_still_waiting_too_long(db: Connection) -> None:
    chat, other = opened(db), opened(db)
    old, answered, fresh = (
        put(db, chat, "cũ", at=START),
        put(db, other, "xong", at=START),
        put(db, chat, "mới", at=START + timedelta(seconds=4)),
    )
    mailbox.finish(db, waiting(db, other), Answer((Reply("vâng"),), None), START)
    since = START + timedelta(seconds=2)
    assert mailbox.say_waits(db, since, wait_in, START) == [chat]
    assert mailbox.say_waits(db, since, wait_in, START) == []
    assert [one.kind for one in mailbox.sent_for(db, old)] == ["wait"]
    assert [one.kind for one in mailbox.sent_for(db, answered)] == ["final"]
    assert mailbox.sent_for(db, fresh) == []


def test_a_wait_notice_is_said_in_the_language_of_the_talk(db: Connection) -> None:
    chat = opened(db)
    put(db, chat, "hello")
    mailbox.finish(db, waiting(db, chat), Answer((Reply("Hi"),), None, locale="en"), START)
    late = put(db, chat, "are you open")
    mailbox.say_waits(db, START, wait_in, START)
    assert mailbox.sent_for(db, late)[0].replies == (say("wait", "en"),)


def test_the_wait_notice_stands_before_the_final_reply(db: Connection) -> None:
    chat = opened(db)
    put(db, chat, "chào")
    mailbox.say_waits(db, START, wait_in, START)
    message = waiting(db, chat)
    mailbox.finish(db, message, Answer((Reply("vâng"),), None), START)
    assert [one.kind for one in mailbox.sent_for(db, message.id)] == ["wait", "final"]


def test_every_button_of_a_reply_and_of_its_cards_gets_a_token_of_its_own(db: Connection) -> None:
    chat = opened(db)
    card = Card("Sách", "tác giả", ("còn 1",), (Button("Giữ", '/hold{"n":1}'),))
    said = Reply("đây", (Button("Ừ", "/affirm"), Button("Trang", url="https://x.vn")), (card,))
    mailbox.send(db, chat, None, "notice", [said, said], START)
    (sent,) = mailbox.sent_after(db, chat, 0)
    shown = [button for reply in sent.replies for button in (*reply.buttons, *reply.cards[0].buttons)]
    tokens = [button.payload for button in shown if button.payload]
    assert len(set(tokens)) == 4
    assert [mailbox.payload_of(db, chat, token, START) for token in tokens[:2]] == [
        ("/affirm", "Ừ"),
        ('/hold{"n":1}', "Giữ"),
    ]
    hidden = dataclasses.replace(card, buttons=()), sent.replies[0].cards[0]
    assert hidden[0] == dataclasses.replace(hidden[1], buttons=())
    stored = db.execute(select(buttons.c.token_hash)).scalars().all()
    assert not set(stored) & set(tokens)


def test_history_tells_the_talk_in_order_with_button_titles_and_no_wait_notices(db: Connection) -> None:
    chat, other = opened(db), opened(db)
    at = (START + timedelta(seconds=n) for n in range(100))
    put(db, chat, "gia hạn", at=next(at))
    mailbox.say_waits(db, START, wait_in, next(at))
    mailbox.finish(db, waiting(db, chat), Answer((Reply("Nhé?", (Button("Ừ", "/affirm"),)),), None), next(at))
    token = mailbox.sent_after(db, chat, 0)[-1].replies[0].buttons[0].payload or ""
    put(db, chat, token, at=next(at), kind="payload")
    mailbox.finish(db, waiting(db, chat), Answer((Reply("Xong"),), None), next(at))
    put(db, other, "của người khác", at=next(at))
    told = [
        entry["text"] if entry["from"] == "patron" else entry["replies"][0]["text"]
        for entry in mailbox.history(db, chat)
    ]
    assert told == ["gia hạn", "Nhé?", "Ừ", "Xong"]


def test_history_keeps_the_order_of_what_was_said_in_one_moment_and_the_latest_of_much(db: Connection) -> None:
    chat = opened(db)
    for n in range(10):
        put(db, chat, str(n))
    assert [entry["text"] for entry in mailbox.history(db, chat, limit=4)] == ["6", "7", "8", "9"]


def test_what_was_said_after_a_reply_comes_in_order_and_from_this_conversation_only(db: Connection) -> None:
    chat, other = opened(db), opened(db)
    for n in range(3):
        mailbox.send(db, chat, None, "notice", [Reply(f"một {n}")], START)
        mailbox.send(db, other, None, "notice", [Reply(f"khác {n}")], START)
    first, *rest = mailbox.sent_after(db, chat, 0)
    assert [one.replies[0].text for one in (first, *rest)] == ["một 0", "một 1", "một 2"]
    assert mailbox.sent_after(db, chat, first.reply_id) == rest
