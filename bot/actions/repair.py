"""Messages that make sense only after the one before: corrections, "còn Cao Lãnh?", an answer to "cuốn nào?".

Such a message names something and says nothing of what to do with it. It is heard as the last request said again,
with what is named now in the place of what was named then, whatever intent it was taken for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.actions.wording import plainly
from library.text import Token, has_diacritics, nfc, normalise

Entity = Mapping[str, Any]

REQUEST_LIFETIME = timedelta(minutes=15)
# Responses that ask which one is meant: what is named next answers them.
ASKS_WHICH = frozenset(
    {"utter_renew_which", "utter_cancel_which", "utter_which_record", "utter_hold_what", "utter_no_such_hit"}
    | {"utter_what_to_find", "utter_several_records"}
)
# What replaces what: a new author puts away the title asked for before.
_TOGETHER = (
    {"title", "author", "topic", "isbn", "item_ordinal", "loan_scope", "record_id", "loan_id", "hold_id"},
    {"branch", "room"},
    {"date", "part_of_day"},
    {"year_from", "year_to"},
    {"language"},
    {"audience"},
    {"material"},
)
OF_RULES = "action_tell_answer"
LONGEST_ELLIPSIS = 7  # words
_OF_OTHER_MATTERS = {"title", "author", "topic", "isbn", "date", "part_of_day", "branch", "item_ordinal", "loan_scope"}
_GOING_ON_WORDS = re.compile(
    r"^\W*(?:à\s+|a\s+)?(?:thế|the|vậy|vay|zậy|zay|rứa|rua|ủa)?\s*(?:còn|con)?\s+(?=\w)"
    r"|\s(?:thì sao|thi sao|thì seo|sao)\W*$"
    r"|^\W*(?:and\s+)?(?:what|how) about\b",
    re.IGNORECASE,
)
_OF_BOOKS = {"title", "isbn", "item_ordinal", "record_id"}
_OF_SEARCHES = {"author", "topic", "audience", "language", "material", "year_from", "year_to"}
_SEARCHES = {"action_find_item", "action_refine_search", "action_list_new_items", "action_recommend_items"}
_OF_ONE_BOOK = {"action_show_record", "action_check_availability", "action_locate_item", "action_place_hold"}
OF_A_SEARCH = _SEARCHES | _OF_ONE_BOOK
_I = r"(?:minh|em|toi|tui|con|chau|anh|chi|bac|to|tao|tau|e)"
_NO = r"dung|khoi|khong|chang|don t|no need to|never"
_CORRECTS = re.compile(
    rf"\b(?:nham|lon)\b|^(?:\w+ )?khong phai\b|\bchu khong\b|\by (?:cua )?(?:{_I} )?(?:la|noi|muon noi|hoi)\b"
    r"|^(?:\w+ )?(?:doi|chuyen|sua) (?:lai |cho \w+ )?(?:sang|qua|thanh|lai)\b|\b(?:co|kia ma|kia co|moi dung)$"
    r"|\bi mean(?:t)?\b|^(?:oops|sorry|actually|not)\b|^no \w|\binstead$|^(?:make it|change it to|rather)\b"
)
_GOES_ON = re.compile(
    r"^(?:a |the |vay |o |roi )?(?:con|the|vay)\b(?!.*\b(?:khong|chua)$)|\b(?:thi sao|thi the nao|the nao|sao)$"
    r"|^(?:and )?(?:what|how) about\b|^and\b"
)
_NEGATED = re.compile(
    r"(?:(?<=^)|(?<=[\s,.;]))(?:chứ\s+|chu\s+)?(?:không|khong|ko|k|hông|hong|hổng|đâu|not)\s+"
    r"(?:phải|phai|phãi|that)?\s*[^,.;]*?(?=[,.;]|\s(?:mà|ma|but)\s|$)",
    re.IGNORECASE,
)
THE_OTHER = re.compile(r"\b(?:cuon|quyen|cai|sach|tap|ban) (?:kia|con lai|khac)\b|\bthe other(?: one)?\b")
# Words that may stand around what is named; with any other word the message says something of its own.
_AROUND = re.compile(
    rf"\b(?:nham|lon|roi|khong|phai|chu|y|cua|la|noi|muon|hoi|doi|chuyen|sua|lai|cho|sang|qua|thanh|co|ma|moi|dung"
    rf"|{_I}|a|ah|o|ua|oi|u|um|da|vang|thoi|chet|xin|loi|thi|sao|the|nao|vay|con|va|voi"
    r"|cuon|quyen|cai|sach|truyen|bo|tap|tac|pham|gia|ten|nay|do|ay|kia|no|ni|vua|nua|khac"
    r"|chi|nhanh|co so|so|tai|ben|ngay|hom|buoi|vao|luc|trong|tim|lay|chon|ghi|go|nham|di|nha|nhe|nhen|hen|ha|hah|luon"
    r"|ban|ad|cung|duoc|giup|gium|dum|bang|thu|vien|nguoi|viet|chac|ra|an|mot"
    r"|i|meant|mean|sorry|oops|actually|no|not|that|this|one|what|how|about|and|or|for|by|the|in|on|at|of|is|it"
    r"|book|books|instead|please|make|change|to|rather|wait|other|branch|library|oh|ones)\b"
)

_AROUND_A_TITLE = re.compile(
    r"\b(?:cuon|quyen|sach|truyen|bo|tap|phan|vol(?:ume)?|part|cua|tac gia|by|the|book|a|nha|nhe|\d{1,3}|[ivx]{1,4})\b"
)


def remembered_request(
    action: str, message: Mapping[str, Any], said: Sequence[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """Return what a later message may lean on; `said` are the dispatcher's messages of this turn."""
    entities = [{"entity": each.get("entity"), "value": each.get("value")} for each in message.get("entities") or ()]
    asks = any(each.get("response") in ASKS_WHICH for each in said)
    text = str(message.get("question") or message.get("text") or "") if action == OF_RULES else None
    return {"action": action, "entities": entities, "asks": asks, "text": text, "at": now.isoformat()}


def said_again(
    message: Mapping[str, Any], last: Mapping[str, Any] | None, now: datetime
) -> tuple[str, dict[str, Any]] | None:
    """Return the action of the last request and the message as it stands in that request's place; None when it
    stands by itself."""
    text = nfc(str(message.get("text") or ""))
    if not last or text.startswith("/") or not _recent(last, now):
        return None
    words = _as_begun(text)
    if last["action"] == OF_RULES:
        return _asked_on(message, text, words, last)
    corrects = bool(_CORRECTS.search(words))
    named = [each for each in message.get("entities") or () if each.get("end")]
    if corrects:
        named = _not_negated(named, text)
    other = bool(THE_OTHER.search(words))
    leans = corrects or bool(_GOES_ON.search(words)) or bool(last["asks"] and named)
    if not leans or not (named or other) or not _says_nothing_else(text, message.get("entities") or ()):
        return None
    entities = [*named, *_carried_over(last["entities"], named, other)]
    return _asked_of(last["action"], {each["entity"] for each in named}), {
        **message,
        "text": text,
        "entities": entities,
    }


def _asked_on(
    message: Mapping[str, Any], text: str, words: str, last: Mapping[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """Return a question about rules that goes on from the one before: "còn sinh viên?" after "làm thẻ cần gì"."""
    named = {each.get("entity") for each in message.get("entities") or ()}
    if not _GOES_ON.search(words) or len(words.split()) > LONGEST_ELLIPSIS or named & _OF_OTHER_MATTERS:
        return None
    if words.split()[:1] in (["the"], ["con"]) and not has_diacritics(text) and not words.endswith("sao"):
        return None  # "the em mat roi", "con toi duoc muon may cuon"
    new = _GOING_ON_WORDS.sub(" ", text).strip(" ?.!,")
    return (OF_RULES, {**message, "text": text, "question": f"{last['text']} {new}"}) if new and last["text"] else None


def _asked_of(action: str, named: set[str]) -> str:
    """Return the action; a search for what names no book of its own, the book itself for "cuốn kia"."""
    if action in _OF_ONE_BOOK and named & _OF_SEARCHES and not named & _OF_BOOKS:
        return "action_find_item"
    if action == "action_refine_search" and named & {"title", "author", "topic"}:
        return "action_find_item"
    return "action_show_record" if action in _SEARCHES and not named else action


def _as_begun(text: str) -> str:
    """Return the folded words; a first word that only folds to "còn" or "thế" ("con tôi", "thẻ em") as another."""
    words = [token.folded for token in normalise(text).tokens]
    typed = [token.text.lower() for token in normalise(text).tokens]
    unlike = typed[:1] == ["thẻ"] or (typed[:1] == ["con"] and has_diacritics(text))
    return " ".join(["-", *words] if unlike else words)


def only_a_title(message: Mapping[str, Any]) -> bool:
    """Return whether the message names a book, perhaps with its author or volume, and says nothing besides."""
    entities = [each for each in message.get("entities") or () if each.get("entity") in ("title", "author")]
    if not any(each["entity"] == "title" and each.get("end") for each in entities):
        return False
    return not _AROUND_A_TITLE.sub(" ", plainly(_without(nfc(str(message.get("text") or "")), entities))).strip()


def _recent(last: Mapping[str, Any], now: datetime) -> bool:
    return timedelta(0) <= now - datetime.fromisoformat(last["at"]) <= REQUEST_LIFETIME


def _not_negated(named: Sequence[Entity], text: str) -> list[Entity]:
    """Return what is named but for what stands under a no: of "không phải Số đỏ, Tắt đèn cơ" only "Tắt đèn"."""
    away = [match.span() for match in _NEGATED.finditer(text)]
    kept = [each for each in named if not any(a <= each["start"] and each["end"] <= b for a, b in away)]
    return kept or list(named)


def _without(text: str, entities: Sequence[Entity]) -> str:
    for each in sorted(entities, key=lambda one: -int(one.get("start") or 0)):
        if each.get("end"):
            text = f"{text[: each['start']]} {text[each['end'] :]}"
    return text


def _says_nothing_else(text: str, entities: Sequence[Entity]) -> bool:
    rest = _without(text, entities)
    return not _AROUND.sub(" ", plainly(rest)).replace("\u2215", "").strip(" 0123456789")


def _carried_over(before: Sequence[Entity], named: Sequence[Entity], other: bool) -> list[dict[str, Any]]:
    """Return what the last request named and this message leaves as it was."""
    new = {str(each["entity"]) for each in named} | ({"title"} if other else set())
    gone = set().union(*(group for group in _TOGETHER if group & new))
    return [{**each, "start": 0, "end": 0} for each in before if each["entity"] not in gone]


# What names the deed that a question is about.
DEED_WORDS: Mapping[str, str] = {
    "renew": r"gia han|ra han|keo dai|renew|extend",
    "hold": r"dat|giu|lay|hold|reserve",
    "start_hold": r"dat|giu|lay|hold|reserve",
    "cancel_hold": r"huy|bo|cancel",
    "forget": r"xoa|delete|erase",
    "purchase": r"ghi|mua|note|buy",
    "librarian": r"goi|moi|gap|call",
}
_STOPS = re.compile(
    rf"\b(?:thoi|khoan|dung|khoi|tu tu|cho (?:chut|ti|xiu|da)|doi y|de {_I} (?:xem|nghi|coi|suy nghi)|hang|khong muon"
    r"|wait|hold on|stop|never mind|not now|not yet|changed my mind|let me think)\b"
)
_AROUND_STOPS = re.compile(
    rf"\b(?:thoi|khoan|dung|khoi|tu|cho|chut|ti|xiu|da|doi|y|de|{_I}|xem|nghi|coi|suy|lai|hang|hay|khong|muon|can|a|nha"
    r"|nhe|nhen|nghen|hen|oi|roi|di|nua|vay|dau|lam|sau|ma|ban|ad|u|um|vang|het|ay|do|gi|ca|the|mot|luon|bo|phien"
    r"|wait|hold|on|stop|never|mind|not|now|yet|no|i|changed|my|let|me|think|please|ok|sorry|actually|don|t|do|it)\b"
)


# "đúng rồi" without its marks; "đừng" stands before what is not to be done, or alone.
_RIGHT = re.compile(r"\bdung(?= (?:roi|vay|do|the|no|r|y|ak|a)\b)")


def _unlike_no(word: Token) -> str:
    """Return the folded word; "đúng" and "dùng", which fold to the same as "đừng", as another."""
    return "yes" if word.text.lower() in ("đúng", "dùng") else word.folded


def takes_back(text: str, kind: str) -> bool:
    """Return whether the words only stop what a question of this kind is about to do: "khoan đã", "đừng đặt nữa"."""
    words = _RIGHT.sub("yes", " ".join(_unlike_no(word) for word in normalise(text).tokens))
    deed = DEED_WORDS.get(kind, "")
    if deed and (named := re.search(rf"\b(?:{_NO})(?: \w+){{0,2}} (?:{deed})\b(?! duoc)", words)):
        words = f"{words[: named.start()]} thoi {words[named.end() :]}"
    return bool(_STOPS.search(words)) and not _AROUND_STOPS.sub(" ", words).strip()
