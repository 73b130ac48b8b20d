from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from leadops.lib.http import Door


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(private_networks=[ip_network("127.0.0.0/8")], pool_size=4)
    yield door
    door.close()
