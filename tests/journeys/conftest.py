"""Whole systems for the journeys. A module shares one: to start it takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadops.buyers import Buyers, running_buyers
from tests.journeys.system import LiveSystem


@pytest.fixture
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def fresh() -> Iterator[LiveSystem]:
    """A system of the test's own that was never started."""
    system = LiveSystem("--workers", "2")
    yield system
    system.discard()


@pytest.fixture(scope="module")
def shared() -> Iterator[LiveSystem]:
    """The module's. `stopped` and `live` see to the state that a test finds it in."""
    system = LiveSystem("--workers", "2")
    yield system
    system.discard()


@pytest.fixture
def stopped(shared: LiveSystem) -> LiveSystem:
    """A system that does not run."""
    shared.halt()
    return shared


@pytest.fixture
def live(shared: LiveSystem) -> LiveSystem:
    """A system that takes leads, whatever was done to it before."""
    shared.restore()
    return shared
