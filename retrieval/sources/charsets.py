"""Text in the character sets of Vietnamese before Unicode: which one a file is in, and what it says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, redirect_stderr
from itertools import islice, pairwise
from unicodedata import normalize

import pymarc.marc8

from library.syllables import is_syllable
from retrieval.record import SourceError
from retrieval.sources.charset_tables import TCVN3, TCVN3_CAPITALS, VISCII, VNI_LETTERS, VNI_PAIRS

_COMMON = frozenset("đàáảạăâêôơưệếấộốợủứ")  # the letters that settle what a few words leave open
_LONGEST_SYLLABLE = len("nghiêng")
SAMPLE = 300  # records that are not UTF-8; more tell no more
_WORDS = re.compile(r"[^\W\d_]+")
_PUNCTUATION = frozenset("“”‘’„–—…•°©®«»§×\xa0\u200b")
_CODE = re.compile(rb"\x1f.|[\x1d\x1e]", re.DOTALL)
_VNI_PAIR = re.compile("|".join(map(re.escape, VNI_PAIRS)))
_OTHER = "".join(map(chr, TCVN3_CAPITALS))
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_MARKS_AND_CAPITALS = TCVN3_CAPITALS | {code: mark for code, mark in _WINDOWS.items() if mark in _PUNCTUATION}
_TCVN3_OTHER = re.compile(rf"(?<![^\W\d_])[^\W\d_{_OTHER}]*[{_OTHER}][\w{_OTHER}]*")
# What Vietnamese in VNI or TCVN3 looks like in Western letters: vowels that no language writes side by side, and signs
# in the middle of words. A lone ö, or the ï of French, is only a reason to look closer.
_IMPOSSIBLE = re.compile(
    r"[aA][âàáåãäêèëùûøõ]|[eE][âáàåãäùûøõ]|[oO][âåä]|[uU][äåûøõ]|[ôö][ùøûõï]|[A-Za-z][µ¶·¸»¼½¾]|[§®][a-zµ-ÿ]"
    r"|[a-z][À-ÖØ-Þ](?![A-Z])"
)
_SUSPECT = re.compile(rf"{_IMPOSSIBLE.pattern}|[aAeEoO]ï|ö|ñ|[yY][øûõïù]|[A-Za-z][¨-®¹]|[§®¹]")
_UNICODE = re.compile(rf"[^\x00-\xff{bytes({*range(128, 160)} - {129, 141, 143, 144, 157}).decode('cp1252')}]")
_SUBFIELD = re.compile(r"(\x1f.)?([^\x1f]+)", re.DOTALL)
_REFERENCE = re.compile(r"&#x((?:10|[0-9A-Fa-f])?[0-9A-Fa-f]{4});")  # how MARC-8 holds what it has no sign for
_SHOUTED = re.compile(r"[A-Z]\w*[A-Z]")
_SMALL = re.compile(r"[a-z]")


def _tcvn3(data: bytes) -> str:
    text = data.decode("latin-1").translate(TCVN3)
    if _TCVN3_OTHER.search(text):
        text = _TCVN3_OTHER.sub(_capital_or_mark, text)
    return _SUBFIELD.sub(_shouted, text)


def _capital_or_mark(word: re.Match[str]) -> str:
    capitals = word[0].translate(TCVN3_CAPITALS)
    if len(capitals) <= _LONGEST_SYLLABLE and is_syllable(capitals.lower()):
        return capitals
    return word[0].translate(_MARKS_AND_CAPITALS)


def _shouted(subfield: re.Match[str]) -> str:
    """Return the subfield in capitals where a font of capitals (.VnTimeH) showed small letters as such."""
    code, text = subfield.groups(default="")
    return code + (text.upper() if _SHOUTED.search(text) and not _SMALL.search(text) else text)


def _windows(text: str) -> str:
    return text.translate(_WINDOWS)


def _vni(data: bytes) -> str:
    text = _windows(data.decode("latin-1")).translate(VNI_LETTERS)
    return _VNI_PAIR.sub(lambda pair: VNI_PAIRS[pair[0]], text)


def _viscii(data: bytes) -> str:
    return data.decode("latin-1").translate(VISCII)


def _cp1258(data: bytes) -> str:
    return normalize("NFC", data.decode("cp1258", "replace"))


def _marc8(data: bytes) -> str:
    # pymarc tells of broken three-byte signs on stderr; what came of them shows in the text.
    with redirect_stderr(io.StringIO()) if b"\x1b$" in data else nullcontext():
        text = "\x1f".join(map(_marc8_subfield, data.split(b"\x1f")))
    return _REFERENCE.sub(lambda found: chr(int(found[1], 16)), text)


def _marc8_subfield(data: bytes) -> str:
    try:
        return str(pymarc.marc8.MARC8ToUnicode(quiet=True).translate(data))
    except (IndexError, TypeError):  # an escape sequence cut short
        return data.decode("ascii", "replace")


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# In the order tried: the first wins where a short text could be in several.
_DECODERS: Mapping[str, Callable[[bytes], str]] = {
    "TCVN3": _tcvn3,
    "VNI": _vni,
    "CP1258": _cp1258,
    "VISCII": _viscii,
    "MARC-8": _marc8,
}
_SPELLINGS = {re.sub(r"\W", "", name.lower()): name for name in _DECODERS} | {
    "abc": "TCVN3", "tcvn": "TCVN3", "tcvn5712": "TCVN3", "vniwindows": "VNI", "windows1258": "CP1258",
    "ansel": "MARC-8", "utf8": "UTF-8",
}  # fmt: skip


def named(charset: str) -> str:
    """Return the set's name as we write it, for any usual spelling; '' for ''. Raises SourceError for another."""
    name = _SPELLINGS.get(re.sub(r"[\W_]", "", charset.lower()), "")
    if charset and not name:
        raise SourceError(f"unknown character set {charset}: give one of UTF-8, {', '.join(_DECODERS)}")
    return name


def decoder(name: str) -> Callable[[bytes], str]:
    """Return what reads bytes in this set; bytes that stand for nothing become �, nothing is raised."""
    return _DECODERS.get(name, _utf8)


def is_damaged_utf8(data: bytes) -> bool:
    """Return whether the bytes are UTF-8 but for a few: more letters of it come out whole than broken."""
    text = data.decode("utf-8", "replace")
    whole = sum(c > "\x7f" for c in text) - (broken := text.count("\ufffd"))
    return whole > broken


def is_marc8(data: bytes) -> bool:
    """Return whether the bytes make good MARC-8: most marks stand before a letter that can bear them."""
    text = _marc8(data)
    loose = sum("\u0300" <= c <= "\u036f" or "\x80" <= c < "\xa0" for c in text)
    return sum(c > "\x7f" for c in text) - loose > max(1, loose)


def unmixed(text: str) -> tuple[str, str]:
    """Return VNI or TCVN3 text that a program took for Western text and stored as Unicode, made whole, and its set.

    ("", "") where the text may well be what it seems: French and German names stay.
    """
    if _UNICODE.search(text) or not _SUSPECT.search(text) or _sense(text) >= 0:
        return "", ""
    data = b"".join(c.encode("latin-1" if c < "\u0100" else "cp1252") for c in text)
    for name in ("VNI", "TCVN3"):
        meant = _DECODERS[name](data)
        if _sense(meant) >= (1 if _IMPOSSIBLE.search(text) else 2):
            return meant, name
    return "", ""


def detect(samples: Iterable[bytes]) -> str:
    """Return the set in which the samples say most in Vietnamese, or '' where none makes sense of them.

    Samples are fields of records that are neither ASCII nor UTF-8.
    """
    plain = b" ".join(_CODE.sub(b" ", sample) for sample in islice(samples, SAMPLE))
    said = {name: decode(plain) for name, decode in _DECODERS.items()}
    best = max(said, key=lambda name: (_sense(said[name]), sum(map(_COMMON.__contains__, said[name]))))
    return best if _sense(said[best]) > 0 else ""


def _sense(text: str) -> int:
    """Return how many words with marks could be Vietnamese, less twice those that could not and stray signs."""
    words = [word for word in _WORDS.findall(text) if not word.isascii()]
    good = sum(len(word) <= _LONGEST_SYLLABLE and is_syllable(word.lower()) and _cased(word) for word in words)
    stray = sum(c > "\x7f" and not c.isalpha() and c not in _PUNCTUATION for c in text)
    return good - 2 * (len(words) - good) - 2 * stray


def _cased(word: str) -> bool:
    """Return whether no marked capital follows a small letter, as it does where a set was taken for another."""
    return not any(b > "\x7f" and b.isupper() and a.islower() for a, b in pairwise(word))
