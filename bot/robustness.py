"""`make eval-robust`: how often a message keeps its intent when it is typed in a hurry. Runs in Rasa's Python.

Takes a labelled file as `make eval-nlu` does, draws messages from it with a fixed seed, harms each in every way of
`library.hurry`, and reports for each way the share understood as before. Labels play no part.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.evaluate import BadLine, read, understood
from bot.hearing import MODEL, Ear, open_ear
from library.hurry import HARMS

MESSAGES, SEED = 500, 20261123
SHOWN = 3  # examples of each harm


async def measure(hear: Ear, texts: Sequence[str]) -> dict[str, Any]:
    """Return by harm: how many messages it changed, the share whose intent stayed, the commonest changes."""
    plain = [understood(await hear(text)) for text in texts]
    figures = {}
    for name, harm in HARMS.items():
        chance = random.Random(f"{SEED} {name}")  # noqa: S311 - a repeatable measure, no secret
        harmed = [(text, harm(text, chance), intent) for text, intent in zip(texts, plain, strict=True)]
        changed = [(before, after, intent) for before, after, intent in harmed if after != before]
        heard = [understood(await hear(after)) for _, after, _ in changed]
        lost = [(after, was, now) for (_, after, was), now in zip(changed, heard, strict=True) if was != now]
        figures[name] = {
            "n": len(changed),
            "same": round(1 - len(lost) / len(changed), 4) if changed else 1.0,
            "lost": _commonest(lost),
        }
        print(f"{name}: {figures[name]['same']}", file=sys.stderr)
    return figures


def _commonest(lost: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    counts = Counter((was, now) for _, was, now in lost)
    examples = {(was, now): after for after, was, now in reversed(lost)}
    return [{"was": was, "now": now, "text": examples[was, now]} for (was, now), _ in counts.most_common(SHOWN)]


def table(figures: dict[str, Any]) -> str:
    lines = [f"{'harm':<12}{'n':>6}{'same':>8}"]
    for name, row in figures.items():
        lines.append(f"{name:<12}{row['n']:>6}{row['same']:>8.3f}")
        lines += [f"      {one['was']} → {one['now']}   {one['text'][:70]}" for one in row["lost"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how often an intent survives hurried typing.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("-n", type=int, default=MESSAGES, help="how many messages of the file")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON here")
    options = parser.parse_args()
    try:
        texts = [text for text, *_ in read(options.data)]
    except (BadLine, OSError) as exc:
        sys.exit(str(exc))
    drawn = random.Random(SEED).sample(texts, min(options.n, len(texts)))  # noqa: S311
    figures = asyncio.run(measure(open_ear(options.model), drawn))
    print(table(figures))
    if options.out:
        options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
