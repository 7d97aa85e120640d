"""What the words of a message tell beyond its intent: a no, somebody else's card, anger."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from library.text import fold, nfc, normalise, same_tones

_CLAUSE_END = re.compile(r"[,.;:!?…\n]")
_NOT = (
    r"(?:dung|khoi|khong|chang|cha|chua|don t|do not|never|no need to)"
    r"(?: (?:co|can|muon|phai|vo|voi|tu|dong|bao gio|them|the|want to|bam|di))*"
)
# From here on with all marks, as `says` reads them.
_SELF = r"(?:tôi|tui|mình|em|tao|tau|tớ|cháu|con|anh|chị)"
_KIN = (
    r"(?:vợ|chồng|ông xã|bà xã|mẹ|má|ba má|bố mẹ|ba mẹ|bố|cha|ba|con trai|con gái|em trai|em gái|anh trai|chị gái"
    r"|ông nội|bà nội|ông ngoại|bà ngoại|hàng xóm|sếp|đồng nghiệp|người yêu|bạn trai|bạn gái|bạn cùng lớp|bạn học)"
)
_SAYS = r"(?! (?:bảo|dặn|nói|kêu|nhắc|hỏi|biểu)\b)"  # "mẹ em bảo em bị phạt": about me, told by mum
_SOMEBODY_ELSE = (
    rf"(?:{_KIN} {_SELF}|con tôi|con tui|con em){_SAYS}"
    # A bare "bạn em" is a greeting run into a sentence as often as a friend ("chào bạn em đang mượn gì").
    rf"|(?:của|thẻ|giúp|giùm|dùm|hộ|cho) (?:một )?(?:đứa )?bạn {_SELF}"
    r"|của (?:vợ|chồng|người khác|người ta|ai đó|bạn khác|người bạn)"
    r"|my (?:wife|husband|friend|son|daughter|mother|father|mom|mum|dad|brother|sister|roommate|neighbou?r|boss)"
    r"|someone else s"
)
_OWN_CARD = rf"thẻ (?:của )?{_SELF}|my (?:own )?card"
_PRIVATE = r"mượn|nợ|phạt|đặt giữ|thẻ|địa chỉ|số điện thoại|sđt|borrow\w*|loans?|owes?|address|phone"
_NAMED_PERSON = re.compile(
    r"\b(?:bạn|anh|chị|cô|thầy|chú|bác|ông|bà)\s+(?P<name>\w+)(?:\s+\w+){0,3}?\s+(?:mượn|nợ|bị phạt|giữ|đặt)\b"
)
_WHERE_SOMEBODY_IS = re.compile(
    r"\b(?:số điện thoại|sđt|zalo|facebook|địa chỉ|nhà)(?: nhà)?(?: của)?\s+(?:bạn|anh|chị|cô|thầy|chú|bác|ông|bà)"
    r"\s+(?P<name>\w+)"
)
_ASKS_WHAT = (
    r"mượn (?:gì|những gì|sách gì|cuốn gì|cuốn nào|mấy cuốn)|nợ (?:gì|bao nhiêu|nhiêu|tiền)|bị phạt|đặt giữ gì"
    r"|địa chỉ|số điện thoại|sđt|borrow(?:ed|ing)|on loan|owes?|address|phone"
)
_ME = re.compile(r"\b(?:em|toi|tui|minh|con|chau|anh|chi|bac|co|chu|tao|to|e|my|i|me|mine)\b")
_ANGRY = (
    r"bực mình|bực quá|bực bội|bực thật|tức quá|tức mình|bức xúc|tức giận|điên lên|ngu quá|ngu vậy|ngu thế|ngu lắm"
    r"|quá ngu|đồ ngu|đồ điên|mày ngu|bot ngu|vô trách nhiệm|tắc trách|cẩu thả|hách dịch|làm ăn kiểu gì|làm ăn gì kỳ"
    r"|ăn hại|vô dụng|mất dạy|lừa đảo|khốn nạn|mày là|đồ chó|hỗn quá|quá hỗn"
    r"|quá đáng|không chấp nhận được|mất thời gian|hỏi mãi|dở ẹc|như cứt|vl|vcl|đm|đcm|clgt|cho 1 sao|một sao"
    r"|useless|stupid|ridiculous|waste of time|fed up|angry|idiot"
)
_POINTER = re.compile(
    r"\b(?:cuon|quyen|sach|tap|tai lieu)(?: sach)? (?:nay|do|ay|kia|no|ni|vua roi)\b"
    r"|\b(?:this|that)(?: one| book)?\b|\bit\b"
)

_BY_COLOUR = re.compile(
    r"\b(?:cuon|quyen|cai|sach|truyen|book)\b(?: \w+){0,3} (?:mau|bia) (?:mau )?"
    r"(?:do|xanh|vang|den|trang|tim|hong|cam|nau|xam)\b"
    r"|\bthe (?:red|blue|green|yellow|black|white) (?:one|book|cover)\b"
)


def plainly(text: str) -> str:
    """Return the words as meant, folded, one space between: "k gia hạn nha" → "khong gia han nha"."""
    return " ".join(token.folded for token in normalise(text).tokens)


def says(pattern: str, text: str, *, bare: bool = True) -> bool:
    """Return whether the text says what the pattern describes in lower case with all marks.

    With `bare`, a word typed without any marks is met too; one typed with others never: "tự tử" is met by "tu tu",
    not by "từ từ".
    """
    return says_any((pattern,), text, bare=bare)


def says_any(patterns: Iterable[str], text: str, *, bare: bool = True) -> bool:
    """Return whether the text says what one of the patterns describes; it is read once for all of them."""
    words = normalise(text).tokens
    typed = same_tones(" ".join(word.text.lower() for word in words))
    folded = " ".join(word.folded for word in words)
    compiled = (_compiled(pattern, bare) for pattern in patterns)
    return any(full.fullmatch(typed, *found.span()) for full, loose in compiled for found in loose.finditer(folded))


@lru_cache
def _compiled(pattern: str, bare: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern for the words as typed, and for the folded words in which places are looked for."""
    marked = same_tones(pattern)
    typed = re.sub(r"(?<!\\)[^\W\d_]+", lambda word: f"(?:{word[0]}|{fold(word[0])})", marked) if bare else marked
    return re.compile(typed), re.compile(rf"\b(?:{fold(pattern)})\b")


def refuses(text: str, deed: str) -> bool:
    """Return whether the deed is named only to say no to it ("đừng gia hạn"). `deed` is a pattern of folded words."""
    clauses = [plainly(clause) for clause in _CLAUSE_END.split(text)]
    # "không gia hạn được" is a plea for help, and one refused deed beside one wanted is a wish.
    denied = sum(len(re.findall(rf"\b{_NOT} (?:{deed})\b(?! duoc)", clause)) for clause in clauses)
    return denied > 0 and denied == sum(len(re.findall(rf"\b(?:{deed})\b", clause)) for clause in clauses)


# "không sao, làm đi" is a yes; "chưa" and "sai rồi" are noes.
_NO_FIRST = re.compile(
    r"(?:da |a |u |uh |oi )*(?:khong|no|nope|chua|sai)\b(?! (?:sao|van de|co gi|phien|ngai|problem|worries))"
)


def declines(text: str) -> bool:
    """Return whether the message begins with a no: whatever else it was heard as, it is no yes."""
    return bool(_NO_FIRST.match(plainly(text)))


def about_someone_else(text: str) -> bool:
    """Return whether the message asks after another person's card ("của chồng em", "anh Nam đang mượn gì")."""
    if says(_OWN_CARD, text):
        return False
    found = [*_NAMED_PERSON.finditer(nfc(text)), *_WHERE_SOMEBODY_IS.finditer(nfc(text))]
    named = (each["name"][0].isupper() for each in found)
    return says(_SOMEBODY_ELSE, text) or any(named)


def speaks_of_self(text: str) -> bool:
    """Return whether the patron speaks of themselves; "trẻ em" is nobody in particular."""
    return bool(_ME.search(plainly(text).replace("tre em", "tre")))


def pries(text: str) -> bool:
    """Return whether another person's loans, debts or address are asked for, whatever else is said."""
    return about_someone_else(text) and says(_PRIVATE, text)


def asks_what_somebody_has(text: str) -> bool:
    """Return whether the very loans, debts or address of another person are asked for, not the rules about them."""
    return about_someone_else(text) and says(_ASKS_WHAT, text)


def angry(text: str) -> bool:
    """Return whether the message is said in anger: strong words, or shouting of some length."""
    letters = [c for c in text if c.isalpha()]
    return says(_ANGRY, text) or ("!" in text and len(letters) > 20 and text.isupper())


def points_back(text: str) -> bool:
    """Return whether the message speaks of "this one", the book the talk is about."""
    return bool(_POINTER.search(plainly(text)))


def by_colour(text: str) -> bool:
    """Return whether a book is named by the colour of its cover, which no catalogue knows."""
    return bool(_BY_COLOUR.search(plainly(text)))
