"""The chat page: one HTML page at / and its files under /widget, named by a hash of their contents.

The page runs only its own script, loads nothing from elsewhere, cannot be framed, and may not turn text into HTML.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response, status
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
DEMO = "bản trình diễn"  # in a library's name: the page says that its data are made up
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}
# The address holds the hash of what it leads to, so what a browser has kept is always right.
FILE_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True)
class Asset:
    content: bytes
    gzipped: bytes
    media_type: str


def page_router(library_name: str, library_name_en: str) -> APIRouter:
    """Return the routes of the page of this library; its files are read once, now."""
    router = APIRouter(include_in_schema=False)
    assets = _read_assets()
    version = _version(assets)
    page = _render(library_name, library_name_en, f"/widget/{version}", sorted(assets))

    @router.get("/")
    async def show() -> HTMLResponse:
        return HTMLResponse(page, headers=PAGE_HEADERS)

    @router.get("/widget/{asked}/{name}")
    async def asset(asked: str, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
        """Return a file of the page; only of the version that runs, so that no mixture is ever kept by a browser."""
        if asked != version or name not in assets:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "no such file of the chat page")
        found = assets[name]
        if "gzip" in accept_encoding.lower():
            headers = {**FILE_HEADERS, "Content-Encoding": "gzip"}
            return Response(found.gzipped, headers=headers, media_type=found.media_type)
        return Response(found.content, headers=FILE_HEADERS, media_type=found.media_type)

    return router


def _read_assets() -> dict[str, Asset]:
    """Return the files that browsers may load, by name."""
    files = (path for path in HERE.iterdir() if path.suffix in MEDIA_TYPES)
    contents = ((path, path.read_bytes()) for path in files)
    return {path.name: Asset(raw, gzip.compress(raw, mtime=0), MEDIA_TYPES[path.suffix]) for path, raw in contents}


def _version(assets: Mapping[str, Asset]) -> str:
    """Return a short hash of all files: the modules import each other by name, so they change address together."""
    everything = hashlib.sha256()
    for name in sorted(assets):
        everything.update(name.encode() + b"\0" + assets[name].content + b"\0")
    return everything.hexdigest()[:12]


def _render(library_name: str, library_name_en: str, base: str, names: list[str]) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        name=library_name,
        name_en=library_name_en,
        base=base,
        modules=[name for name in names if name.endswith(".js")],
        demo=DEMO in library_name.casefold(),
    )
