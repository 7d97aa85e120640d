from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from retrieval import ngrams
from retrieval.ngrams import BITS, Grams, count

TEXTS = ["Số đỏ", "số đỏ có không", "", "Lịch sử Việt Nam\nViệt Nam", "Hoà bình", "hòa bình"]


def _runs(grams: Grams) -> dict[str, int]:
    words, last = grams.spellings, (1 << BITS) - 1
    return {
        f"{words[key >> BITS]} {words[key & last]}": times
        for key, times in zip(grams.keys2.tolist(), grams.counts2.tolist(), strict=True)
        if key & last > ngrams.OTHER
    }


def _expected() -> Counter[str]:
    lines = ["số đỏ", "số đỏ có không", "lịch sử việt nam", "việt nam", "hoà bình", "hoà bình"]
    words = [["", *line.split()] for line in lines]
    return Counter(f"{a} {b}" for line in words for a, b in pairwise(line))


def test_runs_are_counted_line_by_line() -> None:
    assert _runs(count(TEXTS)) == _expected()


def test_chunks_do_not_change_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "_CHUNK", 1)
    assert _runs(count(TEXTS)) == _expected()


def test_the_rarest_runs_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "_MOST_RUNS", 6)
    grams = count(TEXTS)
    assert len(grams.keys2) == 6
    assert _runs(grams)["số đỏ"] == 2


def test_a_general_model_is_added_to(tmp_path: Path) -> None:
    general = count(["số đỏ"])
    grams = count(["số đỏ", "số nhà"], general, weight=10)
    assert _runs(grams)["số đỏ"] == 11
    assert dict(zip(grams.spellings, grams.own.tolist(), strict=True))["đỏ"] == 1
    grams.save(tmp_path / "model")
    assert _runs(Grams.open(tmp_path / "model")) == _runs(grams)
