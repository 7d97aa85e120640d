"""What becomes of a message in hurried hands, one kind of harm at a time: to learn from and to measure by. Seeded."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from library.syllables import telex_keys
from library.text import fold, nfc

Harm = Callable[[str, random.Random], str]

_TEENCODE = {
    "không": ("ko", "k", "hok", "hong", "khum"), "được": ("dc", "đc"), "gì": ("j",), "với": ("vs",), "cũng": ("cx",),
    "người": ("ng",), "biết": ("bik", "bít"), "muốn": ("mún", "mun"), "thích": ("thik",), "quá": ("wá", "wa"),
    "vậy": ("z", "v"), "rồi": ("r", "rùi"), "nhiều": ("nhìu",), "mình": ("mik", "mk"), "bạn": ("bn",), "làm": ("lm",),
    "luôn": ("lun",), "giờ": ("h",), "trước": ("trc",), "thôi": ("thui",), "đang": ("đag",), "yêu": ("iu",),
    "em": ("e",), "anh": ("a",), "chị": ("c",), "ơi": ("ui",), "đi": ("ik",), "nha": ("nka",),
    "thư viện": ("tv",), "như thế nào": ("ntn",), "số điện thoại": ("sđt",), "chủ nhật": ("cn",), "thứ bảy": ("t7",),
    "hôm nay": ("hnay",), "ngày mai": ("nmai",), "đăng ký": ("đki",), "bao nhiêu": ("bnhiu",), "địa chỉ": ("đc",),
    "quyển": ("q",), "trong": ("trog",), "những": ("nhg",), "học sinh": ("hs",), "sinh viên": ("sv",),
}  # fmt: skip
_SHORTENED = re.compile(rf"(?i)(?<!\w)(?:{'|'.join(sorted(_TEENCODE, key=len, reverse=True))})(?!\w)")
_NEAR = {"q": "wa", "w": "qe", "e": "wr", "r": "et", "t": "ry", "y": "tu", "u": "yi", "i": "uo", "o": "ip", "p": "o",
         "a": "sq", "s": "ad", "d": "sf", "f": "dg", "g": "fh", "h": "gj", "j": "hk", "k": "jl", "l": "k", "z": "x",
         "x": "zc", "c": "xv", "v": "cb", "b": "vn", "n": "bm", "m": "n"}  # fmt: skip
_POLITE_BEFORE = ("dạ ", "dạ cho em hỏi ", "ad ơi ", "thư viện ơi ", "bạn ơi ", "ơ ", "alo ")
_POLITE_AFTER = (" ạ", " nha", " nhé", " với ạ", " nghen", " ad ơi", " giúp em với", " á")
_TELEX_SHARE = 0.3  # of a message's words; who forgets to switch the input method on soon sees it
_WORD = re.compile(r"[^\W\d_]+")


def unaccented(text: str, chance: random.Random) -> str:
    """Return the text without any mark, cased as it was."""
    return "".join(fold(c).upper() if c.isupper() else fold(c) if c.isalpha() else c for c in nfc(text))


def half_accented(text: str, chance: random.Random) -> str:
    """Return the text with the marks of about half its words gone."""
    return _each_word(text, lambda word: unaccented(word, chance) if chance.random() < 0.5 else word)


def typo(text: str, chance: random.Random) -> str:
    """Return the text with one letter of one word lost, doubled, changed with the next, or struck beside its key."""
    words = [found for found in _WORD.finditer(nfc(text)) if len(found[0]) > 2]
    if not words:
        return text
    chosen = chance.choice(words)
    return nfc(text)[: chosen.start()] + _mistyped(chosen[0], chance) + nfc(text)[chosen.end() :]


def _mistyped(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    head, here, tail = word[:at], word[at], word[at + 1 :]
    beside = chance.choice(_NEAR.get(fold(here), here))
    return chance.choice((head + tail, head + here * 2 + tail, head + tail[0] + here + tail[1:], head + beside + tail))


def teencode(text: str, chance: random.Random) -> str:
    """Return the text with every word that the young shorten shortened."""
    return _SHORTENED.sub(lambda found: chance.choice(_TEENCODE[found[0].lower()]), nfc(text))


def telex(text: str, chance: random.Random) -> str:
    """Return the text with some of its words, one at least, as the keys that type them."""
    marked = [found.start() for found in _WORD.finditer(nfc(text)) if fold(found[0]) != found[0].lower()]
    if not marked:
        return text
    chosen = {at for at in marked if chance.random() < _TELEX_SHARE} or {chance.choice(marked)}
    return _WORD.sub(lambda found: telex_keys(found[0]) if found.start() in chosen else found[0], nfc(text))


def decomposed(text: str, chance: random.Random) -> str:
    """Return the text in NFD, as some telephones send it."""
    return unicodedata.normalize("NFD", text)


def shouted(text: str, chance: random.Random) -> str:
    """Return the text in capitals."""
    return text.upper()


def drawn_out(text: str, chance: random.Random) -> str:
    """Return the text with the last letter of its last word, and of another now and then, drawn out."""
    words = list(_WORD.finditer(nfc(text)))
    if not words:
        return text
    chosen = {words[-1].start(), chance.choice(words).start()}
    return _WORD.sub(
        lambda found: found[0] + found[0][-1] * chance.randrange(2, 5) if found.start() in chosen else found[0],
        nfc(text),
    )


def politer(text: str, chance: random.Random) -> str:
    """Return the text with a particle or an address before it, behind it, or both."""
    before, after = chance.choice(("", *_POLITE_BEFORE)), chance.choice(_POLITE_AFTER)
    return before + text + after


def _each_word(text: str, change: Callable[[str], str]) -> str:
    return _WORD.sub(lambda found: change(found[0]), nfc(text))


HARMS: dict[str, Harm] = {
    "unaccented": unaccented,
    "half": half_accented,
    "typo": typo,
    "teencode": teencode,
    "telex": telex,
    "nfd": decomposed,
    "upper": shouted,
    "drawn_out": drawn_out,
    "polite": politer,
}
