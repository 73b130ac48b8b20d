"""A whole system over real sockets: what no test client can send."""

from __future__ import annotations

import json
import socket
import textwrap
import time
from collections.abc import Iterator

import pytest

from tests.journeys.system import LiveSystem, wait_for

KEY = "key_of_source_0000001"
BUNDLE = """
    leadops: 1
    sources: [{slug: web, name: Web, price: 1, key: key_of_source_0000001}]
    recipients:
      - {slug: abc, name: ABC, price: 2, integration: http,
         endpoint: {url: "http://127.0.0.1:9/"}, mapping: {email: "{{lead.email}}"},
         response: {success: status = "accepted"}}
    flows:
      - slug: auto
        name: Auto
        fields: {email: {type: email, required: true, privacy: personal}}
        sources: [{source: web}]
        steps: [{deliver: buyers, pattern: single, recipients: [abc]}]
"""
POST = b"POST /api/v1/flows/auto/leads HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
AUTHORIZED = POST + f"Authorization: Bearer {KEY}\r\n".encode()
JSON = AUTHORIZED + b"Content-Type: application/json\r\n"
FORM = AUTHORIZED + b"Content-Type: application/x-www-form-urlencoded\r\n"
LEAD = b'{"email": "ann@example.com"}'
CONNECTIONS = 80  # more than there are threads


@pytest.fixture(scope="module")
def live() -> Iterator[LiveSystem]:
    system = LiveSystem()
    with system:
        path = system.home / "bundle.yaml"
        path.write_text(textwrap.dedent(BUNDLE))
        system.manage("bundle", "load", str(path))
        yield system


def connect(live: LiveSystem) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), timeout=30)


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ask(live: LiveSystem, request: bytes, *, hang_up: bool = False) -> tuple[int, bytes]:
    """Status and body of the answer."""
    with connect(live) as connection:
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        head, _, body = answer(connection).partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def leads(live: LiveSystem) -> int:
    return int(live.value("SELECT count(*) FROM events_lead"))


def chunked(*parts: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return JSON + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def test_it_takes_a_lead_in_chunks(live):
    before = leads(live)
    status, body = ask(live, chunked(LEAD[:7], LEAD[7:]))
    assert (status, json.loads(body)["outcome"]) == (201, "accepted")
    assert leads(live) == before + 1


@pytest.mark.parametrize("size", [300, 2_000])
def test_it_refuses_too_much_in_chunks(live, size):
    status, body = ask(live, chunked(*[b"x" * 1024] * size))
    assert status == 413
    assert json.loads(body)["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    "request_",
    [
        FORM + b"Content-Length: 500\r\n\r\nemail=ann%40example.com&phone=51255",
        JSON + b"Content-Length: 500\r\n\r\n" + LEAD,
    ],
)
def test_it_stores_no_half_of_a_lead(live, request_):
    before = leads(live)
    with connect(live) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer(connection)
    assert leads(live) == before


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (JSON + b"Content-Length: -5\r\n\r\n" + LEAD, 400),
        (JSON + b"Content-Length: 1e3\r\n\r\n" + LEAD, 400),
        (JSON + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (JSON + b"Content-Length: 5\r\nContent-Length: 28\r\n\r\n" + LEAD, 400),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (JSON + b"X: " + b"x" * 9_000 + b"\r\nContent-Length: 28\r\n\r\n" + LEAD, 431),
        (b"GET /api/v1/events?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414),
        (b"GET /api/v1/leads/\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
    ],
)
def test_it_refuses_what_is_not_http(live, request_, status):
    before = leads(live)
    seen, body = ask(live, request_, hang_up=True)
    assert seen == status
    assert b"Traceback" not in body
    assert leads(live) == before


@pytest.mark.parametrize(
    "half",
    [
        b"",
        POST,
        JSON + b"Content-Length: 500\r\n\r\n{",
    ],
)
def test_it_is_not_stopped_by_clients_that_stop_in_the_middle(live, half):
    """Silent ones hold no thread; the others are hung up on, and then leads get in again."""
    connections = [connect(live) for _ in range(CONNECTIONS)]
    try:
        for connection in connections:
            connection.sendall(half)
        wait_for(
            lambda: live.post("/api/v1/flows/auto/leads", json.loads(LEAD), KEY).ok,
            60,
            what="a lead behind slow clients",
        )
    finally:
        for connection in connections:
            connection.close()


def test_it_hangs_up_on_half_a_head(live):
    with connect(live) as connection:
        connection.sendall(POST)
        began = time.monotonic()
        assert answer(connection) == b""
    assert time.monotonic() - began < 10
