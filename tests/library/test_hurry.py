"""Messages in hurried hands: each harm does what it says, the same for the same seed."""

import random
import unicodedata

import pytest

from library.hurry import HARMS
from library.text import fold, normalise

SAID = "Cho em hỏi thư viện ngày mai có mở cửa không"


def harmed(name: str, text: str = SAID, seed: int = 1) -> str:
    return HARMS[name](text, random.Random(seed))


@pytest.mark.parametrize("name", HARMS)
def test_a_seed_gives_the_same_harm_and_no_text_breaks_it(name: str) -> None:
    assert harmed(name) == harmed(name)
    assert harmed(name) != SAID
    for text in ("", "?", "a", "12", "🙂", "ok"):
        harmed(name, text)


def test_marks_go_and_words_stay() -> None:
    assert harmed("unaccented") == "Cho em hoi thu vien ngay mai co mo cua khong"
    assert fold(harmed("half")) == fold(SAID)
    assert harmed("nfd") == unicodedata.normalize("NFD", SAID)
    assert harmed("upper") == SAID.upper()
    assert SAID in harmed("polite")


@pytest.mark.parametrize("seed", range(20))
def test_one_slip_is_one_word(seed: int) -> None:
    before, after = SAID.split(), harmed("typo", seed=seed).split()
    assert sum(a != b for a, b in zip(before, after, strict=True)) <= 1


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["telex", "drawn_out"])
def test_the_normaliser_takes_back_keys_and_drawn_out_letters(name: str, seed: int) -> None:
    assert normalise(harmed(name, seed=seed)).text == SAID


def test_the_young_shorten_what_they_shorten() -> None:
    assert harmed("teencode", "mình thích quyển này") in {"mik thik q này", "mk thik q này"}
