"""Two pages: what becomes of personal data, for everybody to read, and the one-time page that gives a copy of them.

Neither carries a script or loads anything from elsewhere. The copy's page is shown by GET, which uses nothing up, and
gives the copy by POST, once.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response, status
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.clock import Clock
from connectors.linkpage import PAGES, SAFE, language
from connectors.messages import sentence
from connectors.privacy import StoredPrivacy
from connectors.privacy_words import Keeper

SECTIONS = ("who", "what", "hidden", "why", "how_long", "who_sees", "rights", "how")
FILE_NAME = "du-lieu-tro-chuyen.json"
# Public and the same for everybody: it may be kept and found, unlike the page of a copy.
PUBLIC = {name: SAFE[name] for name in SAFE if name not in ("Cache-Control", "X-Robots-Tag")}


def privacy_router(keeper: Keeper, privacy: StoredPrivacy, clock: Clock) -> APIRouter:
    """Return the routes of both pages."""
    router = APIRouter(include_in_schema=False)
    pages = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    @router.get("/privacy")
    async def show_privacy(lang: str = "", accept_language: Annotated[str, Header()] = "") -> Response:
        chosen = lang if lang in ("vi", "en") else language(accept_language)
        return HTMLResponse(pages.get_template("privacy.html").render(_told(keeper, chosen)), headers=PUBLIC)

    @router.get("/privacy/page.css")
    async def style() -> Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=3600"}
        return FileResponse(PAGES / "privacy.css", media_type="text/css", headers=headers)

    def export_page(lang: str, key: str, code: int) -> Response:
        """Return the page with its button, or one that says there is no copy to be had here."""
        told = {"lang": lang, "library": keeper.name(lang), "open": key == "intro"}
        words = {name: sentence(f"export_page_{name}", lang) for name in ("title", key, "submit")}
        page = pages.get_template("export.html").render(**told, words=words, said=words[key])
        return HTMLResponse(page, code, SAFE)

    @router.get("/export/{token}")
    async def show_export(token: str, accept_language: Annotated[str, Header()] = "") -> Response:
        lang = await privacy.page_language(token, clock())
        if lang is None:
            return export_page(language(accept_language), "gone", status.HTTP_410_GONE)
        return export_page(lang, "intro", status.HTTP_200_OK)

    @router.post("/export/{token}")
    async def give(token: str, accept_language: Annotated[str, Header()] = "") -> Response:
        copy = await privacy.take_copy(token, clock())
        if copy is None:
            return export_page(language(accept_language), "gone", status.HTTP_410_GONE)
        headers = {**SAFE, "Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        written = json.dumps(copy, ensure_ascii=False, indent=2)
        return Response(written, media_type="application/json", headers=headers)

    return router


def _told(keeper: Keeper, lang: str) -> dict[str, Any]:
    """Return what the public page shows: each section's heading and its paragraphs."""
    values = keeper.values(lang)
    sections = [
        (sentence(f"privacy_page_{name}_title", lang), sentence(f"privacy_page_{name}", lang, **values).split("\n"))
        for name in SECTIONS
    ]
    other = "vi" if lang == "en" else "en"
    return {
        "lang": lang,
        "library": keeper.name(lang),
        "title": sentence("privacy_page_title", lang),
        "sections": sections,
        "other": other,
        "other_words": sentence("privacy_page_title", other),
    }
