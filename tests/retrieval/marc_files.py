"""MARC files made for tests: records in any character set, with the text our own."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import normalize

from retrieval.sources.charset_tables import TCVN3, TCVN3_CAPITALS, VISCII, VNI_LETTERS, VNI_PAIRS

SENTENCES = [
    "Người thủ thư già kể chuyện đêm mưa bên giá sách",
    "Hướng dẫn trồng rau sạch trên sân thượng",
    "Những ngọn đồi phủ đầy hoa dã quỳ",
    "Kỹ thuật nuôi ong mật ở vùng núi phía Bắc",
    "Lịch sử chữ viết qua các thời kỳ",
    "Ăn uống đúng cách để khoẻ mạnh",
    "Đường về quê ngoại",
    "Sổ tay sửa chữa xe máy",
    "Bếp lửa và những câu hát ru",
    "Giáo trình thống kê ứng dụng trong nghiên cứu xã hội",
]


def iso2709(fields: list[tuple[str, bytes]], flag: bytes = b" ") -> bytes:
    """Return a record of these tags and fields, text as it is given."""
    directory, body = b"", b""
    for tag, data in fields:
        directory += tag.encode() + b"%04d%05d" % (len(data) + 1, len(body))
        body += data + b"\x1e"
    base = 24 + len(directory) + 1
    leader = b"%05dnam %b22%05d a 4500" % (base + len(body) + 1, flag, base)
    return leader + directory + b"\x1e" + body + b"\x1d"


def titled(title: bytes, number: int = 1, flag: bytes = b" ") -> bytes:
    """Return a record with this title and a number."""
    return iso2709([("001", b"%d" % number), ("245", b"00\x1fa" + title)], flag)


def _by_table(*tables: dict[int, str]) -> Callable[[str], bytes]:
    codes = {char: bytes([code]) for table in reversed(tables) for code, char in table.items()}
    return lambda text: b"".join(codes.get(c) or c.encode("latin-1") for c in text)


def _tcvn3_fonts(text: str) -> bytes:
    return _by_table({code: char for code, char in TCVN3.items() if char == char.lower() or char in "ĂÂÊÔƠƯĐ"})(
        "".join(c if c in "ĂÂÊÔƠƯĐ" or c.isascii() else c.lower() for c in text)
    )


def _vni(text: str) -> bytes:
    letters = {char: chr(code) for code, char in VNI_LETTERS.items()}
    pairs = {char: pair for pair, char in VNI_PAIRS.items() if pair[0].isupper() == pair[1].isupper()}
    spread = "".join(pairs.get(c, c) for c in text)
    return "".join(letters.get(c, c) for c in spread).encode("latin-1")


def _cp1258(text: str) -> bytes:
    shapes = "\u0302\u0306\u031b"
    out = ""
    for c in text:
        base, *marks = normalize("NFD", c)
        out += normalize("NFC", base + "".join(m for m in marks if m in shapes))
        out += "".join(m for m in marks if m not in shapes)
    return out.encode("cp1258")


def _marc8(text: str) -> bytes:
    marks = dict(zip("\u0309\u0300\u0301\u0302\u0303\u0306\u0323", b"\xe0\xe1\xe2\xe3\xe4\xe6\xf2", strict=True))
    letters = dict(zip("ƠƯơưĐđ", b"\xac\xad\xbc\xbd\xa3\xb3", strict=True))
    out = b""
    for c in normalize("NFC", text):
        base, *above = normalize("NFD", c)
        horned = normalize("NFC", base + "\u031b") if "\u031b" in above else base
        out += bytes(marks[m] for m in above if m != "\u031b")
        out += bytes([letters[horned]]) if horned in letters else horned.encode("ascii")
    return out


ENCODERS: dict[str, Callable[[str], bytes]] = {
    "TCVN3": _by_table({code: char for code, char in TCVN3.items() if code > 0xA0}, TCVN3_CAPITALS),
    "VNI": _vni,
    "VISCII": _by_table(VISCII),
    "CP1258": _cp1258,
    "MARC-8": _marc8,
}
TCVN3_FONTS = _tcvn3_fonts
