"""How long bodies may take."""

from __future__ import annotations

import io
import socket

import pytest

from leadops import arrivals
from leadops.lib import patience


@pytest.mark.parametrize(
    ("length", "seconds"),
    [("1000", 10.008), ("100000000", 810.0), ("10000000000", 900.0), ("", 10.0), ("x", 10.0)],
)
def test_a_file_gets_time_by_its_length(length: str, seconds: float, monkeypatch):
    given: list[float] = []
    real = arrivals.deadline
    monkeypatch.setattr(arrivals, "deadline", lambda s: given.append(s) or real(s))
    near, far = socket.socketpair()
    with near, far:
        stream = arrivals._Timed(io.BytesIO(b"abc"), near)
        patience.for_file({"wsgi.input": stream, "CONTENT_LENGTH": length})
        assert stream.read() == b"abc"
    assert given == [pytest.approx(seconds)]


def test_another_servers_stream_is_left_alone():
    patience.for_file({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "5"})
    patience.for_file({})
