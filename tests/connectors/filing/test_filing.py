"""The library's words as files: out and in without a change, both sides' changes kept, clashes shown and never lost."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.clock import VIETNAM
from connectors.filing.filing import Filing, FilingError, name_of, read_folder
from connectors.timetable.edits import apply
from connectors.timetable.versions import Versions
from library.text import nfc
from retrieval.answers import Answer, AnswerBook

DEMO = Path(__file__).parents[3] / "demo" / "calendar.yml"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
WIFI = Answer(
    "wifi", "tiện ích", "Có wifi không?", "Có, mật khẩu ở quầy.", phrasings=("wifi", "mạng"), source="Nội quy"
)
FEE = Answer("phi", "thẻ", "Phí làm thẻ?", "Dòng một\nDòng hai: {card_fee}", risk="high", valid_until=date(2027, 1, 1))


class World:
    """A library and the folder its files are exported to."""

    def __init__(self, at: Path) -> None:
        self.book = AnswerBook(at / "answers.sqlite")
        self.calendar = Versions(at / "calendar", DEMO)
        self.taught = at / "taught"
        self.folder = at / "folder"
        self.filing = Filing(self.book, self.calendar, self.taught, at / "exchanged")

    def say(self, *answers: Answer) -> None:
        for answer in answers:
            self.book.publish(answer.key, self.book.draft(answer, "Lan", NOW), "Lan", NOW)

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def look(self, choices: Any = None) -> Any:
        return self.filing.look(read_folder(self.folder), choices or {})

    def take_in(self, choices: Any = None, *, publish: bool = True) -> list[str]:
        return self.filing.take_in(self.look(choices), "import", NOW, publish=publish)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.say(WIFI, FEE)
    world.filing.export(world.folder)
    return world


def test_what_goes_out_comes_in_as_no_change_and_again_out_as_the_same_letters(world: World) -> None:
    before = read_folder(world.folder)
    assert set(before) == {"answers/wifi.yml", "answers/phi.yml", "calendar.yml"}
    assert not world.look().is_news
    assert world.take_in() == []
    assert world.calendar.newest == 0
    world.filing.export(world.folder)
    assert read_folder(world.folder) == before


def test_a_change_in_a_file_comes_in_once(world: World) -> None:
    world.edit("answers/wifi.yml", "ở quầy", "trên bảng")
    assert [change.path for change in world.look().changes] == [("answers", "wifi", "answer")]
    assert world.take_in() == ["wifi"]
    assert world.book.get("wifi") == replace(WIFI, answer="Có, mật khẩu trên bảng.")
    assert world.take_in() == []
    assert len(world.book.revisions("wifi")) == 2


def test_without_publish_it_is_a_draft_and_a_second_time_adds_none(world: World) -> None:
    world.edit("answers/wifi.yml", "ở quầy", "trên bảng")
    for _ in range(2):
        assert world.take_in(publish=False) == ["wifi"]
    assert world.book.get("wifi") == WIFI
    assert len(world.book.revisions("wifi")) == 2


def test_both_sides_may_change_other_fields_and_add_phrasings(world: World) -> None:
    world.say(replace(WIFI, owner="Lan", phrasings=("wifi", "mạng", "internet")))
    world.edit("answers/wifi.yml", "- mạng", "- mạng\n  - wi fi")
    world.edit("answers/wifi.yml", "ở quầy", "trên bảng")
    world.take_in()
    assert world.book.get("wifi") == replace(
        WIFI, owner="Lan", answer="Có, mật khẩu trên bảng.", phrasings=("wifi", "mạng", "internet", "wi fi")
    )


@pytest.mark.parametrize(("side", "said"), [("theirs", "Có, mật khẩu trên bảng."), ("ours", "Có, hỏi thủ thư.")])
def test_what_both_changed_waits_for_a_choice(world: World, side: str, said: str) -> None:
    world.say(replace(WIFI, answer="Có, hỏi thủ thư."))
    world.edit("answers/wifi.yml", "ở quầy", "trên bảng")
    [clash] = world.look().clashes
    assert (clash.path, clash.base) == (("answers", "wifi", "answer"), WIFI.answer)
    assert (clash.ours, clash.theirs) == ("Có, hỏi thủ thư.", "Có, mật khẩu trên bảng.")
    with pytest.raises(FilingError):
        world.take_in()
    world.take_in({clash.path: side})
    live = world.book.get("wifi")
    assert live
    assert live.answer == said


def test_a_file_that_left_long_ago_takes_nothing_back(world: World) -> None:
    old = read_folder(world.folder)
    world.say(replace(WIFI, answer="Có, hỏi thủ thư."))
    world.filing.export(world.folder)  # others left in between
    intake = world.filing.look(old)
    assert not intake.is_news
    assert not intake.clashes


def test_a_file_of_unknown_origin_never_overwrites_by_silence(world: World) -> None:
    text = (world.folder / "answers/wifi.yml").read_text(encoding="utf-8").partition("\n")[2]
    intake = world.filing.look({"answers/wifi.yml": text.replace("ở quầy", "trên bảng")})
    assert [clash.path for clash in intake.clashes] == [("answers", "wifi", "answer")]


def test_a_file_that_is_gone_takes_no_answer_away(world: World) -> None:
    (world.folder / "answers" / "wifi.yml").unlink()
    assert not world.look().is_news


def test_an_answer_gone_here_takes_its_own_file_away_and_no_foreign_one(world: World) -> None:
    foreign = world.folder / "answers" / "cua-toi.yml"
    foreign.write_text("- key: mine\n", encoding="utf-8")
    world.book.withdraw("wifi", "Lan", NOW)
    world.filing.export(world.folder)
    assert not (world.folder / "answers" / "wifi.yml").exists()
    assert foreign.exists()


def test_the_calendar_comes_in_beside_what_was_changed_here(world: World) -> None:
    close = {"do": "close", "from": "2026-11-25", "branches": ["MT"], "vi": "mất điện"}
    world.calendar.save(apply(world.calendar.read(0), close), 0, "Lan", NOW, "Nghỉ")
    world.edit("calendar.yml", "kiểm kê kho mượn", "kiểm kê lớn")
    world.take_in()
    reasons = [entry["reason"]["vi"] for entry in world.calendar.read(2)["closures"]]
    assert "mất điện" in reasons
    assert "kiểm kê lớn" in reasons
    assert not world.look().is_news


def test_examples_go_out_and_in_as_they_are(world: World) -> None:
    world.taught.mkdir()
    (world.taught / "hours.yml").write_text("- mấy giờ mở\n", encoding="utf-8")
    world.filing.export(world.folder)
    assert not world.look().is_news
    world.edit("examples/hours.yml", "mấy giờ mở", "mấy giờ đóng")
    world.take_in()
    assert (world.taught / "hours.yml").read_text(encoding="utf-8") == "- mấy giờ đóng\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("calendar.yml", "branches: 5"),
        ("calendar.yml", "a: [b"),
        ("answers/a.yml", "key: a"),
        ("answers/a.yml", "- {key: a, topic: t}"),
        ("answers/a.yml", "- {key: a, topic: t, question: q, answer: a, colour: red}"),
        ("../etc/passwd", "x"),
    ],
)
def test_what_is_no_file_of_ours_is_refused_whole(world: World, name: str, text: str) -> None:
    with pytest.raises(FilingError):
        world.filing.look({name: text})


def test_keys_that_differ_by_accents_alone_get_files_of_their_own(world: World) -> None:
    world.say(replace(FEE, key="phí"))
    world.filing.export(world.folder)
    assert {"answers/phi.yml", "answers/phi-2.yml"} <= set(read_folder(world.folder))
    assert not world.look().is_news


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(FilingError, match="right folder"):
        read_folder(tmp_path)


def test_the_archive_holds_the_same_files_and_is_the_same_each_time(world: World) -> None:
    packed = world.filing.archive()
    assert packed == world.filing.archive()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == read_folder(world.folder)


def test_a_single_file_is_known_by_what_it_holds(world: World) -> None:
    files = read_folder(world.folder)
    assert name_of(files["calendar.yml"]) == "calendar.yml"
    assert name_of(files["answers/wifi.yml"]).startswith("answers/")


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co", "Cn")), min_size=1, max_size=40
).map(lambda text: nfc(text).strip())
_SAID = _WORDS.filter(bool)
_DAYS = st.none() | st.dates(date(2020, 1, 1), date(2099, 12, 31))
_ANSWERS = st.builds(
    Answer,
    key=st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True),
    topic=_SAID, question=_SAID, answer=st.lists(_SAID, min_size=1, max_size=3).map("\n".join),
    question_en=_WORDS, answer_en=_WORDS, phrasings=st.lists(_SAID, max_size=4).map(tuple),
    source=_WORDS, owner=_WORDS, valid_from=_DAYS, valid_until=_DAYS, risk=st.sampled_from(["low", "high"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(answers=st.lists(_ANSWERS, min_size=1, max_size=4, unique_by=lambda answer: answer.key))
def test_any_answer_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, answers: list[Answer]) -> None:
    here, there = World(tmp_path_factory.mktemp("here")), World(tmp_path_factory.mktemp("there"))
    here.say(*answers)
    here.filing.export(here.folder)
    there.filing.take_in(there.filing.look(read_folder(here.folder)), "import", NOW, publish=True)
    assert there.book.published() == here.book.published()
    there.filing.export(there.folder)
    assert read_folder(there.folder) == read_folder(here.folder)
