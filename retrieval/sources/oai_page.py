"""Reads one answer of an OAI-PMH server as it comes in: its entries one by one, then how it ends."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from retrieval.record import SourceError
from retrieval.sources.oai_http import Refused

LARGEST_PAGE = 512 << 20  # bytes, unzipped; servers give 100 to 1000 records a page, some megabytes
LARGEST_ENTRY = 16 << 20
_TAIL = 1 << 16
_TOKEN = re.compile(rb"<(?:\w+:)?resumptionToken[^>]*>\s*([^<\s][^<]*?)\s*<")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);|#)")
_CUT_ENTITY = re.compile(r"&[#\w]{0,10}$")


class PageBroken(SourceError):
    """A page's XML cannot be read to its end. `token` is where the next page begins, if that could still be seen."""

    def __init__(self, what: str, token: str = "") -> None:
        super().__init__(what)
        self.token = token


@dataclass(frozen=True)
class Entry:
    """One record of a page: its header, and its metadata unless it is deleted or the server left it out."""

    identifier: str
    deleted: bool
    metadata: Element | None


@dataclass
class Ending:
    """What a page says beside its entries; complete once the page is read."""

    token: str = ""
    complete_size: int | None = None
    response_date: str = ""
    notes: set[str] = field(default_factory=set)


def entries(pieces: Iterable[bytes], ending: Ending, *, mend: bool = False) -> Iterator[Entry]:
    """Yield the entries of a ListRecords answer and fill `ending`; memory stays flat.

    `mend`: put right what commonly breaks XML (control characters, a bare &). Raises PageBroken, and Refused for an
    error of the protocol.
    """
    page = _Page(ending)
    for piece in _mended(pieces) if mend else pieces:
        yield from page.feed(piece)
    yield from page.close()


def document(pieces: Iterable[bytes]) -> Element:
    """Return a short answer (Identify, ListMetadataFormats) whole. Raises PageBroken, Refused."""
    parser: ElementTree.XMLPullParser[Any] = ElementTree.XMLPullParser(("end",))
    size, piece = 0, b""
    try:
        for piece in pieces:
            size += len(piece)
            if size > LARGEST_ENTRY:
                raise PageBroken(f"the answer is longer than {LARGEST_ENTRY >> 20} MB")
            parser.feed(piece)
        parser.close()
        *_, (_, root) = _events(parser)
    except ElementTree.ParseError as exc:
        raise PageBroken(_what_it_is(piece, exc)) from exc
    for element in root:
        _refuse(element)
    return root


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def text_of(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


class _Page:
    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._parser: ElementTree.XMLPullParser[Any] = ElementTree.XMLPullParser(("start", "end"))
        self._open: list[Element] = []
        self._size = self._last_entry = 0
        self._tail = b""

    def feed(self, piece: bytes) -> Iterator[Entry]:
        self._size += len(piece)
        self._tail = (self._tail + piece)[-_TAIL:]
        self._parser.feed(piece)
        yield from self._read()
        if self._size > LARGEST_PAGE:
            raise self._broken(f"a page is longer than {LARGEST_PAGE >> 20} MB")
        if self._size - self._last_entry > LARGEST_ENTRY:
            raise self._broken(f"a record is longer than {LARGEST_ENTRY >> 20} MB")

    def close(self) -> Iterator[Entry]:
        try:
            self._parser.close()
        except ElementTree.ParseError as exc:
            raise self._broken(_what_it_is(self._tail, exc)) from exc
        yield from self._read()

    def _broken(self, what: str) -> PageBroken:
        found = _TOKEN.search(self._tail)
        return PageBroken(what, found[1].decode("utf-8", "replace") if found else "")

    def _read(self) -> Iterator[Entry]:
        """Yield what is whole by now; a parse error comes after it, in its place among the events."""
        try:
            for event, element in _events(self._parser):
                if event == "start":
                    self._begin(element)
                    continue
                self._open.pop()
                if len(self._open) == 2 and local(element) == "record":
                    self._last_entry = self._size
                    yield _entry(element)
                    self._open[-1].clear()  # read and done with
                elif len(self._open) in (1, 2):
                    self._end(element)
        except ElementTree.ParseError as exc:
            raise self._broken(_what_it_is(self._tail, exc)) from exc

    def _begin(self, element: Element) -> None:
        if not self._open:
            if local(element) != "OAI-PMH":
                raise PageBroken(f"it answers with <{local(element)}>, not with OAI-PMH: is this the right address?")
            if element.tag != "{http://www.openarchives.org/OAI/2.0/}OAI-PMH":
                self._ending.notes.add("the answer is not in the namespace of OAI-PMH 2.0; read all the same")
        self._open.append(element)

    def _end(self, element: Element) -> None:
        name = local(element)
        if name == "responseDate":
            self._ending.response_date = text_of(element)
        elif name == "resumptionToken":
            self._ending.token = text_of(element)
            size = element.get("completeListSize", "")
            self._ending.complete_size = int(size[:12]) if size.isdecimal() else None
        else:
            _refuse(element)


def _events(parser: ElementTree.XMLPullParser[Any]) -> Iterator[tuple[str, Element]]:
    return cast(Iterator[tuple[str, Element]], parser.read_events())  # only "start" and "end" were asked for


def _refuse(element: Element) -> None:
    if local(element) == "error":
        raise Refused(element.get("code", "error"), text_of(element))


def _entry(record: Element) -> Entry:
    header = next((child for child in record if local(child) == "header"), None)
    identifier = (
        next((text_of(each) for each in header if local(each) == "identifier"), "") if header is not None else ""
    )
    held = next((child for child in record if local(child) == "metadata"), None)
    deleted = header is not None and header.get("status") == "deleted"
    return Entry(identifier, deleted, next(iter(held), None) if held is not None else None)


def _what_it_is(start: bytes, exc: ElementTree.ParseError) -> str:
    if re.match(rb"\s*(?:<!doctype html|<html)", start, re.I):
        return "it answers with a web page, not with OAI-PMH: is this the right address?"
    return f"its XML cannot be read ({exc})"


def _mended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the page again as UTF-8 that XML allows."""
    decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
    for piece in pieces:
        text = rest + decoder.decode(piece)
        cut = _CUT_ENTITY.search(text)
        text, rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
        yield _allowed(text)
    yield _allowed(rest)


def _allowed(text: str) -> bytes:
    text = _REFERENCE.sub(lambda found: found[0] if _is_character(found) else " ", _CONTROL.sub(" ", text))
    return _BARE_AMPERSAND.sub("&amp;", text).encode()


def _is_character(reference: re.Match[str]) -> bool:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
