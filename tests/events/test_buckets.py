"""The buckets of response times."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from events import buckets


@given(st.integers(0, buckets.LARGEST))
def test_an_edge_stands_for_all_up_to_the_next(ms):
    edges = [0, *buckets.edges()]
    edge = edges[bisect_right(edges, ms) - 1]
    assert buckets.bucket(edge) == buckets.bucket(ms)
    assert edge <= ms


def test_every_edge_begins_a_bucket():
    edges = buckets.edges()
    assert [buckets.bucket(edge - 1) < buckets.bucket(edge) for edge in edges] == [True] * len(
        edges
    )
