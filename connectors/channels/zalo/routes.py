"""The address that Zalo's webhooks come to: verified, stored, and only then answered with 200.

401: not signed with our secret, or too old to be a retry. 413: larger than any event. 503: not stored, so that Zalo
sends it again. All else that is genuine gets 200, even what we cannot understand: that is parked, as sending it again
would change nothing.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response, status

from connectors.channels.port import Arrival, Happening, Reception
from connectors.channels.zalo.events import CHANNEL, Account, Event, Malformed, is_probe, parse
from connectors.channels.zalo.refusals import Alarm, Refusals
from connectors.channels.zalo.signature import HEADER, is_fresh, is_genuine, matching_secret, timestamp_of
from connectors.clock import Clock

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # bytes


def zalo_router(
    reception: Reception,
    ours: Account,
    *,
    oa_secret: str,
    app_secret: str,
    clock: Clock,
    alarm: Alarm = lambda _channel, _reason: None,
) -> APIRouter:
    """Return the route /zalo/webhook. `app_secret` signs nothing: it only tells when the two were mistaken.

    `alarm("zalo", reason)` is told when so many webhooks are refused that real ones may be lost.
    """
    router = APIRouter(prefix="/zalo", tags=["zalo"], max_body_size=MAX_BODY)
    refusals = Refusals(clock, alarm)

    def refusal(header: str, body: bytes) -> str | None:
        """Return why this delivery is refused, or None."""
        if not header:
            return "unsigned"
        if not is_genuine(header, ours.app_id, body, oa_secret):
            mistaken = matching_secret(header, ours.app_id, body, {"app_secret": app_secret})
            return "signed_with_app_secret" if mistaken else "signature"
        return None if is_fresh(timestamp_of(body), clock()) else "stale"

    @router.api_route("/webhook", methods=["GET", "HEAD"], include_in_schema=False)
    async def webhook_is_here() -> Response:
        """Say that the address exists: Zalo's console and its domain check look."""
        return Response()

    @router.post("/webhook")
    async def webhook(request: Request) -> Response:
        """Take in one event of the Official Account."""
        body = await request.body()
        if is_probe(body):
            return Response()
        if reason := refusal(request.headers.get(HEADER, ""), body):
            refusals.add(reason)
            return Response(status_code=status.HTTP_401_UNAUTHORIZED)
        try:
            await _store(reception, parse(body, ours), body)
        except Exception as exc:
            # Of the cause only its class: a database's error repeats what was to be stored.
            logger.error("an event could not be stored channel=zalo error=%s", type(exc).__name__)
            return Response(status_code=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response()

    return router


async def _store(reception: Reception, event: Event, body: bytes) -> None:
    if isinstance(event, Arrival):
        await reception.receive(event)
    elif isinstance(event, Happening):
        await reception.note(event)
    elif isinstance(event, Malformed):
        logger.warning("parked an event channel=zalo reason=%s", event.reason)
        await reception.park(CHANNEL, event.reason, body)
    else:
        logger.info("ignored an event channel=zalo reason=%s", event.reason)
