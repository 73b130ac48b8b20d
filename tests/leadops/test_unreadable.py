"""What gunicorn cannot read is refused in the API's shape of errors."""

from __future__ import annotations

import json
import socket

import pytest
from gunicorn.http import errors

from leadops import unreadable


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.LimitRequestLine(9000, 8190), "414 ", "too_long"),
        (errors.LimitRequestHeaders("too many"), "431 Request Header Fields", "too_large"),
        (errors.InvalidRequestLine("nonsense"), "400 Bad Request", "unparsable"),
        (errors.InvalidHeader("a secret"), "400 Bad Request", "unparsable"),
        (errors.ExpectationFailed("tea"), "417 Expectation Failed", "expectation_failed"),
        (errors.UnsupportedTransferCoding("x"), "501 Not Implemented", "unsupported_type"),
    ],
)
def test_it_is_refused_as_the_api_does(error: Exception, status: str, code: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        answer = unreadable.refusal(error)
        assert answer is not None
        unreadable.refuse(ours, answer)
        head, _, body = theirs.recv(65536).partition(b"\r\n\r\n")
    assert head.decode().startswith(f"HTTP/1.1 {status}")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == code
    assert b"secret" not in body


@pytest.mark.parametrize("error", [ValueError(), errors.InvalidResponseHeader("X"), OSError()])
def test_mistakes_of_ours_are_none_of_the_clients(error: Exception) -> None:
    assert unreadable.refusal(error) is None


def test_who_has_gone_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        unreadable.refuse(ours, b"x" * 100)
