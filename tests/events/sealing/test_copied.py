"""Rows come out of a binary copy whole, however the stream was cut."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.sealing import copied

ROWS = [(9_800, 7, 1_000_000, b"[1]"), (9_801, 2**40, -5, b""), (-1, 9, 0, "ä".encode() * 50)]


def stream() -> bytes:
    body = b"".join(
        struct.pack(">hiiiqiqi", 4, 4, month, 8, tx, 8, at, len(text)) + text
        for month, tx, at, text in ROWS
    )
    return copied.SIGNATURE + bytes(8) + body + b"\xff\xff"


@given(st.lists(st.integers(0, len(stream())), max_size=12))
def test_it_reads_rows_however_they_are_cut(cuts):
    whole, ends = stream(), sorted({0, *cuts, len(stream())})
    blocks = [memoryview(whole[a:b]) for a, b in pairwise(ends)]
    assert list(copied.rows(blocks)) == ROWS


@pytest.mark.parametrize("broken", [stream()[:-5], b"x" * 60, b""])
def test_it_refuses_what_is_no_whole_copy(broken):
    with pytest.raises(ValueError, match="copy"):
        list(copied.rows([broken]))
