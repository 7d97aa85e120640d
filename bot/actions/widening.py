"""Filters of the last search that a message takes back: "bỏ lọc năm đi", "ngôn ngữ nào cũng được"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.actions.wording import plainly


@dataclass(frozen=True)
class _Filter:
    """`names` is what the filter is called, `values` what it may have been set to; both are folded patterns."""

    fields: frozenset[str]
    names: str
    values: str = "x{9}"


_FILTERS = (
    _Filter(frozenset({"year_from", "year_to"}), r"nam(?: xuat ban)?|doi nao|years?"),
    _Filter(frozenset({"language"}), r"ngon ngu|thu tieng|tieng|languages?", r"tieng \w+"),
    _Filter(frozenset({"branch"}), r"chi nhanh|co so|thu vien|noi|cho|o dau|branch(?:es)?|where"),
    _Filter(frozenset({"audience"}), r"lua tuoi|do tuoi|tuoi|doi tuong|ages?", r"thieu nhi|tre em|hoc sinh|nguoi lon"),
    _Filter(frozenset({"material"}), r"loai|the loai|dang|kind|type", r"sach noi|tap chi|luan van|bao"),
    _Filter(frozenset({"only_in"}), r"con hay het|het", r"co san|tren ke|con san"),
)
_ALL = re.compile(
    r"\b(?:bo|xoa|het|khong|khoi|tat|thoi|go) (?:\w+ )?(?:bo )?(?:cai )?(?:loc|gioi han|dieu kien)\b"
    r"|\b(?:clear|remove|without|drop) (?:the |all )?(?:\w+ )?filters?\b"
)
_WHICHEVER = r"(?:(?:nao|gi|dau) )?(?:cung|cx) (?:duoc|ok|xong)|(?:is|are) fine"
_NO_MORE = (
    r"(?:khong|khoi|dung|bo|thoi)(?: (?:can|cai|gioi han|loc|phan biet|quan trong|phai|theo|muc|dieu kien|yeu cau))*"
)


def filters_taken_back(text: str) -> frozenset[str] | None:
    """Return the filters that the words take back, an empty set for all of them; None when they take back none."""
    words = plainly(text)
    named: frozenset[str] = frozenset()
    for each in _FILTERS:
        whichever = rf"\b(?:{each.names}) (?:{_WHICHEVER})\b|\b(?:tat ca|moi|any|all)(?: cac)? (?:{each.names})\b"
        no_more = rf"^(?:\w+ )?{_NO_MORE} (?:{each.names}|{each.values})\b(?:.*\b(?:nua|di|dau|luon|cung duoc)\b|$)"
        if re.search(whichever, words) or re.search(no_more, words):
            named |= each.fields
    if named:
        return named
    return frozenset() if _ALL.search(words) else None
