"""Which addresses a delivery may reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Networks of IPv6 that carry an IPv4 address, and by how many bits it is shifted from the end.
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215: translated by rules of the local network
IPV4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, deprecated

# Not global, whatever the running version of `ipaddress` says of them.
NEVER_PUBLIC: tuple[Network, ...] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT, RFC 6598
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    IPv4Network("198.18.0.0/15"),  # benchmarking
    IPv6Network("fec0::/10"),  # site-local
    NAT64_LOCAL,
)


@lru_cache(maxsize=1024)
def is_allowed(text: str, private_networks: Sequence[Network]) -> bool:
    """True when `text` (an IP address, scope allowed) may be connected to.

    An address that carries another one (IPv4-mapped, NAT64, 6to4, Teredo) must be allowed both
    as itself and as what it carries, because a router may unwrap it.
    """
    address = ip_address(text.partition("%")[0])
    if _listed(address, private_networks):
        return True
    carried = list(_carried(address))
    if carried:
        return all(_listed(one, private_networks) or _is_public(one) for one in carried)
    return _is_public(address)


def _listed(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _is_public(address: Address) -> bool:
    """Global unicast only: no loopback, private, link-local, multicast, reserved, unspecified."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in NEVER_PUBLIC)


def _carried(address: Address) -> Iterator[Address]:
    """The IPv4 addresses inside an IPv6 address."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif address in NAT64 or (address in IPV4_COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
