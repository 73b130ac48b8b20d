"""The only way out to other servers: guarded, bounded in time and in size."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import requests
import urllib3.exceptions
from urllib3.util import parse_url

import leadops
from leadops.lib.http.adapter import GuardedAdapter, Outgoing, Target
from leadops.lib.http.addresses import Network
from leadops.lib.http.connections import Guard
from leadops.lib.http.deadlines import Exchange, Watchdog
from leadops.lib.http.errors import (
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    DeadlineExceeded,
    HttpError,
    MalformedReply,
    ReplyTooLarge,
    RequestRefused,
    TlsFailed,
)
from leadops.lib.http.lines import Line
from leadops.lib.http.messages import Reply, Request
from leadops.lib.http.names import Lookup, Names, system_lookup
from leadops.lib.http.tls import context_for

USER_AGENT = f"LeadOps/{getattr(leadops, '__version__', '0')}"
# Socket time-outs come this long (seconds) after the deadline; they only back the watchdog up.
BACKSTOP = 0.5

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 5.6.2
_LINE_BREAKING = re.compile(r"[\r\n\0]")
_URL_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
# The door frames the message itself: a second opinion on its length is how requests are smuggled.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "te"})

_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_REFUSALS_OF_US = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    }
)
_CUT = (http.client.RemoteDisconnected, http.client.IncompleteRead, OSError)


class Door:
    """Sends requests to public servers and to those in `private_networks`.

    One a process is enough, threads share it; a forked child gets connections of its own.
    `pool_size` is the number of idle connections kept for each host: the number of threads.
    """

    def __init__(
        self,
        *,
        private_networks: Sequence[Network] = (),
        pool_size: int = 10,
        lookup: Lookup = system_lookup,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private_networks = tuple(private_networks)
        self._pool_size = pool_size
        self._lookup = lookup
        self._tls = tls
        self._pid = 0
        self._lock = threading.Lock()

    def send(self, request: Request) -> Reply:
        """The whole answer, whatever its status. Raises HttpError; nothing is sent twice."""
        if self._pid != os.getpid():
            self._open()
        started = time.monotonic()
        outgoing = _prepare(request)
        exchange = Exchange(timeout=request.timeout, connect_timeout=request.connect_timeout)
        self._guard.exchange = exchange
        self._watchdog.watch(exchange)
        try:
            status, headers, body = self._exchange(outgoing, request)
        except _FAILURES as error:
            raise _explain(error, exchange, request) from error
        finally:
            self._watchdog.release(exchange)
        if exchange.cut_off:
            # The end of the connection is a proper end to a body without a stated length.
            raise _too_late(request)
        return Reply(status, headers, body, time.monotonic() - started)

    @contextlib.contextmanager
    def line(
        self,
        host: str,
        port: int,
        *,
        timeout: float,
        connect_timeout: float = 5.0,
        anywhere: bool = False,
    ) -> Iterator[Line]:
        """A connection for another protocol, closed at the end; `timeout` is its whole life.

        `anywhere` is for servers that the operator's own environment names. Raises NothingSent.
        """
        if self._pid != os.getpid():
            self._open()
        exchange = Exchange(timeout=timeout, connect_timeout=connect_timeout)
        self._guard.exchange = exchange
        self._watchdog.watch(exchange)
        try:
            sock = self._guard.open(host, port, anywhere=anywhere)
            sock.settimeout(timeout + BACKSTOP)
            with contextlib.closing(sock):
                line = Line(sock, exchange, default=self._context)
                with contextlib.closing(line):
                    yield line
        finally:
            self._watchdog.release(exchange)

    def close(self) -> None:
        """Close the idle connections."""
        if self._pid == os.getpid():
            self._adapter.close()

    def _open(self) -> None:
        """Make what must not be shared with the parent of a fork: sockets, threads, locks."""
        with self._lock:
            if self._pid == os.getpid():
                return
            self._watchdog = Watchdog()
            self._guard = Guard(names=Names(self._lookup), private_networks=self._private_networks)
            self._context = self._tls or context_for(None)
            self._adapter = GuardedAdapter(
                guard=self._guard, pool_size=self._pool_size, tls=self._context
            )
            self._pid = os.getpid()

    def _exchange(self, outgoing: Outgoing, request: Request) -> tuple[int, dict[str, str], bytes]:
        timeout = (request.connect_timeout, request.timeout + BACKSTOP)
        raw = self._adapter.send(outgoing, stream=True, timeout=timeout).raw
        headers = dict(raw.headers)
        try:
            body = raw.read(request.max_bytes + 1, decode_content=True)
        except urllib3.exceptions.DecodeError as error:
            raw.close()
            raise MalformedReply(
                "The reply's compression cannot be read", status=raw.status, headers=headers
            ) from error
        if len(body) > request.max_bytes:
            raw.close()
            raise ReplyTooLarge(
                f"The reply is longer than {request.max_bytes} bytes",
                status=raw.status,
                headers=headers,
                body=body[: request.max_bytes],
            )
        raw.release_conn()
        return raw.status, headers, body


def _prepare(request: Request) -> Outgoing:
    if not _TOKEN.match(request.method):
        raise RequestRefused("The HTTP method is not a word")
    outgoing = Outgoing(request.method, _target(request.url), request.pool)
    outgoing.headers = _headers(request.headers)  # type: ignore[assignment]  # bytes values work
    if "user-agent" not in _names(request.headers):
        outgoing.headers["User-Agent"] = USER_AGENT
    outgoing.body = request.body or None
    if request.body:
        outgoing.headers["Content-Length"] = str(len(request.body))
    elif request.method in ("POST", "PUT", "PATCH"):
        outgoing.headers["Content-Length"] = "0"
    return outgoing


def _headers(headers: Mapping[str, str]) -> dict[str, str | bytes]:
    checked: dict[str, str | bytes] = {}
    for name, value in headers.items():
        if not _may_be_set(name):
            raise RequestRefused(f"The header {name!r} cannot be set")
        if _LINE_BREAKING.search(value):
            raise RequestRefused(f"The header {name} contains a line break")
        # http.client would refuse what Latin-1 lacks; UTF-8 is what receivers expect today.
        checked[name] = value if value.isascii() else value.encode()
    return checked if len(checked) == len(_names(checked)) else _without_twins(checked)


def _names(headers: Mapping[str, object]) -> set[str]:
    return {name.lower() for name in headers}


def _without_twins(headers: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """One header a name; the one named last counts."""
    last = {name.lower(): name for name in headers}
    return {name: headers[name] for name in last.values()}


@lru_cache(maxsize=1024)
def _may_be_set(name: str) -> bool:
    return bool(_TOKEN.match(name)) and name.lower() not in _FRAMING


@lru_cache(maxsize=512)
def request_target(url: str) -> str:
    """What stands in the request line, for what signs it. Raises RequestRefused."""
    # As urllib3 writes it out: brackets of a query, for one, are encoded.
    return str(parse_url(f"http://host{_target(url).path}").request_uri)


def _target(url: str) -> Target:
    base, question, query = url.partition("?")
    scheme, host, port, path = _base(base.partition("#")[0])
    if "#" in base or not question:
        return Target(scheme, host, port, path)
    return Target(scheme, host, port, f"{path}?{query.partition('#')[0]}")


@lru_cache(maxsize=512)
def _base(url: str) -> Target:
    """The parts of a URL without its query. Raises RequestRefused."""
    if _URL_UNSAFE.search(url):
        raise RequestRefused("The URL contains a space or a control character")
    try:
        parsed = parse_url(url)
    except (urllib3.exceptions.LocationParseError, ValueError, UnicodeError) as error:
        raise RequestRefused("The URL cannot be read") from error
    if parsed.scheme not in ("http", "https"):
        raise RequestRefused("The URL must start with http:// or https://")
    if parsed.auth:
        raise RequestRefused("The URL must not contain a user name or password")
    if not parsed.host or parsed.port == 0:
        raise RequestRefused("The URL has no usable host and port")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return Target(parsed.scheme, parsed.host.strip("[]"), port, parsed.path or "/")


def _explain(error: Exception, exchange: Exchange, request: Request) -> HttpError:
    """The same failure in our words; `exchange` knows better than the error how far it came."""
    causes = list(_causes(error))
    timed_out = exchange.cut_off or any(
        isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) for cause in causes
    )
    if timed_out:
        return _too_late(request) if exchange.written else ConnectTimeout("No connection in time")
    if not exchange.written:
        if any(isinstance(cause, OSError) for cause in causes):
            return ConnectionRefused(f"Connection failed: {causes[-1]}")
        return RequestRefused(f"The request cannot be sent: {causes[-1]}")
    if any(_is_refusal_of_us(cause) for cause in causes):
        return TlsFailed("TLS failed: the server does not accept our certificate, or asks for one")
    # A broken chunk size is told as a cut body: http.client makes no difference.
    if any(isinstance(cause, _CUT) for cause in causes):
        return ConnectionLost("The connection was closed before the whole answer")
    return MalformedReply("The reply is not HTTP that can be read")


def _is_refusal_of_us(error: BaseException) -> bool:
    """In TLS 1.3 the server's word on our certificate comes after our first bytes; it has not
    taken any of them for a request then (RFC 8446, 4.4.2.4)."""
    return isinstance(error, ssl.SSLError) and error.reason in _REFUSALS_OF_US


def _too_late(request: Request) -> DeadlineExceeded:
    return DeadlineExceeded(f"No answer within {request.timeout:g} s")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, outermost first: libraries put the cause in the arguments.

    Without those of requests: they are OSErrors, whatever they wrap.
    """
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(found) < 10:
        one = queue.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            queue += [*one.args, one.__cause__, one.__context__]
    return [one for one in found if not isinstance(one, requests.RequestException)] or [error]
