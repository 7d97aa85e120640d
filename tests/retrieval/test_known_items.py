"""Queries drawn from a catalogue: always the same for a seed, and with every right record told."""

import random
from pathlib import Path

from library.text import fold
from retrieval import evaluate
from retrieval.known_items import draw, with_marks, without_marks, write_judged
from retrieval.slips import hurried
from tests.retrieval.conftest import BOOKS, book

RECORDS = [*BOOKS, book("20", "Sổ đỏ"), book("21", "Số đỏ", "Vũ Trọng Phụng", year=2020), book("22", "Kĩ thuật hàn")]


def test_the_same_seed_draws_the_same_queries_in_three_forms() -> None:
    first, again = (list(draw(RECORDS, 30, 5)) for _ in range(2))
    assert first == again
    assert first != list(draw(RECORDS, 30, 6))
    assert [each.tags[0] for each in first[:3]] == ["accented", "unaccented", "noisy"]
    assert all(fold(each.query) == each.query.lower() for each in first[1::3])


def test_all_editions_are_right_and_without_marks_all_that_fold_alike() -> None:
    drawn = [each for each in draw(RECORDS, 200, 1) if each.tags[1] == "title" and {"1", "20"} & set(each.relevant)]
    accented = {frozenset(each.relevant) for each in drawn if each.tags[0] == "accented"}
    assert {"1", "21"} in accented
    assert all(set(each.relevant) == {"1", "20", "21"} for each in drawn if each.tags[0] != "accented")


def test_spellings_of_one_syllable_are_one() -> None:
    assert with_marks("Kĩ thuật") == with_marks("kỹ thuật") == with_marks("KY\u0303 thuật")
    assert without_marks("lý") == without_marks("lí")


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    drawn = list(draw(RECORDS, 20, 3))
    assert write_judged(tmp_path / "drawn.tsv", drawn) == len(drawn)
    assert evaluate.read_judged(tmp_path / "drawn.tsv") == drawn


def test_a_catalogue_too_small_to_ask_about_draws_nothing() -> None:
    assert list(draw([book("1", "Mẹ")], 5, 1)) == []


def test_hurried_hands_spoil_a_query_and_leave_most_of_it() -> None:
    chance = random.Random(3)
    text = "kỹ thuật trồng và chăm sóc cây ăn quả"
    spoilt = [hurried(text, chance) for _ in range(200)]
    assert len(set(spoilt)) > 50
    alike = [len(set(fold(text).split()) & set(fold(each).split())) for each in spoilt]
    assert min(alike) >= 5
    assert sum(fold(each) == each for each in spoilt) > 100
