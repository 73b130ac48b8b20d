"""Bodies in chunks, and clients that take their time."""

from __future__ import annotations

import io
import json
import socket
import time
from typing import Any

import pytest

from leadops import arrivals
from leadops.arrivals import MAX_CHUNKED, Bodies


class Answer:
    """An application that answers with the body it was given."""

    def __init__(self) -> None:
        self.status = ""

    def start(self, status: str, _headers: Any) -> None:
        self.status = status

    def ask(self, body: Any, **environ: Any) -> bytes:
        def application(environ: dict[str, Any], start: Any) -> list[bytes]:
            start("200 OK", [])
            return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

        environ.setdefault("HTTP_AUTHORIZATION", "Bearer key")
        given = {name: value for name, value in environ.items() if value is not None}
        return b"".join(Bodies(application)({"wsgi.input": body, **given}, self.start))


def test_it_gives_a_body_in_chunks_its_length() -> None:
    assert Answer().ask(io.BytesIO(b"{}"), HTTP_TRANSFER_ENCODING="Chunked") == b"{}"


def test_it_refuses_a_body_in_chunks_that_does_not_end() -> None:
    answer = Answer()
    body = answer.ask(io.BytesIO(b"x" * (MAX_CHUNKED + 2)), HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status.startswith("413")
    assert json.loads(body)["error"]["code"] == "too_large"


def test_it_reads_no_chunks_of_those_who_show_no_key() -> None:
    body = io.BytesIO(b"{}")
    assert Answer().ask(body, HTTP_TRANSFER_ENCODING="chunked", HTTP_AUTHORIZATION=None) == b""
    assert body.read() == b"{}"


def test_it_leaves_other_bodies_as_they_are() -> None:
    assert Answer().ask(io.BytesIO(b"abcdef"), CONTENT_LENGTH="3") == b"abc"


@pytest.mark.parametrize("dribble", [b"", b"x"])
def test_it_ends_a_body_that_does_not_come_in_time(monkeypatch, dribble) -> None:
    monkeypatch.setattr(arrivals, "BODY_SECONDS", 0.2)
    ours, theirs = socket.socketpair()
    theirs.sendall(dribble)
    began = time.monotonic()
    with ours, theirs, ours.makefile("rb") as stream:
        answer = Answer().ask(stream, CONTENT_LENGTH="10", **{"gunicorn.socket": ours})
    assert answer == dribble
    assert time.monotonic() - began < 5
