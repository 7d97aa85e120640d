"""The sign-in page, signing out, and what every page is dressed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from connectors.console.drawing import ASSETS, PAGES, Drawer, see_other
from connectors.console.gate import FORM_COOKIE, SESSION_COOKIE, Posted, SignedIn, needs, open_to_all, set_cookie
from connectors.console.places import ASSETS as ASSETS_AT
from connectors.console.places import ROOT, SIGN_IN, SIGN_OUT, page_or_root
from connectors.console.staff import StaffDoor, csrf_of
from connectors.tokens import new_token


def add_sign_in(router: APIRouter, staff: StaffDoor, draw: Drawer) -> None:
    def sign_in_form(request: Request, wanted: str, failed: bool) -> Response:
        bound_to = request.cookies.get(FORM_COOKIE) or new_token()
        shown = draw("sign_in", 403 if failed else 200, csrf=csrf_of(bound_to), wanted=wanted, failed=failed)
        set_cookie(shown, request, FORM_COOKIE, bound_to, SIGN_IN, None)
        return shown

    @router.get(SIGN_IN)
    @open_to_all
    async def show_sign_in(request: Request) -> Response:
        return sign_in_form(request, page_or_root(request.query_params.get("next", "")), failed=False)

    @router.post(SIGN_IN)
    @open_to_all
    async def sign_in(request: Request, form: Posted) -> Response:
        wanted = page_or_root(form.get("next", ""))
        token = await staff.sign_in(form.get("name"), form.get("password", ""))
        if token is None:
            return sign_in_form(request, wanted, failed=True)
        opened = see_other(wanted)
        set_cookie(opened, request, SESSION_COOKIE, token, ROOT, int(staff.session_lasts.total_seconds()))
        opened.delete_cookie(FORM_COOKIE, path=SIGN_IN)
        return opened

    @router.post(SIGN_OUT)
    @needs()
    async def sign_out(request: Request, _visitor: SignedIn) -> Response:
        await staff.sign_out(request.cookies[SESSION_COOKIE])
        left = see_other(SIGN_IN)
        left.delete_cookie(SESSION_COOKIE, path=ROOT)
        return left

    for name, media_type in ASSETS.items():
        router.add_api_route(f"{ASSETS_AT}/{name}", _serving(name, media_type))


def _serving(name: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    @open_to_all
    async def serve() -> Response:
        return FileResponse(PAGES.with_name(name), media_type=media_type, headers={"Cache-Control": "max-age=86400"})

    return serve
