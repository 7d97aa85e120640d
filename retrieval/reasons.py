"""Why a record matched, as data: the record's own words that show it, for the dialogue to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from retrieval.cards import compared, plainly
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


def reasons(record: Record, sought: str, meant: str = "", author: str = "") -> tuple[Why, ...]:
    """Return why a record matched what was sought, strongest first, never empty.

    `meant` is the same with marks put back and slips mended, where it was read so.
    """
    meant = meant or sought
    folded = compared(meant)
    found = [*_title(record, sought, folded), *_author(record, [*folded, *compared(author)])]
    found += _subjects(record, folded)
    return tuple(found) or (_weak(record, folded),)


def _title(record: Record, sought: str, asked: Sequence[str]) -> Iterator[Why]:
    for name in filter(None, (record.full_title, record.title, record.series, record.original_title)):
        title = compared(name)
        at = _place(title, asked)
        if at is None or (len(title) == 1 and len(asked) > 1):  # "Mẹ" is in many a query
            continue
        yield Why("title" if _typed_so(sought, at, title, name) else "title_folded", name)
        return


def _typed_so(sought: str, at: int, title: Sequence[str], name: str) -> bool:
    """Return whether these words were typed letter for letter as the name has them."""
    typed = plainly(sought).split()[at : at + len(title)]
    return typed == plainly(name).split()


def _author(record: Record, asked: Sequence[str]) -> Iterator[Why]:
    names = [who.name for who in record.contributors]
    yield from (Why("author", name) for name in names if _place(compared(name), asked) is not None)


def _subjects(record: Record, asked: Sequence[str]) -> Iterator[Why]:
    for subject in record.subjects:
        words = compared(subject)
        if _place(words, asked) is not None or (len(asked) > 1 and _place(asked, words) is not None):
            yield Why("subject", subject)


def _weak(record: Record, asked: Sequence[str]) -> Why:
    text = (record.full_title, record.subtitle, record.author, record.series, *record.subjects, record.summary)
    held = set(compared(" ".join(text)))
    common = [word for word in asked if word in held]
    return Why("words", " ".join(common)) if common and 2 * len(common) > len(asked) else Why("meaning")


def _place(part: Sequence[str], whole: Sequence[str]) -> int | None:
    """Return where `part` stands in `whole`, its words side by side and in order."""
    size = len(part)
    if not size or part[0] not in whole:
        return None
    return next((at for at in range(len(whole) - size + 1) if list(whole[at : at + size]) == list(part)), None)
