"""Kills the running product's parts while patrons talk, and counts what that cost them.

`python -m tests.product.kills --gateway 300 --rasa 50` prints one JSON object. At the website a patron behaves like
the page: a message is sent again with the same id until it is acknowledged, and replies are followed by the resumed
stream. At Telegram and Zalo the simulated channel brings what a patron writes, and shows what the product sends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import re
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from connectors.clock import wall_clock
from connectors.ils.sqlite_load import ItemRow, load_library, read_patron_file
from retrieval.catalogue import Catalogue
from tests.product.channels import Chat, chats, open_house
from tests.product.product import Product, copy_library

EACH_DOOR = 4  # patrons
LOANS_EACH = 4
LOOK_EVERY_S = 0.25
RENEWED_BEFORE = -10_000  # so that the limit of two is never reached
# Later counts as lost. Rasa is waited for 60 s, a start under load takes its time, and where it is not known whether a
# part arrived, its echo is waited for 40 s: again, if the gateway is killed again.
ANSWERED_WITHIN_S = 180.0
BACK_OFF_S = (0.1, 0.2, 0.4, 0.8)
CANARY = "kazimirquux"
QUESTIONS = (
    ("thư viện mấy giờ mở cửa", "Mỹ Tho"),
    ("mung 3 tet co mo cua ko", "mùng 6"),
    ("co sach day nuoi tom khong", "tôm"),
    ("Dế Mèn phiêu lưu ký còn không", "Tô Hoài"),
    ("tôi đang mượn sách gì", "Bạn đang mượn"),
    (f"có cuốn {CANARY} nào không", CANARY),
)


@dataclass
class Said:
    """One message of a patron and what came of it."""

    stored: str  # the server's id
    expected: str
    sent_at: float
    acknowledged_at: float
    finals: list[list[dict[str, Any]]] = field(default_factory=list)
    answered_at: float | None = None

    def words(self) -> str:
        return json.dumps(self.finals[:1], ensure_ascii=False)


class Patron(ABC):
    """One conversation that goes on and on, linked to a card of its own."""

    door: str

    def __init__(self, url: str, card: str, pin: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(10, read=40))
        self.card, self.pin = card, pin
        self.said: list[Said] = []
        self.resent = 0

    @abstractmethod
    async def arrive(self) -> None:
        """Open a conversation and link the card through the one-time page."""

    @abstractmethod
    async def leave(self) -> None: ...

    @abstractmethod
    async def _say(self, text: str, expected: str) -> Said: ...

    @abstractmethod
    async def _press(self, which: Button, expected: str) -> Said: ...

    @abstractmethod
    async def _answered(self, said: Said) -> None:
        """Wait; who waits in vain gives up, and the message counts as lost."""

    async def talk(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            burst = random.sample(QUESTIONS, random.randint(1, 3))
            asked = [await self._say(text, expected) for text, expected in burst]
            for one in asked:
                await self._answered(one)
            await self._renew()
            await asyncio.sleep(random.uniform(0, 0.5))

    async def _renew(self) -> None:
        asked = await self._say("gia hạn sách", "gia hạn")
        await self._answered(asked)
        if which := _buttons(asked.finals):
            chosen = await self._press(random.choice(which[:LOANS_EACH]), "Đồng ý")
            await self._answered(chosen)
            if consent := _buttons(chosen.finals):
                await self._answered(await self._press(consent[0], "hạn mới"))

    async def _link(self, asked: Said) -> None:
        """Log in on the one-time page that an answer hands out."""
        page = re.search(r"http[^\s\"]+?/link/[\w-]+", asked.words())
        assert page, asked.words()
        (await self.http.post(page[0], data={"card": self.card, "pin": self.pin})).raise_for_status()


@dataclass(frozen=True)
class Button:
    title: str
    payload: str


class WebPatron(Patron):
    door = "web"

    def __init__(self, url: str, card: str, pin: str) -> None:
        super().__init__(url, card, pin)
        self.heard: list[tuple[int, str, str]] = []  # reply id, message, kind: as the stream brought them
        self.notices: list[dict[str, Any]] = []
        self._by_id: dict[str, Said] = {}
        self._early: dict[str, list[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self._numbers = itertools.count()

    async def arrive(self) -> None:
        opened = (await self.http.post("/api/conversations")).raise_for_status().json()
        self.here, self.key = (
            f"/api/conversations/{opened['conversation']}",
            {"Authorization": f"Bearer {opened['token']}"},
        )
        self._stream = asyncio.create_task(self._follow())
        asked = await self._say("liên kết thẻ", "đăng nhập")
        await self._answered(asked)
        await self._link(asked)
        await self._until(lambda: bool(self.notices))
        linked = await self._press(_buttons([self.notices])[0], "đã liên kết")
        await self._answered(linked)
        assert "đã liên kết" in linked.words()

    async def leave(self) -> None:
        self._stream.cancel()
        await asyncio.gather(self._stream, return_exceptions=True)
        await self.http.aclose()

    async def _say(self, text: str, expected: str) -> Said:
        return await self._send({"text": text}, expected)

    async def _press(self, which: Button, expected: str) -> Said:
        return await self._send({"payload": which.payload}, expected)

    async def _send(self, part: dict[str, str], expected: str) -> Said:
        """Send until it is acknowledged; now and then once more, as after a lost acknowledgement."""
        started, client_id = time.monotonic(), f"c{next(self._numbers)}"
        for tries in itertools.count():
            try:
                posted = await self.http.post(f"{self.here}/messages", json={"id": client_id, **part}, headers=self.key)
                if posted.status_code == 202:
                    break
                assert posted.status_code >= 500, posted.text
            except httpx.HTTPError:
                self.resent += 1
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
        said = Said(posted.json()["message"], expected, started, time.monotonic())
        self.said.append(said)
        self._by_id[said.stored] = said
        if said.stored in self._early:
            self._note(said, self._early.pop(said.stored))
        if random.random() < 0.1:
            with contextlib.suppress(httpx.HTTPError):
                await self.http.post(f"{self.here}/messages", json={"id": client_id, **part}, headers=self.key)
        return said

    async def _answered(self, said: Said) -> None:
        await self._until(lambda: bool(said.finals))

    async def _until(self, what: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not what():
                    self._news.clear()
                    await self._news.wait()

    async def _follow(self) -> None:
        after = 0
        while True:
            try:
                resumed = {**self.key, "Last-Event-ID": str(after)}
                async with self.http.stream("GET", f"{self.here}/events", headers=resumed) as stream:
                    async for line in stream.aiter_lines():
                        if line.startswith("data:"):
                            sent = json.loads(line[5:])
                            after = sent["reply_id"]
                            self._hear(sent)
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)

    def _hear(self, sent: dict[str, Any]) -> None:
        self.heard.append((sent["reply_id"], sent["message_id"] or "", sent["kind"]))
        if sent["kind"] == "notice":
            self.notices += sent["replies"]
        elif sent["kind"] == "final":
            said = self._by_id.get(sent["message_id"])
            if said:
                self._note(said, sent["replies"])
            else:  # the answer was faster than the acknowledgement
                self._early[sent["message_id"]] = sent["replies"]
        self._news.set()

    @staticmethod
    def _note(said: Said, replies: list[dict[str, Any]]) -> None:
        said.finals.append(replies)
        said.answered_at = said.answered_at or time.monotonic()


class PushedPatron(Patron):
    """Somebody at Telegram or Zalo. What was answered is read from the product's own database, as is what was sent."""

    def __init__(self, product: Product, chat: Chat, card: str, pin: str) -> None:
        super().__init__(product.url, card, pin)
        self.door = chat.door
        self.chat = chat
        self._product = product

    async def arrive(self) -> None:
        asked = await self._say("liên kết thẻ", "đăng nhập")
        await self._answered(asked)
        await self._link(asked)
        await self._until(lambda: any("Có phải bạn không" in text for _, text, _ in self.chat.shown()))
        linked = await self._press(Button("Đúng, là mình", ""), "đã liên kết")
        await self._answered(linked)
        assert "đã liên kết" in linked.words(), linked.words()

    async def leave(self) -> None:
        await self.http.aclose()

    async def _say(self, text: str, expected: str) -> Said:
        return self._note(self.chat.says(text), expected)

    async def _press(self, which: Button, expected: str) -> Said:
        return self._note(self.chat.chooses(which.title), expected)

    def _note(self, key: str, expected: str) -> Said:
        now = time.monotonic()
        self.said.append(Said(key, expected, now, now))
        return self.said[-1]

    async def _answered(self, said: Said) -> None:
        await self._until(lambda: self._is_shown(said))

    def _is_shown(self, said: Said) -> bool:
        """Return whether the final reply was sent as a whole, and note it."""
        rows = self._product.rows(FINALS, self.door, self.chat.address, said.stored)
        said.finals = [json.loads(body) for body, _state in rows]
        if rows and rows[0][1] == "sent":
            said.answered_at = said.answered_at or time.monotonic()
        return said.answered_at is not None

    async def _until(self, what: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while not what():
                    await asyncio.sleep(LOOK_EVERY_S)

    def sent(self) -> list[str]:
        """Return the channel's id of each bubble that the product knows to have sent, in order."""
        rows = self._product.rows(SENT, self.door, self.chat.address)
        return [sent_id for (sent_ids,) in rows for sent_id, _ in json.loads(sent_ids)]

    def repeated(self) -> int:
        """Return how many bubbles stand in the chat whose sending was never noted, so that they were sent again."""
        return len({sent_id for sent_id, _, _ in self.chat.shown()} - set(self.sent()))

    def amiss(self) -> int:
        """Return how many bubbles were noted and not shown, or shown in another order than they were sent."""
        sent = self.sent()
        shown = [sent_id for sent_id, _, _ in self.chat.shown() if sent_id in set(sent)]
        return sum(one != other for one, other in itertools.zip_longest(shown, sent))


FINALS = """
    select r.body, d.state from messages m join conversations c on c.id = m.conversation_id
    join replies r on r.message_id = m.id and r.kind = 'final' left join deliveries d on d.reply_id = r.id
    where c.channel = ? and c.address = ? and m.client_id = ?"""
SENT = """
    select d.sent_ids from deliveries d join conversations c on c.id = d.conversation_id
    where c.channel = ? and c.address = ? and d.sent_parts > 0 order by d.reply_id"""


def _buttons(finals: list[list[dict[str, Any]]]) -> list[Button]:
    """Return the buttons of an answer that are said to us."""
    shown = [button for reply in finals[0] for button in reply["buttons"]] if finals else []
    return [Button(button["title"], button["payload"]) for button in shown if button["payload"]]


@dataclass
class Killer:
    """Kills each part so many times at random moments, and measures how long the gateway is away."""

    product: Product
    away_s: list[float] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    async def kill_all(self, gateway: int, rasa: int) -> None:
        await asyncio.gather(self._gateway(gateway), self._rasa(rasa, gateway))

    async def _gateway(self, times: int) -> None:
        while self.killed["gateway"] < times:
            await asyncio.sleep(random.uniform(0.1, 3.0))
            killed_at = await self._kill("gateway")
            if random.random() < 0.1:  # once more while it is starting
                await asyncio.sleep(random.uniform(0.1, 1.5))
                killed_at = await self._kill("gateway")
            await self._until_healthy()
            self.away_s.append(time.monotonic() - killed_at)

    async def _rasa(self, times: int, gateway: int) -> None:
        """Spread over the gateway's kills; each time Rasa has started again, or is about to."""
        while self.killed["rasa"] < times:
            if self.killed["gateway"] * times >= self.killed["rasa"] * gateway:
                await asyncio.sleep(random.uniform(0.0, 3.0))
                await self._kill("rasa")
            await asyncio.sleep(0.5)

    async def _kill(self, name: str) -> float:
        while True:
            child = await asyncio.to_thread(self.product.child, name)
            with contextlib.suppress(psutil.NoSuchProcess):
                if child:
                    child.kill()
                    self.killed[name] += 1
                    return time.monotonic()
            await asyncio.sleep(0.02)

    async def _until_healthy(self) -> None:
        async with httpx.AsyncClient(timeout=2) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.product.url}/healthz")).status_code == 200:
                        return
                await asyncio.sleep(0.02)


@dataclass
class Report:
    """What the kills cost. All but the counts of deeds and the waits ought to be 0."""

    gateway_kills: int
    rasa_kills: int
    seconds: float
    messages: dict[str, int]  # by door
    resent: int
    lost: int
    doubled: int
    out_of_order: int
    answered_wrongly: int  # the answer does not fit the question
    answered_without_rasa: int
    renewals_told: int
    renewals_done: int
    renewals_amiss: int  # loans renewed more or less often than the patron was told
    left_unanswered: int
    left_unsent: int
    dead_letters: int
    repeated_bubbles: dict[str, int]  # by door: shown again because of a kill between sending and noting it
    strangers_heard: int  # conversations in which our own words were taken for a person's
    patrons_words_in_log: int
    longest_acknowledgement_s: float
    longest_wait_s: float
    median_wait_s: float
    gateway_away_median_s: float
    gateway_away_longest_s: float

    def promises_kept(self) -> bool:
        broken = (self.lost, self.doubled, self.out_of_order, self.answered_wrongly, self.renewals_amiss)
        left = (self.left_unanswered, self.left_unsent, self.dead_letters, self.strangers_heard)
        return not any((*broken, *left, self.patrons_words_in_log)) and self.renewals_told > 0


def furnish(var: Path) -> list[tuple[str, str]]:
    """Put a library into `var` whose patrons renew without end; return their cards and PINs."""
    copy_library(var)
    items = [
        ItemRow(
            record_id=record.record_id,
            title=record.full_title,
            barcode=item.barcode,
            branch=item.branch,
            call_number=item.call_number,
            room=item.room,
            reading_only=item.reading_only,
        )
        for record in Catalogue(var / "catalogue.sqlite")
        for item in record.items
    ]
    titles = list(dict.fromkeys(item.title for item in items if not item.reading_only))
    cards = [(f"DT9{number:05}", f"{number:06}") for number in range(3 * EACH_DOOR)]
    branches = [{"code": code, "name": code, "name_en": code} for code in sorted({item.branch for item in items})]
    patrons = [
        {
            "card": card,
            "pin": pin,
            "name": f"Bạn đọc {card}",
            "category": "người lớn",
            "home": items[0].branch,
            "loans": [
                {"title": title, "due_in_days": 5, "renewals": RENEWED_BEFORE}
                for title in titles[number * LOANS_EACH :][:LOANS_EACH]
            ],
        }
        for number, (card, pin) in enumerate(cards)
    ]
    file = var / "patrons.yml"
    file.write_text(yaml.safe_dump({"branches": branches, "patrons": patrons}, allow_unicode=True), encoding="utf-8")
    load_library(var / "ils.sqlite", items, read_patron_file(file), wall_clock().date())
    return cards


async def talk_and_kill(
    product: Product, pushed: list[Chat], cards: list[tuple[str, str]], gateway: int, rasa: int
) -> Report:
    started = time.monotonic()
    at_web = [WebPatron(product.url, card, pin) for card, pin in cards[:EACH_DOOR]]
    elsewhere = [PushedPatron(product, chat, *own) for chat, own in zip(pushed, cards[EACH_DOOR:], strict=True)]
    patrons: list[Patron] = [*at_web, *elsewhere]
    await asyncio.gather(*(patron.arrive() for patron in patrons))
    stopping, killer = asyncio.Event(), Killer(product)
    talks = [asyncio.create_task(patron.talk(stopping)) for patron in patrons]
    await killer.kill_all(gateway, rasa)
    stopping.set()
    await asyncio.gather(*talks)
    await _until_all_is_sent(product)
    for patron in patrons:
        await patron.leave()
    return counted(product, at_web, elsewhere, killer, time.monotonic() - started)


async def _until_all_is_sent(product: Product) -> None:
    """Wait for what is still on its way, and a moment more for a second answer that should not come."""
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    while product.rows(WAITING)[0][0] and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY_S)
    await asyncio.sleep(2)


WAITING = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"


def counted(
    product: Product, at_web: list[WebPatron], elsewhere: list[PushedPatron], killer: Killer, seconds: float
) -> Report:
    patrons: list[Patron] = [*at_web, *elsewhere]
    repeated = Counter[str]()
    for pushed in elsewhere:
        repeated[pushed.door] += pushed.repeated()
    said = [one for patron in patrons for one in patron.said]
    waits = sorted(one.answered_at - one.sent_at for one in said if one.answered_at)
    away = sorted(killer.away_s)
    without = [one for one in said if "đang khởi động lại" in one.words()]
    wrong = [one for one in said if one.finals and one not in without and one.expected not in one.words()]
    for one in wrong[:5]:
        print(f"expected {one.expected!r}: {one.words()[:300]}", file=sys.stderr)
    told = Counter(title for one in said for title in re.findall(r"“([^”]+)”: hạn mới", one.words()))
    query = "SELECT title, renewals FROM loans JOIN items USING (barcode) JOIN records USING (record_id)"
    done = {title: count - RENEWED_BEFORE for title, count in product.rows(query, database="ils.sqlite")}
    unanswered = product.rows("SELECT count(*) FROM messages WHERE answered_at IS NULL")[0][0]
    return Report(
        gateway_kills=killer.killed["gateway"],
        rasa_kills=killer.killed["rasa"],
        seconds=round(seconds, 1),
        messages=dict(Counter(patron.door for patron in patrons for _ in patron.said)),
        resent=sum(patron.resent for patron in patrons),
        lost=sum(one.answered_at is None or one.answered_at - one.sent_at > ANSWERED_WITHIN_S for one in said),
        doubled=sum(len(one.finals) > 1 for one in said) + sum(_too_many(patron) for patron in at_web),
        out_of_order=sum(_out_of_order(patron) for patron in at_web) + sum(pushed.amiss() for pushed in elsewhere),
        answered_wrongly=len(wrong),
        answered_without_rasa=len(without),
        renewals_told=sum(told.values()),
        renewals_done=sum(done.values()),
        renewals_amiss=sum(told[title] != count for title, count in done.items()),
        left_unanswered=unanswered,
        left_unsent=product.rows(WAITING)[0][0],
        dead_letters=product.rows("SELECT count(*) FROM deliveries WHERE state = 'dead'")[0][0],
        repeated_bubbles=dict(repeated),
        strangers_heard=product.rows("SELECT count(*) FROM replies WHERE kind = 'person'")[0][0],
        patrons_words_in_log=product.output().count(CANARY),
        longest_acknowledgement_s=round(max(one.acknowledged_at - one.sent_at for one in said), 2),
        longest_wait_s=round(waits[-1], 2),
        median_wait_s=round(waits[len(waits) // 2], 2),
        gateway_away_median_s=round(away[len(away) // 2], 2),
        gateway_away_longest_s=round(away[-1], 2),
    )


def _too_many(patron: WebPatron) -> int:
    """Return how many replies the stream brought twice, or to a message that was taken for two."""
    twice = len(patron.heard) - len({reply_id for reply_id, _, _ in patron.heard})
    known = {one.stored for one in patron.said}
    return twice + sum(kind == "final" and message not in known for _, message, kind in patron.heard)


def _out_of_order(patron: WebPatron) -> int:
    """Return how many finals came before one to an earlier message."""
    place = {one.stored: number for number, one in enumerate(patron.said)}
    came = [place[message] for _, message, kind in patron.heard if kind == "final" and message in place]
    return sum(later < earlier for earlier, later in itertools.pairwise(came))


def run(folder: Path, gateway: int, rasa: int) -> Report:
    """Return the report of one run in `folder`."""
    return asyncio.run(_run(folder, furnish(folder / "var"), gateway, rasa))


async def _run(folder: Path, cards: list[tuple[str, str]], gateway: int, rasa: int) -> Report:
    async with open_house(folder) as (product, channels):
        return await talk_and_kill(product, chats(channels, EACH_DOOR), cards, gateway, rasa)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gateway", type=int, default=300)
    options.add_argument("--rasa", type=int, default=50)
    chosen = options.parse_args()
    report = run(Path(tempfile.mkdtemp(prefix="thuthu-kills-")), chosen.gateway, chosen.rasa)
    print(json.dumps(asdict(report)))
    sys.exit(not report.promises_kept())


if __name__ == "__main__":
    main()
