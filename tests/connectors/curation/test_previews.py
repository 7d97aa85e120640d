from datetime import date
from pathlib import Path

import pytest
import yaml

from bot.actions.curated import utterance
from connectors.curation.previews import frames_of, preview, reply_of, unknown_variables
from retrieval.answers import Answer

DOMAIN = yaml.safe_load((Path(__file__).parents[3] / "bot/domain/answers.yml").read_text(encoding="utf-8"))
WIFI = Answer(
    "wifi", "Wifi", "Có wifi không?", "Có, tên mạng {site}.", "Is there wifi?", "Yes: {site}.", source="Nội quy",
    url="https://thuvien.example/wifi", valid_from=date(2026, 1, 5),
)  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "text", "button"),
    [
        ("vi", "Có, tên mạng TV.\n\nNguồn: Nội quy · cập nhật 5/1/2026", "Xem thêm"),
        ("en", "Yes: TV.\n\nSource: Nội quy · updated 5 January 2026", "Read more"),
    ],
)
def test_an_answer_is_shown_in_the_dialogues_own_words(lang, text, button) -> None:
    said = utterance(WIFI, {"site": "TV"}, lang)
    assert said
    for door, limit in (("zalo", 2000), ("telegram", 2048), ("web", 0)):
        shown = preview(reply_of(said, frames_of(DOMAIN), lang), door, lang)
        assert [(part.text, part.buttons, part.length) for part in shown.parts] == [(text, (button,), len(text))]
        assert shown.limit == limit


def test_a_long_answer_is_cut_where_the_door_cuts_it() -> None:
    long = Answer("dai", "Dài", "Dài?", "Một câu khá dài để đếm cho đủ. " * 90)
    said = utterance(long, {}, "vi")
    assert said
    parts = {door: preview(reply_of(said, frames_of(DOMAIN), "vi"), door, "vi").parts for door in ("zalo", "web")}
    assert [len(each) for each in parts.values()] == [2, 1]
    assert all(part.length <= 2000 for part in parts["zalo"])
    assert "".join(part.text for part in parts["zalo"]).count("đếm") == 90


def test_unknown_variables_are_named_once_whatever_the_language() -> None:
    answer = Answer("a", "A", "A?", "{phone} {x} {x}", answer_en="{y}")
    assert unknown_variables(answer, {"phone": "1"}) == ["x", "y"]
