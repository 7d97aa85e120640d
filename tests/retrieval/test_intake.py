"""Bringing a file in: every record is accounted for."""

import gzip
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval.catalogue import Catalogue
from retrieval.commands import Places, build_index, import_catalogue, is_indexed, write_problems
from retrieval.embedder import EmbedderUnavailable
from retrieval.intake import ImportOptions, Intake, take_in
from retrieval.record import SourceError
from retrieval.sources.export import write_file
from tests.retrieval.conftest import BOOKS, book
from tests.shared import shared


def balanced(account: Intake) -> bool:
    return account.read == account.stored.total + account.repeated + account.refused


@pytest.mark.parametrize("suffix", [".mrc", ".xml"])
def test_what_was_exported_comes_in_again_unchanged(tmp_path: Path, catalogue: Catalogue, suffix: str) -> None:
    assert write_file(tmp_path / f"all{suffix}", catalogue) == len(BOOKS)
    account = take_in(tmp_path / f"all{suffix}", catalogue)
    assert (account.stored.unchanged, account.problems, balanced(account)) == (len(BOOKS), (), True)


def test_a_table_of_books_is_read_with_its_copies(tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    rows = [
        "Mã,Nhan đề,Tác giả,Năm xuất bản,Từ khoá,Số ĐKCB,Kho",
        "1,Số đỏ,Vũ Trọng Phụng,1988,Tiểu thuyết; Trào phúng,A1,MT",
        "1,Số đỏ,Vũ Trọng Phụng,1988,Tiểu thuyết; Trào phúng,A2,CL",
        "2,,,,,,",
        "3,Tắt đèn,Ngô Tất Tố,k.đ.,,B1,MT",
    ]
    path.write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")

    account = take_in(path, catalogue)

    found = catalogue.get("1")
    assert found
    assert [item.barcode for item in found.items] == ["A1", "A2"]
    assert found.subjects == ("Tiểu thuyết", "Trào phúng")
    assert {problem.what for problem in account.problems} == {"no title", "year cannot be read"}
    assert (account.refused, balanced(account)) == (1, True)


def test_two_records_with_one_number_are_both_kept_and_a_repetition_is_told(tmp_path: Path) -> None:
    write_file(tmp_path / "all.mrc", [book("1", "Số đỏ"), book("1", "Giông tố"), book("1", "Số đỏ")])
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    for _ in range(2):  # and once more: the ids are the same ones
        account = take_in(tmp_path / "all.mrc", catalogue)
        assert (account.read, account.repeated, balanced(account)) == (3, 1, True)
        assert {record.title for record in catalogue} == {"Số đỏ", "Giông tố"}


def test_the_whole_catalogue_deletes_what_it_no_longer_holds_unless_it_broke_off(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    write_file(tmp_path / "all.xml", BOOKS[1:])
    broken = tmp_path / "broken.xml"
    broken.write_bytes((tmp_path / "all.xml").read_bytes()[:-200])

    account = take_in(broken, catalogue, ImportOptions(whole=True))
    assert (account.complete, account.deleted, len(catalogue)) == (False, 0, len(BOOKS))
    account = take_in(tmp_path / "all.xml", catalogue, ImportOptions(whole=True))
    assert (account.complete, account.deleted) == (True, 1)
    assert catalogue.get("1") is None


def test_a_zipped_file_cut_short_keeps_what_could_be_read(tmp_path: Path) -> None:
    write_file(tmp_path / "all.mrc", [book(f"{n}", f"Cuốn sách thứ {n}") for n in range(9000)])
    zipped = gzip.compress((tmp_path / "all.mrc").read_bytes())
    (tmp_path / "all.mrc.gz").write_bytes(zipped[: len(zipped) * 9 // 10])
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")

    account = take_in(tmp_path / "all.mrc.gz", catalogue)

    assert not account.complete
    assert len(catalogue) == account.stored.added > 1000


@pytest.mark.parametrize("content", [b"", b"just a letter", b"%PDF-1.7"])
def test_a_file_of_another_kind_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.mrc").write_bytes(content)
    with pytest.raises(SourceError, match="export it from the library system"):
        take_in(tmp_path / "file.mrc", Catalogue(tmp_path / "catalogue.sqlite"))


def test_a_file_without_records_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.xml").write_bytes(b"<html><body>not found</body></html>")
    account = take_in(tmp_path / "file.xml", Catalogue(tmp_path / "catalogue.sqlite"))
    assert [problem.what for problem in account.problems] == ["there is no record in this file"]


def test_records_come_in_before_the_sentence_model_is_set_up(tmp_path: Path, catalogue: Catalogue) -> None:
    write_file(tmp_path / "all.mrc", catalogue)
    places = Places.under(tmp_path / "var", str(tmp_path / "no-encoder-yet"))
    import_catalogue(tmp_path / "all.mrc", places)
    assert places.searcher().titled("so do")
    assert not is_indexed(places)
    with pytest.raises(EmbedderUnavailable):
        build_index(places)


def test_ten_thousand_real_records_come_in_within_a_minute_and_none_is_lost(tmp_path: Path) -> None:
    path, places = shared("data/marc/book3part0final.mrc"), Places.under(tmp_path)
    begun = time.perf_counter()
    account = import_catalogue(path, places)
    assert time.perf_counter() - begun < 60

    assert (account.read, account.stored.added, balanced(account)) == (10_000, 10_000, True)
    assert is_indexed(places)
    assert [hit.why[0].kind for hit in places.searcher().search("thu muc nguyen trai", 1)] == ["title_folded"]
    write_problems(account, tmp_path / "problems.tsv")
    assert len((tmp_path / "problems.tsv").read_text().splitlines()) == len(account.problems) + 1


def test_each_library_of_a_union_has_its_own_records(tmp_path: Path, catalogue: Catalogue) -> None:
    write_file(tmp_path / "all.mrc", BOOKS[:3])
    for code in ("HN", "DN"):
        take_in(tmp_path / "all.mrc", catalogue, ImportOptions(library=code))
    assert len(catalogue) == len(BOOKS) + 6
    write_file(tmp_path / "fewer.mrc", BOOKS[1:3])
    account = take_in(tmp_path / "fewer.mrc", catalogue, ImportOptions(library="HN", whole=True))
    assert (account.deleted, account.stored.unchanged) == (1, 2)
    assert (catalogue.get("HN:1"), catalogue.get("DN:1") is None, catalogue.get("1") is None) == (None, False, False)
    account = take_in(tmp_path / "fewer.mrc", catalogue, ImportOptions(whole=True))
    assert (account.deleted, len(catalogue)) == (len(BOOKS) - 2, 2 + 5)
    with pytest.raises(SourceError, match="letters, digits"):
        take_in(tmp_path / "all.mrc", catalogue, ImportOptions(library="Hà Nội:1"))


def test_progress_is_told_in_records_and_in_parts_of_the_file(tmp_path: Path) -> None:
    write_file(tmp_path / "all.mrc", [book(f"{n}", f"Cuốn sách thứ {n}") for n in range(9_000)])
    told: list[tuple[int, float]] = []
    take_in(tmp_path / "all.mrc", Catalogue(tmp_path / "c.sqlite"), progress=lambda n, share: told.append((n, share)))
    assert told[-1] == (9_000, 1.0)
    assert sorted(told) == told
    assert 0 < told[0][1] < 1


def test_a_full_disk_is_told_and_what_was_stored_stays_and_serves(tmp_path: Path) -> None:
    write_file(tmp_path / "few.mrc", BOOKS)
    write_file(tmp_path / "many.mrc", [book(f"n{n}", f"Cuốn sách thứ {n} " + "x" * 300) for n in range(8_000)])
    places = Places.under(tmp_path / "var")
    import_catalogue(tmp_path / "few.mrc", places)
    script = f"""
import resource
from pathlib import Path
from retrieval.commands import Places, import_catalogue
from retrieval.storage import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))  # no file may grow beyond: as a full disk
try:
    import_catalogue(Path({str(tmp_path / "many.mrc")!r}), Places.under(Path({str(tmp_path / "var")!r})))
except StorageError as exc:
    print("told:", exc)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert "told:" in done.stdout, done.stderr
    assert places.searcher().titled("so do")  # the index that was there serves
    catalogue = Catalogue(places.catalogue)
    kept = len(catalogue)
    assert len(BOOKS) <= kept < 8_000
    again = import_catalogue(tmp_path / "many.mrc", places)  # there is room again: it goes on
    assert (again.stored.added, again.stored.unchanged) == (8_000 - (kept - len(BOOKS)), kept - len(BOOKS))


def test_an_import_killed_and_run_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    write_file(tmp_path / "all.mrc", [book(f"{n}", f"Cuốn sách thứ {n}") for n in range(20_000)])
    script = f"""
from pathlib import Path
from retrieval.catalogue import Catalogue
from retrieval.intake import take_in
catalogue = Catalogue(Path({str(tmp_path / "c.sqlite")!r}))
take_in(Path({str(tmp_path / "all.mrc")!r}), catalogue, progress=lambda n, share: print(n, flush=True))
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    while int(process.stdout.readline()) < 8_000:
        pass
    process.kill()
    process.wait()
    catalogue = Catalogue(tmp_path / "c.sqlite")
    kept = len(catalogue)
    account = take_in(tmp_path / "all.mrc", catalogue)
    assert 5_000 <= kept < 20_000
    assert (account.stored.added, account.stored.unchanged) == (20_000 - kept, kept)
