"""A patron's talk with the actions of the journeys that need a card, over the gateway's own stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Table, insert, select

from bot.actions import account, feedback, handoff, holds, loans, privacy, reminders, search, talk
from bot.actions.base import LibraryAction, Services
from connectors.account import StoredLinks
from connectors.deeds import JournaledDeeds
from connectors.desk import StoredConsents, StoredDesk
from connectors.privacy import StoredPrivacy
from connectors.store import Store, conversations
from library.calendar import LOCAL, LibraryCalendar
from library.ils import PatronRef
from library.ports import Turn
from retrieval.searcher import Unknown
from tests.fakes import LAN, FakeILS
from tests.journeys.talk import CONVERSATION, Talk

JOURNEYS = (account, feedback, handoff, holds, loans, privacy, reminders, search, talk)
CALENDAR = LibraryCalendar.load(Path(__file__).resolve().parents[2] / "demo" / "calendar.yml")
SUNDAY_MORNING = datetime(2026, 11, 22, 9, 0, tzinfo=LOCAL)  # Mỹ Tho is open
FACTS = {"helpline": "Tổng đài 111, cấp cứu 115"}


@dataclass
class Desk:
    """Everything around one conversation."""

    talk: Talk
    ils: FakeILS
    links: StoredLinks
    store: Store

    async def link(self) -> None:
        await self.links.link_now(CONVERSATION, LAN, "Nguyễn Thị Lan")

    async def link_to(self, who: PatronRef) -> None:
        await self.links.link_now(CONVERSATION, who, (await self.ils.patron(who)).name)

    async def log_in(self, url: str) -> None:
        """Type card and PIN on the page, as the patron does in the browser."""
        await self.links.log_in(url.rsplit("/", 1)[1], "DT000101", "135790")

    def rows(self, table: Table) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self.store.read_now(lambda db: db.execute(select(table)).mappings().all())]


@contextmanager
def desk_for(
    folder: Path,
    *,
    catalogue: Any = None,
    searcher: Any = None,
    system: Any = None,
    now: datetime = SUNDAY_MORNING,
) -> Iterator[Desk]:
    """Open a conversation in which nobody is linked yet; only holds look into the catalogue.

    `system` is the library system; without one it is a `FakeILS`.
    """
    store, ils = Store(folder / "gateway.sqlite"), system or FakeILS()
    row = {"id": CONVERSATION, "channel": "web", "created_at": now.isoformat()}
    store.write_now(lambda db: db.execute(insert(conversations).values(row)))
    turns: dict[str, Turn] = {}
    conversation = Talk({}, turns, now)
    links = StoredLinks(store, ils, lambda: conversation.now, "https://hoi.example", login_takes_s=0)
    nothing: Any = SimpleNamespace()
    services = Services(
        turn=turns.__getitem__,
        calendar=lambda: CALENDAR,
        ils=ils,
        catalogue=catalogue,
        searcher=searcher or SimpleNamespace(titled=lambda title: []),
        answers=lambda: SimpleNamespace(ask=lambda question, day: Unknown(())),
        answer_book=nothing,
        links=links,
        deeds=JournaledDeeds(store, ils),
        desk=StoredDesk(store),
        consents=StoredConsents(store),
        privacy=StoredPrivacy(store, "https://hoi.example"),
        facts=FACTS,
        library_name="Thư viện tỉnh",
        library_name_en="Provincial Library",
    )
    built: list[LibraryAction] = [action(services) for journey in JOURNEYS for action in journey.ACTIONS]
    conversation.actions = {action.name(): action for action in built}
    try:
        yield Desk(conversation, ils, links, store)
    finally:
        store.close()
