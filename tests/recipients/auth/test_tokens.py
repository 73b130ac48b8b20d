from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from recipients.auth import CredentialsRefused, Token, Tokens, TokenUnavailable

LONG = 1e12


def until(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Gives out tokens that live for `ttl` seconds; counts them."""

    def __init__(self, clock: Clock, ttl: float | None = 3600.0) -> None:
        self.clock, self.ttl = clock, ttl
        self.given = 0
        self.lasts: list[Token | None] = []
        self.failure: Exception | None = None

    def __call__(self, last: Token | None) -> Token:
        self.lasts.append(last)
        if self.failure:
            raise self.failure
        self.given += 1
        ends = None if self.ttl is None else self.clock.now + self.ttl
        return Token(f"token-{self.given}", expires_at=ends, fetched_at=self.clock.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> Service:
    return Service(clock)


class Shared:
    """A store as two processes see it."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.claimed: set[str] = set()
        self.log: list[str] = []

    def load(self, mark: str) -> Token | None:
        return self.tokens.get(mark)

    def claim(self, mark: str, seconds: float) -> bool:
        self.log.append("claim")
        if mark in self.claimed:
            return False
        self.claimed.add(mark)
        return True

    def save(self, mark: str, token: Token) -> None:
        self.tokens[mark] = token
        self.claimed.discard(mark)

    def release(self, mark: str) -> None:
        self.claimed.discard(mark)


def test_it_keeps_a_token_until_shortly_before_its_end(clock: Clock, service: Service) -> None:
    tokens = Tokens(clock=clock)
    for moment in (1000, 2000, 1000 + 3600 - 121):
        clock.now = moment
        assert tokens.get("a", service, until=until()).value == "token-1"
    clock.now = 1000 + 3600 - 119
    assert tokens.get("a", service, until=until()).value == "token-2"
    assert [last and last.value for last in service.lasts] == [None, "token-1"]


def test_a_token_without_an_end_serves_until_it_is_refused(clock: Clock) -> None:
    service, tokens = Service(clock, ttl=None), Tokens(clock=clock)
    first = tokens.get("a", service, until=until())
    clock.now = LONG
    assert tokens.get("a", service, until=until()) is first
    assert tokens.get("a", service, until=until(), refused=first).value == "token-2"
    # Whoever was refused with the first, too, gets the second without another call.
    assert tokens.get("a", service, until=until(), refused=first).value == "token-2"


def test_credentials_have_tokens_of_their_own(clock: Clock, service: Service) -> None:
    tokens = Tokens(clock=clock)
    values = [tokens.get(mark, service, until=until()).value for mark in ("a", "b", "a")]
    assert values == ["token-1", "token-2", "token-1"]


def test_a_growing_old_token_serves_while_it_cannot_be_renewed(
    clock: Clock, service: Service
) -> None:
    tokens = Tokens(clock=clock)
    tokens.get("a", service, until=until())
    clock.now += 3600 - 60
    service.failure = TokenUnavailable("Token could not be fetched")
    assert tokens.get("a", service, until=until()).value == "token-1"
    clock.now += 58
    with pytest.raises(TokenUnavailable):
        tokens.get("a", service, until=until())


def test_one_thread_fetches_and_the_others_wait(clock: Clock) -> None:
    release = threading.Event()
    service = Service(clock)

    def slowly(last: Token | None) -> Token:
        release.wait(30)
        return service(last)

    tokens = Tokens(clock=clock)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(tokens.get, "a", slowly, until=until()) for _ in range(6)]
        release.set()
        assert {one.result(30).value for one in asked} == {"token-1"}
    assert service.given == 1


def test_those_who_waited_for_a_fetch_that_failed_do_not_try_again(clock: Clock) -> None:
    service, tokens = Service(clock), Tokens(clock=clock)
    service.failure = CredentialsRefused("Token refused")
    waiting, release = threading.Event(), threading.Event()

    def slowly(last: Token | None) -> Token:
        waiting.set()
        release.wait(30)
        return service(last)

    def ask(fetch: Any) -> str:
        try:
            return tokens.get("a", fetch, until=until()).value
        except CredentialsRefused as error:
            return error.reason

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, slowly)
        assert waiting.wait(30)
        others = [pool.submit(ask, service) for _ in range(3)]
        deadline = time.monotonic() + 30
        while pool._work_queue.qsize() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)  # they are at the lock by now; one that is late asks once more, no worse
        release.set()
        assert {one.result(30) for one in [first, *others]} == {"Token refused"}
    assert len(service.lasts) <= 2


def test_it_gives_up_waiting_in_time(clock: Clock, service: Service) -> None:
    store = Shared()
    store.claimed.add("a")  # another process is at it, and does not come back
    with pytest.raises(TokenUnavailable):
        Tokens(store, clock=clock).get("a", service, until=until(0.3))
    assert service.given == 0


def test_processes_share_tokens(clock: Clock, service: Service) -> None:
    store = Shared()
    one, two = Tokens(store, clock=clock), Tokens(store, clock=clock)
    first = one.get("a", service, until=until())
    assert two.get("a", service, until=until()) == first
    assert (service.given, store.claimed) == (1, set())
    second = one.get("a", service, until=until(), refused=first)
    assert two.get("a", service, until=until(), refused=first) == second
    assert service.given == 2


def test_one_process_waits_for_the_token_of_another(clock: Clock, service: Service) -> None:
    store = Shared()
    store.claimed.add("a")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(Tokens(store, clock=clock).get, "a", service, until=until())
        store.save("a", Token("theirs", expires_at=LONG))
        assert asked.result(30).value == "theirs"
    assert service.given == 0


def test_a_failure_ends_the_claim(clock: Clock, service: Service) -> None:
    store, tokens = Shared(), None
    tokens = Tokens(store, clock=clock)
    service.failure = RuntimeError("a mistake of ours")
    with pytest.raises(RuntimeError):
        tokens.get("a", service, until=until())
    assert store.claimed == set()


def test_it_asks_the_store_for_no_token_that_it_has(clock: Clock, service: Service) -> None:
    store = Shared()
    tokens = Tokens(store, clock=clock)
    for _ in range(100):
        tokens.get("a", service, until=until())
    assert store.log == ["claim"]
