"""What was kept long enough goes, and nothing else: of each kind one that is old and one that is not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from sqlalchemy import Table, func, insert, select
from typer.testing import CliRunner

from connectors import mailbox
from connectors.channels.port import Arrival, Reply
from connectors.cli_privacy import add_privacy_commands
from connectors.curation.pins import Expected, pin
from connectors.mailbox import Answer
from connectors.privacy import StoredPrivacy, forget_now, still_kept
from connectors.retention import Policy, due, sweep, sweep_all
from connectors.settings import FilesSection, Settings
from connectors.store import (
    Store,
    announcement_sends,
    announcements,
    answer_sketches,
    conversations,
    deeds,
    deliveries,
    desk_notes,
    export_pages,
    link_pages,
    login_failures,
    messages,
    parked,
    pending_links,
    pins,
    receipts,
    reminded,
    replies,
    staff,
    staff_sessions,
    ticket_replies,
    tickets,
)
from library.ports import Turn
from tests.virtual_time import START

NOW = START
POLICY = Policy(timedelta(days=180), timedelta(days=365))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    yield store
    store.close()


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).isoformat()


def heard(store: Store, chat: str, at: datetime, words: str = "chào", *, answered: bool = True) -> str:
    """Return the conversation in which this was said, answered and sent at once."""

    def hear(db):
        arrival = Arrival("telegram", chat, f"{words}{at}", "text", words)
        conversation_id, _ = mailbox.arrive(db, arrival, frozenset(), at)
        if answered:
            mailbox.finish(
                db, mailbox.next_unanswered(db, conversation_id), Answer((Reply("Chào bạn."),), None, "greet"), at
            )
            db.execute(deliveries.update().values(state="sent"))
        return conversation_id

    return store.write_now(hear)


def put(store: Store, table: Table, *rows: dict[str, Any]) -> None:
    store.write_now(lambda db: db.execute(insert(table), list(rows)))


def left(store: Store, table: Table) -> int:
    return store.read_now(lambda db: db.scalar(select(func.count()).select_from(table))) or 0


def swept(store: Store, **sizes: int) -> dict[str, int]:
    return store.write_now(lambda db: sweep(db, NOW, POLICY, **sizes))


def test_a_silent_conversation_goes_whole_and_one_lately_heard_stays(store):
    old, young = heard(store, "old", NOW - timedelta(days=181)), heard(store, "young", NOW - timedelta(days=179))
    put(
        store,
        desk_notes,
        {
            "conversation_id": old,
            "message_id": "x",
            "kind": "praise",
            "text": "hay",
            "detail": {},
            "noted_at": ago(days=181),
        },
    )
    put(store, tickets, {"conversation_id": old, "message_id": "x", "reason": "asked", "opened_at": ago(days=181)})
    assert swept(store)["conversations"] == 1
    assert store.read_now(lambda db: still_kept(db, old)) == {}
    assert store.read_now(lambda db: still_kept(db, young))["conversations"] == 1


def test_a_pinned_question_outlives_its_conversation_and_forgets_whose_it_was(store):
    old = heard(store, "old", NOW - timedelta(days=181))
    expected = Expected("answer", "gio")
    store.write_now(lambda db: pin(db, "mấy giờ mở", expected, "Lan", NOW, conversation_id=old, message_id="m-1"))
    swept(store)
    row = store.read_now(lambda db: db.execute(select(pins)).mappings().one())
    assert (row["text"], row["conversation_id"], row["message_id"]) == ("mấy giờ mở", None, None)


def test_what_was_typed_about_an_answer_and_never_saved_goes_after_a_month(store):
    typed = {"key": "", "base": 0, "fields": {"question": "Chị Hoa hỏi thẻ"}}
    put(
        store,
        answer_sketches,
        {**typed, "name": "lan", "at": ago(days=31)},
        {**typed, "name": "minh", "at": ago(days=29)},
    )
    assert swept(store) == {"answer_sketches": 1}
    assert store.read_now(lambda db: db.scalars(select(answer_sketches.c.name)).all()) == ["minh"]


def test_old_messages_of_a_conversation_that_goes_on_go_as_well(store):
    chat = heard(store, "loyal", NOW - timedelta(days=200), "lâu rồi")
    heard(store, "loyal", NOW - timedelta(days=1), "hôm qua")
    deed = {"conversation_id": chat, "key": "hold:1", "before": []}
    put(store, deeds, deed | {"message_id": "long gone"}, deed | {"message_id": stored(store)[1]})
    swept(store)
    assert store.read_now(lambda db: db.scalars(select(messages.c.text)).all()) == ["hôm qua"]
    assert [left(store, table) for table in (replies, deliveries, deeds, conversations)] == [1, 1, 1, 1]


def stored(store: Store) -> list[str]:
    return list(store.read_now(lambda db: db.scalars(select(messages.c.id).order_by(messages.c.seq)).all()))


def test_who_still_waits_for_an_answer_is_never_swept_away(store):
    chat = heard(store, "waiting", NOW - timedelta(days=400), answered=False)
    swept(store)
    assert store.read_now(lambda db: still_kept(db, chat)) == {"messages": 1, "conversations": 1}


def test_a_conversation_to_which_a_librarian_wrote_lately_stays(store):
    chat = heard(store, "answered late", NOW - timedelta(days=300))
    store.write_now(lambda db: mailbox.send(db, chat, None, "person", [Reply("Sách đã về.")], NOW - timedelta(days=2)))
    swept(store)
    assert left(store, conversations) == 1


OVER = {"token_hash": "a", "expires_at": ago(seconds=1)}
GOOD = {"token_hash": "b", "expires_at": ago(seconds=-1)}


@pytest.mark.parametrize(
    ("table", "common", "old", "young"),
    [
        (receipts, {},
         {"key_hash": "a", "seen_at": ago(days=8, seconds=1)}, {"key_hash": "b", "seen_at": ago(days=7, hours=23)}),
        (parked, {"channel": "zalo", "reason": "x", "body": "", "size": 0},
         {"parked_at": ago(days=31)}, {"parked_at": ago(days=29)}),
        (login_failures, {"count": 1}, {"who": "a", "last_at": ago(hours=2)}, {"who": "b", "last_at": ago(minutes=31)}),
        (staff_sessions, {"name": "hoa"}, OVER, GOOD),
        (link_pages, {"conversation_id": "c"}, OVER, GOOD),
        (export_pages, {"conversation_id": "c"}, OVER, GOOD),
        (
            desk_notes, {"conversation_id": "c", "kind": "praise", "text": "hay", "detail": {}},
            {"message_id": "a", "noted_at": ago(days=366)}, {"message_id": "b", "noted_at": ago(days=364)},
        ),
        (
            tickets, {"conversation_id": "c", "reason": "asked", "opened_at": ago(days=400)},
            {"message_id": "a", "closed_at": ago(days=366)}, {"message_id": "b", "closed_at": ago(days=364)},
        ),
        (
            tickets, {"conversation_id": "c", "reason": "asked", "opened_at": ago(days=400)},
            {"message_id": "a", "closed_at": ago(days=366)}, {"message_id": "b", "closed_at": None},
        ),
        (
            announcement_sends, {"conversation_id": "c", "touched": ["due"], "state": "sent"},
            {"number": 1, "changed_at": ago(days=181)}, {"number": 2, "changed_at": ago(days=179)},
        ),
        (reminded, {"conversation_id": "c"},
         {"key_hash": "a", "told_at": ago(days=61)}, {"key_hash": "b", "told_at": ago(days=59)}),
        (
            ticket_replies, {"conversation_id": "c", "name": "hoa", "number": 9},
            {"key": "a", "sent_at": ago(days=366)}, {"key": "b", "sent_at": ago(days=364)},
        ),
    ],
)  # fmt: skip
def test_of_each_kind_the_old_goes_and_the_young_stays(store, table, common, old, young):
    put(store, conversations, {"id": "c", "channel": "web", "locale": "vi", "created_at": ago(days=1)})
    put(store, staff, {"name": "hoa", "password_hash": "-", "role": "librarian", "created_at": ago(days=1)})
    for number in (1, 2):
        told = {"kind": "events", "text_vi": "Tin", "text_en": "", "detail": {}, "state": "done", "made_by": "hoa"}
        put(store, announcements, {**told, "number": number, "made_at": ago(days=1)})
    put(store, table, common | old, common | young)
    key = next(
        name for name in ("key_hash", "parked_at", "who", "token_hash", "message_id", "key", "number") if name in old
    )
    assert store.read_now(lambda db: due(db, NOW, POLICY)) == {table.name: 1}
    assert swept(store) == {table.name: 1}
    assert store.read_now(lambda db: db.scalars(select(table.c[key])).all()) == [young[key]]
    assert swept(store) == {}


def test_a_log_in_that_waits_goes_when_its_time_is_over(store):
    for name, expires_at in (("a", ago(seconds=1)), ("b", ago(seconds=-1))):
        put(store, conversations, {"id": name, "channel": "web", "locale": "vi", "created_at": ago(days=1)})
        put(store, pending_links, {"conversation_id": name, "patron_id": "p", "name": "Lan", "expires_at": expires_at})
    assert swept(store) == {"pending_links": 1}
    assert store.read_now(lambda db: db.scalars(select(pending_links.c.conversation_id)).all()) == ["b"]


def test_what_is_still_to_be_sent_outlives_every_limit(store):
    chat = heard(store, "blocked door", NOW - timedelta(days=40))
    old = NOW - timedelta(days=40)
    store.write_now(lambda db: mailbox.send(db, chat, None, "notice", [Reply("Sách đã về.")], old))
    swept(store)
    assert store.read_now(lambda db: db.scalars(select(deliveries.c.state)).all()) == ["waiting"]


def test_a_batch_is_never_larger_than_asked_and_sweeps_end(store):
    for number in range(25):
        heard(store, f"chat {number}", NOW - timedelta(days=200))
    assert swept(store, batch=10)["conversations"] == 10
    rounds = 0
    while swept(store, batch=10):
        rounds += 1
        assert rounds < 10
    assert [left(store, table) for table in (conversations, messages, replies, deliveries, receipts)] == [0] * 5


async def test_sweeping_all_says_how_much_went_and_leaves_no_byte(store, tmp_path):
    for number in range(3):
        heard(store, f"chat {number}", NOW - timedelta(days=200), "câu rất riêng tư")
    assert (await sweep_all(store, lambda: NOW, POLICY))["conversations"] == 3
    assert await sweep_all(store, lambda: NOW, POLICY) == {}
    assert "câu rất riêng tư".encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


async def test_a_sweep_takes_the_bare_rows_of_the_forgotten_with_it(store):
    chat = heard(store, "chat", NOW - timedelta(days=1))
    at = NOW - timedelta(hours=3)
    arrival = Arrival("telegram", "chat", "forget", "text", "xoá đi")
    _, accepted = store.write_now(lambda db: mailbox.arrive(db, arrival, frozenset(), at))
    await StoredPrivacy(store, "https://hoi.example").forget(Turn(chat, accepted.message_id, "telegram", at))
    heard_last = Answer((Reply("Đã xoá."),), None)
    store.write_now(lambda db: mailbox.finish(db, mailbox.next_unanswered(db, chat), heard_last, at))
    store.write_now(lambda db: db.execute(deliveries.update().values(state="sent")))
    assert swept(store) == {"erased conversations": 1}
    assert store.read_now(lambda db: still_kept(db, chat)) == {}


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path):
    """Return what `thuthu …` prints over this library's own store."""
    settings = Settings(files=FilesSection(var=tmp_path))

    def run(*words: str) -> str:
        app, written = typer.Typer(), io.StringIO()

        def fail(message: str):
            written.write(message)
            raise typer.Exit(2)

        add_privacy_commands(app, lambda: settings, Console(file=written, width=100), fail)
        CliRunner().invoke(app, words)
        return written.getvalue()

    return run


def test_a_dry_run_only_tells(store, command):
    heard(store, "old", datetime(2020, 1, 1, tzinfo=NOW.tzinfo))
    assert "would delete" in command("retention", "--dry-run")
    assert left(store, conversations) == 1
    printed = command("retention")
    assert "deleted" in printed
    assert "conversations" in printed
    assert left(store, conversations) == 0
    assert "0" in command("retention")


def test_a_receipt_is_shown_with_what_is_still_kept(store, command):
    chat = heard(store, "chat", NOW)
    number = store.write_now(lambda db: forget_now(db, chat, NOW))
    printed = command("receipt", str(number))
    assert f"receipt {number}" in printed
    assert "still kept: 0" in printed
    assert "no receipt" in command("receipt", str(number + 1))
