"""What patrons asked lately that an answer might have been for, to be asked again before one changes. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from connectors.curation.trying import UNKNOWN, Heard, Said
from connectors.store import messages
from library.text import nfc

DAYS = 7
MOST = 2000  # distinct messages asked again, those asked most often first
# Under these the curated answers are asked; see bot/rules/answers.yml, bot/rules/talk.yml and `tell_if_sure`.
INTENTS = ("ask_library_info", "nlu_fallback", "ask_charges", "ask_opening_hours", "out_of_scope")
_ANSWERED = ("answer", "which", "unknown", "refused")  # kinds of outcome that the curated answers decide
_IDS = 20  # of the messages of one text


def heard_since(db: Connection, now: datetime, days: int = DAYS) -> tuple[list[Heard], int]:
    """Return what was asked in these days, asked most often first, and how many distinct messages were left out.

    Of a text that was answered in more than one way, what it led to last counts.
    """
    asked = select(messages.c.id, messages.c.text, messages.c.outcome).where(
        messages.c.kind == "text",
        messages.c.answered_at.is_not(None),
        messages.c.received_at > (now - timedelta(days=days)).isoformat(),
        _was_for_answers(),
    )
    by_text: dict[str, list[str]] = {}
    told: dict[str, Said | None] = {}
    for id_, text, outcome in db.execute(asked.order_by(messages.c.seq.desc())):
        plain = " ".join(nfc(text).lower().split())
        by_text.setdefault(plain, []).append(id_)
        told.setdefault(plain, _told(outcome or {}))
    heard = [Heard(text, tuple(ids[:_IDS]), len(ids), told[text]) for text, ids in by_text.items() if text]
    heard.sort(key=lambda each: -each.count)
    return heard[:MOST], max(0, len(heard) - MOST)


def _was_for_answers() -> ColumnElement[bool]:
    """Return what tells the messages of which a curated answer decided, or might have."""
    kind = messages.c.outcome["kind"].as_string()
    maybe = or_(messages.c.intent.in_(INTENTS), and_(messages.c.intent.is_(None), messages.c.outcome.is_(None)))
    return or_(kind.in_(_ANSWERED), and_(or_(messages.c.outcome.is_(None), kind == "other"), maybe))


def _told(outcome: Mapping[str, Any]) -> Said | None:
    """Return what the patron was told; None where that is not known: of a choice the outcome keeps no keys."""
    if outcome.get("kind") == "answer" and outcome.get("answer"):
        return Said("sure", (str(outcome["answer"]),))
    return UNKNOWN if outcome.get("kind") == "unknown" else None


def texts_of(db: Connection, ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """Return the text and the conversation of those messages that are still kept, by their ids."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, tuple[str, str]] = {}
    for at in range(0, len(wanted), 500):
        these = messages.c.id.in_(wanted[at : at + 500])
        rows: Any = db.execute(select(messages.c.id, messages.c.text, messages.c.conversation_id).where(these))
        found |= {id_: (text, conversation_id) for id_, text, conversation_id in rows}
    return found
