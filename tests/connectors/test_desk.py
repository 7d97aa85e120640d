"""What is left with the librarians: once a message, however often its turn runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from connectors import mailbox
from connectors.channels.port import Message, Reply
from connectors.desk import StoredConsents, StoredDesk
from connectors.mailbox import Answer
from connectors.privacy import StoredPrivacy
from connectors.store import Store, consents, desk_notes, forgets, tickets
from library.ports import Ticket, Turn
from tests.virtual_time import START


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    yield store
    store.close()


def turn(store: Store, message_id: str = "m1", chat: str | None = None) -> Turn:
    return Turn(
        chat or store.write_now(lambda db: mailbox.open_conversation(db, "web", START))[0], message_id, "web", START
    )


def rows(store: Store, table: Any) -> int:
    return int(store.read_now(lambda db: db.scalar(select(func.count()).select_from(table))) or 0)


async def test_a_turn_that_runs_again_finds_the_ticket_it_had_opened(store: Store) -> None:
    desk, this = StoredDesk(store), turn(store)
    first = await desk.ticket(this, "asked")
    assert first.created
    assert await desk.ticket(this, "asked") == first
    assert rows(store, tickets) == 1


async def test_turns_running_at_once_open_one_ticket(store: Store) -> None:
    desk, this = StoredDesk(store), turn(store)
    opened = await asyncio.gather(*(desk.ticket(this, "asked") for _ in range(5)))
    assert len({ticket.number for ticket in opened}) == rows(store, tickets) == 1


async def test_a_conversation_has_one_open_ticket_and_may_have_another_once_that_is_closed(store: Store) -> None:
    desk, this = StoredDesk(store), turn(store)
    first = await desk.ticket(this, "asked")
    later = replace(this, message_id="m2")
    assert await desk.ticket(later, "asked") == Ticket(first.number, created=False)
    store.write_now(lambda db: db.execute(update(tickets).values(closed_at=START.isoformat())))
    second = await desk.ticket(replace(this, message_id="m3"), "asked")
    assert second.created
    assert second.number != first.number


async def test_two_conversations_have_each_their_own_ticket(store: Store) -> None:
    desk = StoredDesk(store)
    one, other = await desk.ticket(turn(store, "m1"), "asked"), await desk.ticket(turn(store, "m2"), "asked")
    assert one.created
    assert other.created
    assert one.number != other.number


async def test_a_note_is_made_once_a_message_and_kind(store: Store) -> None:
    desk, this = StoredDesk(store), turn(store)
    first = await desk.suggest_purchase(this, "Dế Mèn", "Tô Hoài")
    assert await desk.suggest_purchase(this, "Dế Mèn", "Tô Hoài") == first
    assert await desk.feedback(this, "hay lắm", "praise") != first
    await desk.unanswered(this, "mượn máy chiếu?", "no_answer")
    await desk.unanswered(this, "mượn máy chiếu?", "no_answer")
    noted = store.read_now(lambda db: db.execute(select(desk_notes).order_by(desk_notes.c.number)).mappings().all())
    assert [(note["kind"], note["text"], note["detail"]) for note in noted] == [
        ("purchase", "Dế Mèn", {"author": "Tô Hoài"}),
        ("praise", "hay lắm", {}),
        ("question", "mượn máy chiếu?", {"reason": "no_answer"}),
    ]
    assert await desk.suggest_purchase(replace(this, message_id="m2"), "Dế Mèn", None) != first


async def test_a_consent_given_again_takes_the_new_options_and_one_withdrawn_is_gone(store: Store) -> None:
    given, this = StoredConsents(store), turn(store)
    await given.give(this, "reminders", {"days_before": 3})
    await given.give(replace(this, now=START + timedelta(days=1)), "reminders", {"days_before": 1})
    (kept,) = store.read_now(lambda db: db.execute(select(consents)).mappings().all())
    assert kept["options"] == {"days_before": 1}
    assert kept["given_at"] == (START + timedelta(days=1)).isoformat()
    assert not await given.withdraw(turn(store, "m9"), "reminders")
    assert await given.withdraw(this, "reminders")
    assert not await given.withdraw(this, "reminders")


async def test_forgetting_counts_what_is_there_and_deletes_it_only_with_the_final_reply(store: Store) -> None:
    chat = turn(store).conversation_id
    message_id = store.write_now(
        lambda db: mailbox.accept(db, Message(chat, "1", "text", "quên tôi đi"), frozenset(), START)
    ).message_id
    this = turn(store, message_id, chat)
    await StoredDesk(store).ticket(this, "asked")
    counted = await StoredPrivacy(store, "https://hoi.example").forget(this)
    assert counted == {"messages": 1, "replies": 0, "links": 0, "consents": 0, "notes": 0, "tickets": 1}
    assert await StoredPrivacy(store, "https://hoi.example").forget(this) == counted
    assert rows(store, tickets) == 1

    def finish(db: Connection) -> bool:
        message = mailbox.next_unanswered(db, chat)
        assert message is not None
        return mailbox.finish(db, message, Answer((Reply("Đã xoá."),), {"heard": 1}), START)

    assert store.write_now(finish)
    assert [rows(store, table) for table in (tickets, forgets)] == [0, 0]
    assert store.read_now(lambda db: mailbox.next_unanswered(db, chat)) is None
