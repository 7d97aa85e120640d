"""Các thẻ trong một nhà: several patrons in one chat, chosen by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.cards import NewCard, link
from connectors.store import card_events, cards, consents
from library.ports import Turn
from tests.connectors.ils.sample import NOW, PIN, Library, lent, open_library, reader
from tests.journeys.patron import Desk, desk_for
from tests.journeys.talk import CONVERSATION

LAN = reader(1, name="Nguyễn Thị Lan", loans=[lent("Mắt biếc", 9)])
MINH = reader(2, name="Nguyễn Văn Minh", category="thiếu nhi", loans=[lent("Số đỏ", 3)])
OTHER_MINH = reader(3, name="Trần Minh", loans=[lent("Nhà giả kim", 5)])


@dataclass
class Family:
    desk: Desk
    library: Library

    async def link(self, card: str, *, child: bool = False) -> None:
        who = await self.library.ils.find_card(card)
        name = (await self.library.ils.patron(who)).name
        guardian = {"guardian": "Nguyễn Thị Lan", "relation": "mẹ"} if child else None
        new = NewCard(who.patron_id, name, guardian)
        await self.desk.store.write(lambda db: link(db, CONVERSATION, new, self.desk.talk.now))

    async def loans(self, card: str) -> list[str]:
        found = await self.library.ils.loans(await self.library.ils.find_card(card))
        return [f"{loan.title} {loan.renewals}" for loan in found]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Family]:
    """Nobody is linked yet."""
    library = open_library(tmp_path, LAN, MINH, OTHER_MINH)
    with desk_for(tmp_path, system=library.ils, now=NOW) as desk:
        yield Family(desk, library)


@pytest.fixture
async def family(alone: Family) -> Family:
    """Minh, a child, and then Lan are linked: Lan's card is the current one."""
    await alone.link("DT000002", child=True)
    await alone.link("DT000001")
    return alone


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("bé Minh đang mượn gì", "Số đỏ"),
        ("thẻ của Nguyễn Văn Minh đang mượn gì", "Số đỏ"),
        ("sach cua be minh", "Số đỏ"),
        ("nguyen van minh muon gi", "Số đỏ"),
        ("Sách của Minh", "Số đỏ"),
        ("con tôi đang mượn gì", "Số đỏ"),
        ("con gái mình đang mượn sách gì", "Số đỏ"),
        ("sách của Lan", "Mắt biếc"),
        ("sach cua lan", "Mắt biếc"),
        ("chị Lan đang mượn gì", "Mắt biếc"),
        ("my son's books", "Số đỏ"),
    ],
)
async def test_the_card_named_is_looked_at_and_whose_it_is_is_said(family, words, title):
    said = await family.desk.talk.hear("list_loans", words)
    assert said.responses[0] == "utter_card_of"
    assert title in said.text
    assert len([line for line in said.text.splitlines() if line.startswith("•") or "”" in line]) == 1


@pytest.mark.parametrize("words", ["sách của mình", "sach cua minh", "thẻ mình đang mượn gì", "lần này mình mượn gì"])
async def test_mine_is_no_name(family, words):
    await family.desk.talk.hear("list_loans", "bé Minh mượn gì")
    await family.desk.talk.hear("list_loans", "sách của tôi")
    said = await family.desk.talk.hear("list_loans", words)
    assert "Mắt biếc" in said.text
    assert "Số đỏ" not in said.text


async def test_the_card_chosen_stays_until_another_is_and_the_others_are_offered(family):
    await family.desk.talk.hear("list_loans", "bé Minh đang mượn gì")
    said = await family.desk.talk.hear("list_loans", "đang mượn gì")
    assert "Thẻ của Nguyễn Văn Minh" in said.text
    other = said.button("Thẻ của Nguyễn Thị Lan")
    who = await family.library.ils.find_card("DT000001")
    assert (
        who.patron_id
        not in json.loads(other["payload"].partition("{")[1] + other["payload"].partition("{")[2]).values()
    )
    assert "Mắt biếc" in (await family.desk.talk.press(other)).text


async def test_one_card_is_answered_as_ever(alone):
    await alone.link("DT000001")
    said = await alone.desk.talk.hear("list_loans", "em đang mượn gì")
    assert said.responses == ("utter_loans",)
    assert all("Thẻ của" not in button["title"] for button in said.buttons)


@pytest.mark.parametrize("words", ["anh Nam đang mượn gì", "chồng em đang mượn gì", "thẻ của bạn em mượn gì"])
async def test_who_is_not_linked_stays_private(family, words):
    assert (await family.desk.talk.hear("list_loans", words)).responses == ("utter_private",)


async def test_a_yes_renews_on_the_card_it_was_asked_for(family):
    asked = await family.desk.talk.hear("renew_loans", "gia hạn [tất cả](loan_scope) cho bé Minh")
    assert asked.responses == ("utter_card_of", "utter_renew_this")
    between = await family.desk.talk.hear("list_loans", "còn sách của Lan")
    assert between.responses == ("utter_card_of", "utter_loans", "utter_card_of", "utter_renew_this")
    assert "Thẻ của Nguyễn Văn Minh" in between.texts[2]
    done = await family.desk.talk.hear("affirm", "ừ")
    assert done.responses == ("utter_card_of", "utter_renewed_one")
    assert await family.loans("DT000002") == ["Số đỏ 1"]
    assert await family.loans("DT000001") == ["Mắt biếc 0"]


async def test_a_yes_for_a_card_unlinked_since_does_nothing(family):
    await family.desk.talk.hear("renew_loans", "gia hạn [tất cả](loan_scope) cho bé Minh")
    who = await family.library.ils.find_card("DT000002")
    await family.desk.links.remove(Turn(CONVERSATION, "elsewhere", "web", family.desk.talk.now), who)
    assert (await family.desk.talk.hear("affirm", "ừ")).responses == ("utter_question_is_over",)
    assert await family.loans("DT000002") == ["Số đỏ 0"]


async def test_a_loans_own_button_finds_the_card_it_is_on(family):
    minh = await family.library.ils.find_card("DT000002")
    (loan,) = await family.library.ils.loans(minh)
    said = await family.desk.talk.press({"payload": f'/renew_loans{{"loan_id": "{loan.loan_id}"}}'})
    assert "Thẻ của Nguyễn Văn Minh" in said.text
    assert said.responses[-1] == "utter_renew_this"


async def test_a_name_that_two_cards_bear_is_asked_back_and_a_name_answers(family):
    await family.link("DT000003")
    asked = await family.desk.talk.hear("renew_loans", "gia hạn [tất cả](loan_scope) cho Minh")
    assert asked.responses == ("utter_whose_card",)
    assert {button["title"] for button in asked.buttons} == {"Thẻ của Nguyễn Văn Minh", "Thẻ của Trần Minh"}
    said = await family.desk.talk.hear("out_of_scope", "Trần Minh")
    assert said.responses == ("utter_card_of", "utter_renew_this")
    assert "Nhà giả kim" in said.text


async def test_other_cards_are_listed_and_one_is_chosen(family):
    said = await family.desk.talk.hear("link_account", "đổi thẻ")
    assert said.responses == ("utter_cards",)
    assert said.button("Thêm thẻ")["url"].startswith("https://hoi.example/link/")
    chosen = await family.desk.talk.press(said.button("Nguyễn Văn Minh"))
    assert chosen.responses == ("utter_card_chosen",)
    assert "Số đỏ" in (await family.desk.talk.hear("list_loans", "đang mượn gì")).text


async def test_a_card_is_added_beside_the_first(alone):
    await alone.link("DT000001")
    page = await alone.desk.talk.hear("link_account", "liên kết thêm thẻ của con")
    await alone.desk.links.log_in(page.buttons[0]["url"].rsplit("/", 1)[1], "DT000003", PIN)
    assert (await alone.desk.talk.hear("affirm", "đúng")).responses == ("utter_linked",)
    assert {row["name"] for row in alone.desk.rows(cards)} == {"Nguyễn Thị Lan", "Trần Minh"}


@pytest.mark.parametrize(("press", "left"), [("", {"Trần Minh"}), ("giữ cả hai thẻ", {"Trần Minh", "Nguyễn Thị Lan"})])
async def test_another_card_instead_gives_the_old_one_up_unless_both_are_kept(alone, press, left):
    await alone.link("DT000001")
    page = await alone.desk.talk.hear("link_account", "đổi thẻ")
    login = await alone.desk.links.log_in(page.buttons[0]["url"].rsplit("/", 1)[1], "DT000003", PIN)
    assert login.replaces == "Nguyễn Thị Lan"
    said = f', "said": "{press}"' if press else ""
    await alone.desk.talk.press({"payload": f'/affirm{{"question": "link"{said}}}'})
    assert {row["name"] for row in alone.desk.rows(cards)} == left


async def test_a_seventh_card_finds_no_room(family):
    for number in range(4):
        new = NewCard(f"p{number}", f"Bạn {number}")
        await family.desk.store.write(lambda db, new=new: link(db, CONVERSATION, new, family.desk.talk.now))
    assert (await family.desk.talk.hear("link_account", "thêm thẻ")).responses == ("utter_cards_full",)


async def test_unlinking_asks_which_and_takes_the_guardians_consent_with_it(family):
    assert len(family.desk.rows(consents)) == 1
    asked = await family.desk.talk.hear("unlink_account", "huỷ liên kết thẻ")
    assert asked.responses == ("utter_unlink_which",)
    said = await family.desk.talk.press(asked.button("Gỡ thẻ của Nguyễn Văn Minh"))
    assert said.responses == ("utter_unlinked_one",)
    assert [row["name"] for row in family.desk.rows(cards)] == ["Nguyễn Thị Lan"]
    assert family.desk.rows(consents) == []
    assert [row["deed"] for row in family.desk.rows(card_events)][-2:] == ["unlinked", "withdrew"]


async def test_unlinking_by_name_and_all_at_once(family):
    assert (await family.desk.talk.hear("unlink_account", "gỡ thẻ của Lan")).responses == ("utter_unlinked_one",)
    await family.link("DT000003")
    assert (await family.desk.talk.hear("unlink_account", "gỡ hết các thẻ")).responses == ("utter_unlinked",)
    assert family.desk.rows(cards) == []


async def test_a_link_unused_for_half_a_year_ends_and_says_so_once(alone):
    await alone.link("DT000001")
    alone.desk.talk.now += timedelta(days=180)
    assert "Mắt biếc" in (await alone.desk.talk.hear("list_loans", "em đang mượn gì")).text
    alone.desk.talk.now += timedelta(days=181)
    said = await alone.desk.talk.hear("list_loans", "em đang mượn gì")
    assert said.responses == ("utter_link_ended", "utter_link_first")
    assert "Nguyễn Thị Lan" in said.text
    assert (await alone.desk.talk.hear("list_loans", "em đang mượn gì")).responses == ("utter_link_first",)


async def test_a_card_that_the_library_no_longer_knows_is_unlinked_with_a_word(family):
    new = NewCard("999", "Lê Văn Cũ")
    await family.desk.store.write(lambda db: link(db, CONVERSATION, new, family.desk.talk.now))
    said = await family.desk.talk.hear("list_loans", "đang mượn gì")
    assert said.responses == ("utter_card_gone",)
    assert "Lê Văn Cũ" in said.text
    assert len((await family.desk.talk.hear("list_loans", "đang mượn gì")).responses) == 2
    assert [row["deed"] for row in family.desk.rows(card_events)][-1] == "gone"
