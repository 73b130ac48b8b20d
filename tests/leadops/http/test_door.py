from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from leadops.lib.http import Door, HttpError, Request, errors
from tests.leadops.http.certificates import authority_and_server
from tests.leadops.http.servers import (
    OK,
    answers,
    free_port,
    full_backlog,
    raw_server,
    read_request,
    reset,
)

LOOPBACK = [ip_network("127.0.0.0/8")]


def post(url: str, body: bytes = b"{}", **settings: object) -> Request:
    return Request("POST", url, {"X-Test": "1"}, body, **{"timeout": 5.0, **settings})  # type: ignore[arg-type]


# The ordinary case


def test_it_sends_what_was_asked_and_returns_the_whole_answer(door: Door) -> None:
    seen: list[bytes] = []

    def handle(conn: socket.socket) -> None:
        seen.append(read_request(conn))
        conn.sendall(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nX-a: 2\r\nContent-Length: 2\r\n\r\nhi")

    with raw_server(handle) as server:
        reply = door.send(
            Request("POST", f"{server.url}leads?a=1", {"X-Name": "Zoë", "Accept": "*/*"}, b"{}", 5)
        )
    assert (reply.status, reply.body) == (201, b"hi")
    assert reply.headers["x-a"] == "1, 2"
    assert 0 < reply.seconds < 5
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /leads?a=1 HTTP/1.1\r\n")
    assert "X-Name: Zoë".encode() in head
    assert b"Content-Length: 2" in head
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert body == b"{}"


def test_it_keeps_the_connection_for_the_next_request(door: Door) -> None:
    with raw_server(answers(OK, OK, OK)) as server:
        for _ in range(3):
            assert door.send(post(server.url)).body == b"ok"
        assert server.connections == 1


def test_it_reads_chunked_and_compressed_answers(door: Door) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    packed = gzip.compress(b"hello")
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
        packed
    )
    with raw_server(answers(chunked, zipped + packed, OK)) as server:
        assert door.send(post(server.url)).body == b"abcde"
        assert door.send(post(server.url)).body == b"hello"
        assert door.send(post(server.url)).body == b"ok"
        assert server.connections == 1


def test_it_takes_no_notice_of_proxies_in_the_environment(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with raw_server(answers(OK)) as server:
        assert door.send(post(server.url)).status == 200


def test_it_neither_keeps_nor_sends_cookies(door: Door) -> None:
    seen: list[bytes] = []

    def handle(conn: socket.socket) -> None:
        while data := read_request(conn):
            seen.append(data)
            conn.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    with raw_server(handle) as server:
        door.send(post(server.url))
        door.send(post(server.url))
    assert b"ookie" not in seen[1]


# Where it may go


def refuse_lookup(*found: str) -> Door:
    def lookup(host: str, port: int) -> Sequence[str]:
        return found

    return Door(lookup=lookup)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://0:{port}/",
    ],
)
def test_it_refuses_loopback_in_every_spelling(url: str) -> None:
    with raw_server(answers(OK)) as server:
        with pytest.raises(errors.AddressRefused) as caught:
            Door().send(post(url.format(port=server.port)))
        assert server.connections == 0
    assert caught.value.category == "security"
    assert not caught.value.may_have_arrived


def test_it_refuses_a_public_name_that_leads_to_a_private_address() -> None:
    with pytest.raises(errors.AddressRefused, match=r"buyer\.example"):
        refuse_lookup("10.0.0.7").send(post("http://buyer.example/"))


def test_it_skips_the_private_one_of_several_addresses() -> None:
    def lookup(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.7", "::1", "127.0.0.1"]

    with raw_server(answers(OK)) as server:
        door = Door(private_networks=LOOPBACK, lookup=lookup)
        assert door.send(post(f"http://buyer.example:{server.port}/")).status == 200


def test_it_looks_a_name_up_once_and_connects_to_what_it_checked() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.7"]

    with raw_server(answers(OK)) as server:
        door = Door(private_networks=LOOPBACK, lookup=rebinding)
        assert door.send(post(f"http://buyer.example:{server.port}/")).status == 200
    assert asked == ["buyer.example"]


def test_it_does_not_follow_a_redirect_to_an_internal_address(door: Door) -> None:
    with raw_server(answers(OK)) as inner:
        to = f"HTTP/1.1 302 Found\r\nLocation: {inner.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with raw_server(answers(to)) as outer:
            reply = door.send(post(outer.url))
        assert reply.status == 302
        assert reply.headers["location"] == inner.url
        assert inner.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "127.0.0.1",
        "",
        "http://",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1/\r\nX: y",
        "http://exa mple/",
    ],
)
def test_it_refuses_urls_it_should_not_open(door: Door, url: str) -> None:
    with pytest.raises(errors.RequestRefused) as caught:
        door.send(post(url))
    assert "secret" not in str(caught.value)
    assert caught.value.category == "configuration"


def test_it_escapes_line_breaks_in_the_query(door: Door) -> None:
    seen: list[bytes] = []

    def handle(conn: socket.socket) -> None:
        seen.append(read_request(conn))
        conn.sendall(OK)

    with raw_server(handle) as server:
        door.send(post(f"{server.url}?a=1 2\r\nX-Evil: 1"))
    assert b"\r\nX-Evil" not in seen[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-Evil: 1"),
        ("X-A", "b\nc"),
        ("X-A", "b\0"),
        ("X-A\r\nX-Evil", "b"),
        ("X A", "b"),
        ("", "b"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_it_refuses_headers_that_would_forge_another(door: Door, name: str, value: str) -> None:
    with pytest.raises(errors.RequestRefused):
        door.send(Request("POST", "http://127.0.0.1:1/", {name: value}, b"{}"))


# Nothing was sent


def test_it_says_that_nobody_listens(door: Door) -> None:
    with pytest.raises(errors.ConnectionRefused) as caught:
        door.send(post(f"http://127.0.0.1:{free_port()}/"))
    assert not caught.value.may_have_arrived


def test_it_says_that_a_name_does_not_exist(door: Door) -> None:
    with pytest.raises(errors.NameNotFound) as caught:
        door.send(post("http://buyer.invalid/"))
    assert not caught.value.may_have_arrived


def test_it_gives_up_connecting_after_the_connect_timeout(door: Door) -> None:
    started = time.monotonic()
    with full_backlog() as port, pytest.raises(errors.ConnectTimeout) as caught:
        door.send(post(f"http://127.0.0.1:{port}/", connect_timeout=0.3))
    assert time.monotonic() - started < 8
    assert not caught.value.may_have_arrived


# It may have arrived


def hang(conn: socket.socket) -> None:
    read_request(conn)
    conn.recv(1)


def dribble_body(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        conn.sendall(b".")
        time.sleep(0.02)


def dribble_headers(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X")
        time.sleep(0.02)


def dribble_without_length(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"status":"accepted"}')
    while True:
        conn.sendall(b" ")
        time.sleep(0.02)


def read_slowly(conn: socket.socket) -> None:
    while True:
        time.sleep(0.02)
        conn.recv(1)


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        (hang, b"{}"),
        (dribble_body, b"{}"),
        (dribble_headers, b"{}"),
        (dribble_without_length, b"{}"),
        (read_slowly, b"x" * 20_000_000),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_ends_every_kind_of_slowness_at_the_deadline(
    door: Door, handler: object, body: bytes
) -> None:
    with raw_server(handler) as server:  # type: ignore[arg-type]
        started = time.monotonic()
        with pytest.raises(errors.DeadlineExceeded) as caught:
            door.send(post(server.url, body, timeout=0.4))
        assert 0.35 < time.monotonic() - started < 5
    assert caught.value.may_have_arrived
    assert str(caught.value) == "No answer within 0.4 s"


def reset_at_once(conn: socket.socket) -> None:
    read_request(conn)
    reset(conn)


def reset_in_the_body(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    time.sleep(0.05)
    reset(conn)


def close_at_once(conn: socket.socket) -> None:
    read_request(conn)


def close_in_the_body(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def close_in_a_chunk(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf")


def close_in_the_status(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 2")


def close_in_the_header(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def close_between_headers(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nServer: x\r\n")


def close_between_chunks(conn: socket.socket) -> None:
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")


@pytest.mark.parametrize(
    "handler",
    [
        close_between_chunks,
        reset_at_once,
        reset_in_the_body,
        close_at_once,
        close_in_the_status,
        close_in_the_header,
        close_between_headers,
        close_in_the_body,
        close_in_a_chunk,
    ],
    ids=lambda value: value.__name__,
)
def test_it_tells_a_lost_connection_and_sends_nothing_again(door: Door, handler: object) -> None:
    with raw_server(handler) as server:  # type: ignore[arg-type]
        with pytest.raises(errors.ConnectionLost) as caught:
            door.send(post(server.url))
        assert server.connections == 1
    assert caught.value.may_have_arrived


def test_it_replaces_a_kept_connection_that_the_server_closed(door: Door) -> None:
    closed = threading.Event()

    def handle(conn: socket.socket) -> None:
        read_request(conn)
        conn.sendall(OK)
        conn.close()
        closed.set()

    with raw_server(handle) as server:
        for _ in range(5):
            closed.clear()
            assert door.send(post(server.url)).status == 200
            assert closed.wait(5)
            time.sleep(0.01)  # the end of the connection travels after `close` returned


def test_it_does_not_resend_when_a_kept_connection_dies_under_the_request(door: Door) -> None:
    seen: list[bytes] = []

    def handle(conn: socket.socket) -> None:
        seen.append(read_request(conn))
        conn.sendall(OK)
        seen.append(read_request(conn))
        reset(conn)

    with raw_server(handle) as server:
        door.send(post(server.url))
        with pytest.raises(errors.ConnectionLost) as caught:
            door.send(post(server.url))
        assert server.connections == 1
    assert len(seen) == 2
    assert caught.value.may_have_arrived


# Answers that cannot be used


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x00garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
    ],
    ids=["garbage", "status", "long-header", "many-headers", "two-lengths", "not-gzip"],
)
def test_it_tells_a_malformed_reply(door: Door, answer: bytes) -> None:
    with raw_server(answers(answer)) as server, pytest.raises(errors.MalformedReply) as caught:
        door.send(post(server.url))
    assert caught.value.may_have_arrived


def test_it_stops_an_endless_body_at_the_limit(door: Door) -> None:
    def endless(conn: socket.socket) -> None:
        read_request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"x" * 65536)

    with raw_server(endless) as server, pytest.raises(errors.ReplyTooLarge) as caught:
        door.send(post(server.url, max_bytes=1000))
    assert caught.value.status == 200
    assert caught.value.body == b"x" * 1000


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_it_stops_a_compression_bomb_at_the_decoded_limit(door: Door, encoding: str) -> None:
    zeros = b"\0" * 50_000_000
    bomb = gzip.compress(zeros) if encoding == "gzip" else zlib.compress(zeros)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
    with raw_server(answers(head.encode() + bomb)) as server:
        started = time.process_time()
        with pytest.raises(errors.ReplyTooLarge) as caught:
            door.send(post(server.url))
    assert time.process_time() - started < 2
    assert len(caught.value.body) == 65_536


def test_it_takes_a_body_of_exactly_the_limit(door: Door) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100
    with raw_server(answers(answer, OK)) as server:
        assert len(door.send(post(server.url, max_bytes=100)).body) == 100
        assert door.send(post(server.url)).body == b"ok"
        assert server.connections == 1


def test_it_uses_a_new_connection_after_every_failure(door: Door) -> None:
    replies = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", OK])

    def handle(conn: socket.socket) -> None:
        while read_request(conn):
            conn.sendall(next(replies))

    with raw_server(handle) as server:
        with pytest.raises(errors.DeadlineExceeded):
            door.send(post(server.url, timeout=0.2))
        assert door.send(post(server.url)).body == b"ok"
        assert server.connections == 2


# TLS


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return authority_and_server(tmp_path_factory.mktemp("tls"), name="buyer.example")


def tls_handler(chain: Path, version: ssl.TLSVersion | None = None):  # type: ignore[no-untyped-def]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version

    def handle(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as wrapped:
            while read_request(wrapped):
                wrapped.sendall(OK)

    return handle


def tls_door(authority: Path | None) -> Door:
    def lookup(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    context = None
    if authority:
        context = ssl.create_default_context(cafile=str(authority))
    return Door(private_networks=LOOPBACK, lookup=lookup, tls=context)


def test_it_speaks_tls_and_checks_the_name(tls_files: tuple[Path, Path]) -> None:
    authority, chain = tls_files
    with raw_server(tls_handler(chain)) as server:
        door = tls_door(authority)
        for _ in range(2):
            assert door.send(post(f"https://buyer.example:{server.port}/")).body == b"ok"
        assert server.connections == 1
        with pytest.raises(errors.TlsFailed, match="certificate") as caught:
            door.send(post(f"https://other.example:{server.port}/"))
    assert caught.value.category == "security"
    assert not caught.value.may_have_arrived


def test_it_refuses_a_certificate_from_an_unknown_authority(tls_files: tuple[Path, Path]) -> None:
    with raw_server(tls_handler(tls_files[1])) as server, pytest.raises(errors.TlsFailed):
        tls_door(None).send(post(f"https://buyer.example:{server.port}/"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_refuses_tls_older_than_1_2(tls_files: tuple[Path, Path]) -> None:
    handler = tls_handler(tls_files[1], ssl.TLSVersion.TLSv1_1)
    with raw_server(handler) as server, pytest.raises(errors.TlsFailed):
        tls_door(tls_files[0]).send(post(f"https://buyer.example:{server.port}/"))


def test_it_tells_plain_http_on_a_tls_port(tls_files: tuple[Path, Path]) -> None:
    def plain(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(OK)

    with raw_server(plain) as server, pytest.raises(errors.TlsFailed) as caught:
        tls_door(tls_files[0]).send(post(f"https://buyer.example:{server.port}/", timeout=1))
    assert not caught.value.may_have_arrived


def test_it_ends_a_handshake_that_never_comes(tls_files: tuple[Path, Path]) -> None:
    with raw_server(lambda conn: bool(conn.recv(65536)) and time.sleep(5)) as server:  # type: ignore[arg-type, func-returns-value]
        started = time.monotonic()
        with pytest.raises(errors.ConnectTimeout) as caught:
            tls_door(tls_files[0]).send(post(f"https://buyer.example:{server.port}/", timeout=0.3))
    assert time.monotonic() - started < 4
    assert not caught.value.may_have_arrived


def test_it_ends_a_dribbled_handshake_at_the_deadline(tls_files: tuple[Path, Path]) -> None:
    def dribble(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            conn.sendall(b"\x02")
            time.sleep(0.02)

    with raw_server(dribble) as server:
        started = time.monotonic()
        with pytest.raises(HttpError) as caught:
            tls_door(tls_files[0]).send(post(f"https://buyer.example:{server.port}/", timeout=0.3))
    assert time.monotonic() - started < 8
    assert not caught.value.may_have_arrived


def test_it_ends_a_dribbled_tls_body_at_the_deadline(tls_files: tuple[Path, Path]) -> None:
    authority, chain = tls_files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)

    def handle(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as wrapped:
            dribble_body(wrapped)

    with raw_server(handle) as server:
        started = time.monotonic()
        with pytest.raises(errors.DeadlineExceeded):
            tls_door(authority).send(post(f"https://buyer.example:{server.port}/", timeout=0.5))
    assert time.monotonic() - started < 8


# Processes and threads


def test_it_works_in_a_forked_child_with_connections_of_its_own(door: Door) -> None:
    with raw_server(answers(OK, OK)) as server:
        door.send(post(server.url))
        pid = os.fork()
        if pid == 0:
            try:
                code = 0 if door.send(post(server.url, timeout=3)).body == b"ok" else 1
            except BaseException:
                code = 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert door.send(post(server.url)).body == b"ok"
        assert server.connections == 2


def test_it_keeps_deadlines_apart_between_threads(door: Door) -> None:
    """A slow request of one thread ends in time while others go on."""
    done: list[str] = []

    def slow(url: str) -> None:
        with pytest.raises(errors.DeadlineExceeded):
            door.send(post(url, timeout=0.5))
        done.append("slow")

    def quick(url: str) -> None:
        for _ in range(50):
            assert door.send(post(url)).body == b"ok"
        done.append("quick")

    with raw_server(answers(*[OK] * 1000)) as fast, raw_server(dribble_body) as never:
        threads = [threading.Thread(target=slow, args=(never.url,)) for _ in range(4)]
        threads += [threading.Thread(target=quick, args=(fast.url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert sorted(done) == ["quick"] * 4 + ["slow"] * 4


def test_it_leaves_no_sockets_open(door: Door) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    with raw_server(lambda conn: reset_at_once(conn)) as server:
        for _ in range(3):
            with pytest.raises(errors.ConnectionLost):
                door.send(post(server.url))
        before = count()
        for _ in range(30):
            with pytest.raises(errors.ConnectionLost):
                door.send(post(server.url))
        assert count() <= before + 3
