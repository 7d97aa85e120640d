"""A month of invented talks for the demo library: its inbox, numbers and conversations are alive before anybody asks.

Drawn from `demo/month.yml` with a seed, so that the same day gives the same month. Its conversations are known by their
ids, so that they can be taken away again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, delete, func, select

from connectors.clock import VIETNAM
from connectors.curation import pins, questions
from connectors.month_rows import Rows, Said, Talk
from connectors.privacy import delete_all
from connectors.store import conversations, messages, numbers_daily, numbers_not_held
from library.calendar import LibraryCalendar
from library.hurry import teencode, typo, unaccented
from library.text import looks_english
from retrieval.answers import Answer

SOURCE = Path("demo/month.yml")
PREFIX = "demo-"  # of the conversations' ids
DAYS = 30
SEED = 206
CHANNELS = {"web": 5, "zalo": 4, "telegram": 1}
# Chances of an hour from 6 to 22, and of a weekday from Monday on: people write at work and after supper.
HOURS = (2, 5, 9, 14, 15, 12, 7, 6, 9, 10, 9, 7, 6, 10, 13, 11, 6)
WEEKDAYS = (7, 10, 10, 10, 9, 7, 5)
SAID_AGAIN, CALLS, THANKS = 0.3, 0.6, 0.5  # shares of the unanswered, of those who can be helped, and of the helped
RATES, FOLLOWS, WISHES = 0.25, 0.45, 0.25  # of the website's answers, of the talks that go on, of titles not held
SURE = (0.72, 0.99)  # how sure the dialogue is of what it understands, and of what it does not
UNSURE = (0.18, 0.45)
_ONCE_MORE = ("ad ơi", "alo", "cho hỏi", "dạ", "ý là")
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Known:
    """What the library says: its answers, the revision in use of each, and what fills their variables."""

    answers: Sequence[Answer]
    revisions: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def told(self, key: str, text: str, chance: random.Random) -> Said:
        """Return the question and its answer as it was said."""
        answer = next(each for each in self.answers if each.key == key)
        words = answer.answer_en if looks_english(text) and answer.answer_en else answer.answer
        filled = _VARIABLE.sub(lambda name: self.facts.get(name[1], ""), words)
        outcome = {"kind": "answer", "answer": key, "revision": self.revisions.get(key, 1)}
        return Said(text, "ask_library_info", outcome, filled, _drawn(SURE, chance))


def load(db: Connection, known: Known, calendar: LibraryCalendar, now: datetime, source: Path = SOURCE) -> int:
    """Put the month before `now` into the store; return how many messages it has, 0 where talks are there already."""
    if db.scalar(select(func.count()).select_from(conversations)):
        return 0
    chance = random.Random(SEED)  # noqa: S311 - the same month each time, and no secret
    month = Month(yaml.safe_load(source.read_text(encoding="utf-8")), known, now, chance)
    talks = sorted(month.talks(), key=lambda talk: talk.at)
    rows = Rows(db, calendar, now, chance)
    for number, talk in enumerate(talks):
        rows.write(f"{PREFIX}{number:04d}", talk)
    return int(db.scalar(select(func.count()).select_from(messages)) or 0)


def clear(db: Connection, now: datetime) -> int:
    """Take the month away again; return how many conversations went. The days' counts are made anew from what stays."""
    gone = list(db.scalars(select(conversations.c.id).where(conversations.c.id.startswith(PREFIX))))
    if gone:
        pins.forget_whose(db, gone)
        delete_all(db, gone)
        questions.tidy(db, now, questions.stale(db))
        db.execute(delete(numbers_daily))
        db.execute(delete(numbers_not_held))
    return len(gone)


class Month:
    """The talks of the month, from what `demo/month.yml` tells."""

    def __init__(self, told: Mapping[str, Any], known: Known, now: datetime, chance: random.Random) -> None:
        self._told, self._known, self._now, self._chance = told, known, now.astimezone(VIETNAM), chance
        self._says: Mapping[str, str] = told["says"]

    def talks(self) -> Iterator[Talk]:
        """Yield every talk, in no order."""
        for said in (*self._unknown(), *self._joined()):
            yield self._talk(self._moment(), said)
        yield from self._outage()
        for talk in self._told["talks"]:
            at = self._ago(talk["ago"]) if "ago" in talk else self._moment()
            yield Talk(talk["channel"], at, [self._scripted(turn) for turn in talk["turns"]])

    def _talk(self, at: datetime, said: Sequence[Said]) -> Talk:
        (channel,) = self._chance.choices(list(CHANNELS), list(CHANNELS.values()))
        return Talk(channel, at, [replace(one, rated=self._rated(one)) for one in said] if channel == "web" else said)

    def _rated(self, said: Said) -> int | None:
        if said.outcome is None or said.outcome["kind"] in ("other", "handoff") or self._chance.random() > RATES:
            return None
        return int(self._chance.random() < (0.05 if said.outcome["kind"] in ("unknown", "which") else 0.9))

    def _joined(self) -> Iterator[list[Said]]:
        """Yield what was asked and dealt with, some of it one thing after the other by the same patron."""
        singles = [*self._answered(), *self._other(), *self._sought(), *self._not_held(), *self._beside()]
        self._chance.shuffle(singles)
        while singles:
            talk = singles.pop()
            while singles and self._chance.random() < FOLLOWS:
                talk = [*talk, *singles.pop()]
            yield talk

    def _answered(self) -> Iterator[list[Said]]:
        for answer in self._known.answers:
            for _ in range(self._told["told"].get(answer.key, 0)):
                text = self._hurried(self._chance.choice([answer.question, *answer.phrasings]))
                yield [self._known.told(answer.key, text, self._chance)]

    def _other(self) -> Iterator[list[Said]]:
        for kind in self._told["other"]:
            for _ in range(kind["times"]):
                text = self._hurried(self._chance.choice(kind["asks"]))
                yield [Said(text, kind["intent"], {"kind": "other"}, kind["says"], _drawn(SURE, self._chance))]

    def _sought(self) -> Iterator[list[Said]]:
        held, about = self._told["held"], self._told["about"]
        for _ in range(held["times"]):
            title = self._wanted(held["titles"])
            yield [self._search(held, title, {"title": title}, 1, self._says["held"].format(title))]
        for _ in range(about["times"]):
            topic, hits = self._chance.choice(list(about["topics"].items()))
            found = self._says["about"].format(topic=topic, hits=hits)
            yield [self._search(about, topic, {"topic": topic}, hits, found)]

    def _not_held(self) -> Iterator[list[Said]]:
        missing = self._told["missing"]
        for _ in range(missing["times"]):
            title = self._wanted(missing["titles"])
            talk = [self._search(missing, title, {"title": title}, 0, self._says["not_held"].format(f"“{title}”"))]
            if self._chance.random() < WISHES:
                wish, noted = self._chance.choice(missing["wishes"]), {"kind": "purchase", "text": title}
                told = self._says["wanted"].format(title)
                talk.append(Said(wish, "suggest_purchase", {"kind": "other"}, told, 0.9, note=noted))
            yield talk

    def _search(self, kind: Mapping[str, Any], what: str, sought: Mapping[str, str], hits: int, says: str) -> Said:
        text = self._hurried(self._chance.choice(kind["asks"]).format(what))
        outcome = {"kind": "search", "hits": hits, "sought": sought}
        return Said(text, "find_item", outcome, says, _drawn(SURE, self._chance), slots=sought)

    def _beside(self) -> Iterator[list[Said]]:
        """Yield what is no matter of the library's, and what nobody could understand."""
        for _ in range(self._told["refused"]["times"]):
            text = self._hurried(self._chance.choice(self._told["refused"]["asks"]))
            sure = _drawn(SURE, self._chance)
            yield [Said(text, "out_of_scope", {"kind": "refused"}, self._says["refused"], sure)]
        for _ in range(self._told["missed"]["times"]):
            text = self._chance.choice(self._told["missed"]["asks"])
            yield [self._missed(text, _drawn(UNSURE, self._chance))]

    def _missed(self, text: str, sure: float, says: str = "missed") -> Said:
        note = {"kind": "question", "text": text, "detail": {"reason": "không hiểu"}}
        return Said(text, "nlu_fallback", {"kind": "unknown"}, self._says[says], sure, note=note)

    def _unknown(self) -> Iterator[list[Said]]:
        """Yield the talks of who asked what the library has written no answer to."""
        for kind in self._told["unknown"]:
            texts = [
                *kind["asks"],
                *(self._hurried(self._chance.choice(kind["asks"])) for _ in range(kind.get("more", 0))),
            ]
            for text in texts:
                yield list(self._not_known(text, kind))
            for text in kind.get("vague", ()):
                which = Said(
                    text, "ask_library_info", {"kind": "which"}, self._says["which"], _drawn(SURE, self._chance)
                )
                yield [which, *self._not_known(self._chance.choice(kind["asks"]), kind)]

    def _not_known(self, text: str, kind: Mapping[str, Any]) -> Iterator[Said]:
        yield self._no_answer(text)
        if self._chance.random() < SAID_AGAIN:
            again = self._hurried(text.lower().rstrip(" ?"))
            yield self._no_answer(f"{self._chance.choice(_ONCE_MORE)} {again}" if again == text else again)
        if "reply" in kind and self._chance.random() < CALLS:
            calls = self._told["calls_en" if looks_english(text) else "calls"]
            yield self._call(self._chance.choice(calls), kind["reply"])
            if self._chance.random() < THANKS:
                yield Said("thank you" if looks_english(text) else "dạ em cảm ơn ạ")

    def _no_answer(self, text: str) -> Said:
        note = {"kind": "question", "text": text, "detail": {"reason": "thiếu kiến thức"}}
        says = self._says["unknown_en" if looks_english(text) else "unknown"]
        return Said(text, "ask_library_info", {"kind": "unknown"}, says, _drawn(SURE, self._chance), note=note)

    def _call(self, text: str, reply: str) -> Said:
        handed = {"kind": "handoff", "reason": "asked"}
        return Said(text, "talk_to_librarian", handed, "", _drawn(SURE, self._chance), ticket="asked", person=reply)

    def _outage(self) -> Iterator[Talk]:
        """Yield what was asked in vain while the library system was away; some tried again, one called a librarian."""
        outage = self._told["outage"]
        hour, minute = map(int, outage["begins"].split(":"))
        day = self._now.date() - timedelta(days=outage["days_ago"])
        begins = datetime.combine(day, time(hour, minute), VIETNAM)
        for asked in outage["asks"]:
            away = {"kind": "ils", "error": "ILSUnavailable"}
            said = Said(asked["says"], asked["intent"], away, self._says["away"], _drawn(SURE, self._chance))
            tries = [said] * self._chance.choice((1, 1, 2))
            called = [self._call("gặp thủ thư", outage["reply"])] if asked.get("calls") else []
            yield self._talk(begins + timedelta(minutes=self._chance.uniform(0, outage["minutes"])), [*tries, *called])

    def _scripted(self, turn: Mapping[str, Any]) -> Said:
        text, sure = turn["says"], turn.get("sure") or _drawn(SURE, self._chance)
        if turn.get("to_person"):
            return Said(text)
        if "answer" in turn:
            told = self._known.told(turn["answer"], text, self._chance)
            return replace(told, sure=sure, rated=turn.get("rated"))
        if "missed" in turn:
            return self._missed(text, sure, turn["missed"])
        if turn["led"]["kind"] == "unknown" and turn["intent"] == "ask_library_info":
            return self._no_answer(text)
        return Said(
            text, turn["intent"], turn["led"], turn.get("told", ""), sure, turn["led"].get("sought", {}),
            turn.get("note"), turn.get("ticket", ""), turn.get("reply", ""), turn.get("rated"),
        )  # fmt: skip

    def _wanted(self, titles: Sequence[str]) -> str:
        """Return a title; the first of the list are wanted most."""
        return titles[min(int(self._chance.expovariate(0.45)), len(titles) - 1)]

    def _hurried(self, text: str) -> str:
        """Return it as a hurried patron may type it: half of the time as it is."""
        if text.isascii():
            return text
        harm = self._chance.choices((None, unaccented, teencode, typo), (50, 30, 12, 8))[0]
        return harm(text, self._chance) if harm else text

    def _moment(self) -> datetime:
        days = [self._now.date() - timedelta(days=n) for n in range(1, DAYS + 1)]
        (day,) = self._chance.choices(days, [WEEKDAYS[one.weekday()] for one in days])
        (hour,) = self._chance.choices(range(6, 6 + len(HOURS)), HOURS)
        return datetime.combine(day, time(hour, self._chance.randrange(60), self._chance.randrange(60)), VIETNAM)

    def _ago(self, written: str) -> datetime:
        """Return the moment of "25m", so many minutes ago, or of "1d 20:50", yesterday at that time."""
        days, _, at = written.rpartition("d ")
        if not days:
            return self._now - timedelta(minutes=int(written.rstrip("m")))
        hour, minute = map(int, at.split(":"))
        return datetime.combine(self._now.date() - timedelta(days=int(days)), time(hour, minute), VIETNAM)


def _drawn(between: tuple[float, float], chance: random.Random) -> float:
    return round(chance.uniform(*between), 2)
