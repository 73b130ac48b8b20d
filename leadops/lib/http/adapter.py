"""requests' adapter over guarded connections, without what a delivery never uses.

Proxies, cookies, redirects and environment variables are not looked at: each would be a way around
the guard, and together they cost more than the request.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from leadops.lib.http.connections import Guard, GuardedPool, GuardedTlsPool
from leadops.lib.http.messages import REUSE_SECONDS, Pool
from leadops.lib.http.tls import context_for

# Hosts with kept connections; the one asked for first leaves when there are more.
MAX_HOSTS = 512
DEFAULT_POOL = Pool()


class Target(NamedTuple):
    """Where a URL leads: what chooses the pool, and what stands in the request line."""

    scheme: str
    host: str
    port: int
    path: str


class Outgoing(requests.PreparedRequest):
    """A PreparedRequest that was checked and encoded before; preparing it again costs 100 µs."""

    target: Target
    pool: Pool | None

    def __init__(self, method: str, target: Target, pool: Pool | None = None) -> None:
        self.method = method
        self.target = target
        self.pool = pool
        self.url = ""


PoolKey = tuple[str, str, int] | tuple[str, str, int, Pool]


class Answer(requests.Response):
    """The raw answer only: no cookie jar, no history."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw


class GuardedAdapter(HTTPAdapter):
    """`send(outgoing, timeout=…)` opens connections only through the guard."""

    def __init__(self, *, guard: Guard, pool_size: int, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._pool_size = pool_size
        self._tls = tls
        self._pools: dict[PoolKey, HTTPConnectionPool] = {}
        self._lock = threading.Lock()
        super().__init__(pool_maxsize=pool_size, max_retries=0)
        # urllib3 then raises the first error as it is and repeats nothing.
        self.max_retries = False  # type: ignore[assignment]

    def get_connection_with_tls_context(  # type: ignore[override]
        self, request: Outgoing, *args: Any, **kwargs: Any
    ) -> HTTPConnectionPool:
        key: PoolKey = request.target[:3]
        if request.pool is not None:
            key = (*key, request.pool)
        return self._pools.get(key) or self._make_pool(key, request.pool or DEFAULT_POOL)

    def _make_pool(self, key: PoolKey, wanted: Pool) -> HTTPConnectionPool:
        with self._lock:
            if key in self._pools:
                return self._pools[key]
            pool = self._new_pool(*key[:3], wanted=wanted)
            if len(self._pools) >= MAX_HOSTS:
                # Requests under way keep their connections; it is the idle ones that close.
                self._pools.pop(next(iter(self._pools))).close()
            self._pools[key] = pool
            return pool

    def _new_pool(self, scheme: str, host: str, port: int, *, wanted: Pool) -> HTTPConnectionPool:
        size = min(wanted.connections or self._pool_size, self._pool_size)
        pool: GuardedPool | GuardedTlsPool
        if scheme == "https":
            tls = context_for(wanted.tls) if wanted.tls else self._tls
            pool = GuardedTlsPool(host, port, ssl_context=tls, maxsize=size, guard=self._guard)
        else:
            pool = GuardedPool(host, port, maxsize=size, guard=self._guard)
        if wanted.keep_alive is not None:
            pool.keep_alive = min(wanted.keep_alive, REUSE_SECONDS)
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
