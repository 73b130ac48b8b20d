"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.callers import address_of, is_in

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("::1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1:8080", "198.51.100.1"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1, unknown", None),
        ("", "198.51.100.1", None),
    ],
)
def test_it_believes_trusted_proxies_alone(remote, forwarded, address):
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of(meta, proxies=PROXIES) == (ip_address(address) if address else None)


@given(st.text(), st.text())
def test_it_never_fails(remote, forwarded):
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": f"{forwarded}, 10.0.0.9"}
    address_of(meta, proxies=PROXIES)
    address_of({**meta, "REMOTE_ADDR": "10.0.0.1"}, proxies=PROXIES)


def test_families_are_not_mixed():
    assert not is_in(ip_address("::1"), [ip_network("0.0.0.0/0")])
    assert not is_in(None, [ip_network("0.0.0.0/0")])
