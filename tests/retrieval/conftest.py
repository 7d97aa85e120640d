"""A small library that shows what search must get right, and its index by a model that needs no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from retrieval import index
from retrieval.catalogue import Catalogue
from retrieval.embedder import HashingEmbedder
from retrieval.record import Contributor, Identifier, Item, Record
from retrieval.searcher import Searcher
from retrieval.vectors import VectorStore


def book(record_id: str, title: str, author: str = "", **more: object) -> Record:
    record = Record(record_id, title, language="vie", contributors=(Contributor(author),) if author else ())
    return replace(record, **more)  # type: ignore[arg-type]


BOOKS = [
    book("1", "Số đỏ", "Vũ Trọng Phụng", year=1988, subjects=("Tiểu thuyết trào phúng",),
         items=(Item("MT721945801", "MT", "895.922332 / VU-P"),), identifiers=(Identifier("isbn", "9786041000018"),)),
    book("2", "Sơ đồ tư duy", "Tony Buzan", year=2015, subjects=("Kỹ năng học tập",),
         items=(Item("CL0002", "CL", "153"),)),
    book("3", "Dế Mèn phiêu lưu ký", "Tô Hoài", year=2019, audience="thiếu nhi", subjects=("Văn học thiếu nhi",),
         summary="Chú dế rời quê đi phiêu lưu, học được bài học từ lỗi lầm đầu đời."),
    book("4", "Kỹ thuật nuôi tôm càng xanh", "Nguyễn Việt Thắng", year=2006, subjects=("Nuôi trồng thuỷ sản",),
         summary="Chọn ao, thả giống, cho ăn và phòng bệnh cho tôm."),
    book("5", "Truyện Kiều", "Nguyễn Du", year=1995, subjects=("Truyện thơ",)),
    book("6", "Con đường phía trước", "Bill Gates", year=1997, subjects=("Tin học",)),
    book("7", "Dương Từ - Hà Mậu", "Nguyễn Đình Chiểu", subjects=("Truyện thơ",)),
    book("8", "Tuổi Trẻ", material="newspaper", subjects=("Báo ngày",)),
    book("9", "Cho tôi xin một vé đi tuổi thơ", "Nguyễn Nhật Ánh", year=2008, subjects=("Truyện dài",),
         added_on=date(2026, 11, 1)),
    book("10", "Mắt biếc", "Nguyễn Nhật Ánh", year=1990, subjects=("Truyện dài",), added_on=date(2026, 10, 1)),
    book("11", "English Grammar in Use", "Raymond Murphy", language="eng", subjects=("Tiếng Anh",)),
]  # fmt: skip


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    found = Catalogue(tmp_path / "catalogue.sqlite")
    found.upsert(BOOKS)
    yield found
    found.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorStore]:
    store = VectorStore(tmp_path / "vectors.sqlite")
    yield store
    store.close()


@pytest.fixture
def searcher(tmp_path: Path, catalogue: Catalogue, vectors: VectorStore) -> Searcher:
    embedder = HashingEmbedder()
    index.build(tmp_path / "index", catalogue, embedder=embedder, vectors=vectors, texts=("số đỏ có không",))
    return Searcher(tmp_path / "index", catalogue, embedder)
