"""What people write for a language, a kind of material or an audience → the word our records hold."""

from __future__ import annotations

import re
from collections.abc import Mapping

from library.text import fold
from retrieval.record import ADULTS, CHILDREN, PUPILS


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word.strip(): code for code, words in table.items() for word in (code, *words.split(","))}


_LANGUAGES = _by_word(
    {
        "vie": "vi, vn, viet, vietnamese, vietnam, viet nam, tieng viet, viet ngu",
        "eng": "en, english, anh, tieng anh, anh ngu",
        "fre": "fr, fra, french, francais, phap, tieng phap",
        "chi": "zh, zho, chinese, trung, tieng trung, tieng hoa, trung quoc",
        "ger": "de, deu, german, deutsch, duc, tieng duc",
        "rus": "ru, russian, nga, tieng nga",
        "jpn": "ja, japanese, nhat, tieng nhat",
        "kor": "ko, korean, han, tieng han, han quoc",
        "spa": "es, spanish, tay ban nha, tieng tay ban nha",
        "ita": "it, italian, tieng y",
        "lao": "lo, tieng lao",
        "khm": "km, khmer, tieng khmer, tieng kho me",
        "tha": "th, thai, tieng thai",
    }
)
_MATERIALS = _by_word(
    {
        "thesis": "theses, dissertation, luan van, luan an, khoa luan, do an, luan van thac si, luan an tien si",
        "newspaper": "bao, nhat bao, bao in",
        "periodical": "tap chi, an pham dinh ky, bao tap chi, journal, magazine, serial, cr",
        "map": "ban do, maps",
        "audiobook": "sach noi, audio, sound, am thanh, ghi am",
        "video": "phim, movingimage, moving image, bang hinh, dvd",
        "score": "ban nhac, musical score",
        "computer file": "phan mem, software, dataset, cd rom, tep may tinh, mx",
        "book": "sach, bk, books, giao trinh, sach tham khao, truyen, tai lieu",
    }
)
_THREE_LETTERS = re.compile(r"[a-z]{3}")


def language_code(text: str) -> str:
    """Return the ISO 639-2/B code for a code or a name in Vietnamese or English, '' when it is none we know."""
    told = _plain(text)
    return (
        _LANGUAGES.get(told)
        or _LANGUAGES.get(told.split(" ")[0] if re.match(r"[a-z]{2,3} [a-z]{2}$", told) else "")
        or (told if _THREE_LETTERS.fullmatch(told) and told not in ("und", "zxx", "mul", "xxx") else "")
    )


def material_of(text: str) -> str:
    """Return the kind of material a text names ("Luận văn thạc sĩ" → thesis), '' when it names none."""
    told = _plain(text)
    if told in _MATERIALS:
        return _MATERIALS[told]
    named = (kind for word, kind in _MATERIALS.items() if " " in word and word in told)
    return next(named, "")


def audience_of(text: str) -> str:
    """Return for whom a text says a title is: children, pupils, or everybody else."""
    told = _plain(text)
    if re.search(r"thieu nhi|nhi dong|tre em|juvenile|children", told):
        return CHILDREN
    return PUPILS if "hoc sinh" in told else ADULTS


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", fold(text)))
