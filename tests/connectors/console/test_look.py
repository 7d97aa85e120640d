"""The console's colours can be read, by day and by night."""

import re
from itertools import product

import pytest

from connectors.console.drawing import PAGES

CSS = PAGES.with_name("console.css").read_text(encoding="utf-8")
SCHEMES = re.findall(r":root {([^}]*--ink: #[^}]*)}", CSS)[:2]
MOST_BYTES = 25_000
READ_ON = [
    *product(("ink", "soft", "link"), ("paper", "sheet", "patron", "tint")),
    *product(("deed", "alarm"), ("paper", "sheet")),
    ("deed", "tint"), ("alarm", "alarm-tint"), ("ink", "alarm-tint"), ("doubt", "doubt-tint"), ("ink", "doubt-tint"),
    ("on-deed", "deed"),
]  # fmt: skip


def _colours(scheme: str) -> dict[str, str]:
    named = re.findall(r"--([a-z-]+): #([0-9a-f]+);", scheme)
    return {name: value if len(value) == 6 else "".join(digit * 2 for digit in value) for name, value in named}


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme: int) -> None:
    colours = _colours(SCHEMES[scheme])
    found = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in READ_ON}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}
    assert min(_contrast(colours["edge"], colours[behind]) for behind in ("paper", "sheet")) >= 3


def test_the_style_sheet_is_small_and_loads_nothing() -> None:
    assert len(CSS.encode()) < MOST_BYTES
    assert not re.search(r"url\(|@import", CSS)
