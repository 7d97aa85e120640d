"""The nightly file of a library system without an interface: read leniently, taken whole or not at all, only read."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connectors.cli import app
from connectors.clock import VIETNAM
from connectors.ils.nightly import NightlyError, day, owed_in, read_loans, read_patrons, take
from connectors.ils.sqlite import SQLiteILS
from connectors.ils.sqlite_load import PatronFile, load_library
from library.ils import Capability, InvalidCredentials, NotSupported
from library.model import Refusal
from tests.connectors.ils.sample import BRANCHES, COPIES, PIN, QUICK, Clock

MADE = datetime(2026, 11, 24, 2, 0, tzinfo=VIETNAM)
LOANS = """Số thẻ,Họ và tên,ĐKCB,Nhan đề,Hạn trả,Số lần gia hạn,Người thu
tv 01,Nguyễn Thị Lan,D1,Số đỏ,27/11/2026,1,Hoa
TV01,Nguyễn Thị Lan,X9,Sách mới chưa vào mục lục,2026-12-01,0,Hoa
TV02,Trần Văn An,D4,Nhà giả kim,01-12-2026,,Hoa
"""
PATRONS = f"""Số thẻ;Họ và tên;Đối tượng;Ngày sinh;Hạn thẻ;Mật khẩu;Nợ
TV01;Nguyễn Thị Lan;người lớn;03/02/1990;31/12/2027;{PIN};0
TV02;Trần Văn An;người lớn;07/06/1985;01/10/2026;{PIN};12.000
"""


def written(tmp_path: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def library(tmp_path: Path) -> SQLiteILS:
    path, clock = tmp_path / "ils.sqlite", Clock()
    file = PatronFile.model_validate({"branches": BRANCHES, "patrons": ()})
    load_library(path, COPIES, file, clock().date(), hasher=QUICK)
    return SQLiteILS(path, clock, hasher=QUICK, nightly=True)


@pytest.fixture
def taken(library: SQLiteILS, tmp_path: Path) -> SQLiteILS:
    lent = read_loans(written(tmp_path, "muon.csv", LOANS))
    people = read_patrons(written(tmp_path, "ban-doc.csv", PATRONS))
    assert (lent.problems, people.problems) == ([], [])
    take(library._file.path, lent, people, MADE, hasher=QUICK)
    return library


async def test_loans_are_told_with_titles_and_the_time_of_the_file(taken):
    lan = await taken.authenticate("TV01", PIN)
    loans = await taken.loans(lan)
    assert [(loan.title, loan.due_at.date(), loan.renewals) for loan in loans] == [
        ("Số đỏ", date(2026, 11, 27), 1),
        ("Sách mới chưa vào mục lục", date(2026, 12, 1), 0),
    ]
    assert taken.as_of == MADE
    (copy,) = (await taken.availability(["r4"]))["r4"][:1]
    assert copy.as_of == MADE


async def test_nothing_can_be_changed_and_it_says_so_beforehand(taken):
    lan = await taken.authenticate("TV01", PIN)
    assert taken.capabilities == {Capability.FEES, Capability.LIVE_AVAILABILITY}
    for write in (taken.renew(lan, ["1"]), taken.place_hold(lan, "r3"), taken.cancel_hold(lan, "1"), taken.holds(lan)):
        with pytest.raises(NotSupported):
            await write


async def test_blocks_and_debts_are_those_of_the_file(taken):
    an = await taken.authenticate("TV02", PIN)
    assert (await taken.patron(an)).blocks == {Refusal.CARD_EXPIRED}
    assert (await taken.fees(an)).total_vnd == 12_000
    assert (await taken.fees(await taken.authenticate("TV01", PIN))).total_vnd == 0


async def test_pins_are_stored_as_hashes_and_checked(taken):
    with pytest.raises(InvalidCredentials):
        await taken.authenticate("TV01", "000000")
    assert PIN.encode() not in taken._file.path.read_bytes()


async def test_without_a_patrons_file_loans_are_there_and_nobody_can_log_in_yet(library, tmp_path):
    take(library._file.path, read_loans(written(tmp_path, "muon.csv", LOANS)), None, MADE)
    assert len(await library.loans(await library.find_card("TV01"))) == 2
    with pytest.raises(InvalidCredentials):
        await library.authenticate("TV01", "")
    assert Capability.FEES not in library.capabilities
    with pytest.raises(NotSupported):
        await library.fees(await library.find_card("TV01"))


async def test_the_next_night_takes_the_place_of_the_last_and_keeps_the_pins(taken, tmp_path):
    again = written(tmp_path, "muon2.csv", LOANS.replace("27/11/2026,1", "11/12/2026,2").replace("TV02", "TV03"))
    take(taken._file.path, read_loans(again), None, MADE)
    lan = await taken.authenticate("TV01", PIN)
    assert (await taken.loans(lan))[1].due_at.date() == date(2026, 12, 11)
    assert await taken.loans(await taken.find_card("TV02")) == []


async def test_a_file_that_lost_most_loans_is_refused_unless_forced(taken, tmp_path):
    short = read_loans(written(tmp_path, "cut.csv", "\n".join(LOANS.splitlines()[:2])))
    with pytest.raises(NightlyError, match="1 loans, and there were 3"):
        take(taken._file.path, short, None, MADE)
    assert len(await taken.loans(await taken.find_card("TV01"))) == 2
    assert take(taken._file.path, short, None, MADE, force=True).loans == 1


def test_what_cannot_be_read_is_reported_by_its_line_without_its_words(tmp_path):
    bad = (
        LOANS
        + """,,D7,Tắt đèn,27/11/2026,0,
TV05,Bí Mật,,,27/11/2026,0,
TV06,Bí Mật,D7,x,hôm nào,0,
TV07,B,D1,x,1/1/2027,0,
"""
    )
    read = read_loans(written(tmp_path, "bad.csv", bad))
    assert [(problem.line, problem.why) for problem in read.problems] == [
        (5, "no card number"),
        (6, "neither barcode nor title"),
        (7, "no due date that can be read"),
        (8, "the copy is lent twice in the file"),
    ]
    assert len(read.rows) == 3
    assert read.unknown == ["Người thu"]


def test_a_loan_told_twice_without_a_barcode_is_passed_by_and_the_others_are_taken(library, tmp_path):
    text = "Số thẻ,Nhan đề,Hạn trả\nTV01,Số đỏ,27/11/2026\nTV01,Số đỏ,27/11/2026\nTV02,Số đỏ,28/11/2026\n"
    lent = read_loans(written(tmp_path, "muon.csv", text))
    assert [(each.line, each.why) for each in lent.problems] == [(3, "the same loan stands in the file twice")]
    assert take(library._file.path, lent, None, MADE, hasher=QUICK).loans == 2


def test_dates_with_the_month_first_are_refused_instead_of_read_as_other_days(tmp_path):
    text = "Số thẻ,Nhan đề,Hạn trả\nTV01,Số đỏ,11/27/2026\nTV02,Bố già,12/05/2026\n"
    with pytest.raises(NightlyError, match="month first"):
        read_loans(written(tmp_path, "us.csv", text))
    mixed = read_loans(written(tmp_path, "slip.csv", text + "TV03,Tắt đèn,28/11/2026\n"))
    assert [each.line for each in mixed.problems] == [2]


def test_an_empty_file_and_a_workbook_are_named_for_what_they_are(tmp_path):
    with pytest.raises(NightlyError, match="is empty"):
        read_loans(written(tmp_path, "empty.csv", ""))
    with pytest.raises(NightlyError, match="Excel workbook"):
        read_loans(written(tmp_path, "book.xlsx", "PK\x03\x04\x00\x00"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_found_out(tmp_path, encoding):
    read = read_loans(written(tmp_path, "muon.csv", LOANS, encoding))
    assert read.rows[0].name == "Nguyễn Thị Lan"
    assert read.rows[0].card == "TV01"


def test_a_table_without_the_headings_says_which_are_missing(tmp_path):
    with pytest.raises(NightlyError, match=r"card \(so the …\); due \(han tra …\)"):
        read_loans(written(tmp_path, "x.csv", "a,b\n1,2\n"))
    with pytest.raises(NightlyError, match="cannot be read"):
        read_loans(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "told", ["27/11/2026", "2026-11-27", "27-11-2026", "27.11.2026", "20261127", "27/11/2026 23:59"]
)
def test_a_day_is_read_in_the_shapes_libraries_write(told):
    assert day(told) == date(2026, 11, 27)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=8), max_size=12))
def test_no_table_breaks_the_reader(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    body = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    path.write_text("Số thẻ,ĐKCB,Hạn trả\n" + body, encoding="utf-8", errors="replace", newline="")
    try:
        read = read_loans(path)
    except NightlyError:
        return
    assert all(row.card and row.barcode for row in read.rows)


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ("12.000", 12_000),
        ("12,000.00 đ", 12_000),
        ("12.000,00", 12_000),
        ("45000", 45_000),
        ("-5000", 0),
        ("0", 0),
        ("", None),
        ("không", None),
    ],
)
def test_a_debt_is_read_with_its_groups_and_fractions(told, owed):
    assert owed_in(told) == owed


def test_a_day_of_a_patron_that_cannot_be_read_is_named_by_its_line(tmp_path):
    rows = "Số thẻ,Họ và tên,Ngày sinh,Hạn thẻ\nDT000009,Bé Na,2017,30-Nov-26\nDT000010,Bé Mi,1/2/2017,\n"
    read = read_patrons(written(tmp_path, "patrons.csv", rows))
    assert [(each.line, each.why.split(":")[0]) for each in read.problems] == [
        (2, "the birth date cannot be read"),
        (2, "the expiry date cannot be read"),
    ]
    assert [row.card for row in read.rows] == ["DT000009", "DT000010"]


def test_the_command_needs_the_setting_and_names_it(tmp_path):
    config = written(tmp_path, "library.toml", f'[ils]\nkind = "sqlite"\npath = "{tmp_path}/ils.sqlite"\n')
    told = CliRunner().invoke(app, ["--config", str(config), "loans", "import", str(tmp_path / "x.csv")])
    assert told.exit_code == 2


def test_the_rules_are_shown_as_they_come_out(tmp_path):
    root = Path(__file__).resolve().parents[3]
    config = written(tmp_path, "library.toml", f'[ils]\nrules = "{root}/demo/circulation.yml"\n')
    told = CliRunner().invoke(app, ["--config", str(config), "loans", "rules"], env={"COLUMNS": "250"})
    assert told.exit_code == 0
    assert "cán bộ" in told.output
    assert "newspaper" in told.output


def test_a_report_that_cannot_be_written_is_told_in_words(library, tmp_path):
    config = tmp_path / "library.toml"
    config.write_text(f'[ils]\nkind = "sqlite"\npath = "{library._file.path}"\nnightly = true\n', encoding="utf-8")
    file, report = written(tmp_path, "muon.csv", LOANS), tmp_path / "none" / "report.txt"
    told = CliRunner().invoke(app, ["--config", str(config), "loans", "import", str(file), "--report", str(report)])
    assert isinstance(told.exception, SystemExit)
    assert "cannot be written" in " ".join(told.output.split())
