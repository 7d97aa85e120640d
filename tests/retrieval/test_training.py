"""What makes the encoder: noise that keeps a text's sense, units of open text, a table that learns."""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from library.text import fold
from retrieval.static_encoder import StaticEncoder, save
from retrieval.static_features import Lexicon
from retrieval.training import corpus, student
from retrieval.training.corpus import Sizes
from retrieval.training.noise import noisy, telex, unaccented

TEXT = ["Nuôi tôm sú ở vùng ven biển, nuôi cá tra trong ao.", "Học tiếng Anh với người bản ngữ. Học nghề mộc."] * 30


@pytest.fixture
def units() -> corpus.Units:
    return corpus.units(iter(TEXT), Sizes(folded=100, accented=100, pairs=100))


def test_a_text_loses_its_marks_and_keeps_its_case() -> None:
    assert unaccented("Đường Đời, KỸ THUẬT, Hòa") == "Duong Doi, KY THUAT, Hoa"


@pytest.mark.parametrize(
    ("word", "keys"), [("tiếng", "tieengs"), ("đường", "dduwowngf"), ("Ăn", "Awn"), ("hoa", "hoa")]
)
def test_telex_keys_type_the_word(word: str, keys: str) -> None:
    assert telex(word) == keys


def test_noise_is_the_same_each_time_and_leaves_most_of_a_text() -> None:
    title = "Kỹ thuật nuôi tôm càng xanh ở đồng bằng sông Cửu Long"
    drawn = [noisy(title, random.Random(seed)) for seed in range(50)]
    assert drawn == [noisy(title, random.Random(seed)) for seed in range(50)]
    assert len(set(drawn)) > 40
    kept = [len(set(fold(text).split()) & set(fold(title).split())) for text in drawn]
    assert sum(kept) / len(kept) > len(title.split()) * 0.6


def test_noise_leaves_what_has_no_syllable_to_spoil() -> None:
    for text in ("", " ", "a", "😀", "C++", "1984"):
        assert {noisy(text, random.Random(seed), 1.0) for seed in range(20)} == {text.strip()}
    assert all(len(noisy("\u0301", random.Random(seed), 1.0)) <= 1 for seed in range(20))  # a mark with no letter


def test_units_stand_for_what_is_most_often_written(units: corpus.Units) -> None:
    assert units.folded["tom"] == "tôm"
    assert units.pairs["tieng", "anh"] == "tiếng anh"
    assert ("bien", "nuoi") not in units.pairs  # a comma stands between
    assert "tôm" in units.accented
    assert sum(units.frequency.values()) <= 1


def test_listed_words_fill_up_to_the_number_wanted(units: corpus.Units, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("the 99\nAnh 5\nof 3\nvalve 2\npump 1\n")
    more = corpus.with_words(units, corpus.listed_words(tmp_path / "list.txt"), len(units.folded) + 2)
    assert list(more.folded)[-2:] == ["the", "valve"]
    assert corpus.with_words(units, ["pump"], 1).folded == units.folded


def test_phrases_are_the_same_each_time_and_come_from_the_text() -> None:
    drawn = list(corpus.phrases(iter(TEXT), 3))
    assert drawn == list(corpus.phrases(iter(TEXT), 3))
    assert len(drawn) == len(TEXT)
    assert all(any(phrase in text for text in TEXT) for phrase, _ in drawn)


def _told(texts: Sequence[str]) -> np.ndarray:
    rows = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=16) for text in texts]
    return (np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_first_table_holds_the_vector_of_each_word(units: corpus.Units, tmp_path: Path) -> None:
    lexicon = student.lexicon(units)
    table = student.first_table(
        units, lexicon, *map(_told, (list(units.folded.values()), units.accented, list(units.pairs.values())))
    )
    assert table.shape == (len(lexicon), 16)
    save(tmp_path, lexicon, table)
    assert (StaticEncoder(tmp_path).queries(["tom"])[0] @ _told(["tôm"])[0]) > 0.99


def test_narrowing_drops_what_all_vectors_share() -> None:
    draw = np.random.default_rng(5)
    vectors = draw.normal(size=(500, 8)).astype(np.float32) * np.array([50, 3, 3, 3, 1, 1, 1, 1], np.float32) + 9
    narrow = student.Narrowing.fit(vectors, 3, 1)(vectors)
    assert narrow.shape == (500, 3)
    assert np.allclose(np.linalg.norm(narrow, axis=1), 1, atol=1e-4)
    assert abs(np.corrcoef(narrow[:, 0], vectors[:, 0])[0, 1]) < 0.1


def test_training_brings_a_text_and_its_spoilt_form_to_the_target_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    learning = pytest.importorskip("retrieval.training.learning", reason="needs torch")
    texts = [
        f"{a} {b} {c}" for a in ("nuôi", "trồng", "bán") for b in ("tôm", "cá", "lúa", "cam") for c in ("ở", "tại")
    ]
    lexicon = Lexicon(sorted({fold(word) for text in texts for word in text.split()}), [], np.array([], np.int64), 64)
    table = np.random.default_rng(2).normal(size=(len(lexicon), 16)).astype(np.float32)
    lessons = learning.Lessons(texts, _told(texts), [])

    def learnt(epochs: int, work: Path) -> np.ndarray:
        work.mkdir(exist_ok=True)
        learner = learning.Learner(lexicon, table.copy(), learning.Plan(epochs=epochs, batch=8, rate=0.02))
        learner.learn(lessons, work)
        save(work, lexicon, learner.table)
        return np.asarray(learner.table)

    def nearness(work: Path) -> float:
        read = StaticEncoder(work)
        return float((read.queries([fold(text) for text in texts]) * _told(texts)).sum(axis=1).mean())

    whole = learnt(20, tmp_path / "whole")
    learnt(1, tmp_path / "short")
    assert nearness(tmp_path / "whole") > nearness(tmp_path / "short") + 0.1
    assert np.array_equal(learnt(20, tmp_path / "whole"), whole)  # nothing is left to learn: what was kept is taken up
