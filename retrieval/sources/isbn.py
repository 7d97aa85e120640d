"""The ISBN in a cataloguer's text: ten or thirteen digits, with hyphens and remarks, checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

_DIGITS = re.compile(r"[\s(]*(?:ISBN(?:-1[03])?[\s:.]*)?((?:\d[\s-]*){9}(?:[\dXx]|(?:\d[\s-]*){3}\d))(?![\dXx])", re.I)
_DASHES = {ord(dash): "-" for dash in "‐‑‒–—−"}


def isbn13(text: str) -> str:
    """Return the ISBN in the text as 13 digits, or '' when there is none whose check digit is right."""
    if len(text) < 10:
        return ""
    found = _DIGITS.match(text.translate(_DASHES))
    digits = re.sub(r"[\s-]", "", found[1]).upper() if found else ""
    if len(digits) == 10 and sum((10 - i) * _value(c) for i, c in enumerate(digits)) % 11 == 0:
        return (body := "978" + digits[:9]) + _check(body)
    if len(digits) == 13 and digits[:3] in ("978", "979") and _check(digits[:12]) == digits[12]:
        return digits
    return ""


def _value(char: str) -> int:
    return 10 if char == "X" else int(char)


def _check(body: Sequence[str]) -> str:
    return str(-sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body)) % 10)
