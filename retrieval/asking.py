"""Takes the asking off a question, so that what is asked for is left: "ad ơi có cuốn Số đỏ không ạ" → "Số đỏ"."""

from __future__ import annotations

from collections.abc import Iterator

from library.text import Token, fold, has_diacritics, nfc, same_tones, tokens

# Greetings and courtesies, before and after; then what only a search for books can do without.
_POLITE_BEFORE = """
ad ơi|ad|admin ơi|admin|alo|alô|dạ|chào ad|chào bạn|chào thư viện|thủ thư ơi|bạn ơi|thư viện ơi|anh ơi|chị ơi|ơi
vâng|à|ừm
xin chào|hello|hi|mọi người ơi|mọi người|mng|cho em hỏi|cho mình hỏi|cho tôi hỏi|cho hỏi|cho con hỏi
cho cháu hỏi|em hỏi
mình hỏi|xin hỏi|làm ơn cho hỏi|bạn cho mình hỏi|cho em hỏi là|cho mình hỏi là|em muốn hỏi|mình muốn hỏi
tôi muốn hỏi|cho e hỏi
"""
_POLITE_AFTER = """
ạ|hả|hen|nhỉ|nhé|nha|nhá|ha|hơ|vậy|vậy ạ|thế|z|ad ơi|ad|ad nhỉ|bạn ơi|thủ thư ơi|admin|cảm ơn|em cảm ơn|cảm ơn ạ
mình cảm ơn
thanks|please|giúp em|giúp mình|giúp tôi|giúp với|giúp em với|với ạ|với
"""
_BEFORE = """
thư viện mình|thư viện|bên mình|ở đây|bên thư viện|trong kho|mình|em|tôi|tớ|tui|bạn|là|hỏi|con muốn|con cần
con tìm|cháu muốn|cháu cần|cháu tìm
có|còn|đang|muốn|cần|định|thích|xem|đang cần|đang tìm|muốn tìm|cần tìm|tìm|tìm giúp|tìm giùm|kiếm|kiếm giúp
tìm kiếm
tra|tra cứu|tra giúp|muốn mượn|mượn|muốn đọc|đọc|muốn hỏi|hỏi về|cho em mượn|cho mượn|cho em xin|cho mình xin
cho em
cho mình|cho tôi|cho xem|cho|xin|giúp|giúp em|giúp mình|giùm|giùm em
giới thiệu|giới thiệu giúp|gợi ý|gợi ý cho em|giới thiệu cho em|đề xuất|liệt kê
có cuốn|có quyển|có sách|có truyện|có tài liệu|có bộ
cuốn|quyển|bộ|cuốn sách|quyển sách|quyển truyện|cuốn truyện|tác phẩm|đầu sách|sách|truyện|tiểu thuyết|tài liệu
giáo trình
ấn phẩm|tựa sách|tựa|tên sách|tên|nhan đề
các|những|một|vài|mấy|một số|ít|loại|dòng|thể loại|mấy cuốn|vài cuốn|những cuốn|các cuốn|các sách|cái|nào|gì|hay
về|nói về|viết về|dạy về|liên quan đến|liên quan tới|liên quan|thuộc|theo chủ đề|chủ đề|đề tài
chuyên đề
nội dung|gì về|nào về|nào nói về|để|kể về
của|của tác giả|tác giả|do|nhà văn|nhà thơ|được viết bởi
i want|i need|i am looking for|looking for|do you have|have you got|is there|are there|any|some|a|the book|book
books|a book
books about|books on|about|on|by|can i borrow|find|find me|show me
"""
_AFTER = """
không|không ạ|không vậy|không ad|không nhỉ|không nha|hông|chưa|chưa ạ|chứ|đi|đi ạ|nào|gì|luôn
có không|còn không|được không|có được không|có chưa|còn chưa|có sẵn không|có còn không|còn sách không
có cuốn nào không
có sách không|ở đâu|nằm ở đâu|ở kệ nào|kệ nào|ở thư viện|trong thư viện|ở thư viện mình|bên mình|tại thư viện
giùm em|giùm|dùm|hay không|hay|có trong thư viện|có trong thư viện không|để đọc|để tham khảo|cần tìm|để mượn|còn
có|đâu|rồi
"""


Phrases = frozenset[tuple[str, ...]]


def _phrases(listed: str) -> Phrases:
    lines = same_tones(listed).splitlines()
    return frozenset(tuple(phrase.split()) for line in lines for phrase in line.split("|") if phrase)


_POLITE = _phrases(_POLITE_BEFORE), _phrases(_POLITE_AFTER)
_ASKING = _POLITE[0] | _phrases(_BEFORE), _POLITE[1] | _phrases(_AFTER)
_MEDIA = _phrases(
    "báo|tờ báo|tờ|nhật báo|tạp chí|tập thơ|thơ|truyện tranh|truyện ngắn|truyện dài|bản đồ|từ điển|sách nói"
)
_BARE = {phrases: frozenset(tuple(map(fold, phrase)) for phrase in phrases) for phrases in (*_POLITE, *_ASKING, _MEDIA)}


Span = tuple[int, int]  # first word, last word + 1


def spans(text: str) -> Iterator[Span]:
    """Yield the words of a query with less and less of the asking around them, starting with the whole.

    A reader of these takes the first that names something, since a title may begin like a question: "Truyện Kiều",
    "Có một phố vừa đi qua phố".
    """
    return _stripped(tokens(text), *_ASKING)


def part(text: str, span: Span) -> str:
    """Return these words of the text as they stand."""
    words = tokens(text)[span[0] : span[1]]
    return nfc(text)[words[0].start : words[-1].end] if words else ""


def wanted(text: str) -> str:
    """Return what a query asks for, with all of the asking taken off; the text itself when nothing else is left."""
    *_, last = spans(text)
    return part(text, last)


def without_medium(text: str, span: Span) -> Span:
    """Return the span without the kind of thing it begins with: "báo Tuổi Trẻ" → "Tuổi Trẻ"."""
    left = _matched(tokens(text)[span[0] : span[1]], _MEDIA, from_end=False)
    return (span[0] + left, span[1]) if span[0] + left < span[1] else span


def without_courtesies(text: str) -> str:
    """Return a question without greeting and particles, its words else as they are: "ad ơi mấy giờ mở cửa vậy ạ"."""
    *_, last = _stripped(tokens(text), *_POLITE)
    return part(text, last)


def _stripped(words: list[Token], before: Phrases, after: Phrases) -> Iterator[Span]:
    left, right = 0, len(words)
    bare = not any(has_diacritics(word.text) for word in words)
    yield left, right
    while left < right:
        end = _matched(words[left:right], after, from_end=True, bare=bare)
        start = 0 if end else _matched(words[left:right], before, from_end=False, bare=bare)
        if start + end in (0, right - left):
            return
        left, right = left + start, right - end
        yield left, right


def _matched(words: list[Token], phrases: Phrases, *, from_end: bool, bare: bool = True) -> int:
    """Return how many words at this end are one of the phrases, the longest taken; 0 for none.

    `bare`: the whole was typed without marks, so that "dinh" may be "định"; in "dinh dưỡng" it is not.
    """
    for length in range(min(_LONGEST, len(words)), 0, -1):
        end = words[-length:] if from_end else words[:length]
        typed = tuple(same_tones(token.text.lower()) for token in end)
        folded = tuple(token.folded for token in end)
        # "sach ve" is "sách về"; "sạch" is not, and a short word alone may be anything ("to": "tớ", "tô").
        if typed in phrases or (bare and typed == folded and folded in _BARE[phrases] and len("".join(folded)) > 3):
            return length
    return 0


_LONGEST = max(len(phrase) for phrases in _ASKING for phrase in phrases)
ASKING_PHRASES = tuple(" ".join(phrase) for phrases in _ASKING for phrase in sorted(phrases))
