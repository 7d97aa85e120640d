"""The numbers as tables in words: what the screen shows, the files hold and the report prints."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.console import wording
from connectors.numbers.daily import LONGER
from connectors.numbers.intervals import Change, Share
from connectors.numbers.overview import Figure, Overview, wait_within

Value = str | int | float
MOST_ROWS = 200
TOO_FEW = "chưa đủ số liệu"
WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """A figure as it is read: the number, that of the period before, and what may be said of the change."""

    name: str
    now: str
    before: str
    change: str
    hint: str


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Value]]
    empty: str = "Chưa có gì trong kỳ này."


def lines(seen: Overview) -> list[Line]:
    return [
        line("Lượt trò chuyện", seen.visits, "mỗi lượt là một lần bạn đọc nhắn, không nghỉ quá 30 phút"),
        line("Tin của bạn đọc", seen.messages, "mọi tin trong các lượt ấy"),
        line("Xong việc", seen.resolved, "kết thúc bằng câu trả lời, không hỏi lại, không cần thủ thư"),
        line("Hỏi lại trong 10 phút", seen.asked_again, "hỏi gần như cùng một câu"),
        line("Chuyển thủ thư", seen.handed, "có phiếu gọi thủ thư"),
        line("Bạn đọc thấy có ích", seen.helped, "trong những lần bạn đọc bấm 👍 hay 👎 trên trang web"),
        line("Ngoài giờ mở cửa", seen.while_closed, "bắt đầu lúc không cơ sở nào mở cửa"),
    ]


def line(name: str, figure: Figure, hint: str) -> Line:
    return Line(name, _number(figure.now), _number(figure.before), _change(figure), hint)


def tables(seen: Overview, names: Mapping[str, str]) -> list[Table]:
    """Return every table; `names` are the answers in use, by key."""
    used = dict(seen.answers)
    return [
        Table("channels", "Theo kênh", ("Kênh", "Lượt"), [(wording.channel(c), n) for c, n in seen.by_channel.items()]),
        Table(
            "outcomes",
            "Tin của bạn đọc dẫn tới đâu",
            ("Kết quả", "Tin"),
            [(wording.OUTCOMES.get(k, k), n) for k, n in seen.outcomes.items()],
        ),
        Table(
            "called",
            "Vì sao chuyển thủ thư",
            ("Lý do", "Lần"),
            [(wording.TICKET_REASONS.get(r, r), n) for r, n in seen.called.items()],
        ),
        Table(
            "answers",
            "Câu trả lời được dùng",
            ("Câu trả lời", "Lượt"),
            [(names.get(k, k), n) for k, n in seen.answers][:MOST_ROWS],
        ),
        Table(
            "unused",
            "Câu trả lời không ai hỏi tới",
            ("Câu trả lời",),
            [(name,) for key, name in sorted(names.items(), key=lambda each: each[1]) if key not in used][:MOST_ROWS],
            "Câu nào cũng có người hỏi.",
        ),
        Table(
            "not_held",
            "Sách bạn đọc hỏi mà thư viện chưa có",
            ("Nhan đề, như bạn đọc gõ", "Người hỏi"),
            seen.not_held,
            "Chưa có nhan đề nào được từ hai cuộc trò chuyện trở lên hỏi.",
        ),
        Table(
            "waits",
            "Bạn đọc chờ bao lâu",
            ("Chờ ai", "Một nửa số lần, trong", "Chín phần mười, trong", "Số lần"),
            _waits(seen),
        ),
        Table("days", "Lượt trò chuyện theo ngày", ("Ngày", "Lượt"), [(day.isoformat(), n) for day, n in seen.by_day]),
        Table("when", "Giờ trong ngày, ngày trong tuần (lượt)", ("Giờ", *WEEKDAYS), _when(seen)),
    ]


def reminders(found: Mapping[tuple[str, str], int]) -> Table:
    """Return what became of the reminders that patrons asked for."""
    said = Counter[str]()
    for (state, why), number in found.items():
        said[wording.reminder(state, why)] += number
    rows = sorted(said.items(), key=lambda each: (-each[1], each[0]))
    return Table("reminders", "Lời nhắc bạn đọc đã bật", ("Việc ra sao", "Lượt"), rows)


def as_csv(seen: Overview, names: Mapping[str, str]) -> bytes:
    """Return all tables under each other, in UTF-8 with the mark by which Excel knows it."""
    out = io.StringIO()
    writer = csv.writer(out)
    for rows in _sheets(seen, names).values():
        writer.writerows([_inert(value) for value in row] for row in rows)
        writer.writerow([])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(seen: Overview, names: Mapping[str, str]) -> bytes:
    """Return a workbook, one sheet a table."""
    from openpyxl import Workbook  # takes a fifth of a second, of which a gateway that starts again has none to spare

    book, out = Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for name, rows in _sheets(seen, names).items():
        sheet = book.create_sheet(name)
        for row in rows[1:]:
            sheet.append([_inert(value) for value in row])
        sheet.column_dimensions["A"].width = 48
    book.save(out)
    return out.getvalue()


def _sheets(seen: Overview, names: Mapping[str, str]) -> dict[str, list[Sequence[Value]]]:
    period = seen.period
    told: list[Sequence[Value]] = [(line.name, line.now, line.before, line.change) for line in lines(seen)]
    head = ("Số liệu", f"{period.begin} đến {period.last}", "kỳ trước", "thay đổi, khoảng tin cậy 95 %")
    sheets: dict[str, list[Sequence[Value]]] = {"tong-quan": [("Tổng quan",), head, *told]}
    for table in tables(seen, names):
        sheets[table.name] = [(table.title,), table.head, *table.rows]
    return sheets


def _inert(value: Value) -> Value:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _number(value: int | Share) -> str:
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".")
    return f"{wording.percent(value.value)} ({value.part}/{value.whole})" if value.value is not None else TOO_FEW


def _change(figure: Figure) -> str:
    if (change := figure.change) is None:
        return TOO_FEW
    if not change.sure:
        return f"chưa chắc có đổi ({_range(figure, change)})"
    way = "tăng" if change.value > 0 else "giảm"
    return f"{way} {_part(figure, abs(change.value))} ({_range(figure, change)})"


def _range(figure: Figure, change: Change) -> str:
    return f"từ {_part(figure, change.low)} đến {_part(figure, change.high)}"


def _part(figure: Figure, value: float) -> str:
    if isinstance(figure.now, Share):
        return f"{100 * value:.1f} điểm".replace(".", ",")
    return f"{100 * value:.0f} %"


def _waits(seen: Overview) -> list[Sequence[Value]]:
    both = (("Trợ lý", seen.answer_wait), ("Thủ thư, từ lúc gọi", seen.person_wait))
    return [
        (who, _within(waits, 0.5), _within(waits, 0.9), sum(waits.values()))
        for who, waits in both
        if sum(waits.values())
    ]


def _within(waits: Mapping[int, int], part: float) -> str:
    seconds = wait_within(waits, part)
    if seconds is None:
        longest = max((bound for bound in waits if bound != LONGER), default=0)
        return f"lâu hơn {_lasting(longest)}" if longest else "lâu hơn mức đo được"
    return _lasting(seconds)


def _lasting(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} giây"
    span = timedelta(seconds=seconds)
    return f"{span // timedelta(minutes=1)} phút" if seconds < 7200 else f"{span // timedelta(hours=1)} giờ"


def _when(seen: Overview) -> list[Sequence[Value]]:
    hours = sorted({hour for _, hour in seen.when})
    if not hours:
        return []
    return [
        (f"{hour} giờ", *(seen.when.get((weekday, hour), 0) for weekday in range(7)))
        for hour in range(hours[0], hours[-1] + 1)
    ]
