"""Who says what: ten patrons at each of three doors, and what each of their lines must bring about.

Every line carries a mark, as "~telegram.waits/w2", and the scripted dialogue repeats it: so a bubble tells to whom and
to which line it belongs, wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.messages import sentence

RENEWED, UNKNOWN, EXPIRED, NOTHING_OPEN = "Đã gia hạn", "Chưa rõ kết quả", "Câu hỏi đã cũ", "Không có gì để xác nhận"
ASKS, HELD, UNHELD, TICKET, THANKS = "Gia hạn nhé?", "Đã giữ chỗ", "Đã bỏ giữ chỗ", "Đã mở phiếu", "Cảm ơn bạn"
FORGOTTEN, CHOSEN, LONG = "Đã xoá", "Bạn chọn việc đó", "Câu 1"
FIRST_CONTACT = "Mình là trợ lý tự động."
WAIT, BACK, WELCOME = (sentence(key, "vi") for key in ("wait", "back_to_assistant", "welcome"))
FALLBACK, NOTHING_SAID, PHOTO = (sentence(key, "vi") for key in ("fallback", "nothing_said", "attachment_photo"))
GATEWAY_SAYS = frozenset({FALLBACK, NOTHING_SAID, PHOTO})  # finals without a mark: the dialogue had no part in them
YES, SENTENCES, CHOICES = "Ừ", 90, 9


@dataclass(frozen=True)
class Line:
    """What a patron does, `after_s` after the line before and, with `when`, once a bubble was shown that begins so.

    `words` are said; `presses` names the choice that is pressed instead, wherever it is shown. `tells` are the answers
    that are right; none: a person has the conversation, and the assistant says nothing.
    """

    name: str
    words: str
    tells: tuple[str, ...]
    after_s: float = 0.3
    when: tuple[str, ...] = ()
    presses: str = ""
    twice: bool = False
    late: bool = False  # its webhook first comes after an hour
    blocks: bool = False  # the patron shuts us out right after it, and is back at the next line
    heard: bool = True  # the dialogue remembers it


@dataclass(frozen=True)
class Patron:
    door: str
    role: str
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        return f"{self.door}.{self.role}"

    @property
    def mixed(self) -> bool:
        """Whether this patron's webhooks may come in another order than they were sent."""
        return self.role in ("waits", "complains", "sends")

    def mark(self, line: Line) -> str:
        return f"~{self.name}/{line.name}"


def said(words: str) -> str:
    return f"Bạn nói: {words}"


ROLES: Mapping[str, tuple[Line, ...]] = {
    "renews": (
        Line("r1", "chào", (said("chào"),), 0.0),
        Line("r2", "gia hạn", (ASKS,), 0.2, twice=True),
        Line("r3", "", (RENEWED, EXPIRED), 0.4, when=(ASKS,), presses=YES, twice=True),
        Line("r4", "ừ", (NOTHING_OPEN,), 0.1, when=(RENEWED, EXPIRED)),
        Line("r5", "trống", (NOTHING_SAID,), 0.1),
    ),
    "waits": (
        Line("w1", "gia hạn", (ASKS,), 0.1),
        Line("w2", "ừ", (RENEWED, UNKNOWN, EXPIRED), 0.1, when=(ASKS,), twice=True),
        Line("w3", "giữ chỗ", (HELD,), 0.2),
        Line("w4", "vắng", (said("vắng"),), 0.5, when=(HELD,)),
        Line("w5", "bỏ giữ chỗ", (UNHELD,), 0.1, twice=True),
        Line("w6", "gặp thủ thư", (TICKET,), 0.1),
    ),
    "complains": (
        Line("c1", "góp ý", (THANKS,), 0.05),
        Line("c2", "chậm", (said("chậm"),), 0.1),
        Line("c3", "gặp thủ thư", (TICKET,), 0.1, twice=True),
        Line("c4", "hỏng", (FALLBACK,), 0.1, heard=False),
        Line("c5", "gia hạn", (ASKS,), 0.3),
        Line("c6", "ừ", (RENEWED, EXPIRED), 0.1, when=(ASKS,)),
    ),
    "forgets": (
        Line("f1", "chào", (said("chào"),), heard=False),
        Line("f2", "quên tôi", (FORGOTTEN,), when=(said("chào"),), heard=False),
        Line("f3", "chào lại", (said("chào lại"),), 0.01, twice=True),
    ),
    "handed": (
        Line("h1", "gặp thủ thư", (TICKET,)),
        Line("h2", "dạ", (), 1.0, when=("Thủ thư",), heard=False),
        Line("h3", "chào", (said("chào"),), when=(BACK,)),
    ),
    "beside": (
        Line("b1", "chào", (said("chào"),)),
        Line("b2", "dạ", (), 60.0, when=("Thủ thư",), heard=False),
        Line("b3", "chào lại", (said("chào lại"),), when=(BACK,)),
    ),
    "chooses": (
        Line("n1", "dài", (LONG,)),
        Line("n2", "", (CHOSEN,), when=(LONG,), presses=f"Việc {CHOICES}"),
        Line("n3", "chậm", (said("chậm"),), when=(CHOSEN,)),
        Line("n4", "chào", (said("chào"),), 1.2),
        Line("n5", "chào lại", (CHOSEN, said("chào lại")), 0.2, presses="Việc 1"),
    ),
    "blocks": (
        Line("k1", "chào", (said("chào"),)),
        Line("k2", "mất", (said("mất"),), when=(said("chào"),), blocks=True),
        Line("k3", "chào lại", (said("chào lại"),), 300.0),
    ),
    "sends": (
        Line("s1", "(ảnh)", (PHOTO,), heard=False),
        Line("s2", "muộn", (said("muộn"),), late=True),
        Line("s3", "chào", (said("chào"),)),
    ),
}
ROLES = {**ROLES, "hurries": tuple(replace(one, after_s=0.05) for one in ROLES["complains"])}
DOORS = ("web", "telegram", "zalo")
PATRONS: Mapping[str, Patron] = {
    patron.name: patron for door in DOORS for patron in (Patron(door, role, lines) for role, lines in ROLES.items())
}
CHOOSES = {"r2": "r3", "w1": "w2", "c5": "c6"}  # the line whose mark the button of a question carries
LOANS = {name: f"loan of {name}" for name in PATRONS}
LOSES_REPLY_OF = frozenset(LOANS[f"{door}.waits"] for door in DOORS)
LIBRARIAN = ("handed", "beside")  # whom a librarian answers; those of "beside" at Zalo in Zalo's own console


def librarian_says(patron: Patron) -> str:
    return f"Thủ thư đây, bạn cần gì? {patron.mark(patron.lines[0])}"


def of_mark(mark: str) -> tuple[Patron, Line]:
    """Return whose line a mark (without its "~") stands for."""
    name, _, line_name = mark.partition("/")
    patron = PATRONS[name]
    return patron, next(line for line in patron.lines if line.name == line_name)
