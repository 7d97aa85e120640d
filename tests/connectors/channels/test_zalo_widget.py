"""A log-in on the website's page is taken along to Zalo: by Zalo's signed webhook alone, once, with a "yes" there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from connectors import mailbox
from connectors.account import PAGE_LIFETIME, StoredLinks
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.linkpage import link_router
from connectors.logins import Logins
from connectors.settings import ZaloSection
from library.ports import Turn
from tests.connectors.ils.sample import PIN, Library, open_library, reader
from tests.connectors.small_gateway import SmallGateway, small_gateway, texts
from tests.simulators.zalo import Zalo
from tests.virtual_time import VirtualLoop, run

PATRON, OTHER = "2468455835291979221", "2468455835291979222"
CARD = {"card": "DT000001", "pin": PIN}


@dataclass
class Scene:
    zalo: Zalo
    gateway: SmallGateway
    links: StoredLinks
    browser: httpx.AsyncClient
    library: Library

    async def page_after_log_in(self, chat: str, **form: str) -> httpx.Response:
        address = await self.links.start(Turn(chat, "m1", "web", self.library.clock()))
        return await self.browser.post(address, data=CARD | form)

    async def accepts(self, user: str, token: str) -> None:
        """Let this person press the widget that was given the token."""
        data = {"user_id": user, "user_external_id": token, "url": "https://hoi.example/link/x"}
        self.zalo.happens(user, {"event_name": "widget_interaction_accepted", "oa_id": self.zalo.oa_id, "data": data})
        await self.zalo.webhooks.idle()
        await self.gateway.switchboard.idle()

    async def waits_in_zalo(self, user: str = PATRON) -> str | None:
        store, clock = self.gateway.store, self.library.clock
        chat = await store.read(lambda db: mailbox.known_at(db, "zalo", user))
        return await self.links.pending(Turn(chat, "z1", "zalo", clock())) if chat else None

    async def told_in_zalo(self, user: str = PATRON) -> list[str]:
        chat = await self.gateway.store.read(lambda db: mailbox.known_at(db, "zalo", user))
        return [text for sent in await self.gateway.said(chat) for text in texts(sent)] if chat else []


def play(scene: Callable[[Scene], Awaitable[None]], folder: Path, *, wanted: bool = True) -> None:
    child = reader(3, name="Bé Na", age=8)
    library = open_library(folder, reader(1, name="Nguyễn Thị Lan"), child)

    async def main(loop: VirtualLoop) -> None:
        async def nobody(_headers: Mapping[str, str], _body: bytes) -> int:
            return 404

        zalo = Zalo(loop.clock, nobody)
        section = ZaloSection.model_construct(app_id=zalo.app_id, oa_id=zalo.oa_id, interaction_widget=wanted)
        async with small_gateway(loop, folder / "gateway.sqlite", clock=library.clock) as gateway:
            links = StoredLinks(gateway.store, library.ils, library.clock, "https://hoi.example", login_takes_s=0)
            logins = Logins(links, gateway.store, gateway.switchboard)
            gateway.reception.accepted = logins.take_along
            app, account = FastAPI(), Account(zalo.app_id, zalo.oa_id)
            offer = partial(logins.offer_zalo, section)
            app.include_router(link_router(links, logins.tell, lambda _request: True, offer=offer))
            secrets = {"oa_secret": zalo.oa_secret, "app_secret": zalo.app_secret}
            app.include_router(zalo_router(gateway.reception, account, clock=loop.clock, **secrets))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hoi.example") as browser:

                async def deliver(headers: Mapping[str, str], body: bytes) -> int:
                    return (await browser.post("/zalo/webhook", headers=dict(headers), content=body)).status_code

                zalo.webhooks.deliver = deliver
                await scene(Scene(zalo, gateway, links, browser, library))
                await zalo.close()

    run(main)


def token_on(page: httpx.Response) -> str:
    return re.search(r'user_external_id="([^"]+)"', page.text)[1]


def test_a_log_in_is_taken_along_once_and_waits_for_a_yes_in_zalo(tmp_path: Path) -> None:
    async def scene(here: Scene) -> None:
        chat = await here.gateway.open()
        page = await here.page_after_log_in(chat)
        token = token_on(page)
        assert f'data-oaid="{here.zalo.oa_id}"' in page.text
        assert "https://sp.zalo.me" in page.headers["content-security-policy"]
        assert "unsafe-eval" not in page.headers["content-security-policy"]

        await here.accepts(PATRON, token)
        assert await here.waits_in_zalo() == "Nguyễn Thị Lan"
        assert any("Nguyễn Thị Lan" in text for text in await here.told_in_zalo())
        zalos = await here.gateway.store.read(lambda db: mailbox.known_at(db, "zalo", PATRON))
        assert await here.links.patron_of(Turn(zalos, "z2", "zalo", here.library.clock())) is None
        assert await here.links.confirm(Turn(zalos, "z3", "zalo", here.library.clock()))
        assert await here.links.patron_of(Turn(zalos, "z4", "zalo", here.library.clock()))
        assert await here.links.pending(Turn(chat, "m2", "web", here.library.clock())) == "Nguyễn Thị Lan"

        await here.accepts(OTHER, token)
        assert await here.waits_in_zalo(OTHER) is None

    play(scene, tmp_path)


def test_the_webhook_that_comes_again_says_nothing_again(tmp_path: Path) -> None:
    async def scene(here: Scene) -> None:
        token = token_on(await here.page_after_log_in(await here.gateway.open()))
        here.zalo.webhooks.disturb = lambda: [0.0, 1.0, 30.0]
        await here.accepts(PATRON, token)
        told = [text for text in await here.told_in_zalo() if "Nguyễn Thị Lan" in text]
        assert len(told) == 1

    play(scene, tmp_path)


def test_a_token_that_is_none_or_too_old_or_opens_a_page_links_nobody(tmp_path: Path) -> None:
    async def scene(here: Scene) -> None:
        await here.accepts(PATRON, "x" * 22)
        chat = await here.gateway.open()
        address = await here.links.start(Turn(chat, "m1", "web", here.library.clock()))
        await here.accepts(PATRON, address.rpartition("/")[2])
        assert (await here.browser.get(address)).status_code == 200  # the page stays good
        token = token_on(await here.page_after_log_in(chat))
        assert (await here.browser.get(f"https://hoi.example/link/{token}")).status_code == 410
        here.library.clock.advance(seconds=PAGE_LIFETIME.total_seconds() + 1)
        await here.accepts(PATRON, token)
        assert await here.waits_in_zalo() is None

    play(scene, tmp_path)


@pytest.mark.parametrize("which", ["unwanted", "in zalo", "wrong PIN", "child"])
def test_where_it_has_no_place_the_page_loads_nothing_from_elsewhere(tmp_path: Path, which: str) -> None:
    async def scene(here: Scene) -> None:
        form = {"wrong PIN": {"pin": "000000"}, "child": {"card": "DT000003"}}.get(which, {})
        chat = await here.gateway.open("zalo" if which == "in zalo" else "web")
        page = await here.page_after_log_in(chat, **form)
        assert "<script" not in page.text
        assert "zalo" not in page.headers["content-security-policy"]

    play(scene, tmp_path, wanted=which != "unwanted")
