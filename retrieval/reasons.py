"""Why a record matched, as data: the record's own words that show it, for the dialogue to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from library.text import Token, nfc, tokens
from library.titles import exactness
from retrieval.record import Record

Reason = Literal["title", "title_folded", "author", "subject", "number", "words", "meaning"]


@dataclass(frozen=True)
class Why:
    """One reason, with the record's own words that show it.

    "title": the title (or series, or original title) as typed; "title_folded": the same but for marks; "author" and
    "subject": named in the query; "number": ISBN or barcode; "words": more than half of the words stand in the record;
    "meaning": close in meaning only.
    """

    kind: Reason
    value: str = ""


def reasons(record: Record, sought: str, author: str = "") -> tuple[Why, ...]:
    """Return why a record matched what was sought, strongest first, never empty."""
    words = tokens(sought)
    folded = [token.folded for token in words]
    found = [*_title(record, sought, words), *_author(record, [*folded, *_folded(author)]), *_subjects(record, folded)]
    return tuple(found) or (_weak(record, folded),)


def _folded(text: str) -> list[str]:
    return [token.folded for token in tokens(text)]


def _title(record: Record, sought: str, words: Sequence[Token]) -> Iterator[Why]:
    folded = [token.folded for token in words]
    for name in filter(None, (record.full_title, record.title, record.series, record.original_title)):
        title = _folded(name)
        at = _place(title, folded)
        if at is None or (len(title) == 1 and len(folded) > 1):  # "Mẹ" is in many a query
            continue
        typed = nfc(sought)[words[at].start : words[at + len(title) - 1].end]
        yield Why("title" if exactness(typed, name) == "exact" else "title_folded", name)
        return


def _author(record: Record, asked: Sequence[str]) -> Iterator[Why]:
    names = [who.name for who in record.contributors]
    yield from (Why("author", name) for name in names if _place(_folded(name), asked) is not None)


def _subjects(record: Record, asked: Sequence[str]) -> Iterator[Why]:
    for subject in record.subjects:
        words = _folded(subject)
        if _place(words, asked) is not None or (len(asked) > 1 and _place(asked, words) is not None):
            yield Why("subject", subject)


def _weak(record: Record, asked: Sequence[str]) -> Why:
    text = (record.full_title, record.subtitle, record.author, record.series, *record.subjects, record.summary)
    held = set(_folded(" ".join(text)))
    common = [word for word in asked if word in held]
    return Why("words", " ".join(common)) if common and 2 * len(common) > len(asked) else Why("meaning")


def _place(part: Sequence[str], whole: Sequence[str]) -> int | None:
    """Return where `part` stands in `whole`, its words side by side and in order."""
    size = len(part)
    return next((at for at in range(len(whole) - size + 1) if size and list(whole[at : at + size]) == list(part)), None)
