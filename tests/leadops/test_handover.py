"""Handing over to a process that does not answer."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadops.lib import handover
from leadops.lib.handover import Giver, NobodyThere, Refused, Taker


@pytest.fixture
def at() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield handover.path(Path(folder), "streams")


def try_it(giver: Giver, at: Path) -> float:
    """Seconds until it was refused."""
    ours, theirs = socket.socketpair()
    began = time.monotonic()
    with ours, theirs, pytest.raises((NobodyThere, Refused)):
        giver.give(at, theirs, {})
    return time.monotonic() - began


def test_one_thread_alone_waits_for_a_process_that_hangs(
    at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "PATIENCE", 1.0)
    giver = Giver()
    at.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as hung:  # listens, as one that was stopped does
        hung.bind(str(at))
        hung.listen(16)
        assert try_it(giver, at) >= 1.0
        waits: list[float] = []
        threads = [
            threading.Thread(target=lambda: waits.append(try_it(giver, at))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(wait >= 1.0 for wait in waits) < 8 / 2, waits
    at.unlink()


def test_it_is_given_to_again_once_it_answers(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PATIENCE", 0.2)
    giver, given = Giver(), threading.Event()
    at.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(at))
        hung.listen(1)
        try_it(giver, at)
    monkeypatch.undo()

    def take(connection: socket.socket, message: Any) -> None:
        connection.close()
        given.set()

    taker = Taker(at, judge=lambda message: None, take=take)
    taker.start()
    try:
        ours, theirs = socket.socketpair()
        with ours:
            giver.give(at, theirs, {"what": "this"})
        assert given.wait(10)
    finally:
        taker.stop()
