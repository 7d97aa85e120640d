"""Vietnamese text as people type it: one form to keep (NFC), one to compare (`fold`), and words with their places.

Every span counts characters of `nfc(typed)`, so `nfc(typed)[token.start:token.end]` is what the person wrote.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from library.shorthand import Company, expand
from library.syllables import from_keys, is_english, is_syllable, surely_keys

_MARKS = r"\u0300-\u036f"
_WORD = re.compile(rf"[^\W_][^\W_{_MARKS}]*(?:[{_MARKS}]+[^\W_{_MARKS}]*)*")
_FOLDED_WORD = re.compile(r"[^\W_]+")
_WORD_OR_LINE = re.compile(rf"{_WORD.pattern}|\n")
_CLAUSE_END = re.compile(r"[.,;:!?…\n()\"“”]")
_RUN = re.compile(r"([^\W\d_])\1{2,}")
_DRAWN_OUT = re.compile(r"nha|nhe|oi|di|vay|ok|da|hen|ha|luon|qua|roi|chua|a|u")
_HOUR = re.compile(r"(\d{1,2})(?:h(\d{2})?|g(\d{2}))")
_ROMAN = re.compile(r"[IVXLCDM]+")
_KEYED_WORDS = 2  # doubtful words of a message without marks that make each other likely
_UNSPACED, _ADDRESS = re.compile(r"\S+"), re.compile(r"@|://|www\.")


def nfc(s: str) -> str:
    """Return the text in NFC, the one form that is stored and shown."""
    return unicodedata.normalize("NFC", s)


def fold(s: str) -> str:
    """Return the text in lower case without diacritics, đ as d: for comparing, never for showing.

    As long as `nfc(s)` and in step with it, character by character, for Vietnamese and every other text whose marks
    compose; a stray combining mark is dropped. `fold(fold(s)) == fold(s)`, and NFC and NFD input give the same.
    """
    bare = nfc(s).lower().translate(_FOLDED)
    return bare if bare.isascii() else nfc(bare)


class _Folded(dict[int, str]):
    """Each character without its marks, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        bare = [c for c in unicodedata.normalize("NFD", chr(code)) if not "\u0300" <= c <= "\u036f"]
        return self.setdefault(code, nfc("".join(bare)).replace("đ", "d"))


_FOLDED = _Folded()


def has_diacritics(s: str) -> bool:
    """Return whether folding takes anything but case away."""
    return fold(s) != nfc(s).lower()


# Words that no unaccented Vietnamese spells; "do", "the", "can", "my" and their like could be either.
_ENGLISH = frozenset(
    """what when where which who how is are was does did have has had you your yours i'm we they this these there about
    with from into please would could should will find looking want need book books library open close closed opening
    hours time today tomorrow card renew loan loans borrow return reserve know tell help thanks hello speak english it
    and any some not or on in talk person people human staff librarian somebody someone""".split()
)
_ENGLISH_ENOUGH = 3
_ENGLISH_ALONE = frozenset({"librarian", "human"})  # no syllable of Vietnamese begins or ends like these


def looks_english(s: str) -> bool:
    """Return whether a message is surely English: no Vietnamese mark, several English words, most of them."""
    if has_diacritics(s):
        return False
    words = [token.folded for token in tokens(s)]
    english = sum(word in _ENGLISH for word in words)
    enough = _ENGLISH_ENOUGH - 1 if _ENGLISH_ALONE & set(words) else _ENGLISH_ENOUGH
    return english >= enough and english * 2 >= len(words)


# Words that make a Vietnamese sentence and are not English ones.
_VIETNAMESE = frozenset(
    """khong ko hong gi nao may gio cua cho em minh toi tui ban oi nhe nha voi duoc dc muon tim sach cuon quyen thu
    vien mo dong gia han tra dat huy bao nhieu dau roi chua con nay kia thi la va cam chao giup gium dum xin hoi ngay
    mai""".split()
)
_VIETNAMESE_ENOUGH = 2


def looks_vietnamese(s: str) -> bool:
    """Return whether a message is surely a Vietnamese sentence, with or without marks; a bare title is not enough."""
    words = [token.folded for token in tokens(s)]
    telling = sum(word in _VIETNAMESE for word in words)
    return telling >= _VIETNAMESE_ENOUGH and sum(word in _ENGLISH for word in words) * 2 < telling


def same_tones(s: str) -> str:
    """Return the text with old and new tone placement made one (hòa → hoà, thúy → thuý).

    As long as `nfc(s)`, character by character.

    For comparing accented text: "hoà" and "hòa" meet, "hoa" and "hoà" do not.
    """
    return _OLD_PLACE.sub(_moved_tone, nfc(s))


# Only these pairs have two spellings; "của", "mía" and "lúa" keep the tone on the first vowel, "qùa" and "gìa" do not.
_OLD_PLACE = re.compile(r"(?i)[òóỏõọ](?=[ae])[ae]|[ùúủũụ]y|(?<=q)[ùúủũụ][aeiouyăâêôơ]|(?<=g)[ìíỉĩị][aou]")


def _moved_tone(pair: re.Match[str]) -> str:
    first, second = pair[0][0], pair[0][1]
    decomposed = unicodedata.normalize("NFD", first)
    return decomposed[0] + nfc(second + decomposed[1:])


def one_spelling(s: str) -> str:
    """Return the text with tones in one place and a final i or y written one way: "kỹ" and "kĩ", "lý" and "lí" meet.

    As long as `nfc(s)`, character by character. For comparing, never for showing.
    """
    return _I_OR_Y.sub(lambda found: found[0].translate(_Y_AS_I), same_tones(s))


_I_OR_Y = re.compile(r"(?i)(?<!\w)(?:[hklmst]|qu)[yýỳỷỹỵ](?!\w)")
_Y_AS_I = str.maketrans("yýỳỷỹỵYÝỲỶỸỴ", "iíìỉĩịIÍÌỈĨỊ")


@dataclass(frozen=True)
class Token:
    """A word, its folded form, and the span of the typed (NFC) characters it comes from."""

    text: str
    folded: str
    start: int
    end: int


def tokens(s: str) -> list[Token]:
    """Return the words and numbers of the text in order, each with its exact span in `nfc(s)`."""
    return [Token(m[0], fold(m[0]), m.start(), m.end()) for m in _WORD.finditer(nfc(s))]


def folded_words(s: str) -> list[str]:
    """Return the folded forms of `tokens(s)`, in a fraction of the time."""
    return _FOLDED_WORD.findall(fold(s))


def written_words(s: str) -> list[str]:
    """Return the words of `tokens(s)` as written, in lower case and with one tone placement."""
    return _WORD.findall(same_tones(s).lower())


def written_lines(s: str) -> list[str]:
    """Return `written_words(s)` with a newline wherever the text has one."""
    return _WORD_OR_LINE.findall(same_tones(s).lower())


@dataclass(frozen=True)
class Normalised:
    """The typed text in NFC, the same written out plainly, and its words.

    Token texts are those of `text`; their spans point into `typed`, several words sharing the span of one abbreviation.
    """

    typed: str
    text: str
    tokens: tuple[Token, ...]


@lru_cache(maxsize=64)  # one message is read by many
def normalise(s: str) -> Normalised:
    """Return the text with drawn-out letters, shorthand and Telex or VNI left-overs written out."""
    typed = nfc(s)
    words = [Token(_squeezed(t.text), "", t.start, t.end) for t in tokens(typed)]
    words = _apart(_without_keys(_parted(words), typed))
    written = list(_written_out(words, typed))
    pieces: list[str] = []
    end = 0
    for word, meant in zip(words, written, strict=True):
        # "7h" is two words that share no space.
        gap = typed[end : word.start] or (" " if pieces else "")
        pieces.append(gap + meant)
        end = word.end
    plain = tuple(
        Token(part, fold(part), word.start, word.end)
        for word, meant in zip(words, written, strict=True)
        for part in meant.split()
    )
    return Normalised(typed, "".join(pieces) + typed[end:], plain)


def _squeezed(word: str) -> str:
    """Return "đẹp" for "đẹppppp", "quá" for "quáaaa", "nha" for "nhaa"; Roman numerals stay."""
    laughs = len(set(word.lower())) == 1  # "kkk" is not "k" for "không"
    if laughs or _ROMAN.fullmatch(word) or is_syllable(word.lower()):
        return word
    word = _RUN.sub(r"\1", word)
    folded = fold(word)
    bare = folded.rstrip(folded[-1]) + folded[-1]
    drawn_out = len(folded) - len(bare)
    if drawn_out >= 2 or (drawn_out and _DRAWN_OUT.fullmatch(bare)):
        return word[: len(word) - drawn_out]
    return word


# Words that patrons' thumbs run together; a word made wholly of these is taken apart.
_RUN_TOGETHER = """thu vien gia han sach muon tra tim dat giu cho mo cua dong ban doc the dang ky nhap cam on xin
    chao hoi tai khoan mat khau moi chi nhanh dien thoai dia hom nay ngay mai bao nhieu may gio co khong lam
    duoc em minh truyen
    cuon quyen lien ket ghi danh huy phong muc luc tieu thuyet thieu nhi noi quy phat tien hen gap nhan"""
_PART = re.compile("|".join(sorted(_RUN_TOGETHER.split(), key=len, reverse=True)))
_PARTS = re.compile(f"(?:{_PART.pattern}){{2,}}")


def _parted(words: list[Token]) -> list[Token]:
    """Return the words with "giahan" as "gia" and "han", each with its own span."""
    return [part for word in words for part in _parts(word)]


def _parts(word: Token) -> list[Token]:
    folded = fold(word.text)
    if len(folded) != word.end - word.start or not _PARTS.fullmatch(folded) or is_syllable(word.text.lower()):
        return [word]
    spans = [found.span() for found in _PART.finditer(folded)]
    return [Token(word.text[a:b], "", word.start + a, word.start + b) for a, b in spans]


def _without_keys(words: list[Token], typed: str) -> list[Token]:
    """Return the words with Telex and VNI keys read; doubtful ones only in company that makes them likely."""
    addresses = [m.span() for m in _UNSPACED.finditer(typed) if _ADDRESS.search(m[0])]
    readings = [
        None if any(start <= w.start < end for start, end in addresses) else from_keys(w.text.lower()) for w in words
    ]
    doubtful = not any(meant and surely_keys(w.text.lower()) for w, meant in zip(words, readings, strict=True))
    if doubtful:
        letters = [bool(meant) and w.text.isalpha() and not is_english(w.text.lower())
                   for w, meant in zip(words, readings, strict=True)]  # fmt: skip
        if not (any(letters) and (has_diacritics(typed) or sum(letters) >= _KEYED_WORDS)):
            return words
        readings = [meant if sure else None for meant, sure in zip(readings, letters, strict=True)]
    return [
        Token(_cased_like(w.text, meant), "", w.start, w.end) if meant else w
        for w, meant in zip(words, readings, strict=True)
    ]


def _cased_like(model: str, word: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word.capitalize() if model[:1].isupper() else word


def _apart(words: list[Token]) -> list[Token]:
    """Return the words with "7h30" split into "7", "giờ" and "30", each with its own span."""
    parts: list[Token] = []
    for word in words:
        hour = _HOUR.fullmatch(word.text.lower())
        if not hour or len(word.text) != word.end - word.start:
            parts.append(word)
            continue
        at = word.start + len(hour[1])
        parts += [Token(hour[1], "", word.start, at), Token("giờ", "", at, at + 1)]
        if minutes := hour[2] or hour[3]:
            parts.append(Token(minutes, "", at + 1, word.end))
    return parts


def _written_out(words: list[Token], typed: str) -> Iterator[str]:
    """Yield each word as meant, clause by clause."""
    clause: list[Token] = []
    shouting = typed.isupper()
    for word in words:
        if clause and _CLAUSE_END.search(typed, clause[-1].end, word.start):
            yield from _clause_written_out(clause, shouting)
            clause = []
        clause.append(word)
    yield from _clause_written_out(clause, shouting)


def _clause_written_out(clause: list[Token], shouting: bool) -> Iterator[str]:
    folded = [fold(word.text) for word in clause]
    for at, word in enumerate(clause):
        # "Plan Z", "ngôn ngữ R": a lone capital is a name, unless everything is in capitals.
        name = len(word.text) == 1 and word.text.isupper() and not shouting
        yield (None if name else expand(word.text.lower(), Company(folded, at))) or word.text


_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”’)]*\s+|\n+")
_ABBREVIATED = re.compile(r"(?:^|\s)(?:TP|ThS|TS|GS|PGS|BS|KS|Q|P|tr|v\.v|[A-ZĐ])\.$")
_SOFT_END = re.compile(r"(?<=[,;:])\s+")
_SPACE = re.compile(r"\s+")


def sentences(text: str, limit: int) -> list[str]:
    """Return the text in pieces of at most `limit` characters, cut at sentence ends, losing nothing but blank space.

    A sentence that is too long is cut at a comma, then between words, and only then inside a word.
    """
    if limit < 1:
        raise ValueError(f"sentences: limit is {limit}; give the most characters a piece may have, at least 1")
    return _packed(nfc(text).strip(), limit, (_SENTENCE_END, _SOFT_END, _SPACE))


def _packed(text: str, limit: int, ends: tuple[re.Pattern[str], ...]) -> list[str]:
    if len(text) <= limit:
        return [text] if text else []
    if not ends:
        return [text[i : i + limit] for i in range(0, len(text), limit)]
    pieces, start, cut = [], 0, 0
    for stop in [*_ends(text, ends[0]), len(text)]:
        if len(text[start:stop].strip()) > limit and cut > start:
            pieces += _packed(text[start:cut].strip(), limit, ends[1:])
            start = cut
        cut = stop
    return pieces + _packed(text[start:].strip(), limit, ends[1:])


def _ends(text: str, end: re.Pattern[str]) -> Iterator[int]:
    for match in end.finditer(text):
        if end is not _SENTENCE_END or not _ABBREVIATED.search(text, max(0, match.start() - 6), match.start()):
            yield match.end()
