"""Servers of other makers: what the standard lets them do, and what they do all the same, makes nothing told untrue."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from connectors.ils.shelf import Copy, Shelved
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.ils.sip2.frame import checksum
from connectors.settings import SIP2ILSSection
from library.ils import ILSOutcomeUnknown, ILSProtocolError, ILSUnavailable, PatronRef
from library.model import Branch, HoldStatus
from tests.connectors.ils.sample import PIN, Clock

CARD = "TV000001"
DATE = "20261122    125943"


@dataclass
class Other:
    """A server with one patron; each setting is a habit that some server has."""

    loans: Sequence[str] = ("VN0001",)
    ready: Sequence[str] = ()
    waiting: Sequence[str] = ()
    copy: str = "04"  # how every copy stands
    here: str = ""  # and where it is now
    fees: Sequence[str] = ()
    summed: str = ""  # the BV
    part: int = 9999  # entries of a list in one answer
    counts: str | None = None  # instead of the true ones
    note: str = ""
    twice: str = ""  # the messages that are answered twice
    end: str = "\r"
    closes: bool = False  # after each answer about a patron or a copy
    online: str = "Y"
    done: str = "1"  # what it says of a renewal
    renewed: int = 0

    def answer(self, asked: str) -> str:
        code, fields = asked[:2], dict(re.findall(r"(?<=[|\d YN])(A[AB]|BP)([^|]*)\|", asked))
        if code == "63":
            return self._account(asked, int(fields.get("BP") or 1) - 1)
        if code == "29":
            self.renewed += 1
            return f"30{self.done}YNN{DATE}AA{CARD}|AB{fields['AB']}|AJ|AH20261211    235900|AO|"
        copy = f"18{self.copy}0201{DATE}AB{fields.get('AB', '')}|AJ|AH20261124    235900|AP{self.here}|"
        usual = {"93": "941", "99": f"98{self.online}YYYNN100005{DATE}2.00AO|", "35": f"36Y{DATE}AO|AA{CARD}|"}
        return {**usual, "17": copy}[code]

    def _account(self, asked: str, start: int) -> str:
        lists = {0: ("AS", self.ready), 2: ("AU", self.loans), 3: ("AV", self.fees), 5: ("CD", self.waiting)}
        true = "".join(f"{len(lists[place][1]) if place in lists else 0:04}" for place in range(6))
        name, entries = lists.get(asked[23:33].find("Y"), ("", ()))
        told = "".join(f"{name}{each}|" for each in entries[start : start + self.part])
        flags = f"64{' ' * 14}001{DATE}{true if self.counts is None else self.counts}"
        summed = f"BV{self.summed}|" if self.summed else ""
        return f"{flags}AO|AA{CARD}|AENguyễn, Thị Lan|BLY|CQY|{summed}{self.note}{told}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                asked = await reader.readuntil(b"\r")
                line = self.answer(asked.decode()).encode()
                if trailer := re.search(rb"AY\dAZ", asked):
                    line += trailer[0]
                    line += checksum(line)
                line += self.end.encode()
                writer.write(line * (1 + (asked[:2].decode() in self.twice.split())))
                await writer.drain()
                if self.closes and asked[:2] not in (b"93", b"99"):
                    writer.close()
        writer.close()


class Shelf:
    def titles(self, record_ids: Sequence[str]) -> dict[str, str]:
        return {}

    def by_barcode(self, barcodes: Sequence[str]) -> dict[str, Shelved]:
        return {each: Shelved("1", "Số đỏ") for each in barcodes if each.startswith("VN")}

    def copies_of(self, record_ids: Sequence[str]) -> dict[str, Sequence[Copy]]:
        return {}

    def __init__(self, *branches: str) -> None:
        self._branches = branches

    def branches(self) -> Sequence[Branch]:
        return [Branch(code, code, code) for code in self._branches]


@contextlib.asynccontextmanager
async def logged_in(
    other: Other, *, sums: bool = True, branches: Sequence[str] = ("MT", "CL")
) -> AsyncIterator[tuple[SIP2ILS, PatronRef]]:
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    section = SIP2ILSSection(
        kind="sip2", host="127.0.0.1", port=port, location="MT", timeout_s=0.5, error_detection=sums
    )
    ils = SIP2ILS(section, Clock(), Shelf(*branches), bytes(64))
    note, other.note = other.note, ""
    try:
        who = await ils.authenticate(CARD, PIN)
        other.note = note
        yield ils, who
    finally:
        await ils.close()
        server.close()


MANY = [f"VN{number:04}" for number in range(24)]


@pytest.mark.parametrize("counts", [None, " " * 24, "0" * 24, "0" * 14 + "2400" + "0" * 12])
async def test_a_list_told_in_parts_is_whole_whatever_the_server_counts(counts):
    async with logged_in(Other(loans=MANY, part=10, counts=counts)) as (ils, who):
        assert sorted(loan.loan_id for loan in await ils.loans(who)) == MANY


async def test_loans_that_are_counted_and_not_told_pass_not_for_none():
    async with logged_in(Other(loans=[], counts="000000000002000000000000")) as (ils, who):
        with pytest.raises(ILSProtocolError, match="counts loans"):
            await ils.loans(who)


@pytest.mark.parametrize("summed", ["", "0.00"])
async def test_fees_told_in_part_and_not_summed_pass_not_for_all(summed):
    async with logged_in(Other(fees=[f"Phí {n}000.00" for n in range(1, 16)], part=10, summed=summed)) as (ils, who):
        with pytest.raises(ILSProtocolError, match="how much"):
            await ils.fees(who)


async def test_fees_that_are_counted_and_neither_listed_nor_summed_pass_not_for_none():
    async with logged_in(Other(counts="000000000001000200000000")) as (ils, who):
        with pytest.raises(ILSProtocolError, match="how much"):
            await ils.fees(who)


@pytest.mark.parametrize("sums", [True, False])
async def test_an_answer_told_twice_is_never_taken_for_the_next(sums):
    other = Other(waiting=["VN0009"], twice="63 29")
    async with logged_in(other, sums=sums) as (ils, who):
        for _ in range(3):
            assert [loan.loan_id for loan in await ils.loans(who)] == ["VN0001"]
            assert [hold.status for hold in await ils.holds(who)] == [HoldStatus.WAITING]
        for times in (1, 2):
            (outcome,) = await ils.renew(who, ["VN0001"])
            assert (outcome.ok, other.renewed) == (True, times)


async def test_a_line_break_in_a_note_cuts_nothing_off_unnoticed():
    other = Other(fees=["Phí 5.000 đ"], summed="5000", note="AFghi chú\rdòng hai|")
    async with logged_in(other) as (ils, who):
        for asked in (ils.loans, ils.fees, ils.holds):
            with pytest.raises(ILSUnavailable):
                await asked(who)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
async def test_a_server_that_closes_after_each_answer_is_written_to_on_a_line_that_is_open(end):
    other = Other(closes=True, end=end)
    async with logged_in(other) as (ils, who):
        await ils.loans(who)
        await asyncio.sleep(0.02)  # until its good-bye is here
        told = await ils._pool.ask("29", "NN" + DATE * 2, [("AA", CARD), ("AB", "VN0001")], writes=True)
        assert (told.ok, other.renewed) == (True, 1)


async def test_a_write_that_is_answered_with_neither_yes_nor_no_is_unknown_and_no_refusal():
    other = Other(done=" ")
    async with logged_in(other) as (ils, who):
        with pytest.raises(ILSOutcomeUnknown):
            await ils.renew(who, ["VN0001"])
        assert other.renewed == 1


async def test_a_server_without_its_library_system_is_not_asked_for_cards():
    other = Other()
    async with logged_in(other) as (ils, who):
        other.online = "N"
        await ils.close()
        with pytest.raises(ILSUnavailable, match="off line"):
            await ils.patron(who)


async def test_a_family_name_before_a_comma_stands_first_without_it():
    async with logged_in(Other()) as (ils, who):
        assert (await ils.patron(who)).name == "Nguyễn Thị Lan"


@pytest.mark.parametrize(
    ("here", "branches", "told"),
    [("CL", ["MT", "CL"], "CL"), ("", ["MT", "CL"], ""), ("Kho 2", ["MT", "CL"], ""), ("", ["SD"], "SD")],
)
async def test_where_a_hold_is_picked_up_is_told_by_its_copy_and_never_by_our_own_terminal(here, branches, told):
    async with logged_in(Other(ready=["VN0005"], copy="08", here=here), branches=branches) as (ils, who):
        (hold,) = await ils.holds(who)
        assert (hold.status, hold.pickup) == (HoldStatus.READY, told)


@pytest.mark.parametrize(
    ("copy", "status"),
    [("04", HoldStatus.WAITING), ("10", HoldStatus.IN_TRANSIT), ("03", HoldStatus.READY), ("01", HoldStatus.READY)],
)
async def test_a_hold_whose_copy_is_still_lent_is_not_ready_whatever_list_it_stands_in(copy, status):
    async with logged_in(Other(ready=["VN0005", "Tắt đèn"], copy=copy)) as (ils, who):
        assert {hold.hold_id: hold.status for hold in await ils.holds(who)} == {
            "VN0005": status,
            "Tắt đèn": HoldStatus.READY,
        }
