"""The chat page at / and /chat, and the widget's files under /widget for this page and for those of others.

The page runs only its own script, loads nothing from elsewhere, cannot be framed, and may not turn text into HTML.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Header, HTTPException, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
DEMO = "bản trình diễn"  # in a library's name: the page says that its data are made up
FILES = {
    "loader.js": (HERE / "dist", "text/javascript"),
    "widget.js": (HERE / "dist", "text/javascript"),
    "book.svg": (HERE, "image/svg+xml"),
}
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}
# Any page may load the widget: it holds no secret, and it opens no conversation that the page could not open itself.
SHARED_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
FOR_GOOD = "public, max-age=31536000, immutable"
FOR_NOW = "public, max-age=600"  # how soon a new release reaches the pages that name the loader without a version


@dataclass(frozen=True)
class File:
    content: bytes
    gzipped: bytes
    media_type: str
    version: str  # a hash of the content, as build.js makes it

    @classmethod
    def read(cls, path: Path, media_type: str) -> File:
        content = path.read_bytes()
        version = hashlib.sha256(content).hexdigest()[:12]
        return cls(content, gzip.compress(content, mtime=0), media_type, version)

    def answer(self, asked: str, encodings: str, known: str) -> Response:
        """Return the file as asked for; a browser that knows this very content is only told that it still holds."""
        headers = {
            **SHARED_HEADERS,
            "Cache-Control": FOR_GOOD if asked == self.version else FOR_NOW,
            "ETag": f'W/"{self.version}"',
            "Vary": "Accept-Encoding",
        }
        if self.version in known:
            return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
        if "gzip" in encodings.lower():
            headers["Content-Encoding"] = "gzip"
            return Response(self.gzipped, headers=headers, media_type=self.media_type)
        return Response(self.content, headers=headers, media_type=self.media_type)


def page_router(library_name: str, library_name_en: str) -> APIRouter:
    """Return the routes of this library's chat; the files are read once, now."""
    router = APIRouter(include_in_schema=False)
    files = {name: File.read(folder / name, media_type) for name, (folder, media_type) in FILES.items()}
    addresses = {name: f"{name}?v={file.version}" for name, file in files.items()}
    introduction = _introduction(library_name, library_name_en)
    page = _render(name=library_name, addresses=addresses)

    @router.get("/")
    @router.get("/chat")
    async def show() -> HTMLResponse:
        return HTMLResponse(page, headers=PAGE_HEADERS)

    @router.get("/widget/library.json")
    async def introduce() -> JSONResponse:
        """Return whose chat this is, and what it shows before anybody has said anything."""
        return JSONResponse(introduction, headers={**SHARED_HEADERS, "Cache-Control": FOR_NOW})

    @router.get("/widget/{name}")
    async def file(
        name: str,
        v: str = "",
        accept_encoding: Annotated[str, Header()] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        if name not in files:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "no such file of the widget")
        return files[name].answer(v, accept_encoding, if_none_match)

    return router


def _introduction(name: str, name_en: str) -> dict[str, list[Any]]:
    """Return the library's name and words of welcome, each in Vietnamese and in English."""
    words = yaml.safe_load((HERE / "welcome.yml").read_text(encoding="utf-8"))
    if DEMO not in name.casefold():
        del words["demo"]
    return {"name": [name, name_en], **{key: [pair["vi"], pair["en"]] for key, pair in words.items()}}


def _render(**values: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(**values)
