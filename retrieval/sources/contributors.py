"""Who made a work: the names in 100–111 and 700–711, one by one, with the part each had."""

from __future__ import annotations

import re
from collections.abc import Iterator

from library.text import fold
from retrieval.record import Contributor
from retrieval.sources.marc_record import Field, Marc
from retrieval.sources.marc_text import bare, unbracketed
from retrieval.sources.names import people

_NAMES = frozenset(("100", "110", "111", "700", "710", "711"))
_ROLES = {
    "translator": "trl|dich|d|nguoi dich|bien dich|dich gia|tuyen dich|translator|translated|trans|tr",
    "editor": "edt|chu bien|ch b|cb|chb|bien soan|b s|bs|hieu dinh|h d|hd|bien tap|suu tam|s t|st|tuyen chon|t ch"
    "|gioi thieu|g th|nguoi bien soan|nguoi bien tap|tong chu bien|dong chu bien|tong hop|tap hop|chinh li|he thong hoa"
    "|chu giai|khao cuu|thuc hien|chu tri|editor|editors|edited|ed|eds|com|comp|compiler|compiled",
    "illustrator": "ill|minh hoa|m h|ve|ve tranh|tranh|hoa si|ve bia|trinh bay|illustrator|illustrated|illus|art",
    "author": "aut|tac gia|author|soan|viet|nguoi soan|dong tac gia|cre",
    "other": "tham gia|foreword|introduction|with",
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split("|")}
_SPOKEN = (
    "sưu tầm|tuyển chọn|biên soạn|giới thiệu|chủ biên|hiệu đính|biên dịch|tuyển dịch|dịch|minh họa|minh hoạ|chú giải"
    "|khảo cứu|tổng hợp|thực hiện|chủ trì|hệ thống hóa|hệ thống hoá"
)
_SPOKEN_AFTER = re.compile(rf"\s+\(?((?:{_SPOKEN})(?:(?:\s*,\s*|\s+và\s+|\s*&\s*)(?:{_SPOKEN}))*)\b\)?[\s,;.]*")
_SPOKEN_BEFORE = re.compile(r"\s*([^\W\d_]+(?: [^\W\d_]+)?)\s*:\s+|\[?(?:[a-z]+ )*?([a-z]+) by (?=[^\W\d_])|(with) ")
_SPOKEN_BESIDE = re.compile(r"\s*\(([^()]{1,20})\)[\s.]*$")
_MORE = re.compile(r"\s*,?\s*(?:\.{3,}|…|[\[(]?\s*(?:et all?\b|và những người khác|và nnk|and others))[^;]*")
# Words no person's name begins with: what follows is one body, whatever commas and "và" are in it.
_BODY = re.compile(
    r"\W*(?:Bộ|Bộ môn|Viện|Trường|Đại học|Học viện|Tổng|Sở|Uỷ ban|Ủy ban|Trung tâm|Nhà xuất bản|NXB"
    r"|Công ty|Quốc hội|Cục|Vụ|Nhóm|Hiệp hội|Hội|Hội đồng|Tạp chí|Văn phòng|Chi cục|Đảng|Câu lạc bộ|Thư viện|Tập đoàn"
    r"|Ngân hàng|Phòng|Tủ sách|Liên hiệp|Liên đoàn|Toà án|Tòa án|Chính phủ|University|Institute"
    r"|Ban (?:biên|chấp hành|chỉ đạo|quản|tuyên|tổ chức|từ điển|khoa))\b",
    re.IGNORECASE,
)
_FIRM = re.compile(r",?\s+(?:Inc|Ltd|Corp|LLC|GmbH|Co)\b\.?(?:,? Ltd\b\.?)?\s*$")
_NOBODY = frozenset(("không rõ", "không rõ tác giả", "không có tác giả", "chưa rõ", "unknown"))


def contributors(marc: Marc) -> Iterator[Contributor]:
    """Yield persons in direct order and bodies, in the order of the record."""
    for field in marc.among(_NAMES):
        told = bare(field.first("a"))
        if field.tag[1:] == "00":
            for crowd in _MORE.sub("", told).split(";"):
                yield from _crowd(crowd, field)
        elif told:
            unit = [text for each in field.all("b") if (text := bare(each))]
            yield Contributor(". ".join([told, *unit]), "corporate")


def _crowd(crowd: str, field: Field) -> Iterator[Contributor]:
    """Yield who is in a text without semicolons: one body, or persons with the roles spoken of beside their names."""
    if _BODY.match(crowd) or _FIRM.search(crowd):
        yield Contributor(unbracketed(crowd), "corporate")
        return
    role = _role(field.all("4e"), "author" if field.tag == "100" else "other")
    names, *more = _SPOKEN_AFTER.split(crowd)
    for each, spoken in zip([names, *more[1::2]], [*more[::2], ""], strict=True):
        yield from _persons(each, _role([spoken], role), family_first=field.indicators[:1] == "1")


def _persons(crowd: str, role: str, *, family_first: bool) -> Iterator[Contributor]:
    crowd, role = _apart(crowd, role)
    for each in people(crowd, family_first=family_first):
        text, meant = _apart(each, role)
        name = unbracketed(text)
        if name and name.lower() not in _NOBODY:
            yield Contributor(name, meant)


def _apart(text: str, role: str) -> tuple[str, str]:
    """Return the text without the role told in front of it or in brackets behind it, and that role or the one given."""
    if before := _SPOKEN_BEFORE.match(text):
        text, role = text[before.end() :], _role([next(filter(None, before.groups()))], role)
    if (beside := _SPOKEN_BESIDE.search(text)) and (told := _role([beside[1]], "")):
        text, role = text[: beside.start()], told
    return text, role


def _role(told: list[str], default: str) -> str:
    """Return the role told, in words or as catalogues shorten them ("ch.b.", "d."); else the default."""
    for text in filter(None, told):
        for piece in re.split(r"[,;/&]|\s+va\s+", fold(text)):
            if role := _ROLE_OF.get(" ".join(re.findall(r"\w+", piece)), ""):
                return role
    return default
