"""What a new model is judged by: the development set, what was taught, and the model that serves now, side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from connectors.teaching.examples import Example

DEVELOPMENT = Path("nlu_data/development.tsv")
SHIPPED, TAUGHT = "shipped", "taught"  # tags: where a message comes from
SHOWN = 60  # changes that a report keeps
_Z = 1.96  # of a difference that chance alone brings in one of twenty trainings


@dataclass(frozen=True)
class Change:
    """A message that the two models hear otherwise."""

    text: str
    meant: str
    before: str
    after: str

    @property
    def better(self) -> bool:
        return self.after == self.meant

    @property
    def worse(self) -> bool:
        return self.before == self.meant


@dataclass(frozen=True)
class Report:
    """`accuracy` of the shipped messages before and after, from 0 to 1; `problems`: why it may not serve, if so."""

    messages: int
    accuracy_before: float
    accuracy_after: float
    better: int
    worse: int
    taught: int
    not_learned: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = field(default_factory=tuple)

    @property
    def green(self) -> bool:
        return not self.problems

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Report:
        changes = tuple(Change(**change) for change in plain["changes"])
        lists = {name: tuple(plain[name]) for name in ("not_learned", "problems")}
        return cls(**{**plain, **lists, "changes": changes})


def write_messages(path: Path, taught: Iterable[Example], development: Path = DEVELOPMENT) -> None:
    """Write the file that both models are asked: text, intent, slots as JSON, where it comes from."""
    lines = [f"{_cut(line)}\t{SHIPPED}" for line in _lines(development)]
    for example in taught:
        slots: dict[str, list[str]] = {}
        for name, words in example.slots:
            slots.setdefault(name, []).append(words)
        lines.append(f"{example.text}\t{example.intent}\t{json.dumps(slots, ensure_ascii=False)}\t{TAUGHT}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from (line for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _cut(line: str) -> str:
    """Return text, intent and slots of a labelled line, without its own tags."""
    return "\t".join([*line.split("\t"), "", "{}"][:3])


def compare(before: Path, after: Path) -> Report:
    """Return what the new model does better and worse; both files as `bot.evaluate --heard` writes them."""
    pairs = list(zip(_heard(before), _heard(after), strict=True))
    shipped = [(old, new) for old, new in pairs if SHIPPED in old["tags"]]
    better = sum(_right(new) and not _right(old) for old, new in shipped)
    worse = sum(_right(old) and not _right(new) for old, new in shipped)
    taught = [new for _, new in pairs if TAUGHT in new["tags"]]
    forgotten = tuple(one["text"] for one in taught if not _right(one))
    changes = [
        Change(old["text"], old["intent"], old["heard"], new["heard"])
        for old, new in pairs
        if old["heard"] != new["heard"]
    ]
    changes.sort(key=lambda change: (not change.worse, not change.better))
    return Report(
        messages=len(shipped),
        accuracy_before=_share([old for old, _ in shipped]),
        accuracy_after=_share([new for _, new in shipped]),
        better=better,
        worse=worse,
        taught=len(taught),
        not_learned=forgotten,
        changes=tuple(changes[:SHOWN]),
        problems=tuple(_problems(better, worse, forgotten, len(taught))),
    )


def _problems(better: int, worse: int, forgotten: Sequence[str], taught: int) -> Iterator[str]:
    # Of the messages that changed sides, as many should go either way if the models are as good (McNemar).
    if worse - better > _Z * math.sqrt(max(better + worse, 1)):
        yield f"Hiểu kém đi trên bộ câu thử: {worse} câu trước đúng nay sai, chỉ {better} câu ngược lại."
    if taught and len(forgotten) > taught / 2:
        yield f"{len(forgotten)} trong {taught} câu đã dạy vẫn bị hiểu sai."


def _heard(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _right(one: Mapping[str, Any]) -> bool:
    return bool(one["intent"] == one["heard"])


def _share(heard: Sequence[Mapping[str, Any]]) -> float:
    return round(sum(map(_right, heard)) / len(heard), 4) if heard else 1.0
