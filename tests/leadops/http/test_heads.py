from __future__ import annotations

import http.client
import io
import socket
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.http import USER_AGENT, Door, Request
from leadops.lib.http.heads import MAX_HEADERS, MAX_LINE, Answer
from tests.leadops.http.servers import OK, raw_server, read_request


class Sent:
    """A socket from which these bytes come, then its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, *args: Any) -> io.BufferedReader:
        return io.BufferedReader(cast(Any, io.BytesIO(self.data)))


def begun(data: bytes, method: str = "POST") -> Answer:
    answer = Answer(cast(Any, Sent(data)), method=method)
    answer.begin()
    return answer


def headers(data: bytes) -> Any:
    return begun(b"HTTP/1.1 200 OK\r\n" + data + b"\r\n").headers


NAME = st.text(st.sampled_from("abcXYZ-019"), min_size=1, max_size=12)
VALUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f\x85\xa0")
)


@given(st.lists(st.tuples(NAME, VALUE), max_size=12))
def test_it_reads_headers_as_the_standard_library_does(pairs: list[tuple[str, str]]) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("latin-1")
    theirs = http.client.parse_headers(io.BytesIO(head + b"\r\n"))
    joined: dict[str, str] = {}
    for name, value in theirs.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    assert headers(head) == joined


@given(st.binary(max_size=200))
def test_it_takes_any_bytes_for_a_head_or_says_that_they_are_none(data: bytes) -> None:
    for head in (data, b"HTTP/1.1 200 OK\r\n" + data):
        try:
            begun(head)
        except (http.client.HTTPException, OSError):
            continue


def test_it_puts_folded_lines_together_and_passes_over_lines_without_a_name() -> None:
    read = headers(b"X-A: one\r\n\ttwo\r\nnonsense\r\n folded\r\n: none\r\nContent-Length: 5\r\n")
    assert read == {"x-a": "one two", "content-length": "5"}


def test_it_waits_for_the_reply_after_hints() -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answer = begun(hints + b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi")
    assert (answer.status, answer.reason, answer.read()) == (201, "Created", b"hi")


@pytest.mark.parametrize(
    ("head", "length", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 5, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", None, True),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            None,
            False,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", None, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 5, True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\n", 5, False),
        (b"HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", 5, True),
    ],
)
def test_it_knows_where_a_body_ends(head: bytes, length: int | None, closes: bool) -> None:
    answer = begun(head)
    assert (answer.length, answer.will_close) == (length, closes)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"", http.client.RemoteDisconnected),
        (b"HTTP/1.1 200 O", http.client.RemoteDisconnected),
        (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", http.client.RemoteDisconnected),
        (b"<html>\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 OK\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/2 200\r\n\r\n", http.client.UnknownProtocol),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * MAX_LINE + b"\r\n\r\n", http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * (MAX_HEADERS + 1), http.client.HTTPException),
    ],
)
def test_it_says_what_is_wrong_with_a_head(head: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        begun(head)


def test_it_sends_one_header_a_name_and_says_who_it_is(door: Door) -> None:
    seen: list[bytes] = []

    def handle(conn: socket.socket) -> None:
        seen.append(read_request(conn))
        conn.sendall(OK)

    with raw_server(handle) as server:
        door.send(Request("GET", server.url, {"X-A": "1", "x-a": "2"}, timeout=5.0))
    assert b"X-A: 1" not in seen[0]
    assert b"x-a: 2\r\n" in seen[0]
    assert f"User-Agent: {USER_AGENT}\r\n".encode() in seen[0]
