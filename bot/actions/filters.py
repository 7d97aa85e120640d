"""What patrons' words for readers, languages, kinds of material and years mean to the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from bot.actions.base import Heard
from library.calendar import CalendarError, LibraryCalendar
from library.phrasing import Lang, Words
from library.text import fold, nfc, normalise
from retrieval.facets import Filters
from retrieval.record import CHILDREN, PUPILS

LANGUAGES: dict[str, tuple[Words, str]] = {
    "vie": (Words("tiếng Việt", "in Vietnamese"), r"tieng (viet|ta|minh)|vietnamese|viet ngu|tv"),
    "eng": (Words("tiếng Anh", "in English"), r"tieng anh|english|eng|anh ngu|anh van"),
    "fre": (Words("tiếng Pháp", "in French"), r"tieng phap|french|phap ngu"),
    "chi": (Words("tiếng Trung", "in Chinese"), r"tieng (trung|hoa|tau)|chinese|hoa ngu"),
    "jpn": (Words("tiếng Nhật", "in Japanese"), r"tieng nhat|japanese|nhat ngu"),
    "kor": (Words("tiếng Hàn", "in Korean"), r"tieng han|korean|han ngu"),
    "rus": (Words("tiếng Nga", "in Russian"), r"tieng nga|russian|nga ngu"),
    "ger": (Words("tiếng Đức", "in German"), r"tieng duc|german|duc ngu"),
    "khm": (Words("tiếng Khmer", "in Khmer"), r"tieng (khmer|kho me|mien)|khmer"),
}
MATERIALS: dict[str, tuple[Words, str]] = {
    "audiobook": (Words("sách nói", "audiobooks"), r"sach noi|audio ?books?"),
    "newspaper": (Words("báo", "newspapers"), r"(to |so |nhat )?bao( giay| in| ngay)?|newspapers?"),
    "periodical": (Words("tạp chí", "magazines"), r"(bao )?tap chi( \w+ \w+)?|magazines?|journals?|periodicals?"),
    "map": (Words("bản đồ", "maps"), r"ban do|maps?"),
    "thesis": (
        Words("luận văn, luận án", "theses"),
        r"(khoa )?luan (van|an)( \w+ \w+)?|khoa luan( tot nghiep)?|do an|thesis|theses",
    ),
    "video": (Words("phim", "videos"), r"phim|video|bang hinh|dvd|movies?"),
    "score": (Words("bản nhạc", "sheet music"), r"ban nhac|sheet music"),
}
AUDIENCES: dict[str, Words] = {CHILDREN: Words("thiếu nhi", "for children"), PUPILS: Words("học sinh", "for pupils")}
_CHILDREN = re.compile(
    r"thieu nhi|tre( em| con| nho)?|con nit|nhi dong|mam non|mau giao|nha tre|tieu hoc|cap (1|mot|i)|tui nho|be"
    r"|(cac )?chau|con nho|kids?|child(ren)?|toddlers?|preschool(ers)?"
)
_PUPILS = re.compile(
    r"hoc sinh|hs|thieu nien|tuoi teen|thcs|thpt|trung hoc|cap (2|3|hai|ba|ii|iii)|teens?|teenagers?|pupils?"
)
_AGE = re.compile(r"(\d{1,2})\s*tuoi|len\s*(\d{1,2})|(\d{1,2})[- ]year")
_GRADE = re.compile(r"(?:lop|grade)\s*(\d{1,2}|mot|hai|ba|bon|tu|nam|sau|bay|tam|chin|muoi(?: mot| hai)?)")
_NUMBERS = {
    "mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9, "muoi": 10,
    "muoi mot": 11, "muoi hai": 12,
}  # fmt: skip
_LAST_CHILD_AGE, _LAST_PUPIL_AGE, _LAST_CHILD_GRADE = 11, 17, 5


def narrowed(first: Filters, further: Filters) -> Filters:
    """Return both together; where both speak, the later word holds. New years put old ones away."""
    base = replace(first, year_from=None, year_to=None) if further.year_from or further.year_to else first
    return replace(base, **to_plain(further))


def to_plain(filters: Filters) -> dict[str, Any]:
    """Return the filters that are set, for a slot."""
    return {name: value for name, value in asdict(filters).items() if value is not None}


def described(filters: Filters, calendar: LibraryCalendar, lang: Lang) -> list[str]:
    """Return the filters in words: 'thiếu nhi', 'tiếng Anh', 'từ năm 2016', 'ở Cao Lãnh'."""
    named = [
        AUDIENCES.get(filters.audience or ""),
        LANGUAGES[filters.language][0] if filters.language in LANGUAGES else None,
        MATERIALS[filters.material][0] if filters.material in MATERIALS else None,
        _years(filters.year_from, filters.year_to),
        _at_branch(filters.branch, calendar),
    ]
    return [words.to(lang) for words in named if words]


def _years(first: int | None, last: int | None) -> Words | None:
    if first and last:
        return (
            Words(f"năm {first}", f"of {first}")
            if first == last
            else Words(f"năm {first}–{last}", f"of {first}–{last}")
        )
    if first:
        return Words(f"từ năm {first}", f"from {first} on")
    return Words(f"đến năm {last}", f"up to {last}") if last else None


def _at_branch(code: str | None, calendar: LibraryCalendar) -> Words | None:
    if not code:
        return None
    try:
        name = calendar.branch(code).name
    except CalendarError:
        return Words(f"ở {code}", f"at {code}")
    return Words(f"ở {name.vi}", f"at {name.en}")


def filters_of(heard: Heard, calendar: LibraryCalendar) -> tuple[Filters, list[str]]:
    """Return the filters this message names, and its words that narrow nothing but still say what is wanted.

    "truyện tranh", "giáo trình" and "người cao tuổi" are no codes of the catalogue: they are searched as words.
    """
    rest: list[str] = []

    def code(slot: str, meaning: Callable[[str], str | None]) -> str | None:
        codes = {said: meaning(said) for said in heard.all(slot)}
        rest.extend(said for said, found in codes.items() if found is None)
        return next(filter(None, codes.values()), None)

    audience = code("audience", audience_of)
    language = code("language", lambda said: _named(said, LANGUAGES))
    material = code("material", lambda said: _named(said, MATERIALS))
    year_from, year_to = years_of(heard)
    branch = next((each for each in map(calendar.find_branch, heard.all("branch")) if each), None)
    return Filters(year_from, year_to, audience, language, material, branch.code if branch else None), rest


def _named(said: str, names: Mapping[str, tuple[Words, str]]) -> str | None:
    forms = {fold(said).strip(), fold(normalise(said).text).strip()}
    matching = (code for code, (_, pattern) in names.items() if any(re.fullmatch(pattern, form) for form in forms))
    return said if said in names else next(matching, None)


def audience_of(said: str) -> str | None:
    """Return the catalogue's audience for "bé 5 tuổi", "lớp 9" or "học sinh"; None for grown-ups and for no group."""
    plain = fold(normalise(said).text)
    if age := _AGE.search(plain):
        return _by_age(int(next(filter(None, age.groups()))), _LAST_CHILD_AGE, _LAST_PUPIL_AGE)
    if grade := _GRADE.search(plain):
        return _by_age(_number(grade[1]) or 12, _LAST_CHILD_GRADE, 12)
    if re.search(rf"\b(?:{_CHILDREN.pattern})\b", plain) and not re.search(r"phu huynh|parents|co con", plain):
        return CHILDREN
    return PUPILS if re.search(rf"\b(?:{_PUPILS.pattern})\b", plain) else None


def _by_age(number: int, last_child: int, last_pupil: int) -> str | None:
    if number <= last_child:
        return CHILDREN
    return PUPILS if number <= last_pupil else None


def _number(words: str) -> int | None:
    return int(words) if words.isdigit() else _NUMBERS.get(words)


def years_of(heard: Heard) -> tuple[int | None, int | None]:
    """Return the first and last year meant: "sau 2015" is from 2016, "trước 2000" to 1999, "năm 1988" both."""
    text = fold(nfc(heard.text))
    first = last = None
    for entity in heard.tracker.latest_message.get("entities") or []:
        year = re.search(r"(?:1[5-9]|20)\d\d", str(entity.get("value")))
        if entity.get("entity") not in ("year_from", "year_to") or not year:
            continue
        before = text[: entity.get("start") or 0].split()[-2:]
        after = text[entity.get("end") or len(text) :].split()[:1]
        if entity["entity"] == "year_from":
            first = int(year[0]) + bool({"sau", "after"} & set(before))
            if before[-1:] == ["nam"] and not {"tu", "sau"} & set(before) and not {"tro", "den", "toi"} & set(after):
                last = last or int(year[0])
        else:
            last = int(year[0]) - bool({"truoc", "before"} & set(before))
    return (first, last) if not (first and last and first > last) else (last, first)
