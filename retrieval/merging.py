"""Builds the index anew in a process of its own, at low priority, while the one in use serves and takes changes.

`python -m retrieval.merging JSON`: the places of the library's files. It ends at once where another does the same.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from retrieval.commands import Places, build_index
from retrieval.folders import alone
from retrieval.index import is_merge_due, read_manifest

logger = logging.getLogger(__name__)
_NICENESS = 10


def merge(places: Places) -> None:
    """Build the index anew if that is due and nobody else is at it."""
    with alone(places.index, "merge", wait=False) as mine:
        if mine and is_merge_due(read_manifest(places.index)):
            made = build_index(places, meaning=False)
            logger.info("index merged records=%d parts=%d", made.records, len(made.parts))


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    told = json.loads(sys.argv[1])
    paths = {name: Path(told[name]) for name in ("catalogue", "answers", "vectors", "index")}
    os.nice(_NICENESS)
    merge(Places(**paths, encoder=told["encoder"], answers_encoder=told["answers_encoder"]))


if __name__ == "__main__":
    main()
