"""Where Telegram knocks: the secret first, then the body, then 200 once it is stored."""

from __future__ import annotations

import asyncio
import hmac
import logging

from fastapi import APIRouter, Request, Response, status
from starlette.requests import ClientDisconnect

from connectors.channels.port import Reception
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.intake import Intake

logger = logging.getLogger(__name__)

PATH = "/telegram/webhook"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a name
MAX_BODY = 1024 * 1024  # bytes
WARN_AGAIN_S = 60.0


def telegram_router(door: TelegramDoor, reception: Reception, secret: str) -> APIRouter:
    """Return the route under /telegram. 200: stored or parked; 403: not Telegram; 413: too large; 503: come again."""
    router = APIRouter(max_body_size=MAX_BODY)
    intake = Intake(door, reception)
    expected = secret.encode()
    warned_at = float("-inf")

    def warn_of_strangers() -> None:
        nonlocal warned_at
        now = asyncio.get_running_loop().time()
        if now - warned_at >= WARN_AGAIN_S:
            warned_at = now
            logger.warning("somebody knocked with a wrong secret: a stranger, or Telegram before a restart")

    @router.post(PATH, include_in_schema=False)
    async def webhook(request: Request) -> Response:
        shown = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, expected):
            warn_of_strangers()
            return Response(status_code=status.HTTP_403_FORBIDDEN)
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=status.HTTP_400_BAD_REQUEST)
        try:
            await intake.take_in(body)
        except Exception as exc:
            logger.warning("an update is to come again error=%s", type(exc).__name__)
            return Response(status_code=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response()

    return router
