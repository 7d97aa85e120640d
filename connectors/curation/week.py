"""What patrons asked lately that an answer might have been for, to be asked again before one changes. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from connectors.curation.trying import Heard
from connectors.store import messages
from library.text import nfc

DAYS = 7
MOST = 1500  # distinct messages asked again, those asked most often first
# Under these the curated answers are asked; see bot/rules/answers.yml, bot/rules/talk.yml and `tell_if_sure`.
INTENTS = ("ask_library_info", "nlu_fallback", "ask_charges", "ask_opening_hours", "out_of_scope")
_IDS = 20  # of the messages of one text


def heard_since(db: Connection, now: datetime, days: int = DAYS) -> tuple[list[Heard], int]:
    """Return what was asked in these days, asked most often first, and how many distinct messages were left out."""
    asked = select(messages.c.id, messages.c.text).where(
        messages.c.kind == "text",
        messages.c.answered_at.is_not(None),
        messages.c.received_at > (now - timedelta(days=days)).isoformat(),
        or_(messages.c.intent.in_(INTENTS), messages.c.intent.is_(None)),
    )
    by_text: dict[str, list[str]] = {}
    for id_, text in db.execute(asked.order_by(messages.c.seq.desc())):
        by_text.setdefault(" ".join(nfc(text).lower().split()), []).append(id_)
    heard = [Heard(text, tuple(ids[:_IDS]), len(ids)) for text, ids in by_text.items() if text]
    heard.sort(key=lambda each: -each.count)
    return heard[:MOST], max(0, len(heard) - MOST)


def texts_of(db: Connection, ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """Return the text and the conversation of those messages that are still kept, by their ids."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, tuple[str, str]] = {}
    for at in range(0, len(wanted), 500):
        these = messages.c.id.in_(wanted[at : at + 500])
        rows: Any = db.execute(select(messages.c.id, messages.c.text, messages.c.conversation_id).where(these))
        found |= {id_: (text, conversation_id) for id_, text, conversation_id in rows}
    return found
