from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from leadops.lib.http.errors import NameNotFound
from leadops.lib.http.names import MAX_LOOKUPS, Names


def test_it_says_that_a_name_does_not_exist() -> None:
    with pytest.raises(NameNotFound, match=r"buyer\.invalid"):
        Names().addresses("buyer.invalid", 80, timeout=10)


def test_it_does_not_look_up_an_address() -> None:
    def lookup(host: str, port: int) -> Sequence[str]:
        raise AssertionError(host)

    assert Names(lookup).addresses("2001:db8::1", 80, timeout=1) == ["2001:db8::1"]


def test_it_gives_up_on_a_silent_name_server_in_time() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> Sequence[str]:
        release.wait(10)
        return ["8.8.8.8"]

    started = time.monotonic()
    with pytest.raises(NameNotFound, match="in time"):
        Names(lookup).addresses("slow.example", 80, timeout=0.1)
    assert time.monotonic() - started < 8
    release.set()


def test_it_shares_one_look_up_between_threads() -> None:
    release, asked = threading.Event(), []

    def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        release.wait(10)
        return ["8.8.8.8"]

    names, found = Names(lookup), []
    threads = [
        threading.Thread(target=lambda: found.append(names.addresses("a.example", 1, timeout=10)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    while not asked:
        time.sleep(0.001)
    release.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 5
    assert len(asked) < 5


def test_it_never_holds_more_than_its_share_of_threads() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> Sequence[str]:
        release.wait(10)
        return ["8.8.8.8"]

    names = Names(lookup)
    for number in range(MAX_LOOKUPS):
        with pytest.raises(NameNotFound, match="in time"):
            names.addresses(f"{number}.example", 80, timeout=0)
    with pytest.raises(NameNotFound, match="do not answer"):
        names.addresses("one-more.example", 80, timeout=0)
    release.set()
