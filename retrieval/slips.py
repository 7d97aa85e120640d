"""What becomes of a query in hurried hands: no marks, shorthand, keys left in, a slip of the keyboard. Seeded."""

from __future__ import annotations

import random
from collections.abc import Callable

from library.syllables import telex_keys, vni_keys
from library.text import fold, nfc

# Spellings of the young, which stay readable: the first that occurs in a word is taken.
_SHORTHAND = (("ph", "f"), ("gi", "j"), ("qu", "w"), ("ng", "g"), ("nh", "h"))
_WHOLE_WORDS = {"không": "ko", "được": "dc", "với": "vs", "những": "nhữg", "người": "ng", "trong": "trog",
                "gì": "j", "vậy": "z", "rồi": "r", "quyển": "q", "thư viện": "tv", "và": "&"}  # fmt: skip
_NEAR = {"a": "sq", "s": "ad", "d": "sf", "e": "wr", "o": "ip", "i": "uo", "u": "yi", "n": "bm", "t": "ry", "h": "gj",
         "c": "xv", "g": "fh", "l": "k", "m": "n", "b": "vn", "p": "o", "r": "et", "v": "cb", "y": "tu"}  # fmt: skip
_BARE_SHARE = 0.7  # of hurried queries that bear no marks at all

Slip = Callable[[str, random.Random], str]


def hurried(text: str, chance: random.Random) -> str:
    """Return the query as a hurried patron types it: in lower case, mostly bare, with one slip in some eight words."""
    words = nfc(text).lower().split()
    for _ in range(max(1, round(len(words) / 8))):
        at = chance.randrange(len(words))
        slip = chance.choice(_SLIPS)
        words[at] = slip(words[at], chance)
    if chance.random() < 0.08 and len(words) > 1:  # the space bar missed
        at = chance.randrange(len(words) - 1)
        words[at : at + 2] = [words[at] + words[at + 1]]
    spoilt = " ".join(words)
    return fold(spoilt) if chance.random() < _BARE_SHARE else spoilt


def _telex(word: str, chance: random.Random) -> str:
    return telex_keys(word)


def _vni(word: str, chance: random.Random) -> str:
    return vni_keys(word)


def _swapped(word: str, chance: random.Random) -> str:
    if len(word) < 4:
        return word
    at = chance.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word)) if len(word) > 3 else len(word)
    return word[:at] + word[at + 1 :]


def _doubled(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[: at + 1] + word[at:]


def _neighbour(word: str, chance: random.Random) -> str:
    places = [at for at, letter in enumerate(word) if letter in _NEAR]
    if len(word) < 4 or not places:
        return word
    at = chance.choice(places)
    return word[:at] + chance.choice(_NEAR[word[at]]) + word[at + 1 :]


def _shortened(word: str, chance: random.Random) -> str:
    if word in _WHOLE_WORDS:
        return _WHOLE_WORDS[word]
    for long, short in _SHORTHAND:
        if long in word and len(word) > len(long) + 1:
            return word.replace(long, short)
    return word


_SLIPS: tuple[Slip, ...] = (_telex, _telex, _vni, _swapped, _dropped, _doubled, _neighbour, _shortened, _shortened)
