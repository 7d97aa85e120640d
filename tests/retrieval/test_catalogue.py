import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.catalogue import Catalogue, Stored
from retrieval.record import Record
from retrieval.storage import StorageError
from tests.retrieval.conftest import BOOKS, book


def test_a_record_comes_back_as_it_went_in(catalogue: Catalogue) -> None:
    assert [catalogue.get(each.record_id) for each in BOOKS] == BOOKS
    assert sorted(record.record_id for record in catalogue) == sorted(each.record_id for each in BOOKS)
    assert catalogue.get("no such record") is None


def test_storing_again_changes_nothing_but_what_changed(catalogue: Catalogue) -> None:
    mark = catalogue.mark
    assert catalogue.upsert(BOOKS) == Stored(unchanged=len(BOOKS))
    assert catalogue.mark == mark

    changed = replace(BOOKS[0], year=2020)
    assert catalogue.upsert([changed, book("99", "Mới")]) == Stored(added=1, changed=1)
    assert [(change.record_id, change.record) for change in catalogue.changed_since(mark)] == [
        ("1", changed),
        ("99", book("99", "Mới")),
    ]


def test_a_deletion_is_told_and_can_be_undone_by_storing_again(catalogue: Catalogue) -> None:
    mark = catalogue.mark
    assert catalogue.delete(["1", "no such record"]) == 1
    assert catalogue.get("1") is None
    assert [(change.record_id, change.record) for change in catalogue.changed_since(mark)] == [("1", None)]
    assert catalogue.upsert([BOOKS[0]]) == Stored(added=1)
    assert len(catalogue) == len(BOOKS)


def test_a_crash_in_a_batch_keeps_the_batches_before_it_whole(tmp_path: Path) -> None:
    def stream() -> "object":
        yield from (Record(f"{n:05}", f"Sách {n}") for n in range(1500))
        raise RuntimeError("power cut")

    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    with pytest.raises(RuntimeError):
        catalogue.upsert(stream())  # type: ignore[arg-type]
    assert len(catalogue) == 1000
    again = catalogue.upsert(Record(f"{n:05}", f"Sách {n}") for n in range(1500))
    assert again == Stored(added=500, unchanged=1000)


def test_a_full_disk_gives_a_clear_error_and_loses_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue._database.connection.execute("PRAGMA max_page_count = 12")  # SQLite's own way to a full disk
    with pytest.raises(StorageError, match="Free space on that disk"):
        catalogue.upsert(Record(f"new{n}", "x" * 5000) for n in range(500))
    assert len(Catalogue(tmp_path / "catalogue.sqlite")) == len(BOOKS)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"this is a letter to the librarian, not a database\n" * 50)
    with pytest.raises(StorageError, match="The file is damaged"):
        Catalogue(path)
    assert path.read_bytes().startswith(b"this is a letter")


def test_newest_are_by_date_of_arrival(catalogue: Catalogue) -> None:
    assert [record.record_id for record in catalogue.newest(5)] == ["9", "10"]


def test_another_thread_reads_what_one_wrote(catalogue: Catalogue, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "catalogue.sqlite")
    assert other.execute("SELECT count(*) FROM records").fetchone()[0] == len(BOOKS)
    other.close()
