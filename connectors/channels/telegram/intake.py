"""Hands what an update tells to the reception; the same for updates that are pushed to us and that we fetch."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict

from connectors.channels.port import Arrival, Happening, Reception
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.updates import CHANNEL, Heard, Malformed, parse

logger = logging.getLogger(__name__)

TRIES = 5
REMEMBERED = 1000


class Intake:
    """An update that alone cannot be stored, time and again, is parked: it would keep all after it from coming."""

    def __init__(self, door: TelegramDoor, reception: Reception) -> None:
        self._door = door
        self._reception = reception
        self._failures: OrderedDict[str, int] = OrderedDict()

    async def take_in(self, body: bytes) -> None:
        """Return once the update is stored for good, or parked. Raises what the store raises: it must come again."""
        heard = parse(body, self._door.me)
        if isinstance(heard, Malformed):
            await self._reception.park(CHANNEL, heard.reason, body)
            return
        await self._store(heard, body)
        if heard.tap:
            self._door.answer_tap(heard.tap)
        if heard.called_from:
            self._door.invite(heard.called_from)

    async def _store(self, heard: Heard, body: bytes) -> None:
        which = hashlib.sha256(body).hexdigest()
        try:
            await self._hand_in(heard.news)
        except Exception as exc:
            tries = self._failures.pop(which, 0) + 1
            self._failures[which] = tries
            if len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)
            # Only the kind of error: a database's words repeat what was to be stored.
            logger.error("update=%s is not stored tries=%s error=%s", heard.update_id, tries, type(exc).__name__)
            if tries < TRIES:
                raise
            await self._reception.park(CHANNEL, "not_storable", body)
        self._failures.pop(which, None)

    async def _hand_in(self, news: Arrival | Happening | None) -> None:
        if isinstance(news, Arrival):
            await self._reception.receive(news)
        elif news is not None:
            await self._reception.note(news)
