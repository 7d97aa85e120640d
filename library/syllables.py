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


def telex_keys(word: str) -> str:
    """Return the keys that type a word by Telex: "tiếng" gives "tieengs"."""
    return _keys(word, _TELEX_KEYS, {tone: key for key, tone in _TELEX_TONE.items()})


def vni_keys(word: str) -> str:
    """Return the keys that type a word by VNI: "tiếng" gives "tie6ng1"."""
    return _keys(word, _VNI_KEYS, {tone: key for key, tone in _VNI_TONE.items()})


def _keys(word: str, letters: dict[str, str], tones: dict[str, str]) -> str:
    out, tone = "", ""
    for letter in word:
        decomposed = unicodedata.normalize("NFD", letter)
        tone = next((tones[mark] for mark in decomposed if mark in tones), tone)
        bare = unicodedata.normalize("NFC", "".join(mark for mark in decomposed if mark not in tones))
        keys = letters.get(bare.lower(), bare)
        out += keys.upper() if bare.isupper() else keys
    return out + tone


_TELEX_KEYS = {"ă": "aw", "â": "aa", "ê": "ee", "ô": "oo", "ơ": "ow", "ư": "uw", "đ": "dd"}
_VNI_KEYS = {"ă": "a8", "â": "a6", "ê": "e6", "ô": "o6", "ơ": "o7", "ư": "u7", "đ": "d9"}


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


# The rime "oong" stands in a handful of borrowed words; anywhere else it is "ông" with its keys.
_MEANT_WITH_KEYS = re.compile(r"(?!(?:x|s|b|g|t|l|c)oong)[a-z]+oong")


def from_keys(word: str) -> str | None:
    """Return the syllable a lower-case run of Telex or VNI keys stands for ("vieenj", "vie65n" → "viện").

    None for a word that is a plausible syllable as typed, or that no keys explain.
    """
    if not word.isascii() or not word[:1].isalpha() or (is_syllable(word) and not _MEANT_WITH_KEYS.fullmatch(word)):
        return None
    meant = _decode_telex(word) if word.isalpha() else _decode_vni(word)
    return meant if meant and meant != word and is_syllable(meant) else None


# Words of English and of its computers that keys would explain ("room" as "rôm", "his" as "hí").
_ENGLISH = frozenset(
    """as is of or us has his was this its if ex ax ox ads apps app bus gas mix six max tax box lex taxi pos docs does
    goes dos days says best rest test list dist most cost post past cast last lost host rust must trust peer beer
    deer see seen seem seems been beep deep keep keeps meet need teen teens queen tree trees deck tools tool too
    room rooms root roots boot boots soon noon moon book boom door poor loop roof cool how low now know new news
    view law saw row rows cow cows tow down own town her here hers per car cars care cure sure pure bar bars far for
    four hour near mars tar tour term reset use user cases case base bases maps map mask tips tip kiss boss miss
    pass class loss less let lets gets get sets set bits bit kits kit cats cat pets pet nest west lax tex hex des
    les las los mes dis bis ops ok usa url html css js xls sos vs cons pros puts runs turn sort short chart part
    start sport heart him buses plus minus pix pixar dior alex marx rex felix netflix phoenix unisex sex text next
    index latex mexico visa air there homo deus luis texas paris swiss thomas james lewis morris louis davis charles
    chris oscar victor hector peter potter mother father other doctor mister sister tutor author""".split()
)


def is_english(word: str) -> bool:
    """Return whether a lower-case word that keys could explain is known as English."""
    return word in _ENGLISH


def surely_keys(word: str) -> bool:
    """Return whether a word `from_keys` can read shows keys that nothing else would: two marks, dd, uw, an inner digit.

    "of", "sachs" or "tap1" could be something else; they are read as keys only beside a sure one.
    """
    if word.isalpha():
        return bool(_TELEX_SURE.search(word))
    return bool(re.search(r"\d[a-z]|\d\d", word))
