"""What the coded and half-coded parts of a MARC21 record say: year, language, material, audience, classification."""

from __future__ import annotations

import re
from functools import lru_cache

from library.text import fold
from retrieval.record import ADULTS, CHILDREN, PUPILS
from retrieval.sources.marc_record import Marc, Notes
from retrieval.sources.marc_text import bare, clean

_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)")
_OTHER_ERA = re.compile(r"(?i)\b(?:PL|phật lịch|BE|B\.E)\b[.:]?\s*\d+")
_VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
_LANGUAGES = {
    "vie": "vi vn vnm viet vietnamese", "eng": "en anh english", "fre": "fr fra phap french", "rus": "ru nga russian",
    "chi": "zh zho cn trung hoa chinese", "ger": "de deu duc german", "jpn": "ja jp nhat japanese",
    "kor": "ko kr han korean", "spa": "es tay ban nha", "ita": "it y italian", "lao": "lo", "khm": "km khmer",
    "tha": "th thai", "por": "pt bo dao nha", "lat": "la latin", "cze": "cs ces", "dut": "nl nld", "gre": "el ell",
    "may": "ms msa", "per": "fa fas", "rum": "ro ron", "slo": "sk slk",
}  # fmt: skip
_LANGUAGE_OF = {word: code for code, words in _LANGUAGES.items() for word in (words, *words.split())} | {
    word: code
    for code, words in {"chi": ("trung quoc",), "kor": ("han quoc",), "jpn": ("nhat ban",)}.items()
    for word in words
}
_NO_LANGUAGE = frozenset(("", "und", "zxx", "mul", "xxx", "mis"))
_MATERIALS = {"e": "map", "f": "map", "g": "video", "i": "audiobook", "j": "audiobook", "c": "score", "d": "score",
              "m": "computer file"}  # leader/06, and 006/00  # fmt: skip
_CARRIERS = {"s": "audiobook", "v": "video", "m": "video", "a": "map"}  # 007/00
_KOHA_TYPES = {"CR": "periodical", "SER": "periodical", "MP": "map", "MAP": "map", "MU": "score", "VM": "video",
               "CF": "computer file"}  # 942 $c as Koha is delivered  # fmt: skip
_AUDIENCES = {"a": CHILDREN, "b": CHILDREN, "c": CHILDREN, "j": CHILDREN, "d": PUPILS}  # 008/22
_FOR_CHILDREN = re.compile(
    r"(?:(?:sach|truyen|truyen tranh|truyen ngan|truyen doc|van hoc|tho|tho ca|tu sach|kho|phong|phong doc|phong muon)"
    r"[ _]?)?(?:cho )?(?:thieu[ _]nhi|nhi dong)|(?:van hoc|truyen|tho|sach)(?: cho)? tre em"
)
_DDC = re.compile(r"'?\[?(\d{3}(?:\s?[./]\s?\d(?:[\d'/\s]*\d)?)?)(?![\d.])")


def year(marc: Marc, notes: Notes) -> tuple[str, int | None]:
    """Return the year as it stands and as a number, the latter only when it can be read with certainty."""
    told = marc.first_of(("264", "c"), ("260", "c"))
    text = clean(told).rstrip(" .,;:")
    found = _YEAR.findall(_OTHER_ERA.sub("", text))
    if found:
        return text, int(found[-1] if "in lại" in told or "tái bản" in told else found[0])
    coded = _YEAR.fullmatch(marc.control.get("008", "")[7:11])
    if text and not coded:
        notes.append(("the year cannot be read", text))
    return text, int(coded[0]) if coded else None


def language(marc: Marc, title: str) -> str:
    """Return the language of the text as a code of ISO 639-2/B, read from codes, codes of other lists and words."""
    told = marc.first("041", "a")
    for text in (told, marc.control.get("008", "")[35:38]) if told else (marc.control.get("008", "")[35:38],):
        if (code := _language(text)) not in _NO_LANGUAGE:
            return code
    # A third of real catalogues leave the code out; Vietnamese text shows itself by its letters.
    return "vie" if not title.isascii() and _VIETNAMESE.search(title) else ""


def _language(text: str) -> str:
    plain = text.strip(" .,;|#\\").lower()
    if len(plain) != 3 or not plain.isascii():
        plain = re.sub(r"^(?:tieng|chu) ", "", fold(plain))
        if len(plain) % 3 == 0 and plain[:3] in _LANGUAGES:
            return plain[:3]  # "viefre": several codes in one subfield, as was the rule once
    code = _LANGUAGE_OF.get(plain, plain)
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def material(marc: Marc) -> str:
    """Return the kind of material: by the leader, then by a thesis note, then by Koha's type and the carrier."""
    kind, level = marc.leader[6:7], marc.leader[7:8]
    if kind in _MATERIALS:
        return _MATERIALS[kind]
    if marc.get("502"):
        return "thesis"
    if level == "s":
        return "newspaper" if marc.control.get("008", "")[21:22] == "n" else "periodical"
    koha = _KOHA_TYPES.get(marc.first("942", "c").strip().upper(), "")
    if koha or kind in ("a", "t"):
        return koha or "book"
    return _MATERIALS.get(marc.control.get("006", "")[:1], _CARRIERS.get(marc.control.get("007", "")[:1], "book"))


def audience(marc: Marc, subjects: tuple[str, ...], rooms: set[str]) -> str:
    """Return whom the record says it is for: in a note, a subject, its code, or the name of the room of all copies."""
    if told := fold(" ".join(field.first("a") for field in marc.get("521"))):
        for meant, words in ((CHILDREN, ("thieu nhi", "nhi dong", "tre em", "juvenile")), (PUPILS, ("hoc sinh",))):
            if any(word in told for word in words):
                return meant
    if any(_for_children(subject) for subject in subjects) or (rooms and all(map(_for_children, rooms))):
        return CHILDREN
    if marc.leader[6:7] != "a" or marc.leader[7:8] == "s":
        return ADULTS  # 008/22 means other things there
    return _AUDIENCES.get(marc.control.get("008", "")[22:23], ADULTS)


@lru_cache(4096)  # a catalogue has few rooms, and many copies of a subject
def _for_children(text: str) -> bool:
    """Return whether a subject or room is one of children's books: "Văn học thiếu nhi", not "Giáo dục thiếu nhi"."""
    pieces = re.split(r"\s*(?: - |--|[,;()])\s*", text)
    return any(_FOR_CHILDREN.fullmatch(plain := fold(each)) or plain.startswith("juvenile ") for each in pieces)


def classification(marc: Marc) -> str:
    """Return the DDC number, without an author mark or the signs that divide it; else BBK, UDC or NLM as it stands."""
    if told := marc.first("082", "a"):
        found = _DDC.match(clean(told))
        return re.sub(r"[\s'/]", "", found[1]) if found else bare(told)
    return bare(marc.first_of(("084", "a"), ("080", "a"), ("060", "a")))
