"""What comes before what, and why; over a few books that are easily taken for one another."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from retrieval import index
from retrieval.catalogue import Catalogue
from retrieval.fields import fields
from retrieval.parts import asked_volumes, volumes
from retrieval.ranker import in_series_order
from retrieval.record import Item, Record
from retrieval.searcher import Filters, Searcher
from tests.retrieval.conftest import book

SHELF = [
    book("m1", "Nhà bên suối", "Ma Văn Kháng", subjects=("Truyện ngắn",)),
    book("m2", "Tiếng gõ cửa lúc nửa đêm", "Lê Thị Sương", subjects=("Truyện kinh dị", "Truyện ma")),
    book("t3", "Toán 3", "Trần Văn Ba", part="Tập một", subjects=("Sách giáo khoa", "Lớp 3")),
    book("t7", "Toán 7", "Trần Văn Bảy", part="Tập 3", subjects=("Sách giáo khoa", "Lớp 7")),
    book("v1", "Rừng gọi", "Hoàng Lâm", part="Tập 1"),
    book("v3", "Rừng gọi", "Hoàng Lâm", part="Tập 3"),
    book("v2", "Rừng gọi", "Hoàng Lâm", part="Tập 2"),
    book("k1", "Kỹ thuật ghép cây", "Đỗ Vườn", year=1999, publisher="Nhà xuất bản Nông nghiệp"),
    book("k2", "Kỹ thuật ghép cây", "Đỗ Vườn", year=2016, publisher="Nhà xuất bản Trẻ",
         items=(Item("B1", "MT", ""), Item("B2", "MT", ""))),
    book("k3", "Kĩ thuật ghép cây cảnh", "Đỗ Vườn", year=2020),
    book("e1", "Rivers of the Delta", "Jane Mills", language="eng", subjects=("Tiểu thuyết",)),
    book("e2", "Tự học tiếng Anh", "Lý Thông", subjects=("Tiếng Anh",)),
    book("l1", "Chuyện làng ven sông", "Tô Bình", subjects=("Tiểu thuyết lịch sử",)),
    book("l2", "Sông núi nước ta", "Phan Bình", subjects=("Lịch sử",)),
    book("d1", "Dinh dưỡng cho bé", "Mai Lành", audience="thiếu nhi"),
]  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Searcher:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert(SHELF)
    index.build(tmp_path / "index", catalogue)
    return Searcher(tmp_path / "index", catalogue)


def found(searcher: Searcher, query: str, n: int = 3) -> list[str]:
    return [hit.record_id for hit in searcher.search(query, n)]


@pytest.mark.parametrize(
    ("query", "record_id"),
    [
        ("truyện ma", "m2"),
        ("toán lớp 3", "t3"),
        ("toan lop 3", "t3"),
        ("rừng gọi tập 2", "v2"),
        ("rung goi t3", "v3"),
        ("ghép cây hoàng lâm rừng gọi tập 1", "v1"),
        ("kĩ thuật ghép cây cảnh", "k3"),
        ("kỹ thuật ghép cây cảnh", "k3"),
        ("ky thuat ghep cay canh", "k3"),
        ("kỹ thuật ghép cây năm 1999", "k1"),
        ("kỹ thuật ghép cây nxb trẻ", "k2"),
        ("tiểu thuyết bằng tiếng anh", "e1"),
        ("tiểu thuyết lịch sử", "l1"),
        ("dinh dưỡng", "d1"),
        ("ma văn kháng", "m1"),
    ],
)
def test_the_record_that_is_meant_comes_first(shelf: Searcher, query: str, record_id: str) -> None:
    assert found(shelf, query, 1) == [record_id]


def test_volumes_stand_in_their_order(shelf: Searcher) -> None:
    assert found(shelf, "rừng gọi") == ["v1", "v2", "v3"]


def test_a_volume_that_was_asked_for_stays_before_the_others() -> None:
    told = {"a": ("w", (2,)), "b": ("w", (1,)), "c": ("w", (3,)), "d": ("", ())}
    near = [("c", 5.0), ("d", 4.9), ("a", 4.8), ("b", 4.7)]
    assert [key for key, _ in in_series_order(near, told.__getitem__)] == ["b", "d", "a", "c"]
    asked = [("c", 9.0), ("a", 4.8), ("b", 4.7)]
    assert [key for key, _ in in_series_order(asked, told.__getitem__)] == ["c", "a", "b"]


def test_more_copies_come_first_among_equals(shelf: Searcher) -> None:
    assert found(shelf, "kỹ thuật ghép cây", 2) == ["k2", "k1"]


def test_editions_of_one_work_make_one_hit_when_grouped(shelf: Searcher) -> None:
    first = shelf.search("kỹ thuật ghép cây", 1, grouped=True)[0]
    assert (first.record_id, first.others) == ("k2", ("k1",))
    whole = shelf.search("kỹ thuật ghép cây", 9, grouped=True)
    assert shelf.search("kỹ thuật ghép cây", 9, grouped=True, offset=1) == whole[1:]
    assert len({hit.record_id for hit in whole} | {other for hit in whole for other in hit.others}) == len(whole) + sum(
        len(hit.others) for hit in whole
    )


def test_the_spread_of_the_hits_is_told(shelf: Searcher) -> None:
    spread = shelf.spread("kỹ thuật ghép cây")
    assert spread.counts["language"] == {"vie": 3}
    assert spread.years == (1999, 2020)
    assert shelf.spread("kỹ thuật ghép cây", Filters(year_to=2000)).years == (1999, 1999)
    assert shelf.spread("zzzz").years is None


@pytest.mark.parametrize(
    ("part", "numbers"),
    [("T.02", (2,)), ("Tập hai", (2,)), ("P.1-T.02", (1, 2)), ("Quyển IV", (4,)), ("Tập 10: Cô giáo", (10,)), ("", ())],
)
def test_the_volumes_of_a_part_are_read(part: str, numbers: Sequence[int]) -> None:
    assert volumes(part) == numbers


@pytest.mark.parametrize(
    ("query", "numbers"), [("rừng gọi tập 3", (3,)), ("rung goi tap ba", (3,)), ("vol. 2", (2,)), ("tập thể dục", ())]
)
def test_the_volume_asked_for_is_read(query: str, numbers: Sequence[int]) -> None:
    assert asked_volumes(query) == numbers


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ("truyện sau năm 2015", Filters(year_from=2016)),
        ("sách trước 1975", Filters(year_to=1974)),
        ("in năm 2010", Filters(year_from=2010, year_to=2010)),
        ("truyện bằng tiếng Nhật", Filters(language="jpn")),
        ("sách cho bé", Filters(audience="thiếu nhi")),
    ],
)
def test_wishes_besides_words_are_read(query: str, wish: Filters) -> None:
    assert [field.filters for field in fields(query)] == [wish]


def test_a_wish_prefers_and_does_not_exclude(shelf: Searcher) -> None:
    assert {"k1", "k2"} <= set(found(shelf, "kỹ thuật ghép cây năm 2016"))
    assert found(shelf, "kỹ thuật ghép cây năm 2016")[0] == "k2"


def test_no_query_is_too_strange_to_answer(shelf: Searcher) -> None:
    for query in ("tập", "tập tập tập 3 3 3", "nxb", "năm 2010", "của", "“”…", "a" * 3000, "rừng " * 400, "\x1f\x1e"):
        assert isinstance(shelf.search(query), list)


def test_records_without_a_word_do_no_harm(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert([Record("1", ""), Record("2", "…"), book("3", "Rừng")])
    index.build(tmp_path / "index", catalogue)
    assert found(Searcher(tmp_path / "index", catalogue), "rừng") == ["3"]
