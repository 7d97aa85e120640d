"""How a patron stops reminders: by the button under one, a word right after it, or words that mean nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from connectors.announcing.wishes import SHORT
from connectors.answerer import OwnWord
from connectors.channels.port import Reply
from connectors.messages import say
from connectors.reminding import jobs
from connectors.reminding.wording import STOP
from connectors.store import Store, replies
from library.ports import Turn
from library.text import fold, nfc

# Said of nothing else, in folded words: these stop reminders at any time, with the dialogue away, too.
PLAIN = frozenset(
    {
        *("dung nhac nua", "dung nhac", "dung nhac toi nua", "dung nhac em nua", "dung nhac minh nua", "ngung nhac"),
        *("thoi dung nhac", "thoi nhac", "thoi khong nhac nua", "khong nhac nua", "khoi nhac", "khoi nhac nua"),
        *("tat nhac", "tat nhac nho", "tat loi nhac", "huy nhac", "stop reminders", "stop reminding me"),
        *("no more reminders", "turn off reminders"),
    }
)


class Stopping:
    """`own_words` answer the button, `own_text` finds the word."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def own_words(self) -> Mapping[str, OwnWord]:
        return {STOP: self._stop}

    async def own_text(self, turn: Turn, text: str) -> str | None:
        """Return STOP for words that mean just that, and for a short one right after a reminder; else None."""
        words = " ".join(nfc(text).lower().split()).strip(" .!")
        if fold(words) in PLAIN:
            return STOP
        if words not in SHORT:
            return None
        mine = (replies.c.conversation_id == turn.conversation_id) & (replies.c.kind != "wait")
        last = await self._store.read(lambda db: db.scalar(select(func.max(replies.c.id)).where(mine)))
        reminded_by = await self._store.read(lambda db: jobs.last_reply(db, turn.conversation_id))
        return STOP if last is not None and last == reminded_by else None

    async def _stop(self, turn: Turn, lang: str) -> Reply:
        stopped = await self._store.write(lambda db: jobs.stop(db, turn.conversation_id))
        return say("reminders_stopped" if stopped else "reminders_were_off", lang)
