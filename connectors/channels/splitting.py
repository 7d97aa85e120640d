"""Long text in pieces that a door can send: cut where a reader would pause, and never inside what reads as one sign."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from library.text import nfc, sentences

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)  # two of them are one flag
_SKIN = range(0x1F3FB, 0x1F400)


def split(text: str, limit: int) -> list[str]:
    """Return the text, in NFC, in pieces of at most `limit` characters; only blank space at the cuts is lost.

    Cut between paragraphs, else at line and sentence ends, else between words, else between signs. Text that fits is
    one piece as it stands; no text is no piece.
    """
    text = nfc(text).strip()
    if len(text) <= limit:
        return [text] if text else []
    pieces: list[str] = []
    for gap, paragraph in _paragraphs(text):
        if pieces and len(pieces[-1]) + len(gap) + len(paragraph) <= limit:
            pieces[-1] += gap + paragraph
        elif len(paragraph) <= limit:
            pieces.append(paragraph)
        else:
            pieces += sentences(_with_breaks(paragraph, limit), limit)
    return pieces


def clip(text: str, limit: int) -> str:
    """Return the text in at most `limit` characters, cut after a word and with "…" where something is left out."""
    if len(text) <= limit:
        return text
    start = text[: max(limit - 1, 0)]
    if not text[len(start)].isspace():
        start = start[: start.rfind(" ")] if " " in start else next(_signs(text, max(limit - 1, 1)))
    return f"{start.rstrip(' ,;:·—-')}…"[:limit]


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """Yield each paragraph with the blank lines before it."""
    gap, start = "", 0
    for between in _PARAGRAPH.finditer(text):
        yield gap, text[start : between.start()]
        gap, start = between[0], between.end()
    yield gap, text[start:]


def _with_breaks(text: str, limit: int) -> str:
    """Return the text with a space wherever a word longer than `limit` has to be cut.

    The pieces around such a space do not fit into one message, so it is never shown.
    """
    return re.sub(rf"\S{{{limit + 1},}}", lambda word: " ".join(_signs(word[0], limit)), text)


def _signs(word: str, limit: int) -> Iterator[str]:
    """Yield the word in pieces of at most `limit` characters, cut between signs wherever a sign is no longer itself."""
    start = 0
    while start < len(word):
        end = next((at for at in range(min(start + limit, len(word)), start, -1) if _parts_signs(word, at)), None)
        end = end or min(start + limit, len(word))
        yield word[start:end]
        start = end


def _parts_signs(word: str, at: int) -> bool:
    """Return whether what stands before `at` and what stands after it are two signs."""
    if at == len(word):
        return True
    before, after = word[at - 1], word[at]
    if unicodedata.category(after).startswith("M") or _JOINER in (before, after) or ord(after) in _SKIN:
        return False
    flags = len(word[:at]) - len(word[:at].rstrip("".join(map(chr, _REGIONAL)))) if ord(before) in _REGIONAL else 0
    return not (ord(after) in _REGIONAL and flags % 2)
