"""What of a record or an answer is indexed: words for the lexical index, one passage of plain text for the vectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from library.text import folded_words, one_spelling, written_words
from library.titles import TitleEntry
from retrieval.answers import Answer
from retrieval.record import Record

_VARIABLE = re.compile(r"\{[^{}]*\}")  # {hours_today}: filled in when the answer is said
_LONGEST = 1200  # characters; about 350 pieces of the encoder, which reads 512


@dataclass(frozen=True)
class Words:
    """One text as the lexical index holds it: the words as written, folded, and the folded pairs side by side."""

    exact: list[str]
    folded: list[str]
    pairs: list[str]


def words(text: str) -> Words:
    text = one_spelling(text)
    folded = folded_words(text)
    return Words(written_words(text), folded, ["_".join(pair) for pair in pairwise(folded)])


def names(record: Record) -> str:
    """Return everyone who made the work, as one text."""
    return " . ".join(who.name for who in record.contributors)


def titles(record: Record) -> str:
    return " . ".join(filter(None, (record.full_title, record.subtitle, record.original_title, record.series)))


def about(record: Record) -> str:
    """Return what the work is about, as one text."""
    return " . ".join((*record.subjects, record.summary))


def passage(record: Record) -> str:
    """Return the record as one passage of plain text, what matters most first."""
    title = ": ".join(filter(None, (record.full_title, record.subtitle)))
    pieces = (title, record.original_title, record.author, ", ".join(record.subjects), record.summary)
    return ". ".join(piece.rstrip(".") for piece in pieces if piece)[:_LONGEST]


def title_entries(record: Record) -> Iterator[TitleEntry]:
    """Yield the titles and names by which a patron may ask for the record."""
    forms = [record.title, record.full_title, record.original_title]
    if record.subtitle:
        forms.append(f"{record.title}: {record.subtitle}")
    if record.series:
        forms.append(record.series)
    for form in dict.fromkeys(filter(None, forms)):
        yield TitleEntry("title", form, (record.record_id,))
    for who in record.contributors:
        if who.role in ("author", "corporate"):
            yield TitleEntry("author", who.name, (record.record_id,))


def wordings(answer: Answer) -> list[str]:
    """Return every wording the answer is asked in."""
    return list(dict.fromkeys(filter(None, (answer.question, answer.question_en, *answer.phrasings))))


def answer_texts(answer: Answer) -> list[str]:
    """Return what the answer says, in each of its languages, without its variables."""
    texts = (_VARIABLE.sub(" ", text).strip()[:_LONGEST] for text in (answer.answer, answer.answer_en))
    return [text for text in texts if text]
