"""Words of self-harm or danger, whatever intent they were taken for. `LibraryAction.run` listens for them."""

from __future__ import annotations

import re
from enum import Enum

from bot.actions.wording import says_any
from library.phrasing import Words
from library.text import fold, nfc

# The country's own lines, for a library that has set none.
NATIONAL_LINES = Words(
    "cấp cứu 115, công an 113, cứu hoả 114, bảo vệ trẻ em 111",
    "ambulance 115, police 113, fire 114, child protection 111",
)

_I = r"(?:tôi|tui|mình|em|con|cháu|tao|tau|tớ|anh|chị|i)"
_SELF_HARM = (
    rf"{_I}(?: (?:chỉ|cũng|rất|thật sự|thực sự|đang|ước gì|lại))* (?:muốn|định|sẽ|sắp) chết",
    r"(?:muốn|định|sẽ|sắp|nghĩ đến|ý định) (?:tự tử|tự sát|tự vẫn|tự hại|tự làm đau)",
    r"muốn chết (?:đi|quách|cho xong|cho rồi|luôn cho)",
    r"(?:không|chẳng|hết) (?:còn )?(?:muốn|thiết) sống(?! (?:xa|ở|chung|cùng|như|với|một mình)\b)",
    r"sống (?:làm gì nữa|không nổi nữa|để làm gì)",
    r"(?:chán sống|kết liễu|kết thúc (?:cuộc đời|cuộc sống|tất cả))",
    r"(?:rạch tay|cắt tay (?:mình|em|tôi|con|tự)|cắt cổ tay|nhảy lầu|nhảy cầu|uống thuốc (?:sâu|chuột|ngủ tự)|treo cổ)",
    rf"{_I} (?:bị|đang bị)(?: \w+){{0,2}} (?:đánh(?! dấu| giá| mất| rơi)|bạo hành|xâm hại|hiếp|quấy rối|bắt cóc|nhốt)",
    r"(?:kill|hurt|harm) myself|(?:want|going) to die|end my life|suicidal|commit suicide",
)
_DANGER = (
    r"(?:đang|bị|có|phát|bốc) (?:cháy|hoả hoạn)(?! hàng)|cháy (?:rồi|nhà|phòng|kho)|bốc khói|khói mù",
    r"cứu (?:tôi|tui|em|con|cháu|mình|người|với)(?! (?:bài|vụ|cái|deadline|môn)\b)",
    r"(?:bị |có người |ai đó |đang )(?:ngất|bất tỉnh|co giật|điện giật|đuối nước|đột quỵ|ngưng thở|khó thở)",
    r"(?:cầm|mang) (?:dao|súng|hung khí)|có bom|đặt bom|đe doạ giết|doạ giết",
    r"(?:there is a|there s a|on) fire|someone (?:collapsed|is hurt|fainted)|(?:has|with) a (?:gun|knife|bomb)",
    r"call an ambulance",
)
# A title or a topic is no cry for help: "sách về tự tử".
_ABOUT_BOOKS = re.compile(
    r"\b(?:sach|truyen|cuon|quyen|phim|tac pham|tai lieu|book|books|novel) (?:\w+ )?(?:ve|ten|about)\b"
    r"|^(?:\w+ ){0,3}(?:co|tim) (?:cuon|quyen|truyen) (?=[^,.;\n]*$)"
)


class Danger(Enum):
    SELF_HARM = "distress"
    BUILDING = "danger"


def danger_in(text: str) -> Danger | None:
    """Return what kind of help the words cry for, or None."""
    if about := _ABOUT_BOOKS.search(fold(text)):
        text = nfc(text)[: about.start()]
    if says_any(_SELF_HARM, text):
        return Danger.SELF_HARM
    return Danger.BUILDING if says_any(_DANGER, text) else None
