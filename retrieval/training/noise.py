"""Vietnamese as people type it in haste: without marks, with slips, shorthand and the keys of Telex left in."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from library.text import fold, nfc

_SPACED = re.compile(r"\s+")
_TONE_KEYS = {"\u0301": "s", "\u0300": "f", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_SHAPE_KEYS = {"\u0306": "w", "\u031b": "w"}  # breve and horn; a circumflex doubles its letter
_CIRCUMFLEX = "\u0302"
_NEAR = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wqretyuoippsafhgkjlxzvcnbm", strict=True))
_CHAT = {
    "không": ("ko", "k", "hok", "khong", "hong"), "được": ("dc", "đc", "duoc"), "gì": ("j", "gi"), "với": ("vs", "voi"),
    "cũng": ("cx", "cug"), "người": ("ng", "nguoi"), "những": ("nhg", "nhug"), "trường": ("trg",), "trong": ("trog",),
    "như": ("nhu",), "biết": ("bit", "biet"), "muốn": ("mún", "mun"), "thích": ("thik",), "quá": ("wa", "qá"),
    "vậy": ("v", "zậy", "vay"), "rồi": ("r", "rùi", "roi"), "bao": ("b",), "nhiêu": ("nhiu",), "sách": ("sach",),
    "điện": ("đ",), "thư": ("thu",), "viện": ("vien",), "học": ("hok", "hoc"), "sinh": ("sjnh",), "làm": ("lm",),
    "mình": ("mik", "mk"), "yêu": ("iu",), "nhiều": ("nhìu", "nhiu"), "luôn": ("lun",), "hôm": ("hom", "h"),
    "nghĩa": ("ngĩa", "nghia"), "thế": ("the", "th"), "nào": ("nao",), "đang": ("đag", "dag"), "một": ("1", "mot"),
    "hai": ("2",), "trước": ("trc",), "sau": ("sao",), "thời": ("thoi",), "gian": ("zan",), "và": ("&", "va"),
    "kỹ": ("kĩ", "ky"), "lý": ("lí", "ly"), "sỹ": ("sĩ",), "mỹ": ("mĩ",), "công": ("cong", "cog"),
}  # fmt: skip
_SOUNDS = (
    ("tr", "ch"), ("ch", "tr"), ("s", "x"), ("x", "s"), ("l", "n"), ("n", "l"), ("d", "gi"), ("gi", "d"), ("v", "d"),
    ("r", "d"), ("ngh", "ng"), ("gh", "g"), ("k", "c"), ("qu", "w"), ("ph", "f"),
)  # fmt: skip
_ENDS = (("n", "ng"), ("ng", "n"), ("t", "c"), ("c", "t"), ("ng", "g"), ("nh", "n"), ("ch", "k"))

Change = Callable[[str, random.Random], str]


def unaccented(text: str) -> str:
    """Return the text without marks, cased as it was."""
    return "".join(fold(c) if c.islower() else fold(c).upper() if c.isalpha() else c for c in nfc(text))


def telex(word: str) -> str:
    """Return the keys that type the word: "tiếng" gives "tieengs"."""
    keys: list[str] = []
    tone = ""
    for char in unicodedata.normalize("NFD", word.replace("đ", "dd").replace("Đ", "DD")):
        if char in _TONE_KEYS:
            tone = _TONE_KEYS[char]
        else:
            keys.append(keys[-1] if char == _CIRCUMFLEX else _SHAPE_KEYS.get(char, char))
    return "".join(keys) + tone


def noisy(text: str, draw: random.Random, harm: float = 0.25) -> str:
    """Return the text as typed in haste: `harm` is the share of its words that suffer, beyond lost marks."""
    typed = draw.choice((_unmarked, _unmarked, _unmarked, _kept, _toneless))
    spoil = draw.choice((_slip, _slip, _sound, _telexed, _chat, _any))
    said = [typed(spoil(word, draw) if draw.random() < harm else word) for word in _SPACED.split(text.strip())]
    if len(said) > 3 and draw.random() < harm:
        said.pop(draw.randrange(len(said)))
    if len(said) > 2 and draw.random() < harm / 3:
        at = draw.randrange(len(said) - 1)
        said[at : at + 2] = [said[at] + said[at + 1]]
    return " ".join(said)


def _any(word: str, draw: random.Random) -> str:
    return draw.choice((_slip, _sound, _telexed, _chat))(word, draw)


def _kept(word: str) -> str:
    return word


def _unmarked(word: str) -> str:
    return unaccented(word)


def _toneless(word: str) -> str:
    return nfc(_TONES.sub("", unicodedata.normalize("NFD", word)))


def _chat(word: str, draw: random.Random) -> str:
    forms = _CHAT.get(word.lower())
    return draw.choice(forms) if forms else _slip(word, draw)


def _telexed(word: str, draw: random.Random) -> str:
    return telex(word)


def _sound(word: str, draw: random.Random) -> str:
    """Return the word with a beginning or an end that is said the same in some province."""
    heads = [to + word[len(one) :] for one, to in _SOUNDS if word.startswith(one)]
    tails = [word[: -len(one)] + to for one, to in _ENDS if word.endswith(one) and len(word) > len(one) + 1]
    return draw.choice(heads + tails) if heads or tails else _slip(word, draw)


def _slip(word: str, draw: random.Random) -> str:
    """Return the word with one letter lost, doubled, exchanged with the next, or struck beside its key."""
    if len(word) < 3 or not word.isalpha():
        return word
    at = draw.randrange(len(word) - 1)
    head, here, tail = word[:at], word[at], word[at + 1 :]
    return draw.choice(
        (head + tail, head + here * 2 + tail, head + tail[0] + here + tail[1:], head + _NEAR.get(here, here) + tail)
    )
