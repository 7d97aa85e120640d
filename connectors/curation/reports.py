"""What the bench found, as it is stored and shown again. Of patrons' messages a report holds the ids alone: the words
are read where they are kept, and are gone from every report when they are gone there. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from connectors.curation import week
from connectors.curation.trying import FORMS, Findings, Said, Tried
from connectors.curation.trying import as_expected as as_expected
from connectors.store import bench_reports

_SHOWN = 300  # lines of one kind


@dataclass(frozen=True)
class PinLine:
    number: int
    text: str
    kind: str
    what: str
    before: Said
    after: Said
    moved: bool  # it held before: this makes the report red


@dataclass(frozen=True)
class ReplayLine:
    """A message that would be answered differently; `text` is empty when it is kept no more."""

    text: str
    message_id: str
    conversation_id: str
    count: int
    before: Said
    after: Said


@dataclass(frozen=True)
class Report:
    """`tried_among` names the answers in use and the pins among which this revision was tried."""

    number: int
    key: str
    revision: int
    tried_among: str
    red: bool
    at: datetime
    took_ms: int
    body: Mapping[str, Any]

    @property
    def reasons(self) -> list[str]:
        return list(self.body["reasons"])

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        return {form: self.body["counts"][form] for form in FORMS if self.body["counts"].get(form)}

    @property
    def wrong(self) -> list[Tried]:
        return [Tried(each["text"], each["form"], Said.read(each["said"]), each["how"]) for each in self.body["wrong"]]

    @property
    def doubtful(self) -> list[Tried]:
        """Return the phrasings that were not hit and yet make nothing red."""
        lines = self.body["doubtful"]
        return [Tried(each["text"], each["form"], Said.read(each["said"]), each["how"]) for each in lines]

    @property
    def pins(self) -> list[PinLine]:
        lines = self.body["pins"]["not_held"]
        return [
            PinLine(
                each["number"], each["text"], each["kind"], each["what"],
                Said.read(each["before"]), Said.read(each["after"]), each["moved"],
            )
            for each in lines
        ]  # fmt: skip

    @property
    def keys(self) -> set[str]:
        """Return the keys of all answers that the report speaks of."""
        said = [each[side] for each in (*self.body["replay"]["changed"], *self.body["pins"]["not_held"])
                for side in ("before", "after")]  # fmt: skip
        said += [each["said"] for each in (*self.body["wrong"], *self.body["doubtful"])]
        return {key for each in said for key in each["keys"]} | {each["key"] for each in self.body["neighbours"]}


def body_of(found: Findings) -> dict[str, Any]:
    """Return what is stored of the findings."""
    wrong = found.wrong
    doubtful = [each for each in found.tried if each.how != "hit" and each not in wrong]
    return {
        "reasons": reasons(found),
        "counts": {form: dict(counts) for form, counts in found.counts.items()},
        "wrong": [_line(each) for each in wrong[:_SHOWN]],
        "doubtful": [_line(each) for each in doubtful[:_SHOWN]],
        "pins": {
            "total": len(found.held),
            "not_held": [
                {
                    "number": each.pin.number, "text": each.pin.text, "kind": each.pin.expected.kind,
                    "what": each.pin.expected.what, "before": each.before.plain(), "after": each.after.plain(),
                    "moved": each.moved,
                }
                for each in found.held
                if not each.holds
            ],
        },
        "replay": {
            "messages": found.replayed,
            "left_out": found.left_out,
            "changed_messages": sum(each.heard.count for each in found.changed),
            "changed": [
                {
                    "ids": list(each.heard.ids), "count": each.heard.count,
                    "before": each.before.plain(), "after": each.after.plain(),
                }
                for each in found.changed[:_SHOWN]
            ],
        },
        "neighbours": [{"key": answer.key, "question": answer.question, "alike": round(alike, 3)}
                       for answer, alike in found.neighbours],
        "twins": [answer.key for answer in found.twins],
        "idle": list(found.idle),
    }  # fmt: skip


def reasons(found: Findings) -> list[str]:
    """Return why the report is red, one short sentence each; empty for a green one."""
    said = []
    lost = {each.text for each in found.wrong if each.how in ("missed", "offered")}
    astray = {each.text for each in found.wrong if each.how == "other"}
    moved = [each for each in found.held if each.moved]
    if lost:
        said.append(f"{len(lost)} cách hỏi không dẫn tới câu trả lời này.")
    if astray:
        said.append(f"{len(astray)} cách hỏi dẫn sang câu trả lời khác.")
    if moved:
        said.append(f"{len(moved)} bài kiểm đã ghim không còn đúng.")
    return said


def _line(tried: Tried) -> dict[str, Any]:
    return {"text": tried.text, "form": tried.form, "said": tried.said.plain(), "how": tried.how}


def store(
    db: Connection, key: str, revision: int, tried_among: str, found: Findings, at: datetime, took_ms: int
) -> Report:
    """Return the report, which is stored."""
    row = {
        "key": key, "revision": revision, "tried_among": tried_among, "red": int(found.red), "at": at.isoformat(),
        "took_ms": took_ms, "body": body_of(found),
    }  # fmt: skip
    number = db.execute(insert(bench_reports).values(row)).inserted_primary_key
    assert number is not None
    return _report({**row, "number": number[0]})


def get(db: Connection, number: int) -> Report | None:
    row = db.execute(select(bench_reports).where(bench_reports.c.number == number)).mappings().first()
    return _report(dict(row)) if row else None


def latest(db: Connection, key: str, revision: int, tried_among: str | None = None) -> Report | None:
    """Return the newest report of this revision, among just these answers and pins if they are given."""
    query = select(bench_reports).where(bench_reports.c.key == key, bench_reports.c.revision == revision)
    if tried_among is not None:
        query = query.where(bench_reports.c.tried_among == tried_among)
    row = db.execute(query.order_by(bench_reports.c.number.desc()).limit(1)).mappings().first()
    return _report(dict(row)) if row else None


def replayed(db: Connection, report: Report) -> list[ReplayLine]:
    """Return the messages that would be answered differently, in the words of those that are still kept."""
    changed: Sequence[Mapping[str, Any]] = report.body["replay"]["changed"]
    texts = week.texts_of(db, [id_ for each in changed for id_ in each["ids"]])
    lines = []
    for each in changed:
        kept = next((id_ for id_ in each["ids"] if id_ in texts), "")
        text, conversation_id = texts.get(kept, ("", ""))
        before, after = Said.read(each["before"]), Said.read(each["after"])
        lines.append(ReplayLine(text, kept, conversation_id, each["count"], before, after))
    return lines


def _report(row: Mapping[str, Any]) -> Report:
    return Report(
        row["number"], row["key"], row["revision"], row["tried_among"], bool(row["red"]),
        datetime.fromisoformat(row["at"]), row["took_ms"], row["body"],
    )  # fmt: skip
