"""Which column of a table is which field of a record: guessed from headings in Vietnamese or English, then a map."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from library.text import fold, nfc
from retrieval.record import SourceError
from retrieval.sources.isbn import isbn13

NOT_TAKEN = ""
Row = Sequence[str]

# Folded headings as libraries write them; a field's first column wins, and of two headings the longer.
_HEADINGS = {
    "record_id": "ma, ma tai lieu, ma sach, ma bieu ghi, bieu ghi, mfn, id, record id, control number, ma so, bib id",
    "title": "nhan de, nhan de chinh, ten sach, tua de, tua sach, ten tai lieu, ten an pham, ten, title, ten tac pham,"
    " nhan de tai lieu, ten de tai, ten luan van, ten bao, ten tap chi, dau sach, ten dau sach, title proper",
    "subtitle": "phu de, nhan de phu, tieu de phu, subtitle, thong tin khac, remainder of title",
    "original_title": "nhan de song song, nhan de khac, nhan de goc, ten goc, nguyen tac, original title,"
    " ten tieng anh",
    "part": "tap, tap so, so tap, quyen, phan, so, volume, vol, part, so ky hieu tap",
    "series": "tung thu, bo sach, tu sach, series, tung thu bo sach",
    "author": "tac gia, tac gia chinh, tg, ten tac gia, ho ten tac gia, tac gia ca nhan, nguoi viet, author, authors,"
    " creator, writer, tac gia dich gia, tac gia tap the, dong tac gia, tac gia phu",
    "translator": "nguoi dich, dich gia, dich, translator",
    "editor": "chu bien, bien soan, nguoi bien soan, hieu dinh, editor",
    "publisher": "nha xuat ban, nxb, nha xb, ten nxb, don vi xuat ban, publisher, co quan xuat ban",
    "place": "noi xuat ban, noi xb, dia danh xuat ban, place, place of publication, thanh pho xuat ban",
    "year": "nam xuat ban, nam, nam xb, namxb, nxb nam, year, publication year, date, ngay xuat ban, nam in,"
    " nam bao ve, published",
    "edition": "lan xuat ban, lan xb, tai ban, lan tai ban, edition, lan in",
    "extent": "so trang, so tr, trang, mo ta vat ly, pages, extent, khoi luong, so trang so to",
    "language": "ngon ngu, ngon ngu van ban, tieng, language, ma ngon ngu, nn",
    "material": "loai tai lieu, loai hinh, loai hinh tai lieu, loai, dang tai lieu, the loai tai lieu, material, type,"
    " item type, loai sach, loai an pham, material type",
    "audience": "doi tuong, doi tuong ban doc, doi tuong su dung, lua tuoi, audience, do tuoi",
    "classification": "phan loai, ddc, chi so phan loai, ky hieu phan loai, khpl, ky hieu pl, so phan loai, mon loai,"
    " classification, dewey, chi so ddc, bbk, plddc, udc, ma phan loai, kh phan loai",
    "subjects": "chu de, tu khoa, de muc chu de, de muc, subject, subjects, keyword, keywords, the loai, linh vuc,"
    " nganh, chuyen nganh, genre, tag",
    "summary": "tom tat, tom tat noi dung, noi dung, noi dung tom tat, gioi thieu, mo ta, summary, abstract,"
    " description, chu giai",
    "isbn": "isbn, ma isbn, so isbn, chi so isbn, isbn 13, isbn 10, isbn13, ma so isbn, ma so sach quoc te",
    "issn": "issn, ma issn, so issn",
    "barcode": "dkcb, so dkcb, ma dkcb, ma vach, barcode, so dang ky ca biet, dang ky ca biet, sdkcb, so dk ca biet,"
    " ma ca biet, ma xep gia, so dang ky, so dk, ma dang ky ca biet, ma so ca biet, accession number, item barcode,"
    " copy number, ma tai san",
    "branch": "chi nhanh, co so, thu vien, branch, library, diem phuc vu, don vi, ten thu vien, location",
    "room": "kho, kho sach, phong, kho phong, vi tri, ke, ke sach, gia sach, tang, ngan, collection, shelf, room,"
    " kho luu tru, noi luu tru, vi tri kho, ten kho, bo suu tap",
    "call_number": "ky hieu xep gia, ky hieu, xep gia, khxg, ky hieu kho, call number, call no, nhan xep gia,"
    " kh xep gia, ma xep gia sach, ky hieu xep kho",
    "url": "url, link, lien ket, duong dan, lien ket toan van, toan van, website, dia chi tai lieu so, file,"
    " tai lieu so",
    "added_on": "ngay nhap, ngay nhap kho, ngay vao so, ngay bo sung, date added, ngay tao, ngay dang ky, ngay nhan",
    NOT_TAKEN: "stt, tt, so thu tu, no, gia, gia tien, don gia, gia bia, gia sach vnd, thanh tien, so luong, sl,"
    " ghi chu, price, quantity, note, notes, tinh trang, trang thai, kho sach cm, kho co, kich thuoc, size, status,"
    " so ban, nguon, nguon cung cap, so hoa don, nguoi nhap, hinh thuc, tinh trang sach, so luot muon, cutter, dvt",
}  # fmt: skip
FIELDS = tuple(field for field in _HEADINGS if field)
_MEANT = {
    word.strip(): field
    for field, words in _HEADINGS.items()
    for word in (field.replace("_", " "), *words.split(","))
    if word.strip()
}
_SEVERAL = ("author", "translator", "editor", "subjects", "isbn", "barcode", "url", NOT_TAKEN)
_AMOUNT = re.compile(r"\d[\d.,\s]*(?:đ|vnd|đồng)?$", re.IGNORECASE)
_SIZE = re.compile(r"\d+(?:[.,x×]\d+)?\s*cm\.?", re.IGNORECASE)
_SEARCHED_ROWS = 40
_MOST_SAMPLES = 3
_MOST_COLUMNS = 200


@dataclass(frozen=True)
class Column:
    number: int  # from 1, as it stands in the table
    heading: str
    field: str  # one of FIELDS, or NOT_TAKEN
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnMap:
    """What the columns of one table are; `heading_row` counts from 1."""

    heading_row: int
    columns: tuple[Column, ...]
    sheet: str = ""

    def to_toml(self) -> str:
        """Return the map as a small file for an operator to correct: change `field`, "" for a column to leave out."""
        lines = [f"# field: {', '.join(FIELDS)}", '# field = "": không lấy · not taken', ""]
        lines += [f"heading_row = {self.heading_row}", f"sheet = {_quoted(self.sheet)}"]
        for each in self.columns:
            samples = ", ".join(map(_quoted, each.samples))
            lines += ["", "[[column]]", f"number = {each.number}", f"heading = {_quoted(each.heading)}",
                      f"field = {_quoted(each.field)}", f"samples = [{samples}]"]  # fmt: skip
        return "\n".join(lines) + "\n"


def read_map(path: Path) -> ColumnMap:
    """Return the map an operator confirmed. Raises SourceError when it is none."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
        columns = tuple(_column(each) for each in plain["column"])
        found = ColumnMap(int(plain["heading_row"]), columns, str(plain.get("sheet", "")))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceError(
            f"{path}: not a column map ({type(exc).__name__} {exc}); `thuthu catalogue columns` makes one"
        ) from exc
    wrong = [each.field for each in columns if each.field not in (*FIELDS, NOT_TAKEN)]
    if wrong or not any(each.field == "title" for each in columns):
        what = f"no field is called {wrong[0]}; there are {', '.join(FIELDS)}" if wrong else "no column is the title"
        raise SourceError(f"{path}: {what}")
    return found


def _column(plain: Mapping[str, Any]) -> Column:
    return Column(int(plain["number"]), str(plain["heading"]), str(plain["field"]))


def guess(rows: Sequence[Row], sheet: str = "") -> ColumnMap | None:
    """Return what the columns seem to be, from the first rows of a table; None when no row names a title.

    The headings may stand below rows of title, and over two rows (a wide heading above, its columns below).
    """
    best: ColumnMap | None = None
    for at in range(min(len(rows), _SEARCHED_ROWS)):
        below = rows[at + 1] if at + 1 < len(rows) else ()
        for heading_row, headings in ((at + 1, rows[at]), (at + 2, _combined(rows[at], below))):
            found = ColumnMap(heading_row, tuple(_columns(headings, rows[heading_row:])), sheet)
            if _worth(found) > (_worth(best) if best else 0):
                best = found
    return best


def _worth(found: ColumnMap) -> int:
    """Return how many columns have a meaning; without a title, or with sentences for headings, it is no heading row."""
    fields = {each.field for each in found.columns if each.field}
    return len(fields) if "title" in fields else 0


def _combined(above: Row, below: Row) -> Row:
    return [lower or upper for upper, lower in zip(above, below, strict=False)] if below else ()


def _columns(headings: Row, rows: Sequence[Row]) -> list[Column]:
    samples = [_samples(rows, at) for at in range(min(len(headings), _MOST_COLUMNS))]
    found = [_meaning(heading, told) for heading, told in zip(headings, samples, strict=False)]
    taken: Counter[str] = Counter()
    fields: dict[int, str] = {}
    for at in sorted(range(len(found)), key=lambda at: (-found[at][1], at)):  # the surest first
        field = found[at][0]
        fields[at] = NOT_TAKEN if taken[field] and field not in _SEVERAL else field
        taken[field] += 1
    if not taken["branch"]:  # a table with no branch calls by "kho" what tells its copies apart
        rooms = [at for at, field in fields.items() if field == "room" and _plain(headings[at]).startswith("kho")]
        fields |= {at: "branch" for at in rooms[:1]}
    return [
        Column(at + 1, " ".join(headings[at].split()), fields[at], samples[at])
        for at in range(len(samples))
        if headings[at].strip() or samples[at]
    ]


def _samples(rows: Sequence[Row], at: int) -> tuple[str, ...]:
    texts = (" ".join(row[at].split()) for row in rows if at < len(row))
    return tuple(dict.fromkeys(text[:60] for text in texts if text))[:_MOST_SAMPLES]


def _meaning(heading: str, samples: Sequence[str]) -> tuple[str, int]:
    """Return the field a heading names and how surely: a whole heading, then how much of it, then what is below it."""
    plain = _plain(heading)
    if re.search(r"\bkhổ\b", nfc(heading).lower()) or (samples and all(_SIZE.fullmatch(text) for text in samples)):
        return NOT_TAKEN, 1000  # the size of the book; folded it is "kho", a room
    if plain in _MEANT:
        return _shelf_or_price(plain, samples) or _MEANT[plain], 1000
    if samples and all(isbn13(text) for text in samples):
        return "isbn", 500
    if samples and all(re.match(r"https?://\S+$", text) for text in samples):
        return "url", 500
    if len(plain) <= 60 and (words := _longest(plain)):
        return _MEANT[words], 100 + len(words)
    return NOT_TAKEN, 0


def _shelf_or_price(plain: str, samples: Sequence[str]) -> str:
    """Return "room" for a column "Giá" that holds no amounts, '' where the heading says enough."""
    return "room" if plain == "gia" and samples and not any(_AMOUNT.match(text) for text in samples) else ""


@lru_cache(maxsize=1024)
def _longest(plain: str) -> str:
    """Return the longest known heading inside a longer one: "nam xuat ban" in "nam xuat ban sach"."""
    inside = (words for words in _MEANT if len(words) > 3 and re.search(rf"\b{re.escape(words)}\b", plain))
    return max(inside, key=len, default="")


def _plain(heading: str) -> str:
    """Return a heading folded, without punctuation, brackets and the mark of what must be filled in."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", fold(heading)) or fold(heading)
    return " ".join(re.findall(r"[^\W_]+", text))


def _quoted(text: str) -> str:
    return json.dumps(nfc(text), ensure_ascii=False).replace("\x7f", "\\u007f")
