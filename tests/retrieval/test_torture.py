"""Hostile MARC files: whatever they hold, the good records come out, the bad are told, and nothing hangs or swells."""

import gzip
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.record import Read, SourceError
from retrieval.sources.files import read_file
from retrieval.sources.marc import read_iso2709, read_xml
from tests.retrieval.marc_files import iso2709, titled
from tests.shared import shared

FIRST, SECOND = "Chuyện của rừng", "Chuyện của biển"
GOOD, OTHER = titled(FIRST.encode(), 1, b"a"), titled(SECOND.encode(), 2, b"a")
XML = (
    "<record><controlfield tag='001'>{n}</controlfield>"
    "<datafield tag='245'><subfield code='a'>{t}</subfield></datafield></record>"
)
GOOD_XML, OTHER_XML = XML.format(n=1, t=FIRST).encode(), XML.format(n=2, t=SECOND).encode()


def read(data: bytes) -> list[Read]:
    return list(read_iso2709(io.BytesIO(data)))


def xml(data: bytes) -> list[Read]:
    return list(read_xml(io.BytesIO(data)))


def titles(reads: list[Read]) -> list[str]:
    return [each.record.title for each in reads if each.record]


DAMAGE = {
    "leader of nonsense": b"xxxxx" + OTHER[5:],
    "length of another record": b"00099" + OTHER[5:],
    "no base address": OTHER[:12] + b"     " + OTHER[17:],
    "base address of nowhere": OTHER[:12] + b"99999" + OTHER[17:],
    "directory of nonsense": OTHER[:24] + b"?" * 24 + OTHER[48:],
    "directory too short": OTHER[:30] + OTHER[48:],
    "no directory": OTHER[:24] + b"\x1e\x1d",
    "only a leader": OTHER[:24] + b"\x1d",
    "three bytes": b"abc\x1d",
    "no fields": iso2709([]),
    "no 245": iso2709([("100", b"0 \x1faAi")]),
    "an empty 245": iso2709([("245", b"00\x1fa")]),
    "subfields without codes": iso2709([("245", b"00\x1f\x1f\x1f")]),
    "zeros in a row": b"\x00" * 5000 + OTHER,
    "nothing but terminators": b"\x1d" * 100,
    "fields of control bytes": iso2709([("245", bytes(range(0x1D))), ("008", b"\xff" * 40)]),
    "ten thousand fields": iso2709([("650", b" 4\x1faNui")] * 8000 + [("245", b"00\x1faNui")]),
    "a field longer than the directory can say": iso2709([("245", b"00\x1faNui"), ("520", b"  \x1fa" + b"x " * 30000)]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_the_records_around_a_damaged_one_survive(damage: bytes) -> None:
    found = read(GOOD + damage + OTHER)
    assert (titles(found)[0], titles(found)[-1]) == (FIRST, SECOND)
    assert all(each.record or each.problems for each in found)
    assert [each.number for each in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("cut", [10, 30, 60, len(GOOD) - 5, len(GOOD) - 1])
def test_a_record_without_its_end_does_not_take_the_next_with_it(cut: int) -> None:
    found = read(GOOD + OTHER[:cut] + GOOD + OTHER)
    assert titles(found)[-2:] == [FIRST, SECOND]
    assert found[1].problems


def test_a_file_without_any_record_terminator_is_read_by_its_leaders() -> None:
    found = read((GOOD[:-1] + b"\n" + OTHER[:-1] + b"\n") * 3)
    assert titles(found) == [FIRST, SECOND] * 3
    assert {problem.taken for each in found for problem in each.problems} == {True}


def test_fields_whose_places_are_wrong_by_one_number_are_left_out_and_told() -> None:
    record = iso2709([("245", b"00\x1faNui rung"), ("300", b"  \x1fa20 tr."), ("520", b"  \x1faA \x1e B")])
    (found,) = read(record.replace(b"3000011", b"3000012"))
    assert found.record
    assert (found.record.title, found.record.extent) == ("Nui rung", "")
    assert any("some fields could not be found" in problem.what for problem in found.problems)


def test_a_record_of_fifty_megabytes_is_passed_by_and_the_next_is_read() -> None:
    found = read(GOOD + b"x" * (50 << 20) + b"\x1d" + OTHER)
    assert titles(found) == [FIRST, SECOND]
    assert [each.number for each in found] == [1, 2, 3]
    assert not found[1].problems[0].taken


def test_a_line_of_two_gigabytes_ends_in_words_and_memory_stays_flat(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc to see how much memory a process took")
    path = tmp_path / "hole.mrc"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(2 << 30)
    program = f"""
from pathlib import Path
from retrieval.record import SourceError
from retrieval.sources.files import read_file
try:
    for read in read_file(Path({str(path)!r})):
        print(read.number, read.record is not None)
except SourceError as exc:
    print(exc)
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    first, second, told, megabytes = out.stdout.splitlines()
    assert (first, second) == ("1 True", "2 False")
    assert "256 MB" in told
    assert int(megabytes) < 150


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mrc", b""),
        ("archive.mrc", b"PK\x03\x04" + b"\x00" * 100),
        ("page.pdf", b"%PDF-1.7"),
        ("hole.mrc", b"\x00" * 10000),
        ("letter.txt", "Kính gửi thư viện".encode()),
        ("list.json", b'[{"leader": "00000nam"}]'),
    ],
)
def test_what_is_no_catalogue_is_refused_in_words(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        list(read_file(tmp_path / name))


def test_a_zipped_file_that_breaks_off_gives_what_it_can(tmp_path: Path) -> None:
    zipped = gzip.compress(b"".join(titled(b"Nui %x" % (n * n * 7919), n) for n in range(9000)))
    half = len(zipped) // 2
    for cut, name in ((zipped[:half], "short"), (zipped[:half] + b"\xff" * 50 + zipped[half + 50 :], "spoiled")):
        (tmp_path / f"{name}.gz").write_bytes(cut)
        found = []
        with pytest.raises(SourceError, match=name):
            found += (each.number for each in read_file(tmp_path / f"{name}.gz"))
        assert len(found) > 3500


def test_a_byte_order_mark_and_line_ends_between_records_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(b"\xef\xbb\xbf" + GOOD + b"\r\n" + OTHER + b"\r\n\x1a")
    found = list(read_file(tmp_path / "a.mrc"))
    assert titles(found) == [FIRST, SECOND]
    assert not any(each.problems for each in found)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1258"])
def test_xml_in_other_encodings_is_read(tmp_path: Path, encoding: str) -> None:
    record = XML.format(n=1, t="Lê")
    text = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?><collection>{record}</collection>"
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert titles(list(read_file(tmp_path / "a.xml"))) == ["Lê"]


BROKEN_XML = {
    "an ampersand": XML.format(n=7, t="Cha & con"),
    "an entity of HTML": XML.format(n=7, t="Cha&nbsp;con"),
    "control bytes": XML.format(n=7, t="Cha \x1f\x00 con"),
    "a reference to a control byte": XML.format(n=7, t="Cha &#x1f; con"),
    "tags that cross": "<record><datafield tag='245'><subfield code='a'>Cha</datafield></subfield></record>",
    "an attribute without quotes": "<record><datafield tag=245><subfield code=a>Cha</subfield></datafield></record>",
    "no end of the record": "<record><datafield tag='245'><subfield code='a'>Cha",
    "depth": "<record><leader/>" + "<a>" * 10_000 + "</a>" * 10_000 + "</record>",
    "no tag": "<record><datafield><subfield code='a'>Cha</subfield></datafield></record>",
    "no code": "<record><datafield tag='245'><subfield>Cha</subfield></datafield></record>",
    "a comment with a record in it": f"<!-- {XML.format(n=9, t='Bỏ')} -->",
    "a record in CDATA": XML.format(n=7, t="<![CDATA[<record></record>]]>"),
    "an end without a beginning": "</record>",
    "a record of no MARC": "<record><title>Cha</title></record>",
}


@pytest.mark.parametrize("broken", BROKEN_XML.values(), ids=BROKEN_XML.keys())
def test_the_records_around_broken_xml_survive(broken: str) -> None:
    found = xml(b"<collection>" + GOOD_XML + broken.encode() + OTHER_XML + b"</collection>")
    assert (titles(found)[0], titles(found)[-1]) == (FIRST, SECOND)
    assert "Bỏ" not in titles(found)
    assert all(each.record or each.problems for each in found)


def test_ampersands_and_control_bytes_are_mended_and_told() -> None:
    found = xml(b"<collection>" + XML.format(n=7, t="Cha & con \x1f").encode() + b"</collection>")
    assert titles(found) == ["Cha & con"]
    assert [(problem.what, problem.taken) for problem in found[0].problems] == [
        ("the XML of the record is broken and was mended", True)
    ]


@pytest.mark.parametrize("size", [3, 10])
def test_entities_neither_expand_nor_fetch(tmp_path: Path, size: int) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("never shown")
    bomb = "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(size))
    head = f"<!DOCTYPE collection [<!ENTITY a0 'ha'>{bomb}<!ENTITY file SYSTEM '{secret.as_uri()}'>]>"
    begun = time.perf_counter()
    found = xml(f"{head}<collection>{XML.format(n=7, t=f'&a{size}; &file;')}{OTHER_XML.decode()}</collection>".encode())
    assert time.perf_counter() - begun < 2
    assert titles(found)[-1] == SECOND
    assert not any("never shown" in title or "haha" in title for title in titles(found))


def test_xml_that_ends_too_early_is_told_even_between_records() -> None:
    assert [each.number for each in xml(b"<collection>" + GOOD_XML)] == [1, 0]
    assert [each.number for each in xml(b"<collection>" + GOOD_XML + b"</collection>\n")] == [1]


def test_one_record_without_a_collection_is_a_whole_file() -> None:
    assert [each.number for each in xml(b"<?xml version='1.0'?>\n" + GOOD_XML)] == [1]


def test_a_text_without_end_in_xml_does_not_swell_and_the_next_record_is_read() -> None:
    class Endless(io.RawIOBase):
        """A record whose text goes on for 200 MB."""

        def __init__(self) -> None:
            self.blocks = [b"<collection>" + GOOD_XML + b"<record><leader>"]
            self.left = 200

        def read(self, size: int = -1) -> bytes:
            if self.blocks:
                return self.blocks.pop()
            self.left -= 1
            if self.left == 0:
                return b"</leader></record>" + OTHER_XML + b"</collection>"
            return b"x" * (1 << 20) if self.left > 0 else b""

    found = list(read_xml(Endless()))  # type: ignore[arg-type]
    assert titles(found) == [FIRST, SECOND]
    assert [each.problems[0].taken for each in found if each.problems] == [False]


def test_records_inside_oai_answers_are_found_and_deleted_ones_passed_over() -> None:
    answer = (
        b"<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><ListRecords>"
        b"<record><header status='deleted'><identifier>a</identifier></header></record>"
        b"<record><header><identifier>b</identifier></header><metadata>"
        + re.sub(rb"<(/?)(\w)", rb"<\1marc:\2", GOOD_XML)
        + b"</metadata></record></ListRecords></OAI-PMH>"
    )
    assert [(each.number, each.record and each.record.title) for each in xml(answer)] == [(1, FIRST)]


@pytest.mark.parametrize(
    "filler", ["/", "/ x", " ", ",", "và ", ". ", "[", " :", "ab ", "\xe9", "\xb5\x93", "aà", "\u0302", "1-"]
)
def test_a_field_of_one_thing_over_and_over_takes_no_time(filler: str) -> None:
    data = (filler * (20_000 // len(filler))).encode("latin-1" if filler in ("\xe9", "\xb5\x93") else "utf-8")
    tags = ("020", "041", "082", "100", "245", "260", "300", "521", "653", "700", "852", "856", "952")
    fields = [(tag, b"1 \x1fa" + data + b"x/\x1fb" + data + b"\x1fu" + data) for tag in tags]
    begun = time.thread_time()
    (found,) = read(iso2709(fields))
    assert time.thread_time() - begun < 5
    assert found.record or found.problems


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for reader in (read, xml):
        for each in reader(data):
            assert each.record or each.problems


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_record_with_bytes_changed_spoils_no_other(data: st.DataObject) -> None:
    broken = bytearray(OTHER)
    for _ in range(data.draw(st.integers(1, 12))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    found = read(GOOD + bytes(broken) + GOOD)
    assert titles(found)[0] == titles(found)[-1] == FIRST


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_xml_with_bytes_changed_spoils_no_later_record(data: st.DataObject) -> None:
    broken = bytearray(OTHER_XML)
    for _ in range(data.draw(st.integers(1, 12))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    found = xml(b"<collection>" + GOOD_XML + bytes(broken) + GOOD_XML * 2 + b"</collection>")
    assert titles(found)[0] == titles(found)[-1] == FIRST


@pytest.mark.parametrize("kind", ["mrc", "xml"])
def test_processes_read_a_large_file_as_one_does(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"large.{kind}"
    odd = b"00030garbage\x1e in the middle\x1d"
    if kind == "mrc":
        path.write_bytes((GOOD * 10_000 + odd) * 6 + OTHER[:-9])
    else:
        path.write_bytes(b"<collection>" + (GOOD_XML * 8_000 + b"<record><leader>&</record>") * 4)
    alone = list(read_file(path))
    assert list(read_file(path, workers=2)) == alone
    assert alone[-1].number == 0


def test_every_hostile_file_of_five_projects_is_read_or_refused_in_words() -> None:
    read_records, refused = 0, set()
    for path in sorted(shared("data/torture").rglob("*")):
        if path.is_file():
            try:
                found = list(read_file(path))
            except SourceError:
                refused.add(path.suffix)
            else:
                read_records += sum(each.record is not None for each in found)
                assert all(each.record is not None or each.problems for each in found)
    assert read_records >= 350
    assert refused <= {".json", ".ndj", ".lif", ".txt", ".marc", ""}
