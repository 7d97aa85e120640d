"""Harvesting a server that keeps to the protocol: formats, sets, pages, changes, deletions, interruptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retrieval.catalogue import Catalogue
from retrieval.harvest import Plan, harvest
from retrieval.harvests import Harvests
from retrieval.intake import Intake
from retrieval.record import SourceError
from retrieval.sources.oai_http import Server
from tests.retrieval.conftest import BOOKS, book
from tests.retrieval.oai_servers import Reply, Shelf, served

LONG_AGO = datetime(2020, 1, 1)


def soon() -> datetime:
    """A moment after the harvest that ran just now, on the server's own clock."""
    return (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None, microsecond=0)


@dataclass
class Harvester:
    """A catalogue and its harvests, and the waiting it did not have to do."""

    catalogue: Catalogue
    harvests: Harvests
    waited: list[float]

    def __call__(self, url: str, plan: Plan = Plan()) -> Intake:
        with Server(url, timeout_s=5, sleep=self.waited.append) as server:
            account = harvest(server, plan, self.catalogue, self.harvests)
        assert account.read == account.stored.total + account.repeated + account.refused
        return account

    @property
    def titles(self) -> set[str]:
        return {record.title for record in self.catalogue}


@pytest.fixture
def harvester(tmp_path: Path) -> Iterator[Harvester]:
    found = Harvester(Catalogue(tmp_path / "catalogue.sqlite"), Harvests(tmp_path / "harvests.sqlite"), [])
    yield found
    found.catalogue.close()
    found.harvests.close()


@pytest.fixture
def shelf() -> Shelf:
    pytest.importorskip("oaipmh")
    shelf = Shelf(batch=3)
    for each in BOOKS:
        shelf.put(each, LONG_AGO, "sach" if each.material == "book" else "bao")
    return shelf


def test_everything_comes_as_marcxml_where_the_server_has_it(harvester: Harvester, shelf: Shelf) -> None:
    with served(shelf.answer) as url:
        account = harvester(f"{url}?verb=Identify")  # copied from a browser
    assert (account.complete, account.stored.added, account.problems) == (True, len(BOOKS), ())
    assert harvester.catalogue.many([each.record_id for each in BOOKS]) == {each.record_id: each for each in BOOKS}
    assert {asked.get("metadataPrefix") for asked in shelf.asked} == {None, "marcxml"}


def test_dublin_core_is_read_where_there_is_nothing_better(harvester: Harvester, shelf: Shelf) -> None:
    shelf.with_marcxml = False
    with served(shelf.answer) as url:
        assert harvester(url).complete
    found = harvester.catalogue.get("oai:shelf:1")
    assert found
    assert (found.title, found.author, found.year, found.isbn) == ("Số đỏ", "Vũ Trọng Phụng", 1988, "9786041000018")
    assert (found.language, found.subjects) == ("vie", ("Tiểu thuyết trào phúng",))
    assert [(link.url, link.label) for link in found.links] == [("http://example.org/1", "Bản số")]


def test_only_what_changed_comes_the_next_time_and_what_is_deleted_goes(harvester: Harvester, shelf: Shelf) -> None:
    with served(shelf.answer) as url:
        harvester(url)
        shelf.put(book("5", "Truyện Kiều (chú giải)", "Nguyễn Du"), soon())
        shelf.put(book("12", "Nhật ký trong tù", "Hồ Chí Minh"), soon())
        shelf.remove("7", soon())
        account = harvester(url)
        assert (account.read, account.stored.added, account.stored.changed, account.deleted) == (2, 1, 1, 1)
        assert "Dương Từ - Hà Mậu" not in harvester.titles
        shelf.books.clear()  # noRecordsMatch: nothing new is no error
        again = harvester(url)
    assert (again.complete, again.read, again.deleted) == (True, 0, 0)
    assert {"Truyện Kiều (chú giải)", "Nhật ký trong tù", "Số đỏ"} <= harvester.titles


def test_the_date_is_as_fine_as_the_server_takes_it(harvester: Harvester, shelf: Shelf) -> None:
    shelf.granularity = "YYYY-MM-DD"
    with served(shelf.answer) as url:
        harvester(url)
        harvester(url)
    asked = [each["from"] for each in shelf.asked if "from" in each]
    assert asked
    assert all(len(day) == len("2026-11-22") for day in asked)


def test_one_set_under_a_library_s_code(harvester: Harvester, shelf: Shelf) -> None:
    with served(shelf.answer) as url:
        account = harvester(url, Plan(set_spec="bao", library="HN"))
        assert (account.stored.added, harvester.titles) == (1, {"Tuổi Trẻ"})
        found = harvester.catalogue.get("HN:8")
        assert found
        assert found.library == "HN"
        with pytest.raises(SourceError, match="cannotDisseminateFormat"):
            harvester(url, Plan(prefix="mods"))


def test_the_whole_anew_deletes_what_the_server_has_no_more(harvester: Harvester, shelf: Shelf) -> None:
    with served(shelf.answer) as url:
        harvester(url)
        del shelf.books["oai:shelf:1"]  # forgotten, not marked as deleted
        assert harvester(url).deleted == 0
        account = harvester(url, Plan(whole=True))
    assert (account.deleted, account.stored.unchanged) == (1, len(BOOKS) - 1)
    assert "Số đỏ" not in harvester.titles


def test_an_interrupted_harvest_goes_on_at_its_last_page(harvester: Harvester, shelf: Shelf) -> None:
    down = True

    def answer(arguments: dict[str, str], number: int) -> Reply:
        if down and number > 4:
            return 503, {}, b""
        return shelf.answer(arguments, number)

    with served(answer) as url:
        account = harvester(url)
        assert (account.complete, account.read) == (False, 6)
        assert harvester.waited == [1, 4, 16, 64]
        down = False
        shelf.asked.clear()
        rest = harvester(url)
    assert (rest.complete, rest.read, rest.stored.added) == (True, len(BOOKS) - 6, len(BOOKS) - 6)
    assert shelf.asked[2].keys() == {"verb", "resumptionToken"}
    assert len(harvester.catalogue) == len(BOOKS)


def test_a_forgotten_token_begins_the_list_anew(harvester: Harvester, shelf: Shelf) -> None:
    forgotten = False

    def answer(arguments: dict[str, str], number: int) -> Reply:
        nonlocal forgotten
        if not forgotten and number == 5:
            forgotten = True
            arguments = {"verb": "ListRecords", "resumptionToken": "older than an hour"}
        return shelf.answer(arguments, number)

    with served(answer) as url:
        account = harvester(url)
    assert (account.complete, len(harvester.catalogue)) == (True, len(BOOKS))
    assert [problem.what for problem in account.problems] == [
        "the server has forgotten the resumption token; begun anew"
    ]


def test_two_records_with_one_control_number_are_both_kept_and_keep_their_ids(
    harvester: Harvester, shelf: Shelf
) -> None:
    shelf.books["oai:shelf:other"] = shelf.books["oai:shelf:1"].__class__(book("1", "Giông tố"), LONG_AGO)
    with served(shelf.answer) as url:
        harvester(url)
        harvester(url, Plan(whole=True))
    assert len(harvester.catalogue) == len(BOOKS) + 1
    titles = [(each.record_id, each.title) for each in harvester.catalogue if each.record_id.startswith("1~")]
    assert titles == [("1~2", "Giông tố")]
