"""Which cluster a new question joins: the one of the same words, else the nearest in meaning, else one of its own.

The thresholds were tuned on half of the questions of `data/faq` and told on the other half; see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.blocks import plain_of
from retrieval.embedder import Embedder, Vectors

SAME_BY_STATIC = 0.64
SAME_BY_SENTENCE = 0.55
_ROOM = 256  # clusters added before the table grows
# A sentence model takes all questions to a library for much alike; what these have in common is taken from each.
_ORDINARY = """\
Thư viện mở cửa lúc mấy giờ?
Làm thẻ bạn đọc cần giấy tờ gì?
Mượn sách được bao lâu?
Trả sách trễ bị phạt bao nhiêu?
Có sách dạy nấu ăn không?
Gửi xe ở đâu?
Mật khẩu wifi là gì?
Phòng đọc ở tầng mấy?
Gia hạn sách qua mạng được không?
Trẻ em mấy tuổi được làm thẻ?
Thư viện có tổ chức sự kiện gì tuần này?
Làm sao để đặt giữ một cuốn sách?
Tôi quên mật khẩu thì phải làm gì?
Có được mang đồ ăn vào không?
In và photo tài liệu giá bao nhiêu?
Tôi muốn góp ý về cách phục vụ.
Ngày lễ thư viện có nghỉ không?
Tìm luận văn ở đâu?
Số điện thoại của thư viện là gì?
Sách bị mất thì đền thế nào?
Tôi ở tỉnh khác có mượn được không?
Cho em hỏi về tài liệu tiếng Anh.
Có máy tính cho bạn đọc dùng không?
Ai được miễn phí?
What are the opening hours?
How do I get a library card?
Where can I return a book?
Do you have books in English?""".splitlines()


class Reader:
    """Reads questions into vectors of unit length. `written` writes a question out: shorthand, and marks left away.

    `name` tells vectors apart that were read otherwise; `same` is the cosine from which two questions are one.
    """

    def __init__(self, embedder: Embedder, written: Callable[[str], str] = plain_of) -> None:
        self._embedder, self._written = embedder, written
        self._shared: NDArray[np.float32] | None = None
        self.dimension = embedder.dimension
        self.name = embedder.name if embedder.bare else f"{embedder.name}, centred"
        self.same = SAME_BY_STATIC if embedder.bare else SAME_BY_SENTENCE

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return a vector for each question; none at all, zeros, for one without words."""
        vectors = self._embedder.queries([self._written(text) for text in texts])
        if self._embedder.bare:
            return vectors
        if self._shared is None:
            self._shared = self._embedder.queries(_ORDINARY).mean(axis=0)
        return _unit(vectors - self._shared * vectors.any(axis=1, keepdims=True))


class Clusters:
    """The sums of the clusters' vectors, side by side. One thread at a time."""

    def __init__(self, reader: Reader, sums: Mapping[int, NDArray[np.float32]]) -> None:
        self._same, self._width = reader.same, reader.dimension
        self._numbers = list(sums)
        self._sums = np.zeros((len(sums) + _ROOM, self._width), np.float32)
        if sums:
            self._sums[: len(sums)] = np.stack(list(sums.values()))
        self._means = _unit(self._sums)
        self._rows = {number: row for row, number in enumerate(self._numbers)}

    def __len__(self) -> int:
        return len(self._numbers)

    def nearest(self, vector: NDArray[np.float32]) -> int | None:
        """Return the cluster that this question belongs to, None where it is the first of its kind."""
        if not self._numbers or not vector.any():
            return None
        near = self._means[: len(self._numbers)] @ vector
        best = int(near.argmax())
        return self._numbers[best] if near[best] >= self._same else None

    def add(self, number: int, vector: NDArray[np.float32]) -> bytes:
        """Return the sum of the cluster's vectors with this one, as it is stored."""
        row = self._rows.get(number)
        if row is None:
            row = self._rows[number] = len(self._numbers)
            self._numbers.append(number)
            if row == len(self._sums):
                self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
                self._means = np.concatenate([self._means, np.zeros_like(self._means)])
        self._sums[row] += vector
        self._means[row] = _unit(self._sums[row : row + 1])[0]
        stored: bytes = self._sums[row].tobytes()
        return stored


def read(stored: bytes) -> NDArray[np.float32]:
    return np.frombuffer(stored, np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
