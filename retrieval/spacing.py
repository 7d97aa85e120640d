"""Spaces left out or put in by a slip of the thumb: "đắcnhântâm" → "đắc nhân tâm", "đ ắc nhân tâm" → "đắc nhân tâm"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

from library.syllables import is_syllable
from library.text import Token, has_diacritics, nfc, tokens
from retrieval.diacritics import Restorer

_SHORTEST_RUN = 4  # letters of syllables written together
_MOST_READINGS = 8  # of one such run
_LONGEST_RUN = 40  # letters; beyond it a word is no slip
_LONGEST_SYLLABLE = 7
_MISSING = 3.0  # what each space left out costs, as a negative log probability


def respaced(typed: str, restorer: Restorer) -> str:
    """Return the text with its words apart as the library's texts have them, or as typed where they say nothing."""
    text = _joined(nfc(typed), restorer)
    for word in reversed(tokens(text)):
        if _SHORTEST_RUN <= len(word.text) <= _LONGEST_RUN and word.text.isalpha() and not restorer.met(word.text):
            text = text[: word.start] + _apart(word, restorer) + text[word.end :]
    return text


def _apart(word: Token, restorer: Restorer) -> str:
    kept = restorer.mend(word.text, 1)[0]
    best, apart = kept.score if restorer.met(kept.text) else float("-inf"), word.text
    for pieces in islice(_pieces(word.text, restorer), _MOST_READINGS):
        score = restorer.restore(" ".join(pieces), 1)[0].score - _MISSING * (len(pieces) - 1)
        if score > best:
            best, apart = score, " ".join(pieces)
    return apart


def _pieces(run: str, restorer: Restorer) -> Iterator[list[str]]:
    """Yield the ways to read the run as syllables of the library's, those with long ones first."""
    if not run:
        yield []
    for length in range(min(_LONGEST_SYLLABLE, len(run)), 1, -1):
        if is_syllable(run[:length].lower()) and restorer.knows(run[:length]):
            yield from ([run[:length], *rest] for rest in _pieces(run[length:], restorer))


def _joined(text: str, restorer: Restorer) -> str:
    """Return the text with a lone consonant put to the rest of its syllable."""
    for first, second in reversed(list(pairwise(tokens(text)))):
        lone = len(first.text) == 1 and first.text.isalpha() and not is_syllable(first.text.lower())
        whole = first.text + second.text
        if lone and has_diacritics(second.text) and is_syllable(whole.lower()) and restorer.knows(whole):
            text = text[: first.end] + text[second.start :]
    return text
