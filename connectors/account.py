"""One-time links between a conversation and a patron.

The chat hands out an address with a random token; card number and PIN are typed on that page, checked with the
library system and dropped. The log-in then waits for a "yes" in the same chat, so that a forwarded address links
nobody else's chat; until then the chat keeps the link it had. Failures are uniform in words and in time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

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

from connectors.clock import Clock
from connectors.store import Store, conversations, link_pages, links, login_failures, pending_links
from connectors.tokens import hashed, new_token
from library.ils import ILS, AccountLocked, ILSError, InvalidCredentials, PatronRef
from library.ports import Turn

logger = logging.getLogger(__name__)

PAGE_LIFETIME = timedelta(minutes=10)
PENDING_LIFETIME = timedelta(minutes=15)
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=30)
LOGIN_TAKES_S = 1.0  # every try takes this long, right or wrong


class PageState(Enum):
    OPEN = "open"
    GONE = "gone"


class LoginResult(Enum):
    DONE = "done"
    WRONG = "wrong"  # wrong card, wrong PIN, locked: the same words for all
    GONE = "gone"
    AWAY = "away"  # the library system did not answer


@dataclass(frozen=True)
class Login:
    result: LoginResult
    conversation_id: str | None = None
    name: str = ""


class StoredLinks:
    """The `Links` port, and the two halves of the one-time page."""

    def __init__(
        self, store: Store, ils: ILS, clock: Clock, public_url: str, login_takes_s: float = LOGIN_TAKES_S
    ) -> None:
        self._store = store
        self._ils = ils
        self._clock = clock
        self._public_url = public_url
        self._login_takes_s = login_takes_s

    async def patron_of(self, turn: Turn) -> PatronRef | None:
        linked = select(links.c.patron_id).where(links.c.conversation_id == turn.conversation_id)
        patron_id = await self._store.read(lambda db: db.scalar(linked))
        return PatronRef(patron_id) if patron_id else None

    async def start(self, turn: Turn) -> str:
        token = new_token()
        row = {
            "token_hash": hashed(token),
            "conversation_id": turn.conversation_id,
            "expires_at": (self._clock() + PAGE_LIFETIME).isoformat(),
        }
        older = link_pages.c.conversation_id == turn.conversation_id

        def make(db: Connection) -> None:
            db.execute(delete(link_pages).where(older))
            db.execute(insert(link_pages).values(row))

        await self._store.write(make)
        return f"{self._public_url}/link/{token}"

    async def pending(self, turn: Turn) -> str | None:
        waiting = select(pending_links.c.name).where(_waits(turn))
        return await self._store.read(lambda db: db.scalar(waiting))

    async def confirm(self, turn: Turn) -> bool:
        def work(db: Connection) -> bool:
            row = db.execute(select(pending_links.c.patron_id, pending_links.c.name).where(_waits(turn))).first()
            if row is None:
                return False
            db.execute(update(pending_links).where(_waits(turn)).values(confirmed_in=turn.message_id))
            _link(db, turn.conversation_id, row.patron_id, row.name)
            return True

        return await self._store.write(work)

    async def refuse(self, turn: Turn) -> bool:
        thrown_away = delete(pending_links).where(_waits(turn))
        return (await self._store.write(lambda db: db.execute(thrown_away))).rowcount > 0

    async def remove(self, turn: Turn) -> bool:
        def work(db: Connection) -> bool:
            db.execute(delete(pending_links).where(pending_links.c.conversation_id == turn.conversation_id))
            return db.execute(delete(links).where(links.c.conversation_id == turn.conversation_id)).rowcount > 0

        return await self._store.write(work)

    async def language(self, token: str) -> str | None:
        """Return the language of the chat that the page was opened from, or None for an address nobody handed out."""
        chat = select(conversations.c.locale).join(link_pages).where(link_pages.c.token_hash == hashed(token))
        return await self._store.read(lambda db: db.scalar(chat))

    async def page(self, token: str) -> PageState:
        """Return whether the page may be shown. Looking uses nothing up: link previews look too."""
        found = await self._store.read(lambda db: self._opened_by(db, token))
        return PageState.OPEN if found else PageState.GONE

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
            name = (await self._ils.patron(who)).name
        except (InvalidCredentials, AccountLocked):
            return Login(LoginResult.WRONG, tried.conversation_id)
        except ILSError as exc:
            logger.warning("log-in could not be checked: %s", type(exc).__name__)
            await self._store.write(lambda db: db.execute(_counted_back(tried)))
            return Login(LoginResult.AWAY, tried.conversation_id)
        await self._store.write(lambda db: db.execute(_forgiven(tried)))
        await self.await_confirmation(tried.conversation_id, who, name)
        return Login(LoginResult.DONE, tried.conversation_id, name)

    async def await_confirmation(self, conversation_id: str, who: PatronRef, name: str) -> None:
        """Let a finished log-in wait for the chat's "yes"; an older one that still waits is replaced."""
        now = self._clock()
        row = {"patron_id": who.patron_id, "name": name, "expires_at": (now + PENDING_LIFETIME).isoformat()}

        def work(db: Connection) -> None:
            mine = pending_links.c.conversation_id == conversation_id
            db.execute(delete(pending_links).where(mine | (pending_links.c.expires_at <= now.isoformat())))
            db.execute(insert(pending_links).values(conversation_id=conversation_id, **row))

        await self._store.write(work)

    async def link_now(self, conversation_id: str, who: PatronRef, name: str) -> None:
        """Link without a page: for `thuthu talk --as`, where the operator vouches."""
        await self._store.write(lambda db: _link(db, conversation_id, who.patron_id, name))

    def _opened_by(self, db: Connection, token: str) -> str | None:
        """Return the conversation whose page the token opens now, or None."""
        this = (link_pages.c.token_hash == hashed(token)) & link_pages.c.used_at.is_(None)
        in_time = link_pages.c.expires_at > self._clock().isoformat()
        return db.scalar(select(link_pages.c.conversation_id).where(this, in_time))

    def _admit(self, db: Connection, token: str, card_number: str) -> _Try | None:
        """Return the try that this token opens, used up and counted as failed, or None.

        Counted before the library system is asked, so that many tries at once get no more than their five either.
        """
        conversation_id = self._opened_by(db, token)
        if conversation_id is None:
            return None
        now = self._clock()
        used = update(link_pages).where(link_pages.c.token_hash == hashed(token))
        db.execute(used.values(used_at=now.isoformat()))
        db.execute(delete(login_failures).where(login_failures.c.last_at <= (now - LOCKED_FOR).isoformat()))
        keys = (_who("card", "".join(card_number.split()).upper()), _who("chat", conversation_id))
        many = login_failures.c.who.in_(keys) & (login_failures.c.count >= MAX_FAILURES)
        if db.scalar(select(login_failures.c.who).where(many)) is not None:
            return _Try(conversation_id, keys, locked=True)
        for who in keys:
            first = upsert(login_failures).values(who=who, count=1, last_at=now.isoformat())
            again = {"count": login_failures.c.count + 1, "last_at": now.isoformat()}
            db.execute(first.on_conflict_do_update(index_elements=["who"], set_=again))
        return _Try(conversation_id, keys, locked=False)


@dataclass(frozen=True)
class _Try:
    conversation_id: str
    keys: tuple[str, ...]  # under which it is counted
    locked: bool


def _counted_back(tried: _Try) -> Update:
    """Return the statement for a try that was never checked."""
    return update(login_failures).where(login_failures.c.who.in_(tried.keys)).values(count=login_failures.c.count - 1)


def _forgiven(tried: _Try) -> Delete:
    return delete(login_failures).where(login_failures.c.who.in_(tried.keys))


def _waits(turn: Turn) -> ColumnElement[bool]:
    mine = pending_links.c.conversation_id == turn.conversation_id
    unanswered = pending_links.c.confirmed_in.is_(None) & (pending_links.c.expires_at > turn.now.isoformat())
    return mine & (unanswered | (pending_links.c.confirmed_in == turn.message_id))


def _link(db: Connection, conversation_id: str, patron_id: str, name: str) -> None:
    """Link the conversation to the patron, whoever it was linked to before."""
    row = {"patron_id": patron_id, "name": name}
    new = upsert(links).values(conversation_id=conversation_id, **row)
    db.execute(new.on_conflict_do_update(index_elements=["conversation_id"], set_=row))


def _who(kind: str, value: str) -> str:
    """Return the key under which failures are counted: a hash, so that no card number stands in the file to be read."""
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()
