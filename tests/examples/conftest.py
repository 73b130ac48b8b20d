from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leadops.buyers import Buyers, running_buyers
from leadops.lib.http import Door
from tests.examples.stage import Stage

CREDENTIALS = {
    "ABC_TOKEN": "abc-t0ken-of-the-example",
    "HUBSPOT_TOKEN": "pat-na1-of-the-example",
    "BUYER_API_KEY": "k3y-of-the-example",
    "BUYER_TOKEN": "t0ken-of-the-example",
    "BUYER_USERNAME": "leadops",
    "BUYER_PASSWORD": "p4ssword-of-the-example",
}


@pytest.fixture
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(private_networks=[ip_network("127.0.0.0/8")])
    yield door
    door.close()


@pytest.fixture
def stage(buyers: Buyers, door: Door, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SALESFORCE_KEY", _private_key())
    # Organizations of the look-alikes outlive the server: each test has its own.
    return Stage(buyers, door, name=tmp_path.name)


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()
