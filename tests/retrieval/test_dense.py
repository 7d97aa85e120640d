"""Every form of the vector index finds the nearest, keeps to the rows allowed, and gives its vectors back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval import dense
from retrieval.dense import DenseIndex, Form, Vectors

_COUNT, _DIMENSION = 6_000, 32
FORMS = [Form("Flat"), Form("SQ8"), Form("SQ8", "IVF64,PQ{half}x4fs"), Form("SQ8", "IVF64_HNSW32,PQ{half}x4fs")]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Vectors in clusters that come one after another, as the libraries of a union do."""
    chance = np.random.default_rng(5)
    middles = np.repeat(chance.standard_normal((60, _DIMENSION)), _COUNT // 60, axis=0)
    found = (middles + 0.5 * chance.standard_normal((_COUNT, _DIMENSION))).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def batches(vectors: Vectors) -> Iterator[Vectors]:
    return (vectors[at : at + 700] for at in range(0, len(vectors), 700))


@pytest.fixture(params=FORMS, ids=str)
def opened(request: pytest.FixtureRequest, vectors: Vectors, tmp_path: Path) -> DenseIndex:
    path = tmp_path / "dense.faiss"
    faiss.write_index(dense.made(request.param, batches(vectors), _DIMENSION), str(path))
    return DenseIndex.open(path)


def test_the_nearest_vectors_are_found_with_their_cosines(opened: DenseIndex, vectors: Vectors) -> None:
    found = right = 0
    for query in vectors[::97]:
        cosines = vectors @ query
        hits = opened.search(query, 10)
        assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
        assert all(abs(cosines[row] - score) < 0.02 for row, score in hits)
        found += len(hits)
        right += len({row for row, _ in hits} & set(np.argsort(-cosines)[:10].tolist()))
    assert right / found > 0.9


def test_only_rows_that_are_allowed_are_found(opened: DenseIndex, vectors: Vectors) -> None:
    allowed = np.zeros(len(vectors), dtype=np.bool_)
    allowed[3::10] = True
    hits = opened.search(vectors[13], 5, allowed)
    assert hits[0][0] == 13
    assert len(hits) == 5
    assert all(allowed[row] for row, _ in hits)


def test_the_few_rows_allowed_are_found_however_far_they_are(opened: DenseIndex, vectors: Vectors) -> None:
    allowed = np.zeros(len(vectors), dtype=np.bool_)
    allowed[-3:] = True
    assert {row for row, _ in opened.search(vectors[0], 5, allowed)} == {_COUNT - 3, _COUNT - 2, _COUNT - 1}


def test_a_row_gives_its_vector_back(opened: DenseIndex, vectors: Vectors) -> None:
    assert len(opened) == _COUNT
    assert opened.dimension == _DIMENSION
    assert all(float(opened.vector(row) @ vectors[row]) > 0.99 for row in (0, 1234, _COUNT - 1))


def test_more_may_be_asked_for_than_there_is(tmp_path: Path, vectors: Vectors) -> None:
    dense.build(tmp_path / "few", batches(vectors[:3]), 3, _DIMENSION)
    found = [row for row, _ in DenseIndex.open(tmp_path / "few").search(vectors[1], 10)]
    assert found[0] == 1
    assert sorted(found) == [0, 1, 2]


def test_the_form_follows_the_size() -> None:
    assert [str(dense.form_for(count)) for count in (3_000, 50_000)] == ["Flat", "SQ8"]
    assert dense.form_for(1_000_000).cells
    assert dense.form_for(1_000_000) != dense.form_for(5_000_000)
