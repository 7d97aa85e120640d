"""What fuzzing begins from and what it has found stays right, and so does what hypothesis makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import SEEDS, TARGETS, seeds

FOUND: dict[str, tuple[bytes, ...]] = {"telegram": (), "zalo": (), "web": ()}

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("name", "body"), [(name, body) for name in TARGETS for body in (*seeds(name), *FOUND[name])])
def test_a_known_body_is_read_as_promised(name: str, body: bytes) -> None:
    TARGETS[name](body)


@pytest.mark.parametrize("name", TARGETS)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_as_promised(name: str, body: bytes) -> None:
    TARGETS[name](body)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300)
@given(data=st.data())
def test_a_body_with_junk_in_any_field_is_read_as_promised(name: str, data: Any) -> None:
    seed = data.draw(st.sampled_from(SEEDS[name]))
    TARGETS[name](json.dumps(spoilt(seed, data)).encode())


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_a_body_with_bytes_cut_or_changed_is_read_as_promised(name: str, data: Any) -> None:
    body = data.draw(st.sampled_from(seeds(name)))
    at = data.draw(st.integers(0, len(body)))
    TARGETS[name](body[:at] + data.draw(st.binary(max_size=4)) + body[at + data.draw(st.integers(0, 4)) :])


def spoilt(found: Any, data: Any) -> Any:
    """Return the same with one of its fields replaced by junk."""
    if not (isinstance(found, dict) and found) or data.draw(st.integers(0, 4)) == 0:
        return data.draw(JUNK)
    key = data.draw(st.sampled_from(sorted(found)))
    return {**found, key: spoilt(found[key], data)}
