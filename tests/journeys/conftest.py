"""Whole systems for the journeys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.system import LiveSystem


@pytest.fixture
def stopped() -> Iterator[LiveSystem]:
    """A system that has not been started."""
    system = LiveSystem("--workers", "2")
    yield system
    system.discard()


@pytest.fixture
def live(stopped: LiveSystem) -> LiveSystem:
    """A system that takes leads. Whatever a test does to it, all of it is gone afterwards."""
    stopped.start()
    return stopped
