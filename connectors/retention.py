"""What was kept long enough is deleted, a batch at a time, so that no sweep holds up a patron's message.

One batch is one short transaction; `sweep_all` goes on until nothing is old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select

from connectors.curation.pins import forget_whose
from connectors.privacy import delete_all, erased_and_bare, finish_erasures
from connectors.settings import PrivacySection
from connectors.store import (
    Store,
    announcement_sends,
    answer_sketches,
    bench_reports,
    buttons,
    card_events,
    cards,
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
    receipts,
    reminded,
    reminder_jobs,
    replies,
    staff_halfway,
    staff_sessions,
    ticket_replies,
    tickets,
)

BATCH = 50  # rows of each table, and conversations, at once
Found = Mapping[str, Sequence[Any]]  # keys, by kind
RECEIPTS_KEPT = timedelta(days=8)  # channels send again for up to 24 hours; a week of replays besides
PARKED_KEPT = timedelta(days=30)
DELIVERIES_KEPT = timedelta(days=30)
REPORTS_KEPT = timedelta(days=400)  # of the bench: a revision is looked up a year later
SKETCHES_KEPT = timedelta(days=30)  # what was typed about an answer and never saved may hold a patron's words
REMINDERS_KEPT = timedelta(days=30)
REMINDED_KEPT = timedelta(days=60)  # longer than a loan and its renewals: nothing is told twice
ENDED_KEPT = timedelta(days=30)  # a link that ended, until its chat was told
FAILURES_KEPT = timedelta(hours=1)  # longer than a log-in stays locked


@dataclass(frozen=True)
class Policy:
    conversations: timedelta  # messages, and whole conversations after so long a silence
    notes: timedelta  # notes and closed tickets of conversations that go on


def find_old(db: Connection, now: datetime, policy: Policy, batch: int = BATCH) -> Found:
    """Return the keys of up to a batch of each kind that was kept long enough; kinds without any are left out."""
    silent = select(conversations.c.id).where(_silent_since(now - policy.conversations))
    found = {"conversations": list(db.scalars(silent.limit(batch)))}
    found["erased conversations"] = list(db.scalars(erased_and_bare(now).limit(batch)))
    for table, old in _old(now, policy):
        found[table.name] = list(db.scalars(select(_key(table)).where(old).limit(batch)))
    return {kind: keys for kind, keys in found.items() if keys}


def delete_found(db: Connection, found: Found, now: datetime, policy: Policy) -> dict[str, int]:
    """Delete of what was found what is still old; return how many went, by kind, without the zeros."""
    silent = _silent_since(now - policy.conversations) & conversations.c.id.in_(found.get("conversations", ()))
    still_silent = db.scalars(select(conversations.c.id).where(silent)).all() if "conversations" in found else ()
    if still_silent:
        forget_whose(db, still_silent)  # a pinned question outlives the talk it was asked in, nameless
        delete_all(db, still_silent)
    gone = {"conversations": len(still_silent)}
    if "erased conversations" in found:
        gone["erased conversations"] = finish_erasures(db, now)
    for table, old in _old(now, policy):
        if keys := found.get(table.name):
            gone[table.name] = db.execute(delete(table).where(_key(table).in_(keys), old)).rowcount
    return {kind: number for kind, number in gone.items() if number}


def policy_of(kept: PrivacySection) -> Policy:
    """Return what the settings ask for."""
    return Policy(timedelta(days=kept.keep_conversations_days), timedelta(days=kept.keep_notes_days))


def sweep(db: Connection, now: datetime, policy: Policy, batch: int = BATCH) -> dict[str, int]:
    """Delete up to a batch of each kind that was kept long enough; return how many went, by kind, without the zeros."""
    return delete_found(db, find_old(db, now, policy, batch), now, policy)


def due(db: Connection, now: datetime, policy: Policy) -> dict[str, int]:
    """Return how many of each kind a sweep would delete now, in all its batches; nothing is deleted."""
    silent = select(func.count()).select_from(conversations).where(_silent_since(now - policy.conversations))
    found = {"conversations": int(db.scalar(silent) or 0)}
    for table, old in _old(now, policy):
        number = int(db.scalar(select(func.count()).select_from(table).where(old)) or 0)
        found[table.name] = found.get(table.name, 0) + number
    return {kind: number for kind, number in found.items() if number}


async def sweep_all(store: Store, clock: Callable[[], datetime], policy: Policy) -> dict[str, int]:
    """Sweep batch by batch until nothing is left to delete, and leave no trace on disk; return how many went.

    What is old is looked for beside the writes, which wait only for the deleting.
    """
    total: dict[str, int] = {}
    now = clock()
    while found := await store.read(lambda db: find_old(db, now, policy)):
        gone = await store.write(partial(delete_found, found=found, now=now, policy=policy))
        if not gone:
            break
        for kind, number in gone.items():
            total[kind] = total.get(kind, 0) + number
    if total:
        await store.scrub()
    return total


def _key(table: Table) -> ColumnElement[Any]:
    return next(iter(table.primary_key))


def _silent_since(since: datetime) -> ColumnElement[bool]:
    """Return what holds of conversations in which nobody was heard since, and nobody waits for an answer."""
    before, itself = since.isoformat(), conversations.c.id
    lately = messages.c.answered_at.is_(None) | (messages.c.received_at > before)
    heard = select(messages.c.id).where(messages.c.conversation_id == itself, lately).exists()
    told = select(replies.c.id).where(replies.c.conversation_id == itself, replies.c.created_at > before).exists()
    came = func.coalesce(conversations.c.heard_at, conversations.c.created_at)
    return (conversations.c.created_at <= before) & (came <= before) & ~heard & ~told


def _old(now: datetime, policy: Policy) -> list[tuple[Table, ColumnElement[bool]]]:
    """Return what is old in each table, in an order in which what hangs on something goes before it."""

    def before(column: Any, kept: timedelta = timedelta(0)) -> ColumnElement[bool]:
        old: ColumnElement[bool] = column.is_not(None) & (column <= (now - kept).isoformat())
        return old

    answered_long_ago = before(messages.c.received_at, policy.conversations) & messages.c.answered_at.is_not(None)
    sent_long_ago = before(replies.c.created_at, policy.conversations) & replies.c.id.not_in(
        select(deliveries.c.reply_id).where(deliveries.c.state == "waiting")
    )
    kept = policy.conversations
    closed = tickets.c.closed_at.is_not(None)
    without_ticket = ticket_replies.c.number.not_in(select(tickets.c.number))
    without_message = deeds.c.message_id.not_in(select(messages.c.id))
    used = or_(before(link_pages.c.expires_at), before(link_pages.c.used_at))
    taken = or_(before(export_pages.c.expires_at), before(export_pages.c.used_at))
    return [
        (buttons, before(buttons.c.expires_at)),
        (deliveries, (deliveries.c.state != "waiting") & before(deliveries.c.changed_at, DELIVERIES_KEPT)),
        (announcement_sends, (announcement_sends.c.state != "waiting") & before(announcement_sends.c.changed_at, kept)),
        (reminder_jobs, (reminder_jobs.c.state != "waiting") & before(reminder_jobs.c.changed_at, REMINDERS_KEPT)),
        (reminded, before(reminded.c.told_at, REMINDED_KEPT)),
        (replies, sent_long_ago),
        (messages, answered_long_ago),
        (deeds, without_message),
        (desk_notes, before(desk_notes.c.noted_at, policy.notes)),
        (tickets, closed & before(tickets.c.closed_at, policy.notes)),
        (ticket_replies, without_ticket & before(ticket_replies.c.sent_at, policy.notes)),
        (link_pages, used),
        (export_pages, taken),
        (cards, before(cards.c.ended_at, ENDED_KEPT)),
        (card_events, before(card_events.c.at, policy.notes)),
        (pending_links, before(pending_links.c.expires_at)),
        (receipts, before(receipts.c.seen_at, RECEIPTS_KEPT)),
        (parked, before(parked.c.parked_at, PARKED_KEPT)),
        (staff_sessions, before(staff_sessions.c.expires_at)),
        (bench_reports, before(bench_reports.c.at, REPORTS_KEPT)),
        (answer_sketches, before(answer_sketches.c.at, SKETCHES_KEPT)),
        (staff_halfway, before(staff_halfway.c.expires_at)),
        (login_failures, before(login_failures.c.last_at, FAILURES_KEPT)),
    ]
