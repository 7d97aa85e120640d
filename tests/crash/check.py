"""What must hold after any crash, read from the databases with plain SQL and from what patrons were shown."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.crash.files import Files, entries
from tests.crash.script import (
    BACK,
    EXPIRED,
    FIRST_CONTACT,
    GATEWAY_SAYS,
    LOANS,
    PATRONS,
    SENTENCES,
    WAIT,
    WELCOME,
    Line,
    Patron,
    librarian_says,
    of_mark,
)
from tests.crash.street import CHAT
from tests.simulators.telegram_state import State
from tests.simulators.zalo_journal import Journal

MARK = re.compile(r"~(\S+/\w+)")
SENTENCE = re.compile(r"Câu (\d+) ~")
ASIDE = frozenset({WAIT, BACK, WELCOME, FIRST_CONTACT})


@dataclass
class Verdict:
    """What is wrong, and what is not: bubbles shown again because of a crash between their sending and our commit."""

    broken: list[str] = field(default_factory=list)
    repeated: Counter[str] = field(default_factory=Counter)  # by door


Doubt = Counter[tuple[str, str]]  # door and address, hash of a bubble's text: begun when a crash came


def in_doubt(files: Files) -> Doubt:
    """Return which bubbles were being sent when the crash came."""
    query = (
        "select channel, address, sending from deliveries join conversations on conversations.id = conversation_id"
        " where sending is not null and state = 'waiting'"
    )
    with closing(sqlite3.connect(files.gateway)) as ours:
        rows = ours.execute(query).fetchall()
    return Counter((f"{channel} {address}", json.loads(sending)["text"]) for channel, address, sending in rows)


def broken_always(files: Files) -> list[str]:
    """Return which of the promises are broken that hold at every moment."""
    with closing(sqlite3.connect(files.gateway)) as ours, closing(sqlite3.connect(files.library)) as theirs:
        ours.row_factory = sqlite3.Row
        return list(_always(files, ours, theirs))


def verdict(files: Files, doubt: Doubt) -> Verdict:
    """Return what to say of a road at whose end everything was sent and answered."""
    with closing(sqlite3.connect(files.gateway)) as ours, closing(sqlite3.connect(files.library)) as theirs:
        ours.row_factory = sqlite3.Row
        talks = _talks(files, ours)
        found = Verdict(list(_always(files, ours, theirs)))
        for talk in talks.values():
            found.broken += [f"{talk.patron.name}: {what}" for what in _answered(talk)]
            found.broken += [f"{talk.patron.name}: {what}" for what in _remembered(talk)]
            found.broken += [f"{talk.patron.name}: {what}" for what in _shown(talk, doubt, found.repeated)]
        found.broken += _done(ours, theirs, talks)
    return found


# --- at every moment --------------------------------------------------------------------------------------------------


def _always(files: Files, ours: sqlite3.Connection, theirs: sqlite3.Connection) -> Iterator[str]:
    yield from _acknowledged_is_stored(files, ours)
    for kind in ("wait", "final"):
        many = "select message_id from replies where kind = ? and message_id is not null group by 1 having count(*) > 1"
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


def _acknowledged_is_stored(files: Files, ours: sqlite3.Connection) -> Iterator[str]:
    """Yield what a browser saw acknowledged and is nowhere, unless its patron had it deleted."""
    stored = {
        (row["conversation_id"], row["client_id"])
        for row in ours.execute("select conversation_id, client_id from messages")
    }
    opened = {entry["patron"]: entry["conversation"] for entry in entries(files.browsers) if "token" in entry}
    for mark, key in files.keys().items():
        patron, _line = of_mark(mark[1:])
        if patron.door == "web" and patron.role != "forgets" and (opened[patron.name], key) not in stored:
            yield f"acknowledged and not stored: {mark}"


# --- when all is said and done ----------------------------------------------------------------------------------------


@dataclass
class Talk:
    """One patron's talk as it is stored and as they saw it."""

    patron: Patron
    conversation: str
    tracker: dict[str, Any]
    stored: dict[str, int] = field(default_factory=dict)  # line name → place in the inbox
    finals: dict[str, list[str]] = field(default_factory=dict)  # line name → texts, in the order of the replies
    states: dict[str, tuple[str, str]] = field(default_factory=dict)  # line name → state and reason of the sending
    waits: int = 0
    bubbles: list[str] = field(default_factory=list)


def _talks(files: Files, ours: sqlite3.Connection) -> dict[str, Talk]:
    keys, bubbles = files.keys(), _bubbles(files)
    opened = {entry["patron"]: entry["conversation"] for entry in entries(files.browsers) if "token" in entry}
    rows = {(row["channel"], row["address"]): row for row in ours.execute("select * from conversations")}
    at_web = {row["id"]: row for row in rows.values()}
    talks = {}
    for patron in PATRONS.values():
        if patron.door == "web":
            row = at_web.get(opened[patron.name]) or _row(ours, opened[patron.name])
        else:
            row = rows[patron.door, str(CHAT[patron.name])]
        talk = Talk(patron, row["id"], json.loads(row["tracker"] or "null") or {}, bubbles=bubbles[patron.name])
        names = {key: mark.rpartition("/")[2] for mark, key in keys.items() if of_mark(mark[1:])[0] is patron}
        _read_talk(ours, talk, names)
        talks[patron.name] = talk
    return talks


def _row(ours: sqlite3.Connection, conversation: str) -> sqlite3.Row:
    row: sqlite3.Row = ours.execute("select * from conversations where id = ?", (conversation,)).fetchone()
    return row


def _read_talk(ours: sqlite3.Connection, talk: Talk, names: Mapping[str, str]) -> None:
    for row in ours.execute("select * from messages where conversation_id = ? order by seq", (talk.conversation,)):
        name = names.get(row["client_id"], f"unknown {row['client_id']}")
        talk.stored[name] = row["seq"]
    query = (
        "select client_id, body, state, reason from replies join messages on messages.id = message_id"
        " left join deliveries on reply_id = replies.id"
        " where replies.kind = 'final' and replies.conversation_id = ? order by replies.id"
    )
    for row in ours.execute(query, (talk.conversation,)):
        name = names.get(row["client_id"], row["client_id"])
        said = [reply["text"] for reply in json.loads(row["body"]) if reply["text"] != FIRST_CONTACT]
        talk.finals[name] = said
        talk.states[name] = (row["state"] or "", row["reason"] or "")
    waits = "select count(*) from replies where kind = 'wait' and conversation_id = ?"
    (talk.waits,) = ours.execute(waits, (talk.conversation,)).fetchone()


def _bubbles(files: Files) -> dict[str, list[str]]:
    """Return what each patron was shown, in order, whoever it was meant for."""
    state = State(files.telegram)
    state.close()
    journal = Journal(files.zalo)
    zalo = [entry["shown"] for entry in journal.read() if entry["what"] == "shown"]
    journal.close()
    shown: dict[str, list[str]] = defaultdict(list)
    names = {chat: name for name, chat in CHAT.items()}
    for chat, name in names.items():
        shown[name] += [one.text for one in state.shown_to(chat)]
    for kept in zalo:
        shown[names[int(kept["user"])]].append(kept["text"])
    for entry in entries(files.browsers):
        if "sent" in entry:
            shown[entry["patron"]] += [reply["text"] for reply in entry["sent"]["replies"]]
    return shown


def _answered(talk: Talk) -> Iterator[str]:
    """Yield what is wrong with the stored answers: missing, strange, or in another order than the patron's."""
    kept = [line for line in talk.patron.lines if line.name != "f1"]  # "quên tôi" follows it
    if missing := [line.name for line in kept if line.name not in talk.finals]:
        yield f"no final reply: {missing}"
    if strange := set(talk.stored) - {line.name for line in kept}:
        yield f"stored without having been said, or kept though forgotten: {strange}"
    for line in kept:
        told = talk.finals.get(line.name)
        if told is not None and not _right(line, told):
            yield f"{line.name} was told {told}"
    place = {line.name: number for number, line in enumerate(talk.patron.lines)}
    for earlier, later in pairwise(name for name in talk.finals if name in place):
        if place[earlier] > place[later] and talk.stored[earlier] > talk.stored[later]:
            yield f"out of order: {list(talk.finals)}, stored as {talk.stored}"


def _right(line: Line, told: Sequence[str]) -> bool:
    if not line.tells:
        return not told
    return len(told) == 1 and told[0].startswith(line.tells)


def _remembered(talk: Talk) -> Iterator[str]:
    """Yield whether the dialogue's memory holds anything but each message that it answered, once."""
    heard = [mark.partition("/")[2] for mark in talk.tracker.get("heard", [])]
    due = [name for name in talk.finals if name in {line.name for line in talk.patron.lines if line.heard}]
    if heard != due:
        yield f"the dialogue remembers {heard}, and answered {due}"


def _shown(talk: Talk, doubt: Doubt, repeated: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with what the patron saw; count what was shown again."""
    patron = talk.patron
    at = f"{patron.door} {CHAT[patron.name]}"
    lines = {line.name: line for line in patron.lines}
    first_shown: dict[str, None] = {}
    for text in talk.bubbles:
        name = _line_of(text, talk)
        if name is None and text not in ASIDE and text != librarian_says(patron):
            yield f"a strange bubble: {text[:80]!r}"
        elif name is not None:
            first_shown[name] = None
    for text, times in Counter(talk.bubbles).items():
        more = times - (talk.waits if text == WAIT and patron.role != "forgets" else 1)
        if more > 0:
            repeated[patron.door] += more
            if more > doubt[at, _hash(text)]:
                yield f"shown {times} times without a crash between: {text[:60]!r}"
    for name, line in lines.items():
        yield from _reached(talk, line, name in first_shown)
    told = [name for name in first_shown if name in lines]
    finals = [name for name in talk.finals if name in first_shown]
    if patron.role != "forgets" and told != finals:
        yield f"shown as {told}, answered as {finals}"
    if patron.role == "chooses":
        yield from _whole(talk.bubbles)


def _reached(talk: Talk, line: Line, shown: bool) -> Iterator[str]:
    """Yield whether an answer did not reach its patron, or reached one who had shut us out."""
    state, reason = talk.states.get(line.name, ("", ""))
    if line.blocks and talk.patron.door != "web":
        if shown or state != "dead":
            yield f"{line.name} is {state} ({reason}), though its patron had blocked us"
    elif line.tells and not shown:
        yield f"{line.name} was never shown: {state} {reason}"
    elif reason == "person_answers":  # shown, and the librarian came before that was noted
        return
    elif line.tells and talk.patron.door != "web" and line.name != "f1" and state != "sent":
        yield f"{line.name} is {state} ({reason})"


def _line_of(text: str, talk: Talk) -> str | None:
    """Return the line whose answer a bubble is; None for another's, and for what answers no line."""
    marks = set(MARK.findall(text))
    if text == librarian_says(talk.patron):
        return None
    if marks:
        ours = {mark.partition("/")[2] for mark in marks if mark.partition("/")[0] == talk.patron.name}
        return ours.pop() if len(marks) == len(ours) == 1 else None
    plain = next((said for said in GATEWAY_SAYS if text.startswith(said)), None)
    return next((line.name for line in talk.patron.lines if plain in line.tells), None) if plain else None


def _whole(bubbles: Sequence[str]) -> Iterator[str]:
    """Yield whether words of the long answer were lost or mixed up on the way."""
    numbers = [int(number) for text in dict.fromkeys(bubbles) for number in SENTENCE.findall(text)]
    if numbers != list(range(1, SENTENCES + 1)):
        yield f"the long answer came as {numbers}"


def _done(ours: sqlite3.Connection, theirs: sqlite3.Connection, talks: Mapping[str, Talk]) -> Iterator[str]:
    """Yield whether the library system and the desk hold anything but what the replies say."""
    renewals = dict(theirs.execute("select loan_id, renewals from loans").fetchall())
    for name, talk in talks.items():
        asked = [line for line in talk.patron.lines if line.name in ("r3", "w2", "c6")]
        told = [said for line in asked for said in talk.finals.get(line.name, [])]
        due = sum(not said.startswith(EXPIRED) for said in told)
        if renewals[LOANS[name]] != due:
            yield f"{name} was told {told}, and the loan was renewed {renewals[LOANS[name]]} times"
    holds = Counter(theirs.execute("select kind, patron_id from writes where kind != 'renew'").fetchall())
    waiters = [name for name, patron in PATRONS.items() if patron.role == "waits"]
    due_holds = Counter((kind, f"patron of {name}") for kind in ("hold", "cancel") for name in waiters)
    if holds != due_holds or theirs.execute("select * from holds").fetchall():
        yield f"holds: {holds}"
    by_conversation = {talk.conversation: name for name, talk in talks.items()}
    tickets = sorted(by_conversation[row[0]] for row in ours.execute("select conversation_id from tickets"))
    roles = ("waits", "complains", "hurries", "handed")
    if tickets != sorted(name for name, patron in PATRONS.items() if patron.role in roles):
        yield f"tickets: {tickets}"
    notes = sorted(by_conversation[row[0]] for row in ours.execute("select conversation_id from desk_notes"))
    if notes != sorted(name for name, patron in PATRONS.items() if patron.role in ("complains", "hurries")):
        yield f"notes: {notes}"
    if left := ours.execute("select count(*) from forgets").fetchone()[0]:
        yield f"{left} patrons wait to be forgotten"
    if parked := ours.execute("select count(*) from parked").fetchone()[0]:
        yield f"{parked} webhooks were parked"
    if unsent := ours.execute("select count(*) from deliveries where state = 'waiting'").fetchone()[0]:
        yield f"{unsent} replies are not sent"


def _hash(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
