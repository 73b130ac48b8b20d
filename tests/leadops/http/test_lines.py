"""Connections of other protocols, through the same guard."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from leadops.lib.http import Door, errors
from tests.leadops.http.servers import free_port, full_backlog, raw_server


def echo(conn: socket.socket) -> None:
    while data := conn.recv(1024):
        conn.sendall(data)


def test_it_opens_a_connection_and_closes_it(door: Door) -> None:
    with raw_server(echo) as server:
        with door.line("127.0.0.1", server.port, timeout=20) as line:
            line.sock.sendall(b"hello")
            assert line.sock.recv(10) == b"hello"
        assert line.sock.fileno() == -1


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_it_refuses_private_addresses(host: str) -> None:
    with pytest.raises(errors.AddressRefused), Door().line(host, 25, timeout=5):
        pass


def test_it_checks_the_address_that_a_name_leads_to() -> None:
    def lookup(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with raw_server(echo) as server:
        refusing = Door(lookup=lookup).line("mail.example", server.port, timeout=5)
        with pytest.raises(errors.AddressRefused), refusing:
            pass
        assert server.connections == 0


def test_it_goes_anywhere_for_the_operators_own_server() -> None:
    with raw_server(echo) as server:
        with Door().line("127.0.0.1", server.port, timeout=20, anywhere=True) as line:
            line.sock.sendall(b"x")
            assert line.sock.recv(1) == b"x"
        refusing = Door().line("127.0.0.1", server.port, timeout=5)
        with pytest.raises(errors.AddressRefused), refusing:
            pass


def test_it_tells_why_there_is_no_connection(door: Door) -> None:
    with pytest.raises(errors.ConnectionRefused), door.line("127.0.0.1", free_port(), timeout=5):
        pass
    with full_backlog() as port:
        waiting = door.line("127.0.0.1", port, timeout=0.3)
        with pytest.raises(errors.ConnectTimeout), waiting:
            pass


def test_it_ends_whatever_is_going_on_at_the_deadline(door: Door) -> None:
    def dribble(conn: socket.socket) -> None:
        while True:
            conn.sendall(b".")
            time.sleep(0.02)

    with raw_server(dribble) as server, door.line("127.0.0.1", server.port, timeout=0.4) as line:
        # Its end, or a reset where something arrives after it.
        with contextlib.suppress(ConnectionResetError):
            while line.sock.recv(100):
                pass
        assert line.is_cut_off


def test_it_ends_a_handshake_that_never_comes() -> None:
    door = Door(private_networks=[ip_network("127.0.0.0/8")])
    with raw_server(lambda conn: time.sleep(30)) as server:
        opened = door.line("127.0.0.1", server.port, timeout=0.4)
        with pytest.raises(errors.ConnectTimeout), opened as line:
            line.secure("mail.example")
    door.close()
