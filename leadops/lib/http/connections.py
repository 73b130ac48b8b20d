"""urllib3 connections that check the address they connect to and honour a total deadline.

The check stands here, at the moment of connecting, because a check when an address is saved is
undone by changing the name's record afterwards. The socket goes to the very address checked.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from leadops.lib.http.addresses import Network, is_allowed
from leadops.lib.http.deadlines import Exchange
from leadops.lib.http.errors import (
    AddressRefused,
    ConnectionRefused,
    ConnectTimeout,
    HttpError,
    TlsFailed,
)
from leadops.lib.http.heads import Answer, header_lines
from leadops.lib.http.messages import REUSE_SECONDS
from leadops.lib.http.names import Names


class Guard:
    """Opens sockets to allowed addresses only; knows each thread's current exchange."""

    def __init__(self, *, names: Names, private_networks: Sequence[Network]) -> None:
        self._names = names
        self._private_networks = tuple(private_networks)
        self._local = threading.local()

    @property
    def exchange(self) -> Exchange:
        exchange: Exchange = self._local.exchange
        return exchange

    @exchange.setter
    def exchange(self, exchange: Exchange) -> None:
        self._local.exchange = exchange

    def open(self, host: str, port: int, *, anywhere: bool = False) -> socket.socket:
        """A connected socket; `anywhere`: also in private networks. Raises NothingSent."""
        until = self.exchange.connect_deadline
        found = self._names.addresses(host, port, timeout=until - time.monotonic())
        allowed = [one for one in found if anywhere or is_allowed(one, self._private_networks)]
        if not allowed:
            raise AddressRefused(f"{host} leads to an address in a private network")
        last: HttpError | None = None
        for position, address in enumerate(allowed):
            share = (until - time.monotonic()) / (len(allowed) - position)
            try:
                return self._connect(address, port, timeout=share)
            except (ConnectionRefused, ConnectTimeout) as error:
                last = error
        raise last or ConnectionRefused(f"No connection to {host}")

    def _connect(self, address: str, port: int, *, timeout: float) -> socket.socket:
        if timeout <= 0:
            raise ConnectTimeout("No connection in time")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise ConnectionRefused(f"No socket: {error.strerror}") from error
        try:
            # Without it small writes wait for the other side's delayed acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(timeout)
            sock.connect((address, port))
        except TimeoutError as error:
            sock.close()
            raise ConnectTimeout(f"No connection within {timeout:.3g} s") from error
        except OSError as error:
            sock.close()
            raise ConnectionRefused(f"Connection failed: {error.strerror or error}") from error
        return sock


class GuardedConnection(HTTPConnection):
    """Connects through a Guard, and notes on the exchange when bytes leave."""

    response_class = Answer

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guard = guard
        self.opened = 0.0
        self.idle_since = 0.0
        self.is_answering = False
        self.watched_by: Exchange | None = None
        self._method_asked = ""

    def _new_conn(self) -> socket.socket:
        sock = self.guard.open(self._dns_host, self.port)
        self.opened = time.monotonic()
        return sock

    def send(self, data: Any) -> None:
        exchange = self.guard.exchange
        if self.sock is None:
            self.connect()
        if not exchange.written:
            exchange.attach(self.sock)
            self.sock.settimeout(exchange.remaining())
            exchange.written = True
            self.watched_by = exchange
        super().send(data)

    def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
        **_options: Any,
    ) -> None:
        """Send what the door has checked and framed; urllib3 would look at each header again."""
        given = headers or {}
        names = {name.lower() for name in given}
        self._method_asked = method
        self.putrequest(
            method,
            url,
            skip_host="host" in names,
            skip_accept_encoding="accept-encoding" in names,
        )
        self._buffer.extend(header_lines(given))  # type: ignore[attr-defined]
        self.endheaders(body)

    def _send_output(self, message_body: bytes | None = None, encode_chunked: bool = False) -> None:
        """Head and body leave as one: a packet less on both sides."""
        head = b"\r\n".join((*self._buffer, b"", b""))  # type: ignore[attr-defined]
        self._buffer.clear()  # type: ignore[attr-defined]
        self.send(head + message_body if message_body else head)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        self.is_answering = True
        try:
            self.sock.settimeout(self.timeout)
            answer = http.client.HTTPConnection.getresponse(self)
        finally:
            self.is_answering = False
        return HTTPResponse(
            body=answer,
            headers=answer.headers,  # type: ignore[arg-type]  # a dict
            status=answer.status,
            version=answer.version,
            reason=answer.reason,
            preload_content=False,
            original_response=answer,
            request_method=self._method_asked,
        )

    def close(self) -> None:
        # Also called by threads that clear a pool, which have no exchange of their own.
        if self.watched_by is not None:
            if self.is_answering and self.sock is not None:
                # http.client closes before the body when that ends with the connection, and leaves
                # the response a file of its own to read from.
                self.watched_by.attach_twin(self.sock)
            else:
                self.watched_by.detach()
            self.watched_by = None
        super().close()


class GuardedTlsConnection(GuardedConnection, HTTPSConnection):
    """The same with TLS; a failed handshake is told apart because nothing was sent."""

    def connect(self) -> None:
        try:
            HTTPSConnection.connect(self)
        except HttpError:
            raise
        except OSError as error:
            raise handshake_error(error, self.guard.exchange) from error
        finally:
            self.guard.exchange.detach()

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        exchange = self.guard.exchange
        # Wrapping takes the descriptor from `sock` and hands it out only after the handshake, which
        # may be dribbled like anything else.
        exchange.attach_twin(sock)
        sock.settimeout(max(exchange.connect_deadline - time.monotonic(), 0.001))
        return sock


def handshake_error(error: OSError, exchange: Exchange) -> HttpError:
    """Why TLS could not begin: nothing was sent yet."""
    if exchange.cut_off or isinstance(error, TimeoutError):
        return ConnectTimeout("The TLS handshake was not finished in time")
    if isinstance(error, ssl.SSLError):
        return TlsFailed(f"TLS failed: {_tls_reason(error)}")
    return TlsFailed(
        f"TLS failed: connection closed in the handshake ({error})", category="network"
    )


def _tls_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    return getattr(error, "reason", None) or str(error)


class _Reuse:
    """Drops a kept connection that is too old; urllib3 itself drops one that the peer closed."""

    keep_alive = REUSE_SECONDS
    """Seconds that an idle connection may be used again."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn: Any = super()._get_conn(timeout)  # type: ignore[misc]
        if conn.sock is not None and self._is_stale(conn):
            conn.close()
        return conn

    def _is_stale(self, conn: Any) -> bool:
        now = time.monotonic()
        if now - conn.opened > REUSE_SECONDS:
            return True
        return self.keep_alive < REUSE_SECONDS and now - conn.idle_since > self.keep_alive

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and self.keep_alive < REUSE_SECONDS:
            if not self.keep_alive:
                conn.close()
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]


class GuardedPool(_Reuse, HTTPConnectionPool):
    ConnectionCls = GuardedConnection


class GuardedTlsPool(_Reuse, HTTPSConnectionPool):
    ConnectionCls = GuardedTlsConnection
