"""What patrons shorten, written out: teencode, abbreviations and slips, each in the company that settles its meaning.

`expand` sees the folded words around one, because "cn" is Sunday, a branch or technology, and "mk" is I or a password.
"""

from collections.abc import Callable, Sequence

_ALWAYS = {
    "ko": "không", "kô": "không", "k0": "không", "hok": "không", "hông": "không", "hem": "không", "hk": "không",
    "khum": "không", "khg": "không", "khôg": "không", "hổng": "không",
    "dc": "được", "đc": "được", "dx": "được", "đuoc": "được", "đươc": "được",
    "j": "gì", "ji": "gì", "gj": "gì", "zì": "gì", "zi": "gì",
    "zậy": "vậy", "zay": "vậy", "dzậy": "vậy", "vj": "vậy", "vayk": "vậy",
    "rùi": "rồi", "ròi": "rồi", "roài": "rồi", "mik": "mình", "mìk": "mình", "mjk": "mình", "mjnh": "mình",
    "bik": "biết", "bít": "biết", "thik": "thích", "thix": "thích",
    "sdt": "số điện thoại", "sđt": "số điện thoại", "đt": "điện thoại", "tv": "thư viện", "tvien": "thư viện",
    "nv": "nhân viên", "sv": "sinh viên", "hs": "học sinh", "gv": "giáo viên", "ng": "người", "ngta": "người ta",
    "vs": "với", "lm": "làm", "ntn": "như thế nào", "nhtn": "như thế nào", "tn": "thế nào", "cx": "cũng", "cug": "cũng",
    "cũg": "cũng", "nx": "nữa", "wá": "quá", "wa": "quá", "qá": "quá", "iu": "yêu", "mún": "muốn",
    "nhìu": "nhiều", "nhiu": "nhiêu", "nhju": "nhiêu", "bnhiu": "bao nhiêu", "bnhieu": "bao nhiêu",
    "bnhiêu": "bao nhiêu", "zô": "vô", "dzô": "vô", "zui": "vui", "thui": "thôi", "lun": "luôn", "mn": "mọi người",
    "bh": "bây giờ", "bjo": "bây giờ", "hnay": "hôm nay", "hnai": "hôm nay", "hqua": "hôm qua", "nmai": "ngày mai",
    "tgian": "thời gian", "trc": "trước", "trk": "trước", "nhg": "nhưng", "nhưg": "nhưng", "đg": "đang", "dag": "đang",
    "đag": "đang", "kím": "kiếm", "đki": "đăng ký", "đky": "đăng ký", "dki": "đăng ký", "dky": "đăng ký",
    "qđ": "quy định", "tks": "cảm ơn", "thks": "cảm ơn", "thx": "cảm ơn", "camon": "cảm ơn",
    "oke": "ok", "okie": "ok", "oki": "ok", "okê": "ok", "okela": "ok", "uk": "ừ", "uh": "ừ", "uhm": "ừ", "ừm": "ừ",
    "hiu": "hiểu", "nhaz": "nha", "nka": "nha", "nhoa": "nha", "ik": "đi", "đj": "đi", "mí": "mấy", "ms": "mới",
    "gh": "gia hạn", "tvtt": "thư viện tỉnh",
}  # fmt: skip


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_PARTICLES = _words("a ạ ad vay z v ta nhi nhe nha ban b bn oi roi r the nua")
_BRANCHES = frozenset({"my", "mytho", "cao", "caolanh", "sa", "sadec"})
_SCIENCE = _words("vitamin ngon ngu lap trinh python matlab ky tu chu cai generation gen plan phuong an hang loai")
_AFTER_PASSWORD = _words("sai cua moi cu the dang nhap gom")
_BEFORE_PASSWORD = _words("quen doi pin va nhap lay cap lai mat dat reset ma xem cai")
_MUCH = _words("tien ngay cuon quyen lau tuoi sach phi the nguoi h gio tuan thang k ban")
_VERBS = _words("biet bik bit co thich muon can thay duoc dc phai hieu tim doc nho")
_VOLUMES = _words("cuon quyen truyen bo tap harry potter conan")
_TO_SOMEONE = _words("on chao hi hello thank thanks voi cua va cho nho moi")
_ENROLS = _words("the lam onl online muon tk moi o")
_WEEK_WORDS = _words("tuan nay toi sau")
_WEEKDAYS = {"t2": "thứ hai", "t3": "thứ ba", "t4": "thứ tư", "t5": "thứ năm", "t6": "thứ sáu", "t7": "thứ bảy"}


class Company:
    """The folded words around one word; '' beyond either end of its clause."""

    def __init__(self, words: Sequence[str], at: int) -> None:
        self.before = words[at - 1] if at else ""
        self.after = words[at + 1] if at + 1 < len(words) else ""
        self.earlier = frozenset(words[max(0, at - 6) : at])

    @property
    def ends_clause(self) -> bool:
        """Return whether nothing but particles can follow."""
        return not self.after or self.after in _PARTICLES


def _lone_letter(meaning: str, *, at_end_only: bool = False) -> Callable[[Company], str | None]:
    def rule(company: Company) -> str | None:
        if company.before in _SCIENCE or company.before.isdigit() or (at_end_only and not company.ends_clause):
            return None
        return meaning

    return rule


def _cn(company: Company) -> str:
    if company.after in _BRANCHES:
        return "chi nhánh"
    return "công nghệ" if company.after in ("thong", "tt", "sinh") else "chủ nhật"


def _mk(company: Company) -> str:
    secret = (
        company.before in _BEFORE_PASSWORD or company.after in _AFTER_PASSWORD or company.after.isdigit()
        or "pin" in company.earlier
    )  # fmt: skip
    return "mật khẩu" if secret else "mình"


def _bn(company: Company) -> str:
    if company.ends_clause and company.before and company.before not in _TO_SOMEONE and company.after != "oi":
        return "bao nhiêu"
    if company.after in _MUCH or company.before in ("mat", "la", "het", "phat", "phi", "gia", "ton", "no", "duoc"):
        return "bao nhiêu"
    return "bạn"


def _hong(company: Company) -> str | None:
    return "không" if company.ends_clause or company.after in _VERBS else None


def _hour(company: Company) -> str | None:
    return "giờ" if company.before.isdigit() or company.before in ("may", "bay", "gio") else None


def _dt(company: Company) -> str | None:
    # "DT 000101" is a card number.
    return None if company.after[:1].isdigit() else "điện thoại"


def _dk(company: Company) -> str:
    return "đăng ký" if company.before in ("muon", "cach") or company.after in _ENROLS else "được"


def _address(company: Company) -> str:
    opens = not company.before and company.after in ("thu", "tv", "cua", "o", "chi")
    return "địa chỉ" if opens or company.before in ("xin", "ghi") else "được"


def _slip_sach(company: Company) -> str | None:
    # "túi xách" is a bag; "mượn xách" is a slip of southern spelling.
    return "sách" if company.before in ("cuon", "quyen", "muon", "tra", "doc", "tim", "mua", "co", "dau") else None


def _weekday(name: str) -> Callable[[Company], str | None]:
    def rule(company: Company) -> str | None:
        volume = company.earlier & _VOLUMES and company.after not in _WEEK_WORDS
        return None if volume else name

    return rule


_IN_COMPANY: dict[str, Callable[[Company], str | None]] = {
    "k": _lone_letter("không"), "kg": _lone_letter("không"), "kh": _lone_letter("không"), "hong": _hong,
    "e": _lone_letter("em"), "z": _lone_letter("vậy", at_end_only=True), "v": _lone_letter("vậy", at_end_only=True),
    "r": _lone_letter("rồi", at_end_only=True), "h": _hour, "cn": _cn, "mk": _mk, "bn": _bn, "dt": _dt,
    "dk": _dk, "đk": _dk, "đc": _address, "xách": _slip_sach, "xach": _slip_sach,
    **{short: _weekday(name) for short, name in _WEEKDAYS.items()},
}  # fmt: skip


def expand(word: str, company: Company) -> str | None:
    """Return what the lower-case word stands for among these neighbours, or None to leave it as typed."""
    rule = _IN_COMPANY.get(word)
    return rule(company) if rule else _ALWAYS.get(word)
