"""A small library to talk about: records, copies, and curated answers beside the demo's; the same for every test."""

from __future__ import annotations

from datetime import date
from typing import Any

from library.model import ItemState, ItemStatus
from retrieval.answers import Answer
from retrieval.record import Contributor, Item, Link, Record

IN, OUT, HERE = ItemState.AVAILABLE, ItemState.ON_LOAN, ItemState.READING_ONLY
FICTION, CHILDREN, SHRIMPS = "895.922", "thiếu nhi", ("Nuôi trồng thuỷ sản",)
ABOUT_SHRIMPS = "Kỹ thuật ao nuôi, con giống, thức ăn và phòng bệnh cho tôm."


def book(
    record_id: str,
    title: str,
    author: str,
    shelf: str,
    subjects: tuple[str, ...],
    *,
    at: str = "MT CL",
    room: str = "muon",
    added_on: date = date(2025, 3, 1),
    **more: Any,
) -> Record:
    """Return a record with a copy at each branch named."""
    call_number, year = f"{shelf} / {title[:1]}100", more.get("year")
    items = (Item(f"{record_id}-{n}", branch, call_number, room) for n, branch in enumerate(at.split()))
    usual = {"language": "vie", "summary": f"Sách “{title}”.", "year_text": str(year or "")}
    return Record(
        record_id,
        title,
        contributors=(Contributor(author),) if author else (),
        classification=shelf,
        subjects=subjects,
        items=tuple(items),
        added_on=added_on,
        **(usual | more),
    )


NOVELS, FOR_CHILDREN = ("Tiểu thuyết", "Văn học Việt Nam"), ("Văn học thiếu nhi",)
YOUNG: dict[str, Any] = {"audience": CHILDREN, "room": "thieu_nhi"}
RECORDS = (
    book("so-do", "Số đỏ", "Vũ Trọng Phụng", FICTION, NOVELS, year=1998, at="MT MT CL"),
    book("giong-to", "Giông tố", "Vũ Trọng Phụng", FICTION, NOVELS, year=2005),
    book("so-hong", "Sổ đỏ: hỏi đáp về đất đai", "Trần Minh", "346.597", ("Luật đất đai",), year=2016),
    book("de-men", "Dế Mèn phiêu lưu ký", "Tô Hoài", FICTION, FOR_CHILDREN, added_on=date(2026, 11, 10), **YOUNG),
    book("kinh-van-hoa-1", "Kính vạn hoa", "Nguyễn Nhật Ánh", FICTION, FOR_CHILDREN, part="Tập 1", **YOUNG),
    book("kinh-van-hoa-2", "Kính vạn hoa", "Nguyễn Nhật Ánh", FICTION, FOR_CHILDREN, part="Tập 2", **YOUNG),
    book("mat-biec", "Mắt biếc", "Nguyễn Nhật Ánh", FICTION, ("Truyện dài",), year=2010),
    book("nha-gia-kim", "Nhà giả kim", "Paulo Coelho", "869.3", ("Tiểu thuyết",), year=2013),
    book("animal-farm", "Animal Farm", "George Orwell", "823", ("Satire",), language="eng", year=2008),
    book("ap-bac", "Báo Ấp Bắc", "", "079", ("Báo địa phương",), material="newspaper", at="MT", room="bao"),
    book("ky-yeu", "Kỷ yếu số hoá", "", "959.7", ("Địa chí",), at="", links=(Link("https://so.example/1", "Bản số"),)),
    *(
        book(f"tom-{n}", title, author, "639.68", SHRIMPS, year=year, at=at, summary=ABOUT_SHRIMPS)
        for n, (title, author, year, at) in enumerate(
            (
                ("Kỹ thuật nuôi tôm sú", "Phạm Văn Tình", 2004, "MT CL"),
                ("Nuôi tôm càng xanh ở mương vườn", "Nguyễn Việt Thắng", 1995, "MT"),
                ("Cẩm nang nuôi tôm", "Đoàn Văn Đẩu", 2001, "CL"),
                ("Nuôi tôm thẻ chân trắng", "Thái Bá Hồ", 2018, "MT SD"),
                ("Hỏi đáp về nuôi tôm", "Phạm Văn Tình", 2009, "MT"),
                ("Nuôi tôm kết hợp trồng lúa", "Lê Minh", 2021, "CL SD"),
                ("Phòng bệnh khi nuôi tôm", "Bùi Quang Tề", 2012, "MT"),
            ),
            1,
        )
    ),
)
DUE: dict[str, tuple[date | None, ...]] = {  # one entry a copy; None stands on its shelf
    "mat-biec": (date(2026, 12, 3), date(2026, 11, 28)),
    "so-do": (None, None, date(2026, 12, 1)),
}


def copies() -> dict[str, list[ItemStatus]]:
    """Return every copy where it is: on its shelf, out until a day, or read in the library."""
    return {record.record_id: [_copy(record, n, item) for n, item in enumerate(record.items)] for record in RECORDS}


def _copy(record: Record, n: int, item: Item) -> ItemStatus:
    due = DUE.get(record.record_id, (None,) * len(record.items))[n]
    state = OUT if due else HERE if record.material == "newspaper" else IN
    return ItemStatus(item.barcode, item.branch, item.call_number, state, due, item.room)


def answer(key: str, question: str, text: str, *phrasings: str, **more: Any) -> Answer:
    return Answer(key, "Chung", question, text, phrasings=phrasings, source="Nội quy 2026", **more)


HOLE = answer("thue-ao-dai", "Thuê áo dài giá bao nhiêu?", "Giá là {dress_fee}.", "thuê áo dài chụp ảnh tốn nhiêu")
OVER = answer(
    "thi-ve", "Hội thi vẽ tranh đăng ký ở đâu?", "Đăng ký ở quầy.", "thi vẽ tranh", valid_until=date(2026, 8, 31)
)
DRAFT = answer("robot", "Có cho mượn robot lắp ráp không?", "Bản nháp.", "mượn robot lắp ráp", "thuê robot")
