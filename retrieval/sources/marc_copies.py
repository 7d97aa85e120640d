"""The copies of a title in a MARC21 record: on the shelf (952, 852, 949), and on the web (856)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from retrieval.record import Item, Link
from retrieval.sources.marc_record import Field, Marc, Notes
from retrieval.sources.marc_text import clean

DIGITAL_COPY = "Bản số"
_BARCODE = re.compile(r"[A-Za-zĐđ]{0,6}[.\-/ ]?\d[\d.]{3,15}")
_URL = re.compile(r"(?i)https?://[^\s<>\"]+$")
_PICTURE = re.compile(r"(?i)\.(?:jpe?g|png|gif|webp)(?:\?\S*)?$")
_DAY = re.compile(r"(\d\d\d\d)-(\d\d)-(\d\d)")


def items(marc: Marc) -> Iterator[Item]:
    """Yield the copies: Koha's 952; else 852; else 949 where one of its subfields is a barcode."""
    shelf = " ".join(filter(None, (marc.first("082", "a").strip(), marc.first("082", "b").strip())))
    if koha := marc.get("952"):
        yield from (_koha_item(field, shelf) for field in koha)
    elif marc.get("852"):
        for field in marc.get("852"):
            yield from _holding(field, shelf)
    else:
        yield from filter(None, (_local_item(field, shelf) for field in marc.get("949")))


def _koha_item(field: Field, shelf: str) -> Item:
    texts: dict[str, str] = {}
    for code, text in field.subfields:
        texts.setdefault(code, text)
    return Item(
        texts.get("p", "").strip(),
        (texts.get("a", "") or texts.get("b", "")).strip(),
        texts.get("o", "").strip() or shelf,
        clean(texts.get("c", "")),
        texts.get("7", "").strip() not in ("", "0"),
    )


def _holding(field: Field, shelf: str) -> Iterator[Item]:
    """Yield the copies of an 852: one a barcode in $p, or in $j as Vietnamese systems write it; one if it has none."""
    call_number = clean(" ".join(field.all("hi"))) or shelf
    room, branch = clean(field.first("c")), clean(field.first("b") or field.first("a"))
    barcodes = field.all("p") or [each for text in field.all("j") for each in re.split(r"[,;]\s*", text)]
    for barcode in [barcode for each in barcodes if (barcode := clean(each))] or [""]:
        yield Item(barcode, branch, call_number, room)


def _local_item(field: Field, shelf: str) -> Item | None:
    found = next((text for code in "pib" if _BARCODE.fullmatch(text := field.first(code).strip())), "")
    if not found:
        return None
    branch = clean(field.first("l") or field.first("m"))
    return Item(found, branch, clean(field.first("o") or field.first("c")) or shelf)


def links(marc: Marc, notes: Notes) -> Iterator[Link]:
    """Yield the web addresses; one that is the work itself (second indicator 0 or 1) and has no label is named so."""
    for field in marc.get("856"):
        label = clean(field.first("y") or field.first("3") or field.first("z"))
        for told in field.all("u"):
            url = told.strip()
            url = f"http://{url}" if url.lower().startswith("www.") else url
            if not _URL.match(url):
                notes.append(("a link that is no web address, left out", told))
                continue
            itself = field.indicators[1:2] in ("0", "1") and not _PICTURE.search(url)
            yield Link(url, label or (DIGITAL_COPY if itself else ""))


def added_on(marc: Marc) -> date | None:
    """Return when the newest copy came (952 $d), else when the record was made (008/00-05)."""
    copies = [day for field in marc.get("952") if (told := field.first("d")) and (day := _day(told))]
    if copies:
        return max(copies)
    made = marc.control.get("008", "")[:6]
    if len(made) < 6 or not (made.isascii() and made.isdigit()):
        return None
    return _date(int(made[:2]) + (1900 if made[:2] >= "69" else 2000), int(made[2:4]), int(made[4:]))


def _day(told: str) -> date | None:
    found = _DAY.match(told.strip())
    return _date(int(found[1]), int(found[2]), int(found[3])) if found else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
