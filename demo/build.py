"""Builds the demo catalogue, `catalogue.mrc` and `catalogue.xml`, from the works listed in `catalogue/*.yml`.

Run `python demo/build.py` after changing a work. The same lists always give the same bytes; call numbers, barcodes and
dates of arrival are made up from each work's name, so that adding one work changes no other.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pymarc
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # this is a script of the checkout, not a module of the product

from library.text import fold, nfc, tokens  # noqa: E402

Work = Mapping[str, Any]

BRANCHES = ("MT", "CL", "SD", "LD")
_REQUIRED = ("title", "ddc", "subjects", "summary", "copies")
_OPTIONAL = ("part", "series", "author", "corporate", "translator", "original", "year", "publisher", "isbn",
             "first_published", "audience", "language", "material", "reading_only")  # fmt: skip
_MATERIALS = {  # leader/06, leader/07, 008/21
    "book": "am ", "periodical": "asp", "newspaper": "asn", "map": "em ", "audiobook": "im ", "thesis": "am ",
}  # fmt: skip
_AUDIENCE_CODES = {"thiếu nhi": "j", "học sinh": "d"}
_FIRST_ARRIVAL, _LAST_ARRIVAL = date(2023, 1, 3), date(2026, 11, 17)


class ListError(Exception):
    """A list of works is not as it must be. The message names file and work."""


def main() -> None:
    works = list(read_works(HERE / "catalogue"))
    records = [to_marc(work) for work in works]
    (HERE / "catalogue.mrc").write_bytes(b"".join(record.as_marc() for record in records))
    (HERE / "catalogue.xml").write_bytes(to_xml(records))
    print(f"{len(records)} records, {sum(sum(work['copies'].values()) for work in works)} copies")


def read_works(folder: Path) -> Iterator[Work]:
    """Yield every work once, in the order of files and lists; a work listed twice has the copies of both."""
    works: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.yml")):
        for work in yaml.safe_load(path.read_text(encoding="utf-8")):
            _check(work, path)
            number = number_of(work)
            if number in works and works[number]["title"] != work["title"]:
                raise ListError(f"{path.name}: “{work['title']}” and “{works[number]['title']}” get one number")
            if number in works:
                copies = works[number]["copies"]
                works[number]["copies"] = {b: copies.get(b, 0) + work["copies"].get(b, 0) for b in BRANCHES}
            else:
                works[number] = work
    yield from works.values()


def _check(work: Work, path: Path) -> None:
    name = f"{path.name}: “{work.get('title', '?')}”"
    if missing := [key for key in _REQUIRED if not work.get(key)]:
        raise ListError(f"{name}: {', '.join(missing)} missing")
    if unknown := work.keys() - {*_REQUIRED, *_OPTIONAL}:
        raise ListError(f"{name}: unknown {', '.join(sorted(unknown))}")
    if str(work) != nfc(str(work)):
        raise ListError(f"{name}: not in NFC")
    if work.get("material", "book") not in _MATERIALS or work.get("audience", "thiếu nhi") not in _AUDIENCE_CODES:
        raise ListError(f"{name}: material or audience is none of ours")
    if not re.match(r"\d{3}(\.\d+)?$", str(work["ddc"])) or not set(work["copies"]) <= set(BRANCHES):
        raise ListError(f"{name}: ddc or branch is none of ours")


def number_of(work: Work) -> int:
    """Return the control number: made from title, part, author and kind, so that it stays when the lists grow."""
    name = f"{work['title']}|{work.get('part', '')}|{_authors(work)}|{work.get('material', 'book')}"
    return 1_000_000 + zlib.crc32(name.encode()) % 9_000_000


def _authors(work: Work) -> list[str]:
    told = work.get("author") or []
    return [told] if isinstance(told, str) else list(told)


def to_marc(work: Work) -> pymarc.Record:
    kind = _MATERIALS[work.get("material", "book")]
    record = pymarc.Record(leader=f"     n{kind[:2]} a22     2a 4500", force_utf8=True)
    record.add_field(*_control_fields(work, kind), *_name_fields(work), *_text_fields(work), *_item_fields(work))
    record.fields.sort(key=lambda field: field.tag)
    return record


def _control_fields(work: Work, kind: str) -> Iterable[pymarc.Field]:
    arrived = arrival(work)
    year = str(work.get("year", "")) or "    "
    audience = _AUDIENCE_CODES.get(work.get("audience", ""), " ")
    details = f"   {kind[2]}{audience}           "  # 008/18-33, of which only 21 and 22 are told
    yield pymarc.Field("001", data=str(number_of(work)))
    yield pymarc.Field("005", data=f"{arrived:%Y%m%d}080000.0")
    yield pymarc.Field("008", data=f"{arrived:%y%m%d}s{year}    vm {details} {work.get('language', 'vie')}  ")


def _name_fields(work: Work) -> Iterable[pymarc.Field]:
    authors, corporate = _authors(work), work.get("corporate")
    for tag, name in zip(("100", *["700"] * len(authors)), authors, strict=False):
        yield _field(tag, "0 ", a=name)
    if corporate:
        yield _field("710" if authors else "110", "2 ", a=corporate)
    if translator := work.get("translator"):
        yield _field("700", "0 ", a=f"{translator},", e="dịch")


def _text_fields(work: Work) -> Iterable[pymarc.Field]:
    authors = ", ".join(_authors(work)) or work.get("corporate", "")
    said = f"{authors} ; {work['translator']} dịch" if work.get("translator") else authors
    slash = " /" if said else ""
    if work.get("isbn"):
        yield _field("020", "  ", a=str(work["isbn"]))
    yield _field("041", "1 " if work.get("original") else "0 ", a=work.get("language", "vie"))
    yield _field("082", "04", a=str(work["ddc"]), **{"2": "23"})
    yield _field("245", "10" if authors else "00", **_title(work, slash), c=said)
    publisher, year = work.get("publisher", ""), str(work.get("year", ""))
    if publisher or year:
        yield _field("260", "  ", b=publisher + ("," if publisher and year else ""), c=year)
    if series := work.get("series"):
        yield _field("490", "0 ", a=series)
    if first := work.get("first_published"):
        yield _field("500", "  ", a=f"Xuất bản lần đầu năm {first}")
    if work.get("material") == "thesis":
        yield _field("502", "  ", a="Luận văn")
    yield _field("520", "  ", a=work["summary"])
    if audience := work.get("audience"):
        yield _field("521", "  ", a=audience.capitalize())
    yield from (_field("653", "  ", a=subject) for subject in work["subjects"])
    if original := work.get("original"):
        yield _field("765", "0 ", t=original)


def _title(work: Work, slash: str) -> dict[str, str]:
    """Return the subfields of the title with ISBD's marks between them: a. n / and a : b /."""
    main, _, rest = work["title"].partition(": ")
    if part := work.get("part"):
        return {"a": f"{work['title']}.", "n": part + slash}
    return {"a": f"{main} :", "b": rest + slash} if rest else {"a": main + slash}


def _item_fields(work: Work) -> Iterable[pymarc.Field]:
    number, arrived = number_of(work), arrival(work)
    for branch in BRANCHES:
        for copy in range(1, work["copies"].get(branch, 0) + 1):
            yield _field(
                "952", "  ", a=branch, b=branch, c=room(work, branch), d=arrived.isoformat(), o=call_number(work),
                p=f"{branch}{number}{copy:02}", **{"7": "1" if work.get("reading_only") else "0"},
            )  # fmt: skip


def _field(tag: str, indicators: str, **subfields: str) -> pymarc.Field:
    kept = [pymarc.Subfield(code, value) for code, value in subfields.items() if value]
    return pymarc.Field(tag, pymarc.Indicators(*indicators), kept)


def call_number(work: Work) -> str:
    """Return the shelf mark: Dewey and the author's mark, the first letters of first and last name or of the title."""
    words = [token.folded.upper() for token in tokens((_authors(work) or [work.get("corporate") or work["title"]])[0])]
    mark = words[0][:2] + (f"-{words[-1][0]}" if len(words) > 1 else "")
    volume = re.search(r"\d+", work.get("part", ""))
    return f"{work['ddc']} / {mark}" + (f" T.{volume[0]}" if volume else "")


def room(work: Work, branch: str) -> str:
    """Return the code of the room where the copies of this branch stand, as the calendar names it."""
    if branch == "LD":
        return ""
    if work.get("audience") == "thiếu nhi":
        return "thieu_nhi"
    if not work.get("reading_only"):
        return "muon"
    if branch == "MT":
        serial = work.get("material") in ("newspaper", "periodical")
        local = any("dia chi" in fold(subject) for subject in work["subjects"])
        return "bao" if serial else "dia_chi" if local else "doc"
    return "doc" if branch == "CL" else "muon"  # Sa Đéc lends and reads in one room


def arrival(work: Work) -> date:
    days = (_LAST_ARRIVAL - _FIRST_ARRIVAL).days
    return _FIRST_ARRIVAL + timedelta(zlib.crc32(str(number_of(work)).encode()) % days)


def to_xml(records: Iterable[pymarc.Record]) -> bytes:
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n'
    return head + b"".join(pymarc.record_to_xml(record) + b"\n" for record in records) + b"</collection>\n"


if __name__ == "__main__":
    main()
