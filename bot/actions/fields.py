"""Forms that a website can draw under a question: what is filled in is sent as plain words, as if typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from library.phrasing import Lang, Words


@dataclass(frozen=True)
class Field:
    """`name` stands in braces in the form's words."""

    name: str
    label: Words
    kind: Literal["text", "date"] = "text"


def form(says: Words, lang: Lang, *fields: Field) -> dict[str, Any]:
    """Return the custom part of a reply that carries the form."""
    drawn = [{"name": field.name, "label": field.label.to(lang), "kind": field.kind} for field in fields]
    return {"form": {"says": says.to(lang), "fields": drawn}}


OTHER_DAY = Words("Thư viện mở cửa lúc nào ngày {date}?", "When is the library open on {date}?")
DATE = Field("date", Words("Xem giờ mở cửa ngày khác", "Opening hours on another day"), "date")

WANTED_BOOK = Words("{title} của {author}", "{title} by {author}")
TITLE, AUTHOR = Field("title", Words("Tên sách", "Title")), Field("author", Words("Tác giả", "Author"))
