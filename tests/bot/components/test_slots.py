"""Slots: exact spans of what was typed, read from context, from lists, from the catalogue and from the readers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.lookups import Lookups
from bot.components.slot_features import IGNORANCE, Knowledge, features
from bot.components.slot_reading import draft, labels
from bot.components.slot_training import Labelled, changed, copies, exchanged, train_values
from bot.components.slots import SlotExtractor, SlotReview
from bot.components.spans import Span, date_spans, isbn_spans
from library.text import nfc, normalise
from library.titles import TitleBook, TitleEntry, build


class Said:
    """A tagger that says of each word what it was told to."""

    def __init__(self, tags: str) -> None:
        self._tags = tags.split()

    def tag(self, rows: list[list[str]]) -> list[str]:
        assert len(rows) == len(self._tags)
        return self._tags


def slots(text: str, tags: str) -> dict[str, str]:
    typed = nfc(text)
    return {span.slot: typed[span.start : span.end] for span in draft(text, IGNORANCE, Said(tags)).spans()}


def labelled(text: str, **named: str) -> Labelled:
    return Labelled(text, tuple(Span(slot, text.index(v), text.index(v) + len(v)) for slot, v in named.items()))


def test_labels_and_spans_are_each_others_inverse() -> None:
    example = labelled(
        "còn Số đỏ, của Vũ Trọng Phụng ở phòng đọc ko", title="Số đỏ", author="Vũ Trọng Phụng", room="phòng đọc"
    )
    said = " ".join(labels(normalise(example.text), example.spans))
    assert slots(example.text, said) == {"title": "Số đỏ", "author": "Vũ Trọng Phụng", "room": "phòng đọc"}


def test_a_title_that_holds_a_date_is_no_date() -> None:
    assert slots("có cuốn Tháng ba gãy súng", "O O B-title I-title I-title I-title") == {"title": "Tháng ba gãy súng"}


def test_a_place_in_a_list_is_no_weekday() -> None:
    assert slots("giữ cuốn thứ 3", "O O I-item_ordinal I-item_ordinal") == {"item_ordinal": "thứ 3"}


def test_the_date_reader_knows_better_than_the_tagger_where_a_day_ends() -> None:
    assert slots("mùng 3 tết có mở", "O I-date O O O") == {"date": "mùng 3 tết"}


def test_a_volume_is_no_part_of_a_title() -> None:
    assert slots("còn conan tập 12 không", "O B-title I-title I-title O") == {"title": "conan"}


def test_a_day_typed_in_telex_is_a_day() -> None:
    message = normalise("chur nhaatj cos mowr khoong")
    assert [(span.slot, message.typed[span.start : span.end]) for span in date_spans(message)] == [
        ("date", "chur nhaatj")
    ]


@pytest.mark.parametrize("typed", ["978-604-1-11111-2", "9786041111112", "0-306-40615-2"])
def test_an_isbn_is_found_as_typed(typed: str) -> None:
    text = f"có mã {typed} không"
    assert [text[span.start : span.end] for span in isbn_spans(text)] == [typed]


def test_a_telephone_number_is_no_isbn() -> None:
    assert isbn_spans("gọi 0900000001 nhé") == []


def test_of_listed_phrases_the_longest_is_found_without_marks() -> None:
    lookups = Lookups({"title": ["Mắt biếc", "Nhà giả kim"], "topic": ["nhà"]})
    assert lookups.found("co nha gia kim khong".split()) == [(1, 4, ("title",))]
    assert lookups.found("xay nha".split()) == [(1, 2, ("topic",))]


def test_what_the_catalogue_names_is_seen_with_a_slip_too(tmp_path: Path) -> None:
    build(tmp_path / "titles.bin", [TitleEntry("title", "Đất rừng phương Nam", ("1",))])
    knowledge = Knowledge(Lookups({}), TitleBook.open(tmp_path / "titles.bin"))
    seen = [
        next(f for f in row if f.startswith("c="))
        for row in features(normalise("đọc đât rừg phương nam"), knowledge).rows
    ]
    assert seen == ["c=O", "c=B-title~:3", "c=I-title~:3", "c=I-title~:3", "c=I-title~:3"]


def test_copies_keep_their_slots_exact_and_are_the_same_each_time() -> None:
    example = labelled("cho em mượn cuốn Tắt đèn của Ngô Tất Tố", title="Tắt đèn", author="Ngô Tất Tố")
    values = train_values([example], {"title": ["Số đỏ", "Lão Hạc"], "author": ["Nam Cao"]}, None)
    made = list(copies(example, values, ["find_item"], 6))
    assert made == list(copies(example, values, ["find_item"], 6))
    assert len(made) == 9
    for copy in made:
        assert [span.slot for span in copy.spans] == ["title", "author"]
        assert all(value == value.strip() and value for value in (copy.text[s.start : s.end] for s in copy.spans))


def test_a_changed_copy_keeps_its_spans() -> None:
    example = labelled("mượn Số đỏ nhé", title="Số đỏ")
    doubled = changed(example, lambda part: part * 2)
    assert [doubled.text[span.start : span.end] for span in doubled.spans] == ["Số đỏSố đỏ"]


def test_an_exchanged_value_is_written_like_the_one_it_replaces() -> None:
    values = {"title": ["Lão Hạc"]}
    for typed, meant in (("so do", "lao hac"), ("SỐ ĐỎ", "LÃO HẠC"), ("số đỏ", "lão hạc"), ("Số đỏ", "Lão Hạc")):
        copy = exchanged(labelled(f"mượn {typed} nhé", title=typed), values, random.Random(1))
        assert copy.text.startswith(f"mượn {meant}")


EXAMPLES = [
    ("cho em mượn cuốn Số đỏ", "find_item", {"title": "Số đỏ"}),
    ("có cuốn Tắt đèn không", "find_item", {"title": "Tắt đèn"}),
    ("tìm sách của Nam Cao", "find_item", {"author": "Nam Cao"}),
    ("sách về nuôi tôm", "find_item", {"topic": "nuôi tôm"}),
    ("mấy giờ mở cửa", "ask_opening_hours", {}),
    ("cảm ơn nhé", "thank", {}),
] * 3


@pytest.fixture
def trained(tmp_path: Path) -> SlotExtractor:
    messages = []
    for text, intent, named in EXAMPLES:
        example = labelled(text, **named)
        found = [
            {"entity": s.slot, "start": s.start, "end": s.end, "value": text[s.start : s.end]} for s in example.spans
        ]
        messages.append(Message({TEXT: text, INTENT: intent, ENTITIES: found}))
    tables = [{"name": "title", "elements": ["Mắt biếc", "Lão Hạc"]}]
    storage, resource = LocalModelStorage(tmp_path), Resource("slots")
    context = ExecutionContext(GraphSchema({}))
    config = {**SlotExtractor.get_default_config(), "iterations": 20}
    SlotExtractor.create(config, storage, resource, context).train(TrainingData(messages, lookup_tables=tables))
    return SlotExtractor.load(config, storage, resource, context)


def heard(message: Message) -> dict[str, str]:
    return {found["entity"]: found["value"] for found in message.get(ENTITIES)}


def test_a_trained_extractor_finds_a_title_it_was_never_shown(trained: SlotExtractor) -> None:
    (message,) = trained.process([Message({TEXT: "co cuon mat biec khong"})])
    assert heard(message) == {"title": "mat biec"}


def test_the_review_reads_again_with_the_intent_and_leaves_nothing_behind(trained: SlotExtractor) -> None:
    (message,) = trained.process([Message({TEXT: "có cuốn Mắt biếc không"})])
    message.set(INTENT, {"name": "find_item", "confidence": 1.0})
    (message,) = SlotReview().process([message])
    assert heard(message) == {"title": "Mắt biếc"}
    assert message.get("slot_draft") is None


def test_an_empty_message_has_no_slots(trained: SlotExtractor) -> None:
    (message,) = trained.process([Message({TEXT: " ?! "})])
    assert message.get(ENTITIES) == []
