"""How often somebody may call."""

from __future__ import annotations

import pytest

from leadops.lib.throttle import Throttle


def test_it_lets_a_burst_pass_and_then_a_steady_stream():
    now = [0.0]
    throttle = Throttle(60, burst=3, clock=lambda: now[0])
    assert [throttle.wait("a") for _ in range(3)] == [0, 0, 0]
    assert throttle.wait("a") == pytest.approx(1.0)
    assert throttle.wait("b") == 0
    now[0] += 1.01
    assert throttle.wait("a") == 0
    assert throttle.wait("a") > 0
    now[0] += 1000
    assert [throttle.wait("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_its_memory_is_bounded():
    throttle = Throttle(60, burst=1, most=10)
    for caller in range(1000):
        throttle.wait(str(caller))
    assert len(throttle._left) == 10
