"""Đề nghị thư viện mua sách."""

from __future__ import annotations

import pytest

from bot.actions.purchases import title_and_author

ASK = "suggest_purchase"


async def test_a_suggestion_is_stored_with_title_and_author_and_gets_a_number(reader):
    said = await reader.talk.hear(ASK, "nhập [Nexus](title) của [Yuval Noah Harari](author) đi")
    [note] = reader.notes()
    assert (note["kind"], note["text"], note["detail"]) == ("purchase", "Nexus", {"author": "Yuval Noah Harari"})
    assert said.text.startswith(f"Mình đã ghi đề nghị mua “Nexus” của Yuval Noah Harari, số {note['number']}.")


async def test_without_a_title_the_form_asks_and_the_next_words_are_the_title(reader):
    assert (await reader.talk.hear(ASK, "thư viện mua thêm sách đi")).left_to == "purchase_form"
    assert "mua cuốn nào" in (await reader.talk.run("action_ask_wanted_title")).text
    reader.talk.slots["wanted_title"] = "cuốn Nexus của Yuval Noah Harari."
    said = await reader.talk.run("action_store_purchase", "cuốn Nexus của Yuval Noah Harari.")
    assert "“Nexus” của Yuval Noah Harari" in said.text
    assert reader.talk.slots["wanted_title"] is None


async def test_a_button_pressed_in_the_form_is_no_title(reader):
    reader.talk.slots["wanted_title"] = '/list_new_items{"topic": "y học"}'
    await reader.talk.run("action_store_purchase", "/list_new_items")
    assert reader.notes() == []


async def test_mua_di_after_a_title_not_held_takes_that_title(reader):
    await reader.talk.hear("find_item", "có cuốn [Totto-chan bên cửa sổ](title) không")
    await reader.talk.hear(ASK, "vậy mua đi")
    assert [note["text"] for note in reader.notes()] == ["Totto-chan bên cửa sổ"]


async def test_a_title_the_library_holds_is_shown_and_noted_all_the_same(reader):
    said = await reader.talk.hear(ASK, "mua thêm [Số đỏ](title) đi, có mấy cuốn rách hết")
    assert said.responses == ("utter_purchase_stored_though_held",)
    assert said.titles == ["Số đỏ"]
    assert len(reader.notes()) == 1


@pytest.mark.parametrize(
    ("typed", "title", "author"),
    [
        ("cuốn Nexus của Yuval Noah Harari", "Nexus", "Yuval Noah Harari"),
        ("Chuyện của tôi", "Chuyện của tôi", None),
        ("quyển sách Đường xưa mây trắng.", "Đường xưa mây trắng", None),
        ("bộ", "bộ", None),
    ],
)
def test_title_and_author_are_read_from_a_plain_answer(typed, title, author):
    assert title_and_author(typed) == (title, author)
