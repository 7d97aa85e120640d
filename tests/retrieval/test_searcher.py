from pathlib import Path

import pytest

from retrieval import index
from retrieval.catalogue import Catalogue
from retrieval.embedder import HashingEmbedder, Vectors
from retrieval.index import IndexUnreadable
from retrieval.searcher import Filters, Query, Searcher
from retrieval.vectors import VectorStore
from tests.retrieval.conftest import book


def first(searcher: Searcher, query: str) -> str:
    return searcher.search(query, 1)[0].record_id


@pytest.mark.parametrize(
    ("query", "record_id"),
    [
        ("Số đỏ", "1"),
        ("số đỏ", "1"),
        ("so do", "1"),
        ("SO DO", "1"),
        ("có cuốn Số đỏ không ạ", "1"),
        ("ad ơi co cuon so do ko", "1"),
        ("số đỏ của vũ trọng phụng", "1"),
        ("so\u0302\u0301 \u0111o\u0309", "1"),  # NFD
        ("de men phieu luu ky", "3"),
        ("Truyện Kiều", "5"),
        ("truyen kieu", "5"),
        ("báo Tuổi Trẻ", "8"),
        ("sách về nuôi tôm", "4"),
        ("sach nuoi tom", "4"),
        ("cho toi xin mot ve di tuoi tho", "9"),
        ("english grammar in use", "11"),
    ],
)
def test_what_is_asked_for_comes_first(searcher: Searcher, query: str, record_id: str) -> None:
    assert first(searcher, query) == record_id


def test_an_exact_title_comes_before_one_that_only_folds_alike(tmp_path: Path, catalogue: Catalogue) -> None:
    catalogue.upsert([book("20", "Sổ đỏ")])
    index.build(tmp_path / "index", catalogue)
    searcher = Searcher(tmp_path / "index", catalogue)

    assert [hit.record_id for hit in searcher.search("sổ đỏ", 2)] == ["20", "1"]
    assert [hit.record_id for hit in searcher.search("số đỏ", 2)] == ["1", "20"]


def test_a_word_with_marks_does_not_bring_another_that_folds_alike(searcher: Searcher) -> None:
    assert "7" not in [hit.record_id for hit in searcher.search("đường")]
    assert "6" not in [hit.record_id for hit in searcher.search("Dương")]


def test_an_author_brings_their_books(searcher: Searcher) -> None:
    for query in ("truyện nguyễn nhật ánh", "nguyen nhat anh", Query(author="nguyen nhat anh")):
        hits = searcher.search(query, 2)
        assert {hit.record_id for hit in hits} == {"9", "10"}
        assert hits[0].why[0].kind == "author"
        assert hits[0].why[0].value == "Nguyễn Nhật Ánh"


def test_why_it_matched_is_told_in_the_records_own_words(searcher: Searcher) -> None:
    assert searcher.search("Số đỏ", 1)[0].why[0].kind == "title"
    assert searcher.search("so do", 1)[0].why[0].kind == "title_folded"
    assert searcher.search("nuôi trồng thuỷ sản", 1)[0].why[0].value == "Nuôi trồng thuỷ sản"
    assert searcher.search("9786041000018", 1)[0].why[0].kind == "number"


@pytest.mark.parametrize("number", ["978-604-1-00001-8", "ISBN 9786041000018", "6041000019", "MT721945801"])
def test_a_number_brings_its_record_alone(searcher: Searcher, number: str) -> None:
    assert [hit.record_id for hit in searcher.search(number)] == ["1"]


def test_filters_narrow_words_and_meaning_alike(searcher: Searcher) -> None:
    since = searcher.search("truyện", filters=Filters(year_from=2008, year_to=2019))
    assert {hit.record_id for hit in since} <= {"9", "3", "2"}
    assert searcher.search("số đỏ", filters=Filters(branch="CL")) == [
        hit for hit in searcher.search("số đỏ", filters=Filters(branch="CL")) if hit.record_id == "2"
    ]
    assert [hit.record_id for hit in searcher.search("dế mèn", filters=Filters(audience="thiếu nhi"))] == ["3"]
    assert searcher.search("số đỏ", filters=Filters(language="rus")) == []


def test_a_record_without_a_year_passes_no_limit_of_years(searcher: Searcher) -> None:
    assert "7" not in [hit.record_id for hit in searcher.search("dương từ hà mậu", filters=Filters(year_from=1000))]


def test_pages_follow_each_other_without_overlap(searcher: Searcher) -> None:
    whole = searcher.search("truyện thơ nguyễn", 6)
    assert searcher.search("truyện thơ nguyễn", 3) + searcher.search("truyện thơ nguyễn", 3, offset=3) == whole


def test_titled_gives_only_that_title(searcher: Searcher) -> None:
    assert [record.record_id for record in searcher.titled("so do")] == ["1"]
    assert searcher.titled("Số") == []


def test_more_like_shares_author_or_subject_and_is_not_the_same_title(searcher: Searcher) -> None:
    like = searcher.more_like("9", 1)
    assert like[0].record_id == "10"
    assert ("author", "Nguyễn Nhật Ánh") in [(why.kind, why.value) for why in like[0].why]
    assert searcher.more_like("no such record") == []


def test_newest_come_first(searcher: Searcher) -> None:
    assert [hit.record_id for hit in searcher.newest(2)] == ["9", "10"]


def test_nothing_asked_finds_nothing(searcher: Searcher) -> None:
    assert searcher.search("") == []
    assert searcher.search("???") == []


def test_a_deleted_record_is_not_found_though_the_index_is_older(searcher: Searcher, catalogue: Catalogue) -> None:
    catalogue.delete(["1"])
    assert "1" not in [hit.record_id for hit in searcher.search("số đỏ")]


def test_a_new_index_is_taken_up_without_a_restart(searcher: Searcher, catalogue: Catalogue, tmp_path: Path) -> None:
    assert searcher.titled("Hạ đỏ") == []
    catalogue.upsert([book("30", "Hạ đỏ", "Nguyễn Nhật Ánh")])
    index.build(tmp_path / "index", catalogue)
    assert first(searcher, "ha do") == "30"


def test_without_an_index_the_error_says_what_to_do(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(IndexUnreadable, match="there is no index yet"):
        Searcher(tmp_path / "nowhere", catalogue).search("số đỏ")


class Watched(HashingEmbedder):
    """Remembers what it was asked to embed."""

    bare = False  # as most models

    def __init__(self, ready: bool = True) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._ready = ready

    @property
    def ready(self) -> bool:
        return self._ready

    def queries(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        self.asked += texts
        return super().queries(texts)


def test_a_query_without_marks_never_meets_the_vectors_unrestored(searcher: Searcher) -> None:
    watched = searcher.embedder = Watched()
    for query in ("so do", "sach ve nuoi tom", "xoong nghieng", "truyen kieu"):
        searcher.search(query)
    assert watched.asked
    assert all(text not in ("so do", "nuoi tom", "xoong nghieng", "truyen kieu") for text in watched.asked)


def test_a_query_that_cannot_be_restored_meets_vectors_made_for_it(searcher: Searcher) -> None:
    watched = searcher.embedder = Watched()
    watched.bare = True
    searcher.search("xoong nghieng")
    assert watched.asked == ["xoong nghieng"]


def test_until_the_model_is_warm_words_alone_answer(searcher: Searcher) -> None:
    cold = searcher.embedder = Watched(ready=False)
    assert first(searcher, "so do") == "1"
    assert not searcher.warm
    assert cold.asked == []


def test_vectors_of_another_model_are_not_compared(searcher: Searcher, vectors: VectorStore) -> None:
    searcher.embedder = HashingEmbedder(dimension=64)
    assert not searcher.warm
    assert first(searcher, "số đỏ") == "1"
