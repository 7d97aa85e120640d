import sqlite3
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from retrieval.answer_files import export_answers, import_answers
from retrieval.answers import Answer, AnswerBook, AnswerError

NOW = datetime(2026, 11, 22, 9, 0)
LATE = Answer(
    "phi-tre", "Phí trễ hạn", "Trả trễ bị phạt bao nhiêu?", "1.000đ mỗi cuốn mỗi ngày.", phrasings=("phạt trễ hạn",)
)
YAML = """
- key: phi-tre
  topic: Phí trễ hạn
  question: Trả trễ bị phạt bao nhiêu?
  phrasings:
    - phạt trễ hạn
  answer: |
    {late_fee} mỗi ngày.
    Trả ở quầy mượn.
  valid_from: 2026-01-01
- key: the
  topic: Làm thẻ
  question: Làm thẻ cần gì?
  answer: Căn cước và 20.000đ.
"""


@pytest.fixture
def answers(tmp_path: Path) -> AnswerBook:
    return AnswerBook(tmp_path / "answers.sqlite")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "phi.yml").write_text(YAML, encoding="utf-8")
    return tmp_path / "files"


def test_a_draft_never_comes_out_of_the_published_view(answers: AnswerBook) -> None:
    first = answers.draft(LATE, "lan", NOW)
    assert (answers.published(), answers.get("phi-tre")) == ([], None)

    answers.publish("phi-tre", first, "hoa", NOW)
    answers.draft(replace(LATE, answer="2.000đ."), "lan", NOW)
    assert answers.published() == [LATE]
    assert answers.get("phi-tre") == LATE


def test_undo_is_publishing_the_revision_before(answers: AnswerBook) -> None:
    first = answers.draft(LATE, "lan", NOW)
    second = answers.draft(replace(LATE, answer="2.000đ."), "lan", NOW)
    for number in (first, second, first):
        answers.publish("phi-tre", number, "hoa", NOW)
    assert answers.published() == [LATE]
    assert [(event.deed, event.number, event.by) for event in answers.history("phi-tre")] == [
        ("drafted", 1, "lan"), ("drafted", 2, "lan"),
        ("published", 1, "hoa"), ("published", 2, "hoa"), ("published", 1, "hoa"),
    ]  # fmt: skip
    assert [revision.live for revision in answers.revisions("phi-tre")] == [True, False]


def test_a_revision_cannot_be_changed_even_by_hand(answers: AnswerBook, tmp_path: Path) -> None:
    answers.publish("phi-tre", answers.draft(LATE, "lan", NOW), "hoa", NOW)
    by_hand = sqlite3.connect(tmp_path / "answers.sqlite")
    for deed in ("UPDATE revisions SET content = '{}'", "DELETE FROM revisions"):
        with pytest.raises(sqlite3.IntegrityError, match="a revision is never"):
            by_hand.execute(deed)
    by_hand.close()


def test_publishing_what_was_never_saved_is_refused(answers: AnswerBook) -> None:
    with pytest.raises(AnswerError, match="no revision 3"):
        answers.publish("phi-tre", 3, "hoa", NOW)


def test_a_withdrawn_answer_is_gone_but_not_lost(answers: AnswerBook) -> None:
    answers.publish("phi-tre", answers.draft(LATE, "lan", NOW), "hoa", NOW)
    mark = answers.mark
    assert answers.withdraw("phi-tre", "hoa", NOW)
    assert not answers.withdraw("phi-tre", "hoa", NOW)
    assert (answers.published(), len(answers.revisions("phi-tre")), answers.mark > mark) == ([], 1, True)


def test_an_answer_holds_from_its_first_day_through_its_last(answers: AnswerBook) -> None:
    dated = replace(LATE, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))
    answers.publish("phi-tre", answers.draft(dated, "lan", NOW), "hoa", NOW)
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1))
    assert [bool(answers.published(day)) for day in days] == [False, True, True, False]


def test_importing_twice_changes_nothing_the_second_time(answers: AnswerBook, folder: Path) -> None:
    assert import_answers(folder, answers, NOW).added == ["phi-tre", "the"]
    mark = answers.mark
    assert import_answers(folder, answers, NOW).unchanged == ["phi-tre", "the"]
    assert answers.mark == mark


def test_an_export_imports_as_the_same_answers(answers: AnswerBook, folder: Path, tmp_path: Path) -> None:
    import_answers(folder, answers, NOW)
    assert export_answers(answers, tmp_path / "out") == 2
    again = AnswerBook(tmp_path / "again.sqlite")
    import_answers(tmp_path / "out", again, NOW)
    assert again.published() == answers.published()
    assert import_answers(tmp_path / "out", answers, NOW).unchanged == ["phi-tre", "the"]


def test_what_a_person_wrote_is_never_overwritten_by_a_file(answers: AnswerBook, folder: Path) -> None:
    import_answers(folder, answers, NOW)
    mine = replace(answers.get("the") or LATE, answer="Căn cước. Thẻ miễn phí trong tháng này.")
    answers.publish("the", answers.draft(mine, "lan", NOW), "lan", NOW)
    answers.withdraw("phi-tre", "lan", NOW)

    assert import_answers(folder, answers, NOW).unchanged == ["phi-tre", "the"]
    (folder / "phi.yml").write_text(
        YAML.replace("20.000đ", "30.000đ").replace("quầy mượn", "quầy trả"), encoding="utf-8"
    )
    assert import_answers(folder, answers, NOW).waiting == ["phi-tre", "the"]
    assert answers.published() == [mine]
    assert answers.revisions("the")[-1].answer.answer == "Căn cước và 30.000đ."


def test_a_file_changed_since_its_import_changes_the_answer(answers: AnswerBook, folder: Path) -> None:
    import_answers(folder, answers, NOW)
    (folder / "phi.yml").write_text(YAML.replace("20.000đ", "30.000đ"), encoding="utf-8")
    assert import_answers(folder, answers, NOW).changed == ["the"]
    assert (answers.get("the") or LATE).answer == "Căn cước và 30.000đ."


def test_one_wrong_entry_imports_nothing_and_every_fault_is_named(answers: AnswerBook, folder: Path) -> None:
    (folder / "sai.yml").write_text("- {key: the, topic: x, question: x, answer: x}", encoding="utf-8")
    (folder / "sai2.yml").write_text("- {key: a, topc: x, question: '', answer: x, risk: none}", encoding="utf-8")
    with pytest.raises(AnswerError) as told:
        import_answers(folder, answers, NOW)
    for fault in ("stands in phi.yml already", "unknown topc", "topic, question missing", "neither low nor high"):
        assert fault in str(told.value)
    assert answers.keys() == []
