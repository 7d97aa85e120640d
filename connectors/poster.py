"""Posters with QR codes to the doors that are open, in the library's name and colour, as PDF and PNG."""

from __future__ import annotations

import io
import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import segno
import typst

Size = Literal["a4", "a5"]
Lang = Literal["vi", "vi-en"]
TEMPLATE = Path(__file__).with_name("poster.typ")
PRINTED_PPI = 200  # a QR code of a poster held at arm's length needs less; a print shop asks for no more
BLACK = "#111111"
READABLE = 4.5  # contrast that WCAG 2 asks of text
QUIET = 4  # modules of white around a code, as ISO/IEC 18004 asks
TO_ASK = (
    ("Mấy giờ mở cửa?", "When are you open?"),
    ("Có sách nuôi tôm không?", "Any books on shrimp farming?"),
    ("Gia hạn giúp mình cuốn Số đỏ", "Please renew my loan"),
)
SAME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # the same poster is the same file, whenever it is made


class PosterError(Exception):
    """No poster can be made so; the message says what to set."""


@dataclass(frozen=True)
class Door:
    name: str
    name_en: str
    address: str  # what the code holds and what is printed under it


@dataclass(frozen=True)
class Look:
    library: str
    library_en: str
    colour: str = "#1b5e20"


def open_doors(public_url: str, telegram_user: str | None, zalo_oa_id: str | None) -> list[Door]:
    """Return the doors a poster leads to, the web chat first: it is always open."""
    doors = [Door("Trên trang web", "On the web", f"{public_url}/chat")]
    if zalo_oa_id:
        doors.append(Door("Zalo", "Zalo", f"https://zalo.me/{zalo_oa_id}"))
    if telegram_user:
        doors.append(Door("Telegram", "Telegram", f"https://t.me/{telegram_user}"))
    return doors


def unreachable_host(public_url: str) -> str | None:
    """Return the host when patrons' own phones cannot reach it: this machine, or a network of its own; else None."""
    host = urlsplit(public_url).hostname or ""
    try:
        reached = ipaddress.ip_address(host).is_global
    except ValueError:
        reached = "." in host and not host.endswith((".localhost", ".local", ".lan", ".internal"))
    return None if reached else host


def make_posters(look: Look, doors: Sequence[Door], out: Path, size: Size = "a4", lang: Lang = "vi-en") -> list[Path]:
    """Return the files made in the folder `out`: the poster as PDF and as PNG. Raises PosterError."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", look.colour):
        raise PosterError(f"colour {look.colour}: write it as #rrggbb, such as #1b5e20")
    told = json.dumps(_told(look, doors, size, lang), ensure_ascii=False)
    picture, print_file = _drawn(told, "png"), _drawn(told, "pdf")
    if isinstance(picture, list):
        raise PosterError("it does not fit on one sheet: the library's name or an address is too long")
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"poster-{size}-{lang}.pdf", out / f"poster-{size}-{lang}.png"]
    for path, content in zip(files, (print_file, picture), strict=True):
        path.write_bytes(content)
    return files


def _drawn(told: str, kind: Literal["pdf", "png"]) -> Any:
    """Return the file's bytes; of a picture with more than one page the bytes of each."""
    return typst.compile(
        TEMPLATE,
        format=kind,
        ppi=PRINTED_PPI,
        sys_inputs={"poster": told},
        ignore_system_fonts=True,  # the fonts that come with typst know Vietnamese, on every machine alike
        timestamp=SAME_DAY,
    )


def _told(look: Look, doors: Sequence[Door], size: Size, lang: Lang) -> dict[str, object]:
    """Return what the template draws."""
    return {
        "size": size,
        "bilingual": lang == "vi-en",
        "library": look.library,
        "library_en": look.library_en,
        "colour": look.colour,
        "ink": "#ffffff" if _on_white(look.colour) > _on_black(look.colour) else BLACK,
        "heading": look.colour if _on_white(look.colour) >= READABLE else BLACK,
        "doors": [asdict(door) | {"code": code(door.address), "shown": _shown(door.address)} for door in doors],
        "to_ask": TO_ASK,
    }


def code(address: str) -> str:
    """Return the QR code of an address as SVG: black on white, a quarter of it may be lost."""
    drawn = io.BytesIO()
    made = segno.make(address, error="q", micro=False)
    made.save(drawn, kind="svg", border=QUIET, dark="#000000", light="#ffffff", xmldecl=False)
    return drawn.getvalue().decode()


def _shown(address: str) -> str:
    """Return the address as people type it."""
    return address.removeprefix("https://").removeprefix("http://")


def _on_white(colour: str) -> float:
    """Return the contrast of the colour to white, 1 to 21, as WCAG 2 defines it."""
    return 1.05 / (_luminance(colour) + 0.05)


def _on_black(colour: str) -> float:
    return (_luminance(colour) + 0.05) / 0.05


def _luminance(colour: str) -> float:
    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(colour[at : at + 2]) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
