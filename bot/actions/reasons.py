"""Why the library system said no, in short pieces that lists are built from, and what helps.

Responses of the domain cannot be joined into one list, so these pieces stand here and not in `bot/domain`.
"""

from __future__ import annotations

from collections.abc import Mapping

from library.model import Refusal
from library.phrasing import Lang, Words

WHY: dict[Refusal, Words] = {
    Refusal.ON_HOLD: Words("có bạn khác đang chờ", "someone else is waiting for it"),
    Refusal.TOO_MANY_RENEWALS: Words("đã gia hạn đủ số lần", "it has been renewed as often as it can be"),
    Refusal.TOO_SOON: Words("còn sớm quá, gần hạn mới gia hạn được", "it is too early; try nearer the due date"),
    Refusal.OVERDUE: Words("bạn có sách đang quá hạn", "something on your card is overdue"),
    Refusal.CARD_EXPIRED: Words("thẻ bạn đọc đã hết hạn", "the library card has expired"),
    Refusal.CARD_RESTRICTED: Words("thẻ đang tạm khoá", "the card is blocked for now"),
    Refusal.IN_DEBT: Words("thẻ còn khoản phí chưa đóng", "there are unpaid charges on the card"),
    Refusal.TOO_MANY_HOLDS: Words("bạn đã đặt giữ đủ số cuốn cho phép", "you have as many holds as you can have"),
    Refusal.ALREADY_ON_HOLD: Words("bạn đã đặt giữ cuốn này rồi", "you already have it on hold"),
    Refusal.ALREADY_ON_LOAN: Words("bạn đang mượn chính cuốn này", "you have it on loan already"),
    Refusal.AVAILABLE_NOW: Words("sách đang có sẵn trên kệ", "a copy is on the shelf now"),
    Refusal.NOT_HOLDABLE: Words("cuốn này thư viện không nhận đặt giữ", "this one cannot be reserved"),
    Refusal.NOT_FOUND: Words("hệ thống không còn thấy cuốn này", "the system no longer finds it"),
    Refusal.NOT_YOURS: Words("cuốn này không nằm trên thẻ của bạn", "it is not on your card"),
    Refusal.AT_DESK: Words("cuốn này chỉ làm được tại quầy", "this one can only be done at the desk"),
    Refusal.NO_ANSWER: Words("hệ thống thư viện ngừng trả lời giữa chừng", "the library's system stopped answering"),
    Refusal.UNKNOWN: Words("hệ thống không nói rõ lý do", "the system does not say why"),
}

HELP: dict[Refusal, Words] = {
    Refusal.OVERDUE: Words("Bạn trả cuốn quá hạn trước nhé.", "Please bring the overdue one back first."),
    Refusal.CARD_EXPIRED: Words(
        "Bạn gia hạn thẻ ở quầy là làm tiếp được.", "Renew the card at the desk and we can go on."
    ),
    Refusal.CARD_RESTRICTED: Words("Thủ thư mở lại giúp bạn được.", "A librarian can unblock it for you."),
    Refusal.IN_DEBT: Words("Bạn đóng ở quầy là làm tiếp được.", "Pay at the desk and we can go on."),
    Refusal.TOO_MANY_HOLDS: Words("Bạn huỷ bớt một cuốn rồi đặt lại nhé.", "Cancel one of them, then try again."),
    Refusal.AVAILABLE_NOW: Words("Bạn ghé lấy luôn được.", "You can come and take it."),
    Refusal.AT_DESK: Words("Bạn mang sách ra quầy giúp mình nhé.", "Please bring the book to the desk."),
    Refusal.NO_ANSWER: Words("Ít phút nữa bạn thử lại nhé.", "Please try again in a few minutes."),
    Refusal.UNKNOWN: Words("Để thủ thư xem giúp bạn nhé.", "A librarian can look into it."),
}

# Of a loan some reasons are said of the book itself. {due} is when to bring it back: "trước 24/11", "sớm".
WHY_NOT_RENEWED: dict[Refusal, Words] = WHY | {Refusal.OVERDUE: Words("sách đã quá hạn", "it is overdue")}
HELP_TO_RENEW: dict[Refusal, Words] = HELP | {
    Refusal.ON_HOLD: Words("Bạn trả {due} giúp thư viện nhé.", "Please bring it back {due}."),
    Refusal.OVERDUE: Words("Bạn trả {due} giúp thư viện nhé.", "Please bring it back {due}."),
    Refusal.TOO_MANY_RENEWALS: Words(
        "Bạn trả {due} nhé; trả xong vẫn mượn lại được nếu không ai chờ.",
        "Please bring it back {due}; you may borrow it again if nobody waits.",
    ),
}


def no_hold(refusal: Refusal | None, lang: Lang) -> tuple[str, str]:
    """Return why a hold was refused, as a clause, and what helps, as a sentence or ''."""
    return _told(WHY, HELP, refusal, lang)


def no_renewal(refusal: Refusal | None, lang: Lang, due: str) -> tuple[str, str]:
    """Return why a loan was not renewed, as a clause, and what helps, as a sentence or ''."""
    reason, remedy = _told(WHY_NOT_RENEWED, HELP_TO_RENEW, refusal, lang)
    return reason, remedy.format(due=due)


def _told(
    reasons: Mapping[Refusal, Words], remedies: Mapping[Refusal, Words], refusal: Refusal | None, lang: Lang
) -> tuple[str, str]:
    because = refusal or Refusal.UNKNOWN
    return reasons[because].to(lang), remedies[because].to(lang) if because in remedies else ""
