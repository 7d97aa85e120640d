"""Harvests an OAI-PMH server: page after page from where it was left, in marcxml where the server has it.

What goes wrong is reported and what was good is kept. A server that loops, lies or breaks off ends the harvest, which
then says so (`complete` is False), and the next one goes on from the last page that was whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from retrieval.record import Problem, Read, SourceError
from retrieval.sources import oai_dc, oai_marc
from retrieval.sources.oai_http import Refused, Server, Unavailable
from retrieval.sources.oai_page import Ending, Entry, PageBroken, document, entries, local, text_of

MARCXML_NAMESPACE = "http://www.loc.gov/MARC21/slim"
DUBLIN_CORE = "oai_dc"
_MOST_EMPTY_PAGES = 100
_FIRST_ATTEMPTS = 2  # an operator is waiting to hear whether the address is right


class Circle(SourceError):
    """The server's list has no end: there is no use in going on from where it stands."""


@dataclass(frozen=True)
class About:
    """What a server says of itself."""

    granularity: str  # YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ
    formats: tuple[tuple[str, str], ...]  # (prefix, namespace)

    @property
    def best_prefix(self) -> str:
        """Return the prefix of its MARCXML, else of Dublin Core, which every server has."""
        by_name = (prefix for prefix, _ in self.formats if prefix.lower() in ("marcxml", "marc21", "marc"))
        by_namespace = (prefix for prefix, namespace in self.formats if namespace == MARCXML_NAMESPACE)
        return next(by_namespace, "") or next(by_name, "") or DUBLIN_CORE

    def stamp(self, moment: str) -> str:
        """Return the moment as fine as the server takes it: the day alone where it knows only days."""
        if len(self.granularity) == len("YYYY-MM-DD"):
            return moment[:10]
        return moment if "T" in moment else f"{moment}T00:00:00Z"


@dataclass(frozen=True)
class Got:
    """One entry of a page: deleted, or read (perhaps in vain)."""

    identifier: str
    read: Read | None  # None: deleted


@dataclass(frozen=True)
class Turned:
    """A page is done; `token` is where the next begins, '' at the end. `problems` are those of the page itself."""

    token: str
    response_date: str
    complete_size: int | None
    problems: tuple[Problem, ...] = ()


def about(server: Server) -> About:
    """Return what the server says of itself. Raises SourceError when it is none, or does not answer."""
    identify = _child(_asked(server, {"verb": "Identify"}), "Identify")
    granularity = text_of(next((each for each in identify if local(each) == "granularity"), None))
    try:
        listed = _child(_asked(server, {"verb": "ListMetadataFormats"}), "ListMetadataFormats")
    except Refused:
        return About(granularity, ())
    formats = [{local(each): text_of(each) for each in child} for child in listed]
    named = ((each.get("metadataPrefix", ""), each.get("metadataNamespace", "")) for each in formats)
    return About(granularity, tuple(named))


def _asked(server: Server, arguments: dict[str, str]) -> Element:
    attempt = 0
    while True:
        try:
            with server.answer(arguments) as pieces:
                return document(pieces)
        except Unavailable as exc:
            if attempt == _FIRST_ATTEMPTS or not server.wait(exc, attempt):
                raise
            attempt += 1


def _child(root: Element, name: str) -> Element:
    found = next((child for child in root if local(child) == name), None)
    if found is None:
        raise SourceError(f"it answers with <{local(root)}> and no {name}: is this the address of an OAI-PMH server?")
    return found


def pages(
    server: Server, first: dict[str, str], prefix: str, token: str = "", number: int = 0
) -> Iterator[Got | Turned]:
    """Yield the entries of the list and, after each page, where it turned.

    `first`: the arguments that begin the list; `token`: begin there instead. Ends with the list. Raises SourceError
    when it cannot go on; Refused with badResumptionToken when the server has forgotten the token.
    """
    tokens: set[str] = set()
    empty = 0
    while True:
        arguments = {"resumptionToken": token} if token else first
        page = _Pages(server, {"verb": "ListRecords", **arguments}, prefix, number)
        yield from page.got()
        number += page.count
        yield page.turned()
        token = page.ending.token
        if not token:
            return
        empty = 0 if page.count else empty + 1
        if token in tokens or arguments.get("resumptionToken") == token:
            raise Circle("the server goes in a circle: it gives a resumption token that it gave before")
        if empty > _MOST_EMPTY_PAGES:
            raise Circle(f"the server gives nothing but empty pages ({empty} of them), always with a next one")
        tokens.add(token)


class _Pages:
    """One page, asked for again while the server is busy or breaks off; no entry of it is given twice."""

    def __init__(self, server: Server, arguments: dict[str, str], prefix: str, number: int) -> None:
        self._server, self._arguments, self._number = server, arguments, number
        self._dublin_core = prefix == DUBLIN_CORE or not re.search("marc", prefix, re.I)
        self._given: set[str] = set()
        self._problems: list[str] = []
        self.ending, self.count = Ending(), 0

    def got(self) -> Iterator[Got]:
        attempt, mend = 0, False
        while True:
            try:
                yield from self._once(mend)
                return
            except Unavailable as exc:
                if not self._server.wait(exc, attempt):
                    raise
                attempt += 1
            except PageBroken as exc:
                if mend:
                    self._give_up(exc)
                    return
                mend = True

    def _once(self, mend: bool) -> Iterator[Got]:
        self.ending = Ending()
        with self._server.answer(self._arguments) as pieces:
            for entry in entries(pieces, self.ending, mend=mend):
                if entry.identifier in self._given:
                    continue
                if entry.identifier:
                    self._given.add(entry.identifier)
                self.count += 1
                yield self._got(entry)
        if mend:
            self._problems.append("a page held characters that XML does not allow; they were put right")

    def _give_up(self, broken: PageBroken) -> None:
        """Go on with the next page where the broken one still tells it; else the harvest ends here."""
        if not broken.token:
            raise broken
        self.ending.token = broken.token
        self._problems.append(f"{_LOST}: {broken}")

    def turned(self) -> Turned:
        told = [*self._problems, *sorted(self.ending.notes)]
        problems = tuple(Problem(0, "", what, taken=not what.startswith(_LOST)) for what in told)
        return Turned(self.ending.token, self.ending.response_date, self.ending.complete_size, problems)

    def _got(self, entry: Entry) -> Got:
        number = self._number + self.count
        if not entry.identifier:
            return Got("", _refused(number, "", "no OAI identifier in its header"))
        if entry.deleted:
            return Got(entry.identifier, None)
        if entry.metadata is None:
            return Got(entry.identifier, _refused(number, entry.identifier, "the server gives no metadata for it"))
        if self._dublin_core:
            return Got(entry.identifier, oai_dc.to_record(number, entry.identifier, entry.metadata))
        return Got(entry.identifier, oai_marc.to_record(number, entry.metadata))


_LOST = "a page broke off and its other records are missing"


def _refused(number: int, identifier: str, what: str) -> Read:
    return Read(number, None, (Problem(number, identifier, what, taken=False),))
