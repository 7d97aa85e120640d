"""The scoring of `make eval-nlu`, on judgements made by hand."""

from pathlib import Path

import pytest

from bot.evaluate import BadLine, Judged, macro_f1, pairs, read, report, slot_f1, with_exact_year


def judged(
    intent: str, heard: str, slots: dict[str, object] | None = None, found: dict[str, object] | None = None
) -> Judged:
    return Judged("…", intent, pairs((slots or {}).items()), ("accented",), heard, pairs((found or {}).items()))


def test_slots_are_compared_in_nfc_without_case_and_extra_spaces() -> None:
    assert pairs([("title", "So\u0302\u0301  ĐỎ")]) == pairs([("title", "số đỏ")])


def test_a_slot_with_several_values_counts_each() -> None:
    assert pairs([("title", ["a", "b"])]) == {("title", "a"), ("title", "b")}


def test_one_exact_year_stands_for_both_ends_only_where_the_label_says_so() -> None:
    meant = pairs([("year_from", "1998"), ("year_to", "1998")])
    assert with_exact_year(pairs([("year_from", "1998")]), meant) == meant
    after = pairs([("year_from", "2015")])
    assert with_exact_year(after, after) == after


def test_slot_f1_counts_misses_and_inventions() -> None:
    rows = [
        judged("find_item", "find_item", {"title": "a"}, {"title": "a"}),
        judged("find_item", "find_item", {"title": "b"}, {"topic": "b"}),
    ]
    assert slot_f1(rows) == 0.5


def test_macro_f1_weighs_every_intent_alike() -> None:
    rows = [judged("greet", "greet")] * 9 + [judged("thank", "greet")]
    assert macro_f1(rows) == pytest.approx((2 * 9 / 19) / 2, abs=1e-4)


def test_refusals_are_counted_both_ways() -> None:
    rows = [
        judged("out_of_scope", "out_of_scope"),
        judged("out_of_scope", "greet"),
        judged("greet", "out_of_scope"),
        judged("greet", "greet"),
    ]
    figures = report(rows)
    assert figures["out_of_scope"] == {"recall": 0.5, "false_refusal": 0.5}
    assert figures["by_tag"] == {"accented": {"n": 4, "accuracy": 0.5}}


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text('chào\tgreet\t{}\taccented\nchào\tgreet\t{"title": \taccented\n', encoding="utf-8")
    with pytest.raises(BadLine, match=r"data\.tsv:2"):
        read(path)
