"""Cuts a MARCXML stream into its <record> elements and reads each by itself: one that is broken spoils no other.

Document types and the entities they declare are never read, so none can expand or fetch anything.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from library.text import nfc
from retrieval.sources import charsets
from retrieval.sources.iso2709 import CUT_SHORT, TOO_LONG, BadRecord, Chunk
from retrieval.sources.marc_record import Field, Marc, Notes

_BLOCK = 1 << 20
_LONGEST = 4 << 20
_MARKS = re.compile(rb"<!--|-->|<!\[CDATA\[|\]\]>|<(/?)(?:[\w.-]+:)?record(?=[\s/>])")
_CLOSED_BY = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
_LONGEST_MARK = 80  # bytes kept so that a mark across two blocks is seen
_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_FIELDS = re.compile(rb"<(?:[\w.-]+:)?(?:leader|controlfield|datafield)[\s/>]")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']""")
_TAG = re.compile(r"[0-9A-Za-z]{3}")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*1?[0-9a-fA-F]|0*[12]?\d|0*3[01]);")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")
_TREE_TOO_DEEP = 32  # a record has three floors


def batches(file: IO[bytes]) -> Iterator[list[Chunk]]:
    """Yield the bytes of each MARC <record> of the stream, many at a time; a last one says that the file broke off.

    Memory stays flat whatever the file holds: what is longer than a record can be is given up.
    """
    cutter = _Cutter()
    for block in _in_utf8(file):
        if batch := cutter.feed(block):
            yield batch
    if batch := cutter.close():
        yield batch


def _in_utf8(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the stream in UTF-8, whatever encoding its first bytes or its declaration name."""
    block = file.read(_BLOCK)
    if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\x00" in block[:4]:
        encoding = "utf-16-le" if block[1:2] == b"\x00" else "utf-16-be"
    else:
        declared = _ENCODING.match(block.removeprefix(codecs.BOM_UTF8))
        encoding = declared[1].decode() if declared else "utf-8"
    try:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        plain = codecs.lookup(encoding).name in ("utf-8", "ascii")
    except LookupError:
        plain = True  # a set Python does not know: the records show what they are in
    while block:
        yield block if plain else decoder.decode(block).encode("utf-8", "replace")
        block = file.read(_BLOCK)


class _Cutter:
    """Finds the innermost <record> elements that hold MARC fields, passing over comments and CDATA."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0  # up to where marks were looked for
        self._start = -1  # where the <record> being read begins
        self._inside = b""  # "<!--" or "<![CDATA[" while in one
        self._root = b""
        self._tail = b""

    def feed(self, block: bytes) -> list[Chunk]:
        self._data += block
        self._tail = (self._tail + block)[-1000:]
        if not self._root and (root := _ROOT.search(re.sub(rb"(?s)<!--.*?-->", b"", self._data))):
            self._root = root[1]
        found = self._found(final=False)
        keep = self._start if self._start >= 0 else self._at
        if len(self._data) - keep > _LONGEST:
            found += self._given_up()
            keep = self._at
        self._data, self._at = self._data[keep:], self._at - keep
        self._start = 0 if self._start >= 0 else -1
        return found

    def close(self) -> list[Chunk]:
        found = self._found(final=True)
        whole = b"</" + self._root in self._tail or self._tail.rstrip().endswith(b"/>")
        if self._start >= 0 or not whole:
            found.append(Chunk(b"", CUT_SHORT))
        return found

    def _found(self, *, final: bool) -> list[Chunk]:
        chunks = []
        while mark := _MARKS.search(self._data, self._at):
            end = self._data.find(b">", mark.start()) if mark[1] is not None else mark.end() - 1
            if end < 0 and not final:
                break
            self._at = end + 1 or len(self._data)
            if chunk := self._read(mark):
                chunks.append(chunk)
        else:
            self._at = max(self._at, len(self._data) - _LONGEST_MARK)
        return chunks

    def _read(self, mark: re.Match[bytes]) -> Chunk | None:
        if self._inside:
            self._inside = b"" if mark[0] == _CLOSED_BY[self._inside] else self._inside
        elif mark[0] in _CLOSED_BY:
            self._inside = mark[0]
        elif mark[1] == b"":
            self._start = mark.start()
        elif mark[1] == b"/" and self._start >= 0:
            data, self._start = self._data[self._start : self._at], -1
            return Chunk(data) if _FIELDS.search(data) else None
        return None

    def _given_up(self) -> list[Chunk]:
        """Return what cannot be a record, having gone on behind it."""
        lost = [Chunk(self._data[self._start : self._start + 1000], TOO_LONG)] if self._start >= 0 else []
        self._inside, self._start = b"", -1
        self._at = max(self._at, len(self._data) - _LONGEST_MARK)
        return lost


def parse(data: bytes, charset: str, notes: Notes) -> Marc:
    """Return the record in one <record> element. Raises BadRecord.

    What other programs put into XML wrongly is mended: bytes that are not UTF-8 (taken as `charset`, or as the set
    they look like), control signs, and ampersands that should have been written &amp;.
    """
    before = len(notes)
    try:
        return _built(data, notes)
    except expat.ExpatError:
        notes[before:] = [("the XML of the record is broken and was mended", "")]
    try:
        return _built(_mended(data, charset), notes)
    except expat.ExpatError as exc:
        raise BadRecord(f"broken XML ({expat.errors.messages[exc.code]})") from exc


def _mended(data: bytes, charset: str) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        damaged = charsets.is_damaged_utf8(data)
        text = charsets.decoder("" if damaged else charset or charsets.detect([data]))(data)
    return _BARE_AMPERSAND.sub("&amp;", _FORBIDDEN.sub(" ", text)).encode("utf-8", "replace")


def _built(data: bytes, notes: Notes) -> Marc:
    builder = _Builder(notes)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.text
    parser.Parse(data, True)
    return Marc(builder.leader, builder.control, builder.fields)


class _Builder:
    """Puts one record together from what the parser meets."""

    def __init__(self, notes: Notes) -> None:
        self.leader = ""
        self.control: dict[str, str] = {}
        self.fields: list[Field] = []
        self._notes = notes
        self._text: list[str] = []
        self._tag = self._code = ""
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _TREE_TOO_DEEP:
            raise BadRecord("elements inside elements without end")
        kind = name.rpartition(":")[2]
        self._text = []
        if kind in ("controlfield", "datafield"):
            self._tag = attributes.get("tag", "")
            if not _TAG.fullmatch(self._tag):
                self._notes.append(("a field without a proper tag, left out", self._tag))
                self._tag = ""
            elif kind == "datafield":
                indicators = f"{attributes.get('ind1', ' '):1.1}{attributes.get('ind2', ' '):1.1}"
                self.fields.append(Field(self._tag, indicators, []))
        elif kind == "subfield":
            self._code = attributes.get("code", "")

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        kind = name.rpartition(":")[2]
        if kind == "subfield" and self._tag and self.fields:
            self._subfield(nfc("".join(self._text)))
        elif kind == "controlfield" and self._tag:
            self.control.setdefault(self._tag, nfc("".join(self._text)))
        elif kind == "leader":
            self.leader = "".join(self._text).ljust(24)[:24]
        self._text = []

    def _subfield(self, text: str) -> None:
        if len(self._code) == 1:
            self.fields[-1].subfields.append((self._code, text))
        elif text.strip():
            self._notes.append(("a subfield without a proper code, left out", text))
