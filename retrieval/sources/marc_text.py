"""Cataloguers' text made fit to show: spaces squeezed, control signs gone, ISBD punctuation off the end."""

from __future__ import annotations

import re

_ISBD_END = re.compile(r"(?:\s+[/:;,=+]|[/:;,])*\s*$")  # marks that announce the next element; "C++" keeps its own
_TAIL = 100  # a megabyte of slashes is no title; looking for the first of the last ones in it would take hours
_ODD_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x87\x8a-\x97\x99-\x9b\x9d-\x9f]+")
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x88\x89\x98\x9c]")
# \x88 and its kin stand around "The", which sorting passes over.
_ABBREVIATED = re.compile(r"(?:\b[A-ZĐ]|\bTp|\bNxb|\bv\.v|\.\.)\.$")  # "H.", "Tp.", "..." keep their stop


def clean(text: str) -> str:
    """Return the text with spaces squeezed and what cannot be seen taken out."""
    if not text:
        return ""
    if not text.isprintable():
        text = _ODD_SPACE.sub(" ", _UNSEEN.sub("", text))
    return " ".join(text.split()) if "  " in text else text.strip()


def bare(text: str) -> str:
    """Return the clean text without the ISBD marks that lead on to the next element, or the stop at its end."""
    if not (text := clean(text)):
        return ""
    if text[-1:] in "/:;,=+":
        text = (text[:-_TAIL] + _ISBD_END.sub("", text[-_TAIL:])).rstrip()
    return text.removesuffix(".").rstrip() if text.endswith(".") and not _ABBREVIATED.search(text) else text


def unbracketed(text: str) -> str:
    """Return the bare text without the square brackets a cataloguer puts around what the book does not say itself."""
    text = bare(text)
    if text[:1] == "[" or text[-1:] == "]":
        inner = text.removeprefix("[").removesuffix("]")
        return text if "[" in inner or "]" in inner else bare(inner)
    return text
