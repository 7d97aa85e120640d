"""The encoder in this repository reads what patrons type, with marks or without, and sentence-transformers reads it."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from library.text import fold
from retrieval.embedder import EmbedderUnavailable, open_embedder
from retrieval.static_encoder import MODEL, StaticEncoder, save
from retrieval.static_features import Lexicon

TITLES = [
    "Kỹ thuật nuôi tôm càng xanh ở đồng bằng sông Cửu Long",
    "Tự học tiếng Anh giao tiếp cho người mới bắt đầu",
    "Giáo trình xác suất thống kê",
    "Lịch sử Việt Nam thế kỷ XX",
    "Món ngon gia đình: các món canh chua",
    "Introduction to chemical engineering thermodynamics",
    "Chăm sóc sức khoẻ bà mẹ và trẻ sơ sinh",
    "Luật đất đai và các văn bản hướng dẫn thi hành",
]


@pytest.fixture(scope="module")
def fast() -> StaticEncoder:
    return StaticEncoder()


def test_vectors_are_of_unit_length_and_an_empty_text_is_like_nothing(fast: StaticEncoder) -> None:
    vectors = fast.passages([*TITLES, "", " … "])
    assert vectors.shape == (len(TITLES) + 2, fast.dimension)
    assert np.allclose(np.linalg.norm(vectors[:-2], axis=1), 1, atol=1e-5)
    assert not vectors[-2:].any()
    assert fast.passages([]).shape == (0, fast.dimension)


def test_a_title_is_found_without_marks_and_decomposed(fast: StaticEncoder) -> None:
    titles = fast.passages(TITLES)
    for typed in ([fold(title) for title in TITLES], [unicodedata.normalize("NFD", title) for title in TITLES]):
        assert (fast.queries(typed) @ titles.T).argmax(axis=1).tolist() == list(range(len(TITLES)))
    loose = fast.passages([unicodedata.normalize("NFD", title) for title in TITLES])
    assert np.allclose(loose, titles, atol=1e-6)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("sách nấu ăn", 4),
        ("em bé mới đẻ", 6),
        ("nuoi thuy san", 0), ("hoc ngoai ngu", 1), ("pháp luật về nhà đất", 7), ("ky thuat nuoi tom cnag xanh", 0),
        ("hoa hoc ky thuat nhiet dong luc hoc", 5),
    ],
)  # fmt: skip
def test_a_question_is_nearest_to_what_it_is_about(fast: StaticEncoder, asked: str, found: int) -> None:
    assert int((fast.passages(TITLES) @ fast.queries([asked])[0]).argmax()) == found


def test_a_text_has_one_vector_whatever_stands_beside_it(fast: StaticEncoder) -> None:
    together = fast.passages(TITLES * 100)
    assert np.allclose(together[: len(TITLES)], np.concatenate([fast.passages([title]) for title in TITLES]), atol=1e-6)


def test_sentence_transformers_reads_the_same_folder(fast: StaticEncoder) -> None:
    library = pytest.importorskip("sentence_transformers")
    # The features are code of ours, which sentence-transformers imports only when told to.
    model = library.SentenceTransformer(str(MODEL), device="cpu", local_files_only=True, trust_remote_code=True)
    assert np.allclose(model.encode(TITLES), fast.passages(TITLES), atol=1e-3)


def test_it_starts_without_torch() -> None:
    asked = (
        "import sys; from retrieval.embedder import open_embedder; open_embedder('fast').queries(['sách'])\n"
        "sys.exit('torch' in sys.modules or 'sentence_transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], cwd=MODEL.parents[1]).returncode == 0


def test_the_settings_words_open_what_they_name(tmp_path: Path) -> None:
    fast = open_embedder("fast")
    assert fast is not None
    assert fast.cheap
    assert fast.ready
    assert open_embedder("") is None
    with pytest.raises(EmbedderUnavailable, match="neither a folder nor a model"):
        open_embedder("no/such-model")
    with pytest.raises(EmbedderUnavailable, match="set it up first"):
        open_embedder(str(tmp_path))


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    lexicon = Lexicon(["sach", "hay", "thu", "vien"], ["sách"], np.array([0 * 4 + 1, 2 * 4 + 3]), 16)
    table = np.random.default_rng(3).normal(size=(len(lexicon), 8)).astype(np.float32)
    save(tmp_path, lexicon, table)
    read = StaticEncoder(tmp_path)
    whole = table[0] + table[1] + table[4] + table[5]  # two words, one as written, one pair
    assert np.allclose(read.passages(["Sách hay"])[0], whole / np.linalg.norm(whole), atol=0.02)
    assert open_embedder(str(tmp_path)).name == read.name  # type: ignore[union-attr]


def test_a_folder_that_is_not_whole_is_told(tmp_path: Path) -> None:
    save(tmp_path, Lexicon(["a"], [], np.array([], np.int64), 4), np.ones((5, 8), np.float32))
    (tmp_path / "words.txt").write_text("a b\n")
    with pytest.raises(EmbedderUnavailable, match="not whole"):
        open_embedder(str(tmp_path))
