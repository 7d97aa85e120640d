"""Harvesting servers that loop, lie, break off or are something else: a clear end, and everything good kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count, pairwise
from pathlib import Path

import pytest

from retrieval.catalogue import Catalogue
from retrieval.harvest import Plan, harvest
from retrieval.harvests import Harvests
from retrieval.intake import Intake
from retrieval.record import SourceError
from retrieval.sources import oai_page
from retrieval.sources.oai_http import Server
from tests.retrieval.oai_servers import Reply, served

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
XML = {"Content-Type": "text/xml"}
OAI = 'xmlns="http://www.openarchives.org/OAI/2.0/"'
DC = '<dc:dc xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{}</dc:title></dc:dc>'

Page = Callable[[dict[str, str], int], str]  # (arguments, number of the ListRecords request) → the body of the page


def entry(number: int, title: str = "", *, metadata: bool = True) -> str:
    held = f"<metadata>{DC.format(title or f'Cuốn thứ {number}')}</metadata>" if metadata else ""
    return f"<record><header><identifier>oai:x:{number}</identifier></header>{held}</record>"


def token(text: str, size: int | None = None) -> str:
    told = f' completeListSize="{size}"' if size is not None else ""
    return f"<resumptionToken{told}>{text}</resumptionToken>"


def envelope(inside: str, root: str = f"<OAI-PMH {OAI}>") -> str:
    when = "<responseDate>2026-11-22T10:00:00Z</responseDate>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{root}{when}{inside}</{root[1:].split()[0].rstrip(">")}>'


def listed(*inside: str) -> str:
    return envelope(f"<ListRecords>{''.join(inside)}</ListRecords>")


class Liar:
    """A catalogue to harvest into; `waited` is what was not slept."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        self.harvests = Harvests(folder / "harvests.sqlite")
        self.waited: list[float] = []
        self._port = 0

    def harvest(
        self, answer: Callable[[dict[str, str], int], Reply], timeout_s: float = 5, whole: bool = False
    ) -> Intake:
        with served(answer, self._port) as url:
            self._port = int(url.split(":")[2].split("/")[0])  # the same address the next time
            with Server(url, timeout_s=timeout_s, sleep=self.waited.append, now=lambda: NOW) as server:
                return harvest(server, Plan(prefix="oai_dc", whole=whole), self.catalogue, self.harvests)

    def pages(self, page: Page, whole: bool = False) -> Intake:
        return self.harvest(paged(page), whole=whole)

    @property
    def titles(self) -> list[str]:
        return sorted(record.title for record in self.catalogue)


def paged(page: Page) -> Callable[[dict[str, str], int], Reply]:
    number = count(1)

    def answer(arguments: dict[str, str], _: int) -> Reply:
        if arguments["verb"] == "Identify":
            body = envelope("<Identify><granularity>YYYY-MM-DD</granularity></Identify>")
        elif arguments["verb"] == "ListMetadataFormats":
            body = envelope("<ListMetadataFormats/>")
        else:
            body = page(arguments, next(number))
        return 200, XML, body.encode("utf-8", "surrogatepass")

    return answer


@pytest.fixture
def liar(tmp_path: Path) -> Liar:
    return Liar(tmp_path)


def whats(account: Intake) -> str:
    return "; ".join(problem.what for problem in account.problems)


def test_the_same_token_again_ends_it(liar: Liar) -> None:
    account = liar.pages(lambda _, n: listed(entry(n), token("t1")))
    assert not account.complete
    assert "circle" in whats(account)
    assert liar.titles == ["Cuốn thứ 1", "Cuốn thứ 2"]


def test_the_same_page_under_new_tokens_ends_it(liar: Liar) -> None:
    account = liar.pages(lambda _, n: listed(entry(1), entry(2), token(f"t{n}")))
    assert not account.complete
    assert "only records that came before" in whats(account)
    assert len(liar.titles) == 2
    again = liar.pages(lambda _, n: listed(entry(1), entry(2)))  # mended: begun anew, not stuck at the loop's token
    assert again.complete


def test_pages_of_records_without_metadata_in_a_circle_end_too(liar: Liar) -> None:
    account = liar.pages(lambda _, n: listed(entry(1, metadata=False), token(f"t{n}")))
    assert "circle" in whats(account)
    assert liar.titles == []


def test_empty_pages_without_end_are_given_up(liar: Liar) -> None:
    account = liar.pages(lambda _, n: listed(entry(1) if n == 1 else "", token(f"t{n}")))
    assert "nothing but empty pages" in whats(account)


def test_a_wrong_size_is_told_and_deletes_nothing(liar: Liar) -> None:
    liar.pages(lambda _, n: listed(entry(1), entry(2)))
    account = liar.pages(lambda _, n: listed(entry(1), token("", 5)), whole=True)
    assert (account.complete, account.deleted) == (True, 0)
    assert [(p.what, p.value) for p in account.problems] == [
        ("the server said another number of records than it gave", "5 said, 1 given")
    ]


def test_a_page_that_breaks_off_costs_its_rest_and_no_other_page(liar: Liar) -> None:
    def page(arguments: dict[str, str], _: int) -> str:
        at = arguments.get("resumptionToken", "")
        if at == "t2":
            return listed(entry(3), "<record><header></record>", entry(4), token("t3"))
        return listed(entry(1), entry(2), token("t2")) if not at else listed(entry(5))

    account = liar.pages(page)
    assert not account.complete
    assert "broke off" in whats(account)
    assert liar.titles == ["Cuốn thứ 1", "Cuốn thứ 2", "Cuốn thứ 3", "Cuốn thứ 5"]
    healed = liar.pages(lambda a, n: listed(entry(1), entry(2), entry(3), entry(4), entry(5)))
    assert (healed.complete, len(liar.titles)) == (True, 5)


def test_a_page_cut_before_its_token_ends_it_and_the_next_harvest_begins_there(liar: Liar) -> None:
    whole = listed(entry(3), entry(4))

    def page(arguments: dict[str, str], _: int) -> str:
        return whole[: whole.index("oai:x:4")] if arguments.get("resumptionToken") else listed(entry(1), token("t2"))

    account = liar.pages(page)
    assert (account.complete, liar.titles) == (False, ["Cuốn thứ 1", "Cuốn thứ 3"])
    asked: list[str] = []

    def mended(arguments: dict[str, str], _: int) -> str:
        asked.append(arguments.get("resumptionToken", ""))
        return whole

    assert liar.pages(mended).complete
    assert (asked, len(liar.titles)) == (["t2"], 3)


@pytest.mark.parametrize("dirt", ["Cơm \x0b& cá", "Cơm \x00 cá", "Cơm &#11; cá", "Cơm &nbsp; cá", "Cơm \ud800 cá"])
def test_characters_that_xml_forbids_are_put_right(liar: Liar, dirt: str) -> None:
    account = liar.pages(lambda _, n: listed(entry(1), entry(2, dirt), entry(3)))
    assert account.complete
    assert "put right" in whats(account)
    assert len(liar.titles) == 3
    assert any(title.startswith("Cơm") and title.endswith("cá") for title in liar.titles)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<!DOCTYPE html><html><body><p>Trang chủ<br></body></html>", "web page"),
        ("<html><body>Trang chủ</body></html>", "this the address"),
        ("<rss><channel/></rss>", "this the address"),
        ("Xin chào", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_oai_server_is_refused_in_words(liar: Liar, body: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        liar.harvest(lambda arguments, n: (200, {}, body.encode()))


def test_a_web_page_instead_of_a_later_page_ends_it(liar: Liar) -> None:
    account = liar.pages(lambda _, n: listed(entry(1), token("t")) if n == 1 else "<html>Bảo trì<br></html>")
    assert not account.complete
    assert "answers with" in whats(account)
    assert liar.titles == ["Cuốn thứ 1"]


def test_a_wrong_namespace_is_read_and_told(liar: Liar) -> None:
    account = liar.pages(lambda _, n: envelope(f"<ListRecords>{entry(1)}</ListRecords>", '<OAI-PMH xmlns="urn:other">'))
    assert (account.complete, liar.titles) == (True, ["Cuốn thứ 1"])
    assert "namespace" in whats(account)


def test_records_without_metadata_or_identifier_are_counted(liar: Liar) -> None:
    nameless = "<record><header/><metadata/></record>"
    account = liar.pages(lambda _, n: listed(entry(1), entry(2, metadata=False), nameless, "<record/>"))
    assert (account.read, account.refused, account.stored.added) == (4, 3, 1)


def test_an_entity_bomb_goes_off_nowhere(liar: Liar) -> None:
    names = [chr(97 + n) for n in range(20)]
    bomb = "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in pairwise(names))
    body = listed(entry(1, "&t;")).replace("?><", f'?><!DOCTYPE x [<!ENTITY a "ha">{bomb}]><', 1)
    liar.pages(lambda _, n: body)
    assert liar.titles == ["&t;"]  # as it was written


def test_outer_entities_are_not_fetched(liar: Liar) -> None:
    body = listed(entry(1, "Có &secret; gì")).replace(
        "?><", '?><!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]><', 1
    )
    account = liar.pages(lambda _, n: body)
    assert "root:" not in " ".join(liar.titles)
    assert account.read == 1


def test_a_page_without_end_is_cut_and_what_came_is_kept(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oai_page, "LARGEST_PAGE", 200_000)
    account = liar.pages(lambda _, n: listed(*(entry(n) for n in range(2000)), token("t2")))
    assert not account.complete
    assert "longer than" in whats(account)
    assert 500 < len(liar.titles) < 2000


def test_a_record_without_end_is_cut(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oai_page, "LARGEST_ENTRY", 100_000)
    account = liar.pages(lambda _, n: listed(entry(1), entry(2, "a" * 400_000), token("t2")))
    assert "a record is longer than" in whats(account)
    assert liar.titles == ["Cuốn thứ 1"]


@pytest.mark.parametrize(
    ("status", "after", "waits"),
    [
        (503, "7", 7),
        (429, format_datetime(NOW + timedelta(seconds=90)), 90),
        (502, "soon", 1),
        (503, "", 1),
    ],
)
def test_a_busy_server_is_waited_for_as_long_as_it_asks(liar: Liar, status: int, after: str, waits: float) -> None:
    fair = paged(lambda _, n: listed(entry(1)))

    def answer(arguments: dict[str, str], number: int) -> Reply:
        return (status, {"Retry-After": after}, b"") if number == 3 else fair(arguments, number)

    assert liar.harvest(answer).complete
    assert liar.waited == [waits]


def test_a_server_that_wants_to_be_left_alone_for_a_day_is(liar: Liar) -> None:
    with pytest.raises(SourceError, match="busy"):
        liar.harvest(lambda arguments, n: (503, {"Retry-After": "86400"}, b""))
    assert liar.waited == []


def test_a_body_cut_short_is_asked_for_again_and_no_record_counts_twice(liar: Liar) -> None:
    fair = paged(lambda _, n: listed(*(entry(n) for n in range(50))))

    def answer(arguments: dict[str, str], number: int) -> Reply:
        status, headers, body = fair(arguments, number)
        cut = {"Content-Length": str(len(body) + 10)} if number == 3 else {}
        return status, {**headers, **cut}, body

    account = liar.harvest(answer, timeout_s=0.3)
    assert (account.complete, account.read, account.stored.added) == (True, 50, 50)


def test_bytes_that_are_no_gzip_are_a_broken_answer(liar: Liar) -> None:
    with pytest.raises(SourceError, match="does not answer"):
        liar.harvest(lambda arguments, n: (200, {"Content-Encoding": "gzip"}, b"not zipped"))


@pytest.mark.parametrize("there", ["http://example.com/oai", "ftp://127.0.0.1/oai", "file:///etc/passwd"])
def test_a_redirect_elsewhere_is_refused(liar: Liar, there: str) -> None:
    with pytest.raises(SourceError, match="not followed"):
        liar.harvest(lambda arguments, n: (302, {"Location": there}, b""))


def test_a_redirect_on_the_same_host_is_followed_but_not_in_a_circle(liar: Liar) -> None:
    fair = paged(lambda _, n: listed(entry(1)))

    def answer(arguments: dict[str, str], number: int) -> Reply:
        if number == 1:
            return 301, {"Location": "/other?verb=Identify"}, b""
        return fair(arguments, number)

    assert liar.harvest(answer).complete
    with pytest.raises(SourceError, match="circle"):
        liar.harvest(lambda arguments, n: (302, {"Location": "/oai?verb=Identify"}, b""))


def test_errors_of_the_protocol_inside_errors_of_http_are_understood(liar: Liar) -> None:
    body = envelope('<error code="badArgument">set is unknown</error>').encode()
    with pytest.raises(SourceError, match=r"badArgument.*set is unknown"):
        liar.harvest(lambda arguments, n: (422, XML, body))
    with pytest.raises(SourceError, match="HTTP 404"):
        liar.harvest(lambda arguments, n: (404, {}, b"not here"))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/oai", "example.com/oai", "http://", "http://[::"]
)
def test_only_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(SourceError):
        Server(url)


def test_nobody_there_is_told(liar: Liar) -> None:
    with served(lambda arguments, n: (200, {}, b"")) as url:
        pass
    with Server(url, sleep=liar.waited.append) as server, pytest.raises(SourceError, match="does not answer"):
        harvest(server, Plan(), liar.catalogue, liar.harvests)
    assert liar.waited == [1, 4]
