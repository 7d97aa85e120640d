"""What simple Dublin Core says of a title: the elements of an oai_dc record → ours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from xml.etree.ElementTree import Element

from library.text import nfc
from retrieval.record import Contributor, Identifier, Link, Problem, Read, Record
from retrieval.sources.codes import audience_of, language_code, material_of
from retrieval.sources.isbn import isbn13
from retrieval.sources.names import people

DIGITAL_COPY = "Bản số"
_WEB = re.compile(r"https?://\S+$")
_ISSN = re.compile(r"(?:urn:)?issn[\s:]*(\d{4}-?\d{3}[\dXx])$", re.I)
_ISBN = re.compile(r"(?:urn:)?isbn[\s:]*", re.I)
_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EXTENT = re.compile(r"\b\d+\s*(?:tr|p|trang|pages|tờ)\b", re.I)
_DEWEY = re.compile(r"\d{3}(?:\.\d+)?")


def to_record(number: int, identifier: str, metadata: Element) -> Read:
    """Return what the Dublin Core elements say, under the OAI identifier. A record without a title is not taken."""
    told = _texts(metadata)
    if not told["title"]:
        return Read(number, None, (Problem(number, identifier, "no title", taken=False),))
    title, _, subtitle = (part.strip() for part in re.sub(r"\s/\s.*", "", told["title"][0]).partition(": "))
    year_text = next((text for text in told["date"] if "T" not in text), "")
    year = _YEAR.search(year_text)
    record = Record(
        record_id=identifier,
        title=title or told["title"][0],
        subtitle=subtitle,
        original_title=next(iter(told["title"][1:]), ""),
        contributors=tuple(_contributors(told)),
        publisher=next(iter(told["publisher"]), ""),
        year_text=year_text,
        year=int(year[0]) if year else None,
        extent=next((text for text in told["format"] if _EXTENT.search(text)), ""),
        language=next((code for text in told["language"] if (code := language_code(text))), ""),
        material=next((kind for text in told["type"] if (kind := material_of(text))), "book"),
        audience=next((who for text in told["audience"] if (who := audience_of(text))), ""),
        classification=next((text for text in told["subject"] if _DEWEY.fullmatch(text)), ""),
        subjects=tuple(_subjects(told["subject"])),
        summary=max((text for text in told["description"] if not _WEB.match(text)), key=len, default=""),
        identifiers=tuple(_identifiers(told["identifier"])),
        links=tuple(Link(text, DIGITAL_COPY) for text in dict.fromkeys(told["identifier"]) if _WEB.match(text)),
        added_on=min(filter(None, map(_stamped, told["date"])), default=None),
    )
    unread = year_text and not year
    problems = (Problem(number, identifier, "the year cannot be read", True, year_text),) if unread else ()
    return Read(number, record, problems)


def _texts(metadata: Element) -> Mapping[str, Sequence[str]]:
    """Return the texts of each element by its local name: servers put Dublin Core into whatever namespace."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in metadata.iter():
        text = " ".join(nfc(each.text or "").split())
        if text and each is not metadata and isinstance(each.tag, str):
            found[each.tag.rpartition("}")[2].lower()].append(text)
    return found


def _contributors(told: Mapping[str, Sequence[str]]) -> Iterable[Contributor]:
    names: set[str] = set()
    for element, role in (("creator", "author"), ("contributor", "other")):
        for text in told[element]:
            for name in people(text, family_first="," in text):
                if name not in names:
                    names.add(name)
                    yield Contributor(name, role)


def _subjects(texts: Sequence[str]) -> list[str]:
    pieces = (piece for text in texts for piece in re.split(r"\s*[;|]\s*|\s*,\s+(?=[^,]+,)", text))
    return list(dict.fromkeys(piece for piece in pieces if piece and not _DEWEY.fullmatch(piece)))


def _identifiers(texts: Sequence[str]) -> Iterable[Identifier]:
    for text in texts:
        if issn := _ISSN.match(text):
            yield Identifier("issn", issn[1])
        elif isbn := isbn13(_ISBN.sub("", text)):
            yield Identifier("isbn", isbn)
        elif not _WEB.match(text):
            yield Identifier("other", text)


def _stamped(text: str) -> date | None:
    """Return the day of a repository's own time stamp (when the title came), None for a date of publication."""
    try:
        return date.fromisoformat(_DAY.match(text)[0]) if "T" in text and _DAY.match(text) else None  # type: ignore[index]
    except ValueError:
        return None
