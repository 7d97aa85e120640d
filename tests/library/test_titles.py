"""Titles and authors found in what patrons type. Runs in both environments."""

import random
import time
from pathlib import Path

import pytest

from library.titles import TitleBook, TitleBookError, TitleEntry, build, exactness, layer

ENTRIES = [
    TitleEntry("title", "Số đỏ", ("1",)),
    TitleEntry("title", "Sổ đỏ", ("2",)),
    TitleEntry("title", "Dế Mèn phiêu lưu ký", ("3",)),
    TitleEntry("title", "Dế Mèn", ("4",)),
    TitleEntry("title", "Mẹ", ("5",)),
    TitleEntry("title", "Totto-chan bên cửa sổ", ("6",)),
    TitleEntry("author", "Nguyễn Nhật Ánh", ("7", "8")),
    TitleEntry("author", "Nguyễn Nhật Ánh", ("9",)),
    TitleEntry("title", "Hòa bình", ("10",)),
]


@pytest.fixture
def book(tmp_path: Path) -> TitleBook:
    assert build(tmp_path / "titles.bin", ENTRIES) == 7
    return TitleBook.open(tmp_path / "titles.bin")


def values(book: TitleBook, text: str) -> list[str]:
    return [match.value for match in book.find(text)]


def test_the_longest_title_is_taken_with_its_span(book: TitleBook) -> None:
    text = "cho em mượn DE MEN phieu lưu ký với"
    (match,) = book.find(text)
    assert (match.value, text[match.start : match.end]) == ("Dế Mèn phiêu lưu ký", "DE MEN phieu lưu ký")
    assert (match.kind, match.record_ids, match.exactness) == ("title", ("3",), "unaccented")


def test_of_titles_that_fold_alike_the_one_typed_comes_first(book: TitleBook) -> None:
    assert values(book, "có sổ đỏ không") == ["Sổ đỏ", "Số đỏ"]
    assert values(book, "có số đỏ không") == ["Số đỏ", "Sổ đỏ"]
    assert [match.exactness for match in book.find("số đỏ")] == ["exact", "folded"]
    assert {match.exactness for match in book.find("so do")} == {"unaccented"}


def test_title_and_author_in_one_message_are_both_found(book: TitleBook) -> None:
    assert values(book, "dế mèn của nguyễn nhật ánh") == ["Dế Mèn", "Nguyễn Nhật Ánh"]
    assert book.find("nguyen nhat anh")[0].record_ids == ("7", "8", "9")


def test_punctuation_marks_and_tone_placement_do_not_matter(book: TitleBook) -> None:
    assert values(book, "totto chan, bên cửa sổ!") == ["Totto-chan bên cửa sổ"]
    assert book.find("hoà bình")[0].exactness == "exact"
    typed = "so\u0302\u0301 \u0111o\u0309"  # decomposed
    assert book.find(typed)[0].exactness == "exact"


def test_part_of_a_word_or_of_a_title_is_no_match(book: TitleBook) -> None:
    assert values(book, "men") == []
    assert values(book, "dế") == []
    assert values(book, "xe men de men") == ["Dế Mèn"]
    assert values(book, "") == []


def test_a_missing_or_damaged_file_says_what_to_do(tmp_path: Path, book: TitleBook) -> None:
    with pytest.raises(TitleBookError, match="build the index"):
        TitleBook.open(tmp_path / "none.bin")
    for name, content in (("empty", b""), ("short", book.path.read_bytes()[:-3]), ("other", b"x" * 200)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TitleBookError, match="build the index"):
            TitleBook.open(tmp_path / name)


def test_an_open_book_stays_whole_while_a_new_one_takes_its_place(tmp_path: Path, book: TitleBook) -> None:
    build(tmp_path / "titles.bin", [TitleEntry("title", "Tắt đèn", ("20",))])
    assert values(book, "số đỏ")[0] == "Số đỏ"
    assert values(TitleBook.open(tmp_path / "titles.bin"), "tat den") == ["Tắt đèn"]


def test_an_empty_book_finds_nothing(tmp_path: Path) -> None:
    build(tmp_path / "titles.bin", [])
    assert TitleBook.open(tmp_path / "titles.bin").find("số đỏ") == []


def test_a_message_is_searched_in_a_moment_in_a_large_book(tmp_path: Path) -> None:
    syllables = "an ba ca da em gi ho in khi la me nam oanh phu quy ra sao tu uy va xa yeu".split()
    pick = random.Random(1)
    names = (" ".join(pick.choices(syllables, k=5)) for _ in range(60_000))
    build(tmp_path / "titles.bin", (TitleEntry("title", name, (str(n),)) for n, name in enumerate(names)))
    large = TitleBook.open(tmp_path / "titles.bin")
    message = " ".join(pick.choices(syllables, k=30))
    begun = time.perf_counter()
    for _ in range(10):
        large.find(message)
    assert (time.perf_counter() - begun) / 10 < 0.05


def test_exactness_tells_missing_marks_from_wrong_ones() -> None:
    assert exactness("thuý kiều", "Thúy Kiều") == "exact"
    assert exactness("thuy kiều", "Thúy Kiều") == "unaccented"
    assert exactness("thủy kiều", "Thúy Kiều") == "folded"


def named(book: TitleBook, text: str) -> list[tuple[str, bool]]:
    words = text.split()
    return [(" ".join(words[run.first : run.end]), run.slip) for run in book.runs(words)]


def test_a_misspelt_word_is_seen_through(book: TitleBook) -> None:
    assert named(book, "co de men phieu luu kyy khong") == [("de men phieu luu kyy", True)]
    assert named(book, "co de men phiu luu ky khong") == [("de men phiu luu ky", True)]
    assert named(book, "cua nguyen nhta anh") == [("nguyen nhta anh", True)]
    assert named(book, "cua nguyen van anh") == []


def test_words_joined_or_parted_are_seen_through(book: TitleBook) -> None:
    assert named(book, "totto chan bencuaso") == []
    assert named(book, "quyen hoabinh nha") == [("hoabinh", True)]
    assert named(book, "ho a binh") == [("ho a binh", True)]


def test_exact_names_need_no_slip(book: TitleBook) -> None:
    assert named(book, "so do cua nguyen nhat anh") == [("so do", False), ("nguyen nhat anh", False)]
    assert [run.kinds for run in book.runs(["so", "do"])] == [{"title"}]


def test_a_very_long_message_is_looked_through_for_exact_names(book: TitleBook) -> None:
    assert named(book, "de men phiu luu ky " * 20 + "so do")[-1] == ("so do", False)


def test_a_hidden_record_is_not_named_with_a_slip_either(tmp_path: Path) -> None:
    build(tmp_path / "titles.bin", [TitleEntry("title", "Đất rừng phương Nam", ("1",))])
    build(layer(tmp_path / "titles.bin", 1), [], hides=["1"])
    assert named(TitleBook.open(tmp_path / "titles.bin"), "dat rung phuog nam") == []


def test_a_book_gives_some_of_its_names_evenly(book: TitleBook) -> None:
    assert len(list(book.some(3))) == 3
    assert len(list(book.some(100))) == 7
