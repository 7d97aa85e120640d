"""What the intent classifier sees of a message: several groups of grams, each a list of strings.

Where the slots of a message are known, its title, author and topic are also seen as mere signs: "tìm cuốn ‹title›" asks
for a book, whatever the book is called. The words themselves stay in a second, weaker group.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence

from bot.components.spans import Span
from library.text import Normalised, has_diacritics, same_tones

HIDDEN = frozenset({"title", "author", "topic"})
_EDGES = 2  # words at each end that count for their place
_LONGEST = 12  # words; beyond it a message is simply long
_PAIRED = 40  # words at the beginning that are paired; their number grows with the square

Words = List[str]


class Said:
    """A message's words: folded, with marks (none where none was typed), and with the hidden slots as signs."""

    def __init__(self, message: Normalised, spans: Sequence[Span]) -> None:
        question = ["?"] if "?" in message.typed else []
        self.folded: Words = [token.folded for token in message.tokens] + question
        marked = has_diacritics(message.typed)
        self.accented: Words = [same_tones(token.text.lower()) for token in message.tokens] if marked else []
        self.masked: Words = _masked(message, spans) + question


def _masked(message: Normalised, spans: Sequence[Span]) -> Words:
    words: Words = []
    inside: Optional[Span] = None
    for token in message.tokens:
        span = next((s for s in spans if s.slot in HIDDEN and s.start < token.end and token.start < s.end), None)
        if span is None:
            words.append(token.folded)
        elif span != inside:
            words.append(f"<{span.slot}>")
        inside = span
    return words


def runs(words: Words, shortest: int, longest: int) -> List[str]:
    """Return every run of so many words."""
    return [" ".join(words[at : at + n]) for n in range(shortest, longest + 1) for at in range(len(words) - n + 1)]


def letters(words: Words, shortest: int, longest: int) -> List[str]:
    """Return the pieces of each word with the spaces around it; a sign stays whole."""
    pieces = []
    for word in words:
        if word.startswith("<"):
            pieces.append(word)
            continue
        spaced = f" {word} "
        for n in range(shortest, longest + 1):
            pieces += [spaced[at : at + n] for at in range(len(spaced) - n + 1)]
    return pieces


def pairs(words: Words) -> List[str]:
    """Return every two words of the message in their order, however far apart: "bỏ … nhắc", "đặt … chưa"."""
    near = words[:_PAIRED]
    return sorted({f"{first} {second}" for at, first in enumerate(near) for second in near[at + 1 :]})


def places(words: Words) -> List[str]:
    """Return the first and last words as such, and how long the message is."""
    return [
        *("^" + word for word in words[:_EDGES]),
        *("$" + word for word in words[-_EDGES:]),
        f"#{min(len(words), _LONGEST)}",
    ]


def _between(words: Words) -> Words:
    return ["^", *words, "$"]


GROUPS: Dict[str, Callable[[Said], List[str]]] = {
    "letters": lambda said: letters(said.masked, 2, 4),
    "signs": lambda said: runs(_between(said.masked), 1, 3),
    "words": lambda said: runs(_between(said.folded), 1, 3),
    "pairs": lambda said: pairs(said.masked),
    "accents": lambda said: runs(said.accented, 1, 2),
    "places": lambda said: places(said.folded),
}
