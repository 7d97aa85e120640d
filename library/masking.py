"""Secrets and personal numbers taken out of a message before anything is stored: cards, PINs, telephones, ID numbers.

The message is read through a `_Lens`: digits of every script as 0-9, letters folded, invisible characters gone. What is
found there is covered in the typed text, so NFD, full-width figures, spaces, dots and invisible characters do not help.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from library.syllables import is_syllable
from library.text import fold, nfc

MASK = "••••"
CARD, PIN, PHONE, ID = "card", "pin", "phone", "id"
_INVISIBLE = {"Cf", "Mn", "Me"}


@dataclass(frozen=True)
class Masked:
    """The text (NFC) that may be kept, and which kinds of thing were covered: "card", "pin", "phone", "id"."""

    text: str
    kinds: frozenset[str]


def mask(text: str, card_pattern: str = r"\bDT\d{6}\b") -> Masked:
    """Return the text with card numbers, PINs and passwords, telephone and ID numbers covered by '••••'.

    `card_pattern` is the library's card number as it is printed. ISBNs, years, dates, prices and short numbers stay;
    ten bare digits that could be an ISBN or a mobile telephone are covered unless the text speaks of a book.
    """
    lens = _Lens.over(nfc(text))
    cards = list(_cards(lens, re.compile(card_pattern, re.IGNORECASE)))
    hidden = [*cards, *_secrets(lens, cards)]
    return lens.covered([*hidden, *_numbers(lens, hidden)])


@dataclass(frozen=True)
class _Cover:
    start: int
    end: int
    kind: str


def _places(covers: list[_Cover]) -> frozenset[int]:
    spans = _joined(sorted({(cover.start, cover.end) for cover in covers}))
    return frozenset(at for start, end in spans for at in range(start, end))


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sorted spans with those joined that touch or overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


@dataclass(frozen=True)
class _Lens:
    typed: str
    seen: str
    places: tuple[int, ...]

    @classmethod
    def over(cls, typed: str) -> "_Lens":
        """Return the text as it reads, each character with its place in the typed text."""
        pairs = [(sign, at) for at, char in enumerate(typed) for sign in _reads_as(char)]
        return cls(typed, "".join(sign for sign, _ in pairs), tuple(at for _, at in pairs))

    def covered(self, covers: list[_Cover]) -> Masked:
        """Return the typed text with every cover laid over it, touching ones joined."""
        spans = []
        for first, last in sorted({(cover.start, cover.end) for cover in covers}):
            start, end = self.places[first], self.places[last - 1] + 1
            while end < len(self.typed) and not _reads_as(self.typed[end]):
                end += 1
            spans.append((start, end))
        kept, at = [], 0
        for start, end in _joined(spans):
            kept += [self.typed[at:start], MASK]
            at = end
        text = "".join([*kept, self.typed[at:]])
        return Masked(text, frozenset(cover.kind for cover in covers))


def _reads_as(char: str) -> str:
    if unicodedata.category(char) in _INVISIBLE:
        return ""
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    return "\n" if char == "\n" else fold(unicodedata.normalize("NFKC", char))


# --- card numbers ----------------------------------------------------------------------------------------------------

_SEPARATOR = r"[ \t.\-–_]"
_CARD_LIKE = re.compile(rf"(?<![a-z0-9])[a-z]{{0,5}}{_SEPARATOR}{{0,2}}\d(?:{_SEPARATOR}{{0,2}}\d){{0,19}}")
_CARD_SAID = re.compile(
    r"\b(?:so the|ma the|ma so the|ma ban doc|so the thu vien|card(?: number| no)?)\b[\s:=]*"
    r"(?:(?:cua|em|minh|toi|la|so)\s+)*(?P<value>\d{6})(?!\d)"
)


def _cards(lens: _Lens, card: re.Pattern[str]) -> Iterator[_Cover]:
    for match in _CARD_LIKE.finditer(lens.seen):
        # The longest start of the run that is a card by itself: "DT 000 101 123456" is a card and a PIN.
        ends = [match.start() + m.end() for m in re.finditer(r"\d(?!\d)", match[0])]
        for end in reversed(ends):
            said = lens.seen[match.start() : end]
            if card.fullmatch(said) or card.fullmatch(re.sub(_SEPARATOR, "", said)):
                yield _Cover(match.start(), end, CARD)
                break
    for match in _CARD_SAID.finditer(lens.seen):
        yield _Cover(*match.span("value"), CARD)


# --- PINs and passwords ----------------------------------------------------------------------------------------------

_KEYWORD = re.compile(
    r"(?<![a-z0-9])(?:ma\s*)?(?:p[\s.]*[ij][\s.]*n(?:\s*code)?|ma[tc]\s*kh?au|m[\s.]?k(?:hau)?|pass?(?:word|wd|code)?|pw|pwd|otp"
    r"|ma\s+(?:bao\s*mat|xac\s*(?:nhan|thuc)|bi\s*mat|so\s*bi\s*mat))(?![a-z])"
)
_CODE = re.compile(r"(?<![a-z0-9])ma(?:\s*so)?(?![a-z])")
_FILLER = (
    r"(?:[\s:=\-,.()\"'“”]|\b(?:cua|em|e|minh|m|mk|toi|t|con|chau|be|ban|the|tai|khoan|dang|nhap|cu|moi|la|so|nay|day|thi|no"
    r"|ne|nha|a|is|my|the|dat|de|nhe|vao|hien)\b){0,24}"
)
_DIGITS = rf"\d(?:{_SEPARATOR}?\d){{3,7}}(?!\d)"
_PIN_NEAR = re.compile(rf"{_FILLER}(?P<value>{_DIGITS})(?!\s*(?:mah|wh\b|%))")
_PIN_AFTERWARDS = re.compile(r"(?<!\d)(?P<value>\d{4,8})\s*(?:la|=|is)\s+(?:so\s+|my\s+|ma\s+)?$")
_SIX = re.compile(rf"(?<![\d.,/])\d(?:{_SEPARATOR}?\d){{5}}(?!\d|[.,/]\d)")
_FAR = 60
_SPOKEN = r"(?:khong|mot|hai|ba|bon|tu|nam|lam|sau|bay|tam|chin|muoi|linh|le)"
_PIN_SPOKEN = re.compile(rf"{_FILLER}(?P<value>{_SPOKEN}(?:[\s,\-]+{_SPOKEN}){{3,7}})(?![a-z])")
_PASSWORD = re.compile(
    r"(?:\s*(?:cua|em|e|minh|toi|con|the|tai|khoan|dang|nhap|cu|moi)\b){0,8}\s*(?P<link>la\b|is\b|[:=]+)\s*[\"'“]?"
    r"(?P<value>[^\s\"'”“,;]{4,})"
)
_AFTER_CARD = re.compile(
    r"[\s,/|:;\-–()\[\]+&.]*(?:(?:pin|mk|pass|va|mat|khau|la|cua|em|ma|nha|a)\b[\s,/|:;\-–()]*){0,8}"
    rf"(?P<value>\d(?:{_SEPARATOR}?\d){{3,7}})(?!\d)"
)
_BEFORE_CARD = re.compile(r"(?<!\d)(?P<value>\d{6})[\s,/|:;\-–(]*$")


def _secrets(lens: _Lens, cards: list[_Cover]) -> Iterator[_Cover]:
    reach = _Reach(_places(cards))
    for keyword in _KEYWORD.finditer(lens.seen):
        yield from _after_keyword(lens, keyword.end(), reach)
        if said_before := _PIN_AFTERWARDS.search(lens.seen, max(0, keyword.start() - _FAR), keyword.start()):
            yield _Cover(*said_before.span("value"), PIN)
    for keyword in _CODE.finditer(lens.seen):
        near = _PIN_NEAR.match(lens.seen, keyword.end())
        if near and not _kept(lens, *near.span("value")):
            yield _Cover(*near.span("value"), PIN)
    for card in cards:
        pair = _AFTER_CARD.match(lens.seen, card.end)
        if pair and not _kept(lens, *pair.span("value")):
            yield _Cover(*pair.span("value"), PIN)
        if pair := _BEFORE_CARD.search(lens.seen, max(0, card.start - _FAR), card.start):
            yield _Cover(*pair.span("value"), PIN)


@dataclass
class _Reach:
    """How far the keywords before have reached, so that what they found is not looked for again from each of them."""

    of_cards: frozenset[int]
    password_end: int = 0
    sixes: set[int] = field(default_factory=set)  # ends of the six figures found


def _after_keyword(lens: _Lens, end: int, reach: _Reach) -> Iterator[_Cover]:
    for near in (_PIN_NEAR, _PIN_SPOKEN):
        if (match := near.match(lens.seen, end)) and not _PRICE.match(lens.seen, match.start("value")):
            yield _Cover(*match.span("value"), PIN)
            end = match.end()
            break
    else:
        if end < reach.password_end:  # "mk:mk:mk:…": inside a password, which ends where it ends
            end = reach.password_end
        elif (word := _PASSWORD.match(lens.seen, end)) and _is_password(lens, word):
            yield _Cover(*word.span("value"), PIN)
            end = reach.password_end = word.end()
    # "đổi pin từ 123456 sang 654321": six figures anywhere near are the secret, and reach on to the next six.
    while (six := _SIX.search(lens.seen, end, end + _FAR)) and six.end() not in reach.sixes:
        if six.end() - 1 not in reach.of_cards and not _kept(lens, *six.span()):
            yield _Cover(*six.span(), PIN)
        end = six.end()
        reach.sixes.add(end)


def _is_password(lens: _Lens, word: re.Match[str]) -> bool:
    """Return whether the word after "mật khẩu là" is one: not a Vietnamese word ("mật khẩu là gì")."""
    value = word["value"].rstrip(".!?)")
    if re.search(r"\d|[^\w.?!]", value):
        return True
    start = lens.places[word.start("value")]
    plain = lens.typed[start : start + len(value)].isascii()
    return plain and (word["link"] not in ("la", "is") or not is_syllable(value))


# --- telephones and ID numbers ---------------------------------------------------------------------------------------

_GROUP = re.compile(r"\d+")
_BETWEEN = re.compile(r"[ \t.\-–_()·]{1,3}")
_PRICE = re.compile(r"(?:\d{1,3}(?:[., ]\d{3}){0,8}|\d{4,})\s*(?:d|dong|vnd|k|nghin|ngan|trieu|tr|usd)(?![a-z])")
_DATE = re.compile(
    r"(?<!\d)(?:(?:0?[1-9]|[12]\d|3[01])([/.\-])(?:0?[1-9]|1[0-2])\1(?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2}"
    r"|(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])|(?:19|20)\d\d\s*[-–]\s*(?:19|20)\d\d)(?!\d)"
)
# Whatever its check digit: a slip in an ISBN is the patron's to be told, and no telephone or ID looks so.
_ISBN13 = re.compile(rf"97[89](?![ .]0[35789]\d)(?:{_SEPARATOR}?\d){{10}}(?!\d)")
_MOBILE = re.compile(r"(?:0|(?:00)?84\(?0?)(?:3[2-9]|5[25689]|7[06-9]|8\d|9\d)\d{7}|0(?:1[2689]\d)\d{7}")
_LONGEST = 15  # figures of a telephone, written with 0084
_LANDLINE = re.compile(r"(?:0|(?:00)?840?)2\d{8,9}")
_BOOKISH = re.compile(r"isbn|sach|cuon|quyen|nhan de|\btim\b")
_PHONISH = re.compile(
    r"sdt|dien thoai|\bdt\b|\bphone|zalo|goi|lien he|lien lac|\btel|\bcall|\bso may|hotline|sms|nhan tin"
)


def _numbers(lens: _Lens, hidden: list[_Cover]) -> Iterator[_Cover]:
    spans = (match.span() for match in _GROUP.finditer(lens.seen))
    taken = _places(hidden)
    groups = [span for span in spans if taken.isdisjoint(range(*span))]
    at = 0
    while at < len(groups):
        length, kind = _number_at(lens, groups, at)
        if kind:
            start = groups[at][0] - (lens.seen[groups[at][0] - 1 : groups[at][0]] == "+")
            yield _Cover(start, groups[at + length - 1][1], kind)
        at += length


def _number_at(lens: _Lens, groups: list[tuple[int, int]], at: int) -> tuple[int, str | None]:
    """Return how many groups of figures, from this one, make one number, and its kind when it is to be covered."""
    if protected := next((m for m in _protected(lens.seen, groups[at][0])), None):
        inside = sum(1 for start, _ in groups[at:] if start < protected.end())
        return max(inside, 1), None
    runs = [1]
    while at + runs[-1] < len(groups):
        gap = lens.seen[groups[at + runs[-1] - 1][1] : groups[at + runs[-1]][0]]
        if not _BETWEEN.fullmatch(gap) or runs[-1] == 13 or any(_protected(lens.seen, groups[at + runs[-1]][0])):
            break
        runs.append(runs[-1] + 1)
    for length in reversed(runs):
        kind = _kind(lens, groups[at : at + length])
        if kind is not None:
            return length, kind or None
    return 1, None


def _kind(lens: _Lens, groups: list[tuple[int, int]]) -> str | None:
    """Return the kind to cover, '' for a number known to be harmless, None for one not recognised."""
    if len(groups) > 1 and sum(end - start for start, end in groups) > _LONGEST:
        return None
    parts = [lens.seen[start:end] for start, end in groups]
    digits = "".join(parts)
    after = lens.seen[groups[-1][1] : groups[-1][1] + 1]
    if _is_isbn10(digits + "x" * (after == "x" and len(digits) == 9)):
        return PHONE if _MOBILE.fullmatch(digits) and not _speaks_of_book(lens, groups) else ""
    if _MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits):
        return PHONE
    if all(re.fullmatch(r"(?:19|20)\d\d", part) for part in parts):
        return None
    if len(digits) in (9, 12) and (len(parts) == 1 or digits[-3:] != "000"):
        return ID
    # Longer than any number we know: an ID and a telephone run together, or a bank card.
    return ID if len(parts) == 1 and len(digits) > 13 else None


def _speaks_of_book(lens: _Lens, groups: list[tuple[int, int]]) -> bool:
    before = lens.seen[max(0, groups[0][0] - 25) : groups[0][0]]
    return (bool(_BOOKISH.search(before)) or len(groups) == 4) and not _PHONISH.search(before)


def _protected(seen: str, start: int) -> Iterator[re.Match[str]]:
    for pattern in (_DATE, _PRICE, _ISBN13):
        if match := pattern.match(seen, start):
            yield match


def _kept(lens: _Lens, start: int, end: int) -> bool:
    """Return whether the figures are a date, a price, an ISBN or a year, which stay."""
    return any(_protected(lens.seen, start)) or bool(re.fullmatch(r"(?:19|20)\d\d", lens.seen[start:end]))


def _is_isbn10(digits: str) -> bool:
    if len(digits) != 10:
        return False
    values = [10 if sign == "x" else int(sign) for sign in digits]
    return sum(weight * value for weight, value in zip(range(10, 0, -1), values, strict=True)) % 11 == 0
