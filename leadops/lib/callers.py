"""Where a request comes from: the peer's address, or what trusted proxies say of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_HOPS: Final = 20


def address_of(meta: Mapping[str, Any], *, proxies: Sequence[Network] = ()) -> Address | None:
    """The caller's address, None where nothing reliable says it.

    X-Forwarded-For counts only when the peer is one of the `proxies`, and only from its right end
    on: what stands before the first address that is no proxy of ours, anybody may have written.
    """
    address = _read(str(meta.get("REMOTE_ADDR", "")))
    hops = str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")[-MAX_HOPS:]
    while address is not None and hops and is_in(address, proxies):
        hop = hops.pop().strip()
        if not hop and not hops:
            break
        address = _read(hop)
    return address


def is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(
        address.version == network.version and address in network for network in networks
    )


def _read(text: str) -> Address | None:
    """An address with or without brackets and port; IPv4 written as IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
