"""A record that was trimmed: its months are made again for the tests that follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events import partitions


@pytest.fixture(autouse=True)
def months_again(transactional_db: None) -> Iterator[None]:
    yield
    partitions.ensure()
