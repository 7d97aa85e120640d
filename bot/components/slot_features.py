"""What the slot tagger sees of each word: the word, its neighbours, what leads to it, and who knows the phrase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple

from bot.components.lookups import Lookups
from bot.components.spans import date_spans, word_labels
from library.syllables import is_syllable
from library.text import Normalised, has_diacritics, same_tones
from library.titles import TitleBook

Rows = List[List[str]]

UNSURE = "?"
_QUOTES = "\"“”'‘’«»"
_SHORT = 2  # words: a title so short is often just words
_NEAR = 3  # words before and after that count by themselves
# Words that often stand before a title, a name, a topic or a group, folded; the nearest one before a word is told.
_LEADS = frozenset(
    """cuon quyen q c bo tap truyen sach tho tieu thuyet ban tua ten cua ve boi tac gia van ong ba co thay do viet tim
    kiem muon co con doc mua dat giu hoc day trong nuoi lam nau luat tieng bang cho danh nam tu den truoc sau o tai chu
    de mon gioi thieu goi y giong nhu la nhap them huy gia han mat het day phong lop tuoi nguoi book books novel title
    called by about on in of for have got find renew hold reserve written author""".split()
)
_SURNAMES = frozenset(
    """nguyen tran le pham huynh hoang phan vu vo dang bui do ho ngo duong ly dinh truong doan trinh luong lam mai dao
    ha to cao chau ta thai luu nghiem quach kieu la mac vuong thich ton khuat phung phuong""".split()
)


@dataclass(frozen=True)
class Knowledge:
    """Who knows phrases: the catalogue's own titles and names, and the lists of the training data."""

    lookups: Lookups
    book: Optional[TitleBook] = None


IGNORANCE = Knowledge(Lookups({}))


@dataclass(frozen=True)
class Features:
    """The features of each word of a message, and which of them mean more once it is known what it wants."""

    rows: Rows
    telling: Rows

    def wanting(self, intent: str) -> Rows:
        """Return the features of each word when the message is taken to want this; UNSURE is an answer too."""
        return [
            [*row, *(f"{intent}&{each}" for each in telling)]
            for row, telling in zip(self.rows, self.telling, strict=True)
        ]


def features(message: Normalised, knowledge: Knowledge) -> Features:
    """Return what is seen of each word."""
    layers = [_catalogued(message, knowledge), _listed(message, knowledge.lookups), _dated(message)]
    seen = _Seen(message)
    words = range(len(message.tokens))
    return Features(
        [
            ["bias", *seen.word(at), *seen.around(at), *seen.lead(at), *seen.name(at), *_layered(layers, at)]
            for at in words
        ],
        [
            ["bias", f"w={message.tokens[at].folded}", seen.nearest_lead(at), *(layer[at] for layer in layers)]
            for at in words
        ],
    )


class _Seen:
    """One message, looked at word by word."""

    def __init__(self, message: Normalised) -> None:
        self._message = message
        self._folded = [word.folded for word in message.tokens]
        self._marked = has_diacritics(message.typed)
        letters = [c for c in message.typed if c.isalpha()]
        self._cased = any(c.islower() for c in letters)
        self._leads = list(_nearest_leads(self._folded))

    def _at(self, at: int) -> str:
        if at < 0:
            return "^"
        return self._folded[at] if at < len(self._folded) else "$"

    def word(self, at: int) -> Iterator[str]:
        token = self._message.tokens[at]
        yield f"w={token.folded}"
        yield f"s={token.folded[-2:]}"
        yield f"p={token.folded[:2]}"
        if self._marked:
            yield f"t={same_tones(token.text.lower())}"
        if token.folded.isdigit():
            yield f"digits={len(token.folded)}"
        elif not is_syllable(token.text.lower()):
            yield "foreign"
        if self._cased and self._capital(at):
            yield "capital" if at else "capital-first"
        if token.start and self._message.typed[token.start - 1] in _QUOTES:
            yield "quoted"
        if at and (gap := self._message.typed[self._message.tokens[at - 1].end : token.start].strip()):
            yield f"gap={gap[0]}"

    def _capital(self, at: int) -> bool:
        if not 0 <= at < len(self._folded):
            return False
        return self._message.typed[self._message.tokens[at].start].isupper()

    def around(self, at: int) -> Iterator[str]:
        before = [self._at(at - n) for n in range(1, _NEAR + 1)]
        after = [self._at(at + n) for n in range(1, _NEAR + 1)]
        for n in range(_NEAR):
            yield f"w-{n + 1}={before[n]}"
            yield f"w+{n + 1}={after[n]}"
        here = self._folded[at]
        yield f"w-1,0={before[0]},{here}"
        yield f"w0,+1={here},{after[0]}"
        yield f"w-2,-1={before[1]},{before[0]}"
        yield f"w+1,+2={after[0]},{after[1]}"
        yield f"w-3,-1={before[2]},{before[1]},{before[0]}"
        yield f"first={self._folded[0]}"
        yield f"last={self._folded[-1]}"

    def nearest_lead(self, at: int) -> str:
        found = self._leads[at]
        return "lead=^" if found is None else f"lead={self._folded[found]}"

    def lead(self, at: int) -> Iterator[str]:
        found = self._leads[at]
        yield self.nearest_lead(at)
        if found is None:
            return
        yield f"lead={self._at(found - 1)},{self._folded[found]}"
        yield f"lead={self._folded[found]},{min(at - found, 4)}"

    def name(self, at: int) -> Iterator[str]:
        for back in range(4):
            if at >= back and self._folded[at - back] in _SURNAMES:
                yield f"surname-{back}"
        if self._cased:
            yield f"caps={''.join('A' if self._capital(each) else 'a' for each in range(at - 1, at + 3))}"


def _nearest_leads(words: Sequence[str]) -> Iterator[Optional[int]]:
    """Yield for each word where the nearest leading word before it stands."""
    latest = None
    for at, word in enumerate(words):
        yield latest
        if word in _LEADS:
            latest = at


def _catalogued(message: Normalised, knowledge: Knowledge) -> List[str]:
    """Return what the catalogue names at each word, and whether that is long enough to be meant."""
    if knowledge.book is None:
        return ["c=O"] * len(message.tokens)
    runs = knowledge.book.runs([token.folded for token in message.tokens])
    return _marked(
        "c",
        len(message.tokens),
        [(run.first, run.end, "+".join(sorted(run.kinds)) + "~" * run.slip) for run in runs],
    )


def _listed(message: Normalised, lookups: Lookups) -> List[str]:
    found = lookups.found([token.folded for token in message.tokens])
    return _marked("l", len(message.tokens), [(start, end, "+".join(slots)) for start, end, slots in found])


def _marked(layer: str, count: int, runs: Sequence[Tuple[int, int, str]]) -> List[str]:
    """Return for each word whether a run begins or goes on there, of what kind, and how long it is."""
    marks = [f"{layer}=O"] * count
    for first, end, kind in runs:
        kind = f"{kind}:{min(end - first, _SHORT + 1)}"
        marks[first:end] = [f"{layer}=B-{kind}"] + [f"{layer}=I-{kind}"] * (end - first - 1)
    return marks


def _dated(message: Normalised) -> List[str]:
    return [f"d={label}" for label in word_labels(message.tokens, date_spans(message))]


def _layered(layers: Sequence[List[str]], at: int) -> Iterator[str]:
    for layer in layers:
        yield layer[at]
        yield f"-1{layer[at - 1] if at else '^'}"
        yield f"+1{layer[at + 1] if at + 1 < len(layer) else '$'}"
