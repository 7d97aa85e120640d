"""What a librarian can do to the calendar: small deeds in plain data, which can wait in a form and be done later."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from connectors.timetable.document import Document, calendar_of, document_of, entry_key, tree_of
from library.calendar import CalendarError
from library.calendar_file import DAY_NAMES, days_of, spans_of

Deed = Mapping[str, Any]

REASONS_EN: Mapping[str, str] = {
    "kiểm kê kho": "stocktaking", "mất điện": "power cut", "mưa bão": "storm", "sửa chữa": "repairs",
    "nâng cấp máy tính": "computer upgrade", "tổng vệ sinh": "cleaning", "tập huấn": "staff training",
    "nghỉ lễ": "public holiday", "sự kiện": "event", "mở thêm mùa ôn thi": "extra opening for exam season",
}  # fmt: skip
CLOSED_EN, OPEN_EN, DAY_OFF_EN = "special closure", "special opening", "holiday"
LONGEST_REASON = 120
DATED = ("closures", "openings")


class EditRefused(Exception):
    """The deed cannot be done as it is written; the message tells a librarian why and what to write."""


def apply(document: Document, deed: Deed) -> Document:
    """Return the document with the deed done; the one given stays as it is. Raises EditRefused."""
    do = _DEEDS.get(str(deed.get("do")))
    if do is None:
        raise EditRefused("Không rõ cần làm gì với lịch. Hãy quay lại trang lịch và làm lại.")
    try:
        changed = do(copy.deepcopy(document), deed)
    except (TypeError, AttributeError, KeyError, ValueError) as exc:  # no form of ours was sent
        raise EditRefused("Chưa hiểu thay đổi này. Hãy quay lại trang lịch và làm lại.") from exc
    try:
        calendar_of(changed)
    except CalendarError as exc:
        raise EditRefused(f"Lịch sau khi đổi không hợp lệ nên chưa lưu ({exc}).") from exc
    return changed


def describe(deed: Deed) -> str:
    """Return what the deed does, as the list of versions tells it."""
    what, about = str(deed.get("do")), str(deed.get("vi", ""))
    when = _between(deed)
    where = ", ".join([*deed.get("branches", ()), *deed.get("rooms", ())]) or "mọi nơi"
    told = {
        "close": f"Nghỉ {when} ({where}): {about}",
        "open": f"Giờ riêng {when} ({where}): {deed.get('hours')}",
        "drop": f"Bỏ mục {_entry_words(str(deed.get('key')))}",
        "weekly": f"Giờ hằng tuần của {deed.get('branch')} {deed.get('room') or ''}".rstrip(),
        "holiday": f"Ngày nghỉ lễ: {about}",
        "season": f"Mùa {deed.get('name')}: {deed.get('from')}–{deed.get('to')}",
        "restore": f"Quay lại bản {deed.get('number')}",
        "import": "Nhập từ tệp",
    }
    return told.get(what, what)


def _between(deed: Deed) -> str:
    first, last = deed.get("from"), deed.get("to")
    return _read(first) if not last or last == first else f"{_read(first)} đến {_read(last)}"


def _read(day: object) -> str:
    """Return 26/11/2026; of a day that is none what was typed."""
    try:
        return f"{date.fromisoformat(str(day)):%-d/%-m/%Y}"
    except ValueError:
        return str(day)


def _entry_words(key: str) -> str:
    """Return a dated entry's name as it is read: its first day and its places."""
    day, *places = key.split("|")
    return " ".join([_read(day), *(f"({place})" for place in places if place)])


def _close(document: Document, deed: Deed) -> Document:
    return _with_dated(document, "closures", _dated(document, deed, CLOSED_EN))


def _open(document: Document, deed: Deed) -> Document:
    hours = _hours(deed.get("hours", ""))
    entry = _dated(document, deed, OPEN_EN)
    return _with_dated(document, "openings", {**entry, "hours": hours})


def _with_dated(document: Document, part: str, entry: dict[str, Any]) -> Document:
    """Return the document with the entry; one of the same day and places gives way to it."""
    tree = tree_of({part: [], **document})
    tree[part][entry_key(entry)] = entry
    return document_of(tree)


def _dated(document: Document, deed: Deed, usual_en: str) -> dict[str, Any]:
    first = _day(deed.get("from"), "ngày đầu")
    last = _day(deed.get("to"), "ngày cuối") if deed.get("to") else first
    if last < first:
        raise EditRefused("Ngày cuối đứng trước ngày đầu. Hãy đổi lại hai ngày.")
    known = {
        str(branch["code"]): {str(room["code"]) for room in branch.get("rooms", ())} for branch in document["branches"]
    }
    branches, rooms = [*deed.get("branches", ())], [*deed.get("rooms", ())]
    here = [known[code] for code in (branches or known) if code in known]
    if set(branches) - known.keys() or set(rooms) - set().union(*here):
        raise EditRefused("Nơi này không có trong lịch. Hãy chọn lại chi nhánh hoặc phòng.")
    entry: dict[str, Any] = {"from": first}
    if last != first:
        entry["to"] = last
    if branches:
        entry["branches"] = branches
    if rooms:
        entry["rooms"] = rooms
    return {**entry, "reason": _words(deed, usual_en)}


def _drop(document: Document, deed: Deed) -> Document:
    part, key = str(deed.get("part")), str(deed.get("key"))
    tree = tree_of(document)
    if part not in (*DATED, "holidays", "monthly") or key not in tree.get(part, {}):
        raise EditRefused("Mục này không còn trong lịch: có lẽ đồng nghiệp vừa bỏ. Hãy mở lại trang lịch.")
    del tree[part][key]
    return document_of(tree)


def _weekly(document: Document, deed: Deed) -> Document:
    lines = [_line(document, line) for line in deed.get("lines", ())]
    tree = tree_of(document)
    branch = tree["branches"].get(str(deed.get("branch")))
    if branch is None:
        raise EditRefused("Không có chi nhánh này trong lịch.")
    if not (room_code := deed.get("room")):
        if not lines:
            raise EditRefused("Chi nhánh cần ít nhất một dòng giờ. Muốn nghỉ hẳn, hãy đặt lịch nghỉ theo ngày.")
        branch["weekly"] = lines
        return document_of(tree)
    room = branch.get("rooms", {}).get(str(room_code))
    if room is None:
        raise EditRefused("Chi nhánh này không có phòng ấy.")
    if lines:
        room["weekly"] = lines
    else:
        room.pop("weekly", None)  # the hours of its branch
    return document_of(tree)


def _line(document: Document, line: Mapping[str, Any]) -> dict[str, Any]:
    days = str(line.get("days", ""))
    try:
        days_of(days)
    except CalendarError as exc:
        raise EditRefused("Mỗi dòng giờ cần ít nhất một ngày trong tuần.") from exc
    season = line.get("season") or ""
    if season and season not in (document.get("seasons") or {}):
        raise EditRefused(f"Lịch không có mùa “{season}”.")
    found: dict[str, Any] = {"season": season} if season else {}
    found |= {"days": days, "hours": _hours(line.get("hours", ""))}
    if place := line.get("place"):
        found["place"] = {"vi": place["vi"], "en": place.get("en") or place["vi"]}
    return found


def _holiday(document: Document, deed: Deed) -> Document:
    kind, reason = str(deed.get("kind")), _words(deed, DAY_OFF_EN)
    if kind == "tet":
        around = {"before": _whole(deed.get("before")), "after": _whole(deed.get("after"))}
        entry, key = {"tet": around, "reason": reason}, "tet"
    elif kind in ("solar", "lunar"):
        entry, key = {kind: _day_month(deed.get("on", "")), "reason": reason}, f"{kind} {deed.get('on')}"
    else:
        raise EditRefused("Hãy chọn loại ngày nghỉ: dương lịch, âm lịch hay Tết.")
    tree = tree_of({"holidays": [], **document})
    tree["holidays"][key] = entry
    return document_of(tree)


def _season(document: Document, deed: Deed) -> Document:
    name = str(deed.get("name"))
    seasons = dict(document.get("seasons") or {})
    if name not in seasons:
        raise EditRefused(f"Lịch không có mùa “{name}”.")
    seasons[name] = {"from": _day_month(deed.get("from", "")), "to": _day_month(deed.get("to", ""))}
    return {**document, "seasons": seasons}


def _import(_document: Document, deed: Deed) -> Document:
    return dict(deed["document"])


_DEEDS: Mapping[str, Callable[[Document, Deed], Document]] = {
    "close": _close, "open": _open, "drop": _drop, "weekly": _weekly, "holiday": _holiday, "season": _season,
    "import": _import,
}  # fmt: skip


def day_words(days: Sequence[tuple[int, int]]) -> str:
    """Return the days as the file writes them: "tue-sun", "mon, wed", "sat#2"."""
    every = sorted(day for day, nth in days if not nth)
    runs: list[list[int]] = []
    for day in every:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = [DAY_NAMES[run[0]] + (f"-{DAY_NAMES[run[-1]]}" if len(run) > 1 else "") for run in runs]
    return ", ".join(words + [f"{DAY_NAMES[day]}#{nth}" for day, nth in sorted(days) if nth])


def _hours(text: object) -> str:
    """Return the hours as the file writes them, however they were typed: "7h30 - 11h30; 13h-17h"."""
    plain = re.sub(r"\s*(?:giờ|h|g)\s*", ":", str(text).strip().lower())
    plain = re.sub(r"[–—]|đến", "-", plain).replace(";", ",").replace(" và ", ", ")
    pieces = [_piece(piece) for piece in plain.split(",") if piece.strip()]
    hours = ", ".join(pieces)
    try:
        spans_of(hours)
    except CalendarError as exc:
        raise EditRefused(
            f"Chưa hiểu giờ “{text}”. Hãy viết như 7:30-11:30, 13:30-17:00, giờ sau nối tiếp giờ trước."
        ) from exc
    return hours


def _piece(piece: str) -> str:
    ends = [re.sub(r":$", ":00", end.strip()) for end in piece.split("-")]
    return "-".join(f"{end}:00" if end.isdigit() else end for end in ends)


def _day(value: object, name: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as exc:
        raise EditRefused(f"Chưa rõ {name}. Hãy chọn một ngày.") from exc


def _day_month(value: object) -> str:
    found = re.fullmatch(r"(\d{1,2})\s*[/.-]\s*(\d{1,2})", str(value).strip())
    if not found or not (1 <= int(found[1]) <= 31 and 1 <= int(found[2]) <= 12):
        raise EditRefused("Hãy viết ngày/tháng, như 30/4.")
    return f"{int(found[1])}/{int(found[2])}"


def _whole(value: object) -> int:
    if not re.fullmatch(r"\d{1,2}", str(value).strip()) or int(str(value)) > 30:
        raise EditRefused("Số ngày nghỉ trước và sau mùng 1 là số từ 0 đến 30.")
    return int(str(value))


def _words(deed: Deed, usual_en: str) -> dict[str, str]:
    vi = " ".join(str(deed.get("vi", "")).split())
    if not vi or len(vi) > LONGEST_REASON:
        raise EditRefused(f"Hãy viết lý do, không quá {LONGEST_REASON} ký tự: bạn đọc sẽ nghe đúng lời này.")
    return {"vi": vi, "en": " ".join(str(deed.get("en", "")).split()) or REASONS_EN.get(vi.lower(), usual_en)}
