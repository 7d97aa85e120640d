"""Makes the general model of Vietnamese spelling: `python -m retrieval.training.spelling --text viwiki.txt.xz`."""

from __future__ import annotations

import argparse
import lzma
from pathlib import Path

import numpy as np

from retrieval import general
from retrieval.ngrams import BITS, OTHER, Counted, Grams, count

_LEAST_WORD = 5  # times in the text; a rarer word is no help
_LEAST_RUN = {2: 1, 3: 2}


def trimmed(grams: Grams) -> Grams:
    """Return the model without rare words and rare runs."""
    size = int((np.asarray(grams.ones[OTHER + 1 :]) >= _LEAST_WORD).sum()) + OTHER + 1
    twos, threes = ((getattr(grams, f"keys{n}"), getattr(grams, f"counts{n}")) for n in (2, 3))
    ones = np.asarray(grams.ones[:size])
    none_own = np.zeros(size, dtype=np.int64)
    return Grams.of(grams.spellings[:size], none_own, ones, _cut(twos, 2, size), _cut(threes, 3, size))


def _cut(counted: Counted, n: int, size: int) -> Counted:
    keys, counts = counted
    kept = counts >= _LEAST_RUN[n]
    for place in range(n):
        word = (keys >> (BITS * place)) & ((1 << BITS) - 1)
        kept &= (word < size) & (word != OTHER)
    return keys[kept], counts[kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True, help="plain text, xz-compressed")
    parser.add_argument("--out", type=Path, default=general.SHIPPED)
    asked = parser.parse_args()
    with lzma.open(asked.text, "rt", encoding="utf-8") as lines:
        packed = general.pack(trimmed(count(line.replace(". ", "\n") for line in lines)))
    asked.out.write_bytes(packed)
    print(f"{asked.out}: {len(packed):,} bytes")


if __name__ == "__main__":
    main()
