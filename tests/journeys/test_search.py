"""Tìm sách, lọc tiếp, xem từng cuốn, còn hay hết, nằm ở đâu, gợi ý, sách mới."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.actions.filters import audience_of
from bot.actions.finding import likeness
from library.ils import ILSUnavailable
from library.model import ItemState
from tests.journeys.shelves import RECORDS

SHRIMPS = "sách về [nuôi tôm](topic)"


def lines(said, title: str) -> list[str]:  # type: ignore[no-untyped-def]
    return next(card["lines"] for card in said.cards if card["title"] == title)


# --- tìm


@pytest.mark.parametrize("typed", ["Số đỏ", "so do", "SỐ ĐỎ"])
async def test_a_title_is_found_with_or_without_its_accents(reader, typed):
    said = await reader.talk.hear("find_item", f"có cuốn [{typed}](title) không")
    assert said.text == "Có “Số đỏ” của Vũ Trọng Phụng ở thư viện:"
    assert said.titles == ["Số đỏ"]
    assert said.cards[0]["subtitle"] == "Vũ Trọng Phụng · 1998"
    assert lines(said, "Số đỏ")[1:] == [
        "Mỹ Tho · 895.922 / S100 · còn 2 bản",
        "Cao Lãnh · 895.922 / S100 · đang cho mượn hết, sớm nhất trả thứ Ba 1/12",
    ]


async def test_a_title_is_found_even_when_no_slot_was_heard(reader):
    assert (await reader.talk.hear("find_item", "ad ơi có cuốn Số đỏ không ạ")).titles == ["Số đỏ"]


@pytest.mark.parametrize("typed", ["số đo", "dế mèm phiu lưu ký"])
async def test_another_spelling_is_asked_back_and_a_yes_shows_the_book(reader, typed):
    said = await reader.talk.hear("find_item", f"có [{typed}](title) không")
    assert said.responses == ("utter_did_you_mean",)
    assert said.text.endswith("phải không?")
    shown = await reader.talk.hear("affirm", "ừ")
    assert shown.titles == [said.text.split("“")[1].split("”")[0]]


async def test_the_beginning_of_a_title_is_enough(reader):
    said = await reader.talk.hear("find_item", "truyện [dế mèn](title)")
    assert said.text == "Có “Dế Mèn phiêu lưu ký” của Tô Hoài ở thư viện:"


async def test_a_topic_brings_five_cards_with_reasons_and_copies(reader):
    said = await reader.talk.hear("find_item", SHRIMPS)
    assert said.text == "Có 7 cuốn hợp với “nuôi tôm”, 5 cuốn đầu đây:"
    assert len(said.cards) == 5
    assert lines(said, "Cẩm nang nuôi tôm") == [
        "Nhan đề hoặc tóm tắt có “nuôi tôm”",
        "Cao Lãnh · 639.68 / C100 · còn 1 bản",
    ]
    assert not any(
        character.isdigit() and "." in line for line in lines(said, said.titles[0])[:1] for character in line
    )


async def test_an_author_brings_the_works_with_a_hold_only_where_all_are_out(reader):
    said = await reader.talk.hear("find_item", "truyện [nguyen nhat anh](author)")
    assert set(said.titles) == {"Kính vạn hoa. Tập 1", "Kính vạn hoa. Tập 2", "Mắt biếc"}
    offers = {card["title"]: [button["title"] for button in card["buttons"]] for card in said.cards}
    assert offers["Mắt biếc"] == ["Xem thêm", "Đặt giữ"]
    assert offers["Kính vạn hoa. Tập 1"] == ["Xem thêm"]


async def test_readers_and_language_narrow_the_search(reader):
    said = await reader.talk.hear("find_item", "sách cho [bé 5 tuổi](audience)")
    assert set(said.titles) == {"Dế Mèn phiêu lưu ký", "Kính vạn hoa. Tập 1", "Kính vạn hoa. Tập 2"}
    assert "sách thiếu nhi" in said.text
    assert (await reader.talk.hear("find_item", "có sách [tiếng Anh](language) không")).titles == ["Animal Farm"]


async def test_a_title_not_held_is_offered_for_buying_and_a_yes_notes_it(reader):
    said = await reader.talk.hear("find_item", "có [Totto-chan bên cửa sổ](title) không")
    assert said.text == "Thư viện chưa có “Totto-chan bên cửa sổ”. Mình ghi lại đề nghị mua giúp bạn nhé?"
    assert "đề nghị mua “Totto-chan bên cửa sổ”" in (await reader.talk.hear("affirm", "ừ")).text
    assert [note["text"] for note in reader.notes()] == ["Totto-chan bên cửa sổ"]


async def test_a_no_to_that_offer_notes_nothing(reader):
    await reader.talk.hear("find_item", "có [Totto-chan bên cửa sổ](title) không")
    await reader.talk.hear("deny", "thôi khỏi")
    await reader.talk.hear("affirm", "ừ")
    assert reader.notes() == []


async def test_an_authors_other_works_are_shown_when_the_title_is_not_held(reader):
    said = await reader.talk.hear("find_item", "[Làm đĩ](title) của [Vũ Trọng Phụng](author)")
    assert said.responses == ("utter_works_of_author", "utter_title_not_held")
    assert set(said.titles) == {"Số đỏ", "Giông tố"}


async def test_when_the_library_system_is_silent_hits_come_without_copies_and_it_is_said(reader):
    reader.ils.fault = lambda: ILSUnavailable("no answer")
    said = await reader.talk.hear("find_item", SHRIMPS)
    assert len(said.cards) == 5
    assert said.responses == ("utter_found_more", "utter_copies_unknown")
    assert not any("còn" in line for card in said.cards for line in card["lines"])


async def test_one_page_of_hits_asks_the_library_system_once(reader):
    asked = []
    availability = reader.ils.availability
    reader.ils.availability = lambda ids: (asked.append(list(ids)), availability(ids))[1]
    await reader.talk.hear("find_item", SHRIMPS)
    assert [len(ids) for ids in asked] == [5]


async def test_what_only_comes_near_in_meaning_is_not_passed_off_as_found(reader):
    said = await reader.talk.hear("find_item", "sách [qwerty xyz](topic)")
    assert said.responses in (("utter_found_near",), ("utter_nothing_found",))
    assert len(said.cards) <= 3


async def test_a_second_title_of_the_same_message_gets_a_button(reader):
    said = await reader.talk.hear("find_item", "tìm [Số đỏ](title) hoặc [Giông tố](title)")
    assert (await reader.talk.press(said.button("Tìm “Giông tố”"))).titles == ["Giông tố"]


# --- lọc tiếp


async def test_going_on_shows_the_next_page_and_then_says_it_is_all(reader):
    first = await reader.talk.hear("find_item", SHRIMPS)
    second = await reader.talk.press(first.button("Xem tiếp"))
    assert second.text == "“nuôi tôm”, cuốn 6 đến 7 trong 7 cuốn:"
    assert not set(first.titles) & set(second.titles)
    third = await reader.talk.hear("refine_search", "còn nữa không")
    assert third.text == "Hết rồi, thư viện chỉ có bấy nhiêu hợp với “nuôi tôm”."


async def test_narrowing_says_the_filters_and_adds_them_up(reader):
    await reader.talk.hear("find_item", SHRIMPS)
    said = await reader.talk.hear("refine_search", "cuốn nào xuất bản sau [2009](year_from)")
    assert said.text == "Có 3 cuốn hợp với “nuôi tôm”, từ năm 2010:"
    said = await reader.talk.hear("refine_search", "ở [Sa Đéc](branch) thôi")
    assert said.text == "Có 2 cuốn hợp với “nuôi tôm”, từ năm 2010, ở Sa Đéc:"
    assert set(said.titles) == {"Nuôi tôm thẻ chân trắng", "Nuôi tôm kết hợp trồng lúa"}


@pytest.mark.parametrize(
    ("said", "years"),
    [
        ("xuất bản sau [2015](year_from)", "từ năm 2016"),
        ("từ năm [2004](year_from) trở đi", "từ năm 2004"),
        ("bỏ mấy cuốn cũ trước [2001](year_to) đi", "đến năm 2000"),
        ("in năm [2001](year_from)", "năm 2001"),
    ],
)
async def test_years_mean_what_the_word_before_them_says(reader, said, years):
    await reader.talk.hear("find_item", SHRIMPS)
    assert f"“nuôi tôm”, {years}" in (await reader.talk.hear("refine_search", said)).text


async def test_narrowing_to_nothing_keeps_the_list_and_offers_to_widen(reader):
    await reader.talk.hear("find_item", SHRIMPS)
    said = await reader.talk.hear("refine_search", "chỉ [tiếng Anh](language)")
    assert said.text == "Lọc còn “nuôi tôm”, tiếng Anh thì không có cuốn nào."
    assert len((await reader.talk.press(said.button("Bỏ lọc"))).cards) == 5


async def test_hits_can_be_sorted_by_year_and_sifted_for_copies_on_the_shelf(reader):
    await reader.talk.hear("find_item", SHRIMPS)
    assert (await reader.talk.hear("refine_search", "mới nhất trước nhé")).titles[0] == "Nuôi tôm kết hợp trồng lúa"
    await reader.talk.hear("find_item", "truyện [Nguyễn Nhật Ánh](author)")
    said = await reader.talk.hear("refine_search", "chỉ lấy cuốn còn trên kệ")
    assert "Mắt biếc" not in said.titles
    assert len(said.titles) == 2


async def test_with_nothing_found_before_there_is_nothing_to_narrow(reader):
    assert (await reader.talk.hear("refine_search", "còn nữa không")).responses == ("utter_nothing_to_refine",)


# --- một cuốn


@pytest.mark.parametrize(
    ("said", "place"), [("thứ 2", 1), ("đầu tiên", 0), ("cuối cùng", -1), ("áp chót", -2), ("số 3", 2)]
)
async def test_a_hit_is_picked_by_its_place(reader, said, place):
    hits = await reader.talk.hear("find_item", SHRIMPS)
    shown = await reader.talk.hear("select_item", f"cuốn [{said}](item_ordinal)")
    assert shown.titles == [hits.titles[place]]
    assert reader.talk.slots["record"]["title"] == hits.titles[place]


async def test_a_place_beyond_the_last_hit_is_said(reader):
    await reader.talk.hear("find_item", "truyện [Nguyễn Nhật Ánh](author)")
    said = await reader.talk.hear("select_item", "cuốn [thứ 9](item_ordinal)")
    assert said.text == "Mình mới đưa ra 3 cuốn thôi. Bạn chọn cuốn nào trong đó?"
    assert (await reader.talk.press(said.button("Mắt biếc"))).titles == ["Mắt biếc"]


async def test_a_record_in_full_has_its_summary_subjects_and_places(reader):
    found = await reader.talk.hear("find_item", "có [Mắt biếc](title) không")
    said = await reader.talk.press(found.button("Xem thêm"))
    assert "Truyện dài" in lines(said, "Mắt biếc")
    assert said.button("Đặt giữ")["payload"] == '/place_hold{"record_id": "mat-biec"}'


async def test_a_digital_title_leads_to_where_it_is_read(reader):
    found = await reader.talk.hear("find_item", "[Kỷ yếu số hoá](title)")
    said = await reader.talk.press(found.button("Xem thêm"))
    assert said.button("Bản số")["url"] == "https://so.example/1"


async def test_availability_says_where_copies_are_in(reader):
    said = await reader.talk.hear("check_availability", "[Số đỏ](title) còn không")
    assert said.text.startswith("Còn nhé, “Số đỏ” của Vũ Trọng Phụng: Mỹ Tho còn 2 bản; Cao Lãnh đang cho mượn hết")
    at_branch = await reader.talk.hear("check_availability", "ở [Cao Lãnh](branch) còn cuốn đó không")
    assert at_branch.text.startswith("Ở Cao Lãnh thì không còn.")


async def test_when_all_are_out_the_earliest_date_and_a_hold_are_offered(reader):
    said = await reader.talk.hear("check_availability", "[mat biec](title) con k")
    assert said.text == (
        "“Mắt biếc” của Nguyễn Nhật Ánh đang cho mượn hết. Bản sớm nhất hẹn trả thứ Bảy 28/11."
        " Mình đặt giữ cho bạn nhé?"
    )
    yes = await reader.talk.hear("affirm", "ừ")
    assert yes.responses == ("utter_link_first",)  # a hold is for a card
    assert reader.talk.slots["record"]["record_id"] == "mat-biec"


async def test_this_book_is_the_one_last_talked_about(reader):
    await reader.talk.hear("find_item", SHRIMPS)
    shown = await reader.talk.hear("select_item", "cuốn [thứ 2](item_ordinal)")
    said = await reader.talk.hear("check_availability", "cuốn này còn không")
    assert shown.titles[0] in said.text


async def test_volumes_of_one_title_are_told_one_by_one(reader):
    said = await reader.talk.hear("check_availability", "[Kính vạn hoa](title) còn không")
    assert said.text == "Tên này có 2 cuốn, từng cuốn như sau:"
    assert "còn 1 bản" in lines(said, "Kính vạn hoa. Tập 2")[0]


async def test_what_is_read_in_the_house_and_what_is_lost_are_told_apart_from_what_is_lent(reader):
    said = await reader.talk.hear("check_availability", "[báo Ấp Bắc](title) còn không")
    assert said.text == "“Báo Ấp Bắc” chỉ đọc tại chỗ, không cho mượn về: Mỹ Tho (079 / B100)."
    [copy, *_] = reader.ils.copies["giong-to"]
    reader.ils.copies["giong-to"] = [type(copy)(copy.barcode, "MT", copy.call_number, ItemState.MISSING)]
    assert (await reader.talk.hear("check_availability", "[Giông tố](title) còn không")).responses == (
        "utter_no_copies",
    )


async def test_a_silent_library_system_leaves_the_shelves_and_says_so(reader):
    reader.ils.fault = lambda: ILSUnavailable("no answer")
    said = await reader.talk.hear("check_availability", "[Số đỏ](title) còn không")
    assert said.responses == ("utter_availability_unknown",)
    assert "Mỹ Tho (895.922 / S100)" in said.text


def _of(ils, told_at):
    """Let the copies be as they were then."""
    ils.copies = {key: [replace(copy, as_of=told_at) for copy in copies] for key, copies in ils.copies.items()}


async def test_what_a_silent_library_system_said_last_is_told_with_its_time_and_leads_to_no_hold(reader):
    _of(reader.ils, reader.talk.now - timedelta(minutes=5))
    then = f"(lúc {reader.talk.now - timedelta(minutes=5):%H:%M})"
    said = await reader.talk.hear("check_availability", "[Số đỏ](title) còn không")
    assert said.responses == ("utter_available", "utter_copies_remembered")
    assert f"Mỹ Tho còn 2 bản {then}" in said.text
    out = await reader.talk.hear("check_availability", "[Mắt biếc](title) còn không")
    assert out.responses == ("utter_was_all_out", "utter_copies_remembered")
    assert out.texts[0] == f"“Mắt biếc” của Nguyễn Nhật Ánh đang cho mượn hết, sớm nhất trả thứ Bảy 28/11 {then}."
    assert out.buttons == ()
    hits = await reader.talk.hear("find_item", SHRIMPS)
    assert hits.responses == ("utter_found_more", "utter_copies_remembered")


async def test_copies_of_yesterdays_nightly_file_are_dated_and_nobody_is_called_silent(reader):
    reader.ils.as_of = reader.talk.now.replace(hour=2) - timedelta(days=1)
    _of(reader.ils, reader.ils.as_of)
    said = await reader.talk.hear("check_availability", "[Số đỏ](title) còn không")
    assert said.responses == ("utter_available",)
    assert f"(lúc {reader.ils.as_of:%H:%M} thứ" in said.text


async def test_with_no_book_in_sight_it_is_asked_which(reader):
    assert (await reader.talk.hear("check_availability", "còn không")).responses == ("utter_which_record",)


async def test_a_record_gone_from_the_catalogue_is_said(reader):
    said = await reader.talk.press({"payload": '/select_item{"record_id": "không-có"}'})
    assert said.responses == ("utter_record_gone",)


async def test_a_title_is_located_by_branch_room_and_call_number(reader):
    said = await reader.talk.hear("locate_item", "[Dế Mèn phiêu lưu ký](title) ở kệ nào")
    assert said.text == (
        "“Dế Mèn phiêu lưu ký” của Tô Hoài nằm ở:\n"
        "• Mỹ Tho, phòng thiếu nhi · 895.922 / D100 · còn 1 bản\n"
        "• Cao Lãnh, phòng thiếu nhi · 895.922 / D100 · còn 1 bản"
    )


async def test_a_topic_is_located_by_the_shelf_most_of_it_stands_on(reader):
    said = await reader.talk.hear("locate_item", "sách [nuôi tôm](topic) ở đâu")
    assert said.text.startswith("Với “nuôi tôm”, phần lớn sách ở kệ 639:\n• Mỹ Tho, phòng mượn · 5 cuốn")


# --- gợi ý, sách mới


async def test_books_like_one_are_recommended_with_the_reason(reader):
    said = await reader.talk.hear("recommend_items", "có cuốn nào giống [Số đỏ](title) không")
    assert said.text == "Thích “Số đỏ” của Vũ Trọng Phụng thì bạn thử:"
    assert "Số đỏ" not in said.titles
    assert lines(said, "Giông tố")[0].startswith("Cùng tác giả Vũ Trọng Phụng")


async def test_recommendations_keep_to_the_readers_named(reader):
    said = await reader.talk.hear("recommend_items", "hè này cho [con 9 tuổi](audience) đọc gì")
    assert set(said.titles) == {"Dế Mèn phiêu lưu ký", "Kính vạn hoa. Tập 1", "Kính vạn hoa. Tập 2"}


async def test_with_nothing_named_recommendations_come_from_several_shelves(reader):
    said = await reader.talk.hear("recommend_items", "giới thiệu sách hay")
    assert len(said.cards) == 5
    assert len({record.classification[:1] for record in RECORDS if record.full_title in said.titles}) >= 3


async def test_new_items_come_newest_first_with_the_day_they_came(reader):
    said = await reader.talk.hear("list_new_items", "sách mới về")
    assert said.titles[0] == "Dế Mèn phiêu lưu ký"
    assert lines(said, "Dế Mèn phiêu lưu ký")[0] == "Về thư viện thứ Ba 10/11"
    assert len((await reader.talk.hear("refine_search", "còn nữa không")).titles) == 5


# --- nghĩa của từ


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("bé 5 tuổi", "thiếu nhi"), ("con nít", "thiếu nhi"), ("lớp 3", "thiếu nhi"), ("kids", "thiếu nhi"),
        ("lớp 9", "học sinh"), ("hs cấp 3", "học sinh"), ("15 tuổi", "học sinh"),
        ("sinh viên", None), ("người cao tuổi", None), ("phụ huynh có con tự kỷ", None), ("60 tuổi", None),
    ],
)  # fmt: skip
def test_readers_are_read_as_the_catalogues_audience(said, code):
    assert audience_of(said) == code


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("Dế Mèn phiêu lưu ký", "exact"), ("de men phieu luu ky", "unaccented"), ("Dế Mèn phiêu lưu kỳ", "folded"),
        ("dế mèn", "part"), ("dế mèm phiu lưu ký", "near"), ("Totto-chan bên cửa sổ", "other"),
    ],
)  # fmt: skip
def test_how_near_typed_words_come_to_a_title(said, how):
    de_men = next(record for record in RECORDS if record.record_id == "de-men")
    assert likeness(said, de_men) == how
