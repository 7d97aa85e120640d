from pathlib import Path

import pytest

from retrieval import evaluate, evaluate_answers
from retrieval.evaluate import EvaluationError, Judged
from retrieval.searcher import Hit


class Fixed:
    def __init__(self, **found: list[str]) -> None:
        self.found = found

    def search(self, query: str, n: int) -> list[Hit]:
        return [Hit(record_id, 1.0, ()) for record_id in self.found[query]][:n]


def test_measures_are_those_of_a_worked_example() -> None:
    judged = [Judged.of("a", {"1"}, ("title",)), Judged.of("b", {"2", "3"}, ("topic",))]
    told = evaluate.catalogue(Fixed(a=["1", "9"], b=["9", "2", "8", "3"]), judged)

    assert told["by_tag"]["title"] == {"n": 1, "recall@1": 1, "recall@5": 1, "recall@10": 1, "mrr": 1, "ndcg@10": 1}
    topic = told["by_tag"]["topic"]
    assert (topic["recall@1"], topic["recall@5"], topic["mrr"]) == (0, 1, 0.5)
    assert topic["ndcg@10"] == pytest.approx((1 / 1.58496 + 1 / 2.32193) / (1 + 1 / 1.58496), abs=1e-3)
    assert (told["all"]["n"], told["all"]["mrr"]) == (2, 0.75)


def test_judgements_are_read_from_a_table_and_a_faulty_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "judged.tsv"
    path.write_text("query\trelevant\ttags\nsố đỏ\t1,2\ttitle,accented\nso do\t1\n", encoding="utf-8")
    assert evaluate.read_judged(path) == [
        Judged("số đỏ", {"1": 1, "2": 1}, ("title", "accented")),
        Judged("so do", {"1": 1}, ()),
    ]
    path.write_text("số đỏ\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="line 1"):
        evaluate.read_judged(path)


def test_answers_are_measured_in_every_form_and_the_unknown_apart(tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text("qid\tcategory\tquestion\n0\tx\tThư viện có wifi không?\n1\tx\tGửi xe ở đâu?\n")
    (tmp_path / "known.tsv").write_text("qid\tparaphrase\n0\tmật khẩu wifi là gì\n1\tbãi giữ xe nằm chỗ nào\n")
    (tmp_path / "asked.tsv").write_text(
        "qid\tparaphrase\n0\tthư viện có wifi không vậy\n1\tgửi xe ở đâu\n7\tgiá vàng hôm nay\n"
    )
    told = evaluate_answers.answers(tmp_path / "q.tsv", tmp_path / "known.tsv", tmp_path / "asked.tsv")

    assert set(told) == {"accented", "unaccented", "noisy", "unknown"}
    assert told["accented"] == {"n": 2, "top1": 1, "top3": 1, "false_refusal": 0}
    assert told["unaccented"]["top1"] == 1
    assert told["unknown"] == {"n": 1, "refused": 1}


def test_grades_count_in_ndcg_alone(tmp_path: Path) -> None:
    path = tmp_path / "judged.tsv"
    path.write_text("dế\tTG:1:3,2\t\n", encoding="utf-8")
    (judged,) = evaluate.read_judged(path)
    assert judged.relevant == {"TG:1": 3, "2": 1}

    best, worse = (
        evaluate.catalogue(Fixed(dế=found), [judged])["all"] for found in (["TG:1", "2"], ["2", "TG:1"])
    )  # fmt: skip
    assert best["ndcg@10"] == 1 > worse["ndcg@10"]
    assert best["recall@5"] == worse["recall@5"] == best["mrr"] == worse["mrr"] == 1
