"""OAI-PMH servers on the loopback: a real one from PyPI over a shelf of records, and one that answers as it is told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pymarc
import pytest

from retrieval.record import Record
from retrieval.sources.export import to_marc

Reply = tuple[int, Mapping[str, str], bytes]
Answer = Callable[[dict[str, str], int], Reply]  # (arguments, number of the request from 1)


@contextmanager
def served(answer: Answer, port: int = 0) -> Iterator[str]:
    """Serve what `answer` gives and yield the base address."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal count
            count += 1
            status, headers, body = answer(dict(parse_qsl(urlsplit(self.path).query)), count)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/oai"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Shelved:
    record: Record
    changed: datetime
    sets: tuple[str, ...] = ()
    deleted: bool = False


@dataclass
class Shelf:
    """What the real server serves: change it between harvests."""

    books: dict[str, Shelved] = field(default_factory=dict)
    with_marcxml: bool = True
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    batch: int = 10
    asked: list[dict[str, str]] = field(default_factory=list)

    def put(self, record: Record, changed: datetime, *sets: str) -> None:
        self.books[f"oai:shelf:{record.record_id}"] = Shelved(record, changed, sets)

    def remove(self, record_id: str, at: datetime) -> None:
        shelved = self.books[f"oai:shelf:{record_id}"]
        shelved.deleted, shelved.changed = True, at

    def answer(self, arguments: dict[str, str], number: int) -> Reply:
        self.asked.append(arguments)
        body: bytes = self._server().handleRequest(dict(arguments))
        return 200, {"Content-Type": "text/xml", "Content-Encoding": "gzip"}, gzip.compress(body)

    def _server(self) -> Any:
        oaipmh_server = pytest.importorskip("oaipmh.server")
        metadata = pytest.importorskip("oaipmh.metadata")
        registry = metadata.MetadataRegistry()
        registry.registerWriter("oai_dc", oaipmh_server.oai_dc_writer)
        registry.registerWriter("marcxml", _marcxml_writer)
        return oaipmh_server.BatchingServer(_Repository(self), registry, resumption_batch_size=self.batch)


class _Repository:
    """The interface the server package asks for, over the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def identify(self) -> Any:
        from oaipmh.common import Identify

        return Identify("Kệ sách", "http://127.0.0.1/oai", "2.0", ["a@example.org"], datetime(2000, 1, 1), "persistent",
                        self._shelf.granularity, ["identity"], toolkit_description=False)  # fmt: skip

    def listMetadataFormats(self, identifier: str | None = None) -> list[tuple[str, str, str]]:
        dublin_core = ("oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc.xsd",
                       "http://www.openarchives.org/OAI/2.0/oai_dc/")  # fmt: skip
        marc = ("marcxml", "http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd",
                "http://www.loc.gov/MARC21/slim")  # fmt: skip
        return [dublin_core, marc] if self._shelf.with_marcxml else [dublin_core]

    def listRecords(
        self, metadataPrefix: str, from_: datetime | None = None, until: datetime | None = None,
        set: str | None = None, cursor: int = 0, batch_size: int = 10,
    ) -> list[tuple[Any, Any, None]]:  # fmt: skip
        from oaipmh.common import Header, Metadata

        found = [
            (Header(None, identifier, each.changed, each.sets, each.deleted), Metadata(None, _dublin_core(each.record)),
             None)
            for identifier, each in self._shelf.books.items()
            if (not from_ or each.changed >= from_) and (not set or set in each.sets)
        ]  # fmt: skip
        return found[cursor : cursor + batch_size]

    listIdentifiers = getRecord = listSets = None


def _dublin_core(record: Record) -> dict[str, Any]:
    return {
        "record": record,
        "title": [record.title],
        "creator": [who.name for who in record.contributors],
        "subject": list(record.subjects),
        "date": [str(record.year)] if record.year else [],
        "language": ["vi"],
        "identifier": [
            f"http://example.org/{record.record_id}",
            *(f"ISBN {each.value}" for each in record.identifiers),
        ],
        "rights": ["© Kệ sách"],
    }


def _marcxml_writer(element: Any, metadata: Any) -> None:
    from lxml import etree

    element.append(etree.fromstring(pymarc.record_to_xml(to_marc(metadata.getMap()["record"]), namespace=True)))
