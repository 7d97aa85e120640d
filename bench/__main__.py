"""`make bench`: every benchmark in turn, one JSON line a figure; `python -m bench doors` only that one."""

from __future__ import annotations

import sys

from bench import accounts, compare, doors, hearing, learning, publishing, retrieval, segmentation, turns

BENCHMARKS = {
    "retrieval": retrieval,
    "compare": compare,
    "segmentation": segmentation,
    "turns": turns,
    "doors": doors,
    "hearing": hearing,
    "publishing": publishing,
    "learning": learning,
    "accounts": accounts,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name].main()
