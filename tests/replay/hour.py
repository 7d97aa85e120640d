"""An hour of webhooks as Telegram and Zalo would bring them: thirty patrons, everything that they and staff may do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice

from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Zalo

EACH_DOOR = 15
FIRST_CHAT = 2**53 + 1
AN_HOUR_S = 3600.0
ACTS_EACH = 7
ADDRESSES = tuple(str(FIRST_CHAT + 2 * number) for number in range(2 * EACH_DOOR))
AT_TELEGRAM, AT_ZALO = ADDRESSES[:EACH_DOOR], ADDRESSES[EACH_DOOR:]
WITH_STAFF = frozenset(AT_ZALO[:3])  # somebody answers them in Zalo's own console
WITHDREW = AT_ZALO[3]
NAMES = {address: f"an{number}" for number, address in enumerate(ADDRESSES)}  # long numbers are masked in messages
DEEDS = ("gia hạn", "giữ chỗ", "gặp thủ thư")


@dataclass(frozen=True)
class Webhook:
    """One delivery as it was recorded."""

    door: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Hour:
    """What was recorded, and what came into it."""

    webhooks: list[Webhook] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)  # by address: every message in words, each said once
    others: dict[str, int] = field(default_factory=dict)  # by address: photos, taps, commands and the like
    spoken_by_others: int = 0
    unreadable: int = 0

    async def keep(self, door: str, headers: Mapping[str, str], body: bytes) -> int:
        self.webhooks.append(Webhook(door, dict(headers), body))
        return 200

    def said(self, address: str, text: str) -> str:
        self.words.setdefault(address, []).append(text)
        return text

    def did(self, address: str) -> None:
        self.others[address] = self.others.get(address, 0) + 1


async def live_through(hour: Hour, telegram: TelegramServer, zalo: Zalo) -> None:
    """Let the hour pass; the channels hand what happens to `hour.keep`."""
    acts = {"telegram": cycle(TELEGRAM_ACTS), "zalo": cycle(ZALO_ACTS)}
    turns = ACTS_EACH * len(ADDRESSES)
    for number, address in enumerate(islice(cycle(ADDRESSES), turns)):
        await asyncio.sleep(AN_HOUR_S / turns)
        if address in AT_TELEGRAM:
            next(acts["telegram"])(hour, telegram, address, number)
        elif address in WITH_STAFF:
            _with_staff(hour, zalo, address, number)
        else:
            next(acts["zalo"])(hour, zalo, address, number)
    zalo.withdraws(WITHDREW)
    telegram.hears_bytes(int(AT_TELEGRAM[0]), "message", '{"update_id": 1, "message": "this is no message"}')
    zalo.happens(AT_ZALO[5], {"event_name": "user_send_text", "message": "this is no message"})
    hour.unreadable += 2
    await telegram.courier.idle()
    await zalo.webhooks.idle()


def _words_at_telegram(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.says(int(address), hour.said(address, f"câu {number} ~{NAMES[address]}"))


def _deed_at_telegram(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.says(int(address), hour.said(address, f"{DEEDS[number % 3]} {number} ~{NAMES[address]}"))


def _photo_at_telegram(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.writes(int(address), photo=[{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}])
    hour.did(address)


def _edit(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.edits(int(address), 900_000 + number, hour.said(address, f"sửa {number} ~{NAMES[address]}"))


def _old_tap(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.taps_data(int(address), f"a-token-that-nobody-knows-{number}")
    hour.did(address)


def _command(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.says(int(address), "/privacy")
    hour.did(address)


def _away_and_back(hour: Hour, server: TelegramServer, address: str, number: int) -> None:
    server.blocks(int(address))
    server.unblocks(int(address))


def _words_at_zalo(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.says(user, hour.said(user, f"câu {number} ~{NAMES[user]}"))


def _deed_at_zalo(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.says(user, hour.said(user, f"{DEEDS[number % 3]} {number} ~{NAMES[user]}"))


def _sticker(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.sends(user, "sticker")
    hour.did(user)


def _place(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.sends(user, "location", "Thư viện tỉnh")
    hour.did(user)


def _follow(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.unfollows(user)
    zalo.follows(user)


def _of_no_use(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.submits_info(user, {"name": "Bạn đọc", "phone": "84912345678"})
    zalo.happens(user, {"event_name": "user_seen_message", "message": {"msg_ids": ["a", "b"]}})


def _with_staff(hour: Hour, zalo: Zalo, user: str, number: int) -> None:
    zalo.says(user, hour.said(user, f"câu {number} ~{NAMES[user]}"))
    if len(hour.words[user]) == 2:
        zalo.staff_says(user, f"Thủ thư trả lời {number} ~{NAMES[user]}")
        hour.spoken_by_others += 1


TELEGRAM_ACTS: tuple[Callable[[Hour, TelegramServer, str, int], None], ...] = (
    _words_at_telegram,
    _deed_at_telegram,
    _photo_at_telegram,
    _edit,
    _old_tap,
    _command,
    _deed_at_telegram,
    _away_and_back,
)
ZALO_ACTS: tuple[Callable[[Hour, Zalo, str, int], None], ...] = (
    _words_at_zalo,
    _deed_at_zalo,
    _sticker,
    _deed_at_zalo,
    _place,
    _follow,
    _deed_at_zalo,
    _of_no_use,
)
