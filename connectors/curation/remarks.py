"""What can be said about a wording before anybody approves it: errors that stop it, doubts, and notes.

A stop keeps an answer from being sent for approval, never from being saved. Everything here is quick and knows no
network; links are visited by `links`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connectors.curation.figures import differences
from connectors.curation.links import Link
from connectors.curation.previews import Preview, unknown_variables
from library.masking import mask
from library.text import fold, tokens
from retrieval.answers import Answer
from retrieval.diacritics import lacks_marks
from retrieval.passages import wordings

MOST_SENTENCES = 4
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_STIFF = ("quý bạn đọc", "quý độc giả", "vui lòng liên hệ", "theo quy định hiện hành", "quý khách", "anh/chị")
_CLOCK = re.compile(r"\b\d{1,2}\s*(?:h|g)\s*\d{0,2}\b|\b\d{1,2}:\d{2}\b")
_MONEY = re.compile(
    r"\b\d+\s*k\b|\b\d{1,3}(?:,\d{3})+\s*(?:đ|đồng)|\b\d{4,}\s*(?:đ|đồng)|\b\d{1,3}(?:\.\d{3})+\s*đ\b", re.I
)
_SHOUTED = 4  # words in capitals one after another; fewer may be a name
_SENTENCE_END = re.compile(r"[.!?…]+(?:\s|$)")


class Level(StrEnum):
    STOP = "stop"
    DOUBT = "doubt"
    NOTE = "note"


@dataclass(frozen=True)
class Remark:
    """One thing to tell about a field of the form, in a librarian's words."""

    level: Level
    field: str
    text: str


@dataclass(frozen=True)
class Surroundings:
    """What a wording is judged against: what variables stand for, and other answers in use near to it, filled in."""

    variables: Mapping[str, str]
    near: Sequence[Answer] = ()
    card_pattern: str = r"\bDT\d{6}\b"


def remarks(
    answer: Answer, around: Surroundings, previews: Sequence[Preview] = (), links: Mapping[str, Link] | None = None
) -> list[Remark]:
    """Return what there is to say, the gravest first, each once."""
    told = [
        *_variables(answer, around.variables),
        *_personal(answer, around.card_pattern),
        *_same_question(answer, around.near),
        *_figures(answer, around),
        *_links(answer, links or {}),
        *_lengths(previews),
        *_marks(answer),
        *_voice(answer),
        *_care(answer),
    ]
    order = list(Level)
    return sorted(dict.fromkeys(told), key=lambda remark: order.index(remark.level))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with the variables that are known filled in."""
    return re.sub(r"\{(\w+)\}", lambda name: variables.get(name[1], name[0]), text)


def _variables(answer: Answer, known: Mapping[str, str]) -> Iterator[Remark]:
    for name in unknown_variables(answer, known):
        field = "answer" if f"{{{name}}}" in answer.answer else "answer_en"
        yield Remark(Level.STOP, field, f"Không có biến {{{name}}}. Chọn một biến trong bảng bên dưới hoặc bỏ ngoặc.")


def _personal(answer: Answer, card_pattern: str) -> Iterator[Remark]:
    fields = {"question": answer.question, "answer": answer.answer, "answer_en": answer.answer_en}
    for name, text in [*fields.items(), *(("phrasings", phrasing) for phrasing in answer.phrasings)]:
        kinds = mask(text, card_pattern).kinds
        if kinds - {"phone"}:
            yield Remark(Level.STOP, name, "Có số thẻ, mật khẩu hoặc số giấy tờ của một người. Hãy bỏ đi.")
        elif kinds and name.startswith("answer"):
            yield Remark(Level.DOUBT, name, "Có số điện thoại. Nếu là số của thư viện, hãy dùng {phone}.")
        elif kinds:
            yield Remark(Level.STOP, name, "Có số điện thoại của một người. Hãy bỏ đi.")


def _same_question(answer: Answer, near: Sequence[Answer]) -> Iterator[Remark]:
    mine: dict[str, str] = {}
    for text in (answer.question, *answer.phrasings):
        if (key := _key(text)) in mine and text != answer.question:
            yield Remark(Level.NOTE, "phrasings", f"“{text}” giống “{mine[key]}” khi bỏ dấu: bỏ một câu.")
        mine.setdefault(key, text)
    for other in near:
        for text in wordings(other):
            if (key := _key(text)) in mine:
                yield Remark(
                    Level.DOUBT, "question" if key == _key(answer.question) else "phrasings",
                    f"“{mine[key]}” đã có ở câu trả lời “{other.question}”: bạn đọc hỏi vậy sẽ phải chọn giữa hai câu.",
                )  # fmt: skip


def _figures(answer: Answer, around: Surroundings) -> Iterator[Remark]:
    mine = filled(answer.answer, around.variables)
    for other in around.near:
        for one in differences(mine, filled(other.answer, around.variables)):
            text = (
                f"Số {one.unit}: câu này nói {', '.join(one.mine)}; “{other.question}” nói {', '.join(one.theirs)}."
                " Xem câu nào đúng."
            )
            yield Remark(Level.DOUBT, "answer", text)


def _links(answer: Answer, links: Mapping[str, Link]) -> Iterator[Remark]:
    for url, link in links.items():
        if link is not Link.OK:
            yield Remark(Level.DOUBT, "url" if url == answer.url else "answer", f"{url}: {link}.")
    if answer.url and not answer.url.startswith(("http://", "https://")):
        yield Remark(Level.STOP, "url", "Liên kết phải bắt đầu bằng http:// hoặc https://.")


def _lengths(previews: Sequence[Preview]) -> Iterator[Remark]:
    for each in previews:
        if len(each.parts) > 1:
            door = {"zalo": "Zalo", "telegram": "Telegram"}.get(each.door, each.door)
            field = "answer_en" if each.lang == "en" else "answer"
            yield Remark(Level.DOUBT, field, f"Dài quá một tin {door}: sẽ gửi thành {len(each.parts)} tin.")


def _marks(answer: Answer) -> Iterator[Remark]:
    for name, text in (("question", answer.question), ("answer", answer.answer)):
        if len(tokens(text)) >= 4 and lacks_marks(text):
            yield Remark(Level.DOUBT, name, "Viết thiếu dấu: bạn đọc khó hiểu. Thêm dấu nhé.")


def _voice(answer: Answer) -> Iterator[Remark]:
    text = answer.answer
    low = text.lower()
    for words in _STIFF:
        if words in low:
            yield Remark(Level.NOTE, "answer", f"“{words}” nghe xa cách: nói “bạn”, “thư viện” là đủ.")
    if "!" in text:
        yield Remark(Level.NOTE, "answer", "Bỏ dấu chấm than.")
    if len(_EMOJI.findall(text)) > 1:
        yield Remark(Level.NOTE, "answer", "Nhiều nhất một biểu tượng cảm xúc.")
    if _shouts(text):
        yield Remark(Level.NOTE, "answer", "Viết hoa cả câu đọc như quát: viết thường.")
    if found := _CLOCK.search(text):
        yield Remark(Level.NOTE, "answer", f"Giờ viết “7 giờ 30”, không viết “{found[0]}”.")
    if found := _MONEY.search(text):
        yield Remark(Level.NOTE, "answer", f"Tiền viết “20.000 đồng”, không viết “{found[0]}”.")
    if len(_SENTENCE_END.findall(text)) > MOST_SENTENCES and "\n" not in text.strip():
        yield Remark(Level.NOTE, "answer", "Hơi dài: nói điều chính trước, hai ba câu ngắn; nhiều ý thì xuống dòng.")


def _shouts(text: str) -> bool:
    run = 0
    for word in text.split():
        run = run + 1 if word.isupper() and len(word) > 1 else 0
        if run == _SHOUTED:
            return True
    return False


def _care(answer: Answer) -> Iterator[Remark]:
    if not answer.answer_en:
        yield Remark(Level.NOTE, "answer_en", "Chưa có bản tiếng Anh: người hỏi tiếng Anh sẽ nhận bản tiếng Việt.")
    if not answer.phrasings:
        yield Remark(Level.NOTE, "phrasings", "Chưa có cách hỏi khác: thêm vài câu như bạn đọc hay gõ.")
    if answer.valid_from and answer.valid_until and answer.valid_until < answer.valid_from:
        yield Remark(Level.STOP, "valid_until", "Ngày cuối ở trước ngày đầu.")
    if answer.source and not answer.valid_from:
        yield Remark(Level.NOTE, "valid_from", "Có nguồn mà chưa có ngày: nguồn chỉ hiện khi có ngày dùng từ.")
    if not answer.review_by:
        yield Remark(Level.NOTE, "review_by", "Chưa có ngày xem lại.")


def _key(text: str) -> str:
    return " ".join(token.folded for token in tokens(fold(text)))
