"""Roots and ways to them are those of RFC 6962, whatever the number of leaves."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.sealing import merkle


def of_the_rfc(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1, as it is written there."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\1" + of_the_rfc(leaves[:half]) + of_the_rfc(leaves[half:])).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_its_root_is_that_of_the_rfc(leaves):
    assert merkle.root([merkle.leaf_hash(leaf) for leaf in leaves]) == of_the_rfc(leaves)


@given(st.integers(1, 70), st.data())
def test_a_way_holds_for_its_leaf_and_for_no_other(count, data):
    hashes = [merkle.leaf_hash(str(n).encode()) for n in range(count)]
    index = data.draw(st.integers(0, count - 1))
    root, path = merkle.root(hashes), merkle.path(hashes, index)
    assert merkle.holds(hashes[index], index, count=count, path=path, root=root)
    assert not merkle.holds(merkle.leaf_hash(b"other"), index, count=count, path=path, root=root)
    assert not merkle.holds(hashes[index], index, count=count, path=[*path, root], root=root)
    if path:
        assert not merkle.holds(hashes[index], index, count=count, path=path[1:], root=root)


def test_a_node_cannot_be_passed_off_as_a_leaf():
    hashes = [merkle.leaf_hash(text) for text in (b"a", b"b")]
    assert merkle.leaf_hash(hashes[0] + hashes[1]) != merkle.root(hashes)


def test_there_is_no_way_for_a_leaf_that_is_not_there():
    with pytest.raises(IndexError):
        merkle.path([], 0)
    assert not merkle.holds(merkle.EMPTY, 0, count=0, path=[], root=merkle.EMPTY)
