"""What must hold of the databases after any crash, read with plain SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

from tests.crash.road import EXPIRED, LOANS, RENEWED, SCRIPT, UNKNOWN, Files

FORGOTTEN = "d1"  # "quên tôi" follows it
BROKEN_LINE = "hỏng"
SAID = {
    "a1": {"Bạn nói: chào"},
    "a2": {"Gia hạn nhé?"},
    "a3": {RENEWED, EXPIRED},
    "b2": {RENEWED, UNKNOWN, EXPIRED},
    "b3": {"Đã giữ chỗ"},
    "b4": {"Bạn nói: vắng"},
    "b5": {"Đã bỏ giữ chỗ"},
    "b6": {"Đã mở phiếu"},
    "c1": {"Cảm ơn bạn"},
    "c2": {"Bạn nói: chậm"},
    "c3": {"Đã mở phiếu"},
    "c6": {RENEWED, EXPIRED},
    "d2": {"Đã xoá"},
    "d3": {"Bạn nói: chào"},
}
CONFIRMATIONS = {"a3": "an", "b2": "bình", "c6": "chi"}


def broken_promises(files: Files, *, at_rest: bool) -> list[str]:
    """Return what is wrong; `at_rest` says that everything was sent and answered."""
    with closing(sqlite3.connect(files.gateway)) as ours, closing(sqlite3.connect(files.library)) as theirs:
        ours.row_factory = sqlite3.Row
        checks = [*_always(files, ours, theirs), *(_at_rest(ours, theirs) if at_rest else ())]
    return [what for what in checks if what]


def _always(files: Files, ours: sqlite3.Connection, theirs: sqlite3.Connection) -> Iterator[str]:
    stored = {row["client_id"] for row in ours.execute("select client_id from messages")}
    forgot = "d2" in _finals(ours)
    if lost := set(files.acks()) - stored - ({FORGOTTEN} if forgot else set()):
        yield f"acknowledged and not stored: {lost}"
    for kind in ("wait", "final"):
        many = "select message_id from replies where kind = ? group by message_id having count(*) > 1"
        if ours.execute(many, (kind,)).fetchall():
            yield f"two {kind} replies to one message"
    late = (
        "select 1 from replies w join replies f using (message_id)"
        " where w.kind = 'wait' and f.kind = 'final' and w.id > f.id"
    )
    if ours.execute(late).fetchall():
        yield "a wait notice after the final reply"
    foreign = (
        "select 1 from replies r join messages m on m.id = r.message_id where m.conversation_id != r.conversation_id"
    )
    if ours.execute(foreign).fetchall():
        yield "a reply in another conversation"
    for kind, patron_id, what, times in theirs.execute(
        "select kind, patron_id, what, count(*) from writes group by 1, 2, 3"
    ):
        if times > 1:
            yield f"{kind} {what} of {patron_id} done {times} times"


def _at_rest(ours: sqlite3.Connection, theirs: sqlite3.Connection) -> Iterator[str]:
    finals = _finals(ours)
    sent = [line.client_id for lines in SCRIPT.values() for line in lines if line.client_id != FORGOTTEN]
    if missing := [client_id for client_id in sent if client_id not in finals]:
        yield f"no final reply: {missing}"
    for client_id, allowed in SAID.items():
        said = [reply["text"] for reply in finals.get(client_id, [])]
        if client_id != FORGOTTEN and (len(said) != 1 or said[0] not in allowed):
            yield f"{client_id} was told {said}"
    if silent := [client_id for client_id, said in finals.items() if not any(reply["text"] for reply in said)]:
        yield f"an empty final reply: {silent}"
    for name, lines in SCRIPT.items():
        yield from _in_order(ours, name, [line.client_id for line in lines])
        yield from _remembered(ours, name)
    yield from _done(ours, theirs, finals)


def _finals(ours: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    finals = (
        "select client_id, body from replies join messages on messages.id = message_id where replies.kind = 'final'"
    )
    return {row["client_id"]: json.loads(row["body"]) for row in ours.execute(finals)}


def _in_order(ours: sqlite3.Connection, name: str, sent: list[str]) -> Iterator[str]:
    """Yield whether messages or final replies stand in another order than the patron's."""
    arrived = "select client_id from messages where conversation_id = ? order by seq"
    answered = (
        "select client_id from replies join messages on messages.id = message_id"
        " where replies.kind = 'final' and replies.conversation_id = ? order by replies.id"
    )
    for query in (arrived, answered):
        order = [row["client_id"] for row in ours.execute(query, (name,))]
        if any(sent.index(one) >= sent.index(next_one) for one, next_one in pairwise(order)):
            yield f"out of order: {order}"


def _remembered(ours: sqlite3.Connection, name: str) -> Iterator[str]:
    """Yield whether the dialogue's memory holds anything but each message that it answered, once."""
    (stored,) = ours.execute("select tracker from conversations where id = ?", (name,)).fetchone()
    heard = (json.loads(stored or "null") or {}).get("heard")
    lines = [line.text for line in SCRIPT[name] if line.text != BROKEN_LINE]
    due = {"an": ["chào", "gia hạn", "/affirm", "ừ", "trống"], "dung": ["chào"]}.get(name, lines)
    if heard != due:
        yield f"{name}: the dialogue remembers {heard}"


def _done(
    ours: sqlite3.Connection, theirs: sqlite3.Connection, finals: dict[str, list[dict[str, Any]]]
) -> Iterator[str]:
    """Yield whether the library system and the desk hold anything but what the replies say."""
    for client_id, name in CONFIRMATIONS.items():
        told = finals[client_id][0]["text"] if finals.get(client_id) else ""
        (renewals,) = theirs.execute("select renewals from loans where loan_id = ?", (LOANS[name],)).fetchone()
        if renewals != (0 if told == EXPIRED else 1):
            yield f"{client_id} was told “{told}”, and {LOANS[name]} was renewed {renewals} times"
    holds = theirs.execute("select kind from writes where kind != 'renew' order by rowid").fetchall()
    if holds != [("hold",), ("cancel",)] or theirs.execute("select * from holds").fetchall():
        yield f"holds: {holds}"
    tickets = [row[0] for row in ours.execute("select conversation_id from tickets order by 1")]
    if tickets != ["bình", "chi"]:
        yield f"tickets: {tickets}"
    notes = [tuple(row) for row in ours.execute("select conversation_id, kind from desk_notes")]
    if notes != [("chi", "praise")]:
        yield f"notes: {notes}"
    if left := ours.execute("select count(*) from forgets").fetchone()[0]:
        yield f"{left} patrons wait to be forgotten"
    kept = {row[0] for row in ours.execute("select client_id from messages where conversation_id = 'dung'")}
    if kept != {"d2", "d3"}:
        yield f"forgotten, yet kept: {kept}"
