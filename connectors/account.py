"""One-time links between a conversation and a patron.

The chat hands out an address with a random token; card number and PIN are typed on that page, checked with the
library system and dropped. The log-in then waits for a "yes" in the same chat, so that a forwarded address links
nobody else's chat; until then the chat keeps the link it had. Failures are uniform in words and in time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Update,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors import cards
from connectors.cards import Arriving
from connectors.clock import Clock
from connectors.store import Store, conversations, link_pages, links, login_failures, pending_links
from connectors.tokens import hashed, new_token
from library.ils import ILS, AccountLocked, ILSError, InvalidCredentials, PatronRef
from library.model import Patron
from library.ports import LinkedCard, Turn
from library.text import fold

logger = logging.getLogger(__name__)

PAGE_LIFETIME = timedelta(minutes=10)
PENDING_LIFETIME = timedelta(minutes=15)
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=30)
CONSENT_TEXT = "2026-11"  # which wording a guardian agreed to; a new one when its meaning changes
LOGIN_TAKES_S = 1.0  # every try takes this long, right or wrong


class PageState(Enum):
    OPEN = "open"
    GUARDIAN = "guardian"  # a child has logged in: the guardian's consent is asked for
    GONE = "gone"


class LoginResult(Enum):
    DONE = "done"
    GUARDIAN = "guardian"  # right, and a child's: the next page asks for the guardian's consent
    WRONG = "wrong"  # wrong card, wrong PIN, locked: the same words for all
    GONE = "gone"
    AWAY = "away"  # the library system did not answer


@dataclass(frozen=True)
class Login:
    result: LoginResult
    conversation_id: str | None = None
    name: str = ""
    next_page: str = ""  # token of the page on which the guardian consents


@dataclass(frozen=True)
class CardRules:
    """Who counts as a child, and how long a link lasts that nobody uses."""

    child_under: int = 16  # Vietnam's Law on Children
    child_categories: frozenset[str] = frozenset()
    unused: timedelta = timedelta(days=180)

    def is_child(self, patron: Patron, today: date) -> bool:
        """Return whether the library system's own birth date or category says that it is a child's card."""
        if fold(patron.category) in {fold(each) for each in self.child_categories}:
            return True
        born = patron.born_on
        if born is None:
            return False
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < self.child_under


@dataclass(frozen=True)
class Guardian:
    """Who consents for a child, as they wrote it."""

    name: str
    relation: str


class StoredLinks:
    """The `Links` port, and the two halves of the one-time page."""

    def __init__(
        self,
        store: Store,
        ils: ILS,
        clock: Clock,
        public_url: str,
        login_takes_s: float = LOGIN_TAKES_S,
        rules: CardRules = CardRules(),
    ) -> None:
        self._store = store
        self._ils = ils
        self._clock = clock
        self._public_url = public_url
        self._login_takes_s = login_takes_s
        self._rules = rules

    async def patron_of(self, turn: Turn) -> PatronRef | None:
        """Return whose card is in use; a link that nobody used for long has ended."""
        mine, now = turn.conversation_id, turn.now
        if await self._store.read(lambda db: cards.needs_a_look(db, mine, now, self._rules.unused)):
            patron_id = await self._store.write(lambda db: cards.in_use(db, mine, now, self._rules.unused))
        else:
            linked = select(links.c.patron_id).where(links.c.conversation_id == mine)
            patron_id = await self._store.read(lambda db: db.scalar(linked))
        return PatronRef(patron_id) if patron_id else None

    async def cards(self, turn: Turn) -> list[LinkedCard]:
        return await self._store.read(lambda db: cards.cards_of(db, turn.conversation_id))

    async def choose(self, turn: Turn, who: PatronRef) -> bool:
        return await self._store.write(lambda db: cards.choose(db, turn.conversation_id, who.patron_id, turn.now))

    async def expired(self, turn: Turn) -> bool:
        return await self._store.read(lambda db: cards.last_event(db, turn.conversation_id)) == "expired"

    async def start(self, turn: Turn, *, adds: bool = False) -> str:
        conversation_id = turn.conversation_id
        token = await self._store.write(lambda db: self._page_for(db, conversation_id, adds=int(adds)))
        return f"{self._public_url}/link/{token}"

    def _page_for(self, db: Connection, conversation_id: str, **more: Any) -> str:
        """Return the token of a new page; an older one of the conversation is good no more."""
        token = new_token()
        expires_at = (self._clock() + PAGE_LIFETIME).isoformat()
        db.execute(delete(link_pages).where(link_pages.c.conversation_id == conversation_id))
        row = {"token_hash": hashed(token), "conversation_id": conversation_id, "expires_at": expires_at}
        db.execute(insert(link_pages).values(**row, **more))
        return token

    async def pending(self, turn: Turn) -> str | None:
        waiting = select(pending_links.c.name).where(_waits(turn))
        return await self._store.read(lambda db: db.scalar(waiting))

    async def confirm(self, turn: Turn) -> bool:
        def work(db: Connection) -> bool:
            row = db.execute(select(pending_links).where(_waits(turn))).first()
            if row is None:
                return False
            again = row.confirmed_in is not None
            db.execute(update(pending_links).where(_waits(turn)).values(confirmed_in=turn.message_id))
            if not again:
                card = Arriving(row.patron_id, row.name, bool(row.adds), row.guardian)
                cards.link(db, turn.conversation_id, card, turn.now)
            return True

        return await self._store.write(work)

    async def refuse(self, turn: Turn) -> bool:
        thrown_away = delete(pending_links).where(_waits(turn))
        return (await self._store.write(lambda db: db.execute(thrown_away))).rowcount > 0

    async def remove(self, turn: Turn, who: PatronRef | None = None) -> bool:
        mine = turn.conversation_id

        def work(db: Connection) -> bool:
            if who is not None:
                return cards.forget(db, mine, who.patron_id, turn.now, "removed")
            db.execute(delete(pending_links).where(pending_links.c.conversation_id == mine))
            return cards.forget_all(db, mine, turn.now, "removed") > 0

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
        await asyncio.sleep(max(0.0, self._login_takes_s - (asyncio.get_running_loop().time() - started)))
        logger.info("log-in tried result=%s", login.result.value)
        return login

    async def _log_in(self, token: str, card_number: str, pin: str) -> Login:
        tried = await self._store.write(lambda db: self._admit(db, token, card_number))
        if tried is None:
            return Login(LoginResult.GONE)
        if tried.locked:
            return Login(LoginResult.WRONG, tried.conversation_id)
        try:
            who = await self._ils.authenticate(card_number.strip(), pin)
            patron = await self._ils.patron(who)
        except (InvalidCredentials, AccountLocked):
            return Login(LoginResult.WRONG, tried.conversation_id)
        except ILSError as exc:
            logger.warning("log-in could not be checked: %s", type(exc).__name__)
            await self._store.write(lambda db: db.execute(_counted_back(tried)))
            return Login(LoginResult.AWAY, tried.conversation_id)
        await self._store.write(lambda db: db.execute(_forgiven(tried)))
        if self._rules.is_child(patron, self._clock().date()):
            asks = {"adds": tried.adds, "patron_id": who.patron_id, "name": patron.name}
            token = await self._store.write(lambda db: self._page_for(db, tried.conversation_id, **asks))
            return Login(LoginResult.GUARDIAN, None, patron.name, next_page=token)
        await self.await_confirmation(tried.conversation_id, who, patron.name, adds=bool(tried.adds))
        return Login(LoginResult.DONE, tried.conversation_id, patron.name)

    async def consent(self, token: str, guardian: Guardian | None) -> Login:
        """Return what became of a guardian's page, which is used up; None: they did not agree, nothing is linked."""
        now = self._clock()

        def use(db: Connection) -> Any:
            page = self._opened_by(db, token)
            if page is not None and page.patron_id:
                used = update(link_pages).where(link_pages.c.token_hash == hashed(token))
                db.execute(used.values(used_at=now.isoformat()))
                if guardian is None:
                    cards.note(db, page.conversation_id, "no consent", page.patron_id, now)
                return page
            return None

        page = await self._store.write(use)
        if page is None:
            return Login(LoginResult.GONE)
        if guardian is None:
            return Login(LoginResult.WRONG, page.conversation_id)
        told = {"name": guardian.name, "relation": guardian.relation, "text": CONSENT_TEXT, "at": now.isoformat()}
        who = PatronRef(page.patron_id)
        await self.await_confirmation(page.conversation_id, who, page.name, adds=bool(page.adds), guardian=told)
        return Login(LoginResult.DONE, page.conversation_id, page.name)

    async def await_confirmation(
        self,
        conversation_id: str,
        who: PatronRef,
        name: str,
        *,
        adds: bool = False,
        guardian: Mapping[str, Any] | None = None,
    ) -> None:
        """Let a finished log-in wait for the chat's "yes"; an older one that still waits is replaced."""
        now = self._clock()
        row: dict[str, Any] = {"patron_id": who.patron_id, "name": name, "adds": int(adds)}
        row |= {"expires_at": (now + PENDING_LIFETIME).isoformat(), "guardian": dict(guardian) if guardian else None}

        def work(db: Connection) -> None:
            mine = pending_links.c.conversation_id == conversation_id
            db.execute(delete(pending_links).where(mine | (pending_links.c.expires_at <= now.isoformat())))
            db.execute(insert(pending_links).values(conversation_id=conversation_id, **row))

        await self._store.write(work)

    async def link_now(self, conversation_id: str, who: PatronRef, name: str) -> None:
        """Link without a page: for `thuthu talk --as`, where the operator vouches."""
        card, now = Arriving(who.patron_id, name), self._clock()
        await self._store.write(lambda db: cards.link(db, conversation_id, card, now))

    def _opened_by(self, db: Connection, token: str) -> Any:
        """Return the row of the page that the token opens now, or None."""
        this = (link_pages.c.token_hash == hashed(token)) & link_pages.c.used_at.is_(None)
        in_time = link_pages.c.expires_at > self._clock().isoformat()
        return db.execute(select(link_pages).where(this, in_time)).first()

    def _admit(self, db: Connection, token: str, card_number: str) -> _Try | None:
        """Return the try that this token opens, used up and counted as failed, or None.

        Counted before the library system is asked, so that many tries at once get no more than their five either.
        """
        page = self._opened_by(db, token)
        if page is None or page.patron_id:
            return None
        conversation_id = page.conversation_id
        now = self._clock()
        used = update(link_pages).where(link_pages.c.token_hash == hashed(token))
        db.execute(used.values(used_at=now.isoformat()))
        db.execute(delete(login_failures).where(login_failures.c.last_at <= (now - LOCKED_FOR).isoformat()))
        keys = (_who("card", "".join(card_number.split()).upper()), _who("chat", conversation_id))
        many = login_failures.c.who.in_(keys) & (login_failures.c.count >= MAX_FAILURES)
        if db.scalar(select(login_failures.c.who).where(many)) is not None:
            cards.note(db, conversation_id, "locked", "", now)
            return _Try(conversation_id, keys, locked=True)
        for who in keys:
            first = upsert(login_failures).values(who=who, count=1, last_at=now.isoformat())
            again = {"count": login_failures.c.count + 1, "last_at": now.isoformat()}
            db.execute(first.on_conflict_do_update(index_elements=["who"], set_=again))
        return _Try(conversation_id, keys, locked=False, adds=page.adds or 0)


@dataclass(frozen=True)
class _Try:
    conversation_id: str
    keys: tuple[str, ...]  # under which it is counted
    locked: bool
    adds: int = 0


def _counted_back(tried: _Try) -> Update:
    """Return the statement for a try that was never checked."""
    return update(login_failures).where(login_failures.c.who.in_(tried.keys)).values(count=login_failures.c.count - 1)


def _forgiven(tried: _Try) -> Delete:
    return delete(login_failures).where(login_failures.c.who.in_(tried.keys))


def _waits(turn: Turn) -> ColumnElement[bool]:
    mine = pending_links.c.conversation_id == turn.conversation_id
    unanswered = pending_links.c.confirmed_in.is_(None) & (pending_links.c.expires_at > turn.now.isoformat())
    return mine & (unanswered | (pending_links.c.confirmed_in == turn.message_id))


def _who(kind: str, value: str) -> str:
    """Return the key under which failures are counted: a hash, so that no card number stands in the file to be read."""
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()
