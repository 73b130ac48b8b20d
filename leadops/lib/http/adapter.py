"""requests' adapter over guarded connections, without what a delivery never uses.

Proxies, cookies, redirects and environment variables are not looked at: each would be a way around
the guard, and together they cost more than the request.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from leadops.lib.http.connections import Guard, GuardedPool, GuardedTlsPool

# Hosts with kept connections; the one asked for first leaves when there are more.
MAX_HOSTS = 512


class Target(NamedTuple):
    """Where a URL leads: what chooses the pool, and what stands in the request line."""

    scheme: str
    host: str
    port: int
    path: str


class Outgoing(requests.PreparedRequest):
    """A PreparedRequest that was checked and encoded before; preparing it again costs 100 µs."""

    target: Target

    def __init__(self, method: str, target: Target) -> None:
        self.method = method
        self.target = target
        self.url = ""


class Answer(requests.Response):
    """The raw answer only: no cookie jar, no history."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw


def default_tls() -> ssl.SSLContext:
    """TLS 1.2 at least; trusts the public authorities and those that the system was given."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class GuardedAdapter(HTTPAdapter):
    """`send(outgoing, timeout=…)` opens connections only through the guard."""

    def __init__(self, *, guard: Guard, pool_size: int, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._pool_size = pool_size
        self._tls = tls
        self._pools: dict[tuple[str, str, int], HTTPConnectionPool] = {}
        self._lock = threading.Lock()
        super().__init__(pool_maxsize=pool_size, max_retries=0)
        # urllib3 then raises the first error as it is and repeats nothing.
        self.max_retries = False  # type: ignore[assignment]

    def get_connection_with_tls_context(  # type: ignore[override]
        self, request: Outgoing, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        key = request.target[:3]
        return self._pools.get(key) or self._make_pool(key)

    def _make_pool(self, key: tuple[str, str, int]) -> HTTPConnectionPool:
        scheme, host, port = key
        with self._lock:
            if key in self._pools:
                return self._pools[key]
            if len(self._pools) >= MAX_HOSTS:
                # Requests under way keep their connections; it is the idle ones that close.
                self._pools.pop(next(iter(self._pools))).close()
            pool: HTTPConnectionPool
            options: dict[str, Any] = {"maxsize": self._pool_size, "guard": self._guard}
            if scheme == "https":
                pool = GuardedTlsPool(host, port, ssl_context=self._tls, **options)
            else:
                pool = GuardedPool(host, port, **options)
            self._pools[key] = pool
            return pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to set: the pool's TLS context always verifies."""

    def request_url(self, request: Outgoing, proxies: Any) -> str:  # type: ignore[override]
        return request.target.path

    def build_response(self, req: Any, resp: Any) -> Answer:
        return Answer(resp)

    def close(self) -> None:
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()


def lower_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case; repeated ones joined by a comma, after RFC 9110 5.3."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
