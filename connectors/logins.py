"""What chats hear of log-ins on the one-time page, and how one is taken along to Zalo by Zalo's interaction widget.

Of the widget only Zalo's signed webhook counts, never what it says in the browser; the card then waits for a "yes" in
Zalo as every other does.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from connectors.account import Login, LoginResult, StoredLinks
from connectors.channels.port import Reply
from connectors.linkpage import ZaloWidget
from connectors.messages import say
from connectors.settings import ZaloSection
from connectors.store import Store, conversations
from connectors.switchboard import Switchboard


@dataclass(frozen=True)
class Logins:
    links: StoredLinks
    store: Store
    switchboard: Switchboard

    async def tell(self, login: Login) -> None:
        """Tell the chat of a log-in from its page: a question to its owner, or that it failed."""
        if login.conversation_id:
            _, lang = await self._chat(login.conversation_id)
            await self.switchboard.notify(login.conversation_id, _said_of(login, lang))

    async def offer_zalo(self, zalo: ZaloSection | None, login: Login) -> ZaloWidget | None:
        """Return the widget for the page after a log-in; None where the library wants none, and for who is in Zalo."""
        if zalo is None or not zalo.interaction_widget or not login.conversation_id:
            return None
        channel, _ = await self._chat(login.conversation_id)
        token = await self.links.offer(login) if channel != "zalo" else None
        return ZaloWidget(zalo.app_id, zalo.oa_id, token) if token else None

    async def take_along(self, conversation_id: str, token: str) -> None:
        """Hand the log-in of this token over to a chat whose owner brought it; nothing for a token that is none."""
        login = await self.links.accept(conversation_id, token)
        if login.result is LoginResult.DONE:
            await self.tell(login)

    async def _chat(self, conversation_id: str) -> tuple[str, str]:
        """Return the channel and the language of a conversation."""
        wanted = select(conversations.c.channel, conversations.c.locale).where(conversations.c.id == conversation_id)
        channel, lang = await self.store.read(lambda db: db.execute(wanted).one())
        return str(channel), str(lang)


def _said_of(login: Login, lang: str) -> Reply:
    if not login.name:
        return say("link_failed", lang)
    if login.replaces:
        return say("link_replaces", lang, name=login.name, old=login.replaces)
    return say("link_done", lang, name=login.name)
