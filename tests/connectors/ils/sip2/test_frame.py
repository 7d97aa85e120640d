"""A line of SIP2: sums over bytes, nothing smuggled in, and what real servers sent is read."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clock import VIETNAM
from connectors.ils.sip2 import frame, messages, refusals
from connectors.ils.sip2.frame import Unsendable, build, checksum, read
from library.model import Refusal

# What a real server was sent and answered.
LOGIN, LOGIN_OK = b"9300CNterm1|COterm1|CPTVTW|AY0AZF57E\r", b"941AY0AZFDFD\r"
STATUS = "98YYYYNN10000520261122    1259422.00AOTVTW|BXYYYYYYYYYYYNYYYY|AY1AZEE00"
GOOD = "24              00120261122    125943AEThị Lan Nguyễn|AATV000001|BLY|CQY|BV12000|AFGreetings|AOTVTW|"
UNKNOWN = "24YYYY          00120261122    125943AE|AAKHONGCO|BLN|AFInvalid cardnumber|AOTVTW|"
LOANS = (
    "64              00120261122    1259430000 0001 0004 0001 0000 0001AOTVTW|AATV000001|AELan|BLY|CQY|BV12000|CC50000|"
    "AUVN0041|AUVN0011|AUVN0031|AUVN0021|PB19900203|PCBD|PIY|"
)
ITEM = "1804020120261122    125943ABVN0021|AJSố đỏ /|AQTVTW|BGTVTW|CF2|AH20261124    235900|"
RENEWED = "301YNN20261122    125944AATV000001|ABVN0011|AJMắt biếc|AH20261211    235900|CK|AOTVTW|"
REFUSED = "300NUN20261122    125944AATV000001|ABVN0021|AJSố đỏ /|AH|AOTVTW|AFItem unavailable due to outstanding holds|"
BROKEN_66 = "6610000000420261122    125944AOTVTW|C4::SIP::SIPServer=HASH(0x1)BNVN0011|"


def told(text: str, encoding: str = "utf-8") -> messages.Message:
    return messages.read(read(text.encode(encoding), encoding))


def test_the_sum_is_that_of_a_real_exchange():
    fields = [("CN", "term1"), ("CO", "term1"), ("CP", "TVTW")]
    assert build("93", "00", fields, encoding="utf-8", sequence=0) == LOGIN
    answer = read(LOGIN_OK, "utf-8")
    assert (answer.code, answer.text, answer.sequence, answer.sound) == ("94", "1", 0, True)


def test_the_sum_is_over_bytes_of_the_encoding():
    assert checksum("Nguyễn".encode()) != checksum(b"Nguyen")
    for encoding, name in (("utf-8", "Nguyễn"), ("cp850", "José"), ("latin-1", "José")):
        line = build("63", "001", [("AE", name)], encoding=encoding, sequence=3)
        back = read(line, encoding)
        assert back.sound
        assert messages.read(back).one("AE") == name


def test_a_sum_without_its_leading_zeros_is_the_same_sum():
    lines = (b"64" + b"x" * length for length in range(999))
    line = next(each for each in lines if checksum(each + b"AY3AZ").startswith(b"0"))
    summed = checksum(line + b"AY3AZ")
    short = read(line + b"AY3AZ" + summed.lstrip(b"0"), "utf-8")
    assert (short.sound, short.sequence, short.text) == (True, 3, line[2:].decode())


def test_a_changed_byte_is_noticed():
    assert not read(LOGIN_OK.replace(b"941", b"940"), "utf-8").sound


@pytest.mark.parametrize("value", ["TV1|AATV2", "TV1\rAATV2", "TV1\nx", "TV\x00", "a" * 256, "TV\x85", "TV\u2028x"])
def test_nothing_can_be_smuggled_into_a_frame(value):
    with pytest.raises(Unsendable) as caught:
        build("63", "001", [("AA", value)], encoding="utf-8")
    assert value not in str(caught.value)


def test_a_letter_that_the_encoding_lacks_is_refused_before_anything_is_sent():
    with pytest.raises(Unsendable):
        build("63", "001", [("AA", "Nguyễn")], encoding="cp850")


@given(st.text(max_size=40))
def test_what_can_be_sent_comes_back_as_it_was(value):
    if frame.is_sendable(value) and value == value.strip():
        try:
            line = build("63", "", [("AO", value)], encoding="utf-8", sequence=1)
        except Unsendable:  # half a letter
            return
        assert line.count(b"\r") == 1
        assert read(line, "utf-8").text == f"AO{value}|"


@given(st.binary(max_size=120))
def test_no_line_breaks_the_reader(line):
    for encoding in ("utf-8", "cp850", "latin-1"):
        found = messages.read(read(line, encoding))
        messages.flags(found)
        messages.count(found, 2)
        messages.moment(found.one("AH"))
        messages.money(found.one("BV"))


def test_what_real_servers_said_is_understood():
    assert told(STATUS).one("BX") == "YYYYYYYYYYYNYYYY"
    good = told(GOOD)
    assert (good.one("AE"), good.one("BL"), good.one("CQ"), messages.money(good.one("BV"))) == (
        "Thị Lan Nguyễn",
        "Y",
        "Y",
        Decimal(12_000),
    )
    assert messages.flags(told(UNKNOWN)) == "YYYY          "
    assert told(UNKNOWN).one("BL") == "N"
    item = told(ITEM)
    assert (item.fixed[:2], item.one("AJ"), item.one("AH")) == ("04", "Số đỏ /", "20261124    235900")
    assert (told(RENEWED).ok, told(REFUSED).ok) == (True, False)
    assert told(BROKEN_66).all("BN") == []  # it stands in a field of the server's own making


def test_lists_and_counts_also_of_servers_that_pad_with_blanks():
    loans = told(LOANS.replace("0000 0001 0004 0001 0000 0001", "000000010004000100000001"))
    assert loans.all("AU") == ["VN0041", "VN0011", "VN0031", "VN0021"]
    assert (messages.count(loans, 2), messages.count(loans, 3)) == (4, 1)
    padded = told(LOANS.replace("0000 0001 0004 0001 0000 0001", "   0   1   4   1   0   1"))
    assert messages.count(padded, 2) == 4


@pytest.mark.parametrize(
    "fixed", ["1804020120261122    125943", "180402012026112212594", "1804020120261122    12594300"]
)
def test_a_fixed_part_of_another_length_hides_no_field(fixed):
    found = told(f"{fixed}ABVN0021|AJSố đỏ|AH20261124|")
    assert (found.one("AB"), found.one("AJ"), found.one("AH")) == ("VN0021", "Số đỏ", "20261124")


def test_missing_and_repeated_fields_and_decomposed_letters():
    found = told("1803020120261122    125943AB|AF một |AF|AFhai|AJSo\u0302\u0301 d\u0111\u01a1\u0309|")
    assert (found.one("AB"), found.one("AQ"), found.notes) == ("", "", "một hai")
    assert found.one("AJ") == "Số dđở"


@pytest.mark.parametrize(
    "words",
    [
        "20261124    235900",
        "20261124   Z165900",  # UTC, as the standard writes it
        "20261124235900",
        "20261124    000000",  # of a server that keeps days alone
        "2026-11-24 00:00:00",
        "2026-11-24 23:59:00",
        "24/11/2026 23:59",
        "24/11/2026,23:59",
        "24/11/2026 11:59 PM",
        "2026-11-24",
    ],
)
def test_times_are_read_in_the_shapes_servers_write(words):
    assert messages.moment(words) == datetime(2026, 11, 24, 23, 59, tzinfo=VIETNAM)


def test_a_time_of_another_zone_or_of_the_morning_is_the_librarys_own():
    assert messages.moment("20261124   Z235900") == datetime(2026, 11, 25, 6, 59, tzinfo=VIETNAM)
    assert messages.moment("24/11/2026 11:59 AM") == datetime(2026, 11, 24, 11, 59, tzinfo=VIETNAM)


def test_what_is_no_time_is_none():
    assert {messages.moment(words) for words in ("", "soon", "20261345    000000", "261124")} == {None}
    assert messages.day("19900203") == date(1990, 2, 3)


@pytest.mark.parametrize(
    ("words", "vnd"),
    [
        ("12000", 12000),
        ("12000.00", 12000),
        ("12000.0000", 12000),
        ("12000.000", 12000),
        ("1,234,567.0000", 1234567),
        ("12.000", 12000),
        ("12.000,00", 12000),
        ("12,000 VND", 12000),
        ("1.234.567", 1234567),
        ("", 0),
    ],
)
def test_amounts_are_read_with_points_of_either_kind(words, vnd):
    assert messages.money(words) == Decimal(vnd)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("Item unavailable due to outstanding holds", Refusal.ON_HOLD),
        ("Patron already has hold on this title", Refusal.ALREADY_ON_HOLD),
        ("Item has reached maximum renewals", Refusal.TOO_MANY_RENEWALS),
        ("PATRON EXPIRED", Refusal.CARD_EXPIRED),
        ("Bạn đọc còn nợ phí", Refusal.IN_DEBT),
        ("Tài liệu đã quá hạn", Refusal.OVERDUE),
        ("Sách đã hết lượt gia hạn", Refusal.TOO_MANY_RENEWALS),
        ("Item is not for loan", Refusal.NOT_HOLDABLE),
        ("Item has holds", Refusal.ON_HOLD),
        ("Tài liệu đã có bạn đọc khác đặt trước", Refusal.ON_HOLD),
        ("Sách đang có người đặt mượn", Refusal.ON_HOLD),
        ("MAX_RENEWALS_REACHED", Refusal.TOO_MANY_RENEWALS),
        ("Thẻ thư viện đã hết hạn", Refusal.CARD_EXPIRED),
        ("Bạn đọc đang nợ 5.000", Refusal.IN_DEBT),
        ("This item is available", Refusal.AVAILABLE_NOW),
        ("No renewal is available for this item", Refusal.UNKNOWN),
        ("Please see the reference desk", Refusal.UNKNOWN),
        ("Error with transaction drop_hold: ", Refusal.UNKNOWN),
        ("", Refusal.UNKNOWN),
    ],
)
def test_refusals_are_read_from_what_is_said_to_people(words, refusal):
    assert refusals.of(words) is refusal
