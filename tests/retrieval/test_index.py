import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import index
from retrieval.catalogue import Catalogue
from retrieval.embedder import HashingEmbedder
from retrieval.index import IndexUnreadable
from retrieval.vectors import VectorStore
from tests.retrieval.conftest import BOOKS, book


def test_an_index_is_put_in_use_whole(tmp_path: Path, catalogue: Catalogue, vectors: VectorStore) -> None:
    manifest = index.build(tmp_path / "index", catalogue, embedder=HashingEmbedder(), vectors=vectors)
    opened = index.open_index(tmp_path / "index")

    assert manifest.records == len(BOOKS) == len(opened.words)
    assert manifest.mark == catalogue.mark
    assert opened.meaning is not None
    assert index.verify(tmp_path / "index") == []
    assert all(opened.record_id(opened.row(each.record_id) or 0) == each.record_id for each in BOOKS)
    assert opened.row("no such record") is None


def test_a_build_that_fails_leaves_the_old_index_in_use(
    tmp_path: Path, catalogue: Catalogue, vectors: VectorStore
) -> None:
    class Failing(HashingEmbedder):
        def passages(self, texts: list[str]) -> None:  # type: ignore[override]
            raise MemoryError

    index.build(tmp_path / "index", catalogue)
    before = os.readlink(tmp_path / "index")
    with pytest.raises(MemoryError):
        index.build(tmp_path / "index", catalogue, embedder=Failing(), vectors=vectors)

    assert os.readlink(tmp_path / "index") == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir() and not path.is_symlink()] == [before]


def test_after_a_small_change_the_rest_is_still_found_by_meaning(
    tmp_path: Path, catalogue: Catalogue, vectors: VectorStore
) -> None:
    class Asleep(HashingEmbedder):
        def passages(self, texts: list[str]) -> None:  # type: ignore[override]
            raise AssertionError("the model was asked for")

    assert index.build(tmp_path / "index", catalogue, embedder=Asleep(), vectors=vectors, embed=False).model == ""
    index.build(tmp_path / "index", catalogue, embedder=HashingEmbedder(), vectors=vectors)
    catalogue.upsert([book("30", "Hạ đỏ")])
    manifest = index.build(tmp_path / "index", catalogue, embedder=Asleep(), vectors=vectors, embed=False)

    assert (manifest.model, manifest.unembedded) == (HashingEmbedder().name, 1)
    opened = index.open_index(tmp_path / "index")
    assert opened.meaning is not None
    near = opened.meaning.search(HashingEmbedder().queries(["Dế Mèn phiêu lưu ký Tô Hoài"])[0], 1)
    assert opened.record_id(near[0][0]) == "3"


def test_a_file_cut_short_is_refused_and_a_changed_one_is_found(tmp_path: Path, catalogue: Catalogue) -> None:
    index.build(tmp_path / "index", catalogue)
    titles = tmp_path / "index" / "titles.bin"
    whole = titles.read_bytes()

    titles.write_bytes(whole[:-1] + b"\xff")
    assert index.verify(tmp_path / "index") == ["titles.bin"]
    titles.write_bytes(whole[:-1])
    with pytest.raises(IndexUnreadable, match="thuthu catalogue index"):
        index.open_index(tmp_path / "index")


def test_an_index_of_another_format_is_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    index.build(tmp_path / "index", catalogue)
    path = tmp_path / "index" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 999}))
    with pytest.raises(IndexUnreadable, match="format 999"):
        index.open_index(tmp_path / "index")


def test_an_empty_catalogue_has_an_index_too(tmp_path: Path) -> None:
    empty = Catalogue(tmp_path / "catalogue.sqlite")
    assert index.build(tmp_path / "index", empty, embedder=HashingEmbedder()).records == 0
    assert len(index.open_index(tmp_path / "index").words) == 0


def test_interrupted_embedding_takes_up_where_it_stopped(vectors: VectorStore) -> None:
    class Counting(HashingEmbedder):
        embedded = 0

        def passages(self, texts: list[str]) -> object:  # type: ignore[override]
            Counting.embedded += len(texts)
            if Counting.embedded > 300:
                raise KeyboardInterrupt
            return super().passages(texts)

    texts = [f"cuốn sách số {n}" for n in range(400)]
    with pytest.raises(KeyboardInterrupt):
        vectors.fill(texts, Counting())
    assert vectors.fill(texts, HashingEmbedder()) == 400 - 256


def test_opening_and_searching_by_words_imports_no_model(tmp_path: Path, catalogue: Catalogue) -> None:
    index.build(tmp_path / "index", catalogue)
    code = (
        "import sys; from pathlib import Path; from retrieval.searcher import Searcher;"
        f"s = Searcher.open(Path({str(tmp_path / 'index')!r})); print(s.search('so do')[0].record_id);"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert said.stdout.split("\n")[:2] == ["1", "[]"]
