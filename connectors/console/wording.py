"""Times, reasons and channels in the words of the console."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.clock import VIETNAM
from library import phrasing

CHANNELS = {"web": "Trang web", "telegram": "Telegram", "zalo": "Zalo"}
REASONS = {"distress": "Gấp: bạn đọc cần được giúp ngay", "danger": "Gấp: có nguy hiểm"}
KINDS = {"praise": "Lời khen", "complaint": "Góp ý, phàn nàn"}
ATTACHMENTS = {"photo": "ảnh", "voice": "tin nhắn thoại", "sticker": "nhãn dán", "location": "vị trí"}


def moment(at: datetime, now: datetime) -> str:
    """Return '9 giờ 05, hôm nay' or '9 giờ 05, thứ Bảy 28/11'."""
    local, today = at.astimezone(VIETNAM), now.astimezone(VIETNAM).date()
    near = phrasing.relative_name(local.date(), today)
    day = near.vi if near else phrasing.full_date(local.date(), today=today)
    return f"{phrasing.clock(local.time())}, {day}"


def waited(since: datetime, now: datetime) -> str:
    """Return 'chưa đầy 1 phút', '12 phút', '2 giờ 5 phút' or '3 ngày 4 giờ'."""
    minutes = int((now - since) / timedelta(minutes=1))
    if minutes < 1:
        return "chưa đầy 1 phút"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "ngày"), (hours, "giờ"), (minutes, "phút"))
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2])
