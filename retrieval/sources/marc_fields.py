"""What the fields of a MARC21 record mean: `Marc` → our `Record`, noting all that was not taken as it stood."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from retrieval.record import Identifier, Problem, Read, Record
from retrieval.sources import marc_codes as codes
from retrieval.sources import marc_copies as copies
from retrieval.sources.contributors import contributors
from retrieval.sources.isbn import isbn13
from retrieval.sources.marc_record import Field, Marc, Notes
from retrieval.sources.marc_text import bare, clean, unbracketed
from retrieval.sources.names import people

_SUBJECTS = frozenset(("600", "610", "611", "630", "648", "650", "651", "653", "655"))
_TITLE_AND_REST = re.compile(r"\s*[:=]\s+|\s+[:=]\s*")
_ELSEWHERE = (("130", "a"), ("240", "a"), ("246", "a"), ("730", "a"), ("110", "a"), ("100", "a"))


def to_record(number: int, marc: Marc, notes: Notes) -> Read:
    """Return what the MARC record says. One without any title is not taken: nobody could be shown it."""
    title, subtitle, part = _title(marc, notes)
    identity, named = _identity(marc, title)
    if not title:
        return Read(number, None, problems(number, named, [*notes, ("no title (245)", "")], taken=False))
    year_text, year = codes.year(marc, notes)
    items = tuple(copies.items(marc))
    subjects = tuple(_subjects(marc))
    record = Record(
        record_id=identity,
        title=title,
        subtitle=subtitle,
        part=part,
        series=bare(marc.first_of(("490", "a"), ("830", "a"), ("440", "a"))),
        original_title=_original(marc, title),
        contributors=tuple(contributors(marc)),
        publisher=unbracketed(marc.first_of(("264", "b"), ("260", "b"))),
        place=unbracketed(marc.first_of(("264", "a"), ("260", "a"))),
        year_text=year_text,
        year=year,
        edition=bare(marc.first("250", "a")),
        extent=bare(marc.first("300", "a")),
        language=codes.language(marc, title),
        material=codes.material(marc),
        audience=codes.audience(marc, subjects, {item.room for item in items if item.room}),
        classification=codes.classification(marc),
        subjects=subjects,
        summary=clean(" ".join(field.first("a") for field in marc.get("520"))),
        identifiers=tuple(_identifiers(marc, notes)),
        items=items,
        links=tuple(copies.links(marc, notes)),
        added_on=copies.added_on(marc),
    )
    return Read(number, record, problems(number, named, notes, taken=True))


def problems(number: int, named: str, notes: Notes, *, taken: bool) -> tuple[Problem, ...]:
    """Return the notes made on a record as problems of it."""
    return tuple(Problem(number, named, what, taken, value) for what, value in notes)


def _identity(marc: Marc, title: str) -> tuple[str, str]:
    """Return the record's id and its control number as the source gives it.

    Koha's own number (999 $c) first, then 001; a record with neither goes by its first barcode, or by its contents.
    """
    named = clean(marc.first("999", "c")) or clean(marc.control.get("001", ""))
    if named:
        return named, named
    if barcode := clean(marc.first_of(("952", "p"), ("852", "p"))):
        return "b" + barcode, ""
    digest = hashlib.sha256(f"{title}|{marc.first('100', 'a')}|{marc.first('260', 'c')}".encode())
    return "x" + digest.hexdigest()[:16], ""


def _title(marc: Marc, notes: Notes) -> tuple[str, str, str]:
    """Return title, rest of title and part."""
    field = next(iter(marc.get("245")), None)
    main, rest = (field.first("a"), field.first("b")) if field else ("", "")
    title = bare(main)
    if not title:
        main = next((text for text in _texts(field) if bare(text)), "") or marc.first_of(*_ELSEWHERE) or _linked(marc)
        title = bare(main)
        notes += [("no title in 245 $a; the nearest text was taken", main)] if title else []
    if not rest and (cut := _TITLE_AND_REST.search(title)):  # "Title : rest" kept whole in $a
        title, rest = bare(title[: cut.start()]) or title, title[cut.end() :]
    part = ": ".join(filter(None, map(bare, field.all("np")[:2]))) if field else ""
    if not part and (volume := marc.first("490", "v")) and not marc.first("490", "a"):
        part = clean(volume)
    return title, bare(rest), part


def _texts(field: Field | None) -> list[str]:
    return [text for code, text in field.subfields if code not in "6ch"] if field else []


def _linked(marc: Marc) -> str:
    """Return the title in its own script, from the 880 that is linked to 245, or ''."""
    return next((field.first("a") for field in marc.get("880") if field.first("6").startswith("245")), "")


def _original(marc: Marc, title: str) -> str:
    if told := bare(marc.first_of(("765", "t"), ("240", "a"), ("246", "a"))):
        return told
    return linked if (linked := bare(_linked(marc))) != title else ""


def _subjects(marc: Marc) -> Iterator[str]:
    seen = set()
    for field in marc.among(_SUBJECTS):
        for subject in _headings(field):
            if subject and subject.lower() not in seen:
                seen.add(subject.lower())
                yield subject


def _headings(field: Field) -> Iterator[str]:
    """Yield the subjects in one field: a heading with its subdivisions, or each of the free key words."""
    if field.tag == "653":
        texts = field.all("a")
    else:
        person = field.tag == "600" and " ".join(people(field.first("a"), family_first=field.indicators[:1] == "1"))
        parts = [person or text if code == "a" else text for code, text in field.subfields if code in "abtvxyz"]
        texts = [" - ".join(filter(None, map(bare, parts)))]
    for text in texts:
        for piece in text.split(";"):
            yield bare(re.sub(r"\s*--+\s*", " - ", piece))


def _identifiers(marc: Marc, notes: Notes) -> Iterator[Identifier]:
    for field in marc.get("020"):
        for told in filter(None, map(str.strip, field.all("a"))):
            isbn = isbn13(told)
            if not isbn:
                notes.append(("not a valid ISBN, kept as another number", told))
            yield Identifier("isbn", isbn) if isbn else Identifier("other", bare(told))
    for field in marc.get("022"):
        if told := clean(field.first("a")):
            yield Identifier("issn", told)
