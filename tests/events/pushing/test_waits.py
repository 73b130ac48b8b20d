"""How long a subscription waits between tries."""

from __future__ import annotations

from events.pushing.working import backoff


def test_waits_grow_to_an_hour_and_differ() -> None:
    for failures in (0, 5, 40):
        waits = {backoff(failures) for _ in range(20)}
        whole = min(2.0**failures, 3600)
        assert len(waits) > 1
        assert all(whole / 2 <= wait <= whole for wait in waits)
