"""What the fields of a MARC21 record mean: pymarc's `Record` → ours, noting all that was not taken as it stood."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from library.text import fold, has_diacritics, nfc
from retrieval.record import ADULTS, CHILDREN, PUPILS, Contributor, Identifier, Item, Link, Problem, Read, Record

Notes: TypeAlias = list[tuple[str, str]]  # what was found, and the text in question

_ISBD_END = re.compile(r"(?:\s+[/:;,=+]|[/:;,])*\s*$")  # marks that announce the next element; "C++" keeps its own
_NON_SORTING = dict.fromkeys(map(ord, "\x88\x89\x98\x9c"))  # control marks around "The"
_ODD_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_ABBREVIATED = re.compile(r"(?:\b[A-ZĐ]|\bTp|\bNxb|\bv\.v|\.\.)\.$")  # "H.", "Tp.", "..." keep their stop
_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)")
_SUBJECT_TAGS = ("600", "610", "611", "630", "648", "650", "651", "653", "655")
_ROLES = {
    "translator": ("trl", "dich", "nguoi dich", "bien dich", "translator"),
    "editor": (
        "edt",
        "chu bien",
        "bien soan",
        "hieu dinh",
        "bien tap",
        "suu tam",
        "tuyen chon",
        "gioi thieu",
        "editor",
    ),
    "illustrator": ("ill", "minh hoa", "ve", "tranh", "illustrator"),
    "author": ("aut", "tac gia", "author", "soan", "viet"),
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words}
_SPOKEN = "sưu tầm|tuyển chọn|biên soạn|giới thiệu|chủ biên|hiệu đính|biên dịch|dịch|minh họa|minh hoạ"
_SPOKEN_ROLE = re.compile(rf"\s+\(?((?:{_SPOKEN})(?:(?:\s*,\s*|\s+và\s+|\s*&\s*)(?:{_SPOKEN}))*)\b\)?[\s,;.]*")
_AUDIENCES = {"a": CHILDREN, "b": CHILDREN, "c": CHILDREN, "j": CHILDREN, "d": PUPILS}  # 008/22
_MATERIALS = {"e": "map", "f": "map", "g": "video", "i": "audiobook", "j": "audiobook", "c": "score", "d": "score",
              "m": "computer file"}  # leader/06  # fmt: skip
_UNKNOWN_LANGUAGES = ("", "und", "zxx", "mul", "xxx")


def to_record(number: int, marc: Any, notes: Notes) -> Read:
    """Return what the MARC record says. One without any title is not taken: nobody could be shown it."""
    title = _title(marc, notes)
    identity, named = _identity(marc, title.get("title", ""))
    if not title.get("title"):
        return Read(number, None, _problems(number, named, [*notes, ("no title (245)", "")], taken=False))
    year_text, year = _year(marc, notes)
    contributors = tuple(_contributors(marc))
    publication = _first(marc, "264", "260")
    record = Record(
        record_id=identity,
        **title,
        series=_clean(_first_of(marc, "490", "a", "830", "a")),
        original_title=_original(marc),
        contributors=contributors,
        publisher=_clean(_sub(publication, "b")),
        place=_clean(_sub(publication, "a")),
        year_text=year_text,
        year=year,
        edition=_clean(_first_of(marc, "250", "a")),
        extent=_clean(_first_of(marc, "300", "a")),
        language=_language(marc, title["title"]),
        material=_material(marc),
        audience=_audience(marc),
        classification=_clean(_first_of(marc, "082", "a", "084", "a")),
        subjects=tuple(_subjects(marc)),
        summary=_clean(" ".join(_sub(field, "a") for field in marc.get_fields("520")), ends=False),
        identifiers=tuple(_identifiers(marc, notes)),
        items=tuple(_items(marc)),
        links=tuple(_links(marc)),
        added_on=_added_on(marc),
    )
    return Read(number, record, _problems(number, named, notes, taken=True))


def _problems(number: int, named: str, notes: Notes, *, taken: bool) -> tuple[Problem, ...]:
    return tuple(Problem(number, named, what, taken, value) for what, value in notes)


def _clean(text: str, *, ends: bool = True) -> str:
    """Return the text in NFC, spaces squeezed, without the ISBD mark at its end or brackets left open by one."""
    text = _ODD_SPACE.sub(" ", nfc(text)).strip()
    if not ends:
        return text
    text = _ISBD_END.sub("", text)
    return text if _ABBREVIATED.search(text) else text.removesuffix(".").rstrip()


def _first(marc: Any, *tags: str) -> Any:
    return next(iter(marc.get_fields(*tags)), None)


def _sub(field: Any, *codes: str) -> str:
    return next(iter(field.get_subfields(*codes)), "") if field is not None and not field.control_field else ""


def _first_of(marc: Any, *tags_and_codes: str) -> str:
    pairs = zip(tags_and_codes[::2], tags_and_codes[1::2], strict=True)
    return next((text for tag, code in pairs for field in marc.get_fields(tag) if (text := _sub(field, code))), "")


def _control(marc: Any, tag: str) -> str:
    field = _first(marc, tag)
    return (field.data or "") if field is not None and field.control_field else ""


def _identity(marc: Any, title: str) -> tuple[str, str]:
    """Return the record's id and its control number as the source gives it.

    Koha's own number (999 $c) first, then 001; a record with neither goes by its first barcode, or by its contents.
    """
    named = _first_of(marc, "999", "c").strip() or _control(marc, "001").strip()
    if named:
        return nfc(named), nfc(named)
    barcode = _first_of(marc, "952", "p", "852", "p").strip()
    if barcode:
        return "b" + barcode, ""
    digest = hashlib.sha256(f"{title}|{_first_of(marc, '100', 'a')}|{_first_of(marc, '260', 'c')}".encode())
    return "x" + digest.hexdigest()[:16], ""


def _title(marc: Any, notes: Notes) -> dict[str, str]:
    field = _first(marc, "245")
    texts = _subfields(field, notes) if field is not None and not field.control_field else {}
    main, rest = texts.get("a", ""), texts.get("b", "")
    if not _clean(main):
        main = next((text for text in texts.values() if _clean(text)), "") or _heading(marc)
        notes += [("no title in 245 $a; the nearest text was taken", main)] if main else []
    part = ": ".join(_clean(text) for text in (texts.get("n", ""), texts.get("p", "")) if _clean(text))
    if not rest and (cut := re.search(r"\s*[:=]\s+|\s+[:=]\s*", main)):  # "Title : rest" kept whole in $a
        main, rest = main[: cut.start()], main[cut.end() :]
    volume = _first_of(marc, "490", "v")
    if not part and volume and not _first_of(marc, "490", "a"):
        part = _clean(volume, ends=False)
    return {"title": _clean(main), "subtitle": _clean(rest), "part": part}


def _subfields(field: Any, notes: Notes) -> dict[str, str]:
    """Return the first text of each code; a stray delimiter inside a text (code not a letter or digit) is healed."""
    texts: dict[str, str] = {}
    last = ""
    for each in field.subfields:
        if not each.code.isalnum():
            notes.append(("a subfield mark inside the text was taken as a space", each.value))
            texts[last] = f"{texts.get(last, '')} {each.value}".strip()
        elif each.code not in texts:
            last = each.code
            texts[last] = each.value
    return {code: text.translate(_NON_SORTING) for code, text in texts.items()}


def _heading(marc: Any) -> str:
    """Return what else a record without a title goes by: another title, or the heading standards are entered under."""
    return _first_of(marc, "130", "a", "240", "a", "246", "a", "730", "a", "110", "a", "100", "a")


def _original(marc: Any) -> str:
    return _clean(_first_of(marc, "765", "t", "240", "a", "246", "a"))


def _contributors(marc: Any) -> Iterable[Contributor]:
    for field in marc.get_fields("100", "110", "111", "700", "710", "711"):
        if field.tag[1:] != "00":
            corporate = _clean(_sub(field, "a"))
            yield from [Contributor(corporate, "corporate")] if corporate else []
            continue
        role = _role(field, "author" if field.tag == "100" else "other")
        names, *more = _SPOKEN_ROLE.split(_clean(_sub(field, "a")))
        for people, spoken in zip([names, *more[1::2]], [*more[::2], ""], strict=True):
            meant = _ROLE_OF.get(fold(re.split(r"\s*[,&]|\s+và\s", spoken)[0]), role)
            yield from (Contributor(name, meant) for name in _people(people, field.indicator1))


def _role(field: Any, default: str) -> str:
    told = (fold(text).strip(" .,;") for text in field.get_subfields("4", "e"))
    return next((_ROLE_OF[word] for word in told if word in _ROLE_OF), default)


def _people(text: str, indicator: str) -> list[str]:
    """Return the names in one subfield, in direct order: several are often crowded into it, some are inverted."""
    names = []
    for each in re.split(r"\s*[;&]\s*|\s+và\s+", text):
        words = [part.strip() for part in each.split(",") if part.strip()]
        if len(words) == 2 and (" " not in words[0] or indicator == "1"):
            words = [f"{words[1]} {words[0]}"]  # "Phụng, Vũ Trọng"
        names += [_clean(name) for name in words if re.search(r"[^\W\d]", name)]
    return names


def _year(marc: Any, notes: Notes) -> tuple[str, int | None]:
    told = _first_of(marc, "264", "c", "260", "c")
    text = _clean(told, ends=False).rstrip(" .,;")
    found = _YEAR.findall(text)
    if found:
        return text, int(found[-1] if re.search(r"in lại|tái bản", nfc(told)) else found[0])
    coded = _YEAR.fullmatch(_control(marc, "008")[7:11])
    if text and not coded:
        notes.append(("the year cannot be read", text))
    return text, int(coded[0]) if coded else None


def _language(marc: Any, title: str) -> str:
    told = [_first_of(marc, "041", "a").strip().lower()[:3], _control(marc, "008")[35:38].strip().lower()]
    known = [code for code in told if re.fullmatch("[a-z]{3}", code) and code not in _UNKNOWN_LANGUAGES]
    if known:
        return known[0]
    # A third of real catalogues leave the code out; Vietnamese text shows itself by its letters.
    return (
        "vie"
        if has_diacritics(title) and re.search("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", title.lower())
        else ""
    )


def _material(marc: Any) -> str:
    leader = str(marc.leader)
    if leader[6:7] in _MATERIALS:
        return _MATERIALS[leader[6]]
    if marc.get_fields("502"):
        return "thesis"
    if leader[7:8] == "s":
        return "newspaper" if _control(marc, "008")[21:22] == "n" else "periodical"
    return "book"


def _audience(marc: Any) -> str:
    told = fold(" ".join(_sub(field, "a") for field in marc.get_fields("521")))
    for audience, words in ((CHILDREN, ("thieu nhi", "nhi dong", "tre em", "juvenile")), (PUPILS, ("hoc sinh",))):
        if any(word in told for word in words):
            return audience
    if str(marc.leader)[6:7] != "a" or str(marc.leader)[7:8] == "s":
        return ADULTS  # 008/22 means other things there
    return _AUDIENCES.get(_control(marc, "008")[22:23], ADULTS)


def _subjects(marc: Any) -> Iterable[str]:
    seen = set()
    for field in marc.get_fields(*_SUBJECT_TAGS):
        free = field.tag == "653"
        texts = field.get_subfields("a") if free else [" - ".join(map(_clean, field.get_subfields(*"abtxyzv")))]
        for piece in (piece for text in texts for piece in re.split(r"\s*;\s*", text)):
            subject = _clean(piece)
            if subject and subject.lower() not in seen:
                seen.add(subject.lower())
                yield subject


def _identifiers(marc: Any, notes: Notes) -> Iterable[Identifier]:
    for field in marc.get_fields("020"):
        told = _sub(field, "a").strip()
        if not told:
            continue
        isbn = isbn13(told)
        if not isbn:
            notes.append(("not a valid ISBN, kept as another number", told))
        yield Identifier("isbn", isbn) if isbn else Identifier("other", _clean(told))
    for field in marc.get_fields("022"):
        if told := _sub(field, "a").strip():
            yield Identifier("issn", told)


def isbn13(text: str) -> str:
    """Return the ISBN in the text as 13 digits, or '' when there is none whose check digit is right."""
    found = re.match(r"[\s(]*((?:\d[\s-]?){9}(?:[\dXx]|(?:\d[\s-]?){3}\d))(?![\dXx])", text)
    digits = re.sub(r"[\s-]", "", found[1]).upper() if found else ""
    if len(digits) == 10 and sum((10 - i) * _digit(c) for i, c in enumerate(digits)) % 11 == 0:
        return (body := "978" + digits[:9]) + _check(body)
    if len(digits) == 13 and digits[:3] in ("978", "979") and _check(digits[:12]) == digits[12]:
        return digits
    return ""


def _digit(char: str) -> int:
    return 10 if char == "X" else int(char)


def _check(body: Sequence[str]) -> str:
    return str(-sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body)) % 10)


def _items(marc: Any) -> Iterable[Item]:
    """Yield the copies: Koha's 952, or 852 where the file has none of those."""
    shelf = " ".join(filter(None, (_first_of(marc, "082", "a").strip(), _first_of(marc, "082", "b").strip())))
    for field in marc.get_fields("952") or marc.get_fields("852"):
        koha = field.tag == "952"
        yield Item(
            barcode=nfc(_sub(field, "p").strip()),
            branch=nfc(_sub(field, *("ab" if koha else "b")).strip()),
            call_number=nfc(_sub(field, "o").strip() if koha else " ".join(field.get_subfields("h", "i")).strip())
            or nfc(shelf),
            room=_clean(_sub(field, "c"), ends=False),
            reading_only=koha and _sub(field, "7").strip() not in ("", "0"),
        )


def _links(marc: Any) -> Iterable[Link]:
    for field in marc.get_fields("856"):
        url = _sub(field, "u").strip()
        if re.match(r"https?://\S+$", url):
            yield Link(url, _clean(_sub(field, "y", "3", "z"), ends=False))


def _added_on(marc: Any) -> date | None:
    """Return when the newest copy came (952 $d), else when the record was made (008/00-05)."""
    copies = [day for field in marc.get_fields("952") if (day := _day(_sub(field, "d").strip(), "%Y-%m-%d"))]
    return max(copies) if copies else _day(_control(marc, "008")[:6], "%y%m%d")


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text[: 10 if "-" in form else 6], form).date()
    except ValueError:
        return None
