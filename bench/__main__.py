"""`make bench`: every benchmark in turn, one JSON line a figure."""

from __future__ import annotations

from bench import retrieval, segmentation, turns

if __name__ == "__main__":
    retrieval.main()
    segmentation.main()
    turns.main()
