"""The lines to a SIP2 server: logged in or closed, never one answer for another's question, opened anew when cut."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.ils.sip2.adapter import SIP2ILS
from connectors.ils.sip2.cards import Cards, key_at
from connectors.ils.sip2.connection import Connection
from connectors.ils.sip2.pool import IDLE_S
from connectors.settings import SIP2ILSSection
from library.ils import (
    Capability,
    ILSMisconfigured,
    ILSOutcomeUnknown,
    ILSUnavailable,
    InvalidCredentials,
    NotSupported,
    PatronUnknown,
)
from library.model import Refusal
from tests.connectors.ils.sample import NOW, PIN, Clock
from tests.contract.scenes import KohasShelf, given, koha_with_lan_and_an
from tests.simulators.koha import Koha
from tests.simulators.sip2 import Line, LineFault, line_to, serving_sip2
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

LAN = "TV000001"


def section(port: int, secret: str = PASSWORD, **more: Any) -> SIP2ILSSection:
    usual = {"kind": "sip2", "host": "127.0.0.1", "port": port, "user": USER, "institution": INSTITUTION}
    usual |= {"password": given(secret), "timeout_s": 0.5, "name_order": "given_first"}
    return SIP2ILSSection(**{**usual, **more})


class World:
    def __init__(self, system: Koha, line: Line) -> None:
        self.system = system
        self.line = line

    def ils(self, **more: Any) -> SIP2ILS:
        return SIP2ILS(section(self.line.port, **more), self.system.clock, KohasShelf(self.system), bytes(64))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    system = koha_with_lan_and_an(Clock(), (19, 11))
    async with serving_sip2(system) as port, line_to(port) as line:
        yield World(system, line)


async def test_a_refused_log_in_is_ours_to_mend_and_nothing_is_asked_after_it(world):
    with pytest.raises(ILSMisconfigured, match=r"\[ils\] user and password"):
        await world.ils(secret="wrong").authenticate(LAN, PIN)
    assert world.line.codes == ["93"]


@pytest.mark.parametrize("error_detection", [True, False])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "garbage", "split", "again"])
async def test_a_read_whose_line_fails_once_is_answered_all_the_same(world, kind, error_detection):
    ils = world.ils(error_detection=error_detection)
    lan = await ils.authenticate(LAN, PIN)
    world.line.faults.append(LineFault(kind, "63", times=1))
    assert len(await ils.loans(lan)) == 2


async def test_a_server_that_sends_no_sums_is_understood(world):
    ils = world.ils()
    world.line.faults.append(LineFault("no_checksum"))
    assert (await ils.patron(await ils.authenticate(LAN, PIN))).name == "Nguyễn Thị Lan"


async def test_a_write_that_cannot_be_read_by_the_server_was_not_done(world):
    ils = world.ils()
    lan = await ils.authenticate(LAN, PIN)
    world.line.faults.append(LineFault("again", "29"))
    with pytest.raises(ILSUnavailable):
        await ils.renew(lan, [(await ils.loans(lan))[0].loan_id])
    assert world.system.writes == []


@pytest.mark.parametrize("kind", ["hang_after", "drop_after", "garbage"])
async def test_a_write_without_an_answer_is_unknown_and_its_line_is_used_no_more(world, kind):
    ils = world.ils(connections=1)
    lan = await ils.authenticate(LAN, PIN)
    loan = (await ils.loans(lan))[0]
    world.line.faults.append(LineFault(kind, "29", times=1))
    with pytest.raises(ILSOutcomeUnknown):
        await ils.renew(lan, [loan.loan_id])
    assert world.system.writes == ["renew 1"]
    assert {each.loan_id for each in await ils.loans(lan)} == {"VN0001", "VN0003"}


async def test_no_more_lines_are_opened_than_set_and_they_are_kept(world):
    ils = world.ils(connections=2)
    lan = await ils.authenticate(LAN, PIN)
    await asyncio.gather(*(ils.loans(lan) for _ in range(10)))
    assert world.line.most_open == 2
    assert world.line.codes.count("93") == 2


async def test_a_line_that_was_idle_is_tried_before_it_is_trusted(world):
    ils = world.ils(connections=1)
    lan = await ils.authenticate(LAN, PIN)
    (line,) = ils._pool._free
    line.used_at -= IDLE_S + 1
    begun = len(world.line.codes)
    await ils.patron(lan)
    assert world.line.codes[begun:] == ["99", "63"]


async def test_a_line_that_the_server_shut_meanwhile_costs_a_write_nothing(world):
    ils = world.ils(connections=1)
    lan = await ils.authenticate(LAN, PIN)
    loan = (await ils.loans(lan))[0]
    (line,) = ils._pool._free
    line.close()
    (outcome,) = await ils.renew(lan, [loan.loan_id])
    assert outcome.ok
    assert world.system.writes == ["renew 1"]


async def test_what_a_patron_types_becomes_no_field(world):
    ils = world.ils()
    for card, pin in ((f"{LAN}|AATV000002", PIN), (LAN, f"{PIN}|BLY|CQY"), (f"{LAN}\r", "x\r63"), ("", PIN), (LAN, "")):
        with pytest.raises(InvalidCredentials):
            await ils.authenticate(card, pin)
    assert "63" not in world.line.codes


async def test_reading_and_writing_an_account_counts_as_no_failed_log_in(world):
    """Koha takes an empty PIN for a wrong one: it refuses the hold, and locks the card after a few of them."""
    ils = world.ils()
    lan = await ils.authenticate(LAN, PIN)
    loan = (await ils.loans(lan))[0]
    await ils.patron(lan), await ils.fees(lan), await ils.renew(lan, [loan.loan_id])
    placed = await ils.place_hold(lan, "3")
    assert placed.ok
    assert (await ils.cancel_hold(lan, placed.hold.hold_id)).ok
    assert not world.system.failed_log_ins


@contextlib.asynccontextmanager
async def answering(account: str) -> AsyncIterator[SIP2ILS]:
    """Serve one account, whoever is asked for, as servers do that say less than others."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {"93": "941", "99": "98YYYYNN10000520261122    1259422.00AO|", "63": "64" + " " * 14 + "001"}
        answers["35"] = "36Y20261122    125943AO|"
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                code = (await reader.readuntil(b"\r"))[:2].decode()
                body = f"20261122    125943{'0' * 24}AO|AA{LAN}|{account}" if code == "63" else ""
                writer.write((answers[code] + body).encode() + b"\r")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    system = koha_with_lan_and_an(Clock(), (19, 11))
    ils = SIP2ILS(section(server.sockets[0].getsockname()[1]), system.clock, KohasShelf(system), bytes(64))
    yield ils
    await ils.close()
    server.close()


async def test_a_server_that_does_not_say_whether_pins_are_right_lets_nobody_in():
    async with answering("AELan|BLY|") as ils:
        with pytest.raises(ILSMisconfigured, match="no CQ"):
            await ils.authenticate(LAN, PIN)


async def test_a_server_that_does_not_say_whether_cards_are_valid_names_their_patrons():
    async with answering("AELan|CQY|") as ils:
        assert await ils.authenticate(LAN, PIN)
    for account in ("AE|CQY|", "AELan|CQN|", "AELan|CQY|BLN|"):
        async with answering(account) as ils:
            with pytest.raises(InvalidCredentials):
                await ils.authenticate(LAN, PIN)


async def test_capabilities_are_what_the_server_says(world):
    ils = world.ils()
    assert ils.capabilities == frozenset(Capability)
    await ils.authenticate(LAN, PIN)
    assert Capability.RENEW in ils.capabilities
    told = ils._pool.status
    assert told
    told.fields["BX"][0] = "YYYYYYYYYYYYNNNY"  # type: ignore[index]
    assert ils.capabilities == {Capability.FEES, Capability.LIVE_AVAILABILITY}


async def test_what_the_server_does_not_do_is_said_and_not_sent():
    system = koha_with_lan_and_an(Clock(), (19, 11))
    async with serving_sip2(system, without={"15", "29"}) as port, line_to(port) as line:
        ils = World(system, line).ils()
        lan, an = await ils.authenticate(LAN, PIN), await ils.authenticate("TV000002", PIN)
        deeds = [ils.renew(lan, ["VN0001"]), ils.place_hold(lan, "3"), ils.cancel_hold(an, "VN0005")]
        for deed in deeds:
            with pytest.raises(NotSupported):
                await deed
        assert not {"15", "29"} & set(line.codes)
        await ils.close()


async def test_a_server_that_knows_only_the_status_of_patrons_lets_them_log_in_and_lists_nothing():
    system = koha_with_lan_and_an(Clock(), (19, 11))
    async with serving_sip2(system, without={"63"}) as port, line_to(port) as line:
        ils = World(system, line).ils()
        with pytest.raises(InvalidCredentials):
            await ils.authenticate(LAN, "9999")
        lan = await ils.authenticate(LAN, PIN)
        assert (await ils.patron(lan)).name == "Nguyễn Thị Lan"
        with pytest.raises(NotSupported):
            await ils.loans(lan)
        assert "63" not in line.codes
        await ils.close()


async def test_a_log_in_ends_its_session_and_holds_without_an_answer_to_that(world):
    ils = world.ils()
    await ils.authenticate(LAN, PIN)
    assert world.line.codes[-2:] == ["63", "35"]
    world.line.faults.append(LineFault("hang", "35"))
    assert await ils.authenticate(LAN, PIN)


async def test_a_name_is_shown_as_sent_or_with_the_family_first(world):
    sent = world.ils(name_order="as_sent")
    assert (await sent.patron(await sent.authenticate(LAN, PIN))).name == "Thị Lan Nguyễn"


async def test_an_expired_card_is_told_from_a_blocked_one(world):
    world.system.patrons[51]["expiry_date"] = (NOW - timedelta(days=1)).date().isoformat()
    world.system.patrons[52]["restricted"] = True
    ils = world.ils()
    blocks = [(await ils.patron(await ils.authenticate(card, PIN))).blocks for card in (LAN, "TV000002")]
    assert blocks == [{Refusal.CARD_EXPIRED}, {Refusal.CARD_RESTRICTED}]


async def test_nothing_of_a_patron_is_logged(world, caplog):
    caplog.set_level(logging.DEBUG)
    ils = world.ils()
    lan = await ils.authenticate(LAN, PIN)
    world.line.faults.append(LineFault("drop_before", "63|17", times=1))
    await ils.loans(lan)
    ours = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("pysip2"))
    for secret in (LAN, PIN, PASSWORD, "Lan", "Số đỏ", "VN0001"):
        assert secret not in ours


def test_a_sealed_card_has_one_name_and_says_nothing_without_its_key():
    cards = Cards(b"k" * 64)
    sealed = cards.seal(LAN)
    assert sealed == cards.seal(LAN) != cards.seal("TV000002")
    assert LAN not in sealed
    assert cards.open(sealed) == LAN
    for other in (lambda: Cards(b"x" * 64).open(sealed), lambda: cards.open("nonsense"), lambda: cards.open("")):
        with pytest.raises(PatronUnknown):
            other()


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path):
    path = tmp_path / "var" / "sip2.key"
    key = key_at(path)
    assert key_at(path) == key
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["sip2.key"]
    path.write_bytes(b"short")
    with pytest.raises(ILSMisconfigured, match="damaged"):
        key_at(path)


def certificate(folder: Path) -> Path:
    """Return a certificate that nobody signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem += key.private_bytes(serialization.Encoding.PEM, *plain)
    path = folder / "server.pem"
    path.write_bytes(pem)
    return path


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ILSMisconfigured, match="certificate"):
        await Connection.open(section(port, tls=True), Clock())
    server.close()


async def test_tls_where_none_is_spoken_says_so(world):
    with pytest.raises((ILSMisconfigured, ILSUnavailable)):
        await Connection.open(section(world.line.port, tls=True), Clock())
