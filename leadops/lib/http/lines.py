"""Connections of other protocols than HTTP, through the same guard and under the same deadline."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from leadops.lib.http.connections import handshake_error
from leadops.lib.http.deadlines import Exchange
from leadops.lib.http.errors import ConnectTimeout
from leadops.lib.http.tls import Tls, shared_context


class Line:
    """An open connection. At the deadline it is shut down, whoever reads or writes then.

    Whoever speaks the protocol sets `handed_over` once the other side may act on what it got.
    """

    def __init__(self, sock: socket.socket, exchange: Exchange, *, default: ssl.SSLContext) -> None:
        self.sock = sock
        self.exchange = exchange
        self.handed_over = False
        self._default = default
        try:
            # A second descriptor: TLS and SSH libraries take the first for themselves.
            exchange.attach_twin(sock)
        except TimeoutError as error:
            raise ConnectTimeout("No connection in time") from error

    @property
    def is_cut_off(self) -> bool:
        """The deadline has passed."""
        return self.exchange.cut_off or time.monotonic() >= self.exchange.deadline

    def secure(self, host: str, tls: Tls | None = None) -> None:
        """Begin TLS, checking that the certificate is that of `host`. Raises NothingSent."""
        context = shared_context(tls) if tls else self._default
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        except OSError as error:
            raise handshake_error(error, self.exchange) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()
