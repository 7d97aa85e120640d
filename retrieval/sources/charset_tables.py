"""What the bytes of the Vietnamese character sets before Unicode stand for.

Sources: TCVN 5712:1993 (VN1; its lower half is the "ABC" fonts' set), RFC 1456 (VISCII), the VNI fonts for Windows.
"""

from __future__ import annotations

from unicodedata import normalize

# From 0xA0 up. The fonts called ABC know the small letters only; VN1 adds the capitals below and between them.
TCVN3 = dict(
    zip(
        range(0xA0, 0x100),
        "\xa0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịòỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ",
        strict=True,
    )
)
# The same places hold “ ” – … in a file written under Windows, so a byte is read as one of these inside a word only.
TCVN3_CAPITALS = {
    **dict(zip(range(0x80, 0xA0), "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ", strict=True)),
    **dict(zip((1, 2, 4, 5, 6, *range(0x11, 0x18)), "ÚỤỪỬỮỨỰỲỶỸÝỴ", strict=True)),
}

VISCII = {
    **dict(zip((2, 5, 6, 0x14, 0x19, 0x1E), "ẲẴẪỶỸỴ", strict=True)),
    **dict(
        zip(
            range(0x80, 0x100),
            "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ",
            strict=True,
        )
    ),
}

# VNI writes the letter and then its marks as one more character; i, đ, ơ, ư and ỵ have characters of their own.
_VNI_LETTERS = {"í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "ñ": "đ", "ô": "ơ", "ö": "ư", "î": "ỵ"}
VNI_LETTERS = {
    **{ord(sign): letter for sign, letter in _VNI_LETTERS.items()},
    **{ord(sign.upper()): letter.upper() for sign, letter in _VNI_LETTERS.items()},
}
_TONES = {"": "", "\u0301": "ùáé", "\u0300": "øàè", "\u0309": "ûåú", "\u0303": "õãü", "\u0323": "ïäë"}
VNI_MARKS = {
    "â": "\u0302",
    "ê": "\u0306",
    **{
        sign: shape + tone
        for tone, signs in _TONES.items()
        for sign, shape in zip(signs, ("", "\u0302", "\u0306"), strict=False)
    },
}
VNI_PAIRS = {
    letter + sign: composed
    for base in "aeouyơưAEOUYƠƯ"
    for mark, marks in VNI_MARKS.items()
    for letter, sign in ((base, mark), (base, mark.upper()))
    if len(composed := normalize("NFC", base + marks)) == 1
}
