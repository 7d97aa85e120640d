"""Figures in what the library says, by what they count: "14 ngày", "20.000 đồng", "7 giờ 30"; and where they differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from library.text import fold

_UNITS = (
    "ngay", "tuan", "thang", "nam", "gio", "phut", "cuon", "ban", "lan", "tuoi", "trang", "tai lieu", "nguoi", "cho",
)  # fmt: skip
_CLOCK = re.compile(r"(?<![\d/.,])(\d{1,2})\s*(?:gio|h|:)\s*(\d{2})(?!\d)")
_MONEY = re.compile(r"(?<![\d/.,])(\d{1,3}(?:[., ]\d{3})+|\d+)\s*(k|nghin|ngan|trieu)?\s*(?:dong|d|vnd|đ)?(?![a-z0-9])")
_DATE = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?!\d)")
_COUNT = re.compile(rf"(?<![\d/.,])(\d+)\s*({'|'.join(_UNITS)})(?![a-z])")
_SHARE = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_TIMES = {"": 1, "k": 1000, "nghin": 1000, "ngan": 1000, "trieu": 1_000_000}
SAID = {
    "ngay": "ngày", "tuan": "tuần", "thang": "tháng", "nam": "năm", "gio": "giờ", "phut": "phút", "cuon": "cuốn",
    "ban": "bản", "lan": "lần", "tuoi": "tuổi", "trang": "trang", "tai lieu": "tài liệu", "nguoi": "người",
    "cho": "chỗ", "dong": "đồng", "%": "%", "clock": "giờ trong ngày", "date": "ngày tháng",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that two texts count differently: its unit in words, and each text's figures."""

    unit: str
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


def figures(text: str) -> dict[str, set[str]]:
    """Return the figures of a text by their unit, each as it reads: {"ngay": {"14"}, "dong": {"20.000"}}."""
    found: dict[str, set[str]] = {}
    for unit, value in _found(fold(text)):
        found.setdefault(unit, set()).add(value)
    return found


def differences(mine: str, theirs: str) -> list[Difference]:
    """Return the units of which both texts tell figures and have none in common."""
    ours, others = figures(mine), figures(theirs)
    return [
        Difference(SAID[unit], tuple(sorted(ours[unit])), tuple(sorted(others[unit])))
        for unit in sorted(ours.keys() & others.keys())
        if ours[unit].isdisjoint(others[unit])
    ]


def _found(text: str) -> Iterator[tuple[str, str]]:
    """Yield unit and value; what was read as one thing is not read again as another."""
    for match in _DATE.finditer(text):
        yield "date", "/".join(str(int(part)) for part in match.groups() if part)
    text = _DATE.sub(" ", text)
    for match in _CLOCK.finditer(text):
        yield "clock", f"{int(match[1])} giờ {match[2]}"
    text = _CLOCK.sub(" ", text)
    for match in _SHARE.finditer(text):
        yield "%", match[1].replace(",", ".")
    text = _SHARE.sub(" ", text)
    for match in _COUNT.finditer(text):
        yield match[2], str(int(match[1]))
    for match in _MONEY.finditer(_COUNT.sub(" ", text)):
        value = int(re.sub(r"\D", "", match[1])) * _TIMES[match[2] or ""]
        if match[2] or re.search(r"(?:dong|d|vnd)$", match[0].strip()):
            yield "dong", f"{value:,}".replace(",", ".")
