"""The gateway's own database: SQLite in WAL mode through SQLAlchemy Core. Tables only; each room writes its own SQL.

Every write is one short transaction on one thread, so writers never wait for each other inside SQLite, and
`synchronous=FULL` makes a commit outlive a power cut: what was acknowledged is stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    false,
    func,
    insert,
    inspect,
    select,
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
    Column("address", String),  # who it is at a pushed door, as the channel names them
    Column("heard_at", String),  # when the patron last wrote, tapped or came: channels let us write for so long after
    Column("lost_at", String),  # blocked or gone: nothing is sent until they are heard again
    Column("greeted_at", String),  # when the privacy notice of the first contact was said
    Column("owner", String),  # null: the assistant; waiting | person
    Column("owner_name", String),
    Column("owner_since", String),
    Column("owner_until", String),  # without a word from either side, the assistant answers again from then on
    Index("conversations_at", "channel", "address", unique=True),
    Index("conversations_owned", "owner", sqlite_where=Column("owner").is_not(None)),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    _conversation(),
    Column("client_id", String, nullable=False),  # the sender's own key: the same key is the same message
    Column("kind", String, nullable=False),  # text | payload | attachment | command
    Column("text", Text, nullable=False),  # masked before it comes here
    Column("masked", JSON, nullable=False),  # kinds of what was hidden
    Column("received_at", String, nullable=False),
    Column("answered_at", String),
    Column("intent", String),
    Column("confidence", Float),
    Column("slots", JSON),  # as typed
    Column("outcome", JSON(none_as_null=True)),  # what the turn led to: see docs/numbers.md
    Column("said_at", String),  # by the channel's clock: its webhooks may come in another order
    Column("rated", Integer),  # by the patron: 1, the answer helped; 0, it did not
    UniqueConstraint("conversation_id", "client_id"),
    Index("messages_by_time", "received_at"),
    Index("messages_unanswered", "conversation_id", "seq", sqlite_where=Column("answered_at").is_(None)),
    Index("messages_disliked", "seq", sqlite_where=Column("rated") == 0),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("message_id", String),  # none for a notice that answers no message
    Column("kind", String, nullable=False),  # wait | final | notice | person
    Column("body", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    UniqueConstraint("message_id", "kind"),  # two finals to one message cannot be stored
    Index("replies_of", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

# What a pushed door is to send, one row a reply; a reply to a browser has none, it is asked for.
deliveries = Table(
    "deliveries",
    metadata,
    Column("reply_id", Integer, primary_key=True, autoincrement=False),
    _conversation(),
    Column("state", String, nullable=False),  # waiting | sent | dead | dropped: dead, and seen by a librarian
    Column("sent_parts", Integer, nullable=False, default=0),
    Column("sending", JSON(none_as_null=True)),  # begun, and its end not seen: hash of the part's text, and when
    Column("sent_ids", JSON, nullable=False, default=list),  # the channel's ids, and the hash of each text
    Column("numbered", JSON(none_as_null=True)),  # what "1", "2", … in its text mean: tokens of buttons
    Column("plain", Integer, nullable=False, default=0),  # 1: the door took no buttons, all choices are numbered text
    Column("tries", Integer, nullable=False, default=0),
    Column("next_at", String),
    Column("revived_at", String),  # when a dead one was given another day
    Column("good_until", String),  # what is not out by then is not sent: a reminder of yesterday
    Column("reason", String),  # of the last failure, in one short word
    Column("changed_at", String, nullable=False),
    Index("deliveries_waiting", "conversation_id", "reply_id", sqlite_where=Column("state") == "waiting"),
    Index("deliveries_dead", "reply_id", sqlite_where=Column("state") == "dead"),
    Index("deliveries_of", "conversation_id"),
)

# Keys of what came in by pushed doors, hashed; they outlive a patron's deletion, so that a late retry is not news.
receipts = Table(
    "receipts",
    metadata,
    Column("key_hash", String, primary_key=True),
    Column("seen_at", String, nullable=False),
)

# Genuine deliveries that could not be understood.
parked = Table(
    "parked",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("body", Text, nullable=False),  # masked
    Column("size", Integer, nullable=False),  # bytes, as it came
    Column("parked_at", String, nullable=False),
    Column("seen_at", String),
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
    Index("buttons_of", "conversation_id"),
)

link_pages = Table(
    "link_pages",
    metadata,
    Column("token_hash", String, primary_key=True),
    _conversation(),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
    Column("replaces", Boolean),  # whether the card that is linked gives way to the new one
    Column("patron_id", String),  # logged in, and waiting for a guardian's consent on the page
    Column("name", String),
    Column("elsewhere", Boolean),  # no page: the card may be taken to a chat of another channel
    Index("link_pages_of", "conversation_id"),
)

# The card that the conversation is about now: one of its `cards`.
links = Table(
    "links",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("patron_id", String, nullable=False),
    Column("name", String, nullable=False),
)

# Every card linked to a conversation. One that has ended stands until it was said that it has.
cards = Table(
    "cards",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("patron_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("linked_at", String, nullable=False),
    Column("used_on", String, nullable=False),  # the last day on which something was asked of it
    Column("child", Boolean, nullable=False),  # a guardian has consented
    Column("ended_at", String),
    Column("told_in", String),  # the message whose answer said that it ended
)

# What was done about cards and when; whose card it was is a hash made with the conversation's own id.
card_events = Table(
    "card_events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("at", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("deed", String, nullable=False),  # linked | unlinked | consented | withdrew | refused | expired | gone | …
    Column("patron_hash", String, nullable=False),  # empty where nobody is known: failed, locked, refused
    Index("card_events_of", "conversation_id"),
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
    Column("replaces", Boolean),
    Column("guardian", JSON),  # of a child's card: who consented, as what, to which text and when
)

deeds = Table(
    "deeds",
    metadata,
    _conversation(),
    Column("message_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("before", JSON, nullable=False),  # what the library system showed just before the write
    Column("outcome", JSON),  # null: begun, and the end was not seen
    Column("lost_at", String),  # the library system took it and its answer was lost: only read again, never resent
    Index("deeds_of", "conversation_id"),
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
    Index("tickets_of", "conversation_id", "number"),
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
    Index("desk_notes_of", "conversation_id"),
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

# Who is to be reminded on which day, and what became of it.
reminder_jobs = Table(
    "reminder_jobs",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("day", String, primary_key=True),
    Column("state", String, nullable=False),  # waiting | sent | skipped | failed
    Column("reason", String),  # why it was skipped, put off or not delivered
    Column("tries", Integer, nullable=False, default=0),
    Column("next_at", String, nullable=False),
    Column("reply_id", Integer),
    Column("changed_at", String, nullable=False),
    Index("reminder_jobs_waiting", "next_at", sqlite_where=Column("state") == "waiting"),
    Index("reminder_jobs_of_day", "day"),
)

# What was told already, as hashes of card and thing: enough not to tell it twice, too little to be a history.
reminded = Table(
    "reminded",
    metadata,
    Column("key_hash", String, primary_key=True),
    _conversation(),
    Column("reply_id", Integer),
    Column("told_at", String, nullable=False),
    Index("reminded_of", "conversation_id"),
)

# What the library tells many: an urgent closure, an event, new books.
announcements = Table(
    "announcements",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),  # closure | events | books
    Column("text_vi", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("detail", JSON, nullable=False),  # of a closure: from, to, branches; and what the sender was shown
    Column("paid", Integer, nullable=False, default=0),  # 1: also where the channel wants money for it
    Column("state", String, nullable=False),  # draft | sending | stopped | done
    Column("made_by", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("sent_by", String),
    Column("sent_at", String),
    Column("ended_at", String),
    sqlite_autoincrement=True,
)

announcement_sends = Table(
    "announcement_sends",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("number", ForeignKey("announcements.number"), primary_key=True),
    Column("touched", JSON, nullable=False),  # why: due, hold, opted
    Column("state", String, nullable=False),  # waiting | sent | skipped
    Column("reason", String),  # why it was skipped
    Column("reply_id", Integer),
    Column("changed_at", String, nullable=False),
    Index("announcement_sends_waiting", "number", sqlite_where=Column("state") == "waiting"),
)

forgets = Table(
    "forgets",
    metadata,
    Column("message_id", String, primary_key=True),
    _conversation(),
    Index("forgets_of", "conversation_id"),
)

# One-time pages from which a patron takes a copy of what is stored.
export_pages = Table(
    "export_pages",
    metadata,
    Column("token_hash", String, primary_key=True),
    _conversation(),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
    Index("export_pages_of", "conversation_id"),
)

# Receipts of deletions: that something was deleted and how much of it, not whose it was.
erasures = Table(
    "erasures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("message_hash", String, unique=True),  # a turn run again gives the same receipt; none: asked by the channel
    Column("conversation_hash", String, nullable=False),
    Column("at", String, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("bare", String),  # the conversation's id, until its last row, held for the last reply, is gone as well
    sqlite_autoincrement=True,
)

staff = Table(
    "staff",
    metadata,
    Column("name", String, primary_key=True),
    Column("password_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("branches", JSON(none_as_null=True)),  # whose answers and hours they look after; null: all
    Column("locked_at", String),  # shut by a manager of accounts until it is opened again
    Column("signed_in_at", String),  # the last time
    Column("password_given", Integer),  # 1: somebody else chose the password, which is changed at the first sign-in
    Column("totp_secret", String),  # of the second step, once it is on
    Column("totp_offered", String),  # shown, and not yet confirmed by a code
    Column("totp_used", Integer),  # the last step of 30 s whose code was taken: a code works once
    Column("email", String),  # by which the library's own sign-in service knows them
    Column("subject", String),  # the service's name for them, kept from the first time on
)

# Codes for who has lost the telephone; each works once.
staff_recovery = Table(
    "staff_recovery",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("name", ForeignKey("staff.name", ondelete="CASCADE"), nullable=False),
)

# Who gave the right password and still owes the code.
staff_halfway = Table(
    "staff_halfway",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name", ForeignKey("staff.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", String, nullable=False),
)

# What somebody is typing about an answer, until they save it.
answer_sketches = Table(
    "answer_sketches",
    metadata,
    Column("key", String, primary_key=True),  # of the answer; "" for one that is new
    Column("name", String, primary_key=True),  # who types
    Column("base", Integer, nullable=False),  # the newest revision that they saw
    Column("fields", JSON, nullable=False),
    Column("at", String, nullable=False),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("name", ForeignKey("staff.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", String, nullable=False),
    Column("opened_at", String),
    Column("seen_at", String),
    Column("browser", String),  # as it names itself, shortened
)

# What the staff did, one row a deed, each sealed with the one before: see staff/audit.py.
audit_trail = Table(
    "audit_trail",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("who", String, nullable=False),
    Column("deed", String, nullable=False),
    Column("about", String, nullable=False),
    Column("detail", Text, nullable=False),  # JSON exactly as it was sealed
    Column("previous", String, nullable=False, unique=True),
    Column("hash", String, nullable=False),
    Index("audit_trail_about", "about"),
    Index("audit_trail_who", "who"),
    sqlite_autoincrement=True,
)
for _deed in ("UPDATE", "DELETE"):
    event.listen(
        audit_trail,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER audit_trail_keeps_{_deed} BEFORE {_deed} ON audit_trail "
            "BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END"
        ),
    )

ticket_replies = Table(
    "ticket_replies",
    metadata,
    Column("key", String, primary_key=True),  # the form's own key: the same form sent twice is one reply
    _conversation(),
    Column("number", Integer, nullable=False),  # the ticket
    Column("name", String, nullable=False),  # who answered
    Column("sent_at", String, nullable=False),
    Index("ticket_replies_of", "conversation_id"),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("who", String, primary_key=True),  # a hash: of a card number, a conversation or a name of staff
    Column("count", Integer, nullable=False),
    Column("last_at", String, nullable=False),
)

# Messages that were misheard, as they are to be understood: the masked words alone, of nobody.
corrections = Table(
    "corrections",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("text", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("intent", String, nullable=False),
    Column("slots", JSON, nullable=False),  # [name, words], in the order of the text
    Column("heard_intent", String),
    Column("state", String, nullable=False),  # proposed | approved | dropped
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("reviewed_by", String),
    Column("reviewed_at", String),
    Index("corrections_by_words", "folded"),
    sqlite_autoincrement=True,
)

trainings = Table(
    "trainings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("state", String, nullable=False),  # waiting | training | judging | green | red | failed | cancelled
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("began_at", String),  # of the stage it is in
    Column("ended_at", String),
    Column("seconds", JSON(none_as_null=True)),  # what each stage took
    Column("examples", Integer),  # of the librarians, in it
    Column("model", String),
    Column("report", JSON(none_as_null=True)),
    Column("problem", Text),
    sqlite_autoincrement=True,
)


# Questions whose answer must not change by itself: what the bench asks before anything is published.
pins = Table(
    "pins",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("text", Text, nullable=False, unique=True),  # masked
    Column("kind", String, nullable=False),  # answer | none | intent
    Column("what", String, nullable=False),  # the answer's key or the intent; empty for none
    Column("by", String, nullable=False),
    Column("at", String, nullable=False),
    # Of a pin made from a patron's turn, while that is kept; afterwards nothing leads from it to anybody.
    Column("conversation_id", ForeignKey("conversations.id")),
    Column("message_id", String),
    Index("pins_of", "conversation_id"),
    sqlite_autoincrement=True,
)

# Questions of one meaning. A cluster has no words of its own: it is read by its questions, and goes with the last.
clusters = Table(
    "clusters",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("state", String, nullable=False),  # open | solved | not_ours | spam | merged
    Column("version", Integer, nullable=False, default=0),  # grows with every deed: who saw an older one is refused
    Column("count", Integer, nullable=False, default=0),
    Column("unresolved", Integer, nullable=False, default=0),  # asked since it was last solved
    Column("founded_at", String, nullable=False),
    Column("last_at", String, nullable=False),
    Column("rank", Float, nullable=False, default=0),  # how far above: the same order at every moment
    Column("answer", String),  # what it was attached to last, and which revision
    Column("revision", Integer),
    Column("solved_at", String),
    Column("snoozed_until", String),
    Column("held_by", String),
    Column("held_until", String),  # null: until somebody else takes it
    Column("seen_by", String),  # who has it on the screen
    Column("seen_at", String),
    Column("vectors", LargeBinary),  # the sum of its questions' vectors
    Column("encoder", String),
    Index("clusters_ranked", "state", "rank"),
    sqlite_autoincrement=True,
)

# Why a message wants a librarian's eye: one row a reason.
questions = Table(
    "questions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("message_id", String, nullable=False),
    Column("cluster", ForeignKey("clusters.number"), nullable=False),
    Column("reason", String, nullable=False),  # see curation/signals.py
    Column("text", Text, nullable=False),  # masked
    Column("folded", Text, nullable=False),
    Column("hidden", Integer, nullable=False),  # 1: something in it was masked, it is no wording for an answer
    Column("channel", String, nullable=False),
    Column("locale", String, nullable=False),
    Column("unaccented", Integer, nullable=False),
    Column("at", String, nullable=False),
    UniqueConstraint("message_id", "reason"),
    Index("questions_of", "conversation_id"),
    Index("questions_in", "cluster", "reason"),
    Index("questions_same", "folded"),
    Index("questions_at", "at"),
    sqlite_autoincrement=True,
)

# How far the messages were looked through for questions.
questions_read = Table(
    "questions_read",
    metadata,
    Column("name", String, primary_key=True),
    Column("seq", Integer, nullable=False),
)

# What was done in the inbox, for taking it back: numbers and states, no words.
inbox_deeds = Table(
    "inbox_deeds",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("by", String, nullable=False),
    Column("deed", String, nullable=False),
    Column("at", String, nullable=False),
    Column("before", JSON, nullable=False),
    Column("undone", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)

# What the bench found, by the revision and by what was in use and pinned when it looked.
bench_reports = Table(
    "bench_reports",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("tried_among", String, nullable=False),
    Column("red", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("body", JSON, nullable=False),  # of patrons' messages their ids alone
    Index("bench_reports_of", "key", "revision"),
    sqlite_autoincrement=True,
)

# Which answers each process answers by now.
serving = Table(
    "serving",
    metadata,
    Column("process", String, primary_key=True),
    Column("mark", Integer, nullable=False),
    Column("seen_at", String, nullable=False),
)

# What a day's visits come to, counted; see docs/numbers.md. No conversation can be told from it, so it is kept.
numbers_daily = Table(
    "numbers_daily",
    metadata,
    Column("day", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("locale", String, primary_key=True),
    Column("measure", String, primary_key=True),
    Column("what", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Index("numbers_daily_measured", "measure", "day"),
)

# Titles asked for and not held, by month: only those that at least two conversations asked for.
numbers_not_held = Table(
    "numbers_not_held",
    metadata,
    Column("month", String, primary_key=True),  # its first day
    Column("folded", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("count", Integer, nullable=False),  # conversations
)


MOST_TOGETHER = 64  # writes committed at once: more would make the first wait for the last
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "secure_delete=ON")


def _pragmas(dbapi_connection: Any, _record: Any) -> None:
    cursor = dbapi_connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _catch_up(engine: Engine) -> None:
    """Add what this release's tables have and the file's do not; every column added later may be null."""
    with engine.begin() as db:
        for table in metadata.sorted_tables:
            there = {column["name"] for column in inspect(db).get_columns(table.name)}
            for column in table.columns:
                if column.name not in there:
                    kind = column.type.compile(engine.dialect)
                    db.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}')
            for index in table.indexes:
                index.create(db, checkfirst=True)
        _adopt_links(db)


def _adopt_links(db: Connection) -> None:
    """Make what a former release linked or unlinked stand among the cards as well."""
    today = func.date("now")
    linked = select(links.c.conversation_id, links.c.patron_id, links.c.name, today, today, false())
    known = select(cards.c.patron_id).where(
        cards.c.conversation_id == links.c.conversation_id, cards.c.patron_id == links.c.patron_id
    )
    columns = ["conversation_id", "patron_id", "name", "linked_at", "used_on", "child"]
    db.execute(insert(cards).from_select(columns, linked.where(~known.exists())))
    without = cards.c.conversation_id.not_in(select(links.c.conversation_id))
    db.execute(delete(cards).where(without, cards.c.ended_at.is_(None)))


@dataclass(frozen=True)
class _Waiting:
    work: Callable[[Connection], Any]
    done: Future[Any] = field(default_factory=Future)


@dataclass(frozen=True)
class _Failed:
    error: Exception


def _within(connection: Connection, work: Callable[[Connection], Any]) -> Any:
    try:
        with connection.begin_nested():
            return work(connection)
    except Exception as exc:
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            raise  # SQLite gave up the whole transaction, as it does when the disk is full
        return _Failed(exc)


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
        _catch_up(self.engine)
        self._scrub_now()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: deque[_Waiting] = deque()

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned once its transaction is on disk; on an error nothing of it is kept.

        What waits together is committed together, in the order in which it came.
        """
        waiting = _Waiting(work)
        self._waiting.append(waiting)
        asyncio.get_running_loop().run_in_executor(self._writer, self._write_waiting)
        return cast(Result, await asyncio.wrap_future(waiting.done))

    def _write_waiting(self) -> None:
        """Write all that waits; whoever asked later then finds nothing left to do."""
        together = [each for each in self._taken() if each.done.set_running_or_notify_cancel()]
        if not together:
            return
        try:
            outcomes = [self.write_now(together[0].work)] if len(together) == 1 else self._write_together(together)
        except BaseException as exc:
            for each in together:
                each.done.set_exception(exc)
            return
        for each, outcome in zip(together, outcomes, strict=True):
            if isinstance(outcome, _Failed):
                each.done.set_exception(outcome.error)
            else:
                each.done.set_result(outcome)

    def _taken(self) -> Iterator[_Waiting]:
        for _ in range(MOST_TOGETHER):
            try:
                yield self._waiting.popleft()
            except IndexError:
                return

    def _write_together(self, together: Sequence[_Waiting]) -> list[Any]:
        """Return what each returned, or how it failed: then nothing of it is kept, and all of the others."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # else the first savepoint would be a transaction of its own
            return [_within(connection, each.work) for each in together]

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
