from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.curation.merging import changes, merged, pieces
from retrieval.answers import Answer

BASE = Answer("a", "Giờ", "Mấy giờ?", "Sáng 7 giờ. Chiều 13 giờ. Tối nghỉ.", phrasings=("mấy giờ mở", "giờ mở cửa"))
TEXT = st.text(alphabet="ab .\né", max_size=30)


@given(TEXT, TEXT)
def test_the_pieces_give_back_both_texts(before: str, after: str) -> None:
    told = pieces(before, after)
    assert "".join(piece.text for piece in told if piece.kind != "new") == before
    assert "".join(piece.text for piece in told if piece.kind != "gone") == after


def test_words_that_changed_are_told_apart_and_nothing_else() -> None:
    told = [(piece.kind, piece.text) for piece in pieces("phạt 1.000 đồng", "phạt 2.000 đồng")]
    assert told == [("same", "phạt "), ("gone", "1"), ("new", "2"), ("same", ".000 đồng")]


def test_the_first_wording_is_all_change() -> None:
    assert [change.field for change in changes(None, BASE)] == ["question", "phrasings", "answer", "topic", "risk"]
    assert changes(BASE, BASE) == ()


@given(TEXT, TEXT, TEXT)
def test_a_merge_without_clash_holds_a_change_of_one_side(base: str, theirs: str, mine: str) -> None:
    one_sided = merged(replace(BASE, answer=base), replace(BASE, answer=theirs), replace(BASE, answer=base))
    assert (one_sided.answer.answer, one_sided.clashes) == (theirs, ())
    other = merged(replace(BASE, answer=base), replace(BASE, answer=base), replace(BASE, answer=mine))
    assert (other.answer.answer, other.clashes) == (mine, ())
    # Whoever saves first, the words that come together are the same ones; only of a clash each sees their own.
    left = merged(replace(BASE, answer=base), replace(BASE, answer=theirs), replace(BASE, answer=mine))
    right = merged(replace(BASE, answer=base), replace(BASE, answer=mine), replace(BASE, answer=theirs))
    assert bool(left.clashes) == bool(right.clashes)
    if not left.clashes:
        assert left.answer.answer == right.answer.answer
    else:
        assert left.answer.answer == mine


@pytest.mark.parametrize(
    ("theirs", "mine", "together"),
    [
        ("Sáng 8 giờ. Chiều 13 giờ. Tối nghỉ.", BASE.answer.replace("nghỉ", "mở"), "Sáng 8 giờ. Chiều 13 giờ. Tối mở."),
        ("Sáng 8 giờ. Chiều 13 giờ. Tối nghỉ.", "Sáng 9 giờ. Chiều 13 giờ. Tối nghỉ.", None),
        ("Sáng 7 giờ. Chiều 13 giờ.", "Sáng 7 giờ. Chiều 13 giờ. Tối mở.", None),
    ],
)  # fmt: skip
def test_two_changes_come_together_word_by_word_unless_they_touch(theirs: str, mine: str, together: str | None) -> None:
    merge = merged(BASE, replace(BASE, answer=theirs), replace(BASE, answer=mine))
    if together is None:
        assert [clash.field for clash in merge.clashes] == ["answer"]
        assert merge.answer.answer == mine
    else:
        assert (merge.answer.answer, merge.clashes) == (together, ())


def test_phrasings_of_both_are_kept_and_what_either_took_out_is_gone() -> None:
    theirs = replace(BASE, phrasings=("mấy giờ mở", "giờ mở cửa", "mo cua may gio"))
    mine = replace(BASE, phrasings=("giờ mở cửa", "hôm nay mở không"))
    assert merged(BASE, theirs, mine).answer.phrasings == ("giờ mở cửa", "mo cua may gio", "hôm nay mở không")


def test_a_new_answer_that_two_people_began_clashes_where_they_differ() -> None:
    merge = merged(None, BASE, replace(BASE, answer="Khác."))
    assert [clash.field for clash in merge.clashes] == ["answer"]
