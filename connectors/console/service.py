"""Signing in by the library's own service instead of a password, where the library has one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request, Response

from connectors.console.drawing import Drawer, see_other
from connectors.console.gate import open_to_all, set_cookie
from connectors.console.places import SIGN_IN, page_or_root
from connectors.console.sign_in import browser_of, let_in
from connectors.console.staff import StaffDoor
from connectors.staff.oidc import ServiceAway, SignInRefused, SignInService
from connectors.tokens import new_token

logger = logging.getLogger(__name__)

START = f"{SIGN_IN}/service"
BACK = f"{START}/back"
COOKIE = "console_service"
LASTS_S = 600


@dataclass(frozen=True)
class ServiceDoor:
    """The service, the name on its button, and the address of ours that it sends people back to."""

    service: SignInService
    label: str
    back: str


def add_service(router: APIRouter, staff: StaffDoor, draw: Drawer, door: ServiceDoor) -> None:
    def refused(why: str) -> Response:
        answer = draw("service_refused", 403, why=why)
        answer.delete_cookie(COOKIE, path=SIGN_IN)
        return answer

    @router.get(START)
    @open_to_all
    async def start_at_service(request: Request) -> Response:
        wanted, bound_to = page_or_root(request.query_params.get("next", "")), new_token()
        try:
            sent = see_other(await door.service.address(bound_to, door.back))
        except ServiceAway as exc:
            logger.warning("sign-in service away why=%s", exc)
            return refused("away")
        # Lax: the browser comes back from another site, which would leave a strict cookie behind.
        value = f"{bound_to}.{quote(wanted, safe='')}"
        set_cookie(sent, request, COOKIE, value, SIGN_IN, LASTS_S, samesite="lax")
        return sent

    @router.get(BACK)
    @open_to_all
    async def back_from_service(request: Request, state: str = "", code: str = "", iss: str = "") -> Response:
        bound_to, _, wanted = request.cookies.get(COOKIE, "").partition(".")
        try:
            person = await door.service.person(bound_to, door.back, state, code, iss)
        except ServiceAway as exc:
            logger.warning("sign-in service away why=%s", exc)
            return refused("away")
        except SignInRefused as exc:
            logger.warning("sign-in by service refused why=%s", exc)
            return refused("proof")
        token = await staff.welcome(person.subject, person.email, browser_of(request))
        if token is None:
            return refused("unknown")
        # A page and no redirect: the session's strict cookie is not sent on a way that began at another site.
        wanted = page_or_root(unquote(wanted))
        return let_in(request, staff, token, draw("service_done", wanted=wanted), also=(COOKIE,))
