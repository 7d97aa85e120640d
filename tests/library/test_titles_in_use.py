"""The titles that Rasa reads follow the index that is in use."""

import os
from pathlib import Path

import pytest

from library.titles import TitleEntry, build, layer
from library.titles_in_use import TitlesInUse


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index in use as the retrieval room keeps it: a link to a numbered folder."""
    write(tmp_path / "index.1", "Số đỏ")
    (tmp_path / "index").symlink_to("index.1", target_is_directory=True)
    return tmp_path / "index"


def write(folder: Path, *titles: str) -> None:
    folder.mkdir()
    build(folder / "titles.bin", (TitleEntry("title", title, (title,)) for title in titles))


def put_in_use(index: Path, folder: str) -> None:
    link = index.with_name("index.link")
    link.symlink_to(folder, target_is_directory=True)
    os.replace(link, index)


def found(titles: TitlesInUse, text: str) -> list[str]:
    book = titles.book()
    assert book is not None
    return [match.value for match in book.find(text)]


def test_a_new_index_is_read_from_the_next_message_on(index: Path) -> None:
    titles = TitlesInUse(index / "titles.bin")
    assert found(titles, "so do, tat den") == ["Số đỏ"]
    write(index.with_name("index.2"), "Tắt đèn")
    put_in_use(index, "index.2")
    assert found(titles, "so do, tat den") == ["Tắt đèn"]


def test_a_layer_beside_the_same_first_file_is_seen(index: Path) -> None:
    titles = TitlesInUse(index / "titles.bin")
    assert found(titles, "so do, tat den") == ["Số đỏ"]
    later = index.with_name("index.2")
    later.mkdir()
    os.link(index / "titles.bin", later / "titles.bin")
    build(layer(later / "titles.bin", 1), [TitleEntry("title", "Tắt đèn", ("2",))])
    put_in_use(index, "index.2")
    assert found(titles, "so do, tat den") == ["Số đỏ", "Tắt đèn"]


def test_nothing_is_opened_twice_while_nothing_changes(index: Path) -> None:
    titles = TitlesInUse(index / "titles.bin")
    assert titles.book() is titles.book()


def test_a_book_being_read_stays_whole_when_its_index_is_removed(index: Path) -> None:
    titles = TitlesInUse(index / "titles.bin")
    reading = titles.book()
    assert reading is not None
    write(index.with_name("index.2"), "Tắt đèn")
    put_in_use(index, "index.2")
    (index.with_name("index.1") / "titles.bin").unlink()
    assert found(titles, "tat den") == ["Tắt đèn"]
    assert [match.value for match in reading.find("so do")] == ["Số đỏ"]


def test_a_damaged_new_book_leaves_the_one_before_in_use(index: Path) -> None:
    titles = TitlesInUse(index / "titles.bin")
    titles.book()
    index.with_name("index.2").mkdir()
    (index.with_name("index.2") / "titles.bin").write_bytes(b"torn")
    put_in_use(index, "index.2")
    assert found(titles, "so do") == ["Số đỏ"]


def test_before_the_first_index_there_is_no_book(tmp_path: Path) -> None:
    titles = TitlesInUse(tmp_path / "index" / "titles.bin")
    assert titles.book() is None
    write(tmp_path / "index", "Số đỏ")
    assert found(titles, "so do") == ["Số đỏ"]
