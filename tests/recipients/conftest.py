from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from leadops.buyers import Buyers, running_buyers
from leadops.lib.http import Door


@pytest.fixture(scope="session")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    door = Door(private_networks=[ip_network("127.0.0.0/8")])
    yield door
    door.close()
