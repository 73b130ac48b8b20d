"""Endpoints with authorities, certificates and pools of their own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from leadops.lib.http import Door, Request, errors
from leadops.lib.http.messages import Pool
from leadops.lib.http.tls import Tls, context_for
from tests.leadops.http.certificates import Authority, Issued
from tests.leadops.http.servers import OK, RawServer, raw_server, read_request

HOST = "buyer.example"
CA, OTHER_CA = Authority(), Authority("Other")
SERVER = CA.issue(HOST)
CLIENT, OTHER_CLIENT = CA.issue("leadops.example"), CA.issue("other.example")


@pytest.fixture
def door() -> Iterator[Door]:
    """Knows no authority but the public ones; every name leads to loopback."""
    door = Door(
        private_networks=[ip_network("127.0.0.0/8")], lookup=lambda host, port: ["127.0.0.1"]
    )
    yield door
    door.close()


def tls(client: Issued | None = None, ca: Authority = CA) -> Tls:
    if client is None:
        return Tls(ca=ca.certificate)
    return Tls(ca=ca.certificate, certificate=client.certificate, key=client.key)


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    asks: Authority | None = None,
    version: ssl.TLSVersion | None = None,
    seen: list[str] | None = None,
) -> Iterator[RawServer]:
    """A TLS server; `asks`: it wants a client certificate of that authority, and notes whose."""
    chain = folder / "chain.pem"
    chain.write_text(SERVER.key + SERVER.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if version:
        context.minimum_version = context.maximum_version = version
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=asks.certificate)

    def handle(conn: socket.socket) -> None:
        with context.wrap_socket(conn, server_side=True) as wrapped:
            if asks and seen is not None:
                subject = dict(pair for part in wrapped.getpeercert()["subject"] for pair in part)
                seen.append(subject["commonName"])
            while read_request(wrapped):
                wrapped.sendall(OK)

    with raw_server(handle) as server:
        yield server


def post(server: RawServer, pool: Pool | None = None) -> Request:
    return Request("POST", f"https://{HOST}:{server.port}/", body=b"x", timeout=20, pool=pool)


def test_it_trusts_the_authority_of_the_endpoint_alone(door: Door, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert door.send(post(server, Pool(tls()))).body == b"ok"
        for pool in (None, Pool(tls(ca=OTHER_CA))):
            with pytest.raises(errors.TlsFailed):
                door.send(post(server, pool))


def test_an_own_authority_replaces_the_usual_ones() -> None:
    assert len(context_for(tls()).get_ca_certs()) == 1
    assert len(context_for(None).get_ca_certs()) > 20


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_shows_its_certificate(door: Door, tmp_path: Path, version: ssl.TLSVersion) -> None:
    seen: list[str] = []
    with serving(tmp_path, asks=CA, version=version, seen=seen) as server:
        assert door.send(post(server, Pool(tls(CLIENT)))).body == b"ok"
    assert seen == ["leadops.example"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("client", [None, OTHER_CA.issue("leadops.example")])
def test_it_knows_that_nothing_arrived_where_its_certificate_is_refused(
    door: Door, tmp_path: Path, version: ssl.TLSVersion, client: Issued | None
) -> None:
    with serving(tmp_path, asks=CA, version=version) as server:
        for _ in range(50):
            with pytest.raises(errors.HttpError) as caught:
                door.send(post(server, Pool(tls(client))))
            if isinstance(caught.value, errors.TlsFailed):
                break
            # The server's word may be lost in the reset that comes after it.
            assert isinstance(caught.value, errors.ConnectionLost)
    assert isinstance(caught.value, errors.TlsFailed)
    assert not caught.value.may_have_arrived


def test_it_shares_no_connection_between_identities(door: Door, tmp_path: Path) -> None:
    seen: list[str] = []
    with serving(tmp_path, asks=CA, seen=seen) as server:
        for client in (CLIENT, OTHER_CLIENT, CLIENT, OTHER_CLIENT):
            door.send(post(server, Pool(tls(client))))
        assert server.connections == 2
    assert seen == ["leadops.example", "other.example"]


def test_it_does_not_send_with_what_is_no_certificate(door: Door, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for broken in (
            Tls(ca="nonsense"),
            Tls(ca=CA.certificate, certificate=CLIENT.certificate, key=OTHER_CLIENT.key),
            Tls(ca=CA.certificate, certificate=CLIENT.certificate),
        ):
            with pytest.raises(errors.RequestRefused) as caught:
                door.send(post(server, Pool(broken)))
            assert caught.value.category == "configuration"
            assert "BEGIN" not in caught.value.message
        assert server.connections == 0


@pytest.mark.parametrize("tls_of", [None, tls()])
def test_tls_is_1_2_at_least(tls_of: Tls | None) -> None:
    assert context_for(tls_of).minimum_version == ssl.TLSVersion.TLSv1_2


# Pools


def test_it_keeps_as_many_connections_as_the_endpoint_says(door: Door) -> None:
    """Four at once; of their connections one is kept, and the others are made anew."""
    together = threading.Barrier(4)

    def handle(conn: socket.socket) -> None:
        while read_request(conn):
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(20)
            conn.sendall(OK)

    def four(server: RawServer, pool: Pool | None) -> None:
        request = Request("POST", server.url, body=b"x", timeout=20, pool=pool)
        threads = [threading.Thread(target=door.send, args=(request,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    for pool, opened in ((Pool(connections=1), 7), (None, 4)):
        with raw_server(handle) as server:
            four(server, pool)
            four(server, pool)
            assert server.connections == opened


@pytest.mark.parametrize(("keep_alive", "opened"), [(0.0, 3), (0.001, 3), (60.0, 1), (None, 1)])
def test_it_keeps_idle_connections_as_long_as_the_endpoint_says(
    door: Door, keep_alive: float | None, opened: int
) -> None:
    def handle(conn: socket.socket) -> None:
        while read_request(conn):
            conn.sendall(OK)

    with raw_server(handle) as server:
        pool = Pool(keep_alive=keep_alive)
        for _ in range(3):
            door.send(Request("POST", server.url, body=b"x", timeout=20, pool=pool))
            threading.Event().wait(0.01)
        assert server.connections == opened


def test_it_closes_a_connection_that_is_not_to_be_kept(door: Door) -> None:
    closed = threading.Event()

    def handle(conn: socket.socket) -> None:
        while read_request(conn):
            conn.sendall(OK)
        closed.set()

    with raw_server(handle) as server:
        door.send(Request("POST", server.url, timeout=20, pool=Pool(keep_alive=0.0)))
        assert closed.wait(30)
