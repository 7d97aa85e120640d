"""Open Vietnamese text, cut into the words, pairs and phrases that the encoder learns from."""

from __future__ import annotations

import lzma
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from library.text import nfc, sentences
from retrieval.static_features import bare, words, written

_CLAUSE = re.compile(r"[.,;:!?…()\"“”\[\]–—|/]+\s*|\s-\s")
_SENTENCE = 240  # characters
_BESIDE = 24  # words
_LONG_NUMBER = 5  # digits: beyond years, a number is one of its kind
_LEAST_WORD, _LEAST_ACCENTED, _LEAST_PAIR = 4, 5, 15  # times seen


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind the encoder has."""

    folded: int
    accented: int
    pairs: int


@dataclass(frozen=True)
class Units:
    """The encoder's words and pairs, most frequent first, each with the text that it most often stands for."""

    folded: dict[str, str]
    accented: list[str]
    pairs: dict[tuple[str, str], str]
    frequency: dict[str, float]  # of the folded words, summing to at most 1


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the paragraphs of a text file, one a line; .xz is unpacked."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
        yield from (nfc(line.strip()) for line in lines if line.strip())


def units(texts: Iterator[str], sizes: Sizes) -> Units:
    """Return the words and pairs that matter most: words by how often, pairs by how much they belong together."""
    seen: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for text in texts:
        for clause in _CLAUSE.split(text):
            found = words(clause)
            seen.update(found)
            together.update(pairwise(found))
    forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    accented: Counter[str] = Counter()
    for word, count in seen.items():
        forms[bare(word)][word] += count
        accented[written(word)] += count
    whole = sum(seen.values())
    counts = Counter(
        {word: each.total() for word, each in forms.items() if not word.isdecimal() or len(word) < _LONG_NUMBER}
    )
    chosen = [(word, count) for word, count in counts.most_common(sizes.folded) if count >= _LEAST_WORD]
    folded = {word: forms[word].most_common(1)[0][0] for word, _ in chosen}
    told = [word for word, count in accented.most_common() if count >= _LEAST_ACCENTED and not word.isascii()]
    return Units(
        folded, told[: sizes.accented], _pairs(together, folded, counts, whole, sizes.pairs),
        {word: count / whole for word, count in chosen},
    )  # fmt: skip


def listed_words(path: Path) -> list[str]:
    """Return the first word of each line of a word list, those of three letters or more."""
    found = (line.split()[0].lower() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    return [word for word in found if word.isalpha() and len(word) > 2]


def with_words(units: Units, more: Sequence[str], folded: int) -> Units:
    """Return the units with words added in order until there are `folded`."""
    added = [word for word in dict.fromkeys(more) if bare(word) not in units.folded]
    return replace(units, folded=units.folded | {bare(word): word for word in added[: folded - len(units.folded)]})


def _pairs(
    together: Counter[tuple[str, str]], folded: dict[str, str], counts: Counter[str], whole: int, size: int
) -> dict[tuple[str, str], str]:
    forms: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (first, second), count in together.items():
        if count > 1:
            forms[bare(first), bare(second)][f"{first} {second}"] += count

    def weight(pair: tuple[str, str], count: int) -> float:
        return count * math.log(count * whole / (counts[pair[0]] * counts[pair[1]]))

    usable = (
        (pair, each.total()) for pair, each in forms.items()
        if pair[0] in folded and pair[1] in folded and not (pair[0].isdecimal() or pair[1].isdecimal())
    )  # fmt: skip
    weighed = {pair: weight(pair, count) for pair, count in usable if count >= _LEAST_PAIR}
    best = sorted(weighed, key=lambda pair: (-weighed[pair], pair))[:size]
    return {pair: forms[pair].most_common(1)[0][0] for pair in best}


def phrases(texts: Iterator[str], seed: int) -> Iterator[tuple[str, str]]:
    """Yield from each paragraph a phrase like a title and another part of the paragraph, if it has one, both short."""
    draw = random.Random(seed)  # noqa: S311 - drawn the same each time, and no secret
    for text in texts:
        parts = [part for part in sentences(text, _SENTENCE) if len(part.split()) > 2]
        if not parts:
            continue
        at = draw.randrange(len(parts[:3]))
        clauses = [clause.strip() for clause in _CLAUSE.split(parts[at]) if clause]
        clauses = [clause for clause in clauses if len(clause.split()) >= 2 and any(map(str.isalpha, clause))]
        if clauses:
            phrase, beside = _span(draw.choice(clauses), draw), draw.randrange(len(parts[:4]))
            beside = (beside + (beside == at)) % len(parts)
            yield phrase, " ".join(parts[beside].split()[:_BESIDE])


def _span(clause: str, draw: random.Random) -> str:
    """Return some two to twelve words of the clause that stand together."""
    found = clause.split()
    length = min(len(found), draw.choice((2, 3, 4, 5, 6, 7, 8, 10, 12)))
    start = draw.choice((0, draw.randrange(len(found) - length + 1)))
    return " ".join(found[start : start + length])
