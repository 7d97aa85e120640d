"""Times, reasons, channels and states in the words of the console."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.clock import VIETNAM
from library import phrasing

CHANNELS = {"web": "Trang web", "telegram": "Telegram", "zalo": "Zalo"}
TICKET_REASONS = {
    "asked": "Bạn đọc gọi thủ thư",
    "offered": "Trợ lý mời, bạn đọc đồng ý",
    "distress": "Gấp: bạn đọc cần được giúp ngay",
    "danger": "Gấp: có nguy hiểm",
}
REMINDED = {"sent": "Đã gửi", "waiting": "Đang đợi tới lượt", "skipped": "Không gửi", "failed": "Gửi không tới"}
NOT_REMINDED = {
    "nothing": "không có gì mới để nhắc",
    "not asked for": "bạn đọc không muốn nữa, hoặc không còn thẻ",
    "shut": "kênh chưa cho thư viện nhắn",
    "costs": "kênh chưa cho thư viện nhắn",
    "lost": "bạn đọc đã chặn hoặc rời kênh",
    "in talk": "bạn đọc đang nói chuyện với thủ thư",
    "away": "hệ thống mượn trả không trả lời",
    "stale": "số liệu mượn trả đã cũ",
    "card unknown": "hệ thống mượn trả không còn thẻ này",
    "not supported": "hệ thống mượn trả không cho xem sách đang mượn",
    "too late": "qua ngày khác",
    "too_late": "kênh không nhận cho tới tối",
    "fault": "lỗi phần mềm, xem nhật ký máy chủ",
}
KINDS = {"praise": "Lời khen", "complaint": "Góp ý, phàn nàn"}
ATTACHMENTS = {"photo": "ảnh", "voice": "tin nhắn thoại", "sticker": "nhãn dán", "location": "vị trí"}
COMMANDS = {
    "start": "Mở cuộc trò chuyện",
    "menu": "Mở danh mục việc",
    "librarian": "Gọi thủ thư",
    "forget": "Yêu cầu xoá dữ liệu",
    "privacy": "Xem cách thư viện giữ dữ liệu",
    "export": "Lấy dữ liệu của mình",
}
_BUSY = "kênh đang bận"
_NETWORK = "chưa nối được với kênh"
_KEY = "kênh không nhận khoá của thư viện; nhờ người quản trị thay khoá"
_ACCOUNT = "tài khoản của thư viện trên kênh cần được mở lại; nhờ người quản trị"
_MONEY = "gói trả tiền trên kênh đã hết hoặc chưa đủ; nhờ người quản trị"
_SHAPE = "kênh không nhận dạng tin này"
# Why something was not sent, as the doors and the deliverer name it.
UNSENT = {
    "blocked": "bạn đọc đã chặn hoặc bỏ theo dõi thư viện",
    "gone": "tài khoản của bạn đọc không còn",
    "unreachable": "kênh báo không tới được bạn đọc này",
    "window_48h": "đã quá 48 giờ từ tin cuối của bạn đọc; gửi lúc này phải trả phí và thư viện chưa bật trả phí",
    "window_7d": "đã quá 7 ngày từ tin cuối của bạn đọc; kênh không cho gửi nữa",
    "door_closed": "kênh này không còn trong cài đặt",
    "fault": "thư viện vấp lỗi khi soạn tin này; nhờ người quản trị xem nhật ký",
    "person_answers": "thủ thư đã trả lời nên trợ lý thôi",
    "too_late": "đã thử suốt 24 giờ mà chưa gửi được",
    **dict.fromkeys(
        ("too_fast", "rate_limit", "send_failed", "conflict", "token_file_locked", "zalo_token_busy"), _BUSY
    ),
    **dict.fromkeys(("timeout", "network", "no_connection", "bad_answer", "zalo_token_no_answer"), _NETWORK),
    **dict.fromkeys(("token", "zalo_token", "zalo_token_refused", "zalo_token_file", "appsecret_proof"), _KEY),
    **dict.fromkeys(("account_disabled", "account_missing", "account_not_verified", "account_type"), _ACCOUNT),
    **dict.fromkeys(
        ("app_not_active", "app_not_registered", "app_removed", "not_authorised", "api_shut_down"), _ACCOUNT
    ),
    **dict.fromkeys(("quota_used_up", "package_too_small", "no_paying_account", "no_money"), _MONEY),
    **dict.fromkeys(("buttons", "no_buttons", "too_long", "empty", "bad_request"), _SHAPE),
}
ANSWER_DEEDS = {
    "imported": "Nhập từ tệp",
    "drafted": "Lưu nháp",
    "submitted": "Gửi duyệt",
    "returned": "Trả lại",
    "approved": "Duyệt",
    "scheduled": "Hẹn giờ phát hành",
    "unscheduled": "Bỏ hẹn giờ",
    "published": "Phát hành",
    "withdrawn": "Rút xuống",
    "archived": "Lưu trữ",
    "marked": "Đánh dấu cần xem lại",
}
UNREADABLE = {
    **dict.fromkeys(("not JSON", "not_json"), "không phải JSON"),
    **dict.fromkeys(("not an object", "no_object"), "không phải một gói có tên các phần"),
    "not_storable": "không lưu được",
}

OUTCOMES = {
    "answer": "Câu trả lời soạn sẵn",
    "search": "Tìm sách, có kết quả",
    "nothing_found": "Tìm sách, không có kết quả",
    "other": "Việc khác (giờ mở cửa, gia hạn, đặt giữ, chào hỏi…)",
    "which": "Hỏi lại bạn đọc muốn hỏi câu nào",
    "unknown": "Không hiểu hoặc chưa có câu trả lời",
    "handoff": "Chuyển thủ thư",
    "ils": "Hệ thống thư viện trục trặc",
    "refused": "Ngoài phạm vi",
}
TRAINING_STAGES = {
    "waiting": "Chờ đến lượt",
    "training": "Đang học các câu mẫu",
    "judging": "Đang chấm trên bộ câu thử",
}
TRAINING_ENDS = {"green": "Đạt", "red": "Chưa đạt", "failed": "Hỏng giữa chừng", "cancelled": "Đã dừng"}
TAUGHT = {
    "proposed": "Đã lưu. Nhờ một đồng nghiệp xem và bấm Đồng ý.",
    "approved": "Đã đồng ý. Trợ lý học câu này ở lần huấn luyện tới.",
    "dropped": "Đã bỏ câu đó.",
    "begun": "Bắt đầu huấn luyện.",
    "cancelled": "Đã dừng huấn luyện. Mô hình đang phục vụ không đổi.",
    "wished": "Mô hình được chọn đang khởi động, chừng một phút nữa sẽ phục vụ.",
}


def channel(name: str) -> str:
    return CHANNELS.get(name, name)


def ticket_reason(word: str) -> str:
    return TICKET_REASONS.get(word, word)


def reminder(state: str, why: str) -> str:
    """Return what became of a reminder."""
    said = REMINDED.get(state, state)
    return f"{said}: {NOT_REMINDED.get(why) or unsent(why)}" if why else said


def unsent(word: str | None) -> str:
    """Return why a message was not sent, in plain words; the door's own word where there are none."""
    return UNSENT.get(word or "", f"kênh không nhận tin này ({word})" if word else "chưa rõ lý do")


def parked(word: str) -> str:
    """Return why a delivery could not be read: in plain words, or by the name of the part that is missing or odd."""
    return UNREADABLE.get(word, f"thiếu hoặc lạ ở phần {word}")


def gesture(kind: str, text: str) -> str:
    """Return what a patron did other than write: 'Bấm nút “Tìm sách”', 'Gửi ảnh'; nothing for written words."""
    if kind == "payload":
        return f"Bấm nút “{text}”" if text else "Bấm nút"
    if kind == "attachment":
        return f"Gửi {ATTACHMENTS.get(text, 'tệp')}"
    return COMMANDS.get(text.partition(" ")[0], f"Dùng lệnh “{text}”") if kind == "command" else ""


def size(count: int) -> str:
    """Return '812 byte' or '12 kB'."""
    return f"{count} byte" if count < 1000 else f"{count / 1000:.0f} kB"


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


def percent(share: float) -> str:
    """Return '97,1 %'."""
    return f"{100 * share:.1f}".replace(".", ",") + " %"


def model(name: str, first: str) -> str:
    """Return what a model is called: by the training that made it, or as the one that came with the release."""
    number = name.removeprefix("taught-").removesuffix(".tar.gz")
    return "Mô hình theo bản phát hành" if name == first or not number.isdigit() else f"Mô hình lượt {number}"


def writer(name: str) -> str:
    """Return who wrote or did something to an answer; what came from files or was done by itself has no name."""
    return {"import": "tệp nhập", "auto": "tự động"}.get(name, name)
