"""Slips of the keyboard, mended by what is usually said."""

import pytest

from bot.components.mending import Mender
from library.text import nfc, normalise

SAID = ["mấy giờ đóng cửa", "thư viện mở cửa", "gia hạn giúp em", "mượn sách"] * 10 + ["cuốn Dế Mèn"]
MENDER = Mender.learned(normalise(text) for text in SAID)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("may goi dogn cua", "may gio dong cua"),
        ("thu vieen mo cua", "thu vien mo cua"),
        ("gia hqn giup em", "gia han giup em"),
        ("muon sacch", "muon sach"),
        ("men", "men"),
        ("xyz 123 qwerty", "xyz 123 qwerty"),
    ],
)
def test_a_word_nobody_uses_is_read_as_its_neighbour(typed, meant):
    assert [token.folded for token in MENDER.mended(normalise(typed)).tokens] == meant.split()


def test_words_keep_their_places():
    mended = MENDER.mended(normalise("thư việnn mở cữa gia hqn"))
    assert [nfc(mended.typed)[token.start : token.end] for token in mended.tokens][-1] == "hqn"
    assert mended.tokens[-1].folded == "han"


def test_of_two_neighbours_the_one_that_fits_is_taken():
    mender = Mender.learned(normalise(text) for text in ["con mèo"] * 9 + ["can mèo"] + ["số cân nặng"] * 30)
    assert mender.mended(normalise("cxn meo")).tokens[0].folded == "con"


@pytest.mark.parametrize(("typed", "strange"), [("uyrtb", True), ("uyrtb mở cửa", False), ("", True)])
def test_a_message_of_words_never_met_is_told(typed, strange):
    assert MENDER.knows_none(normalise(typed)) is strange
