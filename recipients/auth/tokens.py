"""Tokens: kept in this process, shared with others by a store, fetched by one at a time.

Pure: what keeps them is a `TokenStore`, what fetches them a function.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from recipients.auth.errors import AuthError, TokenUnavailable

log = logging.getLogger(__name__)

# Seconds before its end from which a token is fetched anew, and not used any more.
AGEING: Final = 120.0
OVER: Final = 5.0
CLAIM: Final = 20.0  # seconds after which somebody else may fetch: longer than a fetch takes
POLL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Token:
    """`expires_at` and `fetched_at` are Unix times; None: it serves until it is refused.

    `refresh` is what the next one is fetched with, where the service gave such a thing.
    """

    value: str = field(repr=False)
    expires_at: float | None = None
    refresh: str = field(default="", repr=False)
    fetched_at: float = 0.0

    def is_over(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at - self._share(OVER)

    def is_ageing(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at - self._share(AGEING)

    def _share(self, seconds: float) -> float:
        """At most a quarter of its life, for tokens that live for seconds."""
        assert self.expires_at is not None  # noqa: S101  asked by the two above
        return min(seconds, max(self.expires_at - self.fetched_at, 0.0) / 4)


class TokenStore(Protocol):
    """Where processes find each other's tokens. Raises nothing: without it each has its own."""

    def load(self, mark: str) -> Token | None: ...

    def claim(self, mark: str, seconds: float) -> bool:
        """Whether the caller is the one to fetch; others wait for what it saves."""

    def save(self, mark: str, token: Token) -> None:
        """Keep it durably, and end the claim."""

    def release(self, mark: str) -> None:
        """End the claim without a token."""


class NoStore:
    """For a process that is alone."""

    def load(self, mark: str) -> Token | None:
        return None

    def claim(self, mark: str, seconds: float) -> bool:
        return True

    def save(self, mark: str, token: Token) -> None:
        pass

    def release(self, mark: str) -> None:
        pass


# Makes a token; gets the last one, which may hold what the next is fetched with.
Fetch = Callable[[Token | None], Token]


@dataclass(slots=True)
class _Place:
    """One set of credentials: its token, and the lock of whoever fetches the next."""

    token: Token | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    failure: AuthError | None = None
    failed_at: float = 0.0  # monotonic


class Tokens:
    """The tokens of a process, by the marks of their credentials; its threads share it."""

    def __init__(
        self, store: TokenStore | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store: TokenStore = store or NoStore()
        self._clock = clock
        self._places: defaultdict[str, _Place] = defaultdict(_Place)
        # What services said for signing the next requests by: digest's nonces.
        self.challenges: dict[str, Any] = {}

    def get(self, mark: str, fetch: Fetch, *, until: float, refused: Token | None = None) -> Token:
        """A token that serves, and that is not `refused`. Raises AuthError.

        `until` is the monotonic time up to which waiting makes sense. While a token grows old one
        thread fetches the next, and the others go on with it.
        """
        place = self._places[mark]
        token = place.token
        if token is not None and self._serves(token, refused):
            if not token.is_ageing(self._clock()) or not place.lock.acquire(blocking=False):
                return token
            try:
                return self._renewed(mark, place, fetch, refused, until)
            except AuthError as error:
                log.warning("A token could not be renewed in time: %s", error.reason)
                return token
            finally:
                place.lock.release()
        return self._awaited(mark, place, fetch, refused, until)

    def _awaited(
        self, mark: str, place: _Place, fetch: Fetch, refused: Token | None, until: float
    ) -> Token:
        started = time.monotonic()
        patience = min(max(until - started, 0.0), threading.TIMEOUT_MAX)
        if not place.lock.acquire(timeout=patience):
            raise TokenUnavailable("No token in time", "Another attempt is still fetching it")
        try:
            if place.token is not None and self._serves(place.token, refused):
                return place.token
            if place.failure is not None and place.failed_at >= started:
                raise place.failure  # it failed while this one waited: no use in asking again
            return self._renewed(mark, place, fetch, refused, until)
        finally:
            place.lock.release()

    def _renewed(
        self, mark: str, place: _Place, fetch: Fetch, refused: Token | None, until: float
    ) -> Token:
        """With the place's lock held: another process's token, else a fresh one."""
        while not (claimed := self._store.claim(mark, CLAIM)):
            if (token := self._stored(mark, refused)) is not None:
                break
            if time.monotonic() >= until:
                raise TokenUnavailable("No token in time", "Another process is still fetching it")
            time.sleep(POLL)
        if claimed and (token := self._stored(mark, refused)) is not None:
            self._store.release(mark)
        if token is None:
            token = self._fetched(mark, place, fetch)
        place.token = token
        return token

    def _fetched(self, mark: str, place: _Place, fetch: Fetch) -> Token:
        try:
            token = fetch(self._store.load(mark) or place.token)
        except BaseException as error:
            self._store.release(mark)
            if isinstance(error, AuthError):
                place.failure, place.failed_at = error, time.monotonic()
            raise
        self._store.save(mark, token)
        return token

    def _stored(self, mark: str, refused: Token | None) -> Token | None:
        token = self._store.load(mark)
        if token is None or not self._serves(token, refused) or token.is_ageing(self._clock()):
            return None
        return token

    def _serves(self, token: Token, refused: Token | None) -> bool:
        if not token.value or (refused is not None and token.value == refused.value):
            return False
        return not token.is_over(self._clock())
