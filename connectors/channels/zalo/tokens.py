"""The access token, refreshed before it ends; refreshing is the dangerous part.

A refresh token works once, and using it ends both tokens of the old pair. So only one refresh runs at a time, also
among processes, and the new pair is on disk before the new access token is used. Between Zalo's answer and our file
lies nothing but reading the answer; a crash right there, or an answer that never arrives, still loses the pair. Then
the next refresh is refused, the door shuts with an alarm, and a person must get a new refresh token from Zalo.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

import httpx

from connectors.channels.port import DoorShut, TryLater
from connectors.channels.zalo.errors import RATE_LIMIT
from connectors.channels.zalo.tokenfile import TokenFile, TokenPair, origin
from connectors.clock import Clock

logger = logging.getLogger(__name__)

REFRESH = "/v4/oa/access_token"
LIFETIME_S = 90_000.0  # 25 h, when Zalo does not say
EARLY = timedelta(hours=1)  # refreshed so long before the end
REST = timedelta(minutes=1)  # after a refresh that came too early to be urgent and failed
TOO_YOUNG = timedelta(minutes=5)  # refused so soon after its birth, a token is not the reason
TIMEOUT_S = 30.0
LOST = (
    "Zalo does not take the refresh token any more: it was used elsewhere, a crash lost its successor, or three months "
    "are over. Get a new one in Zalo's API explorer, put it where [zalo] refresh_token points to, and restart."
)


class Tokens:
    """`settings_token` starts the first pair; another one than the kept pair descends from was given to start anew."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        oauth: str,
        file: TokenFile,
        clock: Clock,
        *,
        app_id: str,
        app_secret: str,
        settings_token: str,
    ) -> None:
        self._client = client
        self._url = oauth.rstrip("/") + REFRESH
        self._file = file
        self._clock = clock
        self._app_id = app_id
        self._app_secret = app_secret
        self._settings_token = settings_token
        self._pair: TokenPair | None = None
        self._unwritten: TokenPair | None = None  # Zalo gave it, and the disk did not take it
        self._dead: set[str] = set()  # refresh tokens that Zalo refused: asking again would be hammering
        self._rest_until: datetime | None = None
        self._running: asyncio.Task[TokenPair] | None = None

    async def access(self) -> str:
        """Return an access token that has not ended. Raises DoorShut when a person must give a new refresh token."""
        pair, now = self._pair or self._kept(), self._clock()
        if pair is None or pair.expires_at <= now:
            pair = await self._refreshed(pair)
        elif pair.expires_at - EARLY <= now and (self._rest_until is None or self._rest_until <= now):
            pair = await self._refreshed_early(pair)
        self._pair = pair
        return pair.access

    async def after_refusal(self, refused: str) -> str:
        """Return another access token than the one just refused."""
        pair = self._kept() or self._pair  # first the file: another process may have refreshed it
        if pair is None or pair.access == refused:
            if pair and self._clock() - pair.issued_at < TOO_YOUNG:
                raise DoorShut("zalo_token_refused")
            pair = await self._refreshed(pair)
        self._pair = pair
        return pair.access

    async def close(self) -> None:
        """Return when no refresh is under way any more: one that is cut short loses the pair."""
        if self._running and not self._running.done():
            await asyncio.wait({self._running})

    async def _refreshed_early(self, pair: TokenPair) -> TokenPair:
        """Return the pair's successor, or for now the pair itself when Zalo is too busy to give one."""
        try:
            return await self._refreshed(pair)
        except TryLater:
            self._rest_until = self._clock() + REST
            return pair

    async def _refreshed(self, old: TokenPair | None) -> TokenPair:
        """Return the successor of this pair, by the one refresh that is under way or a new one.

        The refresh goes on when the caller is cancelled: its answer must reach the file.
        """
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh(old))
        return await asyncio.shield(self._running)

    async def _refresh(self, old: TokenPair | None) -> TokenPair:
        async with self._file.locked():
            if self._unwritten:
                return self._commit(self._unwritten)
            kept = self._kept() or old
            if kept and (old is None or kept.access != old.access):  # another process was faster
                return kept
            refresh = kept.refresh if kept else self._settings_token
            if refresh in self._dead:
                raise DoorShut("zalo_token")
            response = await self._ask(refresh)
            return self._commit(self._pair_in(response, refresh))  # nothing is awaited between answer and disk

    def _kept(self) -> TokenPair | None:
        kept = self._file.read()
        return kept if kept and kept.born_of == origin(self._settings_token) else None

    async def _ask(self, refresh: str) -> httpx.Response:
        form = {"refresh_token": refresh, "app_id": self._app_id, "grant_type": "refresh_token"}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._client.post(
                    self._url, data=form, headers={"secret_key": self._app_secret}, timeout=TIMEOUT_S
                )
        except (TimeoutError, httpx.HTTPError) as exc:
            logger.warning("no answer to a token refresh error=%s", type(exc).__name__)
            raise TryLater("zalo_token_no_answer") from exc

    def _pair_in(self, response: httpx.Response, used: str) -> TokenPair:
        held, now = _object(response), self._clock()
        access, refresh = held.get("access_token"), held.get("refresh_token")
        if not (isinstance(access, str) and isinstance(refresh, str)):
            raise self._refused(response, held, used)
        expires_at = now + timedelta(seconds=_seconds(held.get("expires_in")))
        return TokenPair(access, refresh, now, expires_at, origin(self._settings_token))

    def _commit(self, pair: TokenPair) -> TokenPair:
        """Return the pair, on disk. Raises DoorShut when the disk does not take it; it is not forgotten then."""
        self._unwritten = pair
        try:
            self._file.write(pair)
        except OSError as exc:
            logger.error("the new Zalo tokens cannot be written; they are lost if this process ends error=%s", exc)
            raise DoorShut("zalo_token_file") from exc
        self._unwritten = None
        logger.info("refreshed the token channel=zalo until=%s", pair.expires_at.isoformat())
        return pair

    def _refused(self, response: httpx.Response, held: dict[str, Any], used: str) -> TryLater | DoorShut:
        code = held.get("error")
        if response.status_code == 429 or response.status_code >= 500 or code is None or str(code) == str(RATE_LIMIT):
            return TryLater("zalo_token_busy")
        self._dead.add(used)
        logger.error("%s error=%s", LOST, code if isinstance(code, int) else "?")
        return DoorShut("zalo_token")


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        held = response.json()
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _seconds(written: object) -> float:
    return float(written) if isinstance(written, str | int) and str(written).isdecimal() else LIFETIME_S
