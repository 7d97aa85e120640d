"""`make eval-nlu`: how well the trained dialogue understands a file of labelled messages. Runs in Rasa's Python.

The file: text, intent, slots as JSON, tags, tab separated, no header. A refusal is `out_of_scope` or `nlu_fallback`.
Slots are compared in NFC, case folded, spaces squeezed; one exact year stands for both ends of a range.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, List, Sequence, Tuple

from bot.hearing import MODEL, Heard, open_ear

REFUSALS = {"out_of_scope", "nlu_fallback"}
PROGRESS_EVERY = 100

Slots = FrozenSet[Tuple[str, str]]


@dataclass(frozen=True)
class Judged:
    """One message, what it means, and what was understood."""

    text: str
    intent: str
    slots: Slots
    tags: Tuple[str, ...]
    heard_intent: str
    heard_slots: Slots

    @property
    def right(self) -> bool:
        return self.intent == self.heard_intent


class BadLine(Exception):
    """A line of the file that cannot be scored."""


def pairs(slots: Iterable[Tuple[str, Any]]) -> Slots:
    """Return the slots as comparable (name, value) pairs."""
    found = set()
    for name, value in slots:
        for one in value if isinstance(value, list) else [value]:
            found.add((name, " ".join(unicodedata.normalize("NFC", str(one)).casefold().split())))
    return frozenset(found)


def with_exact_year(heard: Slots, meant: Slots) -> Slots:
    """Return the heard slots; a lone year heard stands for both ends where the label means one exact year."""
    exact = {value for name, value in meant if name == "year_from"} & {v for name, v in meant if name == "year_to"}
    return heard | {(name, value) for name in ("year_from", "year_to") for _, value in heard if value in exact}


def read(path: Path) -> List[Tuple[str, str, Slots, Tuple[str, ...]]]:
    """Return the labelled messages. Raises BadLine with the number of the line."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            text, intent, slots, tags = [*line.split("\t"), "", ""][:4]
            labelled = json.loads(slots or "{}")
        except ValueError as exc:
            raise BadLine(f"{path}:{number}: expected text, intent, slots JSON, tags separated by tabs: {exc}") from exc
        rows.append((text, intent, pairs(labelled.items()), tuple(t.strip() for t in tags.split(",") if t.strip())))
    return rows


def understood(heard: Heard) -> str:
    """Return the intent, both kinds of refusal as one."""
    return "out_of_scope" if heard.intent in REFUSALS else heard.intent


async def judge(model: Path, rows: Sequence[Tuple[str, str, Slots, Tuple[str, ...]]]) -> List[Judged]:
    """Return each message with what the model understood."""
    hear = open_ear(model)
    judged = []
    for number, (text, intent, slots, tags) in enumerate(rows, 1):
        heard = await hear(text)
        found = with_exact_year(pairs((entity["entity"], entity["value"]) for entity in heard.entities), slots)
        judged.append(Judged(text, intent, slots, tags, understood(heard), found))
        if number % PROGRESS_EVERY == 0:
            print(f"{number}/{len(rows)}", file=sys.stderr)
    return judged


def report(judged: Sequence[Judged]) -> Dict[str, Any]:
    """Return the figures as JSON."""
    by_tag: Dict[str, List[bool]] = defaultdict(list)
    for one in judged:
        for tag in one.tags:
            by_tag[tag].append(one.right)
    outside = [one for one in judged if one.intent == "out_of_scope"]
    inside = [one for one in judged if one.intent != "out_of_scope"]
    return {
        "n": len(judged),
        "accuracy": share(one.right for one in judged),
        "macro_f1": macro_f1(judged),
        "slot_f1": slot_f1(judged),
        "out_of_scope": {
            "recall": share(one.heard_intent == "out_of_scope" for one in outside),
            "false_refusal": share(one.heard_intent == "out_of_scope" for one in inside),
        },
        "by_tag": {tag: {"n": len(right), "accuracy": share(right)} for tag, right in sorted(by_tag.items())},
    }


def share(flags: Iterable[bool]) -> float:
    counted = list(flags)
    return round(sum(counted) / len(counted), 4) if counted else 0.0


def macro_f1(judged: Sequence[Judged]) -> float:
    """Return the mean F1 over the intents that the file names."""
    scores = []
    for intent in {one.intent for one in judged}:
        hit = sum(one.right for one in judged if one.intent == intent)
        said = sum(one.heard_intent == intent for one in judged)
        meant = sum(one.intent == intent for one in judged)
        scores.append(2 * hit / (said + meant))
    return round(sum(scores) / len(scores), 4) if scores else 0.0


def slot_f1(judged: Sequence[Judged]) -> float:
    hit = sum(len(one.slots & one.heard_slots) for one in judged)
    total = sum(len(one.slots) + len(one.heard_slots) for one in judged)
    return round(2 * hit / total, 4) if total else 1.0


def table(figures: Dict[str, Any], judged: Sequence[Judged]) -> str:
    """Return the figures and the commonest confusions, to be read in a terminal."""
    outside = figures["out_of_scope"]
    lines = [
        f"{'messages':<24}{figures['n']:>8}",
        f"{'intent accuracy':<24}{figures['accuracy']:>8.3f}",
        f"{'macro F1':<24}{figures['macro_f1']:>8.3f}",
        f"{'slot F1':<24}{figures['slot_f1']:>8.3f}",
        f"{'out of scope refused':<24}{outside['recall']:>8.3f}",
        f"{'wrongly refused':<24}{outside['false_refusal']:>8.3f}",
        "",
        *(f"  {tag:<22}{row['accuracy']:>8.3f}{row['n']:>7}" for tag, row in figures["by_tag"].items()),
        "",
        "commonest confusions (meant → heard)",
    ]
    wrong = Counter((one.intent, one.heard_intent) for one in judged if not one.right)
    for (meant, heard), count in wrong.most_common(12):
        example = next(one.text for one in judged if (one.intent, one.heard_intent) == (meant, heard))
        lines.append(f"  {count:>3}  {meant} → {heard}   {example[:60]}")
    return "\n".join(lines)


def heard_line(one: Judged) -> str:
    """Return the message, what it means and what was heard as JSON."""
    heard = {"text": one.text, "intent": one.intent, "heard": one.heard_intent, "tags": one.tags}
    slots = {"slots": sorted(one.slots), "heard_slots": sorted(one.heard_slots)}
    return json.dumps({**heard, **slots}, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the trained dialogue on a file of labelled messages.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON here")
    parser.add_argument("--heard", type=Path, help="also write what was heard, one JSON line a message, here")
    options = parser.parse_args()
    try:
        rows = read(options.data)
    except (BadLine, OSError) as exc:
        sys.exit(str(exc))
    judged = asyncio.run(judge(options.model, rows))
    figures = report(judged)
    print(table(figures, judged))
    if options.heard:
        options.heard.write_text("".join(f"{heard_line(one)}\n" for one in judged), encoding="utf-8")
    if options.out:
        options.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
