"""The intent classifier: learned in a moment on a few examples, deterministic, and able to show its evidence."""

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.intent_grams import Said, letters, places
from bot.components.intents import NgramIntentClassifier
from bot.components.spans import Span
from library.text import normalise

EXAMPLES = {
    "greet": ("chào thư viện", "xin chào ạ", "alo ad ơi", "hello bạn"),
    "ask_opening_hours": ("mấy giờ mở cửa", "chủ nhật có mở cửa không", "thư viện đóng cửa lúc mấy giờ", "giờ mở cửa"),
    "renew_loans": ("gia hạn giúp em", "cho em gia hạn sách", "gia hạn hết sách", "em muốn gia hạn thêm một tuần"),
}
TITLED = (("tìm cuốn Mấy giờ rồi", "Mấy giờ rồi"), ("có quyển Chào mùa hè không", "Chào mùa hè"), ("tìm Đất", "Đất"))


def entity(text: str, title: str) -> dict[str, object]:
    return {"entity": "title", "start": text.index(title), "end": text.index(title) + len(title), "value": title}


def examples() -> TrainingData:
    plain = [Message({TEXT: text, INTENT: intent}) for intent, texts in EXAMPLES.items() for text in texts]
    books = [Message({TEXT: text, INTENT: "find_item", ENTITIES: [entity(text, title)]}) for text, title in TITLED]
    return TrainingData([*plain, *books])


def trained(folder):
    arguments = (
        NgramIntentClassifier.get_default_config(),
        LocalModelStorage(folder),
        Resource("intents"),
        ExecutionContext(GraphSchema({})),
    )
    NgramIntentClassifier.create(*arguments).train(examples())
    return NgramIntentClassifier.load(*arguments)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("model"))


def heard(classifier, text, **also):
    message = Message({TEXT: text, **also})
    classifier.process([message])
    return message


@pytest.mark.parametrize("text", ["mấy giờ đóng cửa vậy", "MAY GIO DONG CUA VAY", "mấy h đóng cửa z"])
def test_marks_case_and_shorthand_do_not_change_the_intent(classifier, text):
    assert heard(classifier, text).get(INTENT)["name"] == "ask_opening_hours"


def test_the_name_of_a_book_says_nothing_about_the_intent(classifier):
    text = "tìm cuốn Mở cửa gia hạn"
    message = heard(classifier, text, **{ENTITIES: [entity(text, "Mở cửa gia hạn")]})
    assert message.get(INTENT)["name"] == "find_item"


def test_confidences_are_ranked_and_add_up(classifier):
    ranking = heard(classifier, "gia hạn sách").get("intent_ranking")
    confidences = [one["confidence"] for one in ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1, abs=1e-3)


def test_training_twice_gives_the_same_model(classifier, tmp_path):
    text = "cho hỏi gia hạn lúc mấy giờ"
    again = heard(trained(tmp_path), text).get("intent_ranking")
    assert again == heard(classifier, text).get("intent_ranking")


@pytest.mark.parametrize("text", ["", "   ", "?!", "😀", "日本", "a" * 5000])
def test_anything_typed_gets_a_reading(classifier, text):
    assert heard(classifier, text).get(INTENT)["name"]


def test_what_a_button_said_stays(classifier):
    said = {"name": "affirm", "confidence": 1.0}
    assert heard(classifier, "/affirm", **{INTENT: said}).get(INTENT) == said


def test_the_nearest_examples_are_shown_only_when_asked_for(classifier):
    assert heard(classifier, "gia hạn giúp em").get("nearest") is None
    nearest = heard(classifier, "gia han giup em", metadata={"nearest": 2}).get("nearest")
    assert nearest[0] == {"text": "gia hạn giúp em", "intent": "renew_loans", "likeness": 1.0}
    assert len(nearest) == 2


def test_a_hidden_slot_is_one_sign():
    text = "tìm cuốn Đất rừng phương Nam nhé"
    said = Said(normalise(text), [Span("title", 9, 28)])
    assert said.masked == ["tim", "cuon", "<title>", "nhe"]
    assert "<title>" in letters(said.masked, 2, 3)
    assert said.folded[2:6] == ["dat", "rung", "phuong", "nam"]


def test_first_and_last_words_count_for_their_place():
    assert places(["thoi", "dung", "gia", "han"]) == ["^thoi", "^dung", "$gia", "$han", "#4"]
