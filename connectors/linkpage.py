"""The one-time page where card number and PIN are typed: GET shows it, POST uses it up.

For a child's card a second page follows, on which a guardian consents.

Nothing typed here reaches the chat, a log or an address. The page carries no script, loads nothing from elsewhere,
cannot be framed, and is never stored. Only where a library wants Zalo's widget does the answer to a log-in load it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Header, Request, Response, status
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.account import Login, LoginResult, PageState, StoredLinks
from connectors.guardian import LONGEST, Guardian
from connectors.messages import sentence

PAGES = Path(__file__).with_name("pages")
MAX_BODY = 2048  # bytes: a card number and a PIN with room to spare
SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}
STATUS = {
    LoginResult.DONE: status.HTTP_200_OK,
    LoginResult.GUARDIAN: status.HTTP_200_OK,
    LoginResult.WRONG: status.HTTP_403_FORBIDDEN,
    LoginResult.GONE: status.HTTP_410_GONE,
    LoginResult.AWAY: status.HTTP_503_SERVICE_UNAVAILABLE,
}

# Zalo's widget is a script of Zalo's, which draws a frame of Zalo's: on the page after a log-in alone.
WITH_ZALO = {
    **SAFE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' https://sp.zalo.me; "
        "frame-src https://*.zalo.me; connect-src https://*.zalo.me; img-src https://*.zalo.me https://*.zadn.vn; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True)
class ZaloWidget:
    """What Zalo's interaction widget wants to know; `token` comes back in a signed webhook, and only that counts."""

    app_id: str
    oa_id: str
    token: str


OnLogin = Callable[[Login], Awaitable[None]]
Offer = Callable[[Login], Awaitable[ZaloWidget | None]]
MayTry = Callable[[Request], bool]


async def _no_offer(_login: Login) -> ZaloWidget | None:
    return None


def link_router(
    links: StoredLinks, on_login: OnLogin, may_try: MayTry, *, library: str = "", offer: Offer = _no_offer
) -> APIRouter:
    """Return the routes of the page.

    `on_login` hears of every try on an open page, done or failed: the app tells the chat. `library` is the name shown.
    `may_try` says whether the caller's address has not tried too often. `offer` gives the widget that is shown after a
    log-in, if any.
    """
    router = APIRouter(prefix="/link", include_in_schema=False)
    templates = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def page(lang: str, outcome: str | None, code: int, zalo: ZaloWidget | None = None) -> HTMLResponse:
        """Return the page with the form, or with what became of it."""
        shown = {"lang": lang, "library": library, "say": _words(lang), "outcome": outcome, "zalo": zalo}
        html = templates.get_template("link.html").render(shown)
        return HTMLResponse(html, code, WITH_ZALO if zalo else SAFE)

    def guardian_page(lang: str, code: int, *, name: str = "", token: str = "", missing: bool = False) -> HTMLResponse:
        """Return the page on which a guardian consents; `token` is the address it posts to, none for its own."""
        shown = {"lang": lang, "library": library, "say": _words(lang), "name": name, "token": token}
        html = templates.get_template("guardian.html").render(**shown, missing=missing, longest=LONGEST)
        return HTMLResponse(html, code, SAFE)

    async def form_or_gone(token: str, lang: str, code: int) -> HTMLResponse:
        state = await links.page(token)
        if state is PageState.GUARDIAN:
            return guardian_page(lang, code)
        if state is PageState.OPEN:
            return page(lang, None, code)
        return page(lang, "gone", status.HTTP_410_GONE)

    async def consent(token: str, lang: str, fields: Mapping[str, str]) -> HTMLResponse:
        """Return what becomes of a guardian's form; one that is not whole links nothing, and the page stays good."""
        guardian = Guardian(fields.get("guardian", "").strip(), fields.get("relation", "").strip())
        if fields.get("agree") != "yes" or not guardian.complete:
            return guardian_page(lang, status.HTTP_422_UNPROCESSABLE_CONTENT, missing=True)
        login = await links.consent(token, guardian)
        if login.conversation_id:
            await on_login(login)
        return page(lang, login.result.value, STATUS[login.result])

    async def try_card(token: str, lang: str, fields: Mapping[str, str]) -> HTMLResponse:
        card, pin = fields.get("card", ""), fields.get("pin", "")
        if not card.strip() or not pin:  # an empty form is a slip, not a try: the page stays good
            return await form_or_gone(token, lang, status.HTTP_422_UNPROCESSABLE_CONTENT)
        login = await links.log_in(token, card, pin)
        if login.result is LoginResult.GUARDIAN:  # the chat hears of it once a guardian has consented
            return guardian_page(lang, status.HTTP_200_OK, name=login.name, token=login.consent_token)
        if login.conversation_id:
            await on_login(login)
        zalo = await offer(login) if login.result is LoginResult.DONE else None
        return page(lang, login.result.value, STATUS[login.result], zalo)

    @router.get("/zalo.js")
    async def script() -> Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=3600"}
        return FileResponse(PAGES / "zalo.js", media_type="text/javascript", headers=headers)

    @router.get("/page.css")
    async def style() -> Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=3600"}
        return FileResponse(PAGES / "link.css", media_type="text/css", headers=headers)

    @router.get("/{token}")
    async def show(token: str, accept_language: Annotated[str, Header()] = "") -> Response:
        lang = await links.language(token) or language(accept_language)
        return await form_or_gone(token, lang, status.HTTP_200_OK)

    @router.post("/{token}")
    async def log_in(token: str, request: Request, accept_language: Annotated[str, Header()] = "") -> Response:
        lang = await links.language(token) or language(accept_language)
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too long", status.HTTP_413_CONTENT_TOO_LARGE, SAFE)
        if not may_try(request):
            return page(lang, "busy", status.HTTP_429_TOO_MANY_REQUESTS)
        fields = _fields(body)
        if await links.page(token) is PageState.GUARDIAN:
            return await consent(token, lang, fields)
        return await try_card(token, lang, fields)

    return router


def language(accept_language: str) -> str:
    """Return "en" when the browser asks for English before Vietnamese, "vi" for all else."""
    wish = {"vi": 0.0, "en": 0.0}
    for part in accept_language.lower().split(","):
        tag, _, weight = part.partition(";q=")
        lang = tag.strip().split("-")[0]
        if lang in wish:
            wish[lang] = max(wish[lang], _weight(weight))
    return "en" if wish["en"] > wish["vi"] else "vi"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


async def _body(request: Request) -> bytes | None:
    """Return the body, or None as soon as it is longer than the form can be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return body


def _fields(body: bytes) -> Mapping[str, str]:
    """Return the form's fields; none of what cannot be read."""
    try:
        fields = parse_qs(body.decode("utf-8"), errors="strict", max_num_fields=8)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _words(lang: str) -> Callable[[str], str]:
    return lambda key: sentence(f"link_page_{key}", lang)
