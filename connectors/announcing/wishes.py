"""What patrons wish to hear of: yes to each kind apart, off until they say so, and a "dừng" that ends all of it.

A "dừng" is kept as a wish of its own: it also ends what needs no yes, the word of a closure to who has a book due.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.answerer import OwnWord
from connectors.channels.port import Reply
from connectors.messages import say
from connectors.store import Store, announcement_sends, consents, replies
from library.ports import Turn
from library.text import nfc

KINDS = ("closures", "events", "books")
REFUSED = "no_announcements"
STOP = "/news_stop"
# Alone these are also said to the assistant about something else: they stop announcements only right after one.
SHORT = frozenset({"dừng", "dung", "dừng lại", "ngừng", "stop", "thôi", "huỷ", "hủy"})
_PLAIN = frozenset(
    {
        *("dừng nhận tin", "dung nhan tin", "ngừng nhận tin", "ngung nhan tin", "thôi nhận tin", "huỷ nhận tin"),
        *("hủy nhận tin", "dừng thông báo", "dung thong bao", "không nhận thông báo nữa", "thôi nhận thông báo"),
        *("stop messages", "stop announcements", "unsubscribe"),
    }
)


class Wishes:
    """Takes down what patrons wish; `own_words` are the replies to the buttons, `own_text` finds the word to stop."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def own_words(self) -> Mapping[str, OwnWord]:
        return {"/news": self._offer, STOP: self._stop} | {f"/news_yes_{kind}": self._agreeing(kind) for kind in KINDS}

    async def own_text(self, turn: Turn, text: str) -> str | None:
        """Return STOP when the patron asks for no more announcements, None for every other message."""
        words = " ".join(nfc(text).lower().split()).strip(" .!")
        if words in _PLAIN:
            return STOP
        if words in SHORT and await self._store.read(lambda db: _just_told(db, turn.conversation_id)):
            return STOP
        return None

    async def _offer(self, _turn: Turn, lang: str) -> Reply:
        return say("news", lang)

    async def _stop(self, turn: Turn, lang: str) -> Reply:
        def refuse(db: Connection) -> None:
            mine = (consents.c.conversation_id == turn.conversation_id) & consents.c.purpose.in_(KINDS)
            db.execute(delete(consents).where(mine))
            _set(db, turn, REFUSED)

        await self._store.write(refuse)
        return say("news_off", lang)

    def _agreeing(self, kind: str) -> OwnWord:
        async def agree(turn: Turn, lang: str) -> Reply:
            def give(db: Connection) -> None:
                refused = (consents.c.conversation_id == turn.conversation_id) & (consents.c.purpose == REFUSED)
                db.execute(delete(consents).where(refused))
                _set(db, turn, kind)

            await self._store.write(give)
            return say(f"news_on_{kind}", lang)

        return agree


def _set(db: Connection, turn: Turn, purpose: str) -> None:
    row = {"conversation_id": turn.conversation_id, "purpose": purpose, "options": {}, "given_at": turn.now.isoformat()}
    db.execute(upsert(consents).values(row).on_conflict_do_nothing())


def _just_told(db: Connection, conversation_id: str) -> bool:
    """Return whether the last thing said to this patron was an announcement."""
    last = select(func.max(replies.c.id)).where(replies.c.conversation_id == conversation_id, replies.c.kind != "wait")
    mine = announcement_sends.c.conversation_id == conversation_id
    number = db.scalar(select(func.max(announcement_sends.c.reply_id)).where(mine))
    return number is not None and number == db.scalar(last)
