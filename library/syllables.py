"""The shape of a Vietnamese syllable: which are possible, where the tone stands, and Telex or VNI keys left in one.

A syllable is onset + rime + tone. Knowing the onsets and rimes tells a slip of the keyboard ("vieenj") from a word
that was meant ("viên"), without a dictionary of words.
"""

import re
import unicodedata

_GRAVE, _ACUTE, _HOOK, _TILDE, _DOT = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
_TONES = _GRAVE + _ACUTE + _HOOK + _TILDE + _DOT
_TELEX_TONE = {"s": _ACUTE, "f": _GRAVE, "r": _HOOK, "x": _TILDE, "j": _DOT}
_VNI_TONE = {"1": _ACUTE, "2": _GRAVE, "3": _HOOK, "4": _TILDE, "5": _DOT}
_SHAPED = "ăâêôơư"
_VOWELS = "aăâeêioôơuưy"
_STOPS = ("c", "ch", "p", "t")

_ONSETS = "qu|ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|[bcdđghklmnprstvx]"
_RIMES_WRITTEN = """
    a ac ach ai am an ang anh ao ap at au ay  ăc ăm ăn ăng ăp ăt  âc âm ân âng âp ât âu ây
    e ec em en eng eo ep et  ê êch êm ên êng ênh êp êt êu
    i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu
    o oc oi om on ong oong op ot  ô ôc ôi ôm ôn ông ôp ôt  ơ ơi ơm ơn ơp ơt
    oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oe oem oen oeo oet
    u ua uc ui um un ung up ut uôc uôi uôm uôn uông uôt uân uâng uât uây uê uêch uênh uơ
    uy uya uych uynh uyt uyn uyp uyu uyên uyêt  y yêm yên yêng yêt yêu ynh yt
    ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn ương ươp ươt ươu
"""
_RIMES = frozenset(_RIMES_WRITTEN.split())
_PARTS = re.compile(rf"({_ONSETS})?([{_VOWELS}]+)(ch|ng|nh|[cmnpt])?")
# Keys that English words do not show; plurals keep "teens" and "cows" out of the list.
_TELEX_SURE = re.compile(r"j|^dd|uw|uow|w[frx]|(aa|ee|oo)[a-z]+[frx]|aa[a-z]*s")


def _unshaped(word: str) -> str:
    stripped = "".join(c for c in unicodedata.normalize("NFD", word) if not "\u0300" <= c <= "\u036f")
    return stripped.replace("đ", "d")


_FLAT_RIMES = frozenset(_unshaped(rime) for rime in _RIMES)


def _split_tone(word: str) -> tuple[str, str]:
    """Return the word without its tone, and the tone marks it had."""
    decomposed = unicodedata.normalize("NFD", word)
    tones = "".join(c for c in decomposed if c in _TONES)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if c not in _TONES)), tones


def is_syllable(word: str) -> bool:
    """Return whether the lower-case word could be a Vietnamese syllable, written with or without diacritics."""
    bare, tones = _split_tone(word)
    parts = _PARTS.fullmatch(bare)
    if not parts or len(tones) > 1:
        return False
    onset, coda = parts[1] or "", parts[3] or ""
    rime = parts[2] + coda
    if coda in _STOPS and tones and tones not in (_ACUTE, _DOT):
        return False
    if onset == "g" and rime[0] == "i" and len(rime) == 1:
        return True
    return rime in _RIMES or (bare == _unshaped(bare) and rime in _FLAT_RIMES)


def place_tone(bare: str, tone: str) -> str:
    """Return the syllable with the tone on the vowel the present spelling puts it on (hoà, thuý, quý, của)."""
    parts = _PARTS.fullmatch(bare)
    if not parts or not tone:
        return bare
    vowels = parts[2]
    shaped = [i for i, vowel in enumerate(vowels) if vowel in _SHAPED]
    if shaped:
        at = shaped[-1]
    elif len(vowels) == 1:
        at = 0
    else:
        at = 1 if parts[3] or len(vowels) == 3 or vowels in ("oa", "oe", "uy") else 0
    cut = parts.start(2) + at + 1
    return unicodedata.normalize("NFC", bare[:cut] + tone + bare[cut:])


def _decode_telex(word: str) -> str | None:
    keys = [i for i, key in enumerate(word) if key in _TELEX_TONE and any(v in _VOWELS + "w" for v in word[:i])]
    if len(keys) > 1:
        return None
    tone = _TELEX_TONE[word[keys[0]]] if keys else ""
    bare = word[: keys[0]] + word[keys[0] + 1 :] if keys else word
    for typed, meant in _TELEX_SHAPES:
        bare = re.sub(typed, meant, bare)
    return place_tone(bare, tone)


_TELEX_SHAPES = (
    ("^dd", "đ"), ("uw?ow", "ươ"), ("aa", "â"), ("ee", "ê"), ("oo", "ô"), ("aw", "ă"), ("ow", "ơ"), ("uw", "ư"),
    ("(?<=[^aeiouy])w", "ư"),
)  # fmt: skip


def _decode_vni(word: str) -> str | None:
    bare, tone = "", ""
    for key in word:
        if not key.isdigit():
            bare += key
        elif key in _VNI_TONE and not tone:
            tone = _VNI_TONE[key]
        elif key == "9" and bare.startswith("d"):
            bare = "đ" + bare[1:]
        elif key == "7" and "uo" in bare:
            bare = bare.replace("uo", "ươ")
        elif key in _VNI_SHAPES and (hits := [i for i, c in enumerate(bare) if c in _VNI_SHAPES[key]]):
            bare = bare[: hits[-1]] + _VNI_SHAPES[key][bare[hits[-1]]] + bare[hits[-1] + 1 :]
        else:
            return None
    return place_tone(bare, tone)


_VNI_SHAPES = {"6": {"a": "â", "e": "ê", "o": "ô"}, "7": {"u": "ư", "o": "ơ"}, "8": {"a": "ă"}}


def from_keys(word: str) -> str | None:
    """Return the syllable a lower-case run of Telex or VNI keys stands for ("vieenj", "vie65n" → "viện").

    None for a word that is a plausible syllable as typed, or that no keys explain.
    """
    if not word.isascii() or is_syllable(word) or not word[:1].isalpha():
        return None
    meant = _decode_telex(word) if word.isalpha() else _decode_vni(word)
    return meant if meant and meant != word and is_syllable(meant) else None


def surely_keys(word: str) -> bool:
    """Return whether a word `from_keys` can read shows keys that nothing else would: two marks, dd, uw, an inner digit.

    "of", "sachs" or "tap1" could be something else; they are read as keys only beside a sure one.
    """
    if word.isalpha():
        return bool(_TELEX_SURE.search(word))
    return bool(re.search(r"\d[a-z]|\d\d", word))
