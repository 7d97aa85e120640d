"""The demo catalogue is what its lists say, in both of its files."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from retrieval.sources.files import read_file

DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture(scope="module")
def builder() -> dict[str, Any]:
    return runpy.run_path(str(DEMO / "build.py"))


@pytest.fixture(scope="module")
def works(builder: dict[str, Any]) -> list[dict[str, Any]]:
    return list(builder["read_works"](DEMO / "catalogue"))


def test_both_files_are_built_from_the_lists_as_they_are_now(
    builder: dict[str, Any], works: list[dict[str, Any]]
) -> None:
    records = [builder["to_marc"](work) for work in works]
    told = "out of date: run `python demo/build.py`"
    assert (DEMO / "catalogue.mrc").read_bytes() == b"".join(record.as_marc() for record in records), told
    assert (DEMO / "catalogue.xml").read_bytes() == builder["to_xml"](records), told


def test_both_files_hold_the_same_records_and_nothing_is_doubtful() -> None:
    from_mrc, from_xml = (list(read_file(DEMO / f"catalogue.{kind}")) for kind in ("mrc", "xml"))
    assert from_mrc == from_xml
    assert [each.problems for each in from_mrc if each.problems] == []
    barcodes = [item.barcode for each in from_mrc if each.record for item in each.record.items]
    assert len(barcodes) == len(set(barcodes))


def test_a_work_is_read_back_as_its_list_tells_it(works: list[dict[str, Any]]) -> None:
    records = [each.record for each in read_file(DEMO / "catalogue.mrc") if each.record]
    assert len(records) == len(works)
    for work, record in zip(works, records, strict=True):
        title = ": ".join(filter(None, (record.title, record.subtitle)))
        assert (title, record.part, record.summary) == (work["title"], work.get("part", ""), work["summary"])
        assert (record.audience, record.language) == (work.get("audience", ""), work.get("language", "vie"))
        assert record.material == work.get("material", "book")
        assert list(record.subjects) == work["subjects"]
        assert (record.year, record.original_title) == (work.get("year"), work.get("original", ""))
        assert sorted(item.branch for item in record.items) == sorted(
            b for b, n in work["copies"].items() for _ in range(n)
        )
