"""Nhiều thẻ trong một cuộc trò chuyện: chọn theo tên, thêm, gỡ, và câu hỏi nhớ thẻ của nó; ai cũng có sách."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot.actions.whose import Whose, whose
from connectors import cards
from connectors.cards import NewCard
from connectors.store import cards as stored
from library.ils import PatronRef, PatronUnknown
from library.model import Loan, Patron, RenewalOutcome
from library.ports import LinkedCard
from tests.fakes import FakeILS
from tests.journeys.patron import CONVERSATION, SUNDAY_MORNING, Desk, desk_for

LAN, MINH, AN = PatronRef("p-lan"), PatronRef("p-minh"), PatronRef("p-an")
NAMES = {LAN: "Nguyễn Thị Lan", MINH: "Nguyễn Minh", AN: "Trần Văn An"}


class Family(FakeILS):
    """A library system in which each of the family has a book."""

    books: ClassVar = {LAN: "Số đỏ", MINH: "Dế Mèn phiêu lưu ký", AN: "Mắt biếc"}
    gone: PatronRef | None = None

    async def patron(self, who: PatronRef) -> Patron:
        return Patron(who.patron_id, NAMES[who], "BD")

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        if who == self.gone:
            raise PatronUnknown("no such patron")
        title = self.books[who]
        return [Loan(f"loan-{who.patron_id}", "r", title, SUNDAY_MORNING + timedelta(days=3))]

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[Any]:
        self.renewed += loan_ids
        return [RenewalOutcome(each, self.books[who], SUNDAY_MORNING + timedelta(days=17)) for each in loan_ids]


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Desk]:
    """Lan, Minh, who is a child, and An have linked their cards here; Lan's is in use."""
    with desk_for(tmp_path, system=Family()) as desk:
        guardian = {"name": "Nguyễn Thị Lan", "relation": "mẹ"}
        for number, who in enumerate((AN, MINH, LAN)):
            card = NewCard(who.patron_id, NAMES[who], guardian if who == MINH else None)
            at = SUNDAY_MORNING - timedelta(days=3 - number)
            desk.store.write_now(lambda db, card=card, at=at: cards.link(db, CONVERSATION, card, at))
        yield desk


async def test_a_list_says_whose_card_it_is_and_offers_the_others(family):
    said = await family.talk.hear("list_loans", "em đang mượn gì")
    assert said.texts[0] == "Thẻ của Nguyễn Thị Lan:"
    assert "Số đỏ" in said.texts[1]
    assert [button["title"] for button in said.buttons] == ["Gia hạn", "Thẻ của Trần Văn An", "Thẻ của Nguyễn Minh"]
    assert all("p-" not in button["payload"] for button in said.buttons)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("bé Minh đang mượn gì", "Dế Mèn phiêu lưu ký"),
        ("be minh muon gi roi", "Dế Mèn phiêu lưu ký"),
        ("xem thẻ của Nguyễn Minh", "Dế Mèn phiêu lưu ký"),
        ("con em đang mượn cuốn gì", "Dế Mèn phiêu lưu ký"),
        ("sách của An bao giờ trả", "Mắt biếc"),
        ("thẻ anh An mượn mấy cuốn", "Mắt biếc"),
        ("tran van an dang muon gi", "Mắt biếc"),
        ("mình đang mượn gì", "Số đỏ"),
        ("minh dang muon gi", "Số đỏ"),
        ("cho mình xem sách đang mượn", "Số đỏ"),
        ("bạn cho em xem đang mượn gì", "Số đỏ"),
    ],
)
async def test_a_name_picks_its_card_and_a_pronoun_none(family, words, title):
    assert title in (await family.talk.hear("list_loans", words)).text


async def test_the_card_picked_stays_in_use(family):
    await family.talk.hear("list_loans", "bé Minh đang mượn gì")
    assert "Dế Mèn" in (await family.talk.hear("list_loans", "đang mượn gì")).text


async def test_the_button_of_a_card_opens_it(family):
    said = await family.talk.hear("list_loans", "em đang mượn gì")
    assert "Mắt biếc" in (await family.talk.press(said.button("Trần Văn An"))).text


async def test_somebody_whose_card_is_not_linked_stays_private(family):
    said = await family.talk.hear("list_loans", "chồng em đang mượn gì")
    assert said.responses == ("utter_private",)


async def test_a_yes_is_for_the_card_that_was_asked_about(family):
    await family.talk.hear("renew_loans", "gia hạn [Số đỏ](title)")
    family.store.write_now(lambda db: cards.choose(db, CONVERSATION, "p-an"))
    said = await family.talk.hear("affirm", "ừ")
    assert family.ils.renewed == ["loan-p-lan"]
    assert "Số đỏ" in said.text


async def test_a_yes_for_a_card_that_was_taken_off_does_nothing(family):
    await family.talk.hear("renew_loans", "gia hạn [Số đỏ](title)")
    family.store.write_now(lambda db: cards.unlink(db, CONVERSATION, ["p-lan"], SUNDAY_MORNING, "unlinked"))
    assert (await family.talk.hear("affirm", "ừ")).responses == ("utter_question_is_over",)
    assert family.ils.renewed == []


async def test_unlinking_asks_which_and_takes_off_that_one(family):
    asked = await family.talk.hear("unlink_account", "huỷ liên kết thẻ")
    assert asked.responses == ("utter_unlink_which",)
    done = await family.talk.press(asked.button("Nguyễn Minh"))
    assert done.text.startswith("Mình đã gỡ thẻ của Nguyễn Minh")
    assert {row["patron_id"] for row in family.rows(stored)} == {"p-lan", "p-an"}


async def test_all_cards_are_unlinked_together(family):
    assert (await family.talk.hear("unlink_account", "gỡ tất cả thẻ")).responses == ("utter_unlinked",)
    assert family.rows(stored) == []
    assert "utter_link_first" in (await family.talk.hear("list_loans", "em đang mượn gì")).responses


async def test_one_more_card_is_offered_beside_the_one_that_is_linked(family):
    await family.talk.hear("unlink_account", "gỡ thẻ của Trần Văn An")
    await family.talk.hear("unlink_account", "gỡ thẻ bé Minh")
    already = await family.talk.hear("link_account", "liên kết thẻ")
    assert already.responses == ("utter_already_linked",)
    page = await family.talk.press(already.button("Thêm thẻ nữa"))
    assert page.responses == ("utter_link_page",)
    assert page.button("Thêm thẻ")["url"].startswith("https://hoi.example/link/")


async def test_a_card_that_the_library_knows_no_more_is_taken_off_with_a_word(family):
    family.ils.gone = LAN
    said = await family.talk.hear("list_loans", "em đang mượn gì")
    assert said.responses[-1] == "utter_card_gone"
    assert "p-lan" not in {row["patron_id"] for row in family.rows(stored)}


async def test_a_link_that_nobody_used_for_half_a_year_has_ended_and_says_so_once(family):
    await family.talk.hear("unlink_account", "gỡ thẻ của Trần Văn An")
    await family.talk.hear("unlink_account", "gỡ thẻ bé Minh")
    await family.talk.hear("list_loans", "em đang mượn gì")
    family.talk.wait(days=181)
    assert (await family.talk.hear("list_loans", "em đang mượn gì")).responses == (
        "utter_link_ended",
        "utter_link_first",
    )


def test_two_cards_of_one_name_are_not_guessed_between():
    twins = [LinkedCard(PatronRef(key), name, key) for key, name in (("1", "Lê Văn Hùng"), ("2", "Phạm Hùng"))]
    assert whose(twins, "sách của Hùng") == Whose(doubtful=twins)
    assert whose(twins, "sách của Phạm Hùng") == Whose(twins[1])
