"""Several requests in one message: where it may be cut, and which pieces ask for something of their own.

"gia hạn Số đỏ với lại mai mấy giờ mở cửa" is two requests. A piece counts as one when the same NLU that reads whole
messages takes it for one with some confidence; what does not ("mình bận quá") stays with its neighbour. Titles are
not cut: "Đất và người" holds no two requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from library.text import fold, nfc, normalise

Parsed = Dict[str, Any]
Parse = Callable[[str], Awaitable[Parsed]]

LONGEST = 400  # characters; a longer message tells a story, and its whole says best what is wanted
MOST_PIECES = 5
SURE, SURE_AFTER_WORDS = 0.45, 0.3  # of a piece after a comma or "và"; after a question mark or "với lại"
# What a patron may ask for beside something else. Yes and no, small talk, narrowing and picking lean on what is around.
REQUESTS = frozenset(
    {
        "ask_charges", "ask_library_info", "ask_opening_hours", "cancel_hold", "check_availability",
        "delete_my_data", "find_item", "give_feedback", "link_account", "list_holds", "list_loans", "list_new_items",
        "locate_item", "place_hold", "recommend_items", "renew_loans", "subscribe_reminders", "suggest_purchase",
        "talk_to_librarian", "unlink_account", "unsubscribe_reminders",
    }
)  # fmt: skip
ANSWERS = frozenset({"affirm", "deny"})
LONGEST_ANSWER = 5  # words
# Two of these side by side are one request said at length, unless each names a thing of its own.
NAMES_OF = {
    "find_item": ("title", "topic"),
    "check_availability": ("title",),
    "locate_item": ("title",),
    "ask_library_info": (),
}
_MARKS = r"[?!;\n]+|(?<!\d)\.(?=\s|$)|(?<=\d)\.(?=\s)|…|,(?!\d)"
# Folded; each is dropped from between the requests. The strong ones part requests and nothing else.
_MAY_I_ASK = r"(?: (?:cho (?:\w+ )?hoi|hoi(?= (?:luon|them)\b))(?: luon| them)?(?: la)?)?"
_STRONG = (
    rf"voi lai{_MAY_I_ASK}|san (?:tien|day|do){_MAY_I_ASK}|san cho (?:\w+ )?hoi|tien the{_MAY_I_ASK}"
    r"|(?:san|tien) hoi (?:luon|them)(?: la)?"
    rf"|(?:san|voi)(?= (?:gia han|dat|giu|tim|kiem|hoi|cho|xem|coi|huy)\b)|(?:nhan|luon) tien{_MAY_I_ASK}|a ma"
    r"|ma cho (?:\w+ )?hoi(?: them)?|cho (?:\w+ )?hoi (?:them|luon)(?: la)?|ngoai ra|xong(?: roi)?|sau do|dong thoi"
    r"|by the way|btw|and also|also|plus|and then"
)
_WEAK = r"va|roi|kem|and|then|&|\+"
_CUT = re.compile(rf"(?P<mark>{_MARKS})|(?<!\w)(?P<strong>{_STRONG})(?!\w)|(?<!\w)(?P<weak>{_WEAK})(?!\w)")
# A question or a wish, as against what is only told on the way: "mai em lên đọc sách", "sách của cháu mai hết hạn".
_ASKS = re.compile(
    r"\?|\b(?:khong|may|bao nhieu|nhieu|gi|nao|dau|sao|ai|bao lau|bao gio|chung nao|khi nao|mo|rang|chi)\b"
    r"(?=(?: \w+){0,3}$)|\bchua(?: \w+)?$"
    r"|\b(?:may gio|bao nhieu|bao lau|khi nao|chung nao|o dau|cho nao|the nao|lam sao)\b"
    r"|\bco (?:\w+ )*khong\b|\b(?:tim|kiem|gia han|keo dai|huy|xoa|kiem tra|mua them|lien ket|dang nhap)\b"
    r"|\b(?:dat (?:giu|truoc|muon|cho|giup|gium|dum|ho)|(?:gap|goi|moi) (?:thu thu|nguoi|nhan vien|ai))\b"
    r"|\b(?:giu (?:giup|gium|dum|ho|cho|truoc)|cho (?:\w+ )?(?:xem|biet|hoi|gap))\b"
    r"|\b(?:(?:xem|coi) (?:giup|gium|dum|ho|thu)|nhac (?:em|minh|toi|tui|giup|gium)|gioi thieu|goi y)\b"
    r"|\b(?:muon (?:gia han|dat|tim|hoi|biet|xem|gap|huy|xoa|dang ky|duoc)|can (?:tim|hoi|gap|gia han|biet))\b"
    r"|\b(?:find|renew|extend|reserve|hold|cancel|show|tell|call|what|when|where|how|which|is|are|do|does|can|could)\b"
)
_SHORTEST = 3  # words of a request behind a mere comma: "xoá giúp" says the one before again


@dataclass(frozen=True)
class Cut:
    """A place where one request may end and the next begin; what lies between is neither's."""

    end: int
    start: int
    strong: bool
    says_so: bool = False  # words such as "tiện thể cho hỏi", which stand in no title


@dataclass(frozen=True)
class Request:
    """A piece of the message that asks for something."""

    text: str
    intent: str
    confidence: float
    strong: bool  # whether it stands behind a strong cut, or is the first
    names: Mapping[str, Tuple[str, ...]]


def cuts(text: str) -> List[Cut]:
    """Return where the text may be cut, in order."""
    folded = fold(text)
    if len(folded) != len(text):  # a character that folds to two would shift every place
        return []
    found = []
    for match in _CUT.finditer(folded):
        mark = match["mark"]
        strong = bool(match["strong"]) or bool(mark and mark[0] in "?!;\n.")
        found.append(Cut(match.start(), match.end(), strong, bool(match["strong"])))
    return found


async def understood(text: str, parse: Parse, may_answer: bool = False) -> Parsed:
    """Return how a message reads: the slots of the whole of it, and the intent of the first request in it.

    Several requests stand, in order, under "requests". With `may_answer` a question of ours is open, and a yes or a
    no at the beginning counts as a request: "ừ, mà mai mấy giờ mở cửa".
    """
    whole, found = await requests_in(text, parse, may_answer)
    if whole is None:
        whole = await parse(text)
    if not found:
        return {**whole, "requests": []}
    first = {"name": found[0].intent, "confidence": found[0].confidence}
    return {**whole, "intent": first, "requests": found}


async def requests_in(text: str, parse: Parse, may_answer: bool = False) -> Tuple[Optional[Parsed], List[Request]]:
    """Return how the whole message reads and the requests in it, none when it is but one; (None, []) without a cut."""
    text = nfc(text)
    places = cuts(text) if len(text) <= LONGEST else []
    if not places:
        return None, []
    whole = await parse(text)
    named = [each for each in whole["entities"] if each["entity"] in ("title", "author", "topic", "isbn")]
    places = [cut for cut in places if cut.says_so or not any(e["start"] < cut.end < e["end"] for e in named)]
    pieces = _pieces(text, places)
    if not 1 < len(pieces) <= MOST_PIECES:
        return whole, []
    heard = [(piece, strong, await parse(piece)) for piece, strong in pieces]
    answer = _answer(*heard[0]) if may_answer else None
    found = [answer, *_joined(heard[1:])] if answer else _joined(heard)
    return whole, found if len(found) > 1 else []


def _pieces(text: str, places: Sequence[Cut]) -> List[Tuple[str, bool]]:
    """Return the pieces that hold a word, each with whether a strong cut stands before it."""
    pieces, start, strong = [], 0, True
    for cut in [*places, Cut(len(text), len(text), True)]:
        piece = text[start : cut.end].strip()
        if re.search(r"\w", piece):
            asks = text[cut.end : cut.start].lstrip()[:1] == "?"
            pieces.append((piece + "?" if asks else piece, strong))
            strong = cut.strong
        else:
            strong = strong or cut.strong
        start = cut.start
    return pieces


def _joined(heard: Sequence[Tuple[str, bool, Parsed]]) -> List[Request]:
    """Return the requests; what asks for nothing by itself goes with the one before it, or with the first after it."""
    found: List[Request] = []
    lead = ""
    for piece, strong, parsed in heard:
        request = _request(piece, strong, parsed)
        if request is None and not found:
            lead = f"{lead}{piece}, "
        elif request is None:
            found[-1] = _longer(found[-1], piece, {})
        elif found and not _is_another(found[-1], request):
            found[-1] = _longer(found[-1], piece, request.names)
        else:
            found.append(_longer(request, "", {}, lead))
            lead = ""
    return found


def _answer(piece: str, _strong: bool, parsed: Parsed) -> Optional[Request]:
    """Return the yes or no that the message begins with."""
    intent, confidence = parsed["intent"]["name"], parsed["intent"]["confidence"]
    if intent not in ANSWERS or confidence < SURE or parsed["entities"] or len(piece.split()) > LONGEST_ANSWER:
        return None
    return Request(piece, intent, confidence, True, {})


def _request(piece: str, strong: bool, parsed: Parsed) -> Optional[Request]:
    intent, confidence = parsed["intent"]["name"], parsed["intent"]["confidence"]
    sure = confidence >= (SURE_AFTER_WORDS if strong else SURE)
    words = [token.folded for token in normalise(piece).tokens]
    asks = _ASKS.search(" ".join(words) + ("?" if "?" in piece else ""))
    if intent not in REQUESTS or not sure or not asks or len(words) < (2 if strong else _SHORTEST):
        return None
    names: Dict[str, Tuple[str, ...]] = {}
    for each in parsed["entities"]:
        names[each["entity"]] = (*names.get(each["entity"], ()), str(each["value"]))
    return Request(piece, intent, confidence, strong, names)


def _is_another(before: Request, request: Request) -> bool:
    """Return whether the piece is a request beside the one before, and not more words of it."""
    if before.intent != request.intent:
        return True
    if request.intent not in NAMES_OF:
        return False
    kinds = NAMES_OF[request.intent]
    return request.strong if not kinds else any(before.names.get(k) and request.names.get(k) for k in kinds)


def _longer(request: Request, more: str, names: Mapping[str, Tuple[str, ...]], lead: str = "") -> Request:
    text = lead + request.text + (f", {more}" if more else "")
    return replace(request, text=text, names={**names, **request.names})
