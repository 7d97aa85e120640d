"""A small library to try adapters and doors on: who has what, and a clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from connectors.clock import VIETNAM
from connectors.ils.rules import OpenDay, every_day
from connectors.ils.sqlite import SQLiteILS
from connectors.ils.sqlite_load import ItemRow, PatronFile, load_library

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=VIETNAM)  # a Tuesday
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

SO_DO, MAT_BIEC, NHA_GIA_KIM, CHI_PHEO, TAT_DEN, AP_BAC = "r1", "r2", "r3", "r4", "r5", "r6"
COPIES = (
    ItemRow(SO_DO, "Số đỏ", "D1", "MT", "895.922 S", "mượn"),
    ItemRow(SO_DO, "Số đỏ", "D2", "CL", "895.922 S", "mượn"),
    ItemRow(MAT_BIEC, "Mắt biếc", "D3", "MT", "895.922 M", "mượn"),
    ItemRow(NHA_GIA_KIM, "Nhà giả kim", "D4", "CL", "869.3 N", "mượn"),
    ItemRow(CHI_PHEO, "Chí Phèo", "D5", "SD", "895.922 C", "mượn"),
    ItemRow(CHI_PHEO, "Chí Phèo", "D6", "SD", "895.922 C", "mượn", reading_only=True),
    ItemRow(TAT_DEN, "Tắt đèn", "D7", "MT", "895.922 T", "mượn"),
    ItemRow(AP_BAC, "Ấp Bắc", "D8", "MT", "079 A", "báo", reading_only=True),
)
BRANCHES = (
    {"code": "MT", "name": "Mỹ Tho", "name_en": "My Tho"},
    {"code": "CL", "name": "Cao Lãnh", "name_en": "Cao Lanh"},
    {"code": "SD", "name": "Sa Đéc", "name_en": "Sa Dec"},
    {"code": "LD", "name": "Xe lưu động", "name_en": "Mobile library", "pickup": False},
)
PIN = "135790"


def reader(number: int, **more: Any) -> dict[str, Any]:
    """Return an adult's card DT00000<number>, with what is said of it."""
    usual = {"card": f"DT00000{number}", "pin": PIN, "name": f"Bạn đọc {number}", "category": "người lớn", "home": "MT"}
    return usual | more


def lent(title: str, due_in_days: int, renewals: int = 0) -> dict[str, Any]:
    return {"title": title, "due_in_days": due_in_days, "renewals": renewals}


def kept(title: str, pickup: str = "MT", **more: Any) -> dict[str, Any]:
    return {"title": title, "pickup": pickup, **more}


LAN = reader(1, name="Nguyễn Thị Lan", loans=[lent("Mắt biếc", 9), lent("Số đỏ", 3)])
AN = reader(
    2,
    name="Trần Văn An",
    loans=[lent("Nhà giả kim", 5)],
    holds=[kept("Mắt biếc"), kept("Tắt đèn", status="ready", kept_for_days=2)],
    fees=[{"reason": "Làm lại thẻ", "amount_vnd": 10000}],
)


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Library:
    path: Path
    clock: Clock
    ils: SQLiteILS


def open_library(
    folder: Path, *readers: dict[str, Any], copies: tuple[ItemRow, ...] = COPIES, open_day: OpenDay = every_day
) -> Library:
    """Return a library with these readers, or with Lan and An."""
    path, clock = folder / "ils.sqlite", Clock()
    file = PatronFile.model_validate({"branches": BRANCHES, "patrons": readers or (LAN, AN)})
    load_library(path, copies, file, clock().date(), next_open_day=open_day, hasher=QUICK)
    return Library(path, clock, SQLiteILS(path, clock, next_open_day=open_day, hasher=QUICK, patience_s=0.05))
