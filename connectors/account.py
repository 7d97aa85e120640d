"""The `Links` port: which cards are linked to a conversation, and the two halves of the one-time page.

The chat hands out an address with a random token; card number and PIN are typed on that page, checked with the
library system and dropped. For a child's card the page then asks for a guardian's consent. The log-in waits for a
"yes" in the same chat, so that a forwarded address links nobody else's chat; until then the chat keeps the cards it
had. Failures are uniform in words and in time.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from connectors import cards, tries
from connectors import store as tables
from connectors.clock import Clock
from connectors.guardian import TEXT, Childhood, Guardian
from connectors.store import Store, conversations, link_pages, pending_links
from connectors.tokens import hashed, new_token
from library.ils import ILS, AccountLocked, ILSError, InvalidCredentials, PatronRef
from library.model import Patron
from library.ports import LinkedCard, Turn

logger = logging.getLogger(__name__)

PAGE_LIFETIME = timedelta(minutes=10)
PENDING_LIFETIME = timedelta(minutes=15)
LOGIN_TAKES_S = 1.0  # every try takes this long or a multiple of it, right or wrong
UNUSED_DAYS = 180
MOST_CARDS = 6  # in one conversation: a family


class PageState(Enum):
    OPEN = "open"
    GUARDIAN = "guardian"  # logged in: a guardian is to consent
    GONE = "gone"


class LoginResult(Enum):
    DONE = "done"
    GUARDIAN = "guardian"  # right, and a child's card: nothing is linked before a guardian consents
    WRONG = "wrong"  # wrong card, wrong PIN, locked: the same words for all
    GONE = "gone"
    AWAY = "away"  # the library system did not answer


@dataclass(frozen=True)
class Login:
    result: LoginResult
    conversation_id: str | None = None
    name: str = ""
    replaces: str = ""  # the name on the card that would give way
    consent_token: str = ""  # opens the page for the guardian


@dataclass(frozen=True)
class _Page:
    conversation_id: str
    replaces: bool
    patron_id: str | None
    name: str | None


class StoredLinks:
    """The `Links` port, and the two halves of the one-time page."""

    def __init__(
        self,
        store: Store,
        ils: ILS,
        clock: Clock,
        public_url: str,
        login_takes_s: float = LOGIN_TAKES_S,
        childhood: Childhood | None = None,
        unused_days: int = UNUSED_DAYS,
    ) -> None:
        self._store = store
        self._ils = ils
        self._clock = clock
        self._public_url = public_url
        self._login_takes_s = login_takes_s
        self._childhood = childhood or Childhood()
        self._unused_days = unused_days

    async def patron_of(self, turn: Turn) -> PatronRef | None:
        return next((card.who for card in await self.cards(turn) if card.current), None)

    async def cards(self, turn: Turn) -> Sequence[LinkedCard]:
        found, used_first, used_last = await self._store.read(lambda db: _with_use(db, turn.conversation_id))
        if used_first and used_first < self._unused_since().isoformat():
            await self.end_unused()
            found, _, used_last = await self._store.read(lambda db: _with_use(db, turn.conversation_id))
        today = turn.now.date()
        current = next((card.who.patron_id for card in found if card.current), None)
        if current and used_last < today.isoformat():  # once a day: reading stays reading
            await self._store.write(lambda db: cards.use(db, turn.conversation_id, current, today))
        return found

    async def choose(self, turn: Turn, who: PatronRef) -> bool:
        def work(db: Connection) -> bool:
            cards.use(db, turn.conversation_id, who.patron_id, turn.now.date())
            return cards.choose(db, turn.conversation_id, who.patron_id)

        return await self._store.write(work)

    async def ended(self, turn: Turn) -> Sequence[str]:
        mine = tables.cards.c.conversation_id == turn.conversation_id
        over = select(tables.cards.c.patron_id).where(mine, tables.cards.c.ended_at.is_not(None)).limit(1)
        if await self._store.read(lambda db: db.scalar(over)) is None:
            return ()
        return await self._store.write(lambda db: cards.tell_ended(db, turn.conversation_id, turn.message_id))

    async def gone(self, turn: Turn, who: PatronRef) -> None:
        one = [who.patron_id]
        await self._store.write(lambda db: cards.unlink(db, turn.conversation_id, one, turn.now, "gone"))

    async def end_unused(self) -> int:
        """Return how many links ended because their card was not used for so long."""
        before, now = self._unused_since(), self._clock()
        return await self._store.write(lambda db: cards.end_unused(db, before, now))

    async def start(self, turn: Turn, *, replaces: bool = False) -> str:
        return f"{self._public_url}/link/{await self._hand_out(turn.conversation_id, replaces=replaces)}"

    async def pending(self, turn: Turn) -> str | None:
        waiting = select(pending_links.c.name).where(_waits(turn))
        return await self._store.read(lambda db: db.scalar(waiting))

    async def confirm(self, turn: Turn, *, keeps: bool = False) -> bool:
        def work(db: Connection) -> bool:
            row = db.execute(select(pending_links).where(_waits(turn))).first()
            if row is None:
                return False
            if row.confirmed_in is None:
                db.execute(update(pending_links).where(_waits(turn)).values(confirmed_in=turn.message_id))
                self._link(db, row, keeps=keeps)
            return True

        return await self._store.write(work)

    async def refuse(self, turn: Turn) -> bool:
        def work(db: Connection) -> bool:
            thrown_away = db.execute(delete(pending_links).where(_waits(turn))).rowcount > 0
            if thrown_away:
                cards.note(db, turn.conversation_id, "refused", turn.now)
            return thrown_away

        return await self._store.write(work)

    async def remove(self, turn: Turn, who: PatronRef | None = None) -> bool:
        def work(db: Connection) -> bool:
            linked = [card.who.patron_id for card in cards.linked(db, turn.conversation_id)]
            if who is None:
                db.execute(delete(pending_links).where(pending_links.c.conversation_id == turn.conversation_id))
            meant = linked if who is None else [who.patron_id]
            return cards.unlink(db, turn.conversation_id, meant, turn.now, "unlinked") > 0

        return await self._store.write(work)

    async def language(self, token: str) -> str | None:
        """Return the language of the chat that the page was opened from, or None for an address nobody handed out."""
        chat = select(conversations.c.locale).join(link_pages).where(link_pages.c.token_hash == hashed(token))
        return await self._store.read(lambda db: db.scalar(chat))

    async def page(self, token: str) -> PageState:
        """Return what the page may show. Looking uses nothing up: link previews look too."""
        found = await self._store.read(lambda db: self._opened_by(db, token))
        if found is None:
            return PageState.GONE
        return PageState.GUARDIAN if found.patron_id else PageState.OPEN

    async def log_in(self, token: str, card_number: str, pin: str) -> Login:
        """Return what became of one try. The token is used up before the library system is asked."""
        started = asyncio.get_running_loop().time()
        login = await self._log_in(token, card_number, pin)
        await self._take_as_long(started)
        logger.info("log-in tried result=%s", login.result.value)
        return login

    async def consent(self, token: str, guardian: Guardian) -> Login:
        """Return what became of a log-in to a child's card, now that a guardian has consented."""
        page = await self._store.write(lambda db: self._use_up(db, token))
        if page is None or page.patron_id is None or page.name is None or not guardian.complete:
            return Login(LoginResult.GONE)
        given = {"card": page.name, "guardian": guardian.name, "relation": guardian.relation, "text": TEXT}
        at = {"at": self._clock().isoformat()}
        return await self._wait_for_yes(page, PatronRef(page.patron_id), page.name, given | at)

    async def offer(self, login: Login) -> str | None:
        """Return a token with which this log-in can be taken to another chat too; None for a child's card."""
        mine = pending_links.c.conversation_id == (login.conversation_id or "")
        row = await self._store.read(lambda db: db.execute(select(pending_links).where(mine)).first())
        if row is None or row.guardian:
            return None
        card = {"patron_id": row.patron_id, "name": row.name}
        return await self._hand_out(row.conversation_id, replaces=False, elsewhere=True, **card)

    async def accept(self, conversation_id: str, token: str) -> Login:
        """Return what became of a log-in that was taken to this chat: it waits for a "yes" here as well."""
        page = await self._store.write(lambda db: self._use_up(db, token, elsewhere=True))
        if page is None or page.patron_id is None or page.name is None:
            return Login(LoginResult.GONE)
        here = _Page(conversation_id, False, None, None)
        return await self._wait_for_yes(here, PatronRef(page.patron_id), page.name, None)

    async def await_confirmation(self, conversation_id: str, who: PatronRef, name: str) -> None:
        """Let a finished log-in wait for the chat's "yes": for `thuthu talk`, where there is no page."""
        await self._wait_for_yes(_Page(conversation_id, False, None, None), who, name, None)

    async def link_now(self, conversation_id: str, who: PatronRef, name: str) -> None:
        """Link without a page: for `thuthu talk --as`, where the operator vouches."""
        new, now = cards.NewCard(who.patron_id, name), self._clock()
        await self._store.write(lambda db: cards.link(db, conversation_id, new, now))

    async def _log_in(self, token: str, card_number: str, pin: str) -> Login:
        admitted = await self._store.write(lambda db: self._admit(db, token, card_number))
        if admitted is None:
            return Login(LoginResult.GONE)
        page, tried = admitted
        if tried.locked:
            return Login(LoginResult.WRONG, page.conversation_id)
        try:
            who = await self._ils.authenticate(card_number.strip(), pin)
            patron = await self._ils.patron(who)
        except (InvalidCredentials, AccountLocked):
            await self._note(page.conversation_id, "failed")
            return Login(LoginResult.WRONG, page.conversation_id)
        except ILSError as exc:
            logger.warning("log-in could not be checked: %s", type(exc).__name__)
            await self._store.write(lambda db: db.execute(tries.counted_back(tried)))
            return Login(LoginResult.AWAY, page.conversation_id)
        await self._store.write(lambda db: db.execute(tries.forgiven(tried)))
        return await self._logged_in(page, who, patron)

    async def _logged_in(self, page: _Page, who: PatronRef, patron: Patron) -> Login:
        if not self._childhood.is_child(patron, self._clock().date()):
            return await self._wait_for_yes(page, who, patron.name, None)
        logged_in = {"patron_id": who.patron_id, "name": patron.name}
        token = await self._hand_out(page.conversation_id, replaces=page.replaces, **logged_in)
        return Login(LoginResult.GUARDIAN, page.conversation_id, patron.name, consent_token=token)

    async def _wait_for_yes(self, page: _Page, who: PatronRef, name: str, guardian: dict[str, Any] | None) -> Login:
        """Let the log-in wait for the chat's "yes"; an older one that still waits is replaced."""
        now, chat = self._clock(), page.conversation_id
        row = {
            "conversation_id": chat,
            "patron_id": who.patron_id,
            "name": name,
            "expires_at": (now + PENDING_LIFETIME).isoformat(),
            "replaces": page.replaces,
            "guardian": guardian,
        }

        def work(db: Connection) -> str:
            mine = pending_links.c.conversation_id == chat
            db.execute(delete(pending_links).where(mine | (pending_links.c.expires_at <= now.isoformat())))
            db.execute(insert(pending_links).values(row))
            others = (card.name for card in cards.linked(db, chat) if card.current and card.who != who)
            return next(others, "") if page.replaces else ""

        return Login(LoginResult.DONE, chat, name, replaces=await self._store.write(work))

    def _link(self, db: Connection, waiting: Row[Any], *, keeps: bool) -> None:
        """Link what waited; the current card gives way if it was so wished, or if there is no room."""
        chat = waiting.conversation_id
        before = [card for card in cards.linked(db, chat) if card.who.patron_id != waiting.patron_id]
        if (waiting.replaces and not keeps) or len(before) >= MOST_CARDS:
            old = [card.who.patron_id for card in before if card.current]
            cards.unlink(db, chat, old, self._clock(), "replaced")
        new = cards.NewCard(waiting.patron_id, waiting.name, waiting.guardian)
        cards.link(db, chat, new, self._clock())

    async def _hand_out(self, conversation_id: str, **page: Any) -> str:
        """Return the token of a fresh page; the one before it is shut."""
        token, now = new_token(), self._clock()
        row = {
            "token_hash": hashed(token),
            "conversation_id": conversation_id,
            "expires_at": (now + PAGE_LIFETIME).isoformat(),
        }

        def make(db: Connection) -> None:
            db.execute(delete(link_pages).where(link_pages.c.conversation_id == conversation_id))
            db.execute(insert(link_pages).values(**row, **page))

        await self._store.write(make)
        return token

    def _opened_by(self, db: Connection, token: str, *, elsewhere: bool = False) -> _Page | None:
        """Return the page that the token opens now, or None."""
        this = (link_pages.c.token_hash == hashed(token)) & link_pages.c.used_at.is_(None)
        this &= link_pages.c.elsewhere.is_(True) if elsewhere else link_pages.c.elsewhere.is_not(True)
        in_time = link_pages.c.expires_at > self._clock().isoformat()
        row = db.execute(select(link_pages).where(this, in_time)).first()
        return _Page(row.conversation_id, bool(row.replaces), row.patron_id, row.name) if row else None

    def _use_up(self, db: Connection, token: str, *, elsewhere: bool = False) -> _Page | None:
        """Return the page that the token opened until now, or None."""
        page = self._opened_by(db, token, elsewhere=elsewhere)
        if page is None:
            return None
        used = update(link_pages).where(link_pages.c.token_hash == hashed(token), link_pages.c.used_at.is_(None))
        db.execute(used.values(used_at=self._clock().isoformat(), patron_id=None, name=None))
        return page

    def _admit(self, db: Connection, token: str, card_number: str) -> tuple[_Page, tries.Try] | None:
        """Return the page that this token opens, used up, and the try; None for a page that is not open for one."""
        page = self._opened_by(db, token)
        if page is None or page.patron_id:
            return None
        self._use_up(db, token)
        tried = tries.count(db, page.conversation_id, card_number, self._clock())
        if tried.locked:
            cards.note(db, page.conversation_id, "locked", self._clock())
        return page, tried

    async def _note(self, conversation_id: str, deed: str) -> None:
        await self._store.write(lambda db: cards.note(db, conversation_id, deed, self._clock()))

    async def _take_as_long(self, started: float) -> None:
        """Wait until the try took a whole number of its times, so that a slow system tells right from wrong no more."""
        if not self._login_takes_s:
            return
        took = asyncio.get_running_loop().time() - started
        whole = max(1, math.ceil(took / self._login_takes_s)) * self._login_takes_s
        await asyncio.sleep(whole - took)

    def _unused_since(self) -> Any:
        return cards.first_unused_day(self._clock(), self._unused_days)


def _with_use(db: Connection, conversation_id: str) -> tuple[list[LinkedCard], str, str]:
    """Return the cards linked, the day on which the longest unused was used, and that of the one used last."""
    mine = (tables.cards.c.conversation_id == conversation_id) & tables.cards.c.ended_at.is_(None)
    used = select(func.min(tables.cards.c.used_on), func.max(tables.cards.c.used_on)).where(mine)
    first, last = db.execute(used).one()
    return cards.linked(db, conversation_id), first or "", last or ""


def _waits(turn: Turn) -> ColumnElement[bool]:
    mine = pending_links.c.conversation_id == turn.conversation_id
    unanswered = pending_links.c.confirmed_in.is_(None) & (pending_links.c.expires_at > turn.now.isoformat())
    return mine & (unanswered | (pending_links.c.confirmed_in == turn.message_id))
