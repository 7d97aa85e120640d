"""Somebody who knows the addresses, and sometimes the secrets; and what the product has stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import Connection, select

from connectors.channels.telegram.routes import PATH as TELEGRAM_PATH
from connectors.channels.telegram.routes import SECRET_HEADER
from connectors.store import metadata
from tests.doors.house import SECRET, House
from tests.simulators.zalo_webhooks import signed

ZALO_PATH = "/zalo/webhook"
SIGNATURE = "X-ZEvent-Signature"
# What comes and goes by itself, whatever is said.
RESTLESS = frozenset({"staff_sessions", "login_failures"})


@dataclass
class Attacker:
    house: House

    async def telegram(self, body: bytes, secret: str | None = SECRET) -> httpx.Response:
        """Return the answer to a webhook that says it is Telegram's."""
        headers = {"Content-Type": "application/json"} | ({} if secret is None else {SECRET_HEADER: secret})
        return await self.house.web.post(TELEGRAM_PATH, content=body, headers=headers)

    async def zalo(self, body: bytes, signature: str | None = None, **headers: str) -> httpx.Response:
        """Return the answer to a webhook that says it is Zalo's; signed as it ought to be, if nothing else is given."""
        given = self.signature(body) if signature is None else signature
        sent = {"Content-Type": "application/json", **({SIGNATURE: given} if given else {}), **headers}
        return await self.house.web.post(ZALO_PATH, content=body, headers=sent)

    def signature(self, body: bytes, secret: str | None = None) -> str:
        """Return the signature over the body and the time that it names."""
        try:
            stamp = json.loads(body).get("timestamp", "")
        except (ValueError, AttributeError, RecursionError):
            stamp = self.now_ms()
        at = stamp if isinstance(stamp, str) and stamp.isascii() else ""
        return signed(self.house.zalo.app_id, secret or self.house.zalo.oa_secret, body, at)

    def now_ms(self) -> str:
        return str(int(self.house.clock().timestamp() * 1000))

    def update(self, chat: int, text: str, update_id: int = 1, message_id: int = 1, **more: Any) -> dict[str, Any]:
        """Return an update of Telegram's in which this chat writes."""
        message = {
            "message_id": message_id,
            "date": int(self.house.clock().timestamp()),
            "chat": {"id": chat, "type": "private"},
            "from": {"id": chat, "is_bot": False, "first_name": "An"},
            "text": text,
            **more,
        }
        return {"update_id": update_id, "message": message}

    def event(self, user: str, text: str, msg_id: str = "m1", **more: Any) -> dict[str, Any]:
        """Return an event of Zalo's in which this user writes."""
        zalo = self.house.zalo
        return {
            "app_id": zalo.app_id,
            "sender": {"id": user},
            "recipient": {"id": zalo.oa_id},
            "event_name": "user_send_text",
            "message": {"text": text, "msg_id": msg_id},
            "timestamp": self.now_ms(),
            **more,
        }

    async def stored(self) -> dict[str, Any]:
        """Return every row that the gateway keeps, by table."""
        return await self.house.read(_rows)  # type: ignore[no-any-return]

    async def alive(self) -> bool:
        return (await self.house.web.get("/healthz")).status_code == 200


def _rows(db: Connection) -> Mapping[str, Any]:
    tables = [table for table in metadata.sorted_tables if table.name not in RESTLESS]
    return {table.name: sorted(map(repr, db.execute(select(table)))) for table in tables}


def as_bytes(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
