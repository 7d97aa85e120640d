"""The text of patrons: one form, one folded form, and words that know where they were typed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.text import (
    fold,
    has_diacritics,
    looks_english,
    looks_vietnamese,
    nfc,
    normalise,
    same_tones,
    sentences,
    tokens,
)

VIETNAMESE = st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệ ĐẮỮ.,!?0123456789\n", max_size=60)
ANY = st.text(max_size=60)


@given(ANY)
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(ANY)
def test_composed_and_decomposed_text_fold_alike(text):
    assert fold(unicodedata.normalize("NFD", text)) == fold(nfc(text))


@given(VIETNAMESE)
def test_folded_vietnamese_stays_in_step_with_the_typed_text(text):
    folded = fold(text)
    assert len(folded) == len(nfc(text))
    assert all(fold(a) == b for a, b in zip(nfc(text), folded, strict=True))


def test_folding_takes_tones_shapes_and_the_bar_of_đ():
    assert fold("Dế Mèn phiêu lưu ký, ĐƯỜNG") == "de men phieu luu ky, duong"
    assert has_diacritics("Số đỏ")
    assert not has_diacritics("So DO")


@given(ANY)
def test_tokens_slice_back_to_the_typed_text(text):
    for token in tokens(text):
        assert nfc(text)[token.start : token.end] == token.text
        assert fold(token.text) == token.folded


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hòa", "hoà"),
        ("thúy", "thuý"),
        ("khỏe", "khoẻ"),
        ("HỦY", "HUỶ"),
        ("tòan", "toàn"),
        ("qúy", "quý"),
        ("gía", "giá"),
    ],
)
def test_both_tone_placements_compare_equal(old, new):
    assert same_tones(old) == same_tones(new) == new


@pytest.mark.parametrize("word", ["của", "mía", "lúa", "quý", "giờ", "chùa", "hoa", "múa", "thuở"])
def test_words_with_one_spelling_keep_it(word):
    assert same_tones(word) == word


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ko dc thì sao z ad", "không được thì sao vậy ad"),
        ("hok bik j hết", "không biết gì hết"),
        ("tv có mở cn k ạ", "thư viện có mở chủ nhật không ạ"),
        ("cn sa đéc t7 mấy h đóng cửa", "chi nhánh sa đéc thứ bảy mấy giờ đóng cửa"),
        ("khoa cn thông tin", "khoa công nghệ thông tin"),
        ("quên mk rồi, mk là sv", "quên mật khẩu rồi, mình là sinh viên"),
        ("bn tiền 1 cuốn", "bao nhiêu tiền 1 cuốn"),
        ("bn ơi", "bạn ơi"),
        ("cảm ơn bn", "cảm ơn bạn"),
        ("phạt hết bn v", "phạt hết bao nhiêu vậy"),
        ("sdt của mik", "số điện thoại của mình"),
        ("mở lúc 7h30", "mở lúc 7 giờ 30"),
        ("e muốn gh sách dc hông", "em muốn gia hạn sách được không"),
        ("mượn xách", "mượn sách"),
        ("KO BIK", "không biết"),
    ],
)
def test_shorthand_is_written_out_in_its_context(typed, meant):
    assert normalise(typed).text == meant


@pytest.mark.parametrize(
    "typed",
    [
        "ngôn ngữ R và vitamin K",
        "sách về ngôn ngữ r",
        "có truyện conan t2 không",
        "để trong túi xách",
        "thẻ DT 000101",
        "Harry Potter and the Goblet of Fire",
        "free wifi door see beer teens jobs news",
        "chương III, thế kỷ XX",
        "tap 1 lop5 covid19",
        "hồng hạc",
        "ưu tiên, kkk",
        "gói cước 4G",
        "có sách for her không, his room",
        "phim conan, toan hoc",
        "xoong nồi, boong tàu",
        "sachs",
    ],
)
def test_what_only_looks_like_shorthand_stays(typed):
    assert normalise(typed).text == typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("đẹppppp quáaaa", "đẹp quá"),
        ("alooo", "alo"),
        ("dạạạ nhaa", "dạ nha"),
        ("okkkk", "ok"),
        ("xoong nồi", "xoong nồi"),
    ],
)
def test_drawn_out_letters_are_squeezed(typed, meant):
    assert normalise(typed).text == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("thuw vieenj", "thư viện"),
        ("Thuw vieejn mowr cuwar", "Thư viện mở cửa"),
        ("muwowjn sachs", "mượn sách"),
        ("ddawng kys", "đăng ký"),
        ("dwx lieeuj", "dữ liệu"),
        ("thu7 vie65n", "thư viện"),
        ("d9o5c sa1ch", "đọc sách"),
        ("thu vien may h mo cua", "thu vien may giờ mo cua"),
        ("a@thuvieenj.vn", "a@thuvieenj.vn"),
        ("cos sachs khoong", "có sách không"),
        ("mình muốn timf sách", "mình muốn tìm sách"),
    ],
)
def test_keys_left_by_telex_and_vni_are_read(typed, meant):
    assert normalise(typed).text == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("thuvien mocua chua", "thu vien mo cua chua"),
        ("GiaHạn giúp em", "Gia Hạn giúp em"),
        ("đăngnhập", "đăng nhập"),
    ],
)
def test_words_run_together_are_taken_apart(typed, meant):
    plain = normalise(typed)
    assert plain.text == meant
    assert [plain.typed[t.start : t.end] for t in plain.tokens][:1] == [plain.tokens[0].text]


@given(
    st.one_of(
        ANY, VIETNAMESE, st.sampled_from(["giahan sachmoi", "sdt tv mình là j ạaaa", "thuw vieenj 7h30", "ko dc z"])
    )
)
def test_every_normalised_word_points_at_what_was_typed(text):
    plain = normalise(text)
    assert plain.typed == nfc(text)
    assert all(0 <= t.start < t.end <= len(plain.typed) for t in plain.tokens)
    assert [t.start for t in plain.tokens] == sorted(t.start for t in plain.tokens)


def test_the_words_of_one_abbreviation_share_its_span():
    plain = normalise("cho e sdt tv")
    assert [(t.text, plain.typed[t.start : t.end]) for t in plain.tokens][2:5] == [
        ("số", "sdt"),
        ("điện", "sdt"),
        ("thoại", "sdt"),
    ]


@given(st.one_of(ANY, VIETNAMESE), st.integers(1, 40))
def test_pieces_fit_the_limit_and_lose_no_letter(text, limit):
    pieces = sentences(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(nfc(text).split())


def test_text_is_cut_at_sentence_ends_before_commas_and_words():
    text = "Chào bạn. Thư viện ở TP. Mỹ Tho mở cửa. Phí 20.000 đồng nhé, rẻ lắm; vậy thôi nha bạn."
    assert sentences(text, 30) == [
        "Chào bạn.",
        "Thư viện ở TP. Mỹ Tho mở cửa.",
        "Phí 20.000 đồng nhé, rẻ lắm;",
        "vậy thôi nha bạn.",
    ]
    assert sentences(text, 1000) == [text]
    assert sentences("abcdef", 4) == ["abcd", "ef"]
    with pytest.raises(ValueError, match="limit is 0"):
        sentences("a", 0)


@pytest.mark.parametrize(
    "typed",
    [
        "what time do you open tomorrow?",
        "Do you have books about shrimp farming?",
        "hello, is the library open today",
        "I want to renew this book please",
        "how much is it for a library card",
    ],
)
def test_english_is_recognised(typed):
    assert looks_english(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "co sach day nuoi tom khong",
        "cho em hoi the thu vien lam o dau a",
        "may gio dong cua",
        "harry potter and the goblet of fire",
        "how to win friends",
        "do em tim cuon the hobbit",
        "có cuốn What is this book about in English không",
        "ok",
        "english please",
        "",
    ],
)
def test_what_may_be_vietnamese_or_only_names_an_english_book_is_not_taken_for_english(typed):
    assert not looks_english(typed)


@pytest.mark.parametrize(
    "typed", ["mai mấy giờ mở cửa", "gia han giup em cuon so do", "còn cuốn nào không", "ko tim dc"]
)
def test_a_vietnamese_sentence_is_recognised(typed):
    assert looks_vietnamese(typed)


@pytest.mark.parametrize(
    "typed", ["Số đỏ", "do you have Số đỏ by Vũ Trọng Phụng?", "renew my book please", "ok", "Dong Thap library", ""]
)
def test_a_title_or_english_is_no_vietnamese_sentence(typed):
    assert not looks_vietnamese(typed)
