"""The gateway's own database: SQLite in WAL mode through SQLAlchemy Core. Tables only; each room writes its own SQL.

Every write is one short transaction on one thread, so writers never wait for each other inside SQLite, and
`synchronous=FULL` makes a commit outlive a power cut: what was acknowledged is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)

Result = TypeVar("Result")

metadata = MetaData()


def _conversation() -> Column[str]:
    return Column("conversation_id", ForeignKey("conversations.id"), nullable=False)


conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("token_hash", String, unique=True),  # web: who may read and write here
    Column("tracker", JSON),  # Rasa's memory of the talk, committed with the reply it led to
    Column("locale", String, nullable=False, default="vi"),
    Column("created_at", String, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    _conversation(),
    Column("client_id", String, nullable=False),  # the sender's own key: the same key is the same message
    Column("kind", String, nullable=False),  # text | payload | attachment
    Column("text", Text, nullable=False),  # masked before it comes here
    Column("masked", JSON, nullable=False),  # kinds of what was hidden
    Column("received_at", String, nullable=False),
    Column("answered_at", String),
    Column("intent", String),
    Column("confidence", Float),
    Column("slots", JSON),  # as typed
    UniqueConstraint("conversation_id", "client_id"),
    Index("messages_unanswered", "conversation_id", "seq", sqlite_where=Column("answered_at").is_(None)),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("message_id", String),  # none for a notice that answers no message
    Column("kind", String, nullable=False),  # wait | final | notice
    Column("body", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    UniqueConstraint("message_id", "kind"),  # two finals to one message cannot be stored
    Index("replies_of", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

buttons = Table(
    "buttons",
    metadata,
    Column("token_hash", String, primary_key=True),
    _conversation(),
    Column("reply_id", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("expires_at", String, nullable=False),
)

link_pages = Table(
    "link_pages",
    metadata,
    Column("token_hash", String, primary_key=True),
    _conversation(),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
)

links = Table(
    "links",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("patron_id", String, nullable=False),
    Column("name", String, nullable=False),
)

# Logged in on the page, and waiting for the "yes" in the chat.
pending_links = Table(
    "pending_links",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("patron_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("confirmed_in", String),  # the message that said "yes", so that its turn run again hears the same
)

deeds = Table(
    "deeds",
    metadata,
    _conversation(),
    Column("message_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("before", JSON, nullable=False),  # what the library system showed just before the write
    Column("outcome", JSON),  # null: begun, and the end was not seen
)

tickets = Table(
    "tickets",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("message_id", String, nullable=False, unique=True),
    Column("reason", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("closed_at", String),
    sqlite_autoincrement=True,
)

desk_notes = Table(
    "desk_notes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("message_id", String, nullable=False),
    Column("kind", String, nullable=False),  # question | purchase | praise | complaint
    Column("text", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("noted_at", String, nullable=False),
    UniqueConstraint("message_id", "kind"),
    sqlite_autoincrement=True,
)

consents = Table(
    "consents",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("options", JSON, nullable=False),
    Column("given_at", String, nullable=False),
)

forgets = Table(
    "forgets",
    metadata,
    Column("message_id", String, primary_key=True),
    _conversation(),
)

staff = Table(
    "staff",
    metadata,
    Column("name", String, primary_key=True),
    Column("password_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name", ForeignKey("staff.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", String, nullable=False),
)

ticket_replies = Table(
    "ticket_replies",
    metadata,
    Column("key", String, primary_key=True),  # the form's own key: the same form sent twice is one reply
    _conversation(),
    Column("number", Integer, nullable=False),  # the ticket
    Column("name", String, nullable=False),  # who answered
    Column("sent_at", String, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("who", String, primary_key=True),  # a hash: of a card number, a conversation or a name of staff
    Column("count", Integer, nullable=False),
    Column("last_at", String, nullable=False),
)


PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "secure_delete=ON")


def _pragmas(dbapi_connection: Any, _record: Any) -> None:
    cursor = dbapi_connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Store:
    """One database file. `write` and `read` run a function of a connection and give back what it returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Errors are logged with their traceback: without their parameters, which are what patrons wrote.
        self.engine: Engine = create_engine(
            f"sqlite:///{path}", connect_args={"check_same_thread": False}, hide_parameters=True
        )
        event.listen(self.engine, "connect", _pragmas)
        metadata.create_all(self.engine)
        self._scrub_now()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned once its transaction is on disk; on an error nothing of it is kept."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.write_now, work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        return await asyncio.to_thread(self.read_now, work)

    async def scrub(self) -> None:
        """Leave no trace of deleted rows on disk: the log of writes still holds them until it is emptied."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._scrub_now)

    def _scrub_now(self) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def write_now(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.begin() as connection:
            return work(connection)

    def read_now(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        self._writer.shutdown()
        self.engine.dispose()
